// Finding files, and noticing what becomes of them: one coroutine that looks around at intervals.
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <tuple>
#include <utility>

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"
#include "core/base/mix.hpp"
#include "io/devices/file_source.hpp"

namespace holdfast::io {
namespace {

constexpr std::size_t polls_at_once = 128;
// Listing everything anew now and then covers file systems whose directories keep no times.
constexpr std::uint32_t scans_skipped_max = 16;
// After a change in a directory its files are looked at one after the other, so far apart.
constexpr Duration look_spacing = microseconds(500);
constexpr Duration hurried = milliseconds(5);

/// Several stat operations at once: `co_await batch` returns when all are done.
class StatBatch {
public:
    explicit StatBatch(Ring& ring) : ring_(ring) {}
    StatBatch(const StatBatch&) = delete;

    void add(const char* path, int fd) {
        ops_.push_back({.kind = OpKind::stat, .fd = fd, .path = path});
    }
    std::int64_t result(std::size_t i) const { return ops_[i].result; }
    const FileStat& stat(std::size_t i) const { return stats_[i]; }

    bool await_ready() const noexcept { return ops_.empty(); }
    void await_suspend(std::coroutine_handle<> waiter) {
        waiter_ = waiter;
        left_ = ops_.size();
        stats_.resize(ops_.size());
        for (std::size_t i = 0; i < ops_.size(); ++i) {
            ops_[i].stat = &stats_[i];
            ops_[i].owner = this;
            ops_[i].done = [](Op& op) {
                auto* batch = static_cast<StatBatch*>(op.owner);
                if (--batch->left_ == 0) batch->waiter_.resume();
            };
            ring_.start(ops_[i]);
        }
    }
    void await_resume() const noexcept {}

private:
    Ring& ring_;
    std::vector<Op> ops_;
    std::vector<FileStat> stats_;
    std::size_t left_ = 0;
    std::coroutine_handle<> waiter_;
};

std::string directory_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == 0 ? "/" : path.substr(0, slash);
}

std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string join(const std::string& directory, const std::string& name) {
    return directory == "/" ? "/" + name : directory + "/" + name;
}

bool compressed(const std::string& name) {
    for (const char* suffix : {".gz", ".bz2", ".xz", ".zst", ".lz4", ".Z", ".zip", ".lzma"}) {
        if (name.ends_with(suffix)) return true;
    }
    return false;
}

bool separates(char c) { return c == '.' || c == '-' || c == '_'; }

/// app.log: app
std::string_view stem_of(std::string_view base) {
    const auto dot = base.rfind('.');
    return dot == std::string_view::npos || dot == 0 ? base : base.substr(0, dot);
}

/// Is this what a rotation puts before an extension: .1, -20260131, _2026-01-31T23? A number alone
/// may as well be that of another program's log, so behind - and _ only a date counts.
bool is_number_or_date(std::string_view text) {
    if (text.size() < 2 || !separates(text[0])) return false;
    std::size_t digits = 0;
    for (const char c : text.substr(1)) {
        const bool is_digit = c >= '0' && c <= '9';
        if (!is_digit && !separates(c) && c != 'T' && c != ':') return false;
        digits += is_digit ? 1 : 0;
    }
    return digits >= 6 || (text[0] == '.' && digits == text.size() - 1 && digits <= 3);
}

/// Is `name` what a rotation makes of `base`: app.log -> app.log.1, app.log-20260131, app.1.log,
/// app-20260131.log?
bool rotated_from(std::string_view name, std::string_view base) {
    if (name.size() <= base.size() || compressed(std::string(name))) return false;
    if (name.starts_with(base)) return separates(name[base.size()]);
    const std::string_view stem = stem_of(base);
    const std::string_view extension = base.substr(stem.size());
    if (extension.empty() || !name.starts_with(stem) || !name.ends_with(extension)) return false;
    return is_number_or_date(
        name.substr(stem.size(), name.size() - stem.size() - extension.size()));
}

bool is_gone(std::int64_t result) { return result == -ENOENT || result == -ENOTDIR; }

}  // namespace

// ---- the loop --------------------------------------------------------------------------------

