#include "core/data/flow/plan.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/assert.hpp"

namespace holdfast::flow {

const char* form_name(Form form) {
    static constexpr std::array<const char*, 6> names{"JSON",        "MsgPack", "a payload",
                                                      "an envelope", "a line",  "a sized payload"};
    return names.at(static_cast<std::size_t>(form));
}

std::uint32_t outputs_of(const NodeSpec& spec) {
    if (spec.type == NodeType::route) return spec.routes + 1;
    return spec.type == NodeType::filter || spec.type == NodeType::raw_filter ? 2 : 1;
}

std::uint32_t in_cycle(const std::vector<NodeSpec>& nodes) {
    // What has no unplaced input is placed, until nothing is left or nothing moves.
    std::vector<bool> placed(nodes.size(), false);
    for (bool moved = true; moved;) {
        moved = false;
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            const auto waits = [&](const From& from) {
                return !from.source && !placed[from.index];
            };
            const auto& inputs = nodes[i].inputs;
            if (placed[i] || std::any_of(inputs.begin(), inputs.end(), waits)) continue;
            placed[i] = moved = true;
        }
    }
    // Not all that is left stands in a cycle, some only follow one: go back until a node repeats.
    const auto left = std::find(placed.begin(), placed.end(), false);
    auto at = static_cast<std::uint32_t>(left - placed.begin());
    for (std::size_t steps = 0; at < nodes.size() && steps < nodes.size(); ++steps) {
        for (const From& from : nodes[at].inputs) {
            if (from.source || placed[from.index]) continue;
            at = from.index;
            break;
        }
    }
    return at;
}

Plan::Plan(Spec spec) : sources_(spec.sources), any_bytes_(spec.any_bytes) {
    HF_ASSERT(spec.sinks.size() <= sinks_limit);
    HF_ASSERT(in_cycle(spec.nodes) == spec.nodes.size());
    std::uint32_t port = sources_;
    for (NodeSpec& node : spec.nodes) {
        const std::uint32_t outputs = outputs_of(node);
        nodes_.push_back({node, port, outputs});
        port += outputs;
    }
    targets_.resize(port);
    connect(spec);
    for (std::uint32_t i = 0; i < sources_; ++i) reach_.push_back(walk(i));
}

std::uint32_t Plan::port_of(const From& from) const {
    if (from.source) {
        HF_ASSERT(from.index < sources_);
        return from.index;
    }
    HF_ASSERT(from.index < nodes_.size());
    HF_ASSERT(from.output < nodes_[from.index].outputs);
    return nodes_[from.index].first_port + from.output;
}

void Plan::connect(const Spec& spec) {
    for (std::uint32_t i = 0; i < nodes_.size(); ++i)
        for (const From& from : nodes_[i].spec.inputs)
            targets_[port_of(from)].push_back({.stream = false, .index = i});
    std::vector<std::pair<codec::Framing, std::vector<std::uint32_t>>> known;
    for (std::uint16_t sink = 0; sink < spec.sinks.size(); ++sink) {
        std::pair<codec::Framing, std::vector<std::uint32_t>> inputs;
        auto& [framing, ports] = inputs;
        framing = sink < spec.framings.size() ? spec.framings[sink] : codec::Framing::lines;
        for (const From& from : spec.sinks[sink]) ports.push_back(port_of(from));
        std::sort(ports.begin(), ports.end());
        const auto at = std::find(known.begin(), known.end(), inputs);
        if (at != known.end()) {
            streams_[static_cast<std::size_t>(at - known.begin())] |= mask_of(SinkId{sink});
            continue;
        }
        const auto stream = static_cast<std::uint32_t>(streams_.size());
        for (const std::uint32_t port : inputs.second) targets_[port].push_back({true, stream});
        framings_.push_back(framing);
        known.push_back(std::move(inputs));
        streams_.push_back(mask_of(SinkId{sink}));
    }
}

Reach Plan::walk(std::uint32_t source) const {
    Reach reach;
    std::vector<bool> seen(targets_.size(), false);
    std::vector<std::uint32_t> open{source};
    seen[source] = true;
    while (!open.empty()) {
        const std::uint32_t port = open.back();
        open.pop_back();
        for (const Target& target : targets_[port]) {
            auto& list = target.stream ? reach.streams : reach.nodes;
            if (std::find(list.begin(), list.end(), target.index) == list.end())
                list.push_back(target.index);
            if (target.stream) {
                reach.sinks |= streams_[target.index];
                continue;
            }
            const Node& node = nodes_[target.index];
            reach.transforms = true;
            reach.remembers = reach.remembers || node.remembers();
            for (std::uint32_t i = 0; i < node.outputs; ++i) {
                const std::uint32_t next = node.first_port + i;
                if (!seen[next]) open.push_back(next);
                seen[next] = true;
            }
        }
    }
    std::sort(reach.streams.begin(), reach.streams.end());
    std::sort(reach.nodes.begin(), reach.nodes.end());
    reach.ways = ways_from(source);
    reach.stream_ways.assign(streams_.size(), 0);
    const auto add = [&](std::uint32_t port, std::uint32_t ways) {
        for (const Target& target : targets_[port])
            if (target.stream) reach.stream_ways[target.index] += ways;
    };
    add(source, 1);
    for (std::size_t i = 0; i < nodes_.size(); ++i)
        for (std::uint32_t port = 0; port < nodes_[i].outputs; ++port)
            add(nodes_[i].first_port + port, reach.ways[i]);
    return reach;
}

std::vector<std::uint32_t> Plan::ways_from(std::uint32_t source) const {
    std::vector<std::uint32_t> ways(nodes_.size(), 0);
    // No cycle: each round is right for one node more on every way.
    for (std::size_t round = 0; round < nodes_.size(); ++round) {
        for (std::size_t i = 0; i < nodes_.size(); ++i) {
            std::uint32_t sum = 0;
            for (const From& from : nodes_[i].spec.inputs)
                sum += from.source ? (from.index == source ? 1 : 0) : ways[from.index];
            ways[i] = std::min(sum, ways_most);
        }
    }
    return ways;
}

}  // namespace holdfast::flow
