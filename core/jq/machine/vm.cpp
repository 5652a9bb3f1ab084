#include "core/jq/machine/vm.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "core/base/mutant.hpp"

namespace holdfast::jq::machine {
namespace {

/// Instructions between looks at the clock.
constexpr std::uint32_t check_every = Heap::look_every;
constexpr auto globals_own = static_cast<std::size_t>(Global::given);
constexpr std::uint32_t entries_kept = 1 << 12;
constexpr std::size_t forks_kept = 1 << 10;

}  // namespace

Vm::Vm(const Code& code, Outside& outside, Limits limits)
    : code_(code),
      outside_(outside),
      limits_(limits),
      heap_(limits),
      bench_{heap_, outside_, tape_, regexes_},
      globals_(globals_own + code.given.size()),
      given_(code.given.size()),
      get_path_id_(*find_native("getpath", 1)) {
    heap_.ask(outside);
    read_given();
    for (const Constant& one : code.constants) {
        Value value(one.kind);
        if (one.kind == Kind::string) value = Value::of(std::string_view(one.text));
        if (one.kind == Kind::number) value = Value::of(one.number);
        if (one.kind == Kind::number && one.digits) {
            value = Value(Kind::number);
            value.form = Form::read;
            value.text = one.text.data();
            value.size = static_cast<std::uint32_t>(one.text.size());
        }
        constants_.push_back(value);
    }
}

/// They stay as they were read, for all records.
void Vm::read_given() {
    for (std::size_t i = 0; i < given_.size(); ++i) {
        const std::string& json = code_.given[i];
        const auto bytes = std::as_bytes(std::span(json));
        const bool read = tape_.read(bytes.first(json.size() - given_padding), given_[i]);
        HF_ASSERT(read);
        globals_[globals_own + i] = value_of(given_[i][0], 0);
    }
}

/// Containers among the constants are empty; they are made in the record's heap.
Value Vm::constant(std::uint32_t id) {
    const Value& value = constants_[id];
    if (value.is(Kind::array)) return make_array(heap_, nullptr, 0);
    return value;
}

void Vm::begin(std::size_t record) {
    // A program over a large record may hold some of its values several times.
    Limits limits = limits_;
    limits.memory += 4 * record;
    limits.text = std::min<std::size_t>(limits.text + record, UINT32_MAX / 2);
    heap_.reset(limits);
    forks_.clear();
    entries_.reserve(64, 0);
    slots_.reserve(64, 0);
    std::fill_n(globals_.begin(), globals_own, Value());
    bench_.error = error_ = Value();
    bench_.halts = false;
    top_ = floor_ = frame_floor_ = labels_ = owners_ = 0;
    frame_ = 0;
    follow_ = {};
    spent_ = 0;
    until_check_ = check_every;
    started_ = false;
}

void Vm::finish() {
    heap_.reset(limits_);
    forks_.clear();
    if (forks_.capacity() > forks_kept) forks_.shrink_to_fit();
    if (entries_.capacity() > entries_kept) entries_.release();
    if (slots_.capacity() > entries_kept) slots_.release();
    bench_.error = error_ = Value();
}

void Vm::start(const Value& input) {
    outside_.begin(limits_.time);
    push(input);
    // Frame 0 is none, so that 0 can say so.
    frame_ = 0;
    frame_floor_ = 1;
    frame_ = make_frame(0, 0, false, 0);
    frame_floor_ = 0;
    pc_ = code_.functions[0].entry;
}

Vm::Next Vm::next(Value& output) {
    if (std::exchange(started_, true)) {
        const Flow flow = go_back();
        if (flow != Flow::on) return ended(flow);
    }
    return ended(run(output));
}

Vm::Next Vm::ended(Flow flow) {
    if (flow == Flow::output) return Next::output;
    if (heap_.exhausted()) return Next::stop;
    return flow == Flow::failed ? Next::fail : Next::end;
}

/// Steps so far, memory, and now and then the clock. False: the run stops.
bool Vm::spend() {
    spent_ += check_every - until_check_;
    until_check_ = check_every;
    if (heap_.exhausted()) return false;
    if (spent_ + heap_.worked() > limits_.steps) heap_.spend("program_time");
    if (const char* why = outside_.stop()) heap_.spend(why);
    return !heap_.exhausted();
}

Vm::Flow Vm::run(Value& output) {
    std::uint64_t worked = heap_.worked();
    while (true) {
        if (--until_check_ == 0 || heap_.exhausted() || heap_.worked() - worked > check_every)
            [[unlikely]] {
            worked = heap_.worked();
            if (!spend()) return Flow::end;
        }
        Flow flow = step(code_.instructions[pc_++]);
        while (flow != Flow::on) [[unlikely]] {
            if (flow == Flow::back) {
                flow = go_back();
            } else if (flow == Flow::raise) {
                flow = raise();
            } else {
                break;
            }
        }
        if (flow == Flow::on) [[likely]]
            continue;
        if (heap_.exhausted() && !spend()) return Flow::end;
        if (flow == Flow::output) output = top();
        return flow;
    }
}

// ---- the stack of values ----

void Vm::push(Value value) {
    const std::uint32_t at = std::max(top_, floor_) + 1;
    if (at >= entries_.capacity()) [[unlikely]] {
        entries_.reserve(entries_.capacity() * 2, entries_.capacity());
        heap_.charge(entries_.capacity() / 2 * sizeof(Entry));
    }
    new (entries_.data() + at) Entry{value, top_};
    top_ = at;
}

Value Vm::pop() {
    const Entry& entry = entries_.data()[top_];
    top_ = entry.below;
    return entry.value;
}

void Vm::set_top(Value value) {
    if (top_ > floor_) {
        entries_.data()[top_].value = value;
        return;
    }
    const std::uint32_t below = entries_.data()[top_].below;
    push(value);
    entries_.data()[top_].below = below;
}

// ---- frames ----

std::uint32_t Vm::frame_end() const {
    if (frame_ == 0) return 1;
    const Frame& frame = slots_.data()[frame_].frame;
    return frame_ + 1 + code_.functions[frame.function].slots;
}

std::uint32_t Vm::frame_at(std::uint32_t level) const {
    std::uint32_t at = frame_;
    for (; level > 0; --level) at = slots_.data()[at].frame.outer;
    return at;
}

Vm::Slot& Vm::slot(std::uint32_t level, std::uint32_t index) {
    return slots_.data()[frame_at(level) + 1 + index];
}

/// In place of the current frame, where that is the last call's and nobody comes back to it.
std::uint32_t Vm::make_frame(std::uint32_t function, std::uint32_t outer, bool last,
                             std::uint32_t back) {
    const std::uint32_t slots = code_.functions[function].slots;
    Frame frame{back, frame_, outer, function};
    std::uint32_t at = std::max(frame_end(), frame_floor_);
    if (last) {
        const Frame& mine = slots_.data()[frame_].frame;
        frame.back = mine.back;
        frame.caller = mine.caller;
        if (frame_ >= frame_floor_) at = frame_;
    }
    if (at + slots + 1 >= slots_.capacity()) [[unlikely]] {
        const std::size_t more = slots_.capacity() + slots + 2;
        slots_.reserve(slots_.capacity() + more, slots_.capacity());
        heap_.charge(more * sizeof(Slot));
    }
    slots_.data()[at].frame = frame;
    for (std::uint32_t i = 0; i < slots; ++i) slots_.data()[at + 1 + i].value = Value();
    return at;
}

Vm::Flow Vm::call(const Instruction& in) {
    const Call& call = code_.calls[in.b];
    // Before the frame is made, which may take the place of this one.
    Closure given[16];
    std::vector<Closure> many;
    Closure* closures = given;
    if (call.count > 16) {
        many.resize(call.count);
        closures = many.data();
    }
    for (std::uint32_t i = 0; i < call.count; ++i) {
        const Argument& argument = code_.arguments[call.first + i];
        closures[i] = argument.is_parameter ? slot(argument.level, argument.function).closure
                                            : Closure{argument.function, frame_};
    }
    const std::uint32_t outer = frame_at(call.level);
    frame_ = make_frame(in.a, outer, in.flag, pc_);
    for (std::uint32_t i = 0; i < call.count; ++i) slot(0, i).closure = closures[i];
    pc_ = code_.functions[in.a].entry;
    return Flow::on;
}

Vm::Flow Vm::call_parameter(const Instruction& in) {
    const Closure closure = slot(in.a, in.b).closure;
    frame_ = make_frame(closure.function, closure.frame, in.flag, pc_);
    pc_ = code_.functions[closure.function].entry;
    return Flow::on;
}

// ---- forks ----

void Vm::fork(Do kind, std::uint32_t target) {
    Fork made;
    made.kind = kind;
    made.target = target;
    made.top = top_;
    made.frame = frame_;
    made.floor = std::max(top_, floor_);
    made.frame_floor = std::max(frame_end(), frame_floor_);
    if (follow_.on) made.follow = follow_;
    if (forks_.size() == forks_.capacity()) heap_.charge(forks_.size() * sizeof(Fork));
    forks_.push_back(made);
    floor_ = made.floor;
    frame_floor_ = made.frame_floor;
}

void Vm::restore(const Fork& fork) {
    top_ = fork.top;
    frame_ = fork.frame;
    follow_ = fork.follow;
}

/// Only so many stay.
void Vm::drop_forks(std::size_t count) {
    forks_.resize(count);
    floor_ = forks_.empty() ? 0 : forks_.back().floor;
    frame_floor_ = forks_.empty() ? 0 : forks_.back().frame_floor;
}

Vm::Flow Vm::go_back() {
    while (!forks_.empty()) {
        Fork& fork = forks_.back();
        restore(fork);
        const Flow flow = go_back_to(fork);
        if (flow != Flow::back) return flow;
    }
    return Flow::end;
}

/// back: there is nothing more at this fork, which is gone.
Vm::Flow Vm::go_back_to(Fork& fork) {
    switch (fork.kind) {
        case Do::each: return next_of_each(fork);
        case Do::range: return next_of_range(fork);
        case Do::fork_alt: {
            const std::uint32_t target = fork.target, found = fork.at;
            drop_forks(forks_.size() - 1);
            if (slot(0, found).value.truthy()) return Flow::back;
            pc_ = target;
            return Flow::on;
        }
        case Do::fork:
        case Do::fork_mark:
            pc_ = fork.target;
            drop_forks(forks_.size() - 1);
            return Flow::on;
        default: drop_forks(forks_.size() - 1); return Flow::back;
    }
}

Vm::Flow Vm::next_of_each(Fork& fork) {
    const Value container = fork.range;
    const std::uint32_t i = fork.at++;
    const std::uint32_t target = fork.target;
    const bool is_array = container.is(Kind::array);
    const std::uint32_t count = is_array ? container.size : container.object->count;
    // The last one leaves no fork behind.
    if (i + 1 >= count) drop_forks(forks_.size() - 1);
    if (i >= count) return Flow::back;
    pc_ = target;
    const Value value = is_array ? container.array->items[i] : container.object->members[i].value;
    if (following()) {
        follow(is_array ? Value::of(static_cast<double>(i)) : container.object->members[i].key,
               value);
    }
    set_top(value);
    return Flow::on;
}

Vm::Flow Vm::next_of_range(Fork& fork) {
    const double number = fork.range.number;
    const std::uint32_t target = fork.target;
    fork.range.number += 1;
    const double upto = mutant(422) ? fork.upto + 1 : fork.upto;
    const bool more = fork.range.number < upto;
    const bool any = number < upto;
    if (!more) drop_forks(forks_.size() - 1);
    if (!any) return Flow::back;
    pc_ = target;
    set_top(Value::of(number));
    return Flow::on;
}

/// Goes to the fork that takes errors. failed: none does, the error is the run's.
Vm::Flow Vm::raise() {
    while (!forks_.empty()) {
        const Fork fork = forks_.back();
        drop_forks(forks_.size() - 1);
        if (fork.kind == Do::try_end) {
            // Behind the `try`: it and all inside it are not asked.
            drop_forks(fork.back);
            continue;
        }
        if (fork.kind != Do::fork_try && fork.kind != Do::fork_pattern) continue;
        restore(fork);
        pc_ = fork.target;
        if (fork.kind == Do::fork_try) set_top(error_);
        return Flow::on;
    }
    return Flow::failed;
}

Vm::Flow Vm::fail(const std::string& words) {
    error_ = make_string(heap_, words);
    return Flow::raise;
}

Vm::Flow Vm::answered(bool good, const Value& value) {
    if (good) {
        set_top(value);
        return Flow::on;
    }
    error_ = bench_.error;
    // Nobody catches an end.
    if (bench_.halts) drop_forks(0);
    return Flow::raise;
}

}  // namespace holdfast::jq::machine
