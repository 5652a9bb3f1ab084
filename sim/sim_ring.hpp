// A ring over a simulated disk and virtual time, which completes as awkwardly as the kernel may.
//
// Rule 1: an operation takes effect at the instant of its completion, after a latency by choice;
//         so operations overtake each other freely.
// Rule 2: a read's buffer is overwritten at its start and holds garbage until (and, after what was
//         read, beyond) its completion. A write's bytes are taken at its start or at its
//         completion, by choice: a device that changes or frees them early is caught.
// Rule 3: descriptors are looked up at the start, paths are read at the completion.
// Rule 4: run(until) moves the clock to the next completion or to `until`, never further; with
//         nothing in flight and `until` never it returns 0 and the clock stands.
// Rule 5: what is in flight at kill(), crash() and abandon() takes effect or not, by choice.
// Rule 6: what must wait for a peer completes some time after it need not wait any more. A receive's
//         buffer is poisoned as a read's is, a send's bytes are taken as a write's are.
// Bound: O(operations in flight) a completion.
// Doesn't know: sockets, where it was given no SimNet (EOPNOTSUPP).
#pragma once

#include <cstdint>
#include <vector>

#include "io/ring.hpp"
#include "sim/choices.hpp"
#include "sim/sim_clock.hpp"
#include "sim/sim_disk.hpp"
#include "sim/sim_net.hpp"

namespace holdfast::sim {

struct RingOptions {
    std::uint64_t latency_us_max = 0;
    std::uint32_t slow = 0;  ///< Of 1000: takes slow_factor times as long.
    std::uint64_t slow_factor = 100;
    std::uint32_t interrupted = 0;  ///< Of 1000 opens, reads and writes: EINTR, nothing done.
    std::uint32_t again = 0;        ///< Of 1000 reads and writes: EAGAIN, nothing done.
    std::uint32_t data_late = 500;  ///< See rule 2.
    bool poison = true;             ///< See rule 2.
};

class SimRing : public io::Ring {
public:
    /// Lives: all three as long as this.
    SimRing(SimDisk& disk, SimClock& clock, Choices& choices, RingOptions options = {});
    SimRing(const SimRing&) = delete;
    /// Streams are this network's from now on. Lives: as long as this.
    void attach(SimNet& net) { net_ = &net; }

    void start(io::Op& op) override;
    void cancel(io::Op& op) override;
    std::size_t run(Instant until) override;
    Instant now() override { return clock_.now; }
    std::int64_t wall_ns() override { return clock_.wall_ns(); }
    void abandon() override;
    const char* name() const override { return "sim"; }

    /// The process dies: what it wrote stays, its descriptors are closed. Nothing completes.
    void kill();
    /// Power loss: kill(), and then the disk crashes.
    void crash();

    std::size_t in_flight() const { return flying_.size(); }
    /// When the next operation completes; `never` without one.
    Instant next() const;
    RingOptions& options() { return options_; }

private:
    struct Flight {
        io::Op* op = nullptr;
        SimDisk::File file;
        Bytes data;  ///< Of a write, if taken at its start.
        bool data_taken = false;
        bool cancelled = false;
        bool waits = false;  ///< For a peer; `at` is never.
        Instant at{};
        std::uint64_t tie = 0;
        std::uint64_t serial = 0;
        std::uint64_t round = 0;
        std::uint64_t entity = 0;
        std::uint64_t turn = 0;
    };

    std::uint64_t entity_of(const io::Op& op, const SimDisk::File& file) const;
    Duration latency(const Flight& flight);
    bool is_of_net(const io::Op& op) const;
    void wake_waiting();
    bool must_wait(Flight& flight);
    std::size_t complete_due();
    std::int64_t result_of(Flight& flight);
    std::int64_t execute(Flight& flight);
    std::int64_t write(Flight& flight);
    bool chance(Site site, const Flight& flight, std::uint32_t permille);

    SimDisk& disk_;
    SimNet* net_ = nullptr;
    SimClock& clock_;
    Choices& choices_;
    RingOptions options_;
    std::vector<Flight> flying_;
    std::uint64_t serial_ = 0;
    std::uint64_t round_ = 0;
};

}  // namespace holdfast::sim
