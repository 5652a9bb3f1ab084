// `holdfast jq`: the machine over JSON values, as the jq command. See docs/command_line.md.
//
// Rule 1: what a program gives is written as it comes, also what comes before an error.
// Rule 2: a program that is compiled natively runs over lines; a line that it leaves or fails on, and
//         what is no line, goes to the machine.
// Rule 3: what was written is flushed before the process waits for more input.
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>

#include "core/jq/machine/compiler.hpp"
#include "core/jq/machine/program.hpp"
#include "core/jq/machine/vm.hpp"
#include "core/jq/text.hpp"
#include "io/cli/commands.hpp"
#include "io/cli/jq_options.hpp"
#include "io/cli/json_print.hpp"
#include "io/cli/json_values.hpp"
#include "io/jq/compile.hpp"
#include "io/jq/module_files.hpp"
#include "io/jq/outside.hpp"
#include "io/printable.hpp"

namespace holdfast::cli {
namespace {

using namespace jq;
using machine::Vm;

/// As jq's.
enum JqExit : int {
    jq_done = 0,
    jq_falsy = 1,
    jq_broken = 2,
    jq_program = 3,
    jq_nothing = 4,
    jq_failed = 5
};

constexpr std::size_t flush_at = std::size_t{64} << 10;
constexpr std::size_t memory_most = std::size_t{1} << 30;
constexpr std::size_t fast_outputs_most = std::size_t{256} << 20;

std::span<const std::byte> as_bytes(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

/// Bytes that are no UTF-8 become U+FFFD, as jq has it.
std::string readable(std::string_view text) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const io::Character character = io::character_at(text, at);
        out += character.valid ? text.substr(at, character.size) : std::string_view("\xef\xbf\xbd");
        at += character.size;
    }
    return out;
}

/// The inputs as the flags want them: values, lines, or all of them as one.
class Feed {
public:
    explicit Feed(const JqOptions& options) : options_(options), inputs_(options.files) {}

    /// Lives: until the next call, with bytes behind it that may be read.
    JsonInputs::Got next(std::string_view& text) {
        if (!options_.slurp && !options_.raw_input) return inputs_.value(text);
        if (options_.slurp && is_over_) return JsonInputs::Got::end;
        is_over_ = options_.slurp;
        std::string_view piece;
        auto got = JsonInputs::Got::text;
        if (options_.raw_input) {
            if (!options_.slurp) got = inputs_.line(piece);
            if (got != JsonInputs::Got::text) return got;
            text_ = jq::quoted(readable(options_.slurp ? inputs_.rest() : piece));
        } else {
            text_ = "[";
            while ((got = inputs_.value(piece)) == JsonInputs::Got::text) {
                if (text_.size() > 1) text_ += ',';
                text_ += piece;
            }
            text_ += ']';
            if (got != JsonInputs::Got::end) return got;
        }
        const std::size_t size = text_.size();
        text_.append(Program::padding, ' ');
        text = std::string_view(text_).substr(0, size);
        return JsonInputs::Got::text;
    }
    JsonInputs& inputs() { return inputs_; }

private:
    const JqOptions& options_;
    JsonInputs inputs_;
    std::string text_;
    bool is_over_ = false;
};

/// The process, with inputs and a place for what programs say.
class CommandOutside final : public machine::Outside {
public:
    CommandOutside(Feed& feed, ModuleFiles& modules, std::function<void()> flush)
        : feed_(feed), modules_(modules), flush_(std::move(flush)), process_(make_outside()) {}

    bool input(std::string_view& json, std::string& error) override {
        const auto got = feed_.next(json);
        if (got == JsonInputs::Got::text) return true;
        error = got == JsonInputs::Got::end ? "No more inputs" : "Unfinished JSON at the end";
        return false;
    }
    bool module_metadata(std::string_view path, std::string& said) override {
        auto made = machine::module_metadata(modules_, path);
        said = made ? std::move(*made) : std::move(made.error());
        return made.has_value();
    }
    bool listens() const override { return true; }
    void say(std::string_view text) override {
        flush_();
        std::fwrite(text.data(), 1, text.size(), stderr);
    }

