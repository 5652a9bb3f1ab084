// See inlet.hpp.
#include "io/embed/inlet.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "core/base/assert.hpp"

namespace holdfast::embed {

struct Inlet::State {
    explicit State(Limits l) : limits(l) {}

    struct Waiting {
        Record record;
        Settled settled;
    };
    const Limits limits;
    std::mutex mutex;
    std::condition_variable came;
    std::deque<Waiting> waiting;
    std::uint64_t bytes = 0;  ///< Of `waiting`.
    bool closed = false;
    bool has_source = false;
    bool interrupted = false;
};

namespace {

// A pull should return within a second.
constexpr std::chrono::milliseconds pull_patience(100);

void tell(const Inlet::Settled& settled, bool is) {
    if (!settled) return;
    try {
        settled(is);
    } catch (...) {  // Rule 2.
    }
}

}  // namespace

/// The pipeline's end.
class Inlet::End final : public Source {
public:
    explicit End(std::shared_ptr<State> state) : state_(std::move(state)) {}

    ~End() override {
        std::deque<State::Waiting> never_pulled;
        {
            const std::lock_guard lock(state_->mutex);
            state_->closed = true;
            never_pulled.swap(state_->waiting);
            state_->bytes = 0;
        }
        for (const Settled& settled : pulled_) tell(settled, false);
        for (const State::Waiting& waiting : never_pulled) tell(waiting.settled, false);
    }

    std::expected<Pulled, Failure> pull(const PullLimits& limits) override {
        std::unique_lock lock(state_->mutex);
        state_->came.wait_for(lock, pull_patience, [&] {
            return !state_->waiting.empty() || state_->closed || state_->interrupted;
        });
        state_->interrupted = false;
        if (state_->waiting.empty()) return state_->closed ? Pulled::ended() : Pulled::idle({});
        Batch batch;
        std::uint64_t bytes = 0;
        while (!state_->waiting.empty() && batch.records.size() < limits.records) {
            State::Waiting& next = state_->waiting.front();
            const std::uint64_t size = bytes_of(next.record);
            if (!batch.records.empty() && bytes + size > limits.bytes) break;
            bytes += size;
            batch.add(std::move(next.record), next_token_++);
            pulled_.push_back(std::move(next.settled));
            state_->waiting.pop_front();
        }
        state_->bytes -= bytes;
        return Pulled::some(std::move(batch));
    }

    std::expected<void, Failure> commit(std::uint32_t, std::span<const Token> tokens) override {
        for (const Token token : tokens) {
            // One that comes again after a failure was told already.
            if (token < first_token_) continue;
            HF_ASSERT(token == first_token_ && !pulled_.empty());
            const Settled settled = std::move(pulled_.front());
            pulled_.pop_front();
            ++first_token_;
            tell(settled, true);
        }
        return {};
    }

    void interrupt() override {
        const std::lock_guard lock(state_->mutex);
        state_->interrupted = true;
        state_->came.notify_one();
    }

private:
    std::shared_ptr<State> state_;
    std::deque<Settled> pulled_;  ///< Not told yet; the first one's token is first_token_.
    Token first_token_ = 0;
    Token next_token_ = 0;
};

Inlet::Inlet(Limits limits) : state_(std::make_shared<State>(limits)) {}

Inlet::~Inlet() { close(); }

std::unique_ptr<Source> Inlet::source() {
    HF_ASSERT(!state_->has_source);
    state_->has_source = true;
    return std::make_unique<End>(state_);
}

Inlet::Pushed Inlet::try_push(Record record, Settled settled) {
    const std::uint64_t bytes = bytes_of(record);
    const std::lock_guard lock(state_->mutex);
    State& s = *state_;
    if (s.closed) return Pushed::closed;
    const bool fits = s.waiting.size() < s.limits.records && s.bytes + bytes <= s.limits.bytes;
    if (!s.waiting.empty() && !fits) return Pushed::full;
    s.bytes += bytes;
    s.waiting.push_back({std::move(record), std::move(settled)});
    s.came.notify_one();
    return Pushed::taken;
}

void Inlet::close() {
    const std::lock_guard lock(state_->mutex);
    state_->closed = true;
    state_->came.notify_one();
}

}  // namespace holdfast::embed
