// Each scenario of tests/scenarios is a test of its own; together they show every outcome.
//
// HF_REWRITE=1 writes what the engine does now into the files; read the difference before you keep
// it.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "tests/core/scenario.hpp"

using namespace holdfast;

namespace {

std::set<std::string>& named() {
    static std::set<std::string> names;
    return names;
}

struct Named {
    explicit Named(const char* name) { named().insert(name); }
};

std::string path_of(const std::string& name) {
    return HF_SOURCE_DIR "/tests/scenarios/" + name + ".txt";
}

void check(const std::string& name) {
    const scenario::Result result = scenario::run(path_of(name));
    if (std::getenv("HF_REWRITE") && result.actual != result.expected) {
        std::ofstream(path_of(name)) << result.actual;
    }
    CHECK(result.error.empty());
    if (!result.error.empty()) WARN(result.error);
    if (!std::getenv("HF_REWRITE")) CHECK(result.actual == result.expected);
}

}  // namespace

#define HF_SCENARIO(name)                   \
    static const Named named_##name(#name); \
    TEST_CASE("engine plays scenario " #name) { check(#name); }

HF_SCENARIO(ambiguous)
HF_SCENARIO(backoff_streak)
HF_SCENARIO(batch_spans_lead)
HF_SCENARIO(batch_without_records)
HF_SCENARIO(block)
HF_SCENARIO(broker_commit)
HF_SCENARIO(broker_commit_failed)
HF_SCENARIO(broker_commit_fenced)
HF_SCENARIO(broker_commit_overdue)
HF_SCENARIO(checkpoint_failed)
HF_SCENARIO(checkpoint_fenced)
HF_SCENARIO(checkpoint_overdue)
HF_SCENARIO(checkpoint_retry)
HF_SCENARIO(commit_by_bytes)
HF_SCENARIO(commit_by_records)
HF_SCENARIO(commit_cycle)
HF_SCENARIO(commit_lead)
HF_SCENARIO(commit_window)
HF_SCENARIO(dead_letters_absent)
HF_SCENARIO(dead_letters_absent_exhausted)
HF_SCENARIO(dead_letters_failed)
HF_SCENARIO(dead_letters_fenced)
HF_SCENARIO(dead_letters_one_way)
HF_SCENARIO(dead_letters_retry)
HF_SCENARIO(dead_letters_room_wakes_intake)
HF_SCENARIO(dead_letters_timeout)
HF_SCENARIO(drop_all)
HF_SCENARIO(drop_newest)
HF_SCENARIO(exhausted)
HF_SCENARIO(exhausted_beyond)
HF_SCENARIO(exhausted_partial)
HF_SCENARIO(exhausted_window)
HF_SCENARIO(fan_out)
HF_SCENARIO(fenced_while_revoking)
HF_SCENARIO(gate)
HF_SCENARIO(gate_max_hold)
HF_SCENARIO(governed_off)
HF_SCENARIO(governor)
HF_SCENARIO(governor_copies)
HF_SCENARIO(governor_slices)
HF_SCENARIO(governor_slow)
HF_SCENARIO(idle_without_end)
HF_SCENARIO(impossible)
HF_SCENARIO(lead_staged_again)
HF_SCENARIO(leads_after_restart)
HF_SCENARIO(linger)
HF_SCENARIO(linger_drain)
HF_SCENARIO(mark_clean_points)
HF_SCENARIO(memory_limit)
HF_SCENARIO(outputs_double)
HF_SCENARIO(oversized)
HF_SCENARIO(oversized_stop)
HF_SCENARIO(parking)
HF_SCENARIO(parking_two)
HF_SCENARIO(partial)
HF_SCENARIO(partial_first_word)
HF_SCENARIO(poison_first)
HF_SCENARIO(poison_last)
HF_SCENARIO(poison_middle)
HF_SCENARIO(poison_over_batches)
HF_SCENARIO(poison_twice)
HF_SCENARIO(pressure)
HF_SCENARIO(pressure_soft)
HF_SCENARIO(retry)
HF_SCENARIO(revoke_deadline)
HF_SCENARIO(revoke_deadline_in_flight)
HF_SCENARIO(revoke_graceful)
HF_SCENARIO(revoke_linger)
HF_SCENARIO(revoke_lost)
HF_SCENARIO(revoke_unused)
HF_SCENARIO(revoke_waits_quietly)
HF_SCENARIO(sink_commits)
HF_SCENARIO(sink_failed)
HF_SCENARIO(sink_stop_on_timeout)
HF_SCENARIO(sink_stop_on_transient)
HF_SCENARIO(sink_sync_failed)
HF_SCENARIO(sink_broken)
HF_SCENARIO(sink_sync_overdue)
HF_SCENARIO(source_ended)
HF_SCENARIO(source_exhausted)
HF_SCENARIO(source_failed)
HF_SCENARIO(source_idle)
HF_SCENARIO(split_by_bytes)
HF_SCENARIO(split_by_bytes_rounded)
HF_SCENARIO(split_by_parts)
HF_SCENARIO(split_by_records)
HF_SCENARIO(stop_deadline)
HF_SCENARIO(stop_drain)
HF_SCENARIO(stop_now)
HF_SCENARIO(stop_twice)
HF_SCENARIO(streaming)
HF_SCENARIO(streaming_contract)
HF_SCENARIO(streaming_dead_letters)
HF_SCENARIO(streaming_error_in_the_middle)
HF_SCENARIO(streaming_filtered)
HF_SCENARIO(streaming_lead)
HF_SCENARIO(streaming_linger)
HF_SCENARIO(streaming_lost)
HF_SCENARIO(throttle)
HF_SCENARIO(throttle_without_end)
HF_SCENARIO(ticker)
HF_SCENARIO(timeout)
HF_SCENARIO(transform)
HF_SCENARIO(transform_astray)
HF_SCENARIO(transform_contract)
HF_SCENARIO(transform_failed)
HF_SCENARIO(transform_filtered)
HF_SCENARIO(transform_stop)
HF_SCENARIO(two_in_flight)
HF_SCENARIO(two_sources)
HF_SCENARIO(unreadable)
HF_SCENARIO(watermark_order)

TEST_CASE("scenarios all have a test") {
    for (const auto& file : std::filesystem::directory_iterator(HF_SOURCE_DIR "/tests/scenarios")) {
        if (file.path().extension() != ".txt") continue;
        INFO(file.path());
        CHECK(named().contains(file.path().stem().string()));
    }
}

TEST_CASE("scenarios show every event, effect, outcome and reason") {
    std::set<std::string> seen;
    for (const std::string& name : named()) seen.merge(scenario::run(path_of(name)).outcomes);
    for (const std::string& outcome : scenario::all_outcomes()) {
        INFO(outcome);
        CHECK(seen.contains(outcome));
    }
}
