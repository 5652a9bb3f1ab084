// FileSink's start: from a path and a mark to a file whose length is known.
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/base/mutant.hpp"
#include "io/sinks/file/file_sink.hpp"

namespace holdfast::io {
namespace {

constexpr Duration retry_first = milliseconds(100);
constexpr Duration retry_max = seconds(5);

/// Somebody has to do something about it; waiting doesn't help.
bool is_forbidden(std::int64_t result) {
    return result == -EACCES || result == -EPERM || result == -EROFS;
}

}  // namespace

Task<> FileSink::open_file() {
    Duration wait = retry_first;
    while (true) {
        const std::int64_t result = co_await prepare();
        if (state_ == DeviceState::refused) break;
        if (result >= 0 && relies_on_mark_ && !stream_ && length_ < config_.mark.value_or(0)) {
            break_with(
                fmt::format("{} was not there, or empty, when it could be opened at last; "
                            "it is begun anew",
                            config_.path));
            break;
        }
        if (result >= 0) {
            say_healed();
            state_ = DeviceState::ready;
            break;
        }
        say_failed("the sink's file can't be opened, it is tried again", result);
        if (fd_ >= 0) co_await io::close(ring_, fd_);
        fd_ = -1;
        answer_all(SinkOutcome::retriable);
        co_await sleep_until(ring_, ring_.now() + wait);
        wait = std::min(Duration{wait.ns * 2}, retry_max);
    }
    if (state_ != DeviceState::ready) answer_all(SinkOutcome::retriable);
    if (state_ != DeviceState::broken) changed_.notify();
    if (state_ == DeviceState::ready && !orders_.empty() && !busy_) scope_.spawn(serve());
}

/// One attempt. Result: 0, or an error that may pass.
Task<std::int64_t> FileSink::prepare() {
    const std::string parent = parent_of(config_.path);
    std::int64_t result = co_await make_directories(ring_, parent);
    if (result == -ENOTDIR) {
        refuse(fmt::format("{}: {} is not a directory", config_.path, parent));
    }
    if (is_forbidden(result)) {
        refuse(fmt::format("{}: {} can't be made: {}", config_.path, parent, error_text(result)));
    }
    if (result < 0) co_return result;
    FileStat found;
    const std::int64_t there = co_await io::stat(ring_, config_.path.c_str(), found);
    if (there == 0 && !S_ISREG(found.mode)) {
        stream_ = true;
        if (S_ISDIR(found.mode) || config_.delivery == FileSinkConfig::Delivery::exactly_once) {
            refuse(fmt::format("{} is not a regular file{}", config_.path,
                               S_ISDIR(found.mode) ? ""
                                                   : ": it can't be cut after a crash; set "
                                                     "delivery = \"at_least_once\" for it"));
            co_return -EINVAL;
        }
    }
    // A pipe without a reader is no reason to hang: its open fails, and is tried again.
    const int flags = (stream_ ? O_WRONLY | O_NONBLOCK | O_NOCTTY : O_RDWR | O_CREAT) | O_CLOEXEC;
    const std::int64_t fd = co_await open_retried(ring_, config_.path, flags, config_.mode);
    if (is_forbidden(fd)) {
        refuse(fmt::format("{} can't be written: {}", config_.path, error_text(fd)));
    }
    if (fd < 0) co_return fd;
    fd_ = static_cast<int>(fd);
    if (!stream_) result = co_await lock();
    if (result < 0) co_return result;
    // After the lock: who had it may have written until then.
    result = co_await io::stat(ring_, fd_, identity_);
    if (result < 0 || stream_) co_return result;
    // Where a checkpoint knows the file, its name was made durable before that checkpoint.
    if (there < 0 || !config_.mark) {
        result = co_await sync_names(ring_, config_.path);
        if (result < 0) co_return result;
    }
    result = co_await prepare_length(identity_.size);
    if (result < 0) co_return result;
    std::vector<std::byte> before;
    result = co_await read_before(length_, before);
    if (result < 0) co_return result;
    begin_marks(std::move(before));
    std::vector<SetAsideFile> earlier;
    co_await aside_.find(earlier);
    if (earlier.empty()) co_return 0;
    look_at_ = length_;
    std::int64_t bytes = 0;
    for (const SetAsideFile& file : earlier) bytes += file.bytes;
    log_(Level::warn,
         LogLine("bytes of this sink's file are still set aside from earlier runs: deliver "
                 "from them what is missing, then delete them")
             .with("sink", config_.name)
             .with("files", earlier.size())
             .with("bytes", bytes)
             .with("last", earlier.back().path)
             .text());
    co_return 0;
}

/// Others that write to the file would do so at their own offsets. Streams may have many writers.
Task<std::int64_t> FileSink::lock() {
    const std::int64_t result = co_await lock_file(ring_, fd_);
    if (result == -EAGAIN) refuse(locked_text(config_.path));
    if (result == 0) {
        log_(Level::warn, LogLine("the sink's file can't be locked there; nothing keeps another "
                                  "process from writing it")
                              .with("sink", config_.name)
                              .with("path", config_.path)
                              .text());
    }
    co_return result;
}

Task<std::int64_t> FileSink::prepare_length(std::int64_t size) {
    std::int64_t result = 0;
    if (!config_.mark) {
        if (mutant(319)) co_return 0;
        result = co_await append_to(size);
        co_return result;
    }
    const std::int64_t mark = *config_.mark;
    if (size == 0) {
        if (mark > 0) {
            log_(Level::warn, LogLine("the sink's file was moved away or emptied, a new one begins")
                                  .with("sink", config_.name)
                                  .with("path", config_.path)
                                  .with("delivered_before", mark)
                                  .text());
        }
        length_ = 0;
        co_return 0;
    }
    std::string why;
    const bool repeats = config_.delivery == FileSinkConfig::Delivery::at_least_once;
    result = co_await is_known(size, why);
    if (result < 0) co_return result;
    if (result == 0 && !repeats) {
        refuse(fmt::format("{} {}. Nothing was changed", config_.path, why));
        co_return -EINVAL;
    }
    if (result == 0) {
        log_(Level::warn,
             LogLine("the sink's file is not the one that was written, it is appended to")
                 .with("sink", config_.name)
                 .with("path", config_.path)
                 .with("size", size)
                 .with("delivered_before", mark)
                 .with("why", why)
                 .text());
        result = co_await append_to(size);
        co_return result;
    }
    length_ = mark;
    if (repeats) {
        result = co_await keep_whole_records(size);
        co_return result;
    }
    kept_end_ = size;
    if (size > mark) say_kept(size);
    co_return 0;
}

/// 1: it is what was written, up to the mark. 0: see `why`, which says what to do.
Task<std::int64_t> FileSink::is_known(std::int64_t size, std::string& why) {
    constexpr std::string_view restore = "Restore the file, or move it away to begin a new one";
    const std::int64_t mark = *config_.mark;
    const CheckpointFile& known = config_.known;
    if (size < mark) {
        why = fmt::format(
            "is shorter ({} bytes) than what was delivered to it ({}): it was cut or "
            "replaced, or the machine lost power under fsync = \"never\". {}",
            size, mark, restore);
        co_return 0;
    }
    std::vector<std::byte> before;
    std::int64_t result = co_await read_before(mark, before);
    if (result < 0) co_return result;
    const Fingerprint fingerprint{known.before_length, known.before_hash};
    const bool other_bytes =
        known.before_length > 0 && !mutant(166) && fingerprint != Fingerprint::of(before);
    const bool is_ended =
        mark == 0 || config_.framing != Framing::lines || before.back() == std::byte{'\n'};
    if (other_bytes || !is_ended) {
        why = fmt::format(
            "{} the {} bytes that were delivered to it: it was changed or replaced, "
            "or the machine lost power under fsync = \"never\". {}",
            is_ended ? "has other bytes at the end of" : "has no line end after", mark, restore);
        co_return 0;
    }
    // A file system may give the inode of one that was deleted to the next.
    const bool other_life =
        known.born_ns > 0 && identity_.born_ns > 0 && known.born_ns != identity_.born_ns;
    const bool other_file = known.inode != 0 && (known.inode != identity_.inode || other_life);
    if (other_file && known.before_length == 0) {
        why = fmt::format(
            "is another file than the one that was begun, and has bytes that this "
            "pipeline did not write. Move it away to begin a new one, or set "
            "delivery = \"at_least_once\", which writes behind them");
        co_return 0;
    }
    if (other_file) {
        log_(Level::warn, LogLine("the sink's file is another one, with the same bytes where its "
                                  "records end: it is taken for a copy of what was written")
                              .with("sink", config_.name)
                              .with("path", config_.path)
                              .text());
    }
    if (known.clean && size > mark && !mutant(167)) {
        why = fmt::format(
            "has {0} bytes behind the {1} that were delivered to it, and the last run ended with "
            "nothing left to write: somebody else wrote them. Give each writer a file of its own, "
            "and move those bytes away (`tail -c +{2} FILE > OTHER && truncate -s {1} FILE`); or "
            "set delivery = \"at_least_once\", which writes behind them",
            size - mark, mark, mark + 1);
        co_return 0;
    }
    co_return 1;
}

void FileSink::say_kept(std::int64_t size) {
    log_(Level::info, LogLine("the sink's file is longer than what is committed: what stands there "
                              "stays until it comes again")
                          .with("sink", config_.name)
                          .with("path", config_.path)
                          .with("committed", *config_.mark)
                          .with("size", size)
                          .text());
}

/// at_least_once: what stands beyond the mark stays, but for what is no whole record.
Task<std::int64_t> FileSink::keep_whole_records(std::int64_t size) {
    const std::int64_t mark = *config_.mark;
    const std::int64_t end = co_await end_of_records(mark, size);
    if (end < 0) co_return end;
    kept_end_ = size;
    std::int64_t result = 0;
    if (end < size) result = co_await set_aside(end, end);
    if (result < 0) co_return result;
    length_ = end;
    result = co_await settle(mark);
    kept_whole_ = {fd_, mark, length_};
    co_return result;
}

/// The last bytes before an offset, up to as many as a fingerprint covers.
Task<std::int64_t> FileSink::read_before(std::int64_t offset, std::vector<std::byte>& before) {
    const auto n = std::min<std::int64_t>(offset, bytes_before_mark_max);
    before.resize(static_cast<std::size_t>(n));
    if (n == 0) co_return 0;
    const std::int64_t read = co_await read_all(ring_, fd_, before, offset - n);
    if (read >= 0 && read < n) co_return -EIO;  // The file shrinks while we look.
    co_return std::min<std::int64_t>(read, 0);
}

/// Begins at the end of a file that we know nothing of. A last line without an end gets one.
Task<std::int64_t> FileSink::append_to(std::int64_t size) {
    std::int64_t result = co_await ends_line_at(size);
    if (result < 0) co_return result;
    if (result == 0) {
        static constexpr std::byte newline{'\n'};
        std::vector<iovec> vectors{vector_of({&newline, 1})};
        std::int64_t progress = 0;
        result = co_await write_all(ring_, fd_, vectors, size, progress);
        if (result >= 0) result = co_await io::sync(ring_, fd_);
        if (result < 0) co_return result;
        ++size;
    }
    if (size > 0) {
        log_(Level::info, LogLine("the sink's file has contents, it is appended to")
                              .with("sink", config_.name)
                              .with("path", config_.path)
                              .with("size", size)
                              .text());
    }
    length_ = size;
    co_return 0;
}

/// Makes what stands beyond the mark durable, so that it may be under the next one. It is written
/// again: after a sync that failed the kernel holds it for clean, though the disk hasn't got it.
/// From the first zero on it is set aside: that is what a power loss leaves of bytes that didn't
/// arrive.
Task<std::int64_t> FileSink::settle(std::int64_t mark) {
    if (mark == length_) co_return 0;
    std::vector<std::byte> buffer(std::size_t{256} * 1024);
    for (std::int64_t at = mark; at < length_;) {
        const std::int64_t size = std::min(length_ - at, static_cast<std::int64_t>(buffer.size()));
        const std::span<std::byte> some(buffer.data(), static_cast<std::size_t>(size));
        std::int64_t result = co_await read_all(ring_, fd_, some, at);
        if (result < 0) co_return result;
        if (result < size) co_return -EIO;  // The file shrinks while we read.
        const bool lines = config_.framing == Framing::lines;
        const void* hole = lines ? std::memchr(some.data(), 0, some.size()) : nullptr;
        if (hole != nullptr) {
            const std::int64_t offset = at + (static_cast<const std::byte*>(hole) - some.data());
            result = co_await end_of_last_line(ring_, fd_, mark, offset);
            const std::int64_t whole = result;
            if (result >= 0) result = co_await set_aside(whole, whole);
            if (result < 0) co_return result;
            length_ = whole;
            continue;
        }
        std::vector<iovec> vectors{vector_of(some)};
        std::int64_t progress = 0;
        result = co_await write_all(ring_, fd_, vectors, at, progress);
        if (result < 0) co_return result;
        at += size;
    }
    const std::int64_t result = co_await io::sync(ring_, fd_);
    co_return result;
}

/// The end of the last whole record between the mark, where one ends, and the size.
Task<std::int64_t> FileSink::end_of_records(std::int64_t mark, std::int64_t size) {
    if (config_.framing == Framing::lines) {
        const std::int64_t end = co_await end_of_last_line(ring_, fd_, mark, size);
        co_return end;
    }
    codec::SideBySide values(config_.framing, INT64_MAX, static_cast<std::uint64_t>(mark));
    std::vector<codec::StreamExtent> found;
    std::vector<std::byte> buffer(std::size_t{16} * 1024);
    for (std::int64_t at = mark; at < size;) {
        const auto some = std::span<std::byte>(buffer).first(static_cast<std::size_t>(
            std::min(size - at, static_cast<std::int64_t>(buffer.size()))));
        const std::int64_t n = co_await read_all(ring_, fd_, some, at);
        if (n < 0) co_return n;
        found.clear();
        const bool good = values.feed(some.first(static_cast<std::size_t>(n)), found).has_value();
        if (n == 0 || !good) break;
        at += n;
    }
    co_return static_cast<std::int64_t>(values.waiting_from());
}

/// 1 if a line may begin at the offset, 0 if not.
Task<std::int64_t> FileSink::ends_line_at(std::int64_t offset) {
    if (offset == 0 || config_.framing != Framing::lines) co_return 1;
    std::byte last{};
    const std::int64_t n = co_await read_all(ring_, fd_, {&last, 1}, offset - 1);
    if (n < 0) co_return n;
    co_return n == 1 && last == std::byte{'\n'} ? 1 : 0;
}

void FileSink::refuse(std::string problem) {
    state_ = DeviceState::refused;
    problem_ = std::move(problem);
    log_(Level::error,
         LogLine("the sink can't be used").with("sink", config_.name).with("why", problem_).text());
}

}  // namespace holdfast::io
