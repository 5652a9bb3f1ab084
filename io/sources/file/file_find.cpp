// Records of the checkpoint whose files are not under the patterns: perhaps they were renamed while
// holdfast was down. They are looked for in their own folders.
#include <sys/stat.h>

#include <algorithm>
#include <map>

#include "io/sources/file/file_source.hpp"
#include "io/sources/file/rotated_names.hpp"

namespace holdfast::io {

Task<> FileSource::find_recorded() {
    std::map<std::string, Listed> names;
    std::vector<const Loaded*> lost;
    for (const auto& [inode, loaded] : loaded_) {
        if (!loaded.used) lost.push_back(&loaded);
    }
    for (const Loaded* loaded : lost) {
        if (!loaded->used) co_await find_recorded(*loaded, names);
    }
    std::vector<std::pair<std::string, TailedFile*>> rotated;
    for (const auto& [inode, loaded] : loaded_) {
        TailedFile* file = loaded.file;
        if (file == nullptr || (file->linked && file->key.path == loaded.key.path)) continue;
        rotated.emplace_back(loaded.key.path, file);
    }
    for (const auto& [path, file] : rotated) {
        predecessor_ = file;
        co_await adopt_siblings(path, file->modified_ns, file->size == 0);
        const auto successor = paths_.find(path);
        if (successor != paths_.end()) queue_after(*successor->second, *predecessor_);
        predecessor_ = nullptr;
    }
}

/// Is the record's file at this path, and nobody reads it yet?
Task<bool> FileSource::is_under(std::string path, const Loaded& loaded) {
    const FileIdentity& record = loaded.key.identity;
    if (paths_.contains(path) || compressed(path)) co_return false;
    FileStat st;
    const auto result = co_await stat(ring_, path.c_str(), st);
    if (result < 0 || !S_ISREG(st.mode) || st.inode != record.inode) co_return false;
    const FileIdentity found{.device = st.device, .inode = st.inode, .born_ns = st.born_ns};
    if (!found.may_be_born_with(record)) co_return false;
    if (st.device != record.device && !found.born_with(record)) co_return false;
    co_return !files_.contains({st.device, st.inode});
}

/// A file may have been given any name while we were down: all that stand in the folder are asked.
Task<> FileSource::ask_inodes(std::string directory, Listed& listed) {
    listed.asked = true;
    for (const std::string& name : listed.names) {
        const std::string path = join(directory, name);
        FileStat st;
        const auto result = co_await stat(ring_, path.c_str(), st);
        if (result >= 0 && S_ISREG(st.mode)) listed.by_inode.emplace(st.inode, name);
    }
}

Task<> FileSource::find_recorded(const Loaded& loaded, std::map<std::string, Listed>& names) {
    const FileKey key = loaded.key;
    const std::string directory = directory_of(key.path);
    if (!names.contains(directory)) {
        std::vector<std::string> listed = co_await names_in(directory);
        names[directory].names = std::move(listed);
    }
    Listed& listed = names[directory];
    // Where most are: behind the name that they had.
    const std::string base = name_of(key.path);
    const std::string stem = base.substr(0, std::max<std::size_t>(1, base.rfind('.')));
    for (auto it = std::lower_bound(listed.names.begin(), listed.names.end(), stem);
         it != listed.names.end() && it->starts_with(stem); ++it) {
        const bool found = co_await is_under(join(directory, *it), loaded);
        if (!found) continue;
        co_await open_file(join(directory, *it), First::tracked, key.path);
        co_return;
    }
    if (!listed.asked) co_await ask_inodes(directory, listed);
    const auto [begin, end] = listed.by_inode.equal_range(key.identity.inode);
    for (auto it = begin; it != end; ++it) {
        const std::string path = join(directory, it->second);
        const bool found = co_await is_under(path, loaded);
        if (!found) continue;
        co_await open_file(path, First::tracked, key.path);
        co_return;
    }
    log(lost_, Level::warn,
        LogLine("file of the checkpoint not found; its record is kept")
            .with("source", config_.name)
            .with("path", key.path)
            .with("position", loaded.record.position));
    // It may have been rotated so often that it is gone; what came after it and before the file that
    // has its name now was written since.
    if (config_.recorded_ns == INT64_MAX || config_.end == EndAt::eof) co_return;
    co_await adopt_siblings(key.path, config_.recorded_ns, false);
    const auto successor = paths_.find(key.path);
    if (predecessor_ != nullptr && successor != paths_.end()) {
        queue_after(*successor->second, *predecessor_);
    }
    predecessor_ = nullptr;
}

void FileSource::forget_excess() {
    std::vector<Loaded*> lost;
    for (auto& [inode, loaded] : loaded_) {
        if (!loaded.used) lost.push_back(&loaded);
    }
    if (lost.size() <= records_kept) return;
    lost.resize(lost.size() - records_kept);
    for (Loaded* loaded : lost) {
        loaded->used = true;
        forget(loaded->record.key);
    }
}

}  // namespace holdfast::io
