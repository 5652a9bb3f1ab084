#include "io/devices/transform_stage.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"
#include "core/data/framing.hpp"

namespace holdfast::io {
namespace {

using flow::Result;
using flow::Stream;

constexpr std::uint8_t no_run = UINT8_MAX;
constexpr std::uint32_t dead_stream = UINT32_MAX;

std::size_t aligned(std::size_t bytes) { return (bytes + 3) / 4 * 4; }

/// What a stream's copy takes, with its origins and its column behind it.
std::size_t space_of(const Stream& stream) {
    if (stream.whole() || stream.records() == 0) return 0;
    return aligned(stream.bytes().size()) + stream.origins().size_bytes() +
           aligned(stream.heads().size()) + stream.head_at().size_bytes();
}

std::span<const std::byte> copied(std::span<const std::byte> bytes, std::byte*& at) {
    if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
    const std::span<const std::byte> copy(at, bytes.size());
    at += aligned(bytes.size());
    return copy;
}

std::span<const std::uint32_t> copied(std::span<const std::uint32_t> numbers, std::byte*& at) {
    const auto bytes = copied(std::as_bytes(numbers), at);
    return {reinterpret_cast<const std::uint32_t*>(bytes.data()), numbers.size()};
}

/// The streams of a result that hold anything, and its dead letters as the last one.
template <class F>
void each_stream(const flow::Reach& reach, Result& result, F f) {
    for (const std::uint32_t i : reach.streams)
        if (result.streams[i].records() > 0) f(i, result.streams[i]);
    if (result.dead.records() > 0) f(dead_stream, result.dead);
}

OutputRun& run_at(Outputs& outputs, std::uint32_t stream) {
    return stream == dead_stream ? outputs.dead : outputs.runs[stream];
}

/// Copies what is not the batch's own, one stream after the other, each with its origins.
void copy_to(std::span<std::byte> block, const flow::Reach& reach, Result& result,
             Outputs& outputs) {
    std::byte* at = block.data();
    each_stream(reach, result, [&](std::uint32_t i, const Stream& stream) {
        if (stream.whole()) return;
        OutputRun& run = run_at(outputs, i);
        run.bytes = copied(stream.bytes(), at);
        run.origins = copied(stream.origins(), at);
        run.heads = copied(stream.heads(), at);
        run.head_at = copied(stream.head_at(), at);
    });
    HF_ASSERT(at <= block.data() + block.size());
}

template <class T>
std::span<const T> kept(std::vector<T> values, std::vector<std::vector<T>>& all,
                        std::size_t& held) {
    held += values.capacity() * sizeof(T);
    all.push_back(std::move(values));
    return all.back();
}

/// The same without a copy, where there is no block. Returns what that occupies.
std::uint32_t move_to_heap(const flow::Reach& reach, Result& result, Outputs& outputs) {
    std::size_t held = 0;
    each_stream(reach, result, [&](std::uint32_t i, Stream& stream) {
        if (stream.whole()) return;
        OutputRun& run = run_at(outputs, i);
        run.bytes = kept(stream.take_bytes(), outputs.heap, held);
        run.origins = kept(stream.take_origins(), outputs.heap_numbers, held);
        run.heads = kept(stream.take_heads(), outputs.heap, held);
        run.head_at = kept(stream.take_head_at(), outputs.heap_numbers, held);
    });
    return static_cast<std::uint32_t>(held);
}

/// What the streams and runs have in common, whether copied or not.
void fill_runs(const Payload& payload, const flow::Reach& reach, Result& result, Outputs& outputs) {
    const auto own = payload.bytes.subspan(result.begin, result.end - result.begin);
    const bool ended = result.end < payload.bytes.size() || payload.terminated;
    each_stream(reach, result, [&](std::uint32_t i, const Stream& stream) {
        OutputRun& run = run_at(outputs, i);
        run.records = stream.records();
        run.framing = stream.framing();
        if (!stream.whole()) return;
        run.bytes = own;
        run.terminated = ended;
    });
}

}  // namespace

TransformStage::TransformStage(Ring& ring, const flow::Plan& plan, const MakePrograms& make,
                               const flow::Limits& limits, std::uint32_t threads,
                               const PartitionNumbers& numbers, Payloads& payloads, Events& events,
                               Log log)
    : ring_(ring),
      plan_(plan),
      numbers_(numbers),
      payloads_(payloads),
      events_(events),
      log_(std::move(log)),
      limits_(limits),
      memory_(plan),
      evaluator_(plan, memory_, make(), limits),
      lanes_(plan.sources()),
      run_of_sink_(sinks_limit, no_run),
      counts_(plan.nodes().size()),
      death_watch_(evaluator_.place()) {
    for (std::size_t i = 0; i < plan.streams().size(); ++i)
        for (SinkMask left = plan.streams()[i]; left; left &= left - 1)
            run_of_sink_[static_cast<std::size_t>(std::countr_zero(left))] =
                static_cast<std::uint8_t>(i);
    payloads_.transform_names.clear();
    for (const flow::Node& node : plan.nodes()) payloads_.transform_names.push_back(node.spec.name);
    const auto programs = make();
    for (std::uint16_t i = 0; i < lanes_.size(); ++i) {
        if (may_grow(i)) lanes_[i].input_max = lanes_[i].input_cap = grown_input_max();
        lanes_[i].learns = may_expand(i, programs);
        if (lanes_[i].learns) lanes_[i].input_max = BlockPool::block_min;
    }
    if (threads == 0) return;
    const auto make_evaluator = [&] {
        return std::make_unique<flow::Evaluator>(plan_, memory_, make(), limits);
    };
    threads_ =
        std::make_unique<TransformThreads>(ring, threads, make_evaluator, [this] { wake(); });
}

/// Another format makes at most nine bytes of one (an empty extension in MsgPack), besides what is
/// kept for each record.
std::uint32_t TransformStage::grown_input_max() const {
    const std::size_t fits = std::bit_floor(limits_.slice_bytes / 16);
    return static_cast<std::uint32_t>(
        std::clamp<std::size_t>(fits, BlockPool::block_min, UINT32_MAX / 2));
}

bool TransformStage::may_grow(std::uint16_t source) const {
    const auto& nodes = plan_.reach(SourceId{source}).nodes;
    return std::any_of(nodes.begin(), nodes.end(), [&](std::uint32_t i) {
        const flow::NodeType type = plan_.nodes()[i].spec.type;
        return type == flow::NodeType::decode || type == flow::NodeType::encode;
    });
}

/// What runs natively makes at most a few outputs of a record.
bool TransformStage::may_expand(std::uint16_t source,
                                const std::vector<flow::NodePrograms>& programs) const {
    const auto& nodes = plan_.reach(SourceId{source}).nodes;
    return std::any_of(nodes.begin(), nodes.end(), [&](std::uint32_t i) {
        return plan_.nodes()[i].spec.type == flow::NodeType::program &&
               programs[i].programs.front()->engine() != "native";
    });
}

/// A quarter of what a slice may write is what the next batch should come to, judging by this one.
void TransformStage::learn(SourceId source, const Result& result) {
    Lane& lane = lanes_[source.index];
    if (!lane.learns) return;
    std::size_t written = 1;
    for (const std::uint32_t i : plan_.reach(source).streams) written += result.streams[i].size();
    const std::uint64_t fits = limits_.slice_bytes / 4 * (result.end - result.begin) / written;
    const std::uint64_t next = std::min<std::uint64_t>(fits, std::uint64_t{lane.input_max} * 2);
    lane.input_max = static_cast<std::uint32_t>(
        std::clamp<std::uint64_t>(next, BlockPool::block_min, lane.input_cap));
}

void TransformStage::transform(const Transform& order) {
    if (caution_ && stops_before(order)) return;
    const SourceId source = payloads_.at(order.batch).source;
    Lane& lane = lanes_[source.index];
    Waiting& next = lane.waiting.emplace_back();
    next.order = order;
    ++waiting_;
    if (runs_beside(input_of(order))) evaluate(next);
    serve(source);
}

void TransformStage::wake() {
    if (waiting_ == 0) return;
    for (std::uint16_t i = 0; i < lanes_.size(); ++i) serve(SourceId{i});
}

void TransformStage::serve(SourceId source) {
    Lane& lane = lanes_[source.index];
    while (!lane.waiting.empty() && !stopped_ && !lane.ended) {
        Waiting& next = lane.waiting.front();
        if (!evaluate(next)) return;
        if (!next.learned) {
            learn(source, next.evaluation->result);
            finished(*next.evaluation);
        }
        next.learned = true;
        if (!answer(next.order, next.evaluation->result)) return;
        spare_.push_back(std::move(next.evaluation));
        lane.waiting.pop_front();
        --waiting_;
        if (!threads_) continue;
        const BlockPool& pool = payloads_.pool();
        threads_->adapt(static_cast<std::uint32_t>(pool.used() * 1000 / pool.region().size()));
    }
}

/// True once it is done; begins it if it was not begun.
bool TransformStage::evaluate(Waiting& next) {
    if (next.evaluation) return next.evaluation->done;
    // Not before: without threads there is one for each source, however many wait.
    if (spare_.empty()) spare_.push_back(std::make_unique<Evaluation>());
    next.evaluation = std::move(spare_.back());
    spare_.pop_back();
    Evaluation& evaluation = *next.evaluation;
    evaluation.input = input_of(next.order);
    evaluation.done = false;
    begin(evaluation);
    if (runs_beside(evaluation.input)) {
        threads_->start(evaluation);
        return false;
    }
    evaluator_.run(evaluation.input, evaluation.result);
    evaluation.done = true;
    return true;
}

flow::Input TransformStage::input_of(const Transform& order) const {
    const Payload& payload = payloads_.at(order.batch);
    flow::Input input;
    input.source = payload.source;
    input.bytes = payload.bytes;
    input.readable = payload.block;
    input.framing = payload.framing;
    input.begin = payload.framing == Framing::lines
                      ? after_newlines(payload.bytes, order.begin)
                      : codec::begin_of_record(payload.framing, payload.bytes, order.begin);
    input.records = order.end - order.begin;
    input.bytes_max = order.bytes_max == UINT32_MAX ? SIZE_MAX : order.bytes_max;
    input.may_end_early = !(order.slice == order.batch);
    input.may_be_given_up = gives_up_;
    input.partition = numbers_.number(payload.source, payload.partition);
    input.position = payload.first.value;
    input.next = payload.next.value;
    input.source_name = numbers_.source(payload.source);
    input.now = ring_.now();
    input.deadly = deadly_;
    take_care_of(input);
    return input;
}

// ---- answers ---------------------------------------------------------------------------------

/// False: its outputs have no room yet.
bool TransformStage::answer(const Transform& order, Result& result) {
    if (result.failure && result.failure->too_much) {
        gave_up_ = stopped_ = true;
        return false;
    }
    if (result.failure && result.failure->ended) {
        lanes_[payloads_.at(order.batch).source.index].ended = true;
        if (!ended_) ended_ = result.failure;
        return false;
    }
    if (result.failure) {
        stop(order, result);
        return true;
    }
    SliceTransformed answer{.slice = order.slice, .fate = Fate::deliver};
    answer.end = order.begin + result.records;
    answer.next = payloads_.position_at(order.batch, result.end);
    answer.dead_letters = mutant(300) ? 0 : result.dead.records();
    if (!store(order, result, answer)) return false;
    say_shares(order, answer);
    events_.push(answer);
    for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i].add(result.counts[i]);
    return true;
}

