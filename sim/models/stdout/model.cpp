// Standard output: appended to a file, as with a shell's `>>`.
#include "sim/models/models.hpp"

namespace holdfast::sim {

PlayedSink play_stdout(const io::SinkSettings& settings) {
    return {.settings = settings, .path = "/standard/output", .fd = 1, .not_played = {}};
}

}  // namespace holdfast::sim
