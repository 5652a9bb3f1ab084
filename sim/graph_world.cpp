// Random graphs of transforms, evaluated whole and without what isn't on the way to a sink. What is
// demanded: I81 (what a sink gets depends only on the transforms between it and its sources: the
// same bytes, also where sizes are near the limits and records fail), I82 (what a slice's streams
// come to lies within what flow::most_written says).
#include <algorithm>
#include <string>
#include <vector>

#include "core/base/mix.hpp"
#include "core/data/flow/evaluate.hpp"
#include "sim/breach.hpp"
#include "sim/device_worlds.hpp"

namespace holdfast::sim {
namespace {

using flow::From;
using flow::NodeType;

constexpr std::uint64_t site = 0x67726170;

/// What a node's program does to a record; all by the record's bytes alone.
struct Does {
    std::uint32_t times = 1;     ///< Outputs of a record.
    std::uint32_t prefix = 0;    ///< Bytes that each of them gains.
    std::uint32_t fails_at = 0;  ///< Fails where the first letter is this one; 0: never.
    std::uint32_t keeps = 0;     ///< Conditions: hold where the length is odd (1), even (2), ever.
};

class Stub final : public Program {
public:
    explicit Stub(Does does) : does_(does) {}
    ProgramResult run(std::span<const std::byte> record, std::vector<std::byte>& out,
                      std::string& error) override {
        const auto first = record.empty() ? 0 : std::to_integer<std::uint32_t>(record.front());
        if (does_.fails_at != 0 && first == does_.fails_at) {
            error = "fails";
            return {Verdict::fail, 0};
        }
        if (does_.keeps != 0) {
            const bool holds = does_.keeps == 3 || record.size() % 2 == does_.keeps - 1;
            return {holds ? Verdict::keep : Verdict::drop, holds ? 1u : 0u};
        }
        if (does_.times == 0) return {Verdict::drop, 0};
        for (std::uint32_t i = 0; i < does_.times; ++i) {
            out.insert(out.end(), does_.prefix, std::byte{'p'});
            out.insert(out.end(), record.begin(), record.end());
            out.push_back(std::byte{'\n'});
        }
        return {Verdict::change, does_.times};
    }
    std::unique_ptr<Program> clone() const override { return std::make_unique<Stub>(does_); }
    std::string engine() const override { return "stub"; }

private:
    Does does_;
};

struct Graph {
    flow::Spec spec;
    std::vector<std::vector<Does>> does;  ///< By node.
    flow::Limits limits;
    bool may_end_early = false;
};

/// What each sink got of a text, over all slices.
class Run {
public:
    Run(const Graph& graph, const std::string& text) : graph_(graph), text_(text) {}

    std::vector<std::string> sinks(SourceId source) {
        const flow::Plan plan(graph_.spec);
        flow::Memory memory(plan);
        flow::Evaluator evaluator(plan, memory, programs(), graph_.limits);
        std::vector<std::string> out(graph_.spec.sinks.size());
        flow::Result result;
        auto left = static_cast<std::uint32_t>(std::count(text_.begin(), text_.end(), '\n'));
        for (std::size_t at = 0; left > 0; at = result.end, left -= result.records) {
            flow::Input input;
            input.source = source;
            input.bytes = input.readable = std::as_bytes(std::span(text_.data(), text_.size()));
            input.begin = at;
            input.records = left;
            input.may_end_early = graph_.may_end_early;
            evaluator.run(input, result);
            demand(result.records > 0 && result.end > at, "I81", "a slice takes nothing");
            judge_size(plan, source, result);
            for (std::size_t s = 0; s < plan.streams().size(); ++s)
                for (std::size_t sink = 0; sink < out.size(); ++sink)
                    if (plan.streams()[s] >> sink & 1)
                        out[sink] += bytes_of(plan, source, static_cast<std::uint32_t>(s), result);
        }
        return out;
    }

private:
    std::vector<flow::NodePrograms> programs() const {
        std::vector<flow::NodePrograms> out;
        for (const auto& node : graph_.does) {
            out.emplace_back();
            for (const Does& does : node)
                out.back().programs.push_back(std::make_unique<Stub>(does));
        }
        return out;
    }

    void judge_size(const flow::Plan& plan, SourceId source, const flow::Result& result) const {
        if (!graph_.may_end_early) return;
        std::size_t written = 0;
        for (const std::uint32_t s : plan.reach(source).streams)
            written += result.streams[s].size();
        const std::size_t most =
            flow::most_written(plan, graph_.limits, source, result.end - result.begin);
        demand(written <= most, "I82",
               std::to_string(written) + " bytes are written, " + std::to_string(most) +
                   " were to be the most");
    }

    std::string bytes_of(const flow::Plan& plan, SourceId source, std::uint32_t stream,
                         const flow::Result& result) const {
        const auto& reached = plan.reach(source).streams;
        if (std::find(reached.begin(), reached.end(), stream) == reached.end()) return {};
        const flow::Stream& of = result.streams[stream];
        if (of.whole()) return text_.substr(result.begin, result.end - result.begin);
        return {reinterpret_cast<const char*>(of.bytes().data()), of.bytes().size()};
    }

