#include "io/devices/glob.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <set>
#include <span>
#include <utility>

#include "core/base/assert.hpp"

namespace holdfast::io {
namespace {

// File systems stamp times with a clock that ticks every few milliseconds; network ones may be
// coarser. A listing this soon after a change is not trusted to have seen all of that tick.
constexpr std::int64_t clock_grain_ns = 2'000'000'000;

std::vector<std::string> split(std::string_view path) {
    std::vector<std::string> parts;
    while (!path.empty()) {
        const auto slash = path.find('/');
        if (slash != 0) parts.emplace_back(path.substr(0, slash));
        path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    }
    return parts;
}

bool has_wildcard(std::string_view part) {
    return part.find_first_of("*?[\\") != std::string_view::npos;
}

/// The end of the set that opens at pattern[0] == '[', or npos if it never closes.
std::size_t set_end(std::string_view pattern) {
    std::size_t at = 1;
    if (at < pattern.size() && (pattern[at] == '!' || pattern[at] == '^')) ++at;
    return pattern.find(']', at + 1);
}

bool in_set(std::string_view set, char c) {
    const bool negated = set.front() == '!' || set.front() == '^';
    if (negated) set.remove_prefix(1);
    bool found = false;
    for (std::size_t i = 0; i < set.size(); ++i) {
        if (i + 2 < set.size() && set[i + 1] == '-') {
            found = found || (set[i] <= c && c <= set[i + 2]);
            i += 2;
        } else {
            found = found || set[i] == c;
        }
    }
    return found != negated;
}

/// Matches one pattern element against one character; says how long the element is.
std::pair<bool, std::size_t> match_one(std::string_view pattern, char c) {
    if (pattern[0] == '?') return {true, 1};
    if (pattern[0] == '\\' && pattern.size() > 1) return {pattern[1] == c, 2};
    if (pattern[0] == '[') {
        const std::size_t end = set_end(pattern);
        if (end != std::string_view::npos) return {in_set(pattern.substr(1, end - 1), c), end + 1};
    }
    return {pattern[0] == c, 1};
}

/// One component. Bound: O(pattern x name): only the last star is ever tried again.
bool match_part(std::string_view pattern, std::string_view name) {
    if (!name.empty() && name[0] == '.' && (pattern.empty() || pattern[0] != '.')) return false;
    std::size_t p = 0, n = 0;
    std::size_t star = std::string_view::npos, star_n = 0;
    while (n < name.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            star_n = n;
            continue;
        }
        if (p < pattern.size()) {
            const auto [same, length] = match_one(pattern.substr(p), name[n]);
            if (same) {
                p += length;
                ++n;
                continue;
            }
        }
        if (star == std::string_view::npos) return false;
        p = star + 1;
        n = ++star_n;
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

using Parts = std::span<const std::string>;

bool match_parts(Parts pattern, Parts path) {
    if (pattern.empty()) return path.empty();
    if (pattern[0] == "**") {
        if (match_parts(pattern.subspan(1), path)) return true;
        return !path.empty() && path[0][0] != '.' && match_parts(pattern, path.subspan(1));
    }
    return !path.empty() && match_part(pattern[0], path[0]) &&
           match_parts(pattern.subspan(1), path.subspan(1));
}

/// Is some path below `directory` matched?
bool reach_parts(Parts pattern, Parts directory) {
    if (pattern.empty()) return false;
    if (directory.empty()) return true;
    if (pattern[0] == "**") {
        if (reach_parts(pattern.subspan(1), directory)) return true;
        return directory[0][0] != '.' && reach_parts(pattern, directory.subspan(1));
    }
    return match_part(pattern[0], directory[0]) &&
           reach_parts(pattern.subspan(1), directory.subspan(1));
}

}  // namespace

Glob::Glob(std::string_view pattern) : pattern_(pattern), parts_(split(pattern)) {
    HF_ASSERT(!pattern.empty() && pattern[0] == '/');
    bool leading = true;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
        if (has_wildcard(parts_[i])) leading = literal_ = false;
        if (leading && i + 1 < parts_.size()) base_ += "/" + parts_[i];
    }
    if (base_.empty()) base_.push_back('/');
}

bool Glob::matches(std::string_view path) const { return match_parts(parts_, split(path)); }

bool Glob::reaches(std::string_view directory) const {
    return reach_parts(parts_, split(directory));
}

GlobWalk::GlobWalk(Ring& ring, std::vector<std::string> include,
                   const std::vector<std::string>& exclude)
    : ring_(ring) {
    for (const auto& pattern : include) include_.emplace_back(pattern);
    for (const auto& pattern : exclude) exclude_.emplace_back(pattern);
}

bool GlobWalk::matches(std::string_view path) const {
    const auto hit = [&](const Glob& glob) { return glob.matches(path); };
    return std::any_of(include_.begin(), include_.end(), hit) &&
           std::none_of(exclude_.begin(), exclude_.end(), hit);
}

Task<bool> GlobWalk::changed() {
    if (seen_.empty()) co_return true;
    // A copy of the names: the map belongs to find(), but nothing else runs in between today.
    std::vector<std::pair<std::string, Seen>> known(seen_.begin(), seen_.end());
    for (const auto& [directory, seen] : known) {
        FileStat st;
        const auto result = co_await stat(ring_, directory.c_str(), st);
        const std::int64_t modified = result < 0 ? -1 : st.modified_ns;
        if (modified != seen.modified_ns) co_return true;
        if (modified >= 0 && seen.listed_ns - modified < clock_grain_ns) co_return true;
    }
    co_return false;
}

Task<std::vector<std::string>> GlobWalk::find(
    const std::function<bool(const std::string&)>& is_file) {
    seen_.clear();
    std::vector<std::string> found;
    for (const Glob& glob : include_) {
        if (glob.literal()) {
            found.push_back(glob.pattern());
            // Its directory is watched, so that its coming and going is noticed.
            FileStat st;
            const auto result = co_await stat(ring_, glob.base().c_str(), st);
            seen_[glob.base()] = {result < 0 ? -1 : st.modified_ns, ring_.wall_ns()};
        } else {
            co_await descend(glob, is_file, found);
        }
    }
    std::erase_if(found, [this](const std::string& path) { return !matches(path); });
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    co_return found;
}

Task<> GlobWalk::descend(const Glob& glob, const std::function<bool(const std::string&)>& is_file,
                         std::vector<std::string>& found) {
    std::vector<std::string> todo{glob.base()};
    std::set<std::pair<std::uint64_t, std::uint64_t>> visited;  // Symbolic links may make rings.
    while (!todo.empty()) {
        const std::string directory = std::move(todo.back());
        todo.pop_back();
        FileStat st;
        const auto there = co_await stat(ring_, directory.c_str(), st);
        if (there < 0 && directory == glob.base()) seen_[directory] = {-1, ring_.wall_ns()};
        if (there < 0 || !S_ISDIR(st.mode)) continue;
        if (!visited.emplace(st.device, st.inode).second) continue;
        const std::int64_t before = ring_.wall_ns();
        std::vector<std::string> names;
        const auto listed = co_await list(ring_, directory.c_str(), names);
        if (listed < 0) continue;
        seen_[directory] = {st.modified_ns, before};
        for (const std::string& name : names) {
            std::string path = directory == "/" ? "/" + name : directory + "/" + name;
            const bool match = glob.matches(path);
            if (glob.reaches(path) && !is_file(path)) todo.push_back(path);
            if (match) found.push_back(std::move(path));
        }
    }
}

}  // namespace holdfast::io
