#include "io/sources/exec/exec_source.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"
#include "io/devices/give_batch.hpp"
#include "io/printable.hpp"

namespace holdfast::io {
namespace {

constexpr Duration idle_retry = seconds(10);
constexpr Duration memory_retry = milliseconds(5);
constexpr std::size_t error_line_max = 4096;
// How long a command that has ended may leave its standard error open to others.
constexpr Duration errors_wait = milliseconds(10);
constexpr int errors_waits = 20;

bool would_wait(std::int64_t result) { return result == -EAGAIN || result == -EINTR; }

}  // namespace

ExecSource::ExecSource(ExecSourceConfig config, std::unique_ptr<Children> children, Ring& ring,
                       Payloads& payloads, Events& events, Checkpoints& checkpoints,
                       PartitionSlots& slots, Log log)
    : config_(std::move(config)),
      children_(std::move(children)),
      ring_(ring),
      payloads_(payloads),
      events_(events),
      checkpoints_(checkpoints),
      slots_(slots),
      log_(std::move(log)),
      backoff_(config_.backoff_first) {
    HF_ASSERT(!config_.command.argv.empty());
    HF_ASSERT(config_.limits.line_max > 0);
    config_.limits.line_max = std::min(config_.limits.line_max, payloads_.pool().block_max());
}

void ExecSource::start() {
    // What an earlier run said of it means nothing now.
    const auto old = slots_.take();
    HF_ASSERT(old.has_value());
    checkpoints_.bind(config_.id, old->partition, old->epoch, "exec");
    checkpoints_.unbind(old->partition, old->epoch);
    slots_.give_back(*old);
    assigned_ = *slots_.take();
    checkpoints_.bind(config_.id, assigned_.partition, assigned_.epoch, "exec");
    events_.push(PartitionAssigned{config_.id, assigned_.partition, assigned_.epoch, {0}});
    scope_.spawn(keep_running());
}

void ExecSource::pull(const Pull& pull) {
    pulls_.push_back(pull);
    dispatch();
}

void ExecSource::commit(const CommitPosition&) { HF_ASSERT(false); }

void ExecSource::revoke_done(const RevokeDone&) {}

/// The end of this run's output, as far as it was read. The command itself ends with the source.
void ExecSource::take_no_more() {
    closing_ = true;
    if (mutant(582)) lines_.clear();
    at_end_ = reads_;
    wake();
    dispatch();
}

// ---- runs of the command -------------------------------------------------------------------------

Task<> ExecSource::keep_running() {
    while (true) {
        bool again = false;
        auto started = children_->start(config_.command);
        runs_ += 1;
        began_ = ring_.now();
        if (started) {
            child_ = *started;
            if (mutant(472)) std::swap(child_.out_fd, child_.err_fd);
            begin();
            co_await wait_for_end();
            const ChildEnd end = children_->ended(child_).value_or(ChildEnd{});
            children_->end(child_);
            again = goes_on(end);
        } else {
            again = goes_on_after(started.error());
        }
        if (!again) break;
        const Duration wait = mutant(471) ? Duration{0} : next_backoff();
        co_await sleep_until(ring_, ring_.now() + wait);
        // Nobody would read what it prints.
        if (closing_ && !mutant(583)) break;
    }
    end_runs();
}

void ExecSource::begin() {
    log_(Level::info, LogLine("the command was started")
                          .with("source", config_.name)
                          .with("command", config_.command.argv.front())
                          .with("pid", child_.pid)
                          .text());
    reads_ = true;
    at_end_ = false;
    errors_end_ = false;
    scope_.spawn(relay_errors(child_.err_fd));
    dispatch();
    wake();
}

/// Of the command, of its output, and of its errors, if nobody else holds these open.
Task<> ExecSource::wait_for_end() {
    while (!children_->ended(child_)) {
        const Op op{.kind = OpKind::poll_in, .fd = child_.exit_fd};
        co_await RingOp(ring_, op);
    }
    took_ = ring_.now() - began_;
    while (reads_) co_await output_over_.wait();
    for (int i = 0; i < errors_waits && !errors_end_; ++i)
        co_await sleep_until(ring_, ring_.now() + errors_wait);
}

/// Is there another run?
bool ExecSource::goes_on(const ChildEnd& end) {
    const bool ok = end.ok() || mutant(470);
    const bool again = config_.restart == Restart::always ||
                       (config_.restart == Restart::on_failure && (!ok || mutant(484)));
    if (took_ >= config_.backoff_max) backoff_ = config_.backoff_first;
    if (ok && !again) return false;
    LogLine line(again ? "the command has ended, it is started again" : "the command has failed");
    line.with("source", config_.name).with("end", end.text());
    if (again) line.with("wait_ms", backoff_.ns / 1'000'000);
    log_(!again ? Level::error : ok ? Level::info : Level::warn, line.text());
    if (!again)
        failure_ = fmt::format("the command of source \"{}\" failed: {}", config_.name, end.text());
    return again;
}

bool ExecSource::goes_on_after(const StartProblem& problem) {
    const bool first = runs_ == 1 && !problem.is_ours;
    const bool again = config_.restart != Restart::never && !first;
    LogLine line("the command cannot be started");
    line.with("source", config_.name).with("error", problem.text);
    if (again) line.with("wait_ms", backoff_.ns / 1'000'000);
    log_(again ? Level::warn : Level::error, line.text());
    if (again) return true;
    std::string text = fmt::format("source \"{}\": {}", config_.name, problem.text);
    if (first && config_.refuse) {
        config_.refuse(std::move(text));
    } else {
        failure_ = std::move(text);
    }
    return false;
}

Duration ExecSource::next_backoff() {
    const Duration now = backoff_;
    backoff_ = std::min(Duration{2 * backoff_.ns}, config_.backoff_max);
    return now;
}

LeftOut ExecSource::left_out() const {
    LeftOut out;
    out.failed = failure_;
    return out;
}

void ExecSource::end_runs() {
    over_ = true;
    dispatch();
    wake();
}

// ---- standard error ------------------------------------------------------------------------------

Task<> ExecSource::relay_errors(int fd) {
    std::array<std::byte, 4096> buffer;
    std::string line;
    bool cut = false;
    std::int64_t got = -EAGAIN;
    while (got > 0 || would_wait(got)) {
        const Op op{.kind = OpKind::poll_in, .fd = fd};
        co_await RingOp(ring_, op);
        got = co_await read(ring_, fd, buffer, -1);
        if (got <= 0) continue;
        relay(line, {reinterpret_cast<const char*>(buffer.data()), static_cast<std::size_t>(got)},
              cut);
    }
    if (!line.empty()) relay(line, "\n", cut);
    children_->close(fd);
    if (fd == child_.err_fd) errors_end_ = true;
}

void ExecSource::relay(std::string& line, std::string_view bytes, bool& cut) {
    for (const char c : bytes) {
        if (c != '\n' && line.size() == error_line_max) cut = true;
        if (c != '\n' && line.size() < error_line_max) line += c;
        if (c != '\n') continue;
        if (!line.empty() && line.back() == '\r') line.pop_back();
        LogLine out("the command says");
        out.with("source", config_.name).with("stderr", printable(line));
        if (cut) out.with("cut_at", error_line_max);
        log_(Level::info, out.text());
        line.clear();
        cut = false;
    }
}

// ---- standard output -----------------------------------------------------------------------------

void ExecSource::wake() {
    if (std::exchange(told_idle_, false)) events_.push(SourceReady{config_.id});
}

void ExecSource::dispatch() {
    while (!pulls_.empty() && !busy_) {
        const bool has_rest = closing_ ? !lines_.empty() : readable_ || at_end_;
        const bool can_serve = lines_.has_whole() || has_rest;
        const Pull pull = pulls_.front();
        pulls_.pop_front();
        if (over_ && !reads_ && !stopped_) {
            events_.push(SourceEnded{pull.batch, config_.id});
        } else if (reads_ && can_serve && !stopped_) {
            busy_ = true;
            scope_.spawn(serve(pull));
        } else {
            told_idle_ = true;
            events_.push(SourceIdle{pull.batch, config_.id, idle_retry});
            if (reads_ && !waiting_ && !stopped_ && !closing_) {
                waiting_ = true;
                scope_.spawn(wait_readable());
            }
        }
    }
}

Task<> ExecSource::wait_readable() {
    const Op op{.kind = OpKind::poll_in, .fd = child_.out_fd};
    // Any answer, an error too, means that the read will tell.
    co_await RingOp(ring_, op);
    waiting_ = false;
    readable_ = true;
    wake();
    dispatch();
}

Task<> ExecSource::serve(Pull pull) {
    const bool answered = co_await bring(pull);
    // What is closing reads it no more, but may still wait for it to be readable.
    if (at_end_ && !closing_ && (lines_.empty() || mutant(473))) stream_is_over();
    busy_ = false;
    if (!answered) pulls_.push_front(pull);
    dispatch();
}

/// False: nothing to give away yet, ask again.
Task<bool> ExecSource::bring(const Pull& pull) {
    if (at_end_ && (lines_.empty() || mutant(473))) co_return false;
    std::span<std::byte> block = lines_.take_block(pull, payloads_.pool());
    if (block.empty()) {
        told_idle_ = true;
        events_.push(SourceIdle{pull.batch, config_.id, memory_retry});
        co_return true;
    }
    const std::size_t carried = lines_.copy_to(block);
    std::size_t length = carried;
    if (readable_ && !at_end_ && !lines_.has_whole() && length < block.size()) {
        readable_ = false;
        const auto got = co_await read(ring_, child_.out_fd, block.subspan(length), -1);
        // A pipe has no errors but these; another one is its end.
        if (got <= 0 && !would_wait(got)) at_end_ = true;
        if (got > 0) length += static_cast<std::size_t>(got);
    }
    const bool ended = at_end_ && !mutant(473);
    const Cut cut = lines_.cut(pull, block, length, carried, ended, config_.limits);
    if (cut.bytes == 0) {
        payloads_.pool().give_back(block);
        co_return false;
    }
    position_ = give_batch(payloads_, events_, pull, assigned_, block, cut, position_);
    stopped_ = cut.fate == Fate::stop;
    co_return true;
}

void ExecSource::stream_is_over() {
    if (!mutant(473)) lines_.clear();
    children_->close(child_.out_fd);
    reads_ = at_end_ = readable_ = false;
    output_over_.notify();
}

}  // namespace holdfast::io
