// The oracle on the sinks' queues: what must be in one, and what may be at most.
//
// A lane itself can't be seen. At least it holds, whole, each batch that was fanned out and of
// which its sink is still owed something (I19). At most it holds what was read and isn't committed;
// if that fits, a sink may not drop (I15); as long as no partition was lost in this life.
#include <algorithm>
#include <string>

#include "sim/oracle.hpp"

namespace holdfast::sim {

/// The engine has still to hear that the sink, or the dead letters, have it.
bool Oracle::is_owed(std::uint32_t unit) const {
    const Unit& u = stage_.ledger.units[unit];
    const Record& r = stage_.ledger.records[u.record];
    if (u.told == Told::delivered || u.told == Told::parked) return false;
    if (stage_.ledger.logs[r.log].lead[u.sink] >= r.next) return false;
    return u.sent || !stage_.ledger.may_drop(u.sink);
}

/// A batch was fanned out just now: no queue holds more than it may.
void Oracle::check_queues() {
    for (std::uint32_t s = 0; s < stage_.draw->config.sinks && !failed(); ++s) {
        const SinkConfig& config = stage_.draw->config.sink[s];
        std::uint64_t batches = 0;
        std::uint64_t records = 0;
        std::uint64_t bytes = 0;
        for (const BatchTruth& b : stage_.batches) {
            if (b.state != BatchTruth::State::arrived || !b.fanned_out || b.lost) continue;
            if (b.epoch != stage_.ledger.logs[b.log].epoch) continue;
            // Past the deadline of its revocation nothing more is begun: it may be forgotten.
            if (partitions_[b.log].known != Known::assigned) continue;
            const auto from = b.units.begin() + b.from[s];
            const auto to = b.units.begin() + b.from[s + 1];
            if (std::none_of(from, to, [&](std::uint32_t u) { return is_owed(u); })) continue;
            ++batches;
            records += b.from[s + 1] - b.from[s];
            bytes += b.sink_bytes[s];
        }
        if (batches <= config.queue_batches_max &&
            (batches < 2 ||
             (records <= config.queue_records_max && bytes <= config.queue_bytes_max))) {
            continue;
        }
        fail("I19", "queue bound",
             "the queue of sink " + std::to_string(s) + " holds " + std::to_string(batches) +
                 " batches of " + std::to_string(records) + " records");
    }
}

/// So many outputs were dropped just now: the queue must have been full.
void Oracle::check_drop(std::uint32_t sink, std::uint64_t dropped) {
    // What was begun of a partition that is lost since may stand there, and what follows it.
    if (any_revoked_) return;
    const Ledger& ledger = stage_.ledger;
    const SinkConfig& config = stage_.draw->config.sink[sink];
    std::uint64_t batches = 0;
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
    std::uint64_t last = 0;
    for (const Unit& u : ledger.units) {
        const Record& r = ledger.records[u.record];
        const Log& log = ledger.logs[r.log];
        const bool passed = !ledger.by_sinks(log) && r.next <= log.durable;
        if (u.sink != sink || passed || r.next > log.highest) continue;
        ++records;
        bytes += std::max(r.bytes, 10u);
        batches += r.order != last;
        last = r.order;
    }
    if (stage_.draw->config.sliced()) batches = records;  // At least one in a slice.
    // What was dropped is among them; an empty queue takes anything.
    if (batches > 1 && (batches > config.queue_batches_max || records > config.queue_records_max ||
                        bytes > config.queue_bytes_max)) {
        return;
    }
    fail("I15", "sink isolation",
         "sink " + std::to_string(sink) + " dropped " + std::to_string(dropped) +
             " outputs, but with them its queue would hold only " + std::to_string(batches) +
             " batches of " + std::to_string(records) + " records");
}

}  // namespace holdfast::sim
