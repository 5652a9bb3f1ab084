#include "io/sources/socket/stream_source.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"
#include "io/devices/files.hpp"
#include "io/devices/give_batch.hpp"
#include "io/sources/socket/give_record.hpp"

namespace holdfast::io {
namespace {

constexpr Duration idle_retry = seconds(10);
constexpr Duration memory_retry = milliseconds(5);
// Where this process or the machine has no room for another connection.
constexpr Duration accept_retry = milliseconds(100);
constexpr Duration look_least = milliseconds(10);

bool is_passing(std::int64_t result) {
    return result == -EINTR || result == -EAGAIN || result == -ECONNABORTED || result == -EPROTO;
}

}  // namespace

StreamSource::StreamSource(StreamSourceConfig config, Network& network, Ring& ring,
                           Payloads& payloads, Events& events, Checkpoints& checkpoints,
                           PartitionSlots& slots, Log log)
    : config_(std::move(config)),
      network_(network),
      ring_(ring),
      payloads_(payloads),
      events_(events),
      checkpoints_(checkpoints),
      slots_(slots),
      log_(std::move(log)) {
    HF_ASSERT(config_.limits.line_max > 0);
    HF_ASSERT(config_.connections_max > 0);
    config_.limits.line_max = std::min(config_.limits.line_max, payloads_.pool().block_max());
    config_.unfinished_bytes_max =
        std::max<std::uint64_t>(config_.unfinished_bytes_max, 2 * config_.limits.line_max);
}

StreamSource::~StreamSource() {
    if (listener_ >= 0) network_.close(listener_);
}

void StreamSource::start() {
    // What an earlier run said of it means nothing now.
    const auto old = slots_.take();
    HF_ASSERT(old.has_value());
    checkpoints_.bind(config_.id, old->partition, old->epoch, "socket");
    checkpoints_.unbind(old->partition, old->epoch);
    slots_.give_back(*old);
    assigned_ = *slots_.take();
    checkpoints_.bind(config_.id, assigned_.partition, assigned_.epoch, "socket");
    events_.push(PartitionAssigned{config_.id, assigned_.partition, assigned_.epoch, {0}});
    const auto listener = network_.listen(config_.address);
    if (!listener) {
        if (config_.refuse) config_.refuse("source \"" + config_.name + "\": " + listener.error());
        return;
    }
    listener_ = *listener;
    listens_at_ = network_.local_name(listener_);
    log_(Level::info,
         LogLine("listening").with("source", config_.name).with("address", listens_at_).text());
    scope_.spawn(accept_all());
    if (config_.idle_timeout > Duration{0}) scope_.spawn(leave_silent());
}

void StreamSource::pull(const Pull& pull) {
    pulls_.push_back(pull);
    dispatch();
}

void StreamSource::commit(const CommitPosition&) { HF_ASSERT(false); }

void StreamSource::revoke_done(const RevokeDone&) {}

/// Its own end of each connection: what that did not end goes by `on_unfinished` as at any other.
void StreamSource::take_no_more() {
    closing_ = true;
    for (Connection& one : connections_) end(one, Why::stopped);
}

bool StreamSource::has_given_all() const {
    return !busy_ && std::ranges::all_of(connections_,
                                         [](const Connection& one) { return one.lines.empty(); });
}

LeftOut StreamSource::left_out() const {
    LeftOut out{.unfinished = counts_.unfinished_dropped,
                .unfinished_bytes = counts_.unfinished_bytes};
    for (const Connection& one : connections_) {
        if (one.lines.empty()) continue;
        out.unfinished += 1;
        out.unfinished_bytes += one.lines.bytes().size();
    }
    return out;
}

// ---- connections ---------------------------------------------------------------------------------

Task<> StreamSource::accept_all() {
    while (true) {
        if (connections_.size() >= config_.connections_max && !mutant(483)) {
            if (!std::exchange(was_full_, true))
                log_(Level::warn, LogLine("max_connections are open, further peers wait")
                                      .with("source", config_.name)
                                      .with("max_connections", config_.connections_max)
                                      .text());
            co_await left_.wait();
            continue;
        }
        const Op op{.kind = OpKind::accept, .fd = listener_};
        const auto fd = co_await RingOp(ring_, op);
        if (fd >= 0) {
            accepts_ = true;
            accepted(static_cast<int>(fd));
        } else if (!is_passing(fd)) {
            if (std::exchange(accepts_, false))
                log_(Level::warn, LogLine("cannot take another connection")
                                      .with("source", config_.name)
                                      .with("error", error_text(fd))
                                      .text());
            co_await sleep_until(ring_, ring_.now() + accept_retry);
        }
    }
}

void StreamSource::accepted(int fd) {
    if (closing_) return network_.close(fd);
    Connection& one = connections_.emplace_back();
    one.fd = fd;
    one.peer = network_.peer_name(fd);
    one.heard = ring_.now();
    counts_.accepted += 1;
    log_(Level::debug,
         LogLine("connected").with("source", config_.name).with("peer", one.peer).text());
    peers_.spawn(attend(one));
}

/// Of its whole life: waits for bytes, then for the end of its turn.
Task<> StreamSource::attend(Connection& one) {
    while (!one.is_done()) {
        if (one.over == Why::open && !one.has_turn) {
            RingOp poll(ring_, Op{.kind = OpKind::poll_in, .fd = one.fd});
            one.poll = &poll.op();
            co_await poll;
            one.poll = nullptr;
        }
        if (!one.has_turn) take_turn(one, one.over != Why::open);
        dispatch();
        while (one.has_turn) co_await one.turn_over.wait();
    }
    say_end(one);
    co_await close(ring_, one.fd);
    held_ -= one.held;
    connections_.remove_if([&](const Connection& other) { return &other == &one; });
    left_.notify();
}

void StreamSource::say_end(const Connection& one) {
    const char* how = "closed";
    if (one.over == Why::reset) how = "broken";
    if (one.over == Why::idle) how = "silent for idle_timeout";
    if (one.over == Why::stopped) how = "left, since the pipeline stops";
    if (one.over == Why::crowded_out) how = "left, to make room for others' lines";
    log_(one.over == Why::crowded_out ? Level::warn : Level::debug,
         LogLine("connection ended")
             .with("source", config_.name)
             .with("peer", one.peer)
             .with("how", how)
             .text());
}

/// Nothing more is received from it. What came is given away in its turn.
void StreamSource::end(Connection& one, Why why) {
    if (one.over != Why::open) return;
    one.over = why;
    if (why == Why::reset) counts_.resets += 1;
    if (why == Why::idle) counts_.idle += 1;
    if (why == Why::crowded_out) counts_.crowded_out += 1;
    // Attend gives it its turn.
    if (one.poll != nullptr) ring_.cancel(*one.poll);
}

Task<> StreamSource::leave_silent() {
    const Duration pause = std::max(Duration{config_.idle_timeout.ns / 8}, look_least);
    while (true) {
        co_await sleep_until(ring_, ring_.now() + pause);
        for (Connection& one : connections_)
            // This process may have stood still: what came meanwhile was said in time.
            if (one.over == Why::open && one.poll != nullptr &&
                ring_.now() - one.heard >= config_.idle_timeout &&
                (mutant(580) || !network_.has_unread(one.fd)))
                end(one, Why::idle);
    }
}

/// Makes room for lines that have not come whole. The reader itself stays; who must go is the next
/// to give away what it has.
void StreamSource::crowd_out(const Connection& reader) {
    std::uint64_t stays = 0;
    for (const Connection& one : connections_)
        if (one.over == Why::open || !one.has_turn) stays += one.held;
    while (stays > config_.unfinished_bytes_max) {
        Connection* longest = nullptr;
        for (Connection& one : connections_) {
            if (&one == &reader || one.held == 0) continue;
            if (one.over != Why::open && one.has_turn) continue;
            if (longest == nullptr || one.heard < longest->heard) longest = &one;
        }
        if (longest == nullptr) return;
        stays -= longest->held;
        std::erase(turns_, longest);
        take_turn(*longest, true);
        end(*longest, Why::crowded_out);
    }
}

void StreamSource::take_turn(Connection& one, bool first) {
    one.has_turn = true;
    first ? turns_.push_front(&one) : turns_.push_back(&one);
    if (std::exchange(told_idle_, false)) events_.push(SourceReady{config_.id});
}

/// A connection with whole lines goes on; one that may have more to read is the last of all.
void StreamSource::end_turn(Connection& one, bool more) {
    if (one.lines.has_whole() || (one.over != Why::open && !one.is_done())) return;
    const auto at = std::find(turns_.begin(), turns_.end(), &one);
    HF_ASSERT(at != turns_.end());
    turns_.erase(at);
    if (more && one.over == Why::open) {
        turns_.push_back(&one);
        return;
    }
    one.has_turn = false;
    one.turn_over.notify();
}

// ---- records -------------------------------------------------------------------------------------

void StreamSource::idle(const Pull& pull, Duration retry_after) {
    told_idle_ = true;
    events_.push(SourceIdle{pull.batch, config_.id, retry_after});
}

void StreamSource::dispatch() {
    while (!pulls_.empty() && !busy_) {
        const Pull pull = pulls_.front();
        pulls_.pop_front();
        if (turns_.empty() || stopped_) {
            idle(pull, idle_retry);
        } else {
            busy_ = true;
            scope_.spawn(serve(pull));
        }
    }
}

Task<> StreamSource::serve(Pull pull) {
    bool answered = false;
    while (!answered && !turns_.empty() && !stopped_) {
        Connection& one = *turns_.front();
        more_ = false;
        answered = co_await bring(pull, one);
        end_turn(one, more_);
    }
    if (!answered) idle(pull, idle_retry);
    busy_ = false;
    dispatch();
}

/// False: it had nothing to give away.
Task<bool> StreamSource::bring(const Pull& pull, Connection& one) {
    if (one.over != Why::open && !one.lines.has_whole()) co_return give_unfinished(pull, one);
    std::span<std::byte> block = one.lines.take_block(pull, payloads_.pool());
    if (block.empty()) {
        more_ = true;
        idle(pull, memory_retry);
        co_return true;
    }
    const std::size_t carried = one.lines.copy_to(block);
    std::size_t length = carried;
    if (!one.lines.has_whole()) {
        const Op op{.kind = OpKind::recv,
                    .fd = one.fd,
                    .flags = MSG_DONTWAIT,
                    .buffer = block.subspan(length)};
        const auto got = co_await RingOp(ring_, op);
        if (got == 0) end(one, Why::closed);
        if (got < 0 && got != -EAGAIN && got != -EINTR) end(one, Why::reset);
        if (got > 0) {
            one.heard = ring_.now();
            length += static_cast<std::size_t>(got);
        }
        more_ = length == block.size() || got == -EINTR;
    }
    co_return give_lines(pull, one, block, length, carried);
}

bool StreamSource::give_lines(const Pull& pull, Connection& one, std::span<std::byte> block,
                              std::size_t length, std::size_t carried) {
    const Cut cut = one.lines.cut(pull, block, length, carried, false, config_.limits);
    account(one);
    if (held_ > config_.unfinished_bytes_max && !mutant(480)) crowd_out(one);
    if (cut.bytes == 0) {
        payloads_.pool().give_back(block);
        return false;
    }
    position_ = give_batch(payloads_, events_, pull, assigned_, block, cut, position_);
    stopped_ = cut.fate == Fate::stop;
    return true;
}

/// Whole lines that did not fit into a batch go first, before anything more is read: one block.
void StreamSource::account(Connection& one) {
    held_ -= one.held;
    one.held = one.lines.has_whole() ? 0 : one.lines.held();
    held_ += one.held;
}

/// The end of a connection: what it did not end with a newline.
bool StreamSource::give_unfinished(const Pull& pull, Connection& one) {
    if (mutant(479))
        for (Connection& other : connections_)
            if (&other != &one && other.lines.empty()) std::swap(other.lines, one.lines);
    if (one.over == Why::reset && mutant(481)) one.lines.clear();
    if (one.over == Why::stopped && mutant(581)) one.lines.clear();
    const auto rest = one.lines.bytes();
    if (rest.empty()) return false;
    counts_.unfinished += 1;
    bool given = false;
    if (one.lines.mid_line()) {
        given = give_record(payloads_, events_, pull, assigned_, rest, position_,
                            {Fate::oversized, {}});
    } else if (config_.on_unfinished == Unfinished::record) {
        given =
            give_record(payloads_, events_, pull, assigned_, rest, position_, {Fate::deliver, {}});
    } else if (config_.on_unfinished == Unfinished::dead_letter) {
        given = give_record(payloads_, events_, pull, assigned_, rest, position_,
                            {Fate::unreadable, "the connection ended within this line"});
    } else {
        counts_.unfinished_dropped += mutant(476) ? 0 : 1;
        counts_.unfinished_bytes += rest.size();
        log_(Level::debug, LogLine("a line without its end was dropped")
                               .with("source", config_.name)
                               .with("peer", one.peer)
                               .with("bytes", rest.size())
                               .text());
    }
    const bool dropped = config_.on_unfinished == Unfinished::drop && !one.lines.mid_line();
    if (!given && !dropped) {
        // No memory now: it is asked for again.
        counts_.unfinished -= 1;
        idle(pull, memory_retry);
        return true;
    }
    one.lines.clear();
    account(one);
    return given;
}

}  // namespace holdfast::io
