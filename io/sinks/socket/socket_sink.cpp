#include "io/sinks/socket/socket_sink.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

#include "core/base/mutant.hpp"
#include "io/devices/files.hpp"
#include "io/devices/gather.hpp"

namespace holdfast::io {
namespace {

// Of what a peer says, before each write.
constexpr int reads_most = 64;

/// Takes the first `n` bytes off; returns how many vectors are used up.
std::size_t used_up(std::span<iovec> vectors, std::int64_t n) {
    auto left = static_cast<std::size_t>(n);
    std::size_t done = 0;
    while (done < vectors.size() && left >= vectors[done].iov_len) left -= vectors[done++].iov_len;
    if (left == 0) return done;
    iovec& rest = vectors[done];
    rest.iov_base = static_cast<std::byte*>(rest.iov_base) + left;
    rest.iov_len -= left;
    return done;
}

}  // namespace

SocketSink::SocketSink(SocketSinkConfig config, Network& network, Ring& ring, Payloads& payloads,
                       Events& events, Log log)
    : config_(std::move(config)),
      network_(network),
      ring_(ring),
      payloads_(payloads),
      events_(events),
      log_(std::move(log)),
      writes_(
          payloads, events, [this](Order& order) { return write_now(order); },
          [this] {
              if (in_flight_ != nullptr) ring_.cancel(*in_flight_);
          }) {}

SocketSink::~SocketSink() { disconnect(); }

Task<SinkOutcome> SocketSink::write_now(Order& order) {
    bool open = fd_ >= 0;
    if (open) open = co_await is_open();
    if (!open) open = co_await connect_now(order);
    if (!open) co_return SinkOutcome::retriable;
    std::int64_t progress = 0;
    const std::int64_t result = co_await send_all(order, progress);
    if (result >= 0) {
        failing_.clear();
        co_return SinkOutcome::delivered;
    }
    // A line may be cut: nothing may follow it. If nothing was sent, nothing is.
    const bool keeps = progress == 0 && result == -ECANCELED;
    if (!keeps && !mutant(474)) disconnect();
    torn_at_ = progress;
    failed(order, "sending to", result);
    co_return progress > 0 ? SinkOutcome::ambiguous : SinkOutcome::retriable;
}

Task<std::int64_t> SocketSink::perform(Op filled) {
    RingOp op(ring_, filled);
    in_flight_ = &op.op();
    const std::int64_t result = co_await op;
    in_flight_ = nullptr;
    co_return result;
}

Task<bool> SocketSink::connect_now(const Order& order) {
    const int fd = network_.open_stream(config_.address);
    std::int64_t result = fd;
    if (fd >= 0) {
        const Op op{.kind = OpKind::connect, .fd = fd, .address = config_.address.bytes()};
        result = co_await perform(op);
    }
    if (result >= 0 && network_.is_own_peer(fd)) result = -ECONNREFUSED;
    if (result >= 0 && order.cancelled) result = -ECANCELED;
    if (result < 0) {
        if (fd >= 0) network_.close(fd);
        failed(order, "connecting to", result);
        co_return false;
    }
    fd_ = fd;
    connections_ += 1;
    log_(Level::info, LogLine("connected")
                          .with("sink", config_.name)
                          .with("address", config_.address.text())
                          .text());
    co_return true;
}

/// Looks what the peer has said, forgets it, and whether it has closed its end.
Task<bool> SocketSink::is_open() {
    std::array<std::byte, 4096> said;
    std::int64_t got = 1;
    // One that never stops talking is open, too.
    for (int reads = 0; reads < reads_most && (got > 0 || got == -EINTR); ++reads) {
        const Op op{.kind = OpKind::recv, .fd = fd_, .flags = MSG_DONTWAIT, .buffer = said};
        got = co_await perform(op);
    }
    if (got > 0 || got == -EAGAIN || got == -ECANCELED || mutant(482)) co_return true;
    log_(Level::debug, LogLine("the peer has closed the connection")
                           .with("sink", config_.name)
                           .with("address", config_.address.text())
                           .text());
    disconnect();
    co_return false;
}

Task<std::int64_t> SocketSink::send_all(const Order& order, std::int64_t& progress) {
    gather(payloads_, order.parts, vectors_);
    std::span<iovec> left(vectors_);
    if (mutant(485)) left = left.subspan(used_up(left, std::exchange(torn_at_, 0)));
    while (!left.empty()) {
        if (order.cancelled) co_return -ECANCELED;
        const Op op{.kind = OpKind::send, .fd = fd_, .vectors = left};
        const std::int64_t sent = co_await perform(op);
        if (sent == -EINTR || sent == -EAGAIN) continue;
        if (sent < 0) co_return sent;
        progress += sent;
        if (mutant(475)) co_return progress;
        left = left.subspan(used_up(left, sent));
    }
    co_return progress;
}

void SocketSink::disconnect() {
    if (fd_ >= 0) network_.close(fd_);
    fd_ = -1;
}

void SocketSink::failed(const Order& order, const std::string& what, std::int64_t result) {
    // Nobody waits for this answer any more.
    if (order.cancelled) return;
    const std::string text = what + " " + config_.address.text() + ": " + error_text(result);
    if (config_.words) config_.words->say(config_.id, order.parts, text);
    if (failing_ == text) return;
    failing_ = text;
    log_(Level::warn, LogLine("the sink cannot be written, it is tried again")
                          .with("sink", config_.name)
                          .with("error", text)
                          .text());
}

void SocketSink::sync(const SyncSink& sync) {
    events_.push(SinkSynced{sync.sink, sync.sync, StoreOutcome::ok});
}

}  // namespace holdfast::io
