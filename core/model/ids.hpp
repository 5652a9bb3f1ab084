// Names of things: small numbers with a type each, so that a sink can't be passed for a source.
//
// Handles (BatchId, DeliveryId) are index + generation and are reserved by the engine before the
// effect that carries them leaves. A stale one is recognised by its generation and changes nothing
// but a counter. Generation 0 is never given out: a zeroed handle names nothing.
#pragma once

#include <compare>
#include <cstdint>

namespace holdfast {

struct SourceId {
    std::uint16_t index = 0;
    constexpr auto operator<=>(const SourceId&) const = default;
};

/// A sink, counted from 0 in the order of the config. `dead_letters_sink` is the dead-letter queue.
struct SinkId {
    std::uint16_t index = 0;
    constexpr auto operator<=>(const SinkId&) const = default;
};
inline constexpr SinkId no_sink{0xffff};

/// A partition slot, chosen by whoever drives the engine, in [0, Config::partitions_max). A slot
/// may be used again once it was revoked; (partition, epoch) is what never repeats.
struct PartitionId {
    std::uint32_t index = 0;
    constexpr auto operator<=>(const PartitionId&) const = default;
};

/// One assignment of a partition. Grows with each assignment of the same slot; never 0.
struct Epoch {
    std::uint32_t value = 0;
    constexpr auto operator<=>(const Epoch&) const = default;
};

/// The place after a record in its partition ("next"), so gaps cannot cause an off-by-one.
/// For a file: the byte offset after the record's newline. Never negative in a valid event.
struct Position {
    std::int64_t value = 0;
    constexpr auto operator<=>(const Position&) const = default;
};

/// The records of one pull. Reserved by the Pull effect, so it also names the pull.
struct BatchId {
    std::uint32_t index = 0;
    std::uint32_t generation = 0;
    constexpr auto operator<=>(const BatchId&) const = default;
};

/// One write of records to one sink (or to the dead-letter queue), over all its attempts.
struct DeliveryId {
    std::uint32_t index = 0;
    std::uint32_t generation = 0;
    constexpr auto operator<=>(const DeliveryId&) const = default;
};

/// A set of sinks: bit i is sink i.
using SinkMask = std::uint64_t;
inline constexpr std::uint32_t sinks_limit = 64;
inline constexpr std::uint32_t sources_limit = 64;

constexpr SinkMask mask_of(SinkId sink) { return SinkMask{1} << sink.index; }

}  // namespace holdfast
