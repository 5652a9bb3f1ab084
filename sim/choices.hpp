// The only origin of chance in sim/: questions that are keyed, never "the next draw".
//
// A question is (site, entity, n): what is decided, about what, for the how-manieth time. So to
// remove one record or one fault moves no other answer.
// Rule 1: 0 is the benign answer to every question (see sites.hpp).
// Rule 2: a question is asked once in a run; whoever asks counts n. One that is asked again all the
//         same has the same bound, hence the same answer.
// Rule 3: with equal answers a run is equal; nothing else in sim/ may decide by chance.
// Doesn't know: what the answers mean.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "sim/sites.hpp"

namespace holdfast::sim {

class Choices {
public:
    virtual ~Choices() = default;

    /// A value in [0, bound). Requires bound > 0.
    virtual std::uint64_t choose(Site site, std::uint64_t entity, std::uint64_t n,
                                 std::uint64_t bound) = 0;

    /// True for `permille` of 1000 questions; never for 0, always for 1000 and more.
    /// A yes or no for all implementations: recorded as 1 or 0, enumerated as two ways.
    bool chance(Site site, std::uint64_t entity, std::uint64_t n, std::uint32_t permille);

    /// A value in [low, high], `low` being the benign one. Requires low <= high.
    std::uint64_t between(Site site, std::uint64_t entity, std::uint64_t n, std::uint64_t low,
                          std::uint64_t high);

protected:
    friend class Recorded;
    /// What `chance` asks if 0 < permille < 1000.
    virtual bool flip(Site site, std::uint64_t entity, std::uint64_t n, std::uint32_t permille);
};

/// Answers from a seed.
class Seeded : public Choices {
public:
    explicit Seeded(std::uint64_t seed) : seed_(seed) {}
    std::uint64_t choose(Site site, std::uint64_t entity, std::uint64_t n,
                         std::uint64_t bound) override;

private:
    std::uint64_t seed_;
};

/// One answer that was not benign.
struct Choice {
    Site site{};
    std::uint64_t entity = 0;
    std::uint64_t n = 0;
    std::uint64_t value = 0;
    auto operator<=>(const Choice&) const = default;
};

/// Replays a list, answering 0 to what is not in it; or writes the list of another's answers.
class Recorded : public Choices {
public:
    explicit Recorded(std::span<const Choice> list);
    /// Passes each question on to `origin` and records its answer; what is asked again is answered
    /// as the replay will answer it. Lives: `origin` as long as this.
    explicit Recorded(Choices& origin) : origin_(&origin) {}

    /// A recorded value that is too large for its bound is cut to bound - 1.
    std::uint64_t choose(Site site, std::uint64_t entity, std::uint64_t n,
                         std::uint64_t bound) override;

    /// The answers other than 0, by (site, entity, n): enough to replay the run.
    std::vector<Choice> list() const;

protected:
    bool flip(Site site, std::uint64_t entity, std::uint64_t n, std::uint32_t permille) override;

private:
    struct Key {
        Site site{};
        std::uint64_t entity = 0;
        std::uint64_t n = 0;
        auto operator<=>(const Key&) const = default;
    };
    /// Null: not asked before, and not in the list.
    const std::uint64_t* answer_of(const Key& key) const;

    Choices* origin_ = nullptr;
    std::map<Key, std::uint64_t> answers_;
};

/// Answers from a fuzzer's bytes, in the order of the questions. When they are used up everything
/// is benign, so short inputs are simple runs. Lives: the bytes as long as this.
class FuzzBytes : public Choices {
public:
    explicit FuzzBytes(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
    std::uint64_t choose(Site site, std::uint64_t entity, std::uint64_t n,
                         std::uint64_t bound) override;
    std::size_t used() const { return used_; }

protected:
    /// One byte; its weight is not the one asked for but at least 1 of 256.
    bool flip(Site site, std::uint64_t entity, std::uint64_t n, std::uint32_t permille) override;

private:
    std::uint64_t take(std::size_t count);

    std::span<const std::uint8_t> bytes_;
    std::size_t used_ = 0;
};

/// Enumerates all answers, depth first: `do { run(choices); } while (choices.next());`.
/// The first run is the benign one. The run must be a function of the answers.
class Exhaustive : public Choices {
public:
    /// Of a question with more than `widest` answers only so many are tried, spread evenly, 0 and
    /// the largest among them; questions after the first `deepest` are answered with 0.
    /// Requires widest >= 2.
    explicit Exhaustive(std::uint64_t widest = 8, std::size_t deepest = SIZE_MAX);

    std::uint64_t choose(Site site, std::uint64_t entity, std::uint64_t n,
                         std::uint64_t bound) override;
    /// Goes to the next combination; false if there is none.
    bool next();
    /// Combinations begun so far, the current one included.
    std::uint64_t runs() const { return runs_; }

protected:
    bool flip(Site site, std::uint64_t entity, std::uint64_t n, std::uint32_t permille) override;

private:
    struct Fork {
        std::uint64_t taken = 0;
        std::uint64_t ways = 0;
    };
    std::uint64_t fork(std::uint64_t ways);

    std::uint64_t widest_;
    std::size_t deepest_;
    std::vector<Fork> path_;
    std::size_t depth_ = 0;
    std::uint64_t runs_ = 1;
};

}  // namespace holdfast::sim
