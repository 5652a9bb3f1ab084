// Files that came and were rotated away before anybody saw their names.
//
// Law: a file that stood under a matching name at any time since the last look, and still stands in
//      its folder under a rotated name, is read.
// What came after a file that we know is told by time: it was written no earlier. What came without
// one (the first of its name) by its birth, or where there is none by its time, after the last look
// at its folder (looks.hpp); and its name must say plainly that it is a rotated one.
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <tuple>

#include "core/base/mutant.hpp"
#include "io/sources/file/file_source.hpp"
#include "io/sources/file/rotated_names.hpp"

namespace holdfast::io {

/// A file may have come and been rotated away between two looks. It stands beside the path under a
/// rotated name, and was written no earlier than the file that we knew before it.
Task<> FileSource::adopt_siblings(std::string path, std::int64_t since_ns, bool was_empty) {
    const std::string directory = directory_of(path);
    const std::string base = name_of(path);
    const std::string stem(stem_of(base));
    const std::vector<std::string> names = co_await names_in(directory);
    std::vector<Sibling> siblings;
    for (auto it = std::lower_bound(names.begin(), names.end(), stem);
         it != names.end() && it->starts_with(stem); ++it) {
        if (!rotated_from(*it, base)) continue;
        const std::string sibling = join(directory, *it);
        if (walk_.excluded(sibling)) continue;
        FileStat st;
        const auto result = co_await stat(ring_, sibling.c_str(), st);
        if (result < 0 || !S_ISREG(st.mode)) continue;
        const TailedFile* known = co_await followed(st);
        if (known != nullptr) continue;
        if (st.modified_ns < since_ns || (was_empty && st.modified_ns == since_ns)) continue;
        if (was_closed(st)) continue;
        siblings.emplace_back(st.modified_ns, sibling, Inode{st.device, st.inode});
    }
    co_await adopt(std::move(siblings), path);
}

/// Times of files are coarse: one that was read to its end long ago may look as new as another.
bool FileSource::was_closed(const FileStat& st) const {
    const auto closed = closed_.find({st.device, st.inode});
    return closed != closed_.end() && closed->second.size == st.size &&
           closed->second.modified_ns == st.modified_ns;
}

/// Requires: names are listed after this.
void FileSource::begin_look() {
    look_ = {.begun_ns = ring_.wall_ns(), .folders = {}, .goes_on = true};
}

/// Looks at the folders that have changed for rotated names of which nobody knows the file.
Task<> FileSource::adopt_new() {
    look_.folders = walk_.folders();
    const std::map<std::string, std::int64_t> folders = look_.folders;
    for (const auto& [folder, modified_ns] : folders) {
        const std::int64_t since = mutant(137) ? 0 : looks_.since(folder);
        const bool has_changed = looks_.has_changed(folder, modified_ns, look_.begun_ns);
        // At a first start all that stands here is old.
        if (since != INT64_MAX && has_changed && !mutant(136)) {
            co_await adopt_new_in(folder, since);
        }
    }
}

/// All that was found is known from here on, save what could not be opened, or has no record yet: its
/// folder counts as not looked at, or it might be rotated away and be taken for old. So does one that
/// was changed meanwhile: a name that was listed may have been rotated away before it was opened. But
/// not in a first look, before which all is old: a file that cannot be opened may never be (what stood
/// there is remembered, see owed_).
Task<> FileSource::end_look() {
    looks_.end();
    const bool is_first = last_look_ns() == INT64_MAX && looks_.ended() == 1;
    for (const auto& [path, entry] : unreadable_) {
        if (!is_first) look_.folders.erase(directory_of(path));
    }
    note_again();
    for (const Inode& inode : unnoted_)
        if (!is_first) look_.folders.erase(directory_of(files_.at(inode)->key.path));
    bool all = is_first || (unreadable_.empty() && unnoted_.empty());
    for (auto it = look_.folders.begin(); it != look_.folders.end();) {
        FileStat st;
        const auto result = co_await stat(ring_, it->first.c_str(), st);
        const bool is_same = result >= 0 && st.modified_ns == it->second;
        const bool counts = is_same || looks_.since(it->first) == INT64_MAX;
        all = all && counts;
        it = counts ? std::next(it) : look_.folders.erase(it);
    }
    look_.goes_on = false;
    for (const auto& [folder, modified_ns] : look_.folders) looks_.looked(folder, modified_ns);
    if (!all) co_return;
    looks_.looked_at_all(look_.begun_ns);
    checkpoints_.looked(config_.id, look_.begun_ns);
}

/// A slot may be free by now.
void FileSource::note_again() {
    for (const Inode& inode : std::exchange(unnoted_, {})) {
        const auto file = files_.find(inode);
        if (file != files_.end()) note(*file->second);
    }
}

Task<> FileSource::adopt_new_in(std::string folder, std::int64_t since) {
    const std::vector<std::string> names = co_await names_in(folder);
    std::map<std::string, std::vector<std::string>> rotated;  // By the path that it had.
    for (const std::string& name : names) {
        const std::string path = join(folder, name);
        if (paths_.contains(path) || walk_.matches(path) || walk_.excluded(path)) continue;
        for (const std::string& base : bases_of(name)) {
            const std::string had = join(folder, base);
            if (!walk_.matches(had)) continue;
            rotated[had].push_back(path);
            break;
        }
    }
    for (const auto& [had, candidates] : rotated) {
        std::vector<Sibling> fresh = co_await new_among(candidates, since);
        if (fresh.empty()) continue;
        const auto holder = paths_.find(had);
        TailedFile* before = holder == paths_.end() ? nullptr : holder->second;
        if (before != nullptr) {
            FileStat st;
            const auto result = co_await stat(ring_, had.c_str(), st);
            const bool replaced = result >= 0 && Inode{st.device, st.inode} != inode_of(*before);
            // Who has the name since before the last look leaves it to nobody: a copy of it stands
            // here (copytruncate).
            if (result >= 0 && !replaced && stood_before(*before, folder)) continue;
            // It was rotated as well, which takes in what came after it, in order.
            if (replaced || is_gone(result)) co_await lost_name(*before, replaced);
            if (!before->linked) predecessor_ = before;
        }
        co_await adopt(std::move(fresh), had);
        const auto successor = paths_.find(had);
        if (predecessor_ != nullptr && successor != paths_.end()) {
            queue_after(*successor->second, *predecessor_);
        } else {
            co_await discover(had, First::later);
        }
        predecessor_ = nullptr;
    }
}

/// Was this name its own at the last look that ended? One that was broken off, by an error or the end
/// of the process, may have found it, and not what stood under its name before.
bool FileSource::stood_before(const TailedFile& file, const std::string& folder) const {
    if (mutant(381)) return true;
    const std::uint64_t last = looks_.ended_in(folder);
    if (last > 0) return file.looks_before < last;
    return file.key.seen_ns <= last_look_ns();
}

/// It was found under the name that it has.
void FileSource::seen(TailedFile& file) const {
    file.looks_before = looks_.ended();
    const std::int64_t now = look_.goes_on ? look_.begun_ns : ring_.wall_ns();
    file.key.seen_ns = std::max<std::int64_t>(0, now);
}

Task<std::vector<FileSource::Sibling>> FileSource::new_among(std::vector<std::string> paths,
                                                             std::int64_t since) {
    std::vector<Sibling> fresh;
    for (const std::string& path : paths) {
        FileStat st;
        const auto result = co_await stat(ring_, path.c_str(), st);
        if (result < 0 || !S_ISREG(st.mode)) continue;
        const TailedFile* known = co_await followed(st);
        if (known != nullptr) continue;
        const std::int64_t came = st.born_ns > 0 ? st.born_ns : st.modified_ns;
        const bool is_owed = owed_.contains({st.device, st.inode});
        if ((came < since && !is_owed) || was_closed(st)) continue;
        fresh.emplace_back(st.modified_ns, path, Inode{st.device, st.inode});
    }
    co_return fresh;
}

/// Oldest first, each after the one before it.
Task<> FileSource::adopt(std::vector<Sibling> siblings, std::string had) {
    std::sort(siblings.begin(), siblings.end());
    for (const auto& [modified_ns, sibling, inode] : siblings) {
        if (files_.contains(inode)) continue;
        co_await open_file(sibling, First::sibling, had);
        const auto opened = files_.find(inode);
        if (predecessor_ == nullptr && opened != files_.end()) predecessor_ = opened->second.get();
    }
}

}  // namespace holdfast::io
