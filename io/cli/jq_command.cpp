// `holdfast jq`: the machine over JSON values, as the jq command. See docs/command_line.md.
//
// Rule 1: what a program gives is written as it comes, also what comes before an error.
// Rule 2: lines that are one value each are run by all cores, where the program asks for no input;
//         what is no line is run by one.
// Rule 3: what was written is flushed before the process waits for more input.
#include <fmt/core.h>
#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "core/jq/machine/compiler.hpp"
#include "core/jq/text.hpp"
#include "io/cli/commands.hpp"
#include "io/cli/jq_cores.hpp"
#include "io/cli/jq_feed.hpp"
#include "io/cli/jq_options.hpp"
#include "io/cli/jq_run.hpp"
#include "io/jq/compile.hpp"
#include "io/jq/module_files.hpp"
#include "io/printable.hpp"

namespace holdfast::cli {
namespace {

using namespace jq;

bool asks_input(const machine::Code& code) {
    const auto input = machine::find_native("input", 0);
    return std::any_of(code.instructions.begin(), code.instructions.end(), [&](const auto& in) {
        return in.what == machine::Do::native && in.a == *input;
    });
}

/// Those that this process may use.
std::size_t cores() {
    ::cpu_set_t set;
    CPU_ZERO(&set);
    if (::sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
    return static_cast<std::size_t>(std::max(1, CPU_COUNT(&set)));
}

class JqCommand {
public:
    explicit JqCommand(const JqProgram& program)
        : options_(program.options),
          feed_(program.options),
          run_(
              program, [this](auto& json, auto& error) { return input(json, error); },
              [this] { flush(); }) {
        feed_.inputs().before_reading([this] { flush(); });
    }

    int run(const JqProgram& program);

private:
    void run_lines();
    void run_values();
    bool input(std::string_view& json, std::string& error);
    void broken(std::string_view what);
    void say_troubles();
    void take_place();
    void flush();

    const JqOptions& options_;
    JqTotal total_;
    JqFeed feed_;
    JqRun run_;
};

void JqCommand::flush() {
    if (run_.printed().size() == 0) return;
    if (!print(run_.printed(), feed_.inputs().file())) run_.stop(jq_broken);
}

void JqCommand::take_place() {
    JqPlace& place = run_.place();
    place.file = feed_.inputs().file();
    place.line = feed_.inputs().given_line();
    place.lines = feed_.inputs().lines_read();
}

bool JqCommand::input(std::string_view& json, std::string& error) {
    const auto got = feed_.next(json);
    take_place();
    if (got == JsonInputs::Got::text) return true;
    error = got == JsonInputs::Got::end ? "No more inputs" : feed_.problem();
    return false;
}

void JqCommand::say_troubles() {
    for (const std::string& trouble : feed_.inputs().take_troubles()) {
        flush();
        fmt::print(stderr, "jq: error: {}\n", io::printable(trouble));
        total_.exit = jq_broken;
    }
}

void JqCommand::broken(std::string_view what) {
    flush();
    fmt::print(stderr, "jq: error (at {}): {}\n", io::printable(feed_.inputs().place()),
               io::printable(what));
    run_.stop(jq_broken);
}

/// Lines that are one value each; where one is not, the values that begin in it.
void JqCommand::run_lines() {
    JsonInputs& inputs = feed_.inputs();
    std::string_view text;
    for (auto got = JsonInputs::Got::text; got != JsonInputs::Got::end && !run_.is_over();) {
        got = inputs.line(text);
        say_troubles();
        if (got == JsonInputs::Got::end) return;
        take_place();
        if (got == JsonInputs::Got::text) {
            if (run_.run_line(text)) continue;
            inputs.back();
        }
        do {
            got = inputs.value(text);
            say_troubles();
            if (got == JsonInputs::Got::unfinished) return broken("the JSON ends within a value");
            if (got == JsonInputs::Got::end) return;
            take_place();
            const bool is_line = text.find('\n') == std::string_view::npos;
            if (!(is_line ? run_.run_line(text) : run_.run_value(text)))
                return broken(run_.problem());
        } while (!run_.is_over() && inputs.is_inside_line());
    }
}

void JqCommand::run_values() {
    std::string_view text;
    while (!run_.is_over()) {
        const auto got = feed_.next(text);
        say_troubles();
        if (got == JsonInputs::Got::end) return;
        take_place();
        if (got == JsonInputs::Got::unfinished) return broken(feed_.problem());
        if (!run_.run_value(text)) return broken(run_.problem());
    }
}

int JqCommand::run(const JqProgram& program) {
    // Bytes behind it may be read.
    static const std::string null = "null" + std::string(Program::padding, ' ');
    if (options_.null_input) {
        run_.run_value(std::string_view(null).substr(0, 4));
    } else if (options_.slurp || options_.raw_input || options_.stream) {
        run_values();
    } else {
        const std::size_t threads = cores();
        if (threads > 1 && !program.asks_input)
            JqCores(program, feed_.inputs(), threads).run(total_);
        if (!total_.is_over) run_lines();
    }
    say_troubles();
    flush();
    if (run_.halted() || total_.exit == jq_done) total_.exit = run_.exit();
    if (run_.is_over() && run_.exit() == jq_broken) total_.exit = jq_broken;
    if (run_.last() != jq_nothing) total_.last = run_.last();
    const bool halted = total_.halted || run_.halted();
    if (total_.exit == jq_done && options_.exit_status && !halted) return total_.last;
    return total_.exit;
}

/// Line and column of a place in the program, and the line itself with a mark below.
void say_fault(const std::string& text, const machine::CompileFault& fault) {
    const std::size_t at = std::min(fault.offset, text.size());
    const std::size_t begin = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;
    const std::string_view line = std::string_view(text).substr(begin, text.find('\n', at) - begin);
    const auto number =
        1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
    fmt::print(stderr, "jq: error: {} at line {}, column {}:\n    {}\n    {}^\n",
               io::printable(fault.reason), number, at - begin + 1, io::printable(line),
               std::string(io::printable(line.substr(0, at - begin)).size(), ' '));
    fmt::print(stderr, "jq: 1 compile error\n");
}

ModuleFiles modules_of(const JqOptions& options) {
    namespace fs = std::filesystem;
    std::error_code error;
    const fs::path here = fs::current_path(error);
    std::vector<std::string> folders;
    for (const std::string& folder : options.jq_path)
        folders.push_back((here / folder).lexically_normal().string());
    return ModuleFiles((here / options.program_file).parent_path().string(), std::move(folders));
}

}  // namespace

int jq_command(const std::vector<std::string>& arguments) {
    JqOptions options;
    const std::string wrong = read_jq_options(arguments, options);
    if (!wrong.empty()) {
        fmt::print(stderr, "holdfast jq: {}\nUse holdfast jq --help for help.\n",
                   io::printable(wrong));
        return jq_broken;
    }
    if (options.help) {
        fmt::print("{}", jq_help);
        return jq_done;
    }
    ModuleFiles modules = modules_of(options);
    const auto code = machine::compile(
        options.program,
        {.named = options.named, .positional = options.positional, .modules = &modules});
    if (!code) {
        say_fault(options.program, code.error());
        return jq_program;
    }
    std::unique_ptr<Program> fast;
    const bool lines =
        !options.null_input && !options.slurp && !options.raw_input && !options.stream;
    if (lines && options.named.empty())
        if (CompiledProgram compiled = compile_program(options.program);
            compiled && (*compiled)->engine() == "native")
            fast = std::move(*compiled);
    const JqProgram program{options, *code, modules, fast.get(), asks_input(*code)};
    return JqCommand(program).run(program);
}

}  // namespace holdfast::cli
