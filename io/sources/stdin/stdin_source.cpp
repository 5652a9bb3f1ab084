#include "io/sources/stdin/stdin_source.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"
#include "io/devices/give_batch.hpp"

namespace holdfast::io {
namespace {

constexpr Duration idle_retry = seconds(10);
constexpr Duration memory_retry = milliseconds(5);

}  // namespace

StdinSource::StdinSource(StdinSourceConfig config, Ring& ring, Payloads& payloads, Events& events,
                         Checkpoints& checkpoints, PartitionSlots& slots, Log log)
    : config_(std::move(config)),
      ring_(ring),
      payloads_(payloads),
      events_(events),
      checkpoints_(checkpoints),
      slots_(slots),
      log_(std::move(log)) {
    HF_ASSERT(config_.line_max > 0);
    if (config_.stream.framing != Framing::lines) place_.emplace(config_.stream.framing);
}

void StdinSource::start() {
    // What an earlier run said of stdin means nothing now.
    const auto old = slots_.take();
    HF_ASSERT(old.has_value());
    checkpoints_.bind(config_.id, old->partition, old->epoch, "stdin");
    checkpoints_.unbind(old->partition, old->epoch);
    slots_.give_back(*old);
    assigned_ = *slots_.take();
    checkpoints_.bind(config_.id, assigned_.partition, assigned_.epoch, "stdin");
    events_.push(PartitionAssigned{config_.id, assigned_.partition, assigned_.epoch, {0}});
}

void StdinSource::pull(const Pull& pull) {
    pulls_.push_back(pull);
    dispatch();
}

void StdinSource::commit(const CommitPosition&) { HF_ASSERT(false); }

void StdinSource::revoke_done(const RevokeDone&) {}

void StdinSource::take_no_more() {
    closing_ = true;
    if (!has_given_all() && std::exchange(told_idle_, false)) events_.push(SourceReady{config_.id});
    dispatch();
}

/// The head of a record whose rest is not read any more is none.
LeftOut StdinSource::left_out() const {
    if (carry_.empty()) return {};
    return {.unfinished = 1, .unfinished_bytes = carry_.size()};
}

std::uint32_t StdinSource::line_max() const {
    return std::min(config_.line_max, payloads_.pool().block_max());
}

void StdinSource::dispatch() {
    while (!pulls_.empty() && !busy_) {
        const bool over = (at_end_ && carry_.empty()) || stopped_;
        const bool can_serve =
            (readable_ && !closing_) || at_end_ || (!carry_.empty() && !carry_waits_);
        const Pull pull = pulls_.front();
        pulls_.pop_front();
        if (over && !stopped_) {
            events_.push(SourceEnded{pull.batch, config_.id});
        } else if (can_serve && !stopped_) {
            busy_ = true;
            scope_.spawn(serve(pull));
        } else {
            told_idle_ = true;
            events_.push(SourceIdle{pull.batch, config_.id, idle_retry});
            if (!waiting_ && !stopped_ && !closing_) {
                waiting_ = true;
                scope_.spawn(wait_readable());
            }
        }
    }
}

Task<> StdinSource::wait_readable() {
    const Op op{.kind = OpKind::poll_in, .fd = config_.fd};
    // Any answer, an error too (a file cannot be polled), means that the read will tell.
    co_await RingOp(ring_, op);
    waiting_ = false;
    readable_ = true;
    if (std::exchange(told_idle_, false)) events_.push(SourceReady{config_.id});
    dispatch();
}

Task<> StdinSource::serve(Pull pull) {
    const bool answered = co_await bring(pull);
    busy_ = false;
    if (!answered) pulls_.push_front(pull);
    dispatch();
}

std::span<std::byte> StdinSource::take_block(const Pull& pull) {
    BlockPool& pool = payloads_.pool();
    std::uint32_t wanted = block_allowed(pull, pool);
    // A line that fills it already gets a larger block.
    while (carry_.size() >= wanted && wanted < pool.block_max()) wanted *= 2;
    auto block = pool.take(wanted);
    while (block.empty() && wanted > BlockPool::block_min && wanted / 2 > carry_.size()) {
        wanted /= 2;
        block = pool.take(wanted);
    }
    return block;
}

/// False: nothing to give away yet, ask again.
Task<bool> StdinSource::bring(const Pull& pull) {
    std::span<std::byte> block = take_block(pull);
    if (block.empty()) {
        told_idle_ = true;
        events_.push(SourceIdle{pull.batch, config_.id, memory_retry});
        co_return true;
    }
    const std::size_t carried = std::min(carry_.size(), block.size());
    std::size_t length = carried;
    if (carried > 0) std::memcpy(block.data(), carry_.data(), carried);
    if (readable_ && !at_end_ && !closing_ && length < block.size()) {
        readable_ = false;
        const auto got = co_await read(ring_, config_.fd, block.subspan(length), -1);
        if (got < 0 && got != -EINTR && got != -EAGAIN) {
            payloads_.pool().give_back(block);
            if (log_) {
                log_(Level::error, LogLine("cannot read stdin")
                                       .with("source", config_.name)
                                       .with("error", std::strerror(static_cast<int>(-got)))
                                       .text());
            }
            readable_ = true;
            // A folder, or a descriptor for writing, stays what it is.
            const bool ever = got != -EISDIR && got != -EBADF && got != -EINVAL;
            events_.push(SourceFailed{pull.batch, config_.id,
                                      ever ? SourceOutcome::retriable : SourceOutcome::failed});
            co_return true;
        }
        if (got == 0) at_end_ = true;
        if (got > 0) length += static_cast<std::size_t>(got);
    }
    CutRule rule = cut_rule(pull, block.size(), line_max(), config_.oversize);
    rule.closed = at_end_ && carried == carry_.size();
    rule.mid_line = mid_line_;
    if (place_) co_return give_stream(pull, block, carried, length, rule);
    const Cut cut = cut_lines(block.first(length), rule);
    keep(block.first(length).subspan(cut.bytes), carried);
    const bool full = length == block.size();
    // A full block without a whole record is no reason to wait: the next one is larger.
    carry_waits_ = cut.waiting == carry_.size() && !(cut.bytes == 0 && full);
    if (cut.bytes == 0) {
        payloads_.pool().give_back(block);
        co_return false;
    }
    position_ = give_batch(payloads_, events_, pull, assigned_, block, cut, position_);
    mid_line_ = cut.mid_line;
    stopped_ = cut.fate == Fate::stop;
    co_return true;
}

/// What is not given away now stands before what was carried and did not fit.
void StdinSource::keep(std::span<const std::byte> rest, std::size_t carried) {
    carry_.erase(carry_.begin(), carry_.begin() + static_cast<std::ptrdiff_t>(carried));
    if (!mutant(498)) carry_.insert(carry_.begin(), rest.begin(), rest.end());
}

/// As the rest of bring(), for a stream without lines.
bool StdinSource::give_stream(const Pull& pull, std::span<std::byte> block, std::size_t carried,
                              std::size_t length, const CutRule& rule) {
    codec::StreamCutRule how = stream_cut_rule(rule, config_.stream.stops);
    how.full = length == block.size();
    if (length == 0) {
        payloads_.pool().give_back(block);
        return false;
    }
    const codec::StreamCut cut = codec::cut_stream(block.first(length), *place_, how);
    keep(block.first(length).subspan(cut.end), carried);
    const bool none = cut.records == 0 && cut.end == 0;
    carry_waits_ = cut.waiting == carry_.size() && !(none && how.full);
    if (cut.breaks) say_broken(cut);
    if (cut.records > 0) {
        give_batch(payloads_, events_, pull, assigned_, block, cut, *place_);
    } else {
        payloads_.pool().give_back(block);
    }
    place_ = cut.next;
    stopped_ = cut.fate == Fate::stop;
    return cut.records > 0;
}

void StdinSource::say_broken(const codec::StreamCut& cut) {
    const std::string what = broken_text(cut.next);
    if (cut.fate == Fate::stop) problem_ = "standard input: " + what;
    if (!log_) return;
    log_(Level::error,
         LogLine(cut.fate == Fate::stop
                     ? "the records of stdin cannot be told apart any more; the pipeline stops"
                     : "the records of stdin cannot be told apart any more; what follows the last "
                       "one becomes dead letters")
             .with("source", config_.name)
             .with("error", what)
             .with("position", static_cast<std::int64_t>(place_->position()))
             .text());
}

}  // namespace holdfast::io