/// Gives the outputs a place, and the payload its outputs.
bool TransformStage::store(const Transform& order, Result& result, SliceTransformed& answer) {
    const Payload& payload = payloads_.at(order.batch);
    const flow::Reach& reach = plan_.reach(payload.source);
    auto outputs = std::make_unique<Outputs>();
    outputs->runs.resize(plan_.streams().size());
    outputs->run_of_sink = run_of_sink_;
    outputs->uses_batch = false;
    std::size_t size = 0;
    each_stream(reach, result, [&](std::uint32_t, const Stream& stream) {
        outputs->uses_batch = outputs->uses_batch || stream.whole();
        size += space_of(stream);
    });
    if (size > 0 && !place(order, result, *outputs, size, answer)) return false;
    fill_runs(payload, reach, result, *outputs);
    for (const flow::DeadRecord& dead : result.why)
        outputs->why.push_back({dead.node, dead.text, dead.reason});
    outputs->texts = std::move(result.texts);
    if (!(order.slice == order.batch))
        payloads_.put_slice(order.slice, order.batch, result.begin, result.end, result.records);
    answer.freed = payloads_.transformed(order.slice, std::move(outputs));
    return true;
}

/// Puts what is not the batch's own where it stays: see rules 1 and 2.
bool TransformStage::place(const Transform& order, Result& result, Outputs& outputs,
                           std::size_t size, SliceTransformed& answer) {
    const Payload& payload = payloads_.at(order.batch);
    const flow::Reach& reach = plan_.reach(payload.source);
    BlockPool& pool = payloads_.pool();
    const bool is_whole = order.slice == order.batch;
    if (is_whole && !outputs.uses_batch && size <= payload.block.size()) {
        copy_to(payload.block, reach, result, outputs);
        outputs.block = pool.shrink(payload.block, static_cast<std::uint32_t>(size));
        return true;
    }
    if (size <= pool.block_max()) outputs.block = pool.take(static_cast<std::uint32_t>(size));
    if (!outputs.block.empty()) {
        copy_to(outputs.block, reach, result, outputs);
        answer.held = static_cast<std::uint32_t>(outputs.block.size());
        return true;
    }
    Lane& lane = lanes_[payload.source.index];
    if (lane.on_heap.generation != 0 && payloads_.present(lane.on_heap)) return false;
    lane.on_heap = order.slice;
    answer.held = move_to_heap(reach, result, outputs);
    return true;
}

