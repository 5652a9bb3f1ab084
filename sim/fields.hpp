// The fields of every event and effect, by name: for the trace's hash and its text.
//
// Rule 1: raw bytes are never hashed: padding is not a fact.
#pragma once

#include <cstdint>

#include "core/model/effect.hpp"
#include "core/model/event.hpp"

namespace holdfast::sim {

// clang-format off
template <class V> void fields(const PartitionAssigned& e, V& v) { v("source", e.source.index); v("partition", e.partition.index); v("epoch", e.epoch.value); v("position", e.position.value); }
template <class V> void fields(const PartitionLead& e, V& v) { v("partition", e.partition.index); v("epoch", e.epoch.value); v("sink", e.sink.index); v("position", e.position.value); }
template <class V> void fields(const PartitionRevoked& e, V& v) { v("partition", e.partition.index); v("epoch", e.epoch.value); v("kind", static_cast<int>(e.kind)); v("deadline", e.deadline.ns); }
template <class V> void fields(const BatchPulled& e, V& v) { v("batch", e.batch.index); v("generation", e.batch.generation); v("source", e.source.index); v("fate", static_cast<int>(e.fate)); v("partition", e.partition.index); v("epoch", e.epoch.value); v("records", e.records); v("bytes", e.bytes); v("held", e.held); v("first", e.first.value); v("next", e.next.value); }
template <class V> void fields(const SourceIdle& e, V& v) { v("batch", e.batch.index); v("generation", e.batch.generation); v("source", e.source.index); v("retry_after", e.retry_after.ns); }
template <class V> void fields(const SourceEnded& e, V& v) { v("batch", e.batch.index); v("generation", e.batch.generation); v("source", e.source.index); }
template <class V> void fields(const SourceFailed& e, V& v) { v("batch", e.batch.index); v("generation", e.batch.generation); v("source", e.source.index); v("outcome", static_cast<int>(e.outcome)); }
template <class V> void fields(const SourceReady& e, V& v) { v("source", e.source.index); }
template <class V> void fields(const SinkShare& e, V& v) { v("slice", e.slice.index); v("generation", e.slice.generation); v("sink", e.sink.index); v("outputs", e.outputs); v("bytes", e.bytes); }
template <class V> void fields(const SliceTransformed& e, V& v) { v("slice", e.slice.index); v("generation", e.slice.generation); v("fate", static_cast<int>(e.fate)); v("outputs", e.outputs); v("bytes", e.bytes); v("held", e.held); v("dead_letters", e.dead_letters); v("end", e.end); v("route", e.route); v("next", e.next.value); }
template <class V> void fields(const SinkToldRange& e, V& v) { v("delivery", e.delivery.index); v("generation", e.delivery.generation); v("attempt", e.attempt); v("begin", e.begin); v("end", e.end); v("outcome", static_cast<int>(e.outcome)); }
template <class V> void fields(const SinkAnswered& e, V& v) { v("delivery", e.delivery.index); v("generation", e.delivery.generation); v("attempt", e.attempt); v("outcome", static_cast<int>(e.outcome)); v("retry_after", e.retry_after.ns); v("mark", e.mark); }
template <class V> void fields(const SinkSynced& e, V& v) { v("sink", e.sink.index); v("sync", e.sync); v("outcome", static_cast<int>(e.outcome)); }
template <class V> void fields(const SinkBroken& e, V& v) { v("sink", e.sink.index); }
template <class V> void fields(const DeadLettersStored& e, V& v) { v("delivery", e.delivery.index); v("generation", e.delivery.generation); v("attempt", e.attempt); v("outcome", static_cast<int>(e.outcome)); }
template <class V> void fields(const CommitAnswered& e, V& v) { v("partition", e.partition.index); v("epoch", e.epoch.value); v("position", e.position.value); v("outcome", static_cast<int>(e.outcome)); }
template <class V> void fields(const CheckpointWritten& e, V& v) { v("sequence", e.sequence); v("outcome", static_cast<int>(e.outcome)); }
template <class V> void fields(const CheckpointSynced& e, V& v) { v("sequence", e.sequence); v("outcome", static_cast<int>(e.outcome)); }
template <class V> void fields(const PressureSampled& e, V& v) { v("permille", e.permille); v("soft", e.soft_permille); }
template <class V> void fields(const Stop& e, V& v) { v("mode", static_cast<int>(e.mode)); v("deadline", e.deadline.ns); }
template <class V> void fields(const Tick&, V&) {}

template <class V> void fields(const Pull& e, V& v) { v("batch", e.batch.index); v("generation", e.batch.generation); v("source", e.source.index); v("max_records", e.max_records); v("max_bytes", e.max_bytes); }
template <class V> void fields(const Transform& e, V& v) { v("batch", e.batch.index); v("generation", e.batch.generation); v("slice", e.slice.index); v("slice_generation", e.slice.generation); v("begin", e.begin); v("end", e.end); v("bytes_max", e.bytes_max); }
template <class V> void fields(const ReleaseBatch& e, V& v) { v("batch", e.batch.index); v("generation", e.batch.generation); }
template <class V> void fields(const WriteToSink& e, V& v) { v("delivery", e.delivery.index); v("generation", e.delivery.generation); v("sink", e.sink.index); v("attempt", e.attempt); v("deadline", e.deadline.ns); v("parts", e.parts.count); v("records", e.records); v("bytes", e.bytes); }
template <class V> void fields(const CancelWrite& e, V& v) { v("delivery", e.delivery.index); v("generation", e.delivery.generation); v("sink", e.sink.index); v("attempt", e.attempt); }
template <class V> void fields(const SyncSink& e, V& v) { v("sink", e.sink.index); v("sync", e.sync); }
template <class V> void fields(const WriteDeadLetters& e, V& v) { v("delivery", e.delivery.index); v("generation", e.delivery.generation); v("attempt", e.attempt); v("parts", e.parts.count); v("records", e.records); }
template <class V> void fields(const StageSink& e, V& v) { v("sink", e.sink.index); v("mark", e.mark); }
template <class V> void fields(const StagePosition& e, V& v) { v("partition", e.partition.index); v("epoch", e.epoch.value); v("position", e.position.value); }
template <class V> void fields(const StageLead& e, V& v) { v("partition", e.partition.index); v("epoch", e.epoch.value); v("sink", e.sink.index); v("position", e.position.value); }
template <class V> void fields(const WriteCheckpoint& e, V& v) { v("sequence", e.sequence); }
template <class V> void fields(const SyncCheckpoint& e, V& v) { v("sequence", e.sequence); }
template <class V> void fields(const CommitPosition& e, V& v) { v("source", e.source.index); v("partition", e.partition.index); v("epoch", e.epoch.value); v("position", e.position.value); }
template <class V> void fields(const RevokeDone& e, V& v) { v("source", e.source.index); v("partition", e.partition.index); v("epoch", e.epoch.value); }
template <class V> void fields(const SetGate& e, V& v) { v("source", e.source.index); v("held", static_cast<int>(e.held)); v("partition", e.partition.index); }
template <class V> void fields(const Halt& e, V& v) { v("reason", static_cast<int>(e.reason)); v("sink", e.sink.index); v("source", e.source.index); }
template <class V> void fields(const RunTicker& e, V& v) { v("tick", e.tick); }
template <class V> void fields(const Part& e, V& v) { v("batch", e.batch.index); v("generation", e.batch.generation); v("begin", e.begin); v("end", e.end); v("attempts", e.attempts); v("sink", e.sink.index); v("reason", static_cast<int>(e.reason)); }
// clang-format on

}  // namespace holdfast::sim