    const Graph& graph_;
    const std::string& text_;
};

/// The same graph with what is between one sink and its sources, and nothing else.
Graph only_before(const Graph& whole, std::size_t sink) {
    std::vector<bool> wanted(whole.spec.nodes.size(), false);
    std::vector<From> open = whole.spec.sinks[sink];
    while (!open.empty()) {
        const From from = open.back();
        open.pop_back();
        if (from.source || wanted[from.index]) continue;
        wanted[from.index] = true;
        const auto& inputs = whole.spec.nodes[from.index].inputs;
        open.insert(open.end(), inputs.begin(), inputs.end());
    }
    Graph out{.spec = {}, .does = {}, .limits = whole.limits, .may_end_early = whole.may_end_early};
    out.spec.sources = whole.spec.sources;
    std::vector<std::uint32_t> now(wanted.size(), 0);
    const auto moved = [&](std::vector<From> inputs) {
        for (From& from : inputs)
            if (!from.source) from.index = now[from.index];
        return inputs;
    };
    // Inputs come first: a node's are of lower numbers.
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (!wanted[i]) continue;
        now[i] = static_cast<std::uint32_t>(out.spec.nodes.size());
        out.spec.nodes.push_back(whole.spec.nodes[i]);
        out.spec.nodes.back().inputs = moved(whole.spec.nodes[i].inputs);
        out.does.push_back(whole.does[i]);
    }
    out.spec.sinks.push_back(moved(whole.spec.sinks[sink]));
    return out;
}

class Draw {
public:
    explicit Draw(std::uint64_t seed) : seed_(seed) {}

    std::uint64_t below(std::uint64_t n) { return scale(mix(seed_, site, 0, ++asked_), n); }

    Graph graph() {
        Graph out;
        out.spec.sources = static_cast<std::uint32_t>(1 + below(2));
        const std::uint64_t nodes = 1 + below(7);
        for (std::uint64_t i = 0; i < nodes; ++i) add_node(out);
        const std::uint64_t sinks = 1 + below(4);
        for (std::uint64_t i = 0; i < sinks; ++i) out.spec.sinks.push_back(inputs(out));
        for (std::uint32_t i = 0; i < out.spec.sources; ++i)
            out.limits.record_bytes.push_back(20 + below(100));
        out.limits.slice_bytes = 20 + below(400);
        out.may_end_early = below(2) == 0;
        return out;
    }

    /// Lines of up to the source's limit, most of them near it or short.
    std::string text(std::size_t longest) {
        std::string out;
        for (std::uint64_t lines = 1 + below(10); lines > 0; --lines) {
            std::size_t size = below(2) == 0 ? below(longest) : longest - 1 - below(10);
            out += std::string(1, static_cast<char>('a' + below(4)));
            for (; size > 2; --size) out += 'z';
            out += '\n';
        }
        return out;
    }

private:
    std::vector<From> inputs(const Graph& graph) {
        std::vector<From> out;
        for (std::uint64_t many = 1 + below(2); many > 0; --many) {
            const std::uint64_t at = below(graph.spec.sources + graph.spec.nodes.size());
            From from{true, static_cast<std::uint32_t>(at), 0};
            if (at >= graph.spec.sources) {
                from.source = false;
                from.index -= graph.spec.sources;
                from.output = static_cast<std::uint32_t>(
                    below(flow::outputs_of(graph.spec.nodes[from.index])));
            }
            if (std::find(out.begin(), out.end(), from) == out.end()) out.push_back(from);
        }
        return out;
    }

    Does does(bool condition) {
        Does out;
        out.fails_at = below(3) == 0 ? static_cast<std::uint32_t>('a' + below(4)) : 0;
        out.keeps = condition ? static_cast<std::uint32_t>(1 + below(3)) : 0;
        out.times = static_cast<std::uint32_t>(below(4));
        out.prefix = static_cast<std::uint32_t>(below(12));
        return out;
    }

    void add_node(Graph& graph) {
        flow::NodeSpec node;
        node.name = "n" + std::to_string(graph.spec.nodes.size());
        node.inputs = inputs(graph);
        node.on_error = below(2) == 0 ? flow::OnError::drop : flow::OnError::dead_letter;
        node.unrouted = static_cast<flow::Unrouted>(below(3));
        std::vector<Does> programs;
        switch (below(6)) {
            case 0:
                node.type = NodeType::filter;
                programs.push_back(does(true));
                break;
            case 1:
                node.type = NodeType::route;
                node.routes = static_cast<std::uint32_t>(1 + below(3));
                for (std::uint32_t i = 0; i < node.routes; ++i) programs.push_back(does(true));
                break;
            case 2:
                node.type = NodeType::sample;
                node.rate = 1 + below(3);
                break;
            case 3:
                node.type = NodeType::dedupe;
                node.entries = static_cast<std::uint32_t>(1 + below(4));
                break;
            default:
                node.type = NodeType::program;
                programs.push_back(does(false));
                break;
        }
        graph.spec.nodes.push_back(std::move(node));
        graph.does.push_back(std::move(programs));
    }

    std::uint64_t seed_;
    std::uint64_t asked_ = 0;
};

void compare(std::uint64_t seed) {
    Draw draw(seed);
    const Graph graph = draw.graph();
    const SourceId source{static_cast<std::uint16_t>(draw.below(graph.spec.sources))};
    const std::string text = draw.text(graph.limits.record_bytes_of(source));
    const auto whole = Run(graph, text).sinks(source);
    for (std::size_t sink = 0; sink < whole.size(); ++sink) {
        const Graph part = only_before(graph, sink);
        const std::string alone = Run(part, text).sinks(source).front();
        demand(whole[sink] == alone, "I81",
               "sink " + std::to_string(sink) + " gets " + std::to_string(whole[sink].size()) +
                   " bytes of the whole graph, " + std::to_string(alone.size()) +
                   " of what is before it");
    }
}

}  // namespace

std::optional<Breach> run_graphs(std::uint64_t seed) {
    try {
        compare(seed);
    } catch (const Breach& breach) {
        return breach;
    }
    return std::nullopt;
}

}  // namespace holdfast::sim
