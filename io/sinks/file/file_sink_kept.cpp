// FileSink, what stands beyond its length: rule 1a, and what it is known by.
#include <fcntl.h>
#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"
#include "core/data/framing.hpp"
#include "io/devices/gather.hpp"
#include "io/sinks/file/file_sink.hpp"

namespace holdfast::io {
namespace {

constexpr std::size_t piece = std::size_t{256} * 1024;
// So many are kept one by one. Where nothing is committed for long, the engine takes one of the
// last: a mark without a fingerprint is the worst that can come of it.
constexpr std::size_t marks_max = 4096;
// What comes again comes soon, though among other records: so far behind where it stood it is
// looked for.
constexpr std::int64_t look_margin = std::int64_t{64} * 1024;
constexpr std::int64_t look_bytes_max = std::int64_t{64} * 1024 * 1024;

std::int64_t size_of(std::span<const iovec> vectors) {
    std::int64_t size = 0;
    for (const iovec& bytes : vectors) size += static_cast<std::int64_t>(bytes.iov_len);
    return size;
}

std::span<const std::byte> bytes_of(const iovec& vector) {
    return {static_cast<const std::byte*>(vector.iov_base), vector.iov_len};
}

/// The last bytes of what stands before and what comes behind it.
std::vector<std::byte> last_bytes(std::span<const std::byte> before,
                                  std::span<const iovec> vectors) {
    std::vector<std::byte> reversed;
    const auto take = [&](std::span<const std::byte> bytes) {
        const std::size_t n = std::min(bytes.size(), bytes_before_mark_max - reversed.size());
        reversed.insert(reversed.end(), bytes.rbegin(),
                        bytes.rbegin() + static_cast<std::ptrdiff_t>(n));
    };
    for (auto at = vectors.rbegin(); at != vectors.rend(); ++at) take(bytes_of(*at));
    take(before);
    std::reverse(reversed.begin(), reversed.end());
    return reversed;
}

/// Steps through vectors as through one run of bytes.
class Cursor {
public:
    explicit Cursor(std::span<const iovec> vectors) : vectors_(vectors) {}
    /// Whether the next bytes are these; passes over them. Requires: there are as many.
    bool meets(std::span<const std::byte> bytes) {
        while (!bytes.empty()) {
            const auto here = bytes_of(vectors_.front()).subspan(done_);
            const std::size_t n = std::min(here.size(), bytes.size());
            if (n > 0 && std::memcmp(here.data(), bytes.data(), n) != 0) return false;
            bytes = bytes.subspan(n);
            done_ += n;
            if (done_ < vectors_.front().iov_len) continue;
            vectors_ = vectors_.subspan(1);
            done_ = 0;
        }
        return true;
    }

private:
    std::span<const iovec> vectors_;
    std::size_t done_ = 0;
};

}  // namespace

/// Gathers the order, and sees to it that nothing but its own bytes stands where it goes.
/// Result: 0 or an error.
Task<std::int64_t> FileSink::make_room(const Order& order) {
    if (tail_is_dirty_) co_await cut_tail();
    if (tail_is_dirty_) co_return -EIO;
    gather(payloads_, order.parts, vectors_);
    before_next_ = last_bytes(before_, vectors_);
    met_records_ = 0;
    FileStat now;
    std::int64_t result = co_await io::stat_now(ring_, fd_, now);
    if (result < 0) co_return result;
    written_end_ = std::max(written_end_, length_ + size_of(vectors_));
    kept_end_ = mutant(163) ? length_ : std::max(now.size, length_);
    if (kept_end_ == length_) co_return 0;
    result = co_await stands_there(order);
    if (result == 0) result = co_await set_aside(length_, length_);
    co_return std::min<std::int64_t>(result, 0);
}

/// 1: what stands beyond length is what the order brings, as far as both go. 0: it isn't.
Task<std::int64_t> FileSink::stands_there(const Order& order) {
    std::vector<std::byte> buffer(piece);
    Cursor cursor(vectors_);
    const std::int64_t whole = length_ + size_of(vectors_);
    const std::int64_t end = std::min(kept_end_, whole);
    std::uint64_t lines = 0;
    for (std::int64_t at = length_; at < end;) {
        const auto some = std::span(buffer).first(
            static_cast<std::size_t>(std::min(end - at, static_cast<std::int64_t>(piece))));
        const std::int64_t n = co_await read_all(ring_, fd_, some, at);
        if (n < 0) co_return n;
        if (n < static_cast<std::int64_t>(some.size())) co_return -EIO;  // It shrinks meanwhile.
        if (!cursor.meets(some)) co_return 0;
        lines += count_newlines(some);
        at += n;
    }
    if (config_.framing == Framing::lines) met_records_ = lines;
    // Of MsgPack values, those of writes that stand there whole are counted.
    const bool counts_all = config_.framing != Framing::lines && end == whole;
    for (const Part& part : order.parts) met_records_ += counts_all ? part.end - part.begin : 0;
    co_return 1;
}

/// From `begin` on to the end of the file, durably, before it is cut. Who appends meanwhile comes
/// into the next round.
Task<std::int64_t> FileSink::set_aside(std::int64_t begin, std::int64_t cut_to) {
    FileStat now;
    std::int64_t end = begin;
    while (!mutant(160)) {
        std::int64_t result = co_await io::stat(ring_, fd_, now);
        if (result < 0) co_return result;
        if (now.size <= end) break;
        SetAsideFile made;
        result = co_await aside_.keep(fd_, end, now.size, made);
        if (result < 0) {
            say_failed(
                "what stands in the sink's file behind its records can't be copied to "
                "set_aside in data_dir; it is tried again",
                result);
            co_return result;
        }
        kept_.aside += made.records;
        kept_.aside_bytes += made.bytes;
        kept_.aside_path = made.path;
        look_at_ = std::min(look_at_, length_ + 2 * made.bytes + look_margin);
        log_(Level::warn,
             LogLine("bytes stood in the sink's file behind what is delivered, and are not what "
                     "comes there now: they were set aside")
                 .with("sink", config_.name)
                 .with("path", config_.path)
                 .with("offset", made.offset)
                 .with("bytes", made.bytes)
                 .with("records", made.records)
                 .with("set_aside", made.path)
                 .text());
        end = now.size;
    }
    const std::int64_t result = co_await io::truncate(ring_, fd_, cut_to);
    was_cut_ = true;
    if (result >= 0) kept_end_ = std::min(kept_end_, cut_to);
    co_return result;
}

/// Takes away what we wrote beyond length and did not deliver. If it fails, the tail stays dirty,
/// and is cut before the next write.
Task<> FileSink::cut_tail() {
    const std::int64_t length = length_;
    std::int64_t result = 0;
    FileStat now;
    if (!stream_) result = co_await io::stat(ring_, fd_, now);
    const std::int64_t floor = std::max(length, kept_end_);
    // What is appended from now on is somebody else's.
    if (result >= 0 && !stream_) written_end_ = std::min(written_end_, std::max(now.size, length));
    if (result >= 0 && !stream_ && now.size > floor) {
        const std::int64_t ours = std::max(written_end_, floor);
        if (now.size > ours && !mutant(169)) {
            result = co_await set_aside(ours, floor);
        } else {
            result = co_await io::truncate(ring_, fd_, floor);
            was_cut_ = true;
        }
    }
    if (result < 0 || length != length_) co_return;
    tail_is_dirty_ = false;
    written_end_ = length;
}

void FileSink::delivered(const Order& order, std::int64_t bytes) {
    last_ = {order.write.delivery, order.write.attempt, length_, met_records_};
    kept_.again += met_records_;
    length_ += bytes;
    written_end_ = std::max(written_end_, length_);
    ++writes_;
    if (stream_) return;
    before_last_ = std::exchange(before_, std::move(before_next_));
    if (marks_.size() == marks_max) marks_.erase(marks_.begin(), marks_.begin() + marks_max / 2);
    marks_.push_back({length_, Fingerprint::of(before_)});
}

void FileSink::take_back() {
    length_ = last_.begin;
    kept_.again -= last_.records_again;
    last_ = {};
    before_ = before_last_;
    while (!marks_.empty() && marks_.back().mark > length_) marks_.pop_back();
    tail_is_dirty_ = true;
    if (!busy_ && state_ == DeviceState::ready) scope_.spawn(serve());
}

void FileSink::begin_marks(std::vector<std::byte> before) {
    before_ = std::move(before);
    marks_ = {{length_, Fingerprint::of(before_)}};
}

CheckpointFile FileSink::known_at(std::int64_t mark) {
    CheckpointFile known;
    if (stream_ || fd_ < 0) return known;
    staged_ = mark;
    known.inode = identity_.inode;
    known.born_ns = std::max<std::int64_t>(identity_.born_ns, 0);
    known.clean = mutant(165) && config_.known.clean;
    while (!marks_.empty() && marks_.front().mark < mark) marks_.pop_front();
    if (mutant(162) && marks_.size() > 1 && marks_.back().before.length <= mark) {
        known.before_length = marks_.back().before.length;
        known.before_hash = marks_.back().before.hash;
        return known;
    }
    if (marks_.empty() || marks_.front().mark != mark) return known;
    known.before_length = marks_.front().before.length;
    known.before_hash = marks_.front().before.hash;
    return known;
}

Task<> FileSink::look_again() {
    while (looking_) co_await looked_.wait();
    if (state_ != DeviceState::ready || stream_) co_return;
    looking_ = true;
    look_at_ = INT64_MAX;
    while (config_.turn && config_.turn->taken) co_await config_.turn->free.wait();
    if (config_.turn) config_.turn->taken = true;
    std::vector<SetAsideFile> files;
    co_await aside_.find(files);
    for (const SetAsideFile& file : files) {
        const bool again = co_await is_again(file);
        if (again) continue;
        look_at_ = std::min(look_at_, staged_ + std::max(look_margin, 4 * (staged_ - file.offset)));
    }
    const std::int64_t size = kept_whole_.end - kept_whole_.begin;
    if (size > 0) {
        const FileRange in{fd_, kept_whole_.end,
                           std::min(staged_, kept_whole_.end + 4 * size + look_bytes_max)};
        CameAgain found;
        kept_whole_.fd = fd_;
        const std::int64_t result =
            co_await came_again(ring_, kept_whole_, in, config_.framing, found);
        if (result >= 0) kept_.again += found.found - std::exchange(found_whole_, found.found);
    }
    FileStat now;
    const std::int64_t known = co_await io::stat(ring_, fd_, now);
    kept_.behind_bytes = known < 0 ? 0 : std::max<std::int64_t>(now.size - length_, 0);
    if (kept_.behind_bytes > 0) {
        CameAgain behind;
        co_await came_again(ring_, {fd_, length_, now.size}, {}, config_.framing, behind);
        kept_.behind = behind.records;
    }
    looking_ = false;
    looked_.notify();
    if (config_.turn) config_.turn->taken = false;
    if (config_.turn) config_.turn->free.notify();
}

/// Whether all of it stands in the file again; then it is removed.
Task<bool> FileSink::is_again(const SetAsideFile& file) {
    const FileRange in{fd_, file.offset,
                       std::min(staged_, file.offset + 4 * file.bytes + look_bytes_max)};
    if (file.bytes == 0 || in.begin >= in.end) co_return false;
    const int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    const std::int64_t fd = co_await open_retried(ring_, file.path, flags);
    if (fd < 0) co_return false;
    CameAgain found;
    std::int64_t result = co_await came_again(ring_, {static_cast<int>(fd), 0, file.bytes}, in,
                                              config_.framing, found);
    co_await io::close(ring_, static_cast<int>(fd));
    if (result < 0 || (!found.all() && !mutant(168))) co_return false;
    // It is nowhere else until this sync is done.
    result = co_await io::sync(ring_, fd_);
    if (result < 0) say_unsynced(result);  // Nobody else is told of it.
    if (result >= 0) result = co_await aside_.remove(file);
    if (result < 0) co_return false;
    kept_.again += found.found;
    kept_.aside -= std::min(kept_.aside, found.records);
    kept_.aside_bytes = std::max<std::int64_t>(0, kept_.aside_bytes - file.bytes);
    log_(Level::info, LogLine("all that was set aside stands in the sink's file again")
                          .with("sink", config_.name)
                          .with("set_aside", file.path)
                          .with("records", found.records)
                          .text());
    co_return true;
}

bool FileSink::is_clean() const {
    return state_ == DeviceState::ready && !stream_ && !busy_ && orders_.empty() &&
           !tail_is_dirty_ && kept_end_ <= length_ &&
           (!was_cut_ || config_.fsync == FileSinkConfig::Fsync::batch);
}

}  // namespace holdfast::io
