#include "io/sources/file/folder_watch.hpp"

#include <cerrno>

#include "core/base/mutant.hpp"
#include "io/sources/file/rotated_names.hpp"

namespace holdfast::io {

Task<bool> FolderWatch::follow(std::vector<std::string> folders) {
    if (fd_ == not_tried) {
        const auto opened = co_await watch_open(ring_);
        fd_ = opened < 0 ? not_here : static_cast<int>(opened);
        failed_ = opened < 0 ? opened : 0;
    }
    if (fd_ == not_here) co_return false;
    failed_ = 0;
    bool added = false;
    for (const std::string& folder : folders) {
        if (numbers_.contains(folder)) continue;
        const auto number = co_await watch(ring_, fd_, folder.c_str());
        if (number >= 0) {
            // One folder by two names is told by the newer one.
            added = true;
            numbers_[folder] = number;
            folders_[number] = folder;
        } else if (number != -ENOENT && number != -ENOTDIR) {
            failed_ = number;
        }
    }
    co_return added;
}

Task<FolderWatch::Told> FolderWatch::told() {
    Told told;
    if (fd_ < 0) co_return told;
    std::vector<Change> changes;
    const auto result = co_await watch_read(ring_, fd_, changes);
    if (result < 0) {
        told.all = true;
        co_return told;
    }
    for (const Change& change : changes) {
        if (change.kind == Change::Kind::lost) {
            told.all = told.all || !mutant(140);
            continue;
        }
        const auto folder = folders_.find(change.directory);
        if (folder == folders_.end()) continue;
        if (!change.name.empty()) told.paths.insert(join(folder->second, change.name));
        told.names = told.names || change.kind != Change::Kind::bytes;
        if (change.kind != Change::Kind::gone) continue;
        numbers_.erase(folder->second);
        folders_.erase(folder);
    }
    co_return told;
}

}  // namespace holdfast::io
