#include "io/sources/socket/datagram_source.hpp"

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
constexpr Duration look_pause = seconds(1);
// More than any datagram has.
constexpr std::size_t datagram_max = std::size_t{64} << 10;

bool has_newline(std::span<const std::byte> bytes) {
    return std::find(bytes.begin(), bytes.end(), std::byte{'\n'}) != bytes.end();
}

}  // namespace

DatagramSource::DatagramSource(DatagramSourceConfig config, Network& network, Ring& ring,
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
    HF_ASSERT(config_.limits.line_max > 1);
    config_.limits.line_max = std::min(config_.limits.line_max, payloads_.pool().block_max());
    staged_.buffer.resize(datagram_max);
}

DatagramSource::~DatagramSource() {
    if (fd_ >= 0) network_.close(fd_);
}

void DatagramSource::start() {
    // What an earlier run said of it means nothing now.
    const auto old = slots_.take();
    HF_ASSERT(old.has_value());
    checkpoints_.bind(config_.id, old->partition, old->epoch, "socket");
    checkpoints_.unbind(old->partition, old->epoch);
    slots_.give_back(*old);
    assigned_ = *slots_.take();
    checkpoints_.bind(config_.id, assigned_.partition, assigned_.epoch, "socket");
    events_.push(PartitionAssigned{config_.id, assigned_.partition, assigned_.epoch, {0}});
    const auto fd = network_.take_datagrams(config_.address);
    if (!fd) {
        if (config_.refuse) config_.refuse("source \"" + config_.name + "\": " + fd.error());
        return;
    }
    fd_ = *fd;
    receives_at_ = network_.local_name(fd_);
    log_(Level::info, LogLine("taking datagrams")
                          .with("source", config_.name)
                          .with("address", receives_at_)
                          .text());
}

void DatagramSource::pull(const Pull& pull) {
    pulls_.push_back(pull);
    dispatch();
}

void DatagramSource::commit(const CommitPosition&) { HF_ASSERT(false); }

void DatagramSource::revoke_done(const RevokeDone&) {}

void DatagramSource::take_no_more() {
    closing_ = true;
    if (mutant(585)) staged_.present = false;
}

void DatagramSource::idle(const Pull& pull, Duration retry_after) {
    told_idle_ = true;
    events_.push(SourceIdle{pull.batch, config_.id, retry_after});
}

void DatagramSource::dispatch() {
    while (!pulls_.empty() && !busy_) {
        const Pull pull = pulls_.front();
        pulls_.pop_front();
        if (((readable_ && !closing_) || staged_.present) && !stopped_ && fd_ >= 0) {
            busy_ = true;
            scope_.spawn(serve(pull));
            continue;
        }
        idle(pull, idle_retry);
        if (waiting_ || stopped_ || fd_ < 0) continue;
        waiting_ = true;
        scope_.spawn(wait_readable());
    }
}

Task<> DatagramSource::wait_readable() {
    const Op op{.kind = OpKind::poll_in, .fd = fd_};
    // Any answer, an error too, means that the next call will tell.
    co_await RingOp(ring_, op);
    waiting_ = false;
    readable_ = true;
    if (std::exchange(told_idle_, false)) events_.push(SourceReady{config_.id});
    dispatch();
}

Task<> DatagramSource::serve(Pull pull) {
    const bool answered = co_await bring(pull);
    look_for_drops();
    busy_ = false;
    if (!answered) pulls_.push_front(pull);
    dispatch();
}

/// Takes the next datagram, if there is none that waits. False: none is there.
Task<bool> DatagramSource::receive() {
    if (staged_.present) co_return true;
    if (closing_) co_return false;
    const Op op{.kind = OpKind::recv,
                .fd = fd_,
                .flags = MSG_DONTWAIT | MSG_TRUNC,
                .buffer = staged_.buffer};
    const auto got = co_await RingOp(ring_, op);
    // Whatever it was: the next poll tells when to ask again.
    if (got < 0) readable_ = false;
    if (got < 0) co_return false;
    counts_.received += 1;
    staged_.begin = 0;
    staged_.end = std::min(static_cast<std::size_t>(got), staged_.buffer.size());
    if (staged_.end > 0 && staged_.buffer[staged_.end - 1] == std::byte{'\n'}) --staged_.end;
    staged_.breaks = has_newline(staged_.bytes()) && !mutant(477);
    staged_.present = true;
    co_return true;
}

