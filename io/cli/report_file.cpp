#include "io/cli/report_file.hpp"

#include <filesystem>
#include <fstream>

#include "io/printable.hpp"

namespace holdfast::cli {

std::string xml(std::string_view text) {
    std::string out;
    for (const char c : io::printable(text)) {
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            default: out += c;
        }
    }
    return out;
}

std::string report_problem(const std::string& path, std::span<const std::string> files) {
    for (const std::string& file : files) {
        std::error_code error;
        if (path == file || std::filesystem::equivalent(path, file, error))
            return "--junit: " + io::printable(path) +
                   " is a config, which the report would overwrite; expected another file";
    }
    return {};
}

bool write_file(const std::string& path, const std::string& text) {
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out << text;
    out.close();
    return !out.fail();
}

}  // namespace holdfast::cli
