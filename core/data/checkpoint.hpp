// The checkpoint: what a restart knows, as a value, and its format on disk.
//
// Rule 1: encode(decode(x)) == x for valid x of the newest version; decode accepts nothing that
//         encode would not write, or has written in an older version (of which docs/formats.md
//         tells the difference).
// Rule 2: the checksum covers every byte, the sequence number included.
// Rule 3: a valid checkpoint has no negative position and no negative mark.
// Bound: decode allocates at most a small multiple of the bytes that it is given.
// The format is described in docs/formats.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast {

/// A sink that is ahead of a partition's watermark (see StageLead).
struct CheckpointLead {
    std::string sink;  ///< By name: an index would change its meaning with the config.
    std::int64_t position = 0;
    bool operator==(const CheckpointLead&) const = default;
};

struct CheckpointPartition {
    std::string source;  ///< The source's name.
    std::string key;     ///< What the partition is, in bytes that only its source understands.
    std::int64_t position = 0;
    std::vector<CheckpointLead> leads;
    bool operator==(const CheckpointPartition&) const = default;
};

/// What a sink's file is known by, whatever device it stands on.
struct CheckpointFile {
    std::uint64_t inode = 0;          ///< 0: nothing is known of it.
    std::int64_t born_ns = 0;         ///< 0: its file system doesn't tell.
    std::uint32_t before_length = 0;  ///< How many bytes before the mark are hashed; 0: none.
    std::uint64_t before_hash = 0;
    bool clean = false;  ///< When it was written, nothing of ours stood beyond the mark.
    bool operator==(const CheckpointFile&) const = default;
};

constexpr std::uint32_t bytes_before_mark_max = 256;

struct CheckpointSink {
    std::string sink;
    std::int64_t mark = 0;
    CheckpointFile file = {};
    bool operator==(const CheckpointSink&) const = default;
};

struct Checkpoint {
    std::uint64_t sequence = 0;
    std::string pipeline;  ///< Identity of the pipeline that it is valid for.
    std::vector<CheckpointPartition> partitions;
    std::vector<CheckpointSink> sinks;
    bool operator==(const Checkpoint&) const = default;
};

enum class CheckpointFault : std::uint8_t {
    empty,  ///< No byte at all: never written.
    truncated,
    checksum,
    version,    ///< Written by a newer program.
    malformed,  ///< Checksum right, contents impossible.
};

/// A checkpoint's bytes, piece by piece, for who does not have it as one value: with many partitions
/// that would be large. All calls in the order in which they stand here; each list has as many
/// entries as its count said. Lives: `out` as long as this, and nobody else appends to it.
class CheckpointEncoder {
public:
    CheckpointEncoder(std::vector<std::byte>& out, std::uint64_t sequence,
                      std::string_view pipeline, std::size_t partitions);
    void partition(std::string_view source, std::string_view key, std::int64_t position,
                   std::size_t leads);
    void lead(std::string_view sink, std::int64_t position);
    void sinks(std::size_t count);
    void sink(std::string_view name, std::int64_t mark, const CheckpointFile& file);
    void finish();

private:
    void text(std::string_view s);
    void count(std::size_t n);
    void position(std::int64_t value);

    std::vector<std::byte>& out_;
    std::size_t begin_;
};

/// Appends the encoded checkpoint to `out`.
void encode(const Checkpoint& checkpoint, std::vector<std::byte>& out);
std::expected<Checkpoint, CheckpointFault> decode(std::span<const std::byte> bytes);

/// CRC32C (Castagnoli), as in RFC 3720 appendix B.4. `seed` continues an earlier result.
std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t seed = 0);
/// The same without the processor's help: what crc32c does where there is no instruction for it.
std::uint32_t crc32c_by_tables(std::span<const std::byte> bytes, std::uint32_t seed = 0);

}  // namespace holdfast
