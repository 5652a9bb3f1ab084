// The list: a line a kind that is played. See models.hpp.
#include "sim/models/models.hpp"

#include <array>

#include "io/component/kind.hpp"

namespace holdfast::sim {

PlayedSource play_file(const io::SourceSettings& settings);
PlayedSource play_stdin(const io::SourceSettings& settings);
PlayedSource give_stream(io::SourceSettings settings, int fd);

PlayedSink play_file(const io::SinkSettings& settings);
PlayedSink play_stdout(const io::SinkSettings& settings);
PlayedSink play_socket(const io::SinkSettings& settings);
PlayedSink play_blackhole(const io::SinkSettings& settings);
PlayedSink keep_nothing(io::SinkSettings settings);

namespace {

constexpr std::array source_models{
    SourceModel{"file", play_file},
    SourceModel{"stdin", play_stdin},
};

constexpr std::array sink_models{
    SinkModel{"file", play_file},
    SinkModel{"stdout", play_stdout},
    SinkModel{"socket", play_socket},
    SinkModel{"blackhole", play_blackhole},
};

}  // namespace

PlayedSource play(const io::SourceSettings& settings, std::uint32_t index) {
    for (const SourceModel& model : source_models)
        if (model.kind == settings.kind->name()) return model.play(settings);
    // Descriptors that nobody else has.
    PlayedSource out = give_stream(settings, -2 - static_cast<int>(index));
    out.note = "the device of " + std::string(settings.kind->name()) +
               " has no model and is not simulated: its records come in a stream that is read once";
    return out;
}

PlayedSink play(const io::SinkSettings& settings) {
    for (const SinkModel& model : sink_models)
        if (model.kind == settings.kind->name()) return model.play(settings);
    PlayedSink out = keep_nothing(settings);
    out.not_played = "there is no model of what " + std::string(settings.kind->name()) +
                     " writes to: it takes everything here, and what came is not looked at";
    return out;
}

}  // namespace holdfast::sim
