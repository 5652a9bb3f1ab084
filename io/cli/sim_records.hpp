// Records for a pipeline that is tried in the simulator: the user's own, where there are any.
#pragma once

#include <string>
#include <vector>

#include "io/cli/config.hpp"

namespace holdfast::cli {

struct SimRecords {
    std::vector<std::vector<std::string>> texts;  ///< By source, each record without its end.
    std::vector<std::string> origins;             ///< By source: where they are from, in words.
    std::string problem;                          ///< `file` cannot be read; or empty.
};

/// For each source: the lines of `file`; else what the config's [[tests]] put into it; else the first
/// lines of what it reads, where that is there; else some that are made, with the fields that
/// the config's programs name.
SimRecords records_for(const ConfigResult& config, const std::string& file);

/// `count` records of JSON with the fields that these programs name: `.user.id`, `.items[]`.
std::vector<std::string> made_records(const std::vector<std::string>& programs, std::size_t count);

}  // namespace holdfast::cli
