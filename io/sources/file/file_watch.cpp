// Finding files, and noticing what becomes of them: one coroutine that looks around at intervals.
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <tuple>
#include <utility>

#include "core/base/assert.hpp"
#include "core/base/mix.hpp"
#include "core/base/mutant.hpp"
#include "io/sources/file/file_source.hpp"
#include "io/sources/file/rotated_names.hpp"

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

}  // namespace

// ---- the loop --------------------------------------------------------------------------------

Task<> FileSource::watch() {
    co_await scan(First::at_start);
    co_await find_recorded();
    forget_excess();
    co_await adopt_new();
    co_await end_look();
    co_await keep_beginnings();
    co_await say_missing();
    say_rest();
    scanning_first_ = false;
    dispatch();
    while (!ended()) {
        // Files that are read to their ends make room for those that wait, soon.
        const bool hurry = config_.end == EndAt::eof && !without_descriptor_.empty();
        const Duration wait =
            hurry ? std::min(config_.poll_interval, hurried) : config_.poll_interval;
        const Instant wake = ring_.now() + wait;
        co_await sleep_until(ring_, wake);
        gone_.clear();
        co_await hear();
        co_await poll_due();
        co_await retry_unreadable();
        co_await retry_folders();
        co_await give_descriptors();
        if (mutant(290) ? slots_short_ : slots_.wanted()) give_back_slots();
        wake_slotless();
        say_rest();
        if (config_.end == EndAt::never && ring_.now() >= scan_at_) co_await scan(First::later);
        co_await keep_beginnings();
        dispatch();
    }
    // Nobody looks any more whether another source wants them.
    if (!mutant(290)) give_back_slots();
    // Who was told that there is nothing now is told that there will be nothing.
    if (std::exchange(told_idle_, false)) events_.push(SourceReady{config_.id});
}

/// What the system tells: to be looked at now.
Task<> FileSource::hear() {
    if (config_.end != EndAt::never) co_return;
    const FolderWatch::Told told = co_await folders_.told();
    const Instant now = ring_.now();
    if (told.all) look_at_all();
    if ((told.names || told.all) && !mutant(141)) {
        walk_forced_ = true;
        scan_at_ = std::min(scan_at_, std::max(now, scan_soonest_));
    }
    bool others = false;
    for (const std::string& path : told.paths) {
        const auto named = paths_.find(path);
        others = others || named == paths_.end();
        if (named != paths_.end() && named->second->poll_at > now) schedule(*named->second, now);
    }
    if (!others) co_return;
    for (auto& [inode, file] : files_) {
        // Written under the name that it has now.
        if (!file->linked && !file->finished && file->poll_at > now) schedule(*file, now);
    }
}

/// One after the other: there may be thousands.
void FileSource::look_at_all() {
    Instant look_at = ring_.now();
    for (auto& [inode, file] : files_) {
        if (file->finished) continue;
        if (file->poll_at > look_at) schedule(*file, look_at);
        if (files_.size() > polls_at_once) look_at = look_at + look_spacing;
    }
}

Task<> FileSource::scan(First first) {
    const Instant begun = ring_.now();
    co_await look_for_names(first);
    const Instant now = ring_.now();
    std::vector<std::string> reached;
    for (const auto& [folder, modified_ns] : walk_.folders()) reached.push_back(folder);
    const std::int64_t took = (now - begun).ns * 20;
    const auto cost = config_.look_cost.ns * static_cast<std::int64_t>(reached.size());
    const std::int64_t soonest = std::min(config_.poll_interval.ns, config_.glob_interval.ns);
    scan_soonest_ = now + Duration{took};
    scan_at_ = now + Duration{std::clamp(std::max(took, cost), soonest, config_.glob_interval.ns)};
    if (config_.end != EndAt::never) co_return;
    const bool added = co_await folders_.follow(reached);
    if (added) {
        walk_forced_ = true;
        scan_at_ = scan_soonest_;
    }
    if (folders_.failed() == 0 || std::exchange(said_unwatched_, true)) co_return;
    log(Level::debug, LogLine("some folders cannot be watched, they are looked at instead")
                          .with("source", config_.name)
                          .with("error", error_text(folders_.failed())));
}

