// What keeps nothing, as itself; and in the place of sinks that cannot be played.
#include "io/component/kind.hpp"
#include "io/component/registry.hpp"
#include "sim/models/models.hpp"

namespace holdfast::sim {

PlayedSink play_blackhole(const io::SinkSettings& settings) {
    return {.settings = settings, .path = {}, .fd = -1, .not_played = {}};
}

PlayedSink keep_nothing(io::SinkSettings settings) {
    settings.kind = io::sink_kind("blackhole");
    settings.own = settings.kind->settings(nullptr, "/");
    return {.settings = std::move(settings), .path = {}, .fd = -1, .not_played = {}};
}

}  // namespace holdfast::sim