Task<> FileSource::watch() {
    co_await scan(First::at_start);
    co_await find_recorded();
    forget_excess();
    co_await say_missing();
    say_rest();
    scanning_first_ = false;
    dispatch();
    while (!ended()) {
        // Files that are read to their ends make room for those that wait, soon.
        const bool hurry = config_.end == EndAt::eof && !without_descriptor_.empty();
        const Duration wait = hurry ? std::min(config_.poll_interval, hurried) : config_.poll_interval;
        const Instant wake = ring_.now() + wait;
        co_await sleep_until(ring_, wake);
        co_await poll_due();
        co_await retry_unreadable();
        co_await retry_folders();
        co_await give_descriptors();
        if (mutant(290) ? slots_short_ : slots_.wanted()) give_back_slots();
        wake_slotless();
        say_rest();
        if (config_.end == EndAt::never && ring_.now() >= scan_at_) co_await scan(First::later);
        dispatch();
    }
    // Nobody looks any more whether another source wants them.
    if (!mutant(290)) give_back_slots();
    // Who was told that there is nothing now is told that there will be nothing.
    if (std::exchange(told_idle_, false)) events_.push(SourceReady{config_.id});
}

Task<> FileSource::scan(First first) {
    scan_at_ = ring_.now() + config_.glob_interval;
    if (!walk_forced_ && ++scans_skipped_ < scans_skipped_max) {
        const bool changed = co_await walk_.changed();
        if (!changed) co_return;
    }
    walk_forced_ = false;
    scans_skipped_ = 0;
    const std::function<bool(const std::string&)> is_file = [this](const std::string& path) {
        return paths_.contains(path);
    };
    const std::vector<std::string> found = co_await walk_.find(is_file);
    note_folders();
    Instant look_at = ring_.now();
    for (const std::string& path : found) {
        const auto known = paths_.find(path);
        if (known != paths_.end()) {
            // Something has changed somewhere: is this name still the same file's?
            if (known->second->poll_at > look_at) schedule(*known->second, look_at);
            look_at = look_at + look_spacing;
        } else if (!unreadable_.contains(path)) {
            co_await discover(path, first);
        }
    }
}

/// What was asked for and is not there: with `eof` the source ends without it.
Task<> FileSource::say_missing() {
    if (files_.empty() && unreadable_.empty() && unlisted_.empty()) {
        log(Level::warn, LogLine("no file matches yet").with("source", config_.name));
    }
    for (const std::string& pattern : config_.include) {
        const Glob glob(pattern);
        if (!glob.literal()) continue;
        FileStat st;
        const auto result = co_await stat(ring_, glob.path().c_str(), st);
        const bool is_missing = is_gone(result);
        if (is_missing && config_.end == EndAt::eof) continue;  // Said as unreadable.
        if (!is_missing && (result < 0 || S_ISREG(st.mode))) continue;
        log(Level::warn, LogLine(is_missing ? "there is no such file yet"
                                            : "this is no regular file, it is not read")
                             .with("source", config_.name)
                             .with("path", glob.path()));
    }
}

Task<> FileSource::retry_unreadable() {
    const Instant now = ring_.now();
    if (now < retry_soonest_) co_return;
    retry_soonest_ = never;
    std::vector<std::pair<std::string, First>> due;
    for (const auto& [path, entry] : unreadable_) {
        if (entry.retry_at <= now) {
            due.emplace_back(path, entry.first);
        } else {
            retry_soonest_ = std::min(retry_soonest_, entry.retry_at);
        }
    }
    for (const auto& [path, first] : due) co_await discover(path, first);
}

// ---- polls -----------------------------------------------------------------------------------

void FileSource::schedule(TailedFile& file, Instant at) {
    if (file.poll_at != never) polls_.erase(poll_of(file));
    file.poll_at = at;
    polls_.insert(poll_of(file));
}

/// An eighth of the time that the file has been still, within the limits, and a little off for
/// each file, so that thousands of them do not come due at once.
Duration FileSource::poll_after(const TailedFile& file) const {
    const std::int64_t most = std::max(config_.poll_interval_max.ns, config_.poll_interval.ns);
    const std::int64_t still = (ring_.now() - file.active_at).ns / 8;
    const std::int64_t wait = std::clamp(still, config_.poll_interval.ns, most);
    if (wait == config_.poll_interval.ns) return {wait};
    const std::uint64_t bits =
        mix(file.key.identity.inode, 1, 2, static_cast<std::uint64_t>(still));
    const auto spread =
        static_cast<std::int64_t>(scale(bits, static_cast<std::uint64_t>(wait / 4)));
    return {wait - spread};
}