/// The first stream's numbers are the answer's; sinks of others get a share each.
void TransformStage::say_shares(const Transform& order, SliceTransformed& answer) {
    const Outputs* outputs = payloads_.outputs(order.slice);
    const auto& streams = plan_.streams();
    for (std::uint32_t i = 0; i < streams.size(); ++i) {
        const OutputRun& run = outputs->runs[i];
        if (run.records == 0) continue;
        const auto bytes = static_cast<std::uint32_t>(run.bytes.size());
        if (answer.route == 0) {
            answer.route = streams[i];
            answer.outputs = run.records;
            answer.bytes = bytes;
            continue;
        }
        for (SinkMask left = streams[i]; left; left &= left - 1) {
            const SinkId sink{static_cast<std::uint16_t>(std::countr_zero(left))};
            events_.push(SinkShare{order.slice, sink, run.records, bytes});
        }
    }
}

void TransformStage::stop(const Transform& order, const Result& result) {
    const auto& failure = *result.failure;
    problem_ = plan_.nodes()[failure.node].spec.name + ": " + failure.text;
    stopped_ = true;
    if (log_)
        log_(Level::error, LogLine("a transform stops the pipeline: its policy is \"stop\"")
                               .with("transform", plan_.nodes()[failure.node].spec.name)
                               .with("error", failure.text)
                               .with("position", failure.position)
                               .text());
    events_.push(SliceTransformed{.slice = order.slice, .fate = Fate::stop});
}

}  // namespace holdfast::io
