// The graph of a pipeline: sources -> transforms -> sinks, as tables that are read per record.
//
// Rule 1: it has no cycle; each input of a transform or sink is an output that exists. Whoever
//         builds a Spec from a config checks that first (asserted here).
// Rule 2: sinks with the same inputs share one stream of outputs, which is stored once.
// Rule 3: a plan doesn't change; programs and what nodes remember live in Evaluator and Memory.
// Bound: sources and sinks as in the engine; 64 transforms of at most 64 outputs.
// Doesn't know: names of sources and sinks, batches, memory, policies of the engine.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/time.hpp"
#include "core/codec/record_scan.hpp"
#include "core/data/program.hpp"
#include "core/model/ids.hpp"

namespace holdfast::flow {

enum class NodeType : std::uint8_t {
    filter,      ///< Output 0: the condition holds. Output 1 (`_unmatched`): it doesn't.
    route,       ///< One output a condition, in order; then `_unmatched`.
    sample,      ///< Output 0: one of `rate` records, or of the values of a key.
    throttle,    ///< Output 0: at most `threshold` records in `window`, for each value of a key.
    dedupe,      ///< Output 0: what was not among the last `entries` different ones.
    program,     ///< Output 0: what the program makes of each record.
    raw_filter,  ///< Output 0: what no rule takes. Output 1 (`_rejected`): what one rejects.
    decode,      ///< A source's records as lines of JSON; lines are parsed, and kept as they are.
    encode,      ///< A sink's records as it wants them.
};

/// What decode and encode make of a record.
enum class Form : std::uint8_t { json, msgpack, payload, envelope, line, sized };
/// "MsgPack", as in "the record as MsgPack".
const char* form_name(Form form);

/// What becomes of a record on which a condition or program fails.
enum class OnError : std::uint8_t {
    dead_letter,  ///< It goes to the dead letters, as it came from the source.
    drop,         ///< It is dropped and counted.
    stop,         ///< The pipeline stops before it.
};

/// What becomes of a record that matches no condition of a filter or route, or that a raw filter
/// rejects.
enum class Unrouted : std::uint8_t {
    dead_letter,  ///< It goes to the dead letters, as it came from the source.
    drop,         ///< It is dropped and counted.
    route,        ///< To the last output: `_unmatched`, `_rejected`.
    stop,         ///< The pipeline stops before it.
};

/// Where records come from: a source, or one of a transform's outputs.
struct From {
    bool source = true;
    std::uint32_t index = 0;
    std::uint32_t output = 0;
    bool operator==(const From&) const = default;
};

/// What becomes of a record without the key by which a node compares: one of its fields isn't there,
/// or its key program gives nothing.
enum class MissingKey : std::uint8_t {
    as_null,      ///< All such records are alike, as if it were null.
    keep,         ///< It passes, compared with none.
    dead_letter,  ///< It goes to the dead letters, as it came from the source.
    drop,         ///< It is dropped and counted.
    stop,         ///< The pipeline stops before it.
};

struct NodeSpec {
    std::string name;  ///< For dead letters and texts.
    NodeType type = NodeType::filter;
    std::vector<From> inputs;
    OnError on_error = OnError::dead_letter;
    Unrouted unrouted = Unrouted::drop;
    bool skip_blank = true;  ///< Where it parses: a line of white space is dropped and counted.
    MissingKey on_missing_key = MissingKey::as_null;  ///< sample, throttle, dedupe.
    std::uint32_t routes = 0;                         ///< Conditions of a route.
    std::uint64_t rate = 1;                           ///< sample: one of so many.
    std::uint64_t threshold = 1;                      ///< throttle: records in `window`.
    Duration window = seconds(1);
    std::uint32_t entries = 0;  ///< dedupe, throttle: keys that are remembered.
    /// program, decode, encode: what it makes of a record is one, whatever newlines stand in it; else
    /// each ends with one.
    bool makes_one = false;
    Form makes = Form::json;  ///< decode, encode.
};

struct Spec {
    std::uint32_t sources = 0;
    std::vector<NodeSpec> nodes;
    std::vector<std::vector<From>> sinks;  ///< By sink: its inputs.
    /// By sink: how its records stand; missing: lines. An input that is a source has them so, too;
    /// but what is packed takes lines as well.
    std::vector<codec::Framing> framings;
    /// Records may have newlines within: some source's records have (codec::has_any_bytes).
    bool any_bytes = false;
};

/// The compiled texts of one node. filter: its condition. route: one each. program: the program.
/// sample, throttle, dedupe: the key, or none (sample: by record; throttle: one key; dedupe: the
/// whole record). raw_filter: its rules, which keep, drop, or fail to reject.
struct NodePrograms {
    std::vector<std::unique_ptr<Program>> programs;
};

/// Who takes what an output gives: a node or a stream.
struct Target {
    bool stream = true;
    std::uint32_t index = 0;
};

struct Node {
    NodeSpec spec;
    std::uint32_t first_port = 0;
    std::uint32_t outputs = 1;
    /// Remembers records: they must be judged in their order, in one place.
    bool remembers() const {
        return spec.type == NodeType::throttle || spec.type == NodeType::dedupe;
    }
    /// The port of `_unmatched` or `_rejected`. Requires filter, route or raw_filter.
    std::uint32_t unmatched() const { return first_port + outputs - 1; }
};

/// A graph may multiply a record by every node that it passes; memory may not.
inline constexpr std::uint32_t ways_most = 64;

/// What one source reaches.
struct Reach {
    SinkMask sinks = 0;
    std::vector<std::uint32_t> nodes;
    std::vector<std::uint32_t> streams;
    /// By node: on how many ways it gets a record of the source, nodes that make several apart;
    /// at most ways_most.
    std::vector<std::uint32_t> ways;
    std::vector<std::uint32_t> stream_ways;  ///< By stream, alike.
    bool transforms = false;                 ///< Some sink gets its records through a node.
    bool remembers = false;                  ///< Some node on the way does.
};

class Plan {
public:
    /// Requires rule 1.
    explicit Plan(Spec spec);

    const std::vector<Node>& nodes() const { return nodes_; }
    const std::vector<Target>& targets(std::uint32_t port) const { return targets_[port]; }
    std::uint32_t port_of(const From& from) const;
    /// By stream: the sinks that share it.
    const std::vector<SinkMask>& streams() const { return streams_; }
    codec::Framing framing(std::uint32_t stream) const { return framings_[stream]; }
    const Reach& reach(SourceId source) const { return reach_[source.index]; }
    std::uint32_t sources() const { return sources_; }
    bool any_bytes() const { return any_bytes_; }

private:
    void connect(const Spec& spec);
    Reach walk(std::uint32_t source) const;
    std::vector<std::uint32_t> ways_from(std::uint32_t source) const;

    std::uint32_t sources_;
    bool any_bytes_;
    std::vector<Node> nodes_;
    std::vector<std::vector<Target>> targets_;  ///< By port.
    std::vector<SinkMask> streams_;
    std::vector<codec::Framing> framings_;  ///< By stream.
    std::vector<Reach> reach_;
};

/// How many outputs a node has.
std::uint32_t outputs_of(const NodeSpec& spec);

/// A node that stands in a cycle, or nodes.size() if there is none. For those who build a Spec.
std::uint32_t in_cycle(const std::vector<NodeSpec>& nodes);

}  // namespace holdfast::flow
