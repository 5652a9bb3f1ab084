// See jq_cores.hpp.
#include "io/cli/jq_cores.hpp"

#include <fmt/core.h>

#include <utility>

#include "io/printable.hpp"

namespace holdfast::cli {
namespace {

constexpr std::size_t alone_most = std::size_t{128} << 10;  ///< Bytes that one thread runs sooner.
constexpr std::size_t printed_most = std::size_t{16} << 20;

}  // namespace

JqCores::JqCores(const JqProgram& program, JsonInputs& inputs, std::size_t threads)
    : program_(program), inputs_(inputs), threads_most_(threads) {}

void JqCores::run(JqTotal& total) {
    total_ = &total;
    work();
    for (std::thread& thread : threads_) thread.join();
    say_troubles();
    if (!total.is_over) take_back();
}

void JqCores::say_troubles() {
    for (const std::string& trouble : inputs_.take_troubles()) {
        fmt::print(stderr, "jq: error: {}\n", io::printable(trouble));
        total_->exit = jq_broken;
    }
}

// ---- reading -------------------------------------------------------------------------------------

/// The next file, once all of this one is printed. False: there is none, or the run ends.
bool JqCores::next_file(std::unique_lock<std::mutex>& lock) {
    changed_.wait(lock, [&] { return printed_ == claimed_ || ends_; });
    if (!ends_ && inputs_.next_file()) {
        name_ = inputs_.file();
        say_troubles();
        return true;
    }
    ends_ = true;
    changed_.notify_all();
    return false;
}

bool JqCores::claim(Done& done, std::uint64_t& index) {
    const std::lock_guard reading(reading_);
    for (;;) {
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [&] { return claimed_ - printed_ < 2 * threads_most_ || ends_; });
            if (ends_) return false;
            if (!spare_.empty()) {
                done = std::move(spare_.back());
                spare_.pop_back();
            }
        }
        const auto got = inputs_.lines(done.block);
        std::unique_lock lock(mutex_);
        if (got == JsonInputs::Got::text) {
            if (ends_) {
                // Nobody runs it, but it was taken.
                done.left = done.block.begin;
                done.left_line = done.block.lines_before;
                done_[claimed_++] = std::move(done);
                return false;
            }
            index = claimed_++;
            bytes_ += done.block.text().size();
            const bool is_more = threads_.size() + 1 < threads_most_ && bytes_ > alone_most;
            if (is_more) threads_.emplace_back([this] { work(); });
            return true;
        }
        if (got == JsonInputs::Got::end) {
            if (!next_file(lock)) return false;
            continue;
        }
        // A line that is too long for this.
        changed_.wait(lock, [&] { return printed_ == claimed_ || ends_; });
        ends_ = true;
        changed_.notify_all();
        return false;
    }
}

/// What was read and not run, back to where it came from.
void JqCores::take_back() {
    std::string text;
    std::uint64_t lines = 0;
    for (const auto& [index, done] : done_) {
        // Only of the first one something was printed.
        const bool is_first = index == printed_;
        if (is_first) lines = done.left_line;
        text += done.block.text().substr(is_first ? done.left - done.block.begin : 0);
    }
    if (!text.empty()) inputs_.take_back(text, lines);
}

// ---- running -------------------------------------------------------------------------------------

void JqCores::work() {
    std::uint64_t index = 0;
    JqRun* running = nullptr;
    JqRun run(
        program_,
        [](std::string_view&, std::string& error) { return error = "No more inputs", false; },
        [&] { wait_for_turn(*running, index); });
    running = &run;
    Done done;
    while (claim(done, index)) {
        run_block(run, done);
        bring(index, std::move(done));
        done = {};
    }
}

void JqCores::run_block(JqRun& run, Done& done) {
    run.forget();
    JqPlace& place = run.place();
    place.file = name_;
    place.lines = done.block.lines_before;
    done.left = done.block.begin;
    std::swap(run.printed(), done.printed);
    while (done.left < done.block.end && !run.is_over()) {
        const std::string_view rest(done.block.buffer.data() + done.left,
                                    done.block.end - done.left);
        const std::size_t newline = rest.find('\n');
        const std::string_view line = rest.substr(0, newline);
        place.line = done.block.lines_before + 1;
        place.lines = done.block.lines_before + (newline != rest.npos ? 1 : 0);
        if (!run.run_line(line)) break;
        done.block.lines_before = place.lines;
        done.left += line.size() + (newline != rest.npos ? 1 : 0);
    }
    done.left_line = done.block.lines_before;
    std::swap(run.printed(), done.printed);
    done.exit = run.exit();
    done.last = run.last();
    done.is_over = run.is_over();
    done.halted = run.halted();
}

/// Who has much to print prints it when all before it is.
void JqCores::wait_for_turn(JqRun& run, std::uint64_t index) {
    if (run.printed().size() < printed_most) return;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return (printed_ == index && !is_printing_) || ends_; });
    if (ends_) return run.stop(jq_done);
    lock.unlock();
    if (!print(run.printed(), name_)) run.stop(jq_broken);
}

// ---- printing ------------------------------------------------------------------------------------

/// Its outputs are printed. False: the run ends here.
bool JqCores::take(Done& done, std::uint64_t index) {
    const bool printed = print(done.printed, name_);
    const std::lock_guard lock(mutex_);
    if (done.halted || total_->exit == jq_done) total_->exit = done.exit;
    if (!printed) total_->exit = jq_broken;
    done.is_over = done.is_over || !printed;
    if (done.last != jq_nothing) total_->last = done.last;
    total_->halted = done.halted;
    total_->is_over = done.is_over;
    if (!done.is_over && done.left == done.block.end) {
        spare_.push_back(std::move(done));
        return true;
    }
    done_[index] = std::move(done);
    return false;
}

void JqCores::bring(std::uint64_t index, Done&& done) {
    std::unique_lock lock(mutex_);
    done_[index] = std::move(done);
    if (is_printing_) return;
    is_printing_ = true;
    for (;;) {
        auto next = done_.find(printed_);
        if (ends_ || next == done_.end()) break;
        Done one = std::move(next->second);
        done_.erase(next);
        lock.unlock();
        const bool goes_on = take(one, printed_);
        lock.lock();
        if (goes_on) ++printed_;
        ends_ = ends_ || !goes_on;
        changed_.notify_all();
    }
    is_printing_ = false;
    changed_.notify_all();
}

}  // namespace holdfast::cli
