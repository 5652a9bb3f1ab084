// The flags of `holdfast jq`, as jq has them.
#pragma once

#include <string>
#include <vector>

#include "core/jq/machine/compiler.hpp"

namespace holdfast::cli {

struct JqOptions {
    std::string program;
    std::string program_file;          ///< Of -f; else empty.
    std::vector<std::string> jq_path;  ///< Of -L.
    std::vector<std::string> files;    ///< None: standard input.
    bool compact = false;
    bool raw = false;   ///< Texts as they are, without quotes.
    bool join = false;  ///< As raw, and without newlines.
    bool ascii = false;
    bool sort_keys = false;
    bool null_input = false;
    bool slurp = false;
    bool raw_input = false;  ///< Each line is a text.
    bool exit_status = false;
    bool stream = false;    ///< Values as paths and leaves.
    bool sequence = false;  ///< RS before each output, and between inputs.
    bool zero = false;      ///< As raw, and NUL behind each output.
    bool help = false;
    int indent = 2;
    bool tabs = false;
    std::vector<jq::machine::NamedValue> named;  ///< --arg, --argjson, --slurpfile, --rawfile.
    std::vector<std::string> positional;         ///< --args and --jsonargs: JSON.
};

/// What stands behind `holdfast jq`. Empty: fine; else what is wrong.
std::string read_jq_options(const std::vector<std::string>& arguments, JqOptions& out);

extern const char* const jq_help;

}  // namespace holdfast::cli
