// Pulls and what answers them. A pull waits in pulls_ until a file has something or none does.
#include "io/sources/file/file_source.hpp"

#include <fcntl.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"
#include "io/devices/give_batch.hpp"

namespace holdfast::io {
namespace {

// An idle source says SourceReady by itself when a file grows, so this is only a safety net.
constexpr Duration idle_retry = seconds(10);
// Nobody says when memory is free again.
constexpr Duration memory_retry = milliseconds(5);

}  // namespace

FileSource::FileSource(FileSourceConfig config, Ring& ring, Payloads& payloads, Events& events,
                       Checkpoints& checkpoints, PartitionSlots& slots, Log log)
    : config_(std::move(config)),
      plain_(ring, config_.decompress == Decompress::automatic),
      ring_(plain_),
      payloads_(payloads),
      events_(events),
      checkpoints_(checkpoints),
      slots_(slots),
      log_(std::move(log)),
      walk_(ring, config_.include, config_.exclude),
      folders_(ring),
      looks_(last_look_ns()) {
    HF_ASSERT(config_.line_max > 0);
    HF_ASSERT(config_.poll_interval.ns > 0);
    for (const CheckpointPartition& record : config_.records) {
        auto key = decode_key(record.key);
        if (!key) {
            this->log(Level::warn, LogLine("checkpoint record not understood, kept as it is")
                                       .with("source", config_.name)
                                       .with("key", record.key));
            continue;
        }
        loaded_paths_.insert(key->path);
        const std::uint64_t inode = key->identity.inode;
        loaded_.emplace(inode, Loaded{.key = std::move(*key), .record = record});
    }
    config_.records = {};
}

void FileSource::start() { scope_.spawn(watch()); }

void FileSource::pull(const Pull& pull) {
    HF_ASSERT(pull.source == config_.id);
    pulls_.push_back(pull);
    dispatch();
}

void FileSource::commit(const CommitPosition&) {
    // Positions of files live in the checkpoint (CommitMode::checkpoint); the engine never asks.
    HF_ASSERT(false);
}

std::optional<std::int64_t> FileSource::unread() const {
    std::int64_t sum = 0;
    for (const auto& [inode, file] : files_) {
        if (!file->finished) sum += std::max<std::int64_t>(0, file->size - file->position);
    }
    return sum;
}

void FileSource::log(Level level, const LogLine& line) const {
    if (log_) log_(level, line.text());
}

void FileSource::log(Few& few, Level level, const LogLine& line) {
    log(few.level(level, ring_.now()), line);
}

void FileSource::say_rest() {
    for (Few* few : {&found_, &lost_, &failed_, &healed_, &refused_}) {
        const std::string rest = few->rest();
        if (!rest.empty()) log(Level::info, LogLine(rest).with("source", config_.name));
    }
}

std::uint32_t FileSource::line_max() const {
    return std::min(config_.line_max, payloads_.pool().block_max());
}

// ---- who is served ---------------------------------------------------------------------------

void FileSource::dispatch() {
    while (!pulls_.empty()) {
        TailedFile* file = next_ready();
        if (file == nullptr) break;
        const Pull pull = pulls_.front();
        pulls_.pop_front();
        file->busy = true;
        ++serving_;
        scope_.spawn(serve(pull, *file));
    }
    // While somebody reads, or looks for files, there may be something in a moment.
    if (pulls_.empty() || serving_ > 0 || scanning_first_) return;
    const bool over = ended();
    while (!pulls_.empty()) {
        const Pull pull = pulls_.front();
        pulls_.pop_front();
        if (over) {
            events_.push(SourceEnded{pull.batch, config_.id});
        } else {
            answer_idle(pull, starving_ != nullptr ? memory_retry : idle_retry);
        }
    }
}

void FileSource::answer_idle(const Pull& pull, Duration retry_after) {
    told_idle_ = true;
    events_.push(SourceIdle{pull.batch, config_.id, retry_after});
}

TailedFile* FileSource::next_ready() {
    // Which file comes first is known only when all are found.
    if (scanning_first_) return nullptr;
    if (starving_ != nullptr) {
        TailedFile* file = starving_;
        if (!file->queued || file->busy) return nullptr;
        std::erase(ready_, file);
        file->queued = false;
        if (has_more(*file)) return file;
        starving_ = nullptr;
    }
    while (!ready_.empty()) {
        TailedFile* file = ready_.front();
        ready_.pop_front();
        file->queued = false;
        // It may have changed while it stood in the queue; who changes it calls make_ready again.
        const bool can = !file->busy && !file->finished && !file->retry_at && !file->before;
        if (can && has_more(*file)) return file;
    }
    return nullptr;
}

void FileSource::make_ready(TailedFile& file) {
    if (file.retry_at || file.slotless || file.finished || (!file.busy && !has_more(file))) {
        let_others(file);
    }
    if (file.queued || file.busy || file.finished || file.slotless || file.retry_at) return;
    if (file.before != nullptr || !has_more(file)) return;
    file.queued = true;
    ready_.push_back(&file);
    if (!pulls_.empty()) {
        dispatch();
    } else if (told_idle_) {
        told_idle_ = false;
        events_.push(SourceReady{config_.id});
    }
}

void FileSource::queue_after(TailedFile& file, TailedFile& predecessor) {
    TailedFile* before = &predecessor;
    while (before != nullptr && !has_more(*before)) before = before->before;
    if (before == nullptr || before == &file || file.before != nullptr) return;
    if (before->finished || before->slotless || before->retry_at) return;
    file.before = before;
    before->after.push_back(&file);
}

/// It is read to its end, or cannot be read now: nobody waits for it any more.
void FileSource::let_others(TailedFile& file) {
    std::vector<TailedFile*> others;
    others.swap(file.after);
    for (TailedFile* other : others) other->before = nullptr;
    for (TailedFile* other : others) make_ready(*other);
}

// ---- one pull, one file ----------------------------------------------------------------------

Task<> FileSource::serve(Pull pull, TailedFile& file) {
    const Served served = co_await bring(pull, file);
    if (served != Served::no_memory) {
        if (starving_ == &file) starving_ = nullptr;
        if (!has_more(file)) co_await look_for_more(file);
    }
    file.busy = false;
    --serving_;
    if (served == Served::nothing) pulls_.push_front(pull);
    // It is no news that it has something: said at once, the same pull came back in this very moment
    // and without end, and nothing would ever give memory back.
    if (served == Served::no_memory) told_idle_ = false;
    make_ready(file);
    if (served == Served::no_memory) answer_idle(pull, memory_retry);
    dispatch();
}

Task<FileSource::Served> FileSource::bring(const Pull& pull, TailedFile& file) {
    if (!file.assigned && !slots_.available()) {
        assign(file);  // Says so, and remembers.
        co_return Served::nothing;
    }
    if (file.resumes) {
        const bool found = co_await find_place(file);
        if (!found) co_return Served::nothing;
    }
    while (has_more(file)) {
        std::span<std::byte> block = take_block(pull, file);
        if (block.empty()) co_return Served::no_memory;
        const std::size_t room = room_in(block);
        const std::size_t limit = read_limit(file, room);
        const std::int64_t got = co_await fill(file, block.first(limit), file.position);
        bool same = false;
        if (got > 0) same = co_await verified(file);
        if (got <= 0 || !same) {
            payloads_.pool().give_back(block);
            if (got < 0) read_failed(file, got);
            if (got == 0) read_less(file);
            if (got > 0 && !file.retry_at) co_await new_generation(file);
            co_return Served::nothing;
        }
        const auto length = static_cast<std::size_t>(got);
        const Archive archive =
            file.position == 0 ? packed_as(file, block.first(length)) : Archive::none;
        if (archive != Archive::none) {
            payloads_.pool().give_back(block);
            turn_away(file, archive);
            co_return Served::nothing;
        }
        CutRule rule = cut_rule(pull, block.size(), line_max(), config_.oversize);
        rule.closed = closed_at(file, file.position + got) || mutant(35);
        rule.mid_line = file.mid_line;
        const bool full = length == room;
        Given given = Given::nothing;
        if (file.place) {
            rule.closed = file.finishing && file.position + got == file.size;
            given = give_stream(pull, file, block, full, length, rule);
        } else {
            const Cut cut = cut_lines(block.first(length), rule);
            if (cut.bytes > 0) given = emit(pull, file, block, cut) ? Given::batch : Given::refused;
        }
        if (given == Given::batch) co_return Served::batch;
        if (given == Given::refused) co_return Served::nothing;
        payloads_.pool().give_back(block);
        if (given == Given::skipped) continue;
        if (!full) {
            file.partial = got;
            file.block_wanted = 0;
            // It shrank, or cannot be read on. Read again at once, it would never be looked at.
            if (length < limit) read_less(file);
            co_return Served::nothing;
        }
        // A record that is larger than the block, yet not too large: it gets a block of its own.
        file.block_wanted = static_cast<std::uint32_t>(
            std::min<std::size_t>(2 * block.size(), payloads_.pool().block_max()));
    }
    co_return Served::nothing;
}

/// A block for what is there to read, no larger than the pull allows, smaller if memory is short.
std::span<std::byte> FileSource::take_block(const Pull& pull, TailedFile& file) {
    BlockPool& pool = payloads_.pool();
    if (file.block_wanted > 0) {
        const auto block = pool.take(file.block_wanted);
        // It gets its large block when the batches in flight have given back theirs, and would
        // never if others were read meanwhile.
        if (block.empty()) starving_ = &file;
        return block;
    }
    const auto there = static_cast<std::uint64_t>(file.size - file.position);
    const std::uint32_t usual = std::max(block_allowed(pull, pool), file.block_before);
    auto wanted = static_cast<std::uint32_t>(std::min<std::uint64_t>(usual, there));
    while (true) {
        const auto block = pool.take(wanted);
        if (!block.empty() || wanted <= BlockPool::block_min) return block;
        wanted /= 2;
    }
}

/// The block for a record of so many bytes that did not fit into what the pull allows; 0: it did.
std::uint32_t FileSource::large_block(const Pull& pull, std::size_t bytes) const {
    const std::size_t needed = std::bit_ceil(bytes);
    const bool is_large = needed > block_allowed(pull, payloads_.pool());
    return is_large ? static_cast<std::uint32_t>(
                          std::min<std::size_t>(needed, payloads_.pool().block_max()))
                    : 0;
}

/// How much of a block is for input: an eighth stays free where a transform may add to it.
std::size_t FileSource::room_in(std::span<const std::byte> block) const {
    const bool shares = config_.transformed && block.size() < payloads_.pool().block_max();
    return shares ? block.size() - block.size() / 8 : block.size();
}

/// Never past the known size, a lead, or one piece of an oversized line.
std::size_t FileSource::read_limit(const TailedFile& file, std::size_t room) const {
    auto limit = std::min(static_cast<std::int64_t>(room), file.size - file.position);
    // A stream is read beyond a lead, to see where the record before it ends.
    if (!file.leads.empty() && !file.place)
        limit = std::min(limit, file.leads.front().position - file.position);
    if (file.mid_line) limit = std::min(limit, std::int64_t{line_max()});
    HF_ASSERT(limit > 0);
    return static_cast<std::size_t>(limit);
}

bool FileSource::closed_at(const TailedFile& file, std::int64_t end) const {
    if (!file.leads.empty() && file.leads.front().position == end) return true;
    return file.finishing && end == file.size;
}

bool FileSource::emit(const Pull& pull, TailedFile& file, std::span<std::byte> block,
                      const Cut& cut) {
    if (!assign(file)) {
        payloads_.pool().give_back(block);
        return false;
    }
    if (cut.mid_line && !file.mid_line) {
        file.key.oversized_at = file.position;
        rebind(file, true);
    }
    file.ending.take(block.first(cut.bytes));
    file.position =
        give_batch(payloads_, events_, pull, *file.assigned, block, cut, Position{file.position})
            .value;
    seal(file);
    if (mutant(34)) {
        checkpoints_.stage(
            StagePosition{file.assigned->partition, file.assigned->epoch, {file.position}});
    }
    file.partial = static_cast<std::int64_t>(cut.waiting);
    file.mid_line = cut.mid_line;
    file.block_wanted = 0;
    file.block_before = large_block(pull, cut.bytes);
    healed(file);
    std::erase_if(file.leads, [&](const FileLead& l) { return l.position <= file.position; });
    if (cut.fate == Fate::stop) finish(file);
    return true;
}

/// At what was the end of the file: has it grown, shrunk, or (end = eof) is it over?
Task<> FileSource::look_for_more(TailedFile& file) {
    if (file.finished || file.retry_at || file.slotless) co_return;
    FileStat st;
    const auto result = co_await stat(ring_, file.fd, st);
    if (result < 0) {
        read_failed(file, result);
        co_return;
    }
    healed(file);
    const Instant now = ring_.now();
    if (st.size != file.size) file.active_at = now;
    // Written, yet not longer: looked at by the next poll, or read. The last look may be older than
    // what was read, so its time counts as well as its size.
    const bool rewritten = st.size == file.size && st.modified_ns != file.modified_ns;
    const bool looks = st.size < file.size || (rewritten && !mutant(380));
    if (looks && !mutant(127)) file.verify = true;
    file.size = st.size;
    file.modified_ns = st.modified_ns;
    if (file.size < file.position) {
        co_await new_generation(file);
    } else if (file.size < file.position + file.partial) {
        file.partial = 0;
    }
    if (has_more(file)) co_return;
    const bool is_packed = plain_.is_packed(file.fd);
    if (config_.end == EndAt::eof || is_packed) {
        if (file.partial > 0) {
            file.finishing = true;
            file.partial = 0;
        } else if (is_packed) {
            co_await end_packed(file);
        } else {
            finish(file);
            co_await let_go(std::exchange(file.fd, -1));
        }
    } else {
        schedule(file, now + config_.poll_interval);
    }
}

/// Reads until `into` is full, nothing more is there, or an error: then that, if nothing was read.
Task<std::int64_t> FileSource::fill(TailedFile& file, std::span<std::byte> into,
                                    std::int64_t offset) {
    std::size_t done = 0;
    while (done < into.size()) {
        const auto result = co_await read(ring_, file.fd, into.subspan(done),
                                          offset + static_cast<std::int64_t>(done));
        if (result == -EINTR || result == -EAGAIN) continue;
        if (result < 0) co_return done > 0 ? static_cast<std::int64_t>(done) : result;
        if (result == 0) break;
        done += static_cast<std::size_t>(result);
    }
    co_return static_cast<std::int64_t>(done);
}

/// As fill, but an error is never hidden by what was read before it: fewer bytes mean the end.
Task<std::int64_t> FileSource::fill_or_fail(TailedFile& file, std::span<std::byte> into,
                                            std::int64_t offset) {
    std::int64_t done = 0;
    while (done < static_cast<std::int64_t>(into.size())) {
        const auto rest = into.subspan(static_cast<std::size_t>(done));
        const std::int64_t got = co_await fill(file, rest, offset + done);
        if (got < 0) co_return got;
        if (got == 0) break;
        done += got;
    }
    co_return done;
}

void FileSource::pause(TailedFile& file, Duration wait) {
    file.retry_at = ring_.now() + wait;
    schedule(file, *file.retry_at);
}

void FileSource::finish(TailedFile& file) {
    if (file.finished) return;
    healed(file);
    file.finished = true;
    if (file.assigned) spent_.push_back(&file);
    HF_ASSERT(unfinished_ > 0);
    --unfinished_;
}

}  // namespace holdfast::io
