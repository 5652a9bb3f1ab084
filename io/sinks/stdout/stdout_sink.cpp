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
                       std::optional<FileStat> file)
    : ring_(ring),
      payloads_(payloads),
      events_(events),
      log_(std::move(log)),
      fd_(fd),
      file_(file),
      writes_(payloads, events,
              [this](const SerialWrites::Order& order) { return write_now(order); }) {}

Task<SinkOutcome> StdoutSink::write_now(const SerialWrites::Order& order) {
    if (closed_) co_return SinkOutcome::retriable;
    gather(payloads_, order.parts, vectors_);
    std::int64_t result = -EAGAIN;
    std::int64_t written = 0;
    while (result == -EAGAIN) {
        std::int64_t progress = 0;
        result = co_await write_all(ring_, fd_, vectors_, -1, progress);
        written += progress;
        if (result == -EAGAIN) co_await sleep_until(ring_, ring_.now() + full_wait);
    }
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

void StdoutSink::sync(const SyncSink& sync) {
    events_.push(SinkSynced{sync.sink, sync.sync, StoreOutcome::ok});
}

}  // namespace holdfast::io
