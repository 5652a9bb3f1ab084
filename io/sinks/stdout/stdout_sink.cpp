#include "io/sinks/stdout/stdout_sink.hpp"

#include <cerrno>

#include "core/base/mutant.hpp"

#include "io/devices/files.hpp"
#include "io/devices/gather.hpp"

namespace holdfast::io {
namespace {

// How long to wait for a reader of a stream that somebody set to non-blocking.
constexpr Duration full_wait = milliseconds(5);

}  // namespace

StdoutSink::StdoutSink(Ring& ring, Payloads& payloads, Events& events, Log log, int fd,
                       std::optional<FileStat> file, bool lines)
    : ring_(ring),
      payloads_(payloads),
      events_(events),
      log_(std::move(log)),
      fd_(fd),
      file_(file),
      lines_(lines),
      writes_(payloads, events,
              [this](const SerialWrites::Order& order) { return write_now(order); }) {}

Task<SinkOutcome> StdoutSink::write_now(const SerialWrites::Order& order) {
    if (closed_) co_return SinkOutcome::retriable;
    gather_all(order);
    std::int64_t result = -EAGAIN;
    std::int64_t written = 0;
    while (result == -EAGAIN) {
        std::int64_t progress = 0;
        result = co_await write_all(ring_, fd_, vectors_, -1, progress);
        written += progress;
        if (result == -EAGAIN) co_await sleep_until(ring_, ring_.now() + full_wait);
    }
    if (written > 0) mid_line_ = result < 0 && ends_mid_line(order, written);
    // It says nothing of what landed nevertheless.
    if (result == -EIO) mid_line_ = true;
    if (result >= 0) {
        failing_ = false;
        co_return SinkOutcome::delivered;
    }
    if (!failing_) {
        failing_ = true;
        log_(Level::error,
             LogLine("standard output can't be written").with("error", error_text(result)).text());
    }
    if (result == -EPIPE || result == -EBADF) {
        closed_ = true;
        changed_.notify();
    }
    if (mutant(497) && written > 0) co_return SinkOutcome::delivered;
    co_return written > 0 ? SinkOutcome::ambiguous : SinkOutcome::retriable;
}

void StdoutSink::gather_all(const SerialWrites::Order& order) {
    static constexpr char line_end = '\n';
    gather(payloads_, order.parts, vectors_);
    if (!mid_line_ || !lines_ || mutant(499)) return;
    vectors_.insert(vectors_.begin(), iovec{const_cast<char*>(&line_end), 1});
}

bool StdoutSink::ends_mid_line(const SerialWrites::Order& order, std::int64_t written) {
    gather_all(order);
    auto left = static_cast<std::size_t>(written);
    for (const iovec& vector : vectors_) {
        if (left <= vector.iov_len)
            return left > 0 && static_cast<const char*>(vector.iov_base)[left - 1] != '\n';
        left -= vector.iov_len;
    }
    return false;
}

void StdoutSink::sync(const SyncSink& sync) {
    events_.push(SinkSynced{sync.sink, sync.sync, StoreOutcome::ok});
}

}  // namespace holdfast::io
