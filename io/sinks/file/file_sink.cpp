#include "io/sinks/file/file_sink.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"
#include "io/devices/gather.hpp"

namespace holdfast::io {
namespace {

constexpr Duration look_interval = seconds(1);
// How long to wait for the reader of a full pipe.
constexpr Duration full_wait = milliseconds(5);

}  // namespace

FileSink::FileSink(Ring& ring, Payloads& payloads, Events& events, Log log, FileSinkConfig config)
    : ring_(ring),
      payloads_(payloads),
      events_(events),
      log_(std::move(log)),
      config_(std::move(config)),
      aside_(ring, config_.set_aside, config_.name, config_.framing) {}

void FileSink::start() { scope_.spawn(open_file()); }

// ---- writes ----------------------------------------------------------------------------------

void FileSink::write(const WriteToSink& write, std::span<const Part> parts) {
    HF_ASSERT(write.sink == config_.id);
    HF_ASSERT(!parts.empty());
    hold_all(payloads_, parts);
    orders_.push_back({write, {parts.begin(), parts.end()}});
    const bool is_closed = state_ == DeviceState::refused || state_ == DeviceState::broken;
    const bool is_failing = state_ == DeviceState::opening && failing_;
    if (is_closed || is_failing) {
        if (!busy_) answer_all(SinkOutcome::retriable);
    } else if (state_ == DeviceState::ready && !busy_) {
        scope_.spawn(serve());
    }
}

Task<> FileSink::serve() {
    busy_ = true;
    while (state_ == DeviceState::ready && (!orders_.empty() || tail_is_dirty_)) {
        if (orders_.empty()) {
            co_await cut_tail();
            if (tail_is_dirty_) break;  // It is tried again before the next write.
            continue;
        }
        writing_ = true;
        const SinkOutcome outcome = co_await write_now(orders_.front());
        writing_ = false;
        const Order done = std::move(orders_.front());
        orders_.pop_front();
        answer(done, outcome);
    }
    busy_ = false;
    if (!orders_.empty()) answer_all(SinkOutcome::retriable);
}

Task<SinkOutcome> FileSink::write_now(Order& order) {
    // After a while without a sync: what was cut meanwhile must not become a hole.
    if (ring_.now() >= looked_at_ + look_interval) {
        const bool there = co_await is_still_there();
        if (!there) co_return SinkOutcome::retriable;
    }
    std::int64_t result = 0;
    if (!stream_) result = co_await make_room(order);
    if (result < 0) {
        say_failed("the sink's file can't be written, it is tried again", result);
        co_return SinkOutcome::retriable;
    }
    result = co_await write_file(order);
    if (result < 0) {
        tail_is_dirty_ = true;
        say_failed("the sink's file can't be written, it is tried again", result);
        co_await is_still_there();
        co_await cut_tail();
        co_return SinkOutcome::retriable;
    }
    if (order.cancelled) {
        tail_is_dirty_ = true;
        co_return SinkOutcome::retriable;
    }
    delivered(order, result);
    say_healed();
    co_return SinkOutcome::delivered;
}

Task<std::int64_t> FileSink::write_file(const Order& order) {
    if (stream_) gather(payloads_, order.parts, vectors_);
    std::int64_t progress = 0;
    const std::int64_t offset = stream_ ? -1 : length_;
    std::int64_t result = co_await write_all(ring_, fd_, vectors_, offset, progress);
    while (stream_ && result == -EAGAIN && !order.cancelled) {
        co_await sleep_until(ring_, ring_.now() + full_wait);
        result = co_await write_all(ring_, fd_, vectors_, offset, progress);
    }
    co_return result;
}

void FileSink::answer(const Order& order, SinkOutcome outcome) {
    events_.push(SinkAnswered{.delivery = order.write.delivery,
                              .attempt = order.write.attempt,
                              .outcome = outcome,
                              .retry_after = Duration{0},
                              .mark = length_});
    const std::string& why = problem_.empty() ? why_ : problem_;
    const bool says = outcome != SinkOutcome::delivered && !order.cancelled && !why.empty();
    if (says && config_.words) config_.words->say(config_.id, order.parts, why);
    drop_all(payloads_, order.parts);
}

void FileSink::answer_all(SinkOutcome outcome) {
    while (!orders_.empty()) {
        const Order order = std::move(orders_.front());
        orders_.pop_front();
        answer(order, outcome);
    }
}

void FileSink::cancel(const CancelWrite& cancel) {
    const auto at = std::find_if(orders_.begin(), orders_.end(), [&](const Order& order) {
        return order.write.delivery == cancel.delivery && order.write.attempt == cancel.attempt;
    });
    if (at != orders_.end() && writing_ && at == orders_.begin()) {
        at->cancelled = true;
    } else if (at != orders_.end()) {
        Order order = std::move(*at);
        orders_.erase(at);
        order.cancelled = true;
        answer(order, SinkOutcome::retriable);
    } else if (last_.delivery == cancel.delivery && last_.attempt == cancel.attempt && !stream_ &&
               !writing_) {
        if (mutant(125)) return;
        take_back();
        if (!busy_ && state_ == DeviceState::ready) scope_.spawn(serve());
    }
}

// ---- syncs -----------------------------------------------------------------------------------

void FileSink::sync(const SyncSink& sync) { scope_.spawn(sync_file(sync.sync)); }

Task<> FileSink::sync_file(std::uint32_t number) {
    StoreOutcome outcome = StoreOutcome::ok;
    if (state_ == DeviceState::ready) {
        const std::uint64_t covered = writes_;
        std::int64_t result = 0;
        const bool there = co_await is_still_there();
        const bool dirty = covered != synced_writes_;
        if (there && dirty && config_.fsync == FileSinkConfig::Fsync::batch)
            result = co_await io::sync(ring_, fd_);
        if (mutant(124)) result = std::max<std::int64_t>(result, 0);
        if (stream_ && result == -EINVAL) result = 0;  // A thing that can't be synced.
        if (there && result < 0) say_unsynced(result);
        if (state_ == DeviceState::ready) synced_writes_ = covered;
    }
    if (state_ == DeviceState::ready && staged_ >= look_at_) scope_.spawn(look_again());
    // While it is opening nothing was delivered, so there is nothing to make durable.
    if (state_ == DeviceState::broken || state_ == DeviceState::refused)
        outcome = StoreOutcome::failed;
    events_.push(SinkSynced{config_.id, number, outcome});
}

/// Looks whether the path still names our file, all of it; if not, breaks.
Task<bool> FileSink::is_still_there() {
    looked_at_ = ring_.now();
    if (stream_) co_return true;
    const std::int64_t length = length_;
    FileStat named;
    const std::int64_t result = co_await io::stat(ring_, config_.path.c_str(), named);
    if (result == -ENOENT || result == -ENOTDIR || result == -ESTALE) {
        break_with(fmt::format("{} was moved away or deleted; it is begun anew", config_.path));
    } else if (result >= 0 && !is_same_file(named, identity_)) {
        break_with(fmt::format("{} was replaced by another file", config_.path));
    } else if (result >= 0 && named.size < std::min(length, length_)) {
        break_with(fmt::format("{} was cut to {} bytes, {} were delivered", config_.path,
                               named.size, length));
    }
    co_return state_ == DeviceState::ready;
}

void FileSink::say_unsynced(std::int64_t result) {
    break_with(
        fmt::format("{} can't be synced: {}; what was written since the last checkpoint is "
                    "in doubt and is written again",
                    config_.path, error_text(result)));
}

void FileSink::break_with(std::string problem) {
    if (state_ == DeviceState::broken) return;
    state_ = DeviceState::broken;
    problem_ = std::move(problem);
    log_(Level::error,
         LogLine("the sink is broken").with("sink", config_.name).with("why", problem_).text());
    changed_.notify();
}

// ---- the log ---------------------------------------------------------------------------------

void FileSink::say_failed(std::string_view what, std::int64_t result) {
    why_ = fmt::format("{}: {}", config_.path, error_text(result));
    if (failing_) return;
    failing_ = true;
    log_(Level::warn, LogLine(what)
                          .with("sink", config_.name)
                          .with("path", config_.path)
                          .with("error", error_text(result))
                          .text());
}

void FileSink::say_healed() {
    why_.clear();
    if (!failing_) return;
    failing_ = false;
    log_(Level::info, LogLine("the sink's file is written again")
                          .with("sink", config_.name)
                          .with("path", config_.path)
                          .text());
}

}  // namespace holdfast::io
