#include "io/sources/file/rotated_names.hpp"

#include <algorithm>
#include <array>

namespace holdfast::io {
namespace {

bool separates(char c) { return c == '.' || c == '-' || c == '_'; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Is this what a rotation puts before an extension: .1, -20260131, _2026-01-31T23? A number alone
/// may as well be that of another program's log, so behind - and _ only a date counts.
bool is_number_or_date(std::string_view text) {
    if (text.size() < 2 || !separates(text[0])) return false;
    std::size_t digits = 0;
    for (const char c : text.substr(1)) {
        if (!is_digit(c) && !separates(c) && c != 'T' && c != ':') return false;
        digits += is_digit(c) ? 1 : 0;
    }
    return digits >= 6 || (text[0] == '.' && digits == text.size() - 1 && digits <= 3);
}

/// Is this what a rotation puts behind a name: 1, 0001, 20260131-1769, 2026-01-31T23:00, old?
bool is_suffix(std::string_view text) {
    static constexpr std::array<std::string_view, 4> words{"old", "prev", "last", "bak"};
    if (std::find(words.begin(), words.end(), text) != words.end()) return true;
    bool has_digit = false;
    for (const char c : text) {
        if (!is_digit(c) && !separates(c) && c != 'T' && c != 'Z' && c != ':') return false;
        has_digit = has_digit || is_digit(c);
    }
    return has_digit;
}

}  // namespace

std::string directory_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == 0 ? "/" : path.substr(0, slash);
}

std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string join(const std::string& directory, const std::string& name) {
    return directory == "/" ? "/" + name : directory + "/" + name;
}

bool compressed(std::string_view name) {
    for (const char* suffix : {".gz", ".bz2", ".xz", ".zst", ".lz4", ".Z", ".zip", ".lzma"}) {
        if (name.ends_with(suffix)) return true;
    }
    return false;
}

std::string_view stem_of(std::string_view base) {
    const auto dot = base.rfind('.');
    return dot == std::string_view::npos || dot == 0 ? base : base.substr(0, dot);
}

bool rotated_from(std::string_view name, std::string_view base) {
    if (name.size() <= base.size() || compressed(name)) return false;
    if (name.starts_with(base)) return separates(name[base.size()]);
    const std::string_view stem = stem_of(base);
    const std::string_view extension = base.substr(stem.size());
    if (extension.empty() || !name.starts_with(stem) || !name.ends_with(extension)) return false;
    return is_number_or_date(
        name.substr(stem.size(), name.size() - stem.size() - extension.size()));
}

std::vector<std::string> bases_of(std::string_view name) {
    std::vector<std::string> bases;
    if (compressed(name)) return bases;
    const std::size_t dot = stem_of(name).size();
    for (std::size_t i = 1; i < name.size(); ++i) {
        if (!separates(name[i])) continue;
        if (is_suffix(name.substr(i + 1))) bases.emplace_back(name.substr(0, i));
        if (i < dot && is_number_or_date(name.substr(i, dot - i))) {
            bases.push_back(std::string(name.substr(0, i)) + std::string(name.substr(dot)));
        }
    }
    return bases;
}

}  // namespace holdfast::io
