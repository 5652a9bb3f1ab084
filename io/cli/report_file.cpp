#include "io/cli/report_file.hpp"

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

bool write_file(const std::string& path, const std::string& text) {
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out << text;
    out.close();
    return !out.fail();
}

}  // namespace holdfast::cli
