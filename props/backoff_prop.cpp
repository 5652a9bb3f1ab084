// The law of backoff: min(initial * 2^(n-1), max), times a factor in [1, 1 + jitter].
#include <rapidcheck/catch.h>

#include "core/engine/backoff.hpp"

using namespace holdfast;

namespace {

constexpr std::int64_t longest = 400LL * 24 * 3600 * 1'000'000'000;

/// initial * 2^(n-1), capped, in arithmetic that can't overflow.
std::int64_t base_of(const RetryConfig& retry, std::uint32_t failures) {
    auto base = static_cast<long double>(retry.backoff_initial.ns);
    for (std::uint32_t i = 1; i < failures && i < 128; ++i) base *= 2;
    const auto cap = static_cast<long double>(retry.backoff_max.ns);
    return static_cast<std::int64_t>(base < cap ? base : cap);
}

RetryConfig any_retry() {
    RetryConfig retry;
    retry.backoff_initial.ns = *rc::gen::oneOf(rc::gen::inRange<std::int64_t>(0, 5'000'000'000),
                                               rc::gen::inRange<std::int64_t>(0, longest));
    retry.backoff_max.ns = *rc::gen::inRange<std::int64_t>(retry.backoff_initial.ns, longest + 1);
    retry.jitter_permille = *rc::gen::inRange<std::uint32_t>(0, 1001);
    return retry;
}

std::uint32_t any_failures() {
    return *rc::gen::oneOf(rc::gen::inRange<std::uint32_t>(1, 70),
                           rc::gen::inRange<std::uint32_t>(1, UINT32_MAX),
                           rc::gen::just(UINT32_MAX));
}

}  // namespace

TEST_CASE("backoff stays between its base and its base with jitter") {
    rc::prop("for any attempt up to 2^32 - 1", [](std::uint64_t key) {
        const RetryConfig retry = any_retry();
        const std::uint32_t failures = any_failures();
        const std::int64_t base = base_of(retry, failures);
        const std::int64_t wait = backoff(retry, failures, key).ns;
        RC_ASSERT(wait >= base);
        const auto most = static_cast<long double>(base) * (1000 + retry.jitter_permille) / 1000;
        RC_ASSERT(static_cast<long double>(wait) <= most + 1);
        RC_ASSERT(wait == backoff(retry, failures, key).ns);
    });
    rc::prop("its base never falls", [](std::uint64_t key) {
        RetryConfig retry = any_retry();
        retry.jitter_permille = 0;
        const std::uint32_t failures = any_failures();
        RC_PRE(failures < UINT32_MAX);
        RC_ASSERT(backoff(retry, failures, key) <= backoff(retry, failures + 1, key + 1));
    });
}

TEST_CASE("backoff spreads what fails together") {
    RetryConfig retry;
    retry.backoff_initial = seconds(1);
    retry.jitter_permille = 1000;
    std::int64_t low = INT64_MAX;
    std::int64_t high = 0;
    for (std::uint64_t key = 0; key < 1000; ++key) {
        const std::int64_t wait = backoff(retry, 1, key).ns;
        low = std::min(low, wait);
        high = std::max(high, wait);
    }
    CHECK(low < 1'010'000'000);
    CHECK(high > 1'990'000'000);
}
