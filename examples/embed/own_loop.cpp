// The engine in an event loop of one's own: no threads, no holdfast devices. Lines from stdin go to
// stdout, and in bad moments stdout is busy; the loop is poll(2), the engine says how long to wait.
#include <poll.h>
#include <unistd.h>
#include <holdfast/core/engine/owned.hpp>

#include <chrono>
#include <cstdio>
#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>

using namespace holdfast;

namespace {

Instant now() {
    return Instant{std::chrono::steady_clock::now().time_since_epoch() /
                   std::chrono::nanoseconds(1)};
}

Config config() {
    Config c;
    c.sources = c.sinks = c.partitions_max = 1;
    c.batches_max = 64;
    c.source[0].route = mask_of(SinkId{0});
    c.source[0].commit = CommitMode::source;
    c.sink[0].answers_partially = false;
    return c;
}

class Loop {
public:
    int run() {
        feed(PartitionAssigned{SourceId{0}, PartitionId{0}, Epoch{1}, Position{0}});
        while (!halted_) {
            while (!events_.empty() && !halted_) {
                const Event event = events_.front();
                events_.pop_front();
                feed(event);
            }
            if (!halted_) wait();
        }
        std::fprintf(stderr, "%lld lines committed\n", static_cast<long long>(committed_));
        return halt_ == HaltReason::finished ? 0 : 75;
    }

private:
    /// One step: a fact goes in, orders come out.
    void feed(const Event& event) {
        for (const Effect& effect : engine_.step(now(), event).items())
            std::visit([this](const auto& order) { on(order); }, effect);
    }

    void wait() {
        const Instant deadline = engine_.engine().deadline();
        if (deadline <= now()) return feed(Tick{});
        pollfd in{.fd = 0, .events = POLLIN, .revents = 0};
        const std::int64_t ms = deadline == never ? -1 : (deadline - now()).ns / 1'000'000 + 1;
        ::poll(&in, pull_ ? 1 : 0, static_cast<int>(ms));
        if (pull_ && in.revents) read_batch();
    }

    /// Answers the pull: with the lines that came, or with the end.
    void read_batch() {
        char buffer[4096];
        const ssize_t n = ::read(0, buffer, sizeof buffer);
        if (n > 0) rest_.append(buffer, static_cast<std::size_t>(n));
        const std::size_t end = rest_.rfind('\n');
        if (n > 0 && end == std::string::npos) return;
        const std::size_t bytes = end == std::string::npos ? rest_.size() : end + 1;
        if (bytes == 0) {
            events_.push_back(SourceEnded{pull_->batch, pull_->source});
            pull_.reset();
            return;
        }
        std::vector<std::string> lines;
        for (std::size_t at = 0; at < bytes;) {
            const std::size_t next = std::min(rest_.find('\n', at), bytes - 1) + 1;
            lines.push_back(rest_.substr(at, next - at));
            at = next;
        }
        rest_.erase(0, bytes);
        BatchPulled event{};
        event.batch = pull_->batch;
        event.source = pull_->source;
        event.partition = PartitionId{0};
        event.epoch = Epoch{1};
        event.records = static_cast<std::uint32_t>(lines.size());
        event.bytes = event.held = static_cast<std::uint32_t>(bytes);
        event.first = Position{position_};
        event.next = Position{position_ += static_cast<std::int64_t>(lines.size())};
        batches_[pull_->batch.index] = std::move(lines);
        events_.push_back(event);
        pull_.reset();
    }

    void on(const Pull& pull) { pull_ = pull; }
    void on(const ReleaseBatch& release) { batches_[release.batch.index].clear(); }
    void on(const WriteToSink& write) {
        SinkAnswered answer{};
        answer.delivery = write.delivery;
        answer.attempt = write.attempt;
        answer.outcome = SinkOutcome::delivered;
        if (++writes_ % 3 == 1) {
            answer.outcome = SinkOutcome::retriable;  // The engine comes again, after its backoff.
        } else {
            for (const Part& part : engine_.effects().parts(write.parts))
                for (std::uint32_t n = part.begin; n < part.end; ++n)
                    std::fputs(batches_[part.batch.index][n].c_str(), stdout);
            std::fflush(stdout);
        }
        events_.push_back(answer);
    }
    void on(const CommitPosition& commit) {
        committed_ = commit.position.value;
        events_.push_back(
            CommitAnswered{commit.partition, commit.epoch, commit.position, StoreOutcome::ok});
    }
    void on(const Halt& halt) {
        halted_ = true;
        halt_ = halt.reason;
    }
    template <class Other>
    void on(const Other&) {}

    Config config_ = config();
    OwnedEngine engine_{config_};
    std::deque<Event> events_;
    std::vector<std::vector<std::string>> batches_{config_.batches_max};
    std::optional<Pull> pull_;
    std::string rest_;
    std::int64_t position_ = 0;
    std::int64_t committed_ = 0;
    int writes_ = 0;
    bool halted_ = false;
    HaltReason halt_{};
};

}  // namespace

int main() { return Loop().run(); }