Task<> FileSource::look_for_names(First first) {
    if (!walk_forced_ && ++scans_skipped_ < scans_skipped_max) {
        const bool changed = co_await walk_.changed();
        if (!changed) co_return;
    }
    walk_forced_ = false;
    scans_skipped_ = 0;
    begin_look();
    const std::function<bool(const std::string&)> is_file = [this](const std::string& path) {
        return paths_.contains(path);
    };
    const std::vector<std::string> found = co_await walk_.find(is_file);
    note_folders();
    if (first == First::later) co_await adopt_new();
    std::vector<TailedFile*> known;
    for (const std::string& path : found) {
        const auto named = paths_.find(path);
        if (named != paths_.end()) {
            // Something has changed somewhere: is this name still the same file's?
            if (!mutant(384)) known.push_back(named->second);
        } else if (!unreadable_.contains(path)) {
            co_await discover(path, first);
        }
        if (known.size() < polls_at_once) continue;
        co_await poll_all(std::exchange(known, {}));
    }
    co_await poll_all(std::exchange(known, {}));
    if (first == First::later) co_await end_look();
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
    // A look costs some microseconds; few files are looked at as often as the config says.
    const std::int64_t cheap = config_.look_cost.ns * static_cast<std::int64_t>(files_.size());
    const std::int64_t all = mutant(142) ? config_.poll_interval_max.ns : cheap;
    const std::int64_t most =
        std::max(std::min(config_.poll_interval_max.ns, all), config_.poll_interval.ns);
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
        while (!polls_.empty() && polls_.begin()->at <= now && due.size() < polls_at_once) {
            TailedFile* file = polls_.begin()->file;
            polls_.erase(polls_.begin());
            file->poll_at = never;
            due.push_back(file);
        }
        co_await poll_all(std::move(due));
    }
}

Task<> FileSource::poll_all(std::vector<TailedFile*> due) {
    StatBatch batch(ring_);
    std::erase_if(due, [](const TailedFile* f) { return f->finished && f->away == Away::no; });
    for (const TailedFile* file : due) {
        const bool by_path = file->linked && config_.end == EndAt::never;
        const std::string& path = is_parked(*file) ? file->parked_at : file->key.path;
        batch.add(by_path || is_parked(*file) ? path.c_str() : nullptr, file->fd);
    }
    co_await batch;
    for (std::size_t i = 0; i < due.size(); ++i) {
        const std::int64_t result = batch.result(i);
        const FileStat& st = batch.stat(i);
        co_await polled(*due[i], result, st);
    }
}

Task<> FileSource::polled(TailedFile& file, std::int64_t result, const FileStat& st) {
    const Instant now = ring_.now();
    if (file.away != Away::no && !file.busy) {
        co_await send_away(file);
        co_return;
    }
    if (file.finished) co_return;
    if (is_parked(file)) {
        co_await look_at_parked(file, result, st);
        co_return;
    }
    if (file.retry_at && *file.retry_at <= now) file.retry_at.reset();
    const bool here = result >= 0 && Inode{st.device, st.inode} == inode_of(file);
    if (here) {
        co_await resized(file, st);
    } else if (file.linked && (result >= 0 || is_gone(result))) {
        co_await lost_name(file, result >= 0);
    }
    if (config_.end == EndAt::eof && !mutant(135)) co_await end_if_read(file);
    if (file.finished) co_return;
    make_ready(file);
    const bool still = !file.busy && !file.queued && !file.retry_at && !has_more(file);
    if (!file.linked && still && now >= file.gone_at + config_.rotate_wait) {
        if (file.partial > 0) {
            // Nobody will end the last line: it counts as it is.
            file.finishing = true;
            file.partial = 0;
            make_ready(file);
        } else {
            const Inode inode = inode_of(file);
            co_await leave(file);
            if (!files_.contains(inode)) co_return;
        }
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
        // This look may be older than what was read since: asked again, now that nobody reads.
        FileStat now;
        const auto asked = co_await stat(ring_, file.fd, now);
        if (asked >= 0) file.size = now.size;
        if (asked >= 0) file.modified_ns = now.modified_ns;
    }
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
    log(lost_, Level::info,
        LogLine("file was renamed")
            .with("source", config_.name)
            .with("from", file.key.path)
            .with("to", path));
    HF_ASSERT(!file.linked);
    if (file.key.path != path) seen(file);
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
    log(lost_, Level::info,
        LogLine("file lost its name (rotated or deleted); reading it to its end")
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

}  // namespace holdfast::io
