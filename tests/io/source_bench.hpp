// What tests of sources that nobody can read twice share: a real ring, real time, and a reader that
// pulls, checks the contract of sources at every event, and keeps what came.
#pragma once

#include <catch2/catch.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "io/device.hpp"
#include "io/devices/partition_slots.hpp"
#include "io/log.hpp"
#include "io/payloads.hpp"
#include "io/posix/posix_ring.hpp"
#include "io/uring/uring_ring.hpp"
#include "sim/memory_checkpoints.hpp"

namespace holdfast::io::test {

/// One of the kernel's rings, another each time that the test case is run.
inline std::unique_ptr<Ring> kernel_ring() {
    if (GENERATE(0, 1) == 0) return std::make_unique<PosixRing>(1);
    std::string why;
    std::unique_ptr<Ring> ring = UringRing::make(why);
    if (ring != nullptr) return ring;
    WARN("no io_uring here, plain calls instead: " << why);
    return std::make_unique<PosixRing>(1);
}

struct SourceBench {
    struct Came {
        std::string text;
        Fate fate{};
        bool terminated = true;
        std::uint32_t records = 0;
        std::string why;
    };

    std::unique_ptr<Ring> ring = kernel_ring();
    BlockPool pool{4u << 20, 1u << 20};
    Payloads payloads{pool, 64};
    Events events;
    sim::MemoryCheckpoints checkpoints;
    PartitionSlots slots{8};
    std::vector<std::pair<Level, std::string>> logged;
    Log log = [this](Level level, const std::string& line) { logged.emplace_back(level, line); };
    std::unique_ptr<Source> source;
    std::vector<Came> came;
    std::uint32_t max_records = UINT32_MAX;
    std::uint32_t max_bytes = 64u << 10;
    bool pulling = true;
    bool ended = false;

    ~SourceBench() { stop(); }
    void stop() {
        ring->abandon();
        source.reset();
    }
    /// Until it holds, or ten seconds have passed: then it fails.
    void run_until(const std::function<bool()>& holds) {
        const Instant late = ring->now() + seconds(10);
        while (!holds()) {
            INFO(text());
            for (const auto& [level, line] : logged) UNSCOPED_INFO(line);
            REQUIRE(ring->now() < late);
            step(milliseconds(20));
        }
    }
    void run(Duration time) {
        const Instant until = ring->now() + time;
        while (ring->now() < until) step(milliseconds(5));
    }
    std::string text() const {
        std::string all;
        for (const Came& one : came) all += one.text;
        return all;
    }
    /// Of what is to be delivered.
    std::string delivered() const {
        std::string all;
        for (const Came& one : came)
            if (one.fate == Fate::deliver) all += one.text + (one.terminated ? "" : "\n");
        return all;
    }
    /// How many lines of the log hold these words.
    int said(std::string_view words) const {
        int n = 0;
        for (const auto& [level, line] : logged) n += line.find(words) != std::string::npos ? 1 : 0;
        return n;
    }

private:
    void step(Duration time) {
        while (!events.empty()) std::visit([this](const auto& e) { on(e); }, events.pop());
        if (!waiting_ && pulling && !ended && source) {
            waiting_ = true;
            batch_ = {batch_.index, batch_.generation + 1};
            source->pull({batch_, SourceId{0}, max_records, max_bytes});
        } else if (waiting_ || !pulling) {
            ring->run(ring->now() + time);
        }
        if (idle_ && ring->now() >= retry_) waiting_ = idle_ = false;
    }
    void answered(BatchId batch) {
        REQUIRE(waiting_);
        REQUIRE_FALSE(idle_);
        REQUIRE(batch == batch_);
    }
    void on(const PartitionAssigned& e) {
        assigned_ = e;
        position_ = e.position.value;
    }
    void on(const SourceIdle& e) {
        answered(e.batch);
        idle_ = true;
        retry_ = ring->now() + e.retry_after;
    }
    void on(const SourceReady&) { retry_ = Instant{0}; }
    void on(const SourceEnded& e) {
        answered(e.batch);
        ended = true;
    }
    void on(const BatchPulled& e) {
        answered(e.batch);
        waiting_ = false;
        REQUIRE(e.partition == assigned_.partition);
        REQUIRE(e.first.value == position_);
        REQUIRE(e.next.value > e.first.value);
        REQUIRE(e.records >= 1);
        REQUIRE(e.records <= max_records);
        REQUIRE(e.held >= e.bytes);
        position_ = e.next.value;
        const Payload& payload = payloads.at(e.batch);
        came.push_back({std::string(reinterpret_cast<const char*>(payload.bytes.data()), e.bytes),
                        e.fate, payload.terminated, e.records, payload.why});
        payloads.release(e.batch);
    }
    template <class T>
    void on(const T&) {
        FAIL("an event that such a source may not send");
    }

    PartitionAssigned assigned_{};
    std::int64_t position_ = 0;
    BatchId batch_{0, 0};
    bool waiting_ = false;  ///< A pull is not answered, or was answered with nothing.
    bool idle_ = false;
    Instant retry_{};
};

}  // namespace holdfast::io::test
