// JSON to text where programs stand: `type = "format"` of transforms.
//
// Rule 1: what it gives is one line of text, and no JSON. A text with a newline would be two records: it
//         is an error of its record.
// Rule 2: what it writes as logfmt or CSV is read back by `parse`: text that looks like a number is in
//         quotes, where `numbers` wants it to be none.
// Doesn't know: policies.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/codec/path.hpp"
#include "core/data/program.hpp"

namespace holdfast::text {

enum class Layout : std::uint8_t { logfmt, csv, program };

struct FormatSettings {
    Layout layout = Layout::logfmt;
    std::vector<std::string> columns;  ///< csv: as they were written.
    std::vector<codec::Path> paths;    ///< Of each.
    std::string separator = ",";       ///< csv: not empty; no quote and no newline.
};

/// "csv"; "template" of a program.
const char* layout_name(Layout layout);
/// `csv "id","user.name"`.
std::string text_of(const FormatSettings& settings);

/// Requires: not Layout::program.
std::unique_ptr<Program> make_format_program(const FormatSettings& settings);

/// The outputs of another program, each as a line: the characters of a string, the JSON of all else.
std::unique_ptr<Program> make_template_program(std::unique_ptr<Program> program);

}  // namespace holdfast::text
