// Runs Code over one value after the other.
//
// Two stacks, of values and of frames, and one of forks. A fork keeps what lies below it on both:
// who takes from there leaves it where it is, and what is new goes above (as in Prolog machines).
// So going back to a fork is restoring a few numbers.
//
// Rule 1: nothing recurses on the machine's own stack, but for values, which are at most
//         Limits::depth_most levels.
// Rule 2: a bound that is reached ends the run; `try` does not catch it.
// Bound: Limits; each error names its own.
// Doesn't know: records, outputs as text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/codec/raw_array.hpp"
#include "core/jq/machine/builtins.hpp"
#include "core/jq/machine/code.hpp"
#include "core/jq/machine/outside.hpp"
#include "core/jq/machine/value.hpp"

namespace holdfast::jq::machine {

class Vm {
public:
    /// Lives: code and outside as long as this.
    Vm(const Code& code, Outside& outside, Limits limits);

    enum class Next : std::uint8_t { output, end, fail, stop };
    /// Before the record's values are made: the heap is empty then. `record`: its size.
    void begin(std::size_t record = 0);
    void start(const Value& input);
    /// Gives back the memory of a run, but for a little. Its values are gone.
    void finish();
    /// fail: error() says why; stop: a bound was reached, bound() says which.
    Next next(Value& output);

    Heap& heap() { return heap_; }
    const Value& error() const { return error_; }
    std::string_view bound() const { return heap_.bound() == nullptr ? "" : heap_.bound(); }
    bool halted() const { return bench_.halts; }
    /// Of a run that halted: with what a command is to end, and whether error() is to be said.
    int exit_code() const { return bench_.exit_code; }
    bool halts_with_error() const { return !bench_.silent; }
    void set_global(Global which, const Value& value) {
        globals_[static_cast<std::size_t>(which)] = value;
    }

private:
    struct Entry {
        Value value;
        std::uint32_t below = 0;
    };
    struct Frame {
        std::uint32_t back = 0;    ///< The instruction behind the call.
        std::uint32_t caller = 0;  ///< Its frame; 0: none.
        std::uint32_t outer = 0;   ///< Where its function was defined.
        std::uint32_t function = 0;
    };
    struct Closure {
        std::uint32_t function;
        std::uint32_t frame;
    };
    union Slot {
        Slot() : value() {}
        Value value;
        Frame frame;
        Closure closure;
    };
    /// A path so far, its last key first.
    struct Step {
        Value key;
        const Step* before;
        std::uint32_t count;
    };
    struct Follow {
        const Step* path = nullptr;
        Value at;  ///< The value that the path leads to.
        std::int32_t quiet = 0;
        bool on = false;
    };
    struct Fork {
        Do kind = Do::fork;
        std::uint32_t target = 0;
        std::uint32_t top = 0;
        std::uint32_t frame = 0;
        std::uint32_t floor = 0;        ///< Values below stay.
        std::uint32_t frame_floor = 0;  ///< Frames below stay.
        std::uint32_t back = 0;  ///< Of try_end: the fork that it ends; of labels: the label.
        std::uint32_t at = 0;    ///< Of each: the next one; of alt: its variable.
        Value range;             ///< Of each and range.
        double upto = 0;
        Follow follow;
    };
    enum class Flow : std::uint8_t { on, back, raise, output, end, failed };

    Flow step(const Instruction& in);
    Flow step_forks(const Instruction& in);
    [[gnu::noinline]] Flow step_more(const Instruction& in);
    [[gnu::noinline]] Flow try_end(const Instruction& in);
    [[gnu::noinline]] Flow leave(const Instruction& in);
    [[gnu::noinline]] Flow range();
    Flow run(Value& output);
    bool spend();
    Next ended(Flow flow);

    Flow go_back();
    Flow go_back_to(Fork& fork);
    Flow next_of_each(Fork& fork);
    Flow next_of_range(Fork& fork);
    [[gnu::noinline]] Flow raise();
    [[gnu::noinline]] Flow fail(const std::string& words);
    Flow answered(bool good, const Value& value);

    // By value: what is pushed may stand on the stack, which moves when it grows.
    void push(Value value);
    Value pop();
    Value& top() { return entries_.data()[top_].value; }
    void set_top(Value value);
    void fork(Do kind, std::uint32_t target);
    void restore(const Fork& fork);
    void drop_forks(std::size_t count);

    std::uint32_t frame_end() const;
    std::uint32_t frame_at(std::uint32_t level) const;
    Slot& slot(std::uint32_t level, std::uint32_t index);
    std::uint32_t make_frame(std::uint32_t function, std::uint32_t outer, bool last,
                             std::uint32_t back);
    [[gnu::noinline]] Flow call(const Instruction& in);
    [[gnu::noinline]] Flow call_parameter(const Instruction& in);

    bool following() const { return follow_.on && follow_.quiet == 0; }
    bool intact(const Value& value) const { return value.same(follow_.at); }
    void follow(const Value& key, const Value& value);
    /// The value is not where the path leads to. key: nullptr of `.[]`.
    [[gnu::noinline]] Flow lost(const Value* key, const Value& target);
    [[gnu::noinline]] Flow index(const Value& target, const Value& key, bool optional);
    [[gnu::noinline]] Flow slice(const Instruction& in);
    [[gnu::noinline]] Flow each(const Instruction& in);
    [[gnu::noinline]] Flow path_end();
    Flow get_path_native(std::uint32_t id);
    [[gnu::noinline]] Flow binary(const Instruction& in);
    [[gnu::noinline]] Flow native(const Instruction& in);
    [[gnu::noinline]] Flow make_object(std::uint32_t members);
    [[gnu::noinline]] Flow make_text(const Instruction& in);
    [[gnu::noinline]] Flow get_in(const Instruction& in);
    [[gnu::noinline]] Flow set_in(const Instruction& in);
    [[gnu::noinline]] Flow add_in(const Instruction& in);
    [[gnu::noinline]] Flow set_at(const Instruction& in);
    [[gnu::noinline]] Flow delete_at(const Instruction& in);
    void give_up(Value& owner, const Value& given);
    Value path_value(const Step* path);
    void read_given();
    Value constant(std::uint32_t id);

    const Code& code_;
    Outside& outside_;
    Limits limits_;
    Heap heap_;
    Tape tape_;
    std::vector<KeptRegex> regexes_;
    Bench bench_;
    std::vector<Value> globals_;
    std::vector<Nodes> given_;  ///< Of the globals that the code gives.
    std::vector<Value> constants_;

    RawArray<Entry> entries_;
    RawArray<Slot> slots_;
    std::vector<Fork> forks_;
    std::uint32_t top_ = 0;
    std::uint32_t floor_ = 0;
    std::uint32_t frame_ = 0;
    std::uint32_t frame_floor_ = 0;
    std::uint32_t pc_ = 0;
    std::uint32_t labels_ = 0;
    std::uint32_t owners_ = 0;
    Follow follow_;
    Value error_;
    std::uint64_t spent_ = 0;
    std::uint32_t until_check_ = 0;
    bool started_ = false;
    std::uint32_t get_path_id_ = 0;
};

}  // namespace holdfast::jq::machine
