// Files: names that the source's patterns match, on the simulated disk.
#include <algorithm>

#include "io/component/kind.hpp"
#include "io/devices/glob.hpp"
#include "io/sinks/file/settings.hpp"
#include "io/sources/file/settings.hpp"
#include "sim/models/models.hpp"

namespace holdfast::sim {
namespace {

/// A name that one part of a pattern matches.
std::string name_for(std::string_view part, std::string_view word) {
    std::string out;
    for (std::size_t i = 0; i < part.size(); ++i) {
        const char c = part[i];
        if (c == '*') {
            out += word;
        } else if (c == '?') {
            out += word[0];
        } else if (c == '\\' && i + 1 < part.size()) {
            out += part[++i];
        } else if (c == '[' && part.find(']', i + 2) != std::string_view::npos) {
            out += part[i + 1] == '!' ? '~' : part[i + 1];
            i = part.find(']', i + 2);
        } else {
            out += c;
        }
    }
    return out;
}

std::string path_for(const std::string& pattern, std::string_view word) {
    std::string out;
    for (std::size_t at = 1; at <= pattern.size();) {
        const std::size_t end = std::min(pattern.find('/', at), pattern.size());
        const std::string_view part = std::string_view(pattern).substr(at, end - at);
        at = end + 1;
        if (part != "**")
            out += "/" + name_for(part, word);
        else if (at > pattern.size())
            out += "/" + std::string(word);
    }
    return out;
}

}  // namespace

PlayedSource play_file(const io::SourceSettings& settings) {
    PlayedSource out{.settings = settings};
    io::FileSourceSettings own = io::own<io::FileSourceSettings>(settings);
    for (const std::string& pattern : own.include)
        for (const char* word : {"a", "b"}) {
            const std::string path = path_for(pattern, word);
            if (settings.kind->reads(settings, pattern, path) &&
                std::ranges::count(out.paths, path) == 0)
                out.paths.push_back(path);
        }
    if (out.paths.empty()) out.not_played = "no name was found that its patterns match";
    if (own.read_from == io::ReadFrom::end) {
        own.read_from = io::ReadFrom::beginning;
        out.note =
            "it reads from the beginning here: what stood there before the first start "
            "cannot be told apart";
    }
    out.ends = own.end == io::EndAt::eof;
    out.grows = settings.framing != io::Framing::json_array;
    out.rotates = settings.framing == io::Framing::lines;
    out.settings.own = std::make_shared<io::FileSourceSettings>(std::move(own));
    return out;
}

PlayedSink play_file(const io::SinkSettings& settings) {
    return {.settings = settings,
            .path = io::own<io::FileSinkSettings>(settings).path,
            .fd = -1,
            .not_played = {}};
}

}  // namespace holdfast::sim
