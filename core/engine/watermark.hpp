// The watermark: how far a source may forget, and how far each sink is ahead of that.
//
// Rule 1: it moves only over settled batches, in the order in which they were pulled.
// Rule 2: it never moves back; a restart begins from the last durable position.
// Rule 3: a batch is settled for a sink when that sink's lane has retired it; the end of the last
//         one is the sink's lead in the partition.
// Rule 4: two settled neighbours become one, so a stuck batch costs at most as many slots as there
//         are unsettled batches, however long the others run on.
// Rule 5: epochs fence: what is lost keeps neither list nor commit.
// Bound: Config::partitions_max; leads: partitions_max x sinks.
// Doesn't know: sinks' answers, retries, time.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/base/arena.hpp"
#include "core/base/mutant.hpp"
#include "core/engine/batches.hpp"

namespace holdfast {

enum class PartitionPhase : std::uint8_t { unassigned, assigned, revoking };

struct Partition {
    std::int64_t watermark;
    std::int64_t highest;       ///< The largest position pulled in this epoch.
    std::int64_t staged;        ///< What the running or the last commit cycle says.
    std::int64_t lead_highest;  ///< Leads that a restart gave lie at or below this.
    std::uint32_t epoch;
    std::uint32_t oldest;  ///< Batches, in order.
    std::uint32_t newest;
    std::uint32_t dirty_next;  ///< In the list of partitions to commit.
    std::uint32_t cycle_next;  ///< In the list of partitions of the running cycle.
    std::uint16_t source;
    PartitionPhase phase;
    bool dirty;
    bool in_cycle;
    bool commit_out;    ///< CommitPosition is unanswered.
    bool commit_again;  ///< It was answered badly, and waits for the cycle's retry.
    std::uint8_t unused[5];
};
static_assert(sizeof(Partition) == 64);

class Partitions {
public:
    struct Head {
        std::uint32_t dirty_first;
        std::uint32_t dirty_count;
        std::uint32_t revoking;
        std::uint32_t revoking_dirty;  ///< Of those, how many a commit would bring nearer.
    };

    void lay_out(Arena& arena, std::uint32_t partitions, std::uint32_t sinks) {
        head_ = arena.table<Head>(1);
        slots_ = arena.table<Partition>(partitions);
        lead_ = arena.table<std::int64_t>(std::uint64_t{partitions} * sinks);
        restart_lead_ = arena.table<std::int64_t>(std::uint64_t{partitions} * sinks);
        sinks_ = sinks;
    }

    void begin() {
        head().dirty_first = none;
        for (Partition& p : slots_) p.oldest = p.newest = p.dirty_next = p.cycle_next = none;
    }

    std::uint32_t size() const { return slots_.size(); }
    Partition& operator[](std::uint32_t index) const { return slots_[index]; }
    Head& head() const { return head_.only(); }

    /// Live: up to where the sink has settled everything. Restart: what the checkpoint said.
    std::int64_t& lead(std::uint32_t partition, std::uint32_t sink) const {
        return lead_[std::uint64_t{partition} * sinks_ + sink];
    }
    std::int64_t& restart_lead(std::uint32_t partition, std::uint32_t sink) const {
        return restart_lead_[std::uint64_t{partition} * sinks_ + sink];
    }

    void assign(std::uint32_t index, std::uint16_t source, std::uint32_t epoch,
                std::int64_t position) const {
        Partition& p = slots_[index];
        HF_ASSERT(p.oldest == none);
        p.phase = PartitionPhase::assigned;
        p.source = source;
        p.epoch = epoch;
        p.watermark = p.highest = p.staged = position;
        p.lead_highest = position;
        for (std::uint32_t s = 0; s < sinks_; ++s) {
            if (!mutant(201) || lead(index, s) < position) lead(index, s) = position;
            if (mutant(200)) p.lead_highest = std::max(p.lead_highest, restart_lead(index, s));
            if (!mutant(200)) restart_lead(index, s) = position;
        }
    }