    double now() override { return process_->now(); }
    std::int64_t zone(std::int64_t seconds, std::string& name) override {
        return process_->zone(seconds, name);
    }
    std::unique_ptr<machine::Regex> regex(std::string_view pattern, machine::RegexFlags flags,
                                          std::string& error) override {
        return process_->regex(pattern, flags, error);
    }
    const char* stop() override { return nullptr; }
    void begin(Duration) override {}
    std::vector<std::string> environment() override { return process_->environment(); }
    std::unique_ptr<Outside> clone() const override {
        return std::make_unique<CommandOutside>(feed_, modules_, flush_);
    }

private:
    Feed& feed_;
    ModuleFiles& modules_;
    std::function<void()> flush_;
    std::unique_ptr<machine::Outside> process_;
};

bool asks_input(const machine::Code& code) {
    const auto input = machine::find_native("input", 0);
    return std::any_of(code.instructions.begin(), code.instructions.end(), [&](const auto& in) {
        return in.what == machine::Do::native && in.a == *input;
    });
}

class JqCommand {
public:
    JqCommand(const JqOptions& options, const machine::Code& code, ModuleFiles& modules,
              std::unique_ptr<Program> fast)
        : options_(options),
          style_{.pretty = !options.compact && (options.tabs || options.indent > 0),
                 .tabs = options.tabs,
                 .indent = options.indent,
                 .sort_keys = options.sort_keys,
                 .ascii = options.ascii,
                 .raw = options.raw},
          code_(code),
          fast_(std::move(fast)),
          feed_(options),
          outside_(feed_, modules, [this] { flush(); }),
          vm_(code_, outside_,
              {.memory = memory_most, .steps = UINT64_MAX, .text = std::size_t{UINT32_MAX} / 2}),
          asks_input_(asks_input(code)) {
        feed_.inputs().before_reading([this] { flush(); });
        if (!fast_) return;
        fast_->limit_outputs(fast_outputs_most);
        fast_->expect_lines();
    }

    int run();

private:
    void run_lines();
    void run_values();
    bool run_fast(std::string_view text);
    bool run_value(std::string_view text);
    void run_vm();
    void give(std::string_view json);
    void failed();
    void halted();
    void broken(std::string_view what);
    void say_troubles();
    void complain(const std::string& what);
    void flush();

    const JqOptions& options_;
    PrintStyle style_;
    const machine::Code& code_;
    std::unique_ptr<Program> fast_;
    Feed feed_;
    CommandOutside outside_;
    Vm vm_;
    Tape tape_;
    Nodes nodes_;
    std::vector<std::byte> bytes_;
    std::string value_;
    std::string out_;
    std::string error_;
    bool asks_input_;
    int exit_ = jq_done;
    int last_ = jq_nothing;  ///< What the last output says, for --exit-status.
    bool is_over_ = false;
};

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view space = " \t\r\n";
    const std::size_t begin = text.find_first_not_of(space);
    if (begin == text.npos) return {};
    return text.substr(begin, text.find_last_not_of(space) + 1 - begin);
}

// ---- out ---------------------------------------------------------------------------------------

void JqCommand::flush() {
    std::string_view left = out_;
    while (!left.empty()) {
        const ::ssize_t written = ::write(STDOUT_FILENO, left.data(), left.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) {
            const char* const why = std::strerror(errno);
            out_.clear();
            is_over_ = true;
            exit_ = jq_broken;
            return complain(fmt::format("could not write the output: {}", why));
        }
        left.remove_prefix(static_cast<std::size_t>(written));
    }
    out_.clear();
}

void JqCommand::complain(const std::string& what) {
    flush();
    fmt::print(stderr, "jq: error: {}\n", io::printable(what));
}

/// One output.
void JqCommand::give(std::string_view json) {
    print_json(json, style_, out_);
    if (!options_.join) out_ += '\n';
    last_ = json == "null" || json == "false" ? jq_falsy : jq_done;
    if (out_.size() > flush_at) flush();
}

void JqCommand::say_troubles() {
    for (const std::string& trouble : feed_.inputs().take_troubles()) {
        complain(trouble);
        exit_ = jq_broken;
    }
}

void JqCommand::broken(std::string_view what) {
    flush();
    fmt::print(stderr, "jq: error (at {}): {}\n", io::printable(feed_.inputs().place()),
               io::printable(what));
    exit_ = jq_broken;
    is_over_ = true;
}

// ---- one value ---------------------------------------------------------------------------------

void JqCommand::failed() {
    flush();
    const machine::Value& error = vm_.error();
    const bool is_text = error.is(Kind::string);
    const std::string words(is_text ? machine::text_of(vm_.heap(), error)
                                    : machine::to_json(vm_.heap(), error).bytes());
    fmt::print(stderr, "jq: error (at {}){} {}\n", io::printable(feed_.inputs().place()),
               is_text ? ":" : " (not a string):", io::printable(words));
    if (exit_ == jq_done) exit_ = jq_failed;
}

void JqCommand::halted() {
    flush();
    is_over_ = true;
    exit_ = vm_.exit_code();
    if (!vm_.halts_with_error()) return;
    const machine::Value& error = vm_.error();
    const bool is_text = error.is(Kind::string);
    const std::string words(is_text ? machine::text_of(vm_.heap(), error)
                                    : machine::to_json(vm_.heap(), error).bytes());
    std::fwrite(words.data(), 1, words.size(), stderr);
    if (!is_text) std::fputc('\n', stderr);
}

