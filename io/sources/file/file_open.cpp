// Taking files in and letting them go.
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/base/assert.hpp"
#include "io/sources/file/file_source.hpp"

namespace holdfast::io {
namespace {

constexpr Duration descriptor_retry = seconds(5);
constexpr Duration plain_retry = seconds(1);
constexpr Duration age_max = seconds(3600);

}  // namespace

/// Its turn comes when this source closes a file; or some time, when another part of the process does.
void FileSource::wait_for_descriptor(const std::string& path, First first) {
    Unreadable& entry = unreadable_[path];
    if (entry.trouble.error() == 0) entry.first = first;
    // It waits for its own files, as long as there are any.
    if (unfinished_ > stuck_) entry.trouble = {};
    entry.trouble.failed(EMFILE, ring_.now(), config_.give_up_after);
    entry.retry_at = ring_.now() + descriptor_retry;
    retry_soonest_ = std::min(retry_soonest_, entry.retry_at);
    without_descriptor_.insert(path);
    if (std::exchange(descriptors_short_, true)) return;
    log(Level::warn,
        LogLine(
            config_.decompress == Decompress::automatic
                ? "more files than may be open at a time; some wait until others are read to "
                  "their ends (of compressed ones four are; of others, raise the limit: ulimit -n)"
                : "more files than this process may open; some wait until others are read to their "
                  "ends (or raise the limit: ulimit -n, or LimitNOFILE of its service)")
            .with("source", config_.name)
            .with("path", path));
}

/// Its turn comes when what was read of its text elsewhere is settled.
void FileSource::wait_for_plain(const std::string& path, First first) {
    Unreadable& entry = unreadable_[path];
    if (entry.trouble.error() == 0) entry.first = first;
    entry.trouble = {};
    entry.trouble.failed(EMFILE, ring_.now(), config_.give_up_after);
    entry.retry_at = ring_.now() + plain_retry;
    retry_soonest_ = std::min(retry_soonest_, entry.retry_at);
}

/// Those that wait, in the order of their names, as far as the descriptors reach.
Task<> FileSource::give_descriptors() {
    while (descriptor_free_ && !without_descriptor_.empty()) {
        descriptor_free_ = false;
        while (!without_descriptor_.empty()) {
            const std::string path = *without_descriptor_.begin();
            without_descriptor_.erase(without_descriptor_.begin());
            const auto entry = unreadable_.find(path);
            if (entry == unreadable_.end()) continue;
            co_await discover(path, entry->second.first);
            if (without_descriptor_.contains(path)) break;
        }
    }
}

Task<> FileSource::let_go(int fd) {
    co_await close(ring_, fd);
    descriptor_free_ = true;
}

Task<> FileSource::discover(std::string path, First first) {
    FileStat st;
    const auto result = co_await stat(ring_, path.c_str(), st);
    if (result < 0 && (!is_gone(result) || is_wanted(path))) {
        unreadable(path, first, result);
        co_return;
    }
    if (result < 0 || !S_ISREG(st.mode)) {
        unreadable_.erase(path);
        co_return;
    }
    if (is_output(st, path, first)) co_return;
    TailedFile* known = co_await followed(st);
    if (known == nullptr && is_set_aside(st)) {
        unreadable_.erase(path);
        co_return;
    }
    if (known == nullptr) {
        co_await open_file(path, first);
        co_return;
    }
    unreadable_.erase(path);  // It is open: under this name or another one.
    if (is_parked(*known)) {
        const bool open = co_await unpark(*known, path);
        if (!open) co_return;  // At the next look.
    }
    if (!known->linked) {
        regain_name(*known, path);
    } else if (known->key.path != path) {
        // A second name, or a new one while we have not noticed yet that the old one is gone.
        schedule(*known, ring_.now());
    }
}

/// Reading it could feed the pipeline with what it writes, for ever.
bool FileSource::is_output(const FileStat& st, const std::string& path, First first) {
    constexpr std::size_t names_max = 1000;
    if (!config_.written_as) return false;
    const std::string as = config_.written_as(st);
    if (as.empty()) return false;
    unreadable_.erase(path);
    if (first == First::at_start && config_.refuse) {
        config_.refuse(
            fmt::format("{}, which source \"{}\" would read, is the same file as {}: a "
                        "pipeline does not read its own files. Remove that link, or "
                        "choose an include that doesn't match it",
                        path, config_.name, as));
    } else if (outputs_found_.size() < names_max && outputs_found_.insert(path).second) {
        log(Level::warn, LogLine("this file is this pipeline's own, under another name; it is "
                                 "not read")
                             .with("source", config_.name)
                             .with("path", path)
                             .with("is", as));
    }
    return true;
}

/// `known_as`: the path that it was followed under, if it has a rotated name now.
Task<> FileSource::open_file(std::string path, First first, std::string known_as) {
    constexpr int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    auto opened = co_await open(ring_, path.c_str(), flags);
    if (opened >= config_.fd_limit) {
        co_await close(ring_, static_cast<int>(opened));
        opened = -EMFILE;
    }
    if (opened < 0) {
        if (is_gone(opened) && !is_wanted(path)) {
            unreadable_.erase(path);
        } else if (opened == -EMFILE || opened == -ENFILE) {
            wait_for_descriptor(path, first);
        } else {
            unreadable(path, first, opened);
        }
        co_await owe(path);
        co_return;
    }
    auto file = std::make_unique<TailedFile>();
    file->number = ++opened_;
    file->fd = static_cast<int>(opened);
    file->key.path = path;
    FileStat st;
    const auto seen = co_await stat(ring_, file->fd, st);
    TailedFile* other = nullptr;
    if (seen >= 0) other = co_await followed(st);
    if (seen < 0 || !S_ISREG(st.mode) || other != nullptr || is_output(st, path, first)) {
        if (seen < 0) {
            unreadable(path, first, seen);
            co_await owe(path);
        }
        co_await close(ring_, file->fd);
        co_return;
    }
    file->device = file->key.identity.device = st.device;
    file->key.identity.inode = st.inode;
    file->key.identity.born_ns = std::max<std::int64_t>(0, st.born_ns);
    file->size = st.size;
    file->modified_ns = st.modified_ns;
    co_await insert(std::move(file), first, known_as);
}

Task<> FileSource::owe(std::string path) {
    FileStat st;
    if (looks_.ended() > 0) co_return;
    const auto result = co_await stat(ring_, path.c_str(), st);
    const std::int64_t born = std::max<std::int64_t>(0, st.born_ns);
    if (result >= 0) owe({.device = st.device, .inode = st.inode, .born_ns = born}, path);
}

/// It stands there at the first look of all: when it is rotated before it can be opened it is not old,
/// also if we are gone then.
void FileSource::owe(const FileIdentity& identity, const std::string& path) {
    if (looks_.ended() > 0 || last_look_ns() != INT64_MAX || owed_.size() >= aside_kept) return;
    const auto [owed, is_new] = owed_.try_emplace({identity.device, identity.inode});
    if (!is_new || config_.read_from == ReadFrom::end) return;
    FileKey key{.identity = identity, .path = path};
    key.identity.take_fingerprint({});
    const auto slot = slots_.take();
    if (!slot) return;
    owed->second = encode_key(key);
    checkpoints_.bind(config_.id, slot->partition, slot->epoch, owed->second);
    checkpoints_.stage(StagePosition{slot->partition, slot->epoch, {0}});
    slots_.give_back(*slot);
}

void FileSource::take_owed(TailedFile& file) {
    const auto owed = owed_.find(inode_of(file));
    if (owed == owed_.end()) return;
    file.loaded_key = std::move(owed->second);
    owed_.erase(owed);
}

/// Takes in a file that was just opened. Its head decides whether we know it.
Task<> FileSource::insert(std::unique_ptr<TailedFile> owned, First first, std::string known_as) {
    TailedFile& file = *owned;
    const std::string path = file.key.path;
    std::array<std::byte, fingerprint_max> head;
    const std::int64_t got = co_await fill_or_fail(file, head, 0);
    const auto bytes = std::span<const std::byte>(head).first(
        static_cast<std::size_t>(std::max<std::int64_t>(0, got)));
    if (got >= 0) {
        const Archive archive = packed_as(file, bytes);
        if (archive != Archive::none) {
            co_await refuse(std::move(owned), archive);
            co_return;
        }
    }
    file.size = std::max(file.size, got);
    seen(file);
    if (got >= 0 && plain_.is_packed(file.fd)) co_await know_size(file);
    Known known = Known::unreadable;
    if (got >= 0) known = co_await resume_from_record(file, bytes);
    if (known == Known::unreadable) {
        unreadable(path, first, got < 0 ? got : -EIO);
        owe(file.key.identity, path);
        co_await close(ring_, file.fd);
        co_return;
    }
    if (known == Known::no && plain_.is_packed(file.fd)) {
        const bool is_early = co_await holds_what_is_owed(file, bytes);
        if (is_early) {
            wait_for_plain(path, first);
            co_await let_go(file.fd);
            co_return;
        }
    }
    const auto entry = unreadable_.find(path);
    const bool waited = entry != unreadable_.end() && entry->second.trouble.error() == EMFILE;
    if (unreadable_.erase(path) > 0 && !waited) {
        log(healed_, Level::info,
            LogLine("file is readable now").with("source", config_.name).with("path", path));
    }
    const Instant now = ring_.now();
    const std::int64_t age =
        std::clamp<std::int64_t>(ring_.wall_ns() - file.modified_ns, 0, age_max.ns);
    file.active_at = {now.ns - age};
    file.gone_at = now;
    file.busy = true;
    file.linked = walk_.matches(path);
    // Its next rotated name is derived from the path that it had, as are those of what came after it.
    if (!file.linked && !known_as.empty()) file.key.path = known_as;
    take_owed(file);
    files_[inode_of(file)] = std::move(owned);
    if (file.linked) name(file);
    ++unfinished_;
    co_await begin_at(file, first, bytes, known);
    file.busy = false;
    if (file.finished) co_return;
    found(file, path);
    if (predecessor_ != nullptr) {
        queue_after(file, *predecessor_);
        predecessor_ = &file;
    }
    // The size of a compressed one is what is known of it.
    if (plain_.is_packed(file.fd) && !has_more(file)) {
        file.busy = true;
        co_await look_for_more(file);
        file.busy = false;
        if (file.finished) co_return;
    }
    if (config_.end == EndAt::eof && !has_more(file) && !file.retry_at && !file.finishing) {
        finish(file);
        co_await let_go(std::exchange(file.fd, -1));
        co_return;
    }
    schedule(file, now + poll_after(file));
    make_ready(file);
}

/// All of it was read and it has no name any more.
Task<> FileSource::close_file(TailedFile& file) {
    HF_ASSERT(!file.busy && !has_more(file));
    log(lost_, Level::info,
        LogLine("file closed: read to its end and gone")
            .with("source", config_.name)
            .with("path", file.key.path)
            .with("position", file.position));
    remember_text(file);
    retire(file);
    for (const std::string& old : file.superseded) forget(old);
    finish(file);
    let_others(file);
    if (file.before != nullptr) std::erase(file.before->after, &file);
    if (starving_ == &file) starving_ = nullptr;
    if (file.queued) std::erase(ready_, &file);
    if (file.poll_at != never) polls_.erase(poll_of(file));
    if (closed_.size() >= closed_kept) closed_.erase(closed_.begin());
    closed_[inode_of(file)] = {file.size, file.modified_ns};
    std::erase(parked_, &file);
    const int fd = file.fd;
    // Who is looking at files just now may look at it once more, and see that it is finished.
    const auto entry = files_.find(inode_of(file));
    gone_.push_back(std::move(entry->second));
    files_.erase(entry);
    if (fd >= 0) co_await let_go(fd);
}

}  // namespace holdfast::io
