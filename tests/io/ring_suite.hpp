// What every Ring promises, as checks over any of them: the kernel's, the plain one, the simulated.
//
// A World makes a ring with an empty directory. A test file calls each check from a TEST_CASE of
// its own; files are made through the ring itself, so a simulated disk can join.
#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/ring.hpp"

namespace holdfast::io {

class RingWorld {
public:
    virtual ~RingWorld() = default;
    virtual Ring& ring() = 0;
    /// A path inside of the empty directory of this world.
    virtual std::string path(std::string_view name) = 0;
};

/// Collects the completions of the operations that it starts.
struct Probe {
    explicit Probe(Op filled) : op(filled) {
        op.owner = this;
        op.done = [](Op& o) { static_cast<Probe*>(o.owner)->completions += 1; };
    }
    Probe(const Probe&) = delete;
    Op op;
    int completions = 0;
};

/// Runs the ring until `probe` has completed (10 s at most); its result.
std::int64_t finish(Ring& ring, Probe& probe);
/// Starts `op` and runs the ring until it has completed; its result.
std::int64_t perform(Ring& ring, Op op);

namespace ring_suite {

// Files: for every ring.
void opens_and_closes(RingWorld& world);
void reads_and_writes_at_offsets(RingWorld& world);
void appends_and_streams(RingWorld& world);
void syncs_and_truncates(RingWorld& world);
void stats(RingWorld& world);
void changes_names(RingWorld& world);
void lists(RingWorld& world);
void times_out(RingWorld& world);
void cancels_a_timeout(RingWorld& world);
void completes_from_run_only(RingWorld& world);
void takes_a_thousand_at_once(RingWorld& world);
void lets_callbacks_start_more(RingWorld& world);
void abandons_files(RingWorld& world);
void locks(RingWorld& world);

// File descriptors of the kernel: for rings that are the kernel's.
void cancels_a_blocked_read(RingWorld& world);
void abandons_blocked_operations(RingWorld& world);
void speaks_over_sockets(RingWorld& world);
void receives_without_waiting(RingWorld& world);
void takes_datagrams(RingWorld& world);
void connects_and_accepts(RingWorld& world);
void sends_in_part(RingWorld& world);
void accepts_many(RingWorld& world);
void polls(RingWorld& world);
void locks_others_out(RingWorld& world);
void abandons_opens(RingWorld& world);
void fills_a_pipe(RingWorld& world);

}  // namespace ring_suite
}  // namespace holdfast::io
