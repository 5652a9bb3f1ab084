// See jq_run.hpp.
#include "io/cli/jq_run.hpp"

#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <span>

#include "core/jq/machine/program.hpp"
#include "core/jq/text.hpp"
#include "io/jq/outside.hpp"
#include "io/printable.hpp"

namespace holdfast::cli {
namespace {

using namespace jq;
using machine::Vm;

constexpr std::size_t drain_at = std::size_t{64} << 10;
constexpr std::size_t memory_most = std::size_t{1} << 30;
constexpr std::size_t fast_outputs_most = std::size_t{256} << 20;

std::span<const std::byte> as_bytes(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view space = " \t\r\n";
    const std::size_t begin = text.find_first_not_of(space);
    if (begin == text.npos) return {};
    return text.substr(begin, text.find_last_not_of(space) + 1 - begin);
}

bool write_all(std::string_view left) {
    while (!left.empty()) {
        const ::ssize_t written = ::write(STDOUT_FILENO, left.data(), left.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) {
            fmt::print(stderr, "jq: error: could not write the output: {}\n", std::strerror(errno));
            return false;
        }
        left.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

}  // namespace

bool print(JqPrinted& printed, const std::string& file) {
    const std::string_view out = printed.out;
    std::size_t at = 0;
    bool good = true;
    for (const JqPrinted::Note& note : printed.notes) {
        good = good && write_all(out.substr(at, note.at - at));
        at = note.at;
        if (note.is_error)
            fmt::print(stderr, "jq: error (at {}:{})", io::printable(file), note.line);
        std::fwrite(note.text.data(), 1, note.text.size(), stderr);
    }
    good = good && write_all(out.substr(at));
    printed.out.clear();
    printed.notes.clear();
    return good;
}

// ---- what the program asks for -------------------------------------------------------------------

/// The process, with inputs and a place for what programs say.
class JqRun::Outside final : public machine::Outside {
public:
    Outside(JqRun& run, Input input)
        : run_(run), input_(std::move(input)), process_(make_outside()) {}

    bool input(std::string_view& json, std::string& error) override { return input_(json, error); }
    bool module_metadata(std::string_view path, std::string& said) override {
        auto made = machine::module_metadata(run_.program_.modules, path);
        said = made ? std::move(*made) : std::move(made.error());
        return made.has_value();
    }
    bool listens() const override { return true; }
    void say(std::string_view text) override { run_.say(false, std::string(text)); }
    const std::string* input_file() const override { return &place.file; }
    std::int64_t input_lines() const override { return static_cast<std::int64_t>(place.lines); }

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
    std::unique_ptr<machine::Outside> clone() const override { return process_->clone(); }

    JqPlace place;

private:
    JqRun& run_;
    Input input_;
    std::unique_ptr<machine::Outside> process_;
};

JqRun::JqRun(const JqProgram& program, Input input, Drain drain)
    : program_(program),
      style_{.pretty =
                 !program.options.compact && (program.options.tabs || program.options.indent > 0),
             .tabs = program.options.tabs,
             .indent = program.options.indent,
             .sort_keys = program.options.sort_keys,
             .ascii = program.options.ascii,
             .raw = program.options.raw},
      fast_(program.fast == nullptr ? nullptr : program.fast->clone()),
      drain_(std::move(drain)),
      outside_(std::make_unique<Outside>(*this, std::move(input))),
      vm_(program.code, *outside_,
          {.memory = memory_most, .steps = UINT64_MAX, .text = std::size_t{UINT32_MAX} / 2}) {
    if (!fast_) return;
    fast_->limit_outputs(fast_outputs_most);
    fast_->expect_lines();
}

JqRun::~JqRun() = default;

JqPlace& JqRun::place() { return outside_->place; }
bool JqRun::halted() const { return vm_.halted(); }

// ---- out ---------------------------------------------------------------------------------------

void JqRun::say(bool is_error, std::string text) {
    printed_.notes.push_back(
        {printed_.out.size(), is_error, outside_->place.line, std::move(text)});
    drain_();
}

/// One output.
void JqRun::give(std::string_view json) {
    const JqOptions& options = program_.options;
    if (options.sequence) printed_.out += '\x1e';
    const std::size_t before = printed_.out.size();
    print_json(json, style_, printed_.out);
    last_ = json == "null" || json == "false" ? jq_falsy : jq_done;
    if (options.zero) {
        if (style_.raw && json.starts_with('"') &&
            std::string_view(printed_.out).substr(before).find('\0') != std::string_view::npos) {
            printed_.out.resize(before);
            say(true, ": Cannot dump a string containing NUL with --raw-output0 option\n");
            if (exit_ == jq_done) exit_ = jq_failed;
            return;
        }
        printed_.out += '\0';
    } else if (!options.join) {
        printed_.out += '\n';
    }
    if (printed_.out.size() > drain_at) drain_();
}

void JqRun::failed() {
    const machine::Value& error = vm_.error();
    const bool is_text = error.is(Kind::string);
    const std::string words(is_text ? machine::text_of(vm_.heap(), error)
                                    : machine::to_json(vm_.heap(), error).bytes());
    if (exit_ == jq_done) exit_ = jq_failed;
    say(true, (is_text ? ": " : " (not a string): ") + io::printable(words) + "\n");
}

void JqRun::has_halted() {
    stop(vm_.exit_code());
    if (!vm_.halts_with_error()) return;
    const machine::Value& error = vm_.error();
    if (error.is(Kind::null)) return;
    const bool is_text = error.is(Kind::string);
    say(false, is_text ? std::string(machine::text_of(vm_.heap(), error))
                       : std::string(machine::to_json(vm_.heap(), error).bytes()) + "\n");
}

// ---- one value ---------------------------------------------------------------------------------

void JqRun::run_vm() {
    machine::Value value;
    while (!is_over_) {
        const Vm::Next next = vm_.next(value);
        if (next == Vm::Next::output) {
            bytes_.clear();
            // Whatever white space is copied, the printer leaves out.
            machine::write_json(vm_.heap(), value, bytes_, machine::Limits::depth_most, SIZE_MAX,
                                true, origin_);
            give({reinterpret_cast<const char*>(bytes_.data()), bytes_.size()});
            continue;
        }
        if (next == Vm::Next::end) return;
        if (vm_.halted()) return has_halted();
        if (next == Vm::Next::fail) return failed();
        exit_ = jq_failed;
        return say(true,
                   fmt::format(": {}: the program needs more than it may have\n", vm_.bound()));
    }
}

bool JqRun::run_value(std::string_view text) {
    nodes_.trim(0, Tape::kept_bytes / sizeof(Node));
    tape_.trim();
    if (program_.asks_input) {
        // The next input may take the place of this one.
        const std::size_t size = text.size();
        value_.assign(text).append(Program::padding, ' ');
        text = std::string_view(value_).substr(0, size);
    }
    if (!tape_.read(as_bytes(text), nodes_)) {
        error_ = fmt::format("{} (at byte {} of the value)", tape_.error(), tape_.error_offset());
        return false;
    }
    origin_ = {text, tape_.depth()};
    vm_.begin(text.size());
    if (program_.code.asks_environment)
        vm_.set_global(machine::Global::environment,
                       machine::environment_value(vm_.heap(), *outside_));
    vm_.start(machine::value_of(nodes_[0], 0));
    run_vm();
    return true;
}

bool JqRun::run_fast(std::string_view text) {
    bytes_.clear();
    const ProgramResult result = fast_->run(as_bytes(text), bytes_, error_);
    if (result.verdict == Verdict::keep) give(trimmed(text));
    if (result.verdict == Verdict::fail) return !result.unreadable && run_value(text);
    std::string_view rest(reinterpret_cast<const char*>(bytes_.data()), bytes_.size());
    while (result.verdict == Verdict::change && !rest.empty() && !is_over_) {
        const std::size_t end = rest.find('\n');
        give(rest.substr(0, end));
        rest.remove_prefix(end + 1);
    }
    return true;
}

bool JqRun::run_line(std::string_view text) {
    return trimmed(text).empty() || (fast_ ? run_fast(text) : run_value(text));
}

}  // namespace holdfast::cli
