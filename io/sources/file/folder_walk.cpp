#include "io/sources/file/folder_walk.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "core/base/mutant.hpp"

namespace holdfast::io {
namespace {

// File systems stamp times with a clock that ticks every few milliseconds; network ones may be
// coarser. A listing this soon after a change is not trusted to have seen all of that tick.
constexpr std::int64_t clock_grain_ns = 2'000'000'000;

/// Nothing stands there that could be looked into: no entry, a link to nothing, a ring of links.
bool is_nothing(std::int64_t result) {
    return result == -ENOENT || result == -ENOTDIR || result == -ELOOP;
}

}  // namespace

FolderWalk::FolderWalk(Ring& ring, const std::vector<std::string>& include,
                       const std::vector<std::string>& exclude)
    : ring_(ring), include_(include), exclude_(exclude) {}

bool FolderWalk::excluded(std::string_view path) const {
    return !mutant(150) && exclude_.covers(path);
}

bool FolderWalk::matches(std::string_view path) const {
    return include_.matches(path) && !excluded(path);
}

std::map<std::string, std::int64_t> FolderWalk::folders() const {
    std::map<std::string, std::int64_t> all;
    for (const auto& [folder, seen] : seen_) {
        if (seen.modified_ns >= 0) all.emplace(folder, seen.modified_ns);
    }
    return all;
}

Task<bool> FolderWalk::changed() {
    if (seen_.empty()) co_return true;
    // A copy of the names: the map belongs to find(), but nothing else runs in between today.
    std::vector<std::pair<std::string, Seen>> known(seen_.begin(), seen_.end());
    for (const auto& [directory, seen] : known) {
        FileStat st;
        ++looks_;
        const auto result = co_await stat(ring_, directory.c_str(), st);
        const std::int64_t modified = result < 0 ? -1 : st.modified_ns;
        if (modified != seen.modified_ns) co_return true;
        if (modified >= 0 && seen.listed_ns - modified < clock_grain_ns) co_return true;
    }
    co_return false;
}

Task<std::vector<std::string>> FolderWalk::find(const IsFile& is_file) {
    seen_.clear();
    failed_.clear();
    found_.clear();
    visited_.clear();
    todo_.push_back({"", include_.begin(), exclude_.begin()});
    while (!todo_.empty()) {
        Place place = std::move(todo_.back());
        todo_.pop_back();
        co_await look_into(std::move(place), is_file);
    }
    visited_.clear();
    std::sort(found_.begin(), found_.end());
    found_.erase(std::unique(found_.begin(), found_.end()), found_.end());
    co_return std::move(found_);
}

/// The states that this folder was not looked at for yet stay in `states`; false: none.
bool FolderWalk::leave_out_known(const FileStat& st, GlobStates& states) {
    GlobStates& known = visited_[{st.device, st.inode}];
    GlobStates fresh;
    std::set_difference(states.begin(), states.end(), known.begin(), known.end(),
                        std::back_inserter(fresh));
    GlobStates all;
    std::set_union(states.begin(), states.end(), known.begin(), known.end(),
                   std::back_inserter(all));
    known = std::move(all);
    states = std::move(fresh);
    return include_.goes_on(states);
}

/// Of what a listing named, a folder is said once: it cannot be searched, whatever is in it.
void FolderWalk::failed(const Place& place, std::int64_t result) {
    if (!place.named && is_nothing(result)) return;
    const std::string path = place.named ? place.path : place.path.substr(0, place.path.rfind('/'));
    failed_.emplace(path.empty() ? "/" : path, result);
}

Task<> FolderWalk::look_into(Place place, const IsFile& is_file) {
    const std::string path = place.path.empty() ? "/" : place.path;
    FileStat st;
    ++looks_;
    auto result = co_await stat(ring_, path.c_str(), st);
    if (result >= 0 && !S_ISDIR(st.mode)) result = -ENOTDIR;
    if (result < 0) {
        if (place.named) seen_[path] = {-1, ring_.wall_ns()};
        failed(place, result);
        co_return;
    }
    if (!leave_out_known(st, place.include)) co_return;
    const std::vector<std::string> known = include_.names(place.include);
    bool is_watched = false;
    for (const std::string& name : known) {
        const bool is_match = enter(place, name, true, is_file);
        is_watched = is_watched || is_match;
    }
    const std::int64_t before = ring_.wall_ns();
    if (!include_.only_names(place.include)) {
        std::vector<std::string> names;
        ++looks_;
        const auto listed = co_await list(ring_, path.c_str(), names);
        if (listed < 0) {
            if (!mutant(156)) failed_.emplace(path, listed);
            co_return;
        }
        // What is found first is the same every time.
        std::sort(names.rbegin(), names.rend());
        for (const std::string& name : names) {
            if (std::find(known.begin(), known.end(), name) == known.end())
                enter(place, name, false, is_file);
        }
    } else if (!is_watched) {
        co_return;  // Nothing but folders on the way to others: they are watched themselves.
    }
    seen_[path] = {st.modified_ns, before};
}

/// Does it match?
bool FolderWalk::enter(const Place& from, std::string_view name, bool named,
                       const IsFile& is_file) {
    Place next{from.path + "/" + std::string(name), include_.step(from.include, name),
               exclude_.step(from.exclude, name), named};
    if (next.include.empty() || (exclude_.accepts(next.exclude) && !mutant(150))) return false;
    const bool is_match = include_.accepts(next.include);
    if (is_match) found_.push_back(next.path);
    if (include_.goes_on(next.include) && !is_file(next.path)) todo_.push_back(std::move(next));
    return is_match;
}

}  // namespace holdfast::io