void JqCommand::run_vm() {
    machine::Value value;
    while (!is_over_) {
        const Vm::Next next = vm_.next(value);
        if (next == Vm::Next::output) {
            bytes_.clear();
            machine::write_json(vm_.heap(), value, bytes_, machine::Limits::depth_most, SIZE_MAX,
                                false);
            give({reinterpret_cast<const char*>(bytes_.data()), bytes_.size()});
            continue;
        }
        if (next == Vm::Next::end) return;
        if (vm_.halted()) return halted();
        if (next == Vm::Next::fail) return failed();
        flush();
        fmt::print(stderr, "jq: error (at {}): {}: the program needs more than it may have\n",
                   io::printable(feed_.inputs().place()), vm_.bound());
        exit_ = jq_failed;
        return;
    }
}

/// False: it is no JSON, see error_.
bool JqCommand::run_value(std::string_view text) {
    nodes_.trim(0, Tape::kept_bytes / sizeof(Node));
    tape_.trim();
    if (asks_input_) {
        // The next input may take the place of this one.
        const std::size_t size = text.size();
        value_.assign(text).append(Program::padding, ' ');
        text = std::string_view(value_).substr(0, size);
    }
    if (!tape_.read(as_bytes(text), nodes_)) {
        error_ = fmt::format("{} (at byte {} of the value)", tape_.error(), tape_.error_offset());
        return false;
    }
    vm_.begin(text.size());
    if (code_.asks_environment)
        vm_.set_global(machine::Global::environment,
                       machine::environment_value(vm_.heap(), outside_));
    vm_.start(machine::value_of(nodes_[0], 0));
    run_vm();
    return true;
}

/// False: it is no JSON.
bool JqCommand::run_fast(std::string_view text) {
    bytes_.clear();
    const ProgramResult result = fast_->run(as_bytes(text), bytes_, error_);
    if (result.verdict == Verdict::keep) give(trimmed(text));
    if (result.verdict == Verdict::fail) return !result.unreadable && run_value(text);
    std::string_view rest(reinterpret_cast<const char*>(bytes_.data()), bytes_.size());
    while (result.verdict == Verdict::change && !rest.empty()) {
        const std::size_t end = rest.find('\n');
        give(rest.substr(0, end));
        rest.remove_prefix(end + 1);
    }
    return true;
}

// ---- all of them -------------------------------------------------------------------------------

/// Lines that are one value each; where one is not, the values that begin in it.
void JqCommand::run_lines() {
    JsonInputs& inputs = feed_.inputs();
    std::string_view text;
    for (auto got = JsonInputs::Got::text; got != JsonInputs::Got::end && !is_over_;) {
        got = inputs.line(text);
        say_troubles();
        if (got == JsonInputs::Got::end) return;
        if (got == JsonInputs::Got::text) {
            if (trimmed(text).empty() || (fast_ ? run_fast(text) : run_value(text))) continue;
            inputs.back();
        }
        do {
            got = inputs.value(text);
            say_troubles();
            if (got == JsonInputs::Got::unfinished) return broken("the JSON ends within a value");
            if (got == JsonInputs::Got::end) return;
            const bool is_line = text.find('\n') == std::string_view::npos;
            if (!(fast_ && is_line ? run_fast(text) : run_value(text))) return broken(error_);
        } while (!is_over_ && inputs.is_inside_line());
    }
}

void JqCommand::run_values() {
    std::string_view text;
    while (!is_over_) {
        const auto got = feed_.next(text);
        say_troubles();
        if (got == JsonInputs::Got::end) return;
        if (got == JsonInputs::Got::unfinished) return broken("the JSON ends within a value");
        if (!run_value(text)) return broken(error_);
    }
}

int JqCommand::run() {
    // Bytes behind it may be read.
    static const std::string null = "null" + std::string(Program::padding, ' ');
    if (options_.null_input)
        run_value(std::string_view(null).substr(0, 4));
    else if (options_.slurp || options_.raw_input)
        run_values();
    else
        run_lines();
    say_troubles();
    flush();
    if (exit_ == jq_done && options_.exit_status && !vm_.halted()) return last_;
    return exit_;
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
    if (!options.null_input && !options.slurp && !options.raw_input && options.named.empty())
        if (CompiledProgram compiled = compile_program(options.program);
            compiled && (*compiled)->engine() == "native")
            fast = std::move(*compiled);
    return JqCommand(options, *code, modules, std::move(fast)).run();
}

}  // namespace holdfast::cli
