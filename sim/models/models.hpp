// How kinds of sources and sinks are played on the simulated disk: a folder a kind, and one list.
//
// Rule 1: what is played is the kind's own device, in production's object code; a model says which
//         files stand for what the device reads or writes.
// Rule 2: a kind without a model has a stand-in: a source whose records come in a stream that is read
//         once, a sink that takes everything and keeps nothing. Whoever asked is told.
// Lives: nothing here has state.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "io/component/settings.hpp"

namespace holdfast::sim {

struct PlayedSource {
    io::SourceSettings settings;     ///< As the runner gets them.
    std::vector<std::string> paths;  ///< Files on the simulated disk that it reads.
    int fd = -1;             ///< The one path is this descriptor of the process; -1: it is none.
    bool ends = false;       ///< It comes to an end by itself when all is read.
    bool grows = true;       ///< More may be written while it reads.
    bool rotates = false;    ///< A file may be renamed, and another begun in its place.
    std::string not_played;  ///< Why there is a stand-in; empty: there is none.
    std::string note;        ///< What of its settings is played otherwise; or empty.
};

struct PlayedSink {
    io::SinkSettings settings;
    std::string path;  ///< Where what came stands; empty: nowhere.
    int fd = -1;       ///< The path is this descriptor of the process; -1: no.
    std::string not_played;
    bool is_peer = false;  ///< What came stands with a peer in the network instead.
};

struct SourceModel {
    std::string_view kind;
    PlayedSource (*play)(const io::SourceSettings& settings);
};

struct SinkModel {
    std::string_view kind;
    PlayedSink (*play)(const io::SinkSettings& settings);
};

/// `index`: of the source in its pipeline.
PlayedSource play(const io::SourceSettings& settings, std::uint32_t index);
PlayedSink play(const io::SinkSettings& settings);

}  // namespace holdfast::sim
