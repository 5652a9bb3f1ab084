// See ports.hpp.
#include "io/embed_c/ports.hpp"

#include "io/embed_c/lent.hpp"

namespace holdfast::embed {
namespace {

/// A table of callbacks, with the end that it asks for.
template <class Calls>
struct Owned {
    explicit Owned(const Calls& c) : calls(c) {}
    ~Owned() {
        if (calls.destroy) calls.destroy(calls.user);
    }
    Owned(const Owned&) = delete;
    const Calls calls;
};

static_assert(HOLDFAST_DELIVERED == static_cast<int>(SinkOutcome::delivered));
static_assert(HOLDFAST_RETRIABLE == static_cast<int>(SinkOutcome::retriable));
static_assert(HOLDFAST_THROTTLED == static_cast<int>(SinkOutcome::throttled));
static_assert(HOLDFAST_REFUSED == static_cast<int>(SinkOutcome::refused));
static_assert(HOLDFAST_AMBIGUOUS == static_cast<int>(SinkOutcome::ambiguous));
static_assert(HOLDFAST_GONE == static_cast<int>(SinkOutcome::failed));

std::expected<void, Failure> done(holdfast_status status, const holdfast_words& words,
                                  const char* what) {
    if (status == HOLDFAST_OK) return {};
    return std::unexpected(failure_of(status, words, what));
}

class CSource final : public Source {
public:
    explicit CSource(const holdfast_source& calls) : own_(calls) {}

    std::expected<Pulled, Failure> pull(const PullLimits& limits) override {
        holdfast_batch batch;
        holdfast_words words;
        const holdfast_status status =
            own_.calls.pull(own_.calls.user, limits.records, limits.bytes, &batch, &words);
        if (status == HOLDFAST_OK) return Pulled::some(std::move(batch.batch));
        if (status == HOLDFAST_IDLE) return Pulled::idle(duration_of(batch.again_ms));
        if (status == HOLDFAST_ENDED) return Pulled::ended();
        return std::unexpected(failure_of(status, words, "the pull failed"));
    }
    std::expected<void, Failure> commit(std::uint32_t partition,
                                        std::span<const Token> tokens) override {
        holdfast_words words;
        return done(
            own_.calls.commit(own_.calls.user, partition, tokens.data(), tokens.size(), &words),
            words, "the commit failed");
    }
    void hold(bool held) override {
        if (own_.calls.hold) own_.calls.hold(own_.calls.user, held ? 1 : 0);
    }
    void interrupt() override {
        if (own_.calls.interrupt) own_.calls.interrupt(own_.calls.user);
    }

private:
    Owned<holdfast_source> own_;
};

class CSink final : public Sink {
public:
    explicit CSink(const holdfast_sink& calls) : own_(calls) {}

    Answer write(const Records& records) override {
        holdfast_records lent;
        for (const Record& r : records) lent.records.push_back(&r);
        holdfast_answer answer{.answer = {}, .records = records.size()};
        const holdfast_outcome outcome = own_.calls.write(own_.calls.user, &lent, &answer);
        // What is no outcome is in doubt.
        if (outcome < HOLDFAST_DELIVERED || outcome > HOLDFAST_GONE)
            return Answer::ambiguous("its answer is no outcome: " + std::to_string(outcome));
        answer.answer.outcome = static_cast<SinkOutcome>(outcome);
        return std::move(answer.answer);
    }
    bool needs_sync() const override { return own_.calls.sync != nullptr; }
    std::expected<void, Failure> sync() override {
        holdfast_words words;
        return done(own_.calls.sync(own_.calls.user, &words), words, "the sync failed");
    }

private:
    Owned<holdfast_sink> own_;
};

class CTransformer final : public Transformer {
public:
    explicit CTransformer(const holdfast_transform& calls) : own_(calls) {}

    std::expected<Output, Failure> process(Input input) override {
        holdfast_records lent;
        for (const Record& r : input.records) lent.records.push_back(&r);
        holdfast_output output{.input = &input.records, .out = {}};
        holdfast_words words;
        const holdfast_status status = own_.calls.process(own_.calls.user, &lent, &output, &words);
        if (status == HOLDFAST_OK) return std::move(output.out);
        return std::unexpected(failure_of(status, words, "the transform failed"));
    }

private:
    Owned<holdfast_transform> own_;
};

class CQueue final : public DeadLetterQueue {
public:
    explicit CQueue(const holdfast_dead_letters& calls) : own_(calls) {}

    std::expected<void, Failure> store(std::span<const DeadLetter> letters) override {
        holdfast_records lent;
        for (const DeadLetter& letter : letters) {
            lent.records.push_back(&letter.record);
            lent.letters.push_back(&letter);
        }
        holdfast_words words;
        return done(own_.calls.store(own_.calls.user, &lent, &words), words,
                    "the dead letters were not stored");
    }

private:
    Owned<holdfast_dead_letters> own_;
};

}  // namespace

std::unique_ptr<Source> source_of(const holdfast_source& calls) {
    return std::make_unique<CSource>(calls);
}
std::unique_ptr<Sink> sink_of(const holdfast_sink& calls) { return std::make_unique<CSink>(calls); }
std::unique_ptr<Transformer> transformer_of(const holdfast_transform& calls) {
    return std::make_unique<CTransformer>(calls);
}
std::unique_ptr<DeadLetterQueue> queue_of(const holdfast_dead_letters& calls) {
    return std::make_unique<CQueue>(calls);
}

}  // namespace holdfast::embed
