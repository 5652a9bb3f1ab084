// The flags of `holdfast jq`, as jq has them.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::cli {

struct JqOptions {
    std::string program;
    std::vector<std::string> files;  ///< None: standard input.
    bool compact = false;
    bool raw = false;   ///< Texts as they are, without quotes.
    bool join = false;  ///< As raw, and without newlines.
    bool ascii = false;
    bool sort_keys = false;
    bool null_input = false;
    bool slurp = false;
    bool raw_input = false;  ///< Each line is a text.
    bool exit_status = false;
    bool help = false;
    int indent = 2;
    bool tabs = false;
    std::vector<std::pair<std::string, std::string>> named;  ///< --arg and --argjson: name, JSON.
    std::vector<std::string> positional;                     ///< --args and --jsonargs: JSON.
};

/// What stands behind `holdfast jq`. Empty: fine; else what is wrong.
std::string read_jq_options(const std::vector<std::string>& arguments, JqOptions& out);

/// The program with what its arguments bind before it; how many bytes that are.
std::string with_arguments(const JqOptions& options, std::size_t& before);

/// Whether it is one JSON value.
bool is_json(std::string_view text);

extern const char* const jq_help;

}  // namespace holdfast::cli
