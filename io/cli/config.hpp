// The config file: from text to a PipelineConfig, or to every problem in it.
//
// Rule 1: all problems are reported at once, in the order of the file, each with what is wrong and
//         what was expected.
// Rule 2: what passes here is accepted by Engine::check too; nothing is refused later.
// Doesn't know: whether files exist or can be read. That is the world's affair, and may change.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "io/cli/config_tests.hpp"
#include "io/component/values.hpp"
#include "io/runner/pipeline_config.hpp"

namespace holdfast::cli {

struct ConfigResult {
    io::PipelineConfig config;
    /// `file(line,column): ...`, and perhaps the line of the file and marks as lines below; empty:
    /// the config is good.
    std::vector<std::string> problems;
    std::vector<std::string> notes;  ///< The same, of what hardly works as it was meant.
    std::vector<TestCase> tests;     ///< Its `[[tests]]`.
    /// Where keys stand, by their whole names ("sinks.out.fsync"); of what isn't written: its
    /// section.
    std::map<std::string, io::Place> places;
};

/// Reads the config from `text`. `file` is its name: for messages, and its folder is what relative
/// paths are relative to (itself relative to the working directory). `set`: values of --set.
ConfigResult parse_config(std::string_view text, const std::string& file,
                          const std::vector<std::string>& set);

/// As parse_config, from a file. A file that cannot be read is a problem too.
ConfigResult load_config(const std::string& file, const std::vector<std::string>& set);

/// A problem's lines, each for itself.
std::vector<std::string> lines_of_problem(std::string_view problem);

/// The same of a pipeline that is to run elsewhere: nobody asks whether its memory fits here.
ConfigResult load_config_of_elsewhere(const std::string& file, const std::vector<std::string>& set);

}  // namespace holdfast::cli
