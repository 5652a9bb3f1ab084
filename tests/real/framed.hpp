// A pipeline of files with a key for their framing, run to its end in a folder of its own.
#pragma once

#include <filesystem>
#include <string>

#include "tests/real/campaign.hpp"

namespace holdfast::real {

inline std::string head(const std::string& framing, const std::string& more = "") {
    return "data_dir = \"state\"\n[engine]\nmemory_limit = \"4MiB\"\ncommit_interval = \"3ms\"\n"
           "[sources.in]\ntype = \"file\"\ninclude = [\"in.data\"]\nend = \"eof\"\n"
           "poll_interval = \"5ms\"\nframing = \"" +
           framing + "\"\n" + more;
}

inline std::string file_sink(const std::string& name, const std::string& input,
                             const std::string& more = "") {
    return "[sinks." + name + "]\ntype = \"file\"\ninputs = [\"" + input + "\"]\npath = \"out/" +
           name + "\"\nbatch = { max_bytes = \"64KiB\" }\n" + more;
}

inline constexpr const char* dead_letters_in_out =
    "[dead_letters]\ntype = \"file\"\npath = \"out/dead\"\n";

/// Of the record with this number: records differ in size.
inline std::string padding(std::uint64_t n) { return std::string(20 + n * 7 % 150, 'x'); }

inline void forget(const TempDir& folder) {
    std::filesystem::remove_all(folder.at("state"));
    std::filesystem::remove_all(folder.at("out"));
}

inline Exited run_in(const TempDir& folder, const std::string& config) {
    folder.write("pipe.toml", config);
    return run({"run", "--progress", "off", folder.at("pipe.toml")});
}

}  // namespace holdfast::real
