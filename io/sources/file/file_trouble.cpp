// What cannot be read or listed: it is said, counted, tried again, and given up where the source ends.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"
#include "io/sources/file/file_source.hpp"

namespace holdfast::io {

namespace {

/// What the unpacker answers has other words.
std::string words_of_error(int error) {
    switch (error) {
        case ENODATA: return "it ends before it should";
        case EBADMSG: return "its compressed data is damaged";
        case EOVERFLOW: return "its zstd window is larger than 8 MiB";
        default: return std::strerror(error);
    }
}

}  // namespace

void FileSource::unreadable(const std::string& path, First first, std::int64_t result) {
    Unreadable& entry = unreadable_[path];
    if (entry.trouble.error() == 0) entry.first = first;
    const bool is_news =
        entry.trouble.failed(static_cast<int>(-result), ring_.now(), config_.give_up_after);
    entry.retry_at = entry.trouble.retry_at();
    retry_soonest_ = std::min(retry_soonest_, entry.retry_at);
    const LogLine line =
        LogLine(result == -ENOENT ? "there is no such file yet" : "cannot open file, will retry")
            .with("source", config_.name)
            .with("path", path)
            .with("error", words_of_error(entry.trouble.error()));
    if (is_news) {
        log(failed_, result == -ENOENT ? Level::warn : Level::error, line);
    } else {
        log(Level::debug, line);
    }
}

/// Must it be there, since it is named, and nobody waits for it to come?
bool FileSource::is_wanted(const std::string& path) const {
    if (config_.end != EndAt::eof) return false;
    return std::any_of(config_.include.begin(), config_.include.end(), [&](const auto& pattern) {
        const Glob glob(pattern);
        return glob.literal() && glob.path() == path;
    });
}

void FileSource::read_failed(TailedFile& file, std::int64_t result) {
    const bool was_given_up = file.trouble.given_up();
    file.trouble.failed(static_cast<int>(-result), ring_.now(), config_.give_up_after);
    if (file.trouble.given_up() && !was_given_up) ++stuck_;
    pause(file, file.trouble.retry_at() - ring_.now());
    log(failed_, Level::error,
        LogLine("cannot read file, will retry")
            .with("source", config_.name)
            .with("path", file.key.path)
            .with("position", file.position)
            .with("error", words_of_error(file.trouble.error())));
}

/// It gives less than its size says. Most often it was cut just now, which the next look finds.
void FileSource::read_less(TailedFile& file) {
    const bool was_given_up = file.trouble.given_up();
    file.trouble.failed(ENODATA, ring_.now(), config_.give_up_after);
    if (file.trouble.given_up() && !was_given_up) ++stuck_;
    pause(file, config_.poll_interval);
}

void FileSource::healed(TailedFile& file) {
    if (file.trouble.given_up()) {
        HF_ASSERT(stuck_ > 0);
        --stuck_;
    }
    file.trouble = {};
}

/// What the last walk could not look into. A folder that is not there yet may come, unless the
/// source ends.
void FileSource::note_folders() {
    const Instant now = ring_.now();
    const auto& failed = walk_.failed();
    std::erase_if(unlisted_, [&](const auto& entry) {
        if (failed.contains(entry.first)) return false;
        log(healed_, Level::info,
            LogLine("folder can be listed now")
                .with("source", config_.name)
                .with("path", entry.first));
        return true;
    });
    for (const auto& [path, result] : failed) {
        if (result == -ENOENT && config_.end != EndAt::eof) continue;
        Trouble& trouble = unlisted_[path];
        const bool is_news = trouble.failed(static_cast<int>(-result), now, config_.give_up_after);
        const LogLine line = LogLine(result == -ENOENT ? "there is no such folder yet"
                                                       : "cannot look into folder, will retry")
                                 .with("source", config_.name)
                                 .with("path", path)
                                 .with("error", words_of_error(trouble.error()));
        if (is_news) {
            log(failed_, Level::error, line);
        } else {
            log(Level::debug, line);
        }
    }
}

/// A walk finds all that is new; folders are listed again with it.
Task<> FileSource::retry_folders() {
    const bool due = std::any_of(unlisted_.begin(), unlisted_.end(), [this](const auto& entry) {
        return entry.second.retry_at() <= ring_.now();
    });
    if (!due) co_return;
    walk_forced_ = true;
    // What it finds is not taken in at once: it is not over before that is done.
    looking_ = true;
    co_await scan(config_.end == EndAt::eof ? First::at_start : First::later);
    looking_ = false;
}

/// With `end = "eof"`: is all read that can be? Then it is over, whatever heals later.
bool FileSource::ended() {
    if (over_) return true;
    if (config_.end != EndAt::eof || unfinished_ > stuck_) return false;
    if (serving_ > 0 || looking_ || opening_anew_ > 0 || !begun_.empty()) return false;
    const auto waits = [](const auto& entry) { return !entry.second.given_up(); };
    if (std::any_of(unlisted_.begin(), unlisted_.end(), waits)) return false;
    for (const auto& [path, entry] : unreadable_)
        if (!entry.trouble.given_up()) return false;
    left_ = count_left_out();
    over_ = true;
    if (left_.unreadable == 0) return true;
    left_.gave_up = true;
    left_.patience = config_.give_up_after;
    log(Level::error, LogLine("gave up on what cannot be read; all else was read")
                          .with("source", config_.name)
                          .with("unreadable", left_.unreadable)
                          .with("example", left_.example));
    return true;
}

LeftOut FileSource::left_out() const {
    LeftOut out = over_ ? left_ : count_left_out();
    out.compressed = left_.compressed;
    return out;
}

LeftOut FileSource::count_left_out() const {
    LeftOut out = left_;
    out.unreadable = 0;
    const auto count = [&](const std::string& path, int error) {
        if (error == 0 || mutant(153)) return;
        if (out.unreadable++ == 0) out.example = path + ": " + words_of_error(error);
    };
    for (const auto& [path, trouble] : unlisted_) count(path, trouble.error());
    for (const auto& [path, entry] : unreadable_) count(path, entry.trouble.error());
    for (const auto& [inode, file] : files_)
        if (!file->finished) count(file->key.path, file->trouble.error());
    return out;
}

}  // namespace holdfast::io
