#include "core/data/flow/evaluate.hpp"

#include <algorithm>
#include <cstring>

#include "core/base/assert.hpp"
#include "core/base/mix.hpp"
#include "core/base/mutant.hpp"
#include "core/data/flow/readable.hpp"

namespace holdfast::flow {
namespace {

constexpr std::uint64_t site_sample = 0x73616d70;
constexpr Hash128 key_seed{0x6b6579, 0x64656475};
// What an entry of the dead letters costs besides its record: Result::why and an origin.
constexpr std::size_t dead_cost = sizeof(DeadRecord) + sizeof(std::uint32_t);
constexpr std::size_t text_max = 300;

}  // namespace

std::string partition_text(std::uint64_t number) {
    std::string text(16, '0');
    for (std::size_t i = 16; number != 0; number >>= 4) text[--i] = "0123456789abcdef"[number & 15];
    return text;
}

std::int64_t Input::packed_position_at(std::size_t offset) const {
    if (mutant(526)) return position + static_cast<std::int64_t>(offset);
    return offset >= bytes.size() ? next : packing::position_at(bytes.subspan(offset));
}

void NodeCounts::add(const NodeCounts& other) {
    in += other.in;
    out += other.out;
    dropped += other.dropped;
    blank += other.blank;
    errors += other.errors;
    dead += other.dead;
    rejected += other.rejected;
}

Memory::Memory(const Plan& plan) : recent(plan.nodes().size()) {
    for (std::size_t i = 0; i < recent.size(); ++i) {
        const Node& node = plan.nodes()[i];
        if (node.remembers()) recent[i].emplace(std::max(node.spec.entries, 1u));
    }
}

Evaluator::Evaluator(const Plan& plan, Memory& memory, std::vector<NodePrograms> programs,
                     const Limits& limits)
    : plan_(plan),
      memory_(memory),
      programs_(std::move(programs)),
      limits_(limits),
      scratch_(plan.nodes().size()),
      made_(plan.nodes().size()) {
    HF_ASSERT(programs_.size() == plan.nodes().size());
    for (std::size_t i = 0; i < programs_.size(); ++i) {
        const NodeSpec& spec = plan.nodes()[i].spec;
        // What only puts any payload into a frame gets every byte of it.
        const bool only_frames = spec.type == NodeType::encode && !spec.skip_blank;
        parses_.push_back(spec.type != NodeType::raw_filter && !only_frames &&
                          !programs_[i].programs.empty());
        gives_extras_.push_back(!programs_[i].programs.empty() &&
                                programs_[i].programs.front()->gives_extras());
    }
    extras_.resize(programs_.size());
    // What is decoded is a line from there on, unless it may be any bytes.
    for (std::size_t i = 0; i < programs_.size(); ++i) {
        for (const auto& program : programs_[i].programs) {
            if (plan.nodes()[i].spec.type != NodeType::decode && !plan.any_bytes())
                program->expect_lines();
            program->limit_outputs(most_of(static_cast<std::uint32_t>(i)));
        }
    }
}

void Evaluator::begin(const Input& input, Result& result) {
    HF_ASSERT(input.records > 0);
    HF_ASSERT(input.begin < input.bytes.size());
    input_ = &input;
    result_ = &result;
    result.records = 0;
    result.begin = result.end = input.begin;
    result.streams.resize(plan_.streams().size());
    for (const std::uint32_t i : plan_.reach(input.source).streams)
        result.streams[i].begin(input.bytes, input.begin, plan_.framing(i));
    result.dead.begin(input.bytes, input.begin, input.framing);
    result.why.clear();
    result.texts.clear();
    result.counts.assign(plan_.nodes().size(), {});
    result.failure.reset();
    made_all_.assign(plan_.nodes().size(), 0);
    why_bytes_ = 0;
    partition_ = partition_text(input.partition);
    place_->enter_slice(input.source, input.partition);
    if (input.framing != codec::Framing::lines) return;
    // Where one of them kills, none is parsed ahead.
    if (!input.deadly.empty() || input.witness != nullptr) return;
    const auto rest = input.bytes.subspan(input.begin);
    const std::size_t mark = has_mark(rest, input.begin) ? mark_size : 0;
    for (const std::uint32_t i : plan_.reach(input.source).nodes) {
        if (plan_.nodes()[i].spec.type != NodeType::decode) continue;
        place_->enter(i, input.position_at(input.begin));
        programs_[i].programs.front()->look_ahead(rest.subspan(mark), input.records);
    }
}

void Evaluator::run(const Input& input, Result& result) {
    begin(input, result);
    input.framing == codec::Framing::lines ? run_lines() : run_framed();
    place_->leave();
    if (input.witness != nullptr) input.witness->leaves();
    if (result.failure) return;
    for (const std::uint32_t i : plan_.reach(input.source).streams)
        result.streams[i].finish(result.end);
    result.dead.finish(result.end);
}

void Evaluator::run_lines() {
    Result& result = *result_;
    while (result.records < input_->records) {
        const std::size_t at = result.end;
        const auto rest = input_->bytes.subspan(at);
        HF_ASSERT(!rest.empty());
        const void* newline = std::memchr(rest.data(), '\n', rest.size());
        const std::size_t size =
            newline == nullptr
                ? rest.size()
                : static_cast<std::size_t>(static_cast<const std::byte*>(newline) - rest.data());
        const std::size_t length = std::min(size + 1, rest.size());
        if (result.records > 0 && !has_room(length)) break;
        evaluate_one({padded(rest.first(size)), at, length});
        if (result.failure) return;
        result.end += length;
        ++result.records;
    }
}

/// Records that are no lines.
void Evaluator::run_framed() {
    Result& result = *result_;
    codec::RecordScan scan(input_->framing, input_->bytes.subspan(input_->begin));
    codec::StreamExtent record;
    while (result.records < input_->records) {
        const bool there = scan.next(record);
        HF_ASSERT(there);
        const std::size_t at = input_->begin + record.begin;
        input_size_ = record.end - record.begin;
        // With what stands before it.
        const std::size_t length = input_->begin + record.end - result.end;
        if (result.records > 0 && !has_room(length)) break;
        const auto bytes = input_->bytes.subspan(at, input_size_);
        if (input_->is_packed())
            evaluate_packed(bytes, at);
        else
            evaluate_one({padded(bytes), at, input_size_});
        if (result.failure) return;
        result.end = at + input_size_;
        ++result.records;
    }
}

void Evaluator::evaluate_packed(std::span<const std::byte> bytes, std::size_t at) {
    const auto view = packing::view_of(bytes);
    HF_ASSERT(view.has_value());
    if (!mutant(521) || at == input_->begin) input_extras_ = view->extras;
    evaluate_one({padded(view->payload), at, bytes.size(), &input_extras_});
}

void Evaluator::evaluate_one(const Record& record) {
    made_.assign(made_.size(), 0);
    is_dead_ = false;
    emit(input_->source.index, record);
}

/// The same text with bytes behind it that may be read.
std::span<const std::byte> Evaluator::padded(std::span<const std::byte> text) {
    const std::byte* end = input_->readable.data() + input_->readable.size();
    if (end - (text.data() + text.size()) >= static_cast<std::ptrdiff_t>(Program::padding))
        return text;
    padded_.assign(text.begin(), text.end());
    padded_.resize(text.size() + Program::padding);
    return std::span<const std::byte>(padded_).first(text.size());
}

// ---- the graph ---------------------------------------------------------------------------------

void Evaluator::emit(std::uint32_t port, const Record& record) {
    for (const Target& target : plan_.targets(port)) {
        if (result_->failure || (mutant(186) && is_dead_)) return;
        if (!target.stream) {
            visit(target.index, record);
            continue;
        }
        Stream& stream = result_->streams[target.index];
        if (record.length > 0 && stream.framing() == input_->framing)
            stream.keep(record.origin, record.length);
        else
            append_to(stream, record);
    }
}

/// What is not the input's own, or stands otherwise there.
void Evaluator::append_to(Stream& stream, const Record& record) {
    if (stream.framing() != codec::Framing::packed || record.extras != nullptr)
        return stream.append(record.text, record.origin, record.extras);
    packing::Extras none;
    none.position = input_->position_at(record.origin);
    stream.append(record.text, record.origin, &none);
}

/// A record leaves a node by one of its outputs.
void Evaluator::pass(std::uint32_t node, std::uint32_t port, const Record& record) {
    NodeCounts& counts = result_->counts[node];
    ++(plan_.targets(port).empty() ? counts.dropped : counts.out);
    emit(port, record);
}

/// False: it is set aside, since the process died on it here.
bool Evaluator::enter(std::uint32_t node, const Record& record) {
    const std::int64_t position = input_->position_at(record.origin);
    place_->enter(node, position);
    const Spot here{input_->source.index, node, input_->partition, position};
    for (const Deadly& deadly : input_->deadly) {
        if (!(deadly.spot == here)) continue;
        ++result_->counts[node].errors;
        set_aside(node, record, Reason::failed, deadly.why);
        return false;
    }
    if (input_->witness != nullptr) input_->witness->enters(here);
    return true;
}

void Evaluator::visit(std::uint32_t node, const Record& as_it_came) {
    NodeCounts& counts = result_->counts[node];
    ++counts.in;
    if (!enter(node, as_it_came)) return;
    const Record record = parses_[node] ? without_mark(as_it_came) : as_it_came;
    const NodeType type = plan_.nodes()[node].spec.type;
    if (leaves_out(node, record)) {
        ++counts.blank;
        // It has looked ahead, and must go on to the next one.
        if (type == NodeType::decode) run(*programs_[node].programs.front(), record, key_);
        return;
    }
    if (type != NodeType::program && type != NodeType::decode && type != NodeType::encode) {
        // Passes on what it gets, which comes to more only where ways to it multiply.
        const Room room = room_for(node, record.size());
        if (room == Room::record_full) return too_much(node, record, room);
    }
    switch (type) {
        case NodeType::filter: return filter(node, record);
        case NodeType::route: return route(node, record);
        case NodeType::sample: return sample(node, record);
        case NodeType::throttle: return throttle(node, record);
        case NodeType::dedupe: return dedupe(node, record);
        case NodeType::raw_filter: return raw_filter(node, record);
        case NodeType::program:
        case NodeType::decode:
        case NodeType::encode: return program(node, record);
    }
}

void Evaluator::filter(std::uint32_t node, const Record& record) {
    const auto& condition = programs_[node].programs.front();
    const ProgramResult result = run(*condition, record, key_);
    if (fails(node, record, result)) return;
    if (result.verdict == Verdict::drop) return unrouted(node, record, {});
    pass(node, plan_.nodes()[node].first_port, record);
}

void Evaluator::raw_filter(std::uint32_t node, const Record& record) {
    // It looks at fields, and gives the bytes on as they are.
    const ProgramResult result = run(*programs_[node].programs.front(), without_mark(record), key_);
    switch (result.verdict) {
        case Verdict::drop: ++result_->counts[node].dropped; return;
        case Verdict::fail: ++result_->counts[node].rejected; return unrouted(node, record, error_);
        case Verdict::keep: break;
        case Verdict::change: HF_ASSERT(false);
    }
    pass(node, plan_.nodes()[node].first_port, record);
}

void Evaluator::route(std::uint32_t node, const Record& record) {
    const Node& spec = plan_.nodes()[node];
    // All conditions first: a record on which one of them fails goes nowhere.
    std::uint64_t matches = 0;
    for (std::uint32_t i = 0; i + 1 < spec.outputs; ++i) {
        const auto& condition = programs_[node].programs[i];
        const ProgramResult result = run(*condition, record, key_);
        if (fails(node, record, result)) return;
        if (result.verdict != Verdict::drop) matches |= std::uint64_t{1} << i;
    }
    if (matches == 0) return unrouted(node, record, {});
    for (std::uint32_t i = 0; i + 1 < spec.outputs; ++i) {
        if ((matches >> i & 1) == 0) continue;
        pass(node, spec.first_port + i, record);
        if (mutant(316)) return;
    }
}

/// `rule`: that rejected it; empty: no condition holds.
void Evaluator::unrouted(std::uint32_t node, const Record& record, std::string_view rule) {
    const Node& spec = plan_.nodes()[node];
    switch (spec.spec.unrouted) {
        case Unrouted::drop: ++result_->counts[node].dropped; return;
        case Unrouted::route: return pass(node, spec.unmatched() - (mutant(318) ? 1 : 0), record);
        case Unrouted::dead_letter:
        case Unrouted::stop: break;
    }
    OnError policy = spec.spec.unrouted == Unrouted::stop ? OnError::stop : OnError::dead_letter;
    if (mutant(460)) policy = spec.spec.on_error;
    fail(node, record, Reason::rejected,
         rule.empty() ? "unrouted: no condition of " + spec.spec.name + " holds"
                      : "rejected: " + std::string(rule),
         policy);
}

/// Of the payload, and of what the record has beside it.
Hash128 Evaluator::hash_of_all(const Record& record) {
    if (record.extras == nullptr) return hash_bytes(record.text, key_seed);
    packing::Extras beside = *record.extras;
    beside.position = 0;  // That is where it is, not what it is.
    key_.clear();
    packing::append_packed(beside, record.text, key_);
    const Hash128 key = hash_bytes(key_, key_seed);
    key_.clear();
    return key;
}

/// The hash of the node's key in this record; without a key program, of the whole record.
bool Evaluator::key_of(std::uint32_t node, const Record& record, Hash128& key) {
    auto& programs = programs_[node].programs;
    if (programs.empty()) {
        key = hash_of_all(record);
        return true;
    }
    key_.clear();
    const ProgramResult result = run(*programs.front(), record, key_);
    if (fails(node, record, result)) return false;
    if (result.verdict == Verdict::drop && !goes_on_without_key(node, record)) return false;
    const bool same = result.verdict == Verdict::keep;
    key = hash_bytes(same ? record.text : std::span<const std::byte>(key_), key_seed);
    key_.clear();
    return true;
}

/// False: it was dealt with.
bool Evaluator::goes_on_without_key(std::uint32_t node, const Record& record) {
    const Node& spec = plan_.nodes()[node];
    switch (spec.spec.on_missing_key) {
        case MissingKey::as_null: return true;
        case MissingKey::keep: pass(node, spec.first_port, record); return false;
        case MissingKey::drop: ++result_->counts[node].dropped; return false;
        case MissingKey::dead_letter:
        case MissingKey::stop: break;
    }
    const bool stops = spec.spec.on_missing_key == MissingKey::stop;
    fail(node, record, Reason::rejected, "no key: a field of " + spec.spec.name + " is not there",
         stops ? OnError::stop : OnError::dead_letter);
    return false;
}

void Evaluator::sample(std::uint32_t node, const Record& record) {
    const NodeSpec& spec = plan_.nodes()[node].spec;
    std::uint64_t bits = 0;
    if (programs_[node].programs.empty()) {
        const std::int64_t position = input_->position_at(record.origin);
        bits = mix(spec.rate, site_sample, input_->partition, static_cast<std::uint64_t>(position));
    } else {
        Hash128 key;
        if (!key_of(node, record, key)) return;
        bits = mix64(key.low);
    }
    if (scale(bits, spec.rate) != 0) {
        ++result_->counts[node].dropped;
        return;
    }
    pass(node, plan_.nodes()[node].first_port, record);
}

/// The generic cell rate algorithm: the key's number is when the next record would be on time.
void Evaluator::throttle(std::uint32_t node, const Record& record) {
    const NodeSpec& spec = plan_.nodes()[node].spec;
    Hash128 key;
    if (!programs_[node].programs.empty() && !key_of(node, record, key)) return;
    bool found = false;
    std::int64_t& due = memory_.recent[node]->touch(key, found);
    const std::int64_t interval =
        spec.window.ns / static_cast<std::int64_t>(std::max<std::uint64_t>(spec.threshold, 1));
    const std::int64_t now = input_->now.ns;
    if (!found || due < now) due = now;
    if (due - now > spec.window.ns - interval) {
        ++result_->counts[node].dropped;
        return;
    }
    due += interval;
    pass(node, plan_.nodes()[node].first_port, record);
}

void Evaluator::dedupe(std::uint32_t node, const Record& record) {
    Hash128 key;
    if (!key_of(node, record, key)) return;
    bool found = false;
    memory_.recent[node]->touch(key, found);
    if (found) {
        ++result_->counts[node].dropped;
        return;
    }
    pass(node, plan_.nodes()[node].first_port, record);
}

// ---- failures ----------------------------------------------------------------------------------

/// Deals with a verdict of `fail`; false if it was another.
bool Evaluator::fails(std::uint32_t node, const Record& record, const ProgramResult& result) {
    if (result.verdict != Verdict::fail) return false;
    if (result.ended) {
        result_->failure = {.node = node, .ended = true};
        result_->failure->position = input_->position_at(record.origin);
        return true;
    }
    if (result.unreadable) error_.insert(0, hint_of(record.text));
    error_.insert(0, result.unreadable ? "parse error: " : "program error: ");
    fail(node, record, result.unreadable ? Reason::parse_error : Reason::failed, error_,
         plan_.nodes()[node].spec.on_error);
    return true;
}

void Evaluator::fail(std::uint32_t node, const Record& record, Reason reason,
                     const std::string& text, OnError policy) {
    ++result_->counts[node].errors;
    if (policy == OnError::stop) {
        result_->failure = {node, text, input_->position_at(record.origin)};
        return;
    }
    if (policy == OnError::dead_letter && !mutant(317)) {
        set_aside(node, record, reason, text);
    }
}

/// To the dead letters, once.
void Evaluator::set_aside(std::uint32_t node, const Record& record, Reason reason,
                          std::string_view text) {
    if (is_dead_) return;
    is_dead_ = true;
    ++result_->counts[node].dead;
    std::size_t length = input_size_;
    if (input_->framing == codec::Framing::lines) {
        const auto rest = input_->bytes.subspan(record.origin);
        const void* newline = std::memchr(rest.data(), '\n', rest.size());
        const auto* end = static_cast<const std::byte*>(newline);
        length = end == nullptr ? rest.size() : static_cast<std::size_t>(end - rest.data()) + 1;
    }
    result_->dead.keep(record.origin, length);
    auto& texts = result_->texts;
    if (texts.empty() || texts.back() != text.substr(0, text_max)) {
        texts.emplace_back(text.substr(0, text_max));
        why_bytes_ += sizeof(std::string) + texts.back().size();
    }
    result_->why.push_back({node, static_cast<std::uint32_t>(texts.size() - 1), reason});
    why_bytes_ += dead_cost;
}

}  // namespace holdfast::flow
