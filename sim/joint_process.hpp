// The process that a pipeline runs in, simulated: a ring whose waits let the world act, requests to
// stop, and death.
//
// Rule 1: the world acts only where the pipeline waits, between two completions of the ring; there
//         it writes files, asks for an end, or ends the process: Died is thrown through the
//         pipeline, which is destroyed on the way, as memory is when a process dies.
// Rule 2: a request to stop is seen as production sees a signal: a descriptor becomes readable.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "io/devices/network.hpp"
#include "io/runner/process.hpp"
#include "io/runner/run.hpp"
#include "sim/sim_ring.hpp"

namespace holdfast::sim {

/// The process is dead: nothing of its memory is left.
struct Died {};

/// What goes on around a pipeline.
class Around {
public:
    virtual ~Around() = default;
    /// Does what is due now; may throw Died.
    virtual void act() = 0;
    /// When it wants to act next. Later than now.
    virtual Instant next() const = 0;
};

class JointStops final : public io::StopRequests {
public:
    static constexpr int descriptor = 1 << 30;  ///< None that a simulated disk gives out.
    int fd() const override { return descriptor; }
    std::uint32_t take() override { return std::exchange(waiting_, 0); }
    std::uint32_t count() const override { return count_ - waiting_; }
    io::Asked asked() override { return std::exchange(asked_, io::Asked::none); }
    void raise() { ++waiting_, ++count_; }
    void ask(io::Asked what) { asked_ = what; }
    bool waits() const { return waiting_ > 0 || asked_ != io::Asked::none; }
    bool wants_end() const { return waiting_ > 0; }

private:
    std::uint32_t waiting_ = 0;
    std::uint32_t count_ = 0;
    io::Asked asked_ = io::Asked::none;
};

/// Who has the network of a simulated process. A ring of one is this, too.
class NetHost {
public:
    virtual ~NetHost() = default;
    /// That of one sink, by its name.
    virtual io::Network& network(const std::string& of) = 0;
};

class JointProcess final : public io::Process {
public:
    /// Lives: all of them as long as this.
    JointProcess(SimRing& ring, SimDisk& disk, Around& around, std::uint64_t memory_limit)
        : ring_(ring), disk_(disk), around_(around), memory_limit_(memory_limit) {}

    std::unique_ptr<io::Ring> make_ring(std::string& why) override;
    io::StopRequests& stops() override { return stops_; }
    std::string take_data_dir(const std::string& path) override;
    io::MemoryGuard memory_guard(std::uint64_t config_bytes) override;
    bool wait(Duration duration) override;

    /// Lives: as long as this. null: there is no network.
    void set_net(NetHost* host) { net_ = host; }
    void stop() { stops_.raise(); }
    void ask(io::Asked what) { stops_.ask(what); }
    /// Rings so far: lives in this process.
    std::uint32_t lives() const { return lives_; }

private:
    friend class JointRing;
    SimRing& ring_;
    SimDisk& disk_;
    Around& around_;
    std::uint64_t memory_limit_;
    JointStops stops_;
    NetHost* net_ = nullptr;
    std::uint32_t lives_ = 0;
};

/// How it ended: "halted: finished".
std::string text_of(const io::RunReport& report);

}  // namespace holdfast::sim
