// The devices in production's own object code, each in a small world of its own: a simulated disk
// and ring with faults, kills and power losses, and a judge that reads the disk.
//
// Rule 1: a world is what its seed says, every time.
// Rule 2: it ends at the first breach, which names an invariant of docs/simulator.md.
// Rule 3: devices that are broken on purpose may trip nothing but a judge: no world waits for ever.
#pragma once

#include <cstdint>
#include <optional>

#include "io/sinks/file/file_sink.hpp"
#include "io/sources/file/file_source.hpp"
#include "sim/breach.hpp"

namespace holdfast::sim {

enum class Death : std::uint8_t { kill, power_loss };

/// Writers, rotations, truncations and crashes around a file source (I25; tail_world.hpp).
std::optional<Breach> run_tailer(std::uint64_t seed, io::Framing framing = io::Framing::lines);

/// Folders of files, some of which cannot be read or listed, and a source that ends (I50).
std::optional<Breach> run_reads(std::uint64_t seed);

/// Lines that are blank or begin with a mark, through nodes that parse and nodes that don't (I51).
std::optional<Breach> run_text(std::uint64_t seed);

/// A file sink and the checkpoint that knows its length (I9, I22, I23, I31).
/// Sized payloads: with exactly_once only.
std::optional<Breach> run_file_sink(std::uint64_t seed, io::FileSinkConfig::Delivery delivery,
                                    io::Framing framing = io::Framing::lines);

/// The dead-letter file (I9, I10).
std::optional<Breach> run_dead_letters(std::uint64_t seed, Death death);

/// The checkpoint store: lives that end anywhere, then rot and foreign state (I22, I23, I31).
/// `durable`, if not null: how many checkpoints were made durable.
std::optional<Breach> run_checkpoints(std::uint64_t seed, std::int64_t* durable = nullptr);

/// Tokens of an embedded source, through a filter and cuts (I80).
std::optional<Breach> run_tokens(std::uint64_t seed);

/// Graphs of transforms, whole and in part (I81, I82).
std::optional<Breach> run_graphs(std::uint64_t seed);

/// Keys, headers, timestamps, positions and payloads of any bytes, to sinks of each framing (I120 to
/// I123).
std::optional<Breach> run_records(std::uint64_t seed);

/// Keys of records, by value (I83).
std::optional<Breach> run_keys(std::uint64_t seed);

/// A store that dies after so many completions, in every image that a power loss may leave.
std::optional<Breach> run_checkpoint_images(std::uint64_t steps);

/// Steps that parse, and streams, after a large record (I90). No device, but a judge of its own.
std::optional<Breach> run_memory(std::uint64_t seed);

/// Programs of the jq machine over records in turn, beside what jq 1.8 gives (I95).
std::optional<Breach> run_programs(std::uint64_t seed);

/// A socket source of streams, one of datagrams (I101), a socket sink (I102).
std::optional<Breach> run_socket_source(std::uint64_t seed);
std::optional<Breach> run_datagrams(std::uint64_t seed);
std::optional<Breach> run_socket_sink(std::uint64_t seed);

/// An exec source and the runs of its command (I103).
std::optional<Breach> run_exec(std::uint64_t seed);

/// A pipeline that is drawn, tried as a user's own is (I110 to I117).
std::optional<Breach> run_trial(std::uint64_t seed);

/// Random members, written as lines, beside the objects that they are (I96).
std::optional<Breach> run_lines(std::uint64_t seed);

}  // namespace holdfast::sim