Task<> FileSource::poll_due() {
    const Instant now = ring_.now();
    while (!polls_.empty() && polls_.begin()->at <= now) {
        std::vector<TailedFile*> due;
        StatBatch batch(ring_);
        while (!polls_.empty() && polls_.begin()->at <= now && due.size() < polls_at_once) {
            TailedFile* file = polls_.begin()->file;
            polls_.erase(polls_.begin());
            file->poll_at = never;
            if (file->finished && file->away == Away::no) continue;
            const bool by_path = file->linked && config_.end == EndAt::never;
            due.push_back(file);
            batch.add(by_path ? file->key.path.c_str() : nullptr, file->fd);
        }
        co_await batch;
        for (std::size_t i = 0; i < due.size(); ++i) {
            const std::int64_t result = batch.result(i);
            const FileStat& st = batch.stat(i);
            co_await polled(*due[i], result, st);
        }
    }
}

Task<> FileSource::polled(TailedFile& file, std::int64_t result, const FileStat& st) {
    const Instant now = ring_.now();
    if (file.away != Away::no && !file.busy) {
        co_await send_away(file);
        co_return;
    }
    if (file.finished) co_return;
    if (file.retry_at && *file.retry_at <= now) file.retry_at.reset();
    const Inode inode{file.key.identity.device, file.key.identity.inode};
    const bool here = result >= 0 && Inode{st.device, st.inode} == inode;
    if (here) {
        co_await resized(file, st);
    } else if (file.linked && (result >= 0 || is_gone(result))) {
        co_await lost_name(file, result >= 0);
    }
    if (config_.end == EndAt::eof) co_await end_if_read(file);
    if (file.finished) co_return;
    make_ready(file);
    const bool still = !file.busy && !file.queued && !file.retry_at && !has_more(file);
    if (!file.linked && still && now >= file.gone_at + config_.rotate_wait) {
        if (file.partial == 0) {
            co_await close_file(file);
            co_return;
        }
        // Nobody will end the last line: it counts as it is.
        file.finishing = true;
        file.partial = 0;
        make_ready(file);
    }
    const Instant next = now + poll_after(file);
    schedule(file, file.retry_at ? std::max(*file.retry_at, now + config_.poll_interval) : next);
}

/// Its end was reached, and what is there could not be asked then.
Task<> FileSource::end_if_read(TailedFile& file) {
    if (file.busy || file.retry_at || has_more(file)) co_return;
    file.busy = true;
    co_await look_for_more(file);
    file.busy = false;
}

Task<> FileSource::resized(TailedFile& file, const FileStat& st) {
    if (file.busy) co_return;  // Who reads it will look at its end.
    const bool same_size = st.size == file.size;
    const bool shrunk = st.size < file.size && !mutant(127);
    const bool touched = st.modified_ns != file.modified_ns;
    file.size = st.size;
    file.modified_ns = st.modified_ns;
    if (!same_size) {
        file.active_at = file.gone_at = ring_.now();
        file.finishing = false;
    }
    if (same_size && !touched && !file.verify && file.size >= file.position) co_return;
    file.busy = true;
    if (file.size < file.position) {
        co_await new_generation(file);
    } else {
        if (file.size < file.position + file.partial) file.partial = 0;
        if ((same_size || shrunk) && file.size > 0) {
            // Written, yet not longer: perhaps truncated and written anew up to where we stand.
            file.verify = true;
            const bool same = co_await verified(file);
            if (!same && !file.retry_at) co_await new_generation(file);
        }
    }
    file.busy = false;
}

// ---- names -----------------------------------------------------------------------------------

void FileSource::regain_name(TailedFile& file, const std::string& path) {
    log(lost_, Level::info, LogLine("file was renamed")
                         .with("source", config_.name)
                         .with("from", file.key.path)
                         .with("to", path));
    HF_ASSERT(!file.linked);
    file.key.path = path;
    file.linked = true;
    file.finishing = false;
    name(file);
}

void FileSource::name(TailedFile& file) {
    // The name of another goes with its view of that one's path.
    paths_.erase(file.key.path);
    paths_.emplace(file.key.path, &file);
}

/// Its path leads to nothing, or (`replaced`) to another file.
Task<> FileSource::lost_name(TailedFile& file, bool replaced) {
    log(lost_, Level::info, LogLine("file lost its name (rotated or deleted); reading it to its end")
                         .with("source", config_.name)
                         .with("path", file.key.path)
                         .with("position", file.position)
                         .with("size", file.size));
    const auto named = paths_.find(file.key.path);
    if (named != paths_.end() && named->second == &file) paths_.erase(named);
    file.linked = false;
    file.gone_at = ring_.now();
    walk_forced_ = true;
    const std::string path = file.key.path;
    const std::int64_t since = file.modified_ns;
    const bool was_empty = file.size == 0;
    FileStat st;
    const auto result = co_await stat(ring_, file.fd, st);
    if (result >= 0) co_await resized(file, st);
    if (mutant(37) && !file.busy) file.position = file.size;
    make_ready(file);
    predecessor_ = &file;
    co_await adopt_siblings(path, since, was_empty);
    if (replaced) co_await discover(path, First::later);
    predecessor_ = nullptr;
}

