// See row.hpp.
#include "io/component/row.hpp"

#include <fmt/core.h>

#include "io/devices/glob.hpp"
#include "io/printable.hpp"

namespace holdfast::io {

std::string absolute_path(const std::filesystem::path& folder, const std::string& path) {
    if (path.empty()) return {};
    return (folder / path).lexically_normal().string();
}

std::string absolute_pattern(const std::filesystem::path& folder, const std::string& pattern) {
    return absolute_path(escape_glob(folder.string()), pattern);
}

void check_permissions(const Value& mode, const Complain& complain) {
    if (!mode.given || parse_mode(mode.text)) return;
    complain(mode.place, fmt::format("mode is {}; expected three octal digits of which the first "
                                     "lets the owner read and write, such as \"0640\"",
                                     in_quotes(mode.text)));
}

}  // namespace holdfast::io
