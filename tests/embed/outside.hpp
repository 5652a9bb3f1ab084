// A scripted source, sinks that remember, and what they all saw.
#pragma once

#include <mutex>
#include <numeric>
#include <string>
#include <vector>

#include "io/embed/pipeline.hpp"

namespace outside {

using namespace holdfast;
using namespace holdfast::embed;

/// What happened outside of the pipeline, as all threads saw it.
struct Outside {
    std::mutex mutex;
    std::vector<Token> committed;
    std::vector<std::vector<std::string>> sunk = std::vector<std::vector<std::string>>(3);
    std::vector<std::size_t> writes;
    std::vector<DeadLetter> dead;
};

inline Record record(std::string payload) {
    Record r;
    r.payload = std::move(payload);
    return r;
}

inline Batch numbered(std::uint64_t first, std::uint64_t count, std::uint32_t partition = 0) {
    Batch batch;
    batch.partition = partition;
    for (std::uint64_t i = first; i < first + count; ++i) batch.add(record(std::to_string(i)), i);
    return batch;
}

/// Hands over what a script says, then ends.
struct Script : Source {
    Script(Outside& out, std::vector<std::expected<Pulled, Failure>> steps)
        : outside(out), script(std::move(steps)) {}
    std::expected<Pulled, Failure> pull(const PullLimits&) override {
        if (at == script.size()) return Pulled::ended();
        return script[at++];
    }
    std::expected<void, Failure> commit(std::uint32_t, std::span<const Token> tokens) override {
        if (commit_failures > 0) {
            --commit_failures;
            return std::unexpected(Failure{"broker away", false});
        }
        const std::lock_guard lock(outside.mutex);
        outside.committed.insert(outside.committed.end(), tokens.begin(), tokens.end());
        return {};
    }
    Outside& outside;
    std::vector<std::expected<Pulled, Failure>> script;
    std::size_t at = 0;
    int commit_failures = 0;
};

struct Keep : Sink {
    Keep(Outside& out, std::size_t n) : outside(out), number(n) {}
    Answer write(const Records& records) override {
        const std::lock_guard lock(outside.mutex);
        outside.writes.push_back(records.size());
        for (const Record& r : records) outside.sunk[number].push_back(r.payload);
        return Answer::delivered();
    }
    Outside& outside;
    std::size_t number;
};

struct Letters : DeadLetterQueue {
    explicit Letters(Outside& out) : outside(out) {}
    std::expected<void, Failure> store(std::span<const DeadLetter> letters) override {
        const std::lock_guard lock(outside.mutex);
        outside.dead.insert(outside.dead.end(), letters.begin(), letters.end());
        return {};
    }
    Outside& outside;
};

template <class Call>
struct Calls : Transformer {
    explicit Calls(Call c) : call(std::move(c)) {}
    std::expected<Output, Failure> process(Input input) override { return call(std::move(input)); }
    Call call;
};
template <class Call>
std::unique_ptr<Transformer> transform(Call call) {
    return std::make_unique<Calls<Call>>(std::move(call));
}

inline Options quick() {
    Options options;
    options.engine.commit.interval = milliseconds(2);
    options.engine.commit.retry.backoff_initial = milliseconds(1);
    return options;
}

inline SinkConfig soon() {
    SinkConfig config;
    config.retry.backoff_initial = milliseconds(1);
    return config;
}

inline std::vector<std::expected<Pulled, Failure>> batches(std::uint64_t count,
                                                           std::uint64_t each) {
    std::vector<std::expected<Pulled, Failure>> steps;
    for (std::uint64_t i = 0; i < count; ++i)
        steps.emplace_back(Pulled::some(numbered(i * each, each)));
    return steps;
}

inline std::vector<Token> up_to(std::uint64_t n) {
    std::vector<Token> all(n);
    std::iota(all.begin(), all.end(), 0);
    return all;
}

}  // namespace outside
