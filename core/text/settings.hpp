// What a parser of text is asked for: `type = "parse"` of a config.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/codec/path.hpp"

namespace holdfast::text {

enum class Format : std::uint8_t { json, logfmt, key_value, csv, regex, syslog };

/// "key_value"
const char* format_name(Format format);

struct ParseSettings {
    Format format = Format::json;
    std::string pair_separator =
        " ";  ///< key_value. Not empty; neither holds the other or a quote.
    std::string key_separator = "=";
    std::vector<std::string> columns;  ///< csv: each another name; at least one.
    std::string separator = ",";       ///< csv: as pair_separator.
    bool skip_header = false;          ///< csv: a line of the columns' names is no record.
    std::string pattern;               ///< regex: of Oniguruma, with named groups.
    bool numbers = false;              ///< What is a number of JSON, and not quoted, becomes one.
    std::optional<codec::Path> field;  ///< Where the text is; none: it is the record. Keys only.
    std::string field_name;            ///< As it was written, for errors.
    std::string into;               ///< The key for what it gives; empty: it is the record's own.
    bool keep_text = false;         ///< The field stays.
    std::uint32_t keys_max = 1000;  ///< Of a text.
};

/// Whether a text decides how many keys it has.
constexpr bool has_keys_max(Format format) {
    return format == Format::logfmt || format == Format::key_value || format == Format::syslog;
}

/// All of it in words: `logfmt of .log, into "fields"`.
std::string text_of(const ParseSettings& settings);

}  // namespace holdfast::text
