// See pending.hpp.
#include "io/runner/pending.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <variant>

#include "core/model/names.hpp"

namespace holdfast::io {
namespace {

std::string for_so_long(Instant since, Instant now) {
    return fmt::format(", for {:.1f} s", static_cast<double>((now - since).ns) / 1e9);
}

}  // namespace

void Pending::ordered(Instant now, const Effect& effect) {
    if (const auto* write = std::get_if<WriteToSink>(&effect)) {
        writes_.push_back({write->delivery, write->attempt, write->sink, now});
        sinks_[write->sink.index].failed = false;
    } else if (const auto* sync = std::get_if<SyncSink>(&effect)) {
        sinks_[sync->sink.index].syncing = true;
        sinks_[sync->sink.index].sync_since = now;
    } else if (const auto* pull = std::get_if<Pull>(&effect)) {
        SourceWait& source = sources_[pull->source.index];
        if (source.pulls++ == 0) source.since = now;
        source.idle = source.failed = false;
    } else if (std::holds_alternative<Transform>(effect)) {
        if (transforms_++ == 0) transform_since_ = now;
    } else if (std::holds_alternative<WriteDeadLetters>(effect)) {
        dead_ = {true, false, now};
    } else if (std::holds_alternative<WriteCheckpoint>(effect) ||
               std::holds_alternative<SyncCheckpoint>(effect)) {
        checkpoint_ = {true, false, now};
    }
}

void Pending::closed_pull(SourceId source) {
    SourceWait& wait = sources_[source.index];
    if (wait.pulls > 0) --wait.pulls;
}

void Pending::answered(Instant now, const Event& event) {
    if (const auto* answer = std::get_if<SinkAnswered>(&event)) {
        const auto at = std::ranges::find_if(writes_, [&](const Write& write) {
            return write.delivery == answer->delivery && write.attempt == answer->attempt;
        });
        if (at == writes_.end()) return;
        SinkWait& sink = sinks_[at->sink.index];
        sink.failed = answer->outcome != SinkOutcome::delivered;
        sink.outcome = answer->outcome;
        sink.attempt = at->attempt;
        sink.failed_at = now;
        writes_.erase(at);
    } else if (const auto* synced = std::get_if<SinkSynced>(&event)) {
        sinks_[synced->sink.index].syncing = false;
    } else if (const auto* batch = std::get_if<BatchPulled>(&event)) {
        closed_pull(batch->source);
    } else if (const auto* idle = std::get_if<SourceIdle>(&event)) {
        closed_pull(idle->source);
        sources_[idle->source.index].idle = true;
    } else if (const auto* failed = std::get_if<SourceFailed>(&event)) {
        closed_pull(failed->source);
        sources_[failed->source.index].failed = true;
    } else if (const auto* ended = std::get_if<SourceEnded>(&event)) {
        closed_pull(ended->source);
        sources_[ended->source.index].ended = true;
    } else if (std::holds_alternative<SliceTransformed>(event)) {
        if (transforms_ > 0) --transforms_;
        transform_since_ = now;
    } else if (const auto* stored = std::get_if<DeadLettersStored>(&event)) {
        dead_ = {false, stored->outcome != StoreOutcome::ok, now};
    } else if (const auto* written = std::get_if<CheckpointWritten>(&event)) {
        checkpoint_ = {false, written->outcome != StoreOutcome::ok, now};
    } else if (const auto* kept = std::get_if<CheckpointSynced>(&event)) {
        checkpoint_ = {false, kept->outcome != StoreOutcome::ok, now};
    }
}

const Pending::Write* Pending::oldest(SinkId sink) const {
    const Write* out = nullptr;
    for (const Write& write : writes_)
        if (write.sink == sink && (!out || write.since < out->since)) out = &write;
    return out;
}

Instant Pending::since(SinkId sink) const {
    if (const Write* write = oldest(sink)) return write->since;
    const SinkWait& wait = sinks_[sink.index];
    return wait.failed ? wait.failed_at : wait.syncing ? wait.sync_since : never;
}

std::string Pending::of(SinkId sink, Instant now) const {
    if (const Write* write = oldest(sink))
        return fmt::format("the answer to a write{} (attempt {})", for_so_long(write->since, now),
                           write->attempt);
    const SinkWait& wait = sinks_[sink.index];
    if (wait.failed)
        return fmt::format("its next try{} (attempt {}: {})", for_so_long(wait.failed_at, now),
                           wait.attempt, name_of(wait.outcome));
    return wait.syncing ? "its sync" + for_so_long(wait.sync_since, now) : std::string();
}

std::string Pending::of(SourceId source, Instant now) const {
    const SourceWait& wait = sources_[source.index];
    if (wait.pulls > 0) return "something to read" + for_so_long(wait.since, now);
    return wait.ended    ? "nothing: it has ended"
           : wait.failed ? "its next try"
           : wait.idle   ? "something new to read"
                         : "room: all is in memory that may be";
}

std::string Pending::of_transforms(Instant now) const {
    return transforms_ > 0 ? "the transforms" + for_so_long(transform_since_, now) : std::string();
}

std::string Pending::of_dead_letters(Instant now) const {
    if (dead_.open) return "dead letters to be stored" + for_so_long(dead_.since, now);
    return dead_.failed ? "the next try to store dead letters" + for_so_long(dead_.since, now)
                        : std::string();
}

std::string Pending::of_checkpoint(Instant now) const {
    if (checkpoint_.open) return "the checkpoint" + for_so_long(checkpoint_.since, now);
    return checkpoint_.failed
               ? "the next try of the checkpoint" + for_so_long(checkpoint_.since, now)
               : std::string();
}

}  // namespace holdfast::io
