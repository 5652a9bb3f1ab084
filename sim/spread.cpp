#include "sim/spread.hpp"

#include <bit>

namespace holdfast::sim {
namespace {

constexpr std::uint16_t nowhere = 0xfffe;

SinkId spread(SinkId sink, std::uint32_t by) {
    return SinkId{static_cast<std::uint16_t>(sink.index * by)};
}

void compact(SinkId& sink, std::uint32_t by) {
    if (sink == no_sink) return;
    sink.index = static_cast<std::uint16_t>(sink.index % by == 0 ? sink.index / by : nowhere);
}

}  // namespace

SinkMask spread_mask(SinkMask sinks, std::uint32_t by) {
    SinkMask out = 0;
    for (; sinks != 0; sinks &= sinks - 1) {
        out |= SinkMask{1} << (static_cast<std::uint32_t>(std::countr_zero(sinks)) * by);
    }
    return out;
}

Event spread(const Event& event, std::uint32_t by) {
    Event out = event;
    if (auto* lead = std::get_if<PartitionLead>(&out)) {
        lead->sink = spread(lead->sink, by);
    } else if (auto* share = std::get_if<SinkShare>(&out)) {
        share->sink = spread(share->sink, by);
    } else if (auto* synced = std::get_if<SinkSynced>(&out)) {
        synced->sink = spread(synced->sink, by);
    } else if (auto* broken = std::get_if<SinkBroken>(&out)) {
        broken->sink = spread(broken->sink, by);
    } else if (auto* sliced = std::get_if<SliceTransformed>(&out)) {
        sliced->route = spread_mask(sliced->route, by);
    }
    return out;
}

void compact(std::span<Effect> effects, std::span<Part> parts, std::uint32_t by) {
    for (Effect& effect : effects) {
        std::visit(
            [by](auto& e) {
                if constexpr (requires { e.sink; }) compact(e.sink, by);
            },
            effect);
    }
    for (Part& part : parts) compact(part.sink, by);
}

}  // namespace holdfast::sim