Task<std::vector<std::string>> FileSource::names_in(std::string directory) {
    std::vector<std::string> names;
    const auto result = co_await list(ring_, directory.c_str(), names);
    if (result < 0) names.clear();
    std::sort(names.begin(), names.end());
    co_return names;
}

/// A file may have come and been rotated away between two looks. It stands beside the path under a
/// rotated name, and was written no earlier than the file that we knew before it.
Task<> FileSource::adopt_siblings(std::string path, std::int64_t since_ns, bool was_empty) {
    const std::string directory = directory_of(path);
    const std::string base = name_of(path);
    const std::string stem(stem_of(base));
    const std::vector<std::string> names = co_await names_in(directory);
    std::vector<std::tuple<std::int64_t, std::string, Inode>> siblings;
    for (auto it = std::lower_bound(names.begin(), names.end(), stem);
         it != names.end() && it->starts_with(stem); ++it) {
        if (!rotated_from(*it, base)) continue;
        const std::string sibling = join(directory, *it);
        if (walk_.excluded(sibling)) continue;
        FileStat st;
        const auto result = co_await stat(ring_, sibling.c_str(), st);
        if (result < 0 || !S_ISREG(st.mode) || files_.contains({st.device, st.inode})) continue;
        if (st.modified_ns < since_ns || (was_empty && st.modified_ns == since_ns)) continue;
        if (was_closed(st)) continue;
        siblings.emplace_back(st.modified_ns, sibling, Inode{st.device, st.inode});
    }
    std::sort(siblings.begin(), siblings.end());
    for (const auto& [modified_ns, sibling, inode] : siblings) {
        co_await open_file(sibling, First::sibling, path);
        const auto opened = files_.find(inode);
        if (predecessor_ == nullptr && opened != files_.end()) predecessor_ = opened->second.get();
    }
}

/// Times of files are coarse: one that was read to its end long ago may look as new as another.
bool FileSource::was_closed(const FileStat& st) const {
    const auto closed = closed_.find({st.device, st.inode});
    return closed != closed_.end() && closed->second.size == st.size &&
           closed->second.modified_ns == st.modified_ns;
}

/// Records whose files are not under the patterns: perhaps they were rotated while we were down.
Task<> FileSource::find_recorded() {
    std::map<std::string, std::vector<std::string>> names;
    std::vector<const Loaded*> lost;
    for (const auto& [inode, loaded] : loaded_) {
        if (!loaded.used) lost.push_back(&loaded);
    }
    for (const Loaded* loaded : lost) {
        if (!loaded->used) co_await find_recorded(*loaded, names);
    }
    std::vector<std::pair<std::string, TailedFile*>> rotated;
    for (const auto& [inode, loaded] : loaded_) {
        const auto file = files_.find(inode);
        if (file == files_.end()) continue;
        if (file->second->linked && file->second->key.path == loaded.key.path) continue;
        rotated.emplace_back(loaded.key.path, file->second.get());
    }
    for (const auto& [path, file] : rotated) {
        predecessor_ = file;
        co_await adopt_siblings(path, file->modified_ns, file->size == 0);
        const auto successor = paths_.find(path);
        if (successor != paths_.end()) queue_after(*successor->second, *predecessor_);
        predecessor_ = nullptr;
    }
}

Task<> FileSource::find_recorded(const Loaded& loaded,
                                 std::map<std::string, std::vector<std::string>>& names) {
    const FileKey key = loaded.key;
    const std::string directory = directory_of(key.path);
    const std::string base = name_of(key.path);
    const std::string stem = base.substr(0, std::max<std::size_t>(1, base.rfind('.')));
    if (!names.contains(directory)) {
        std::vector<std::string> listed = co_await names_in(directory);
        names[directory] = std::move(listed);
    }
    const auto& all = names[directory];
    for (auto it = std::lower_bound(all.begin(), all.end(), stem);
         it != all.end() && it->starts_with(stem); ++it) {
        const std::string path = join(directory, *it);
        if (paths_.contains(path) || compressed(*it)) continue;
        FileStat st;
        const auto result = co_await stat(ring_, path.c_str(), st);
        if (result < 0 || st.inode != key.identity.inode || st.device != key.identity.device) {
            continue;
        }
        if (S_ISREG(st.mode)) co_await open_file(path, First::tracked, key.path);
        co_return;
    }
    log(lost_, Level::warn, LogLine("file of the checkpoint not found; its record is kept")
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