    void mark_dirty(std::uint32_t index) const {
        Partition& p = slots_[index];
        if (p.dirty) return;
        p.dirty = true;
        p.dirty_next = head().dirty_first;
        head().dirty_first = index;
        ++head().dirty_count;
        if (p.phase == PartitionPhase::revoking) ++head().revoking_dirty;
    }

    /// It has nothing to commit any more: its slot may be another one's next.
    void forget_dirty(std::uint32_t index) const {
        if (!slots_[index].dirty) return;
        std::uint32_t* at = &head().dirty_first;
        while (*at != index) at = &slots_[*at].dirty_next;
        *at = slots_[index].dirty_next;
        slots_[index].dirty_next = none;
        slots_[index].dirty = false;
        --head().dirty_count;
    }

    /// Takes the first dirty partition, or returns false.
    bool take_dirty(std::uint32_t& index) const {
        index = head().dirty_first;
        if (index == none) return false;
        Partition& p = slots_[index];
        head().dirty_first = p.dirty_next;
        p.dirty_next = none;
        p.dirty = false;
        --head().dirty_count;
        if (p.phase == PartitionPhase::revoking && !mutant(204)) --head().revoking_dirty;
        return true;
    }

    /// Appends a batch that was just pulled.
    void append(Batches& batches, std::uint32_t index) const {
        Batch& b = batches[index];
        Partition& p = slots_[b.partition];
        b.older = p.newest;
        b.newer = none;
        if (p.newest != none) {
            batches[p.newest].newer = index;
        } else {
            p.oldest = index;
        }
        p.newest = index;
        b.listed = true;
        if (b.next > p.highest) p.highest = b.next;
    }

    /// A batch has become settled: merges it with settled neighbours and moves the watermark.
    /// Slots that are no longer needed are given back.
    void settled(Batches& batches, std::uint32_t index) const {
        Batch& b = batches[index];
        Partition& p = slots_[b.partition];
        HF_ASSERT(b.listed && b.settled);
        if (b.newer != none && batches[b.newer].settled) absorb(batches, index, b.newer);
        if (mutant(202) && p.phase == PartitionPhase::revoking) p.watermark = p.highest;
        if (b.older != none && batches[b.older].settled) {
            index = b.older;
            absorb(batches, index, batches[index].newer);
        }
        if (p.oldest != index && !mutant(2)) return;
        const std::int64_t next = batches[index].next;
        unlink(batches, index);
        batches.give_back(index);
        if (next > p.watermark) {
            p.watermark = next;
            if (mutant(25)) p.watermark = next - 1;
        }
    }

    /// Fences all batches of the partition and forgets their order.
    void fence(Batches& batches, std::uint32_t partition) const {
        Partition& p = slots_[partition];
        for (std::uint32_t i = p.oldest; i != none;) {
            Batch& b = batches[i];
            const std::uint32_t newer = b.newer;
            b.fenced = true;
            if (b.partner != none && !mutant(76)) batches[b.partner].fenced = true;
            b.listed = false;
            b.older = b.newer = none;
            if (b.settled) batches.give_back(i);
            i = newer;
        }
        p.oldest = p.newest = none;
    }

    bool drained(std::uint32_t partition) const { return slots_[partition].oldest == none; }

private:
    void absorb(Batches& batches, std::uint32_t keep, std::uint32_t gone) const {
        Batch& k = batches[keep];
        if (batches[gone].next > k.next) k.next = batches[gone].next;
        unlink(batches, gone);
        batches.give_back(gone);
    }

    void unlink(Batches& batches, std::uint32_t index) const {
        Batch& b = batches[index];
        Partition& p = slots_[b.partition];
        (b.older != none ? batches[b.older].newer : p.oldest) = b.newer;
        (b.newer != none ? batches[b.newer].older : p.newest) = b.older;
        b.older = b.newer = none;
        b.listed = false;
    }

    Table<Head> head_;
    Table<Partition> slots_;
    Table<std::int64_t> lead_;
    Table<std::int64_t> restart_lead_;
    std::uint32_t sinks_ = 0;
};

}  // namespace holdfast
