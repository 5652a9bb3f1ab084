// One thread's run of `holdfast jq`: the program over one value after the other, and what comes out.
//
// Rule 1: what a program gives is kept in order, also what comes before an error; who prints it
//         says when (Drain).
// Rule 2: a program that is compiled natively runs over lines; a line that it fails on goes to the
//         machine.
// Bound: the machine's, 1 GiB a value; what was not drained.
// Doesn't know: files, threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/jq/machine/vm.hpp"
#include "core/jq/native.hpp"
#include "io/cli/jq_options.hpp"
#include "io/cli/json_print.hpp"
#include "io/jq/module_files.hpp"

namespace holdfast::cli {

/// As jq's.
enum JqExit : int {
    jq_done = 0,
    jq_falsy = 1,
    jq_broken = 2,
    jq_program = 3,
    jq_nothing = 4,
    jq_failed = 5
};

/// Outputs, and between them what goes to stderr.
struct JqPrinted {
    struct Note {
        std::size_t at;  ///< Behind so many bytes of `out`.
        bool is_error;   ///< Its place in the input stands before it.
        std::uint64_t line;
        std::string text;
    };
    std::string out;
    std::vector<Note> notes;
    std::size_t size() const { return out.size() + notes.size(); }
};

/// All of it to stdout and stderr; then it is empty. False: stdout takes no more, which was said.
bool print(JqPrinted& printed, const std::string& file);

/// The program, and what it may ask for.
struct JqProgram {
    const JqOptions& options;
    const jq::machine::Code& code;
    jq::ModuleFiles& modules;
    const Program* fast = nullptr;  ///< Null: all values run on the machine.
    /// Whether values depend on each other: it asks for inputs.
    bool asks_input = false;
};

/// Where values come from, as the program may see it.
struct JqPlace {
    std::string file;         ///< Empty: nothing was read.
    std::uint64_t line = 0;   ///< In which the value ends, from 1.
    std::uint64_t lines = 0;  ///< Ends of lines that were read.
};

class JqRun {
public:
    /// For `input`; false: why there is none.
    using Input = std::function<bool(std::string_view&, std::string&)>;
    using Drain = std::function<void()>;
    /// Drain: called when much was given, and when something was said.
    JqRun(const JqProgram& program, Input input, Drain drain);
    ~JqRun();

    /// False: it is no JSON, see problem().
    bool run_line(std::string_view text);
    bool run_value(std::string_view text);
    JqPlace& place();
    void stop(int exit) {
        exit_ = exit;
        is_over_ = true;
    }

    const std::string& problem() const { return error_; }
    JqPrinted& printed() { return printed_; }
    bool is_over() const { return is_over_; }
    bool halted() const;
    int exit() const { return exit_; }
    /// What the last output says, for --exit-status.
    int last() const { return last_; }
    /// As if nothing had run.
    void forget() {
        exit_ = jq_done;
        last_ = jq_nothing;
    }

private:
    class Outside;

    bool run_fast(std::string_view text);
    void run_vm();
    void give(std::string_view json);
    void say(bool is_error, std::string text);
    void failed();
    void has_halted();

    const JqProgram& program_;
    PrintStyle style_;
    std::unique_ptr<Program> fast_;
    Drain drain_;
    std::unique_ptr<Outside> outside_;
    jq::machine::Vm vm_;
    jq::Tape tape_;
    jq::Nodes nodes_;
    jq::machine::Origin origin_;
    std::vector<std::byte> bytes_;
    std::string value_;
    std::string error_;
    JqPrinted printed_;
    int exit_ = jq_done;
    int last_ = jq_nothing;
    bool is_over_ = false;
};

}  // namespace holdfast::cli