/// Is it a batch of its own?
bool DatagramSource::is_alone() const {
    const std::size_t most = config_.limits.line_max - 1;
    return staged_.begin > 0 || staged_.bytes().size() > most || staged_.breaks;
}

bool DatagramSource::fits(std::span<const std::byte> block, std::size_t length) const {
    return staged_.bytes().size() < block.size() - length;
}

/// False: nothing to give away now, ask again.
Task<bool> DatagramSource::bring(const Pull& pull) {
    bool there = co_await receive();
    if (!there) co_return false;
    if (is_alone()) co_return give_alone(pull);
    BlockPool& pool = payloads_.pool();
    const auto least = static_cast<std::uint32_t>(staged_.bytes().size() + 1);
    auto block = pool.take(std::max(block_allowed(pull, pool), least));
    if (block.empty()) block = pool.take(least);
    if (block.empty()) {
        idle(pull, memory_retry);
        co_return true;
    }
    const std::uint32_t most =
        block.size() > block_allowed(pull, pool) ? std::uint32_t{1} : pull.max_records;
    std::size_t length = 0;
    std::uint32_t records = 0;
    while (there && records < most && !is_alone() && fits(block, length)) {
        const auto bytes = staged_.bytes();
        if (!bytes.empty()) std::memcpy(block.data() + length, bytes.data(), bytes.size());
        length += bytes.size();
        block[length++] = std::byte{'\n'};
        records += 1;
        staged_.present = false;
        there = false;
        if (records < most && readable_) there = co_await receive();
    }
    give(pull, block, length, records);
    co_return true;
}

void DatagramSource::give(const Pull& pull, std::span<std::byte> block, std::size_t length,
                          std::uint32_t records) {
    const Cut cut{.bytes = length, .records = records};
    position_ = give_batch(payloads_, events_, pull, assigned_, block, cut, position_);
}

/// Oversized, or with a newline: one that is no record. The pull is answered in any case.
bool DatagramSource::give_alone(const Pull& pull) {
    const auto bytes = staged_.bytes();
    Verdict verdict{Fate::deliver, {}};
    std::size_t size = bytes.size();
    const bool is_long = staged_.begin > 0 || size > config_.limits.line_max - 1;
    if (is_long && config_.limits.oversize == Oversize::stop) verdict.fate = Fate::stop;
    if (is_long && config_.limits.oversize == Oversize::dead_letter) verdict.fate = Fate::oversized;
    if (staged_.breaks && verdict.fate != Fate::stop)
        verdict = {Fate::unreadable, "the datagram holds a newline"};

    if (is_long) size = std::min<std::size_t>(size, config_.limits.line_max - 1);
    if (!give_record(payloads_, events_, pull, assigned_, bytes.first(size), position_,
                     std::move(verdict))) {
        idle(pull, memory_retry);
        return true;
    }
    counts_.with_newline += staged_.breaks && staged_.begin == 0 ? 1 : 0;
    stopped_ = is_long && config_.limits.oversize == Oversize::stop;
    staged_.begin += size;
    staged_.present = staged_.begin < staged_.end && !mutant(478);
    return true;
}

void DatagramSource::look_for_drops() {
    if (ring_.now() - looked_ < look_pause) return;
    looked_ = ring_.now();
    const std::uint64_t all = network_.dropped(fd_);
    if (all <= counts_.dropped) return;
    log_(Level::warn, LogLine("datagrams were lost: they came faster than they could be delivered")
                          .with("source", config_.name)
                          .with("dropped", all - counts_.dropped)
                          .with("dropped_in_all", all)
                          .text());
    counts_.dropped = all;
}

}  // namespace holdfast::io
