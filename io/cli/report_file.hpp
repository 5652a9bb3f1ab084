// Reports that commands write for other programs.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace holdfast::cli {

/// As it may stand in XML, which has no word for most control characters, nor for bytes that are no
/// UTF-8.
std::string xml(std::string_view text);
/// What is wrong with this path for a report on these files: it is one of them. Empty: nothing.
std::string report_problem(const std::string& path, std::span<const std::string> files);

/// Makes or replaces it; false if it cannot be written.
bool write_file(const std::string& path, const std::string& text);

}  // namespace holdfast::cli
