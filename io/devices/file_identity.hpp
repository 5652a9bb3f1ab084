// What makes a file the same file, whatever it is called: device, inode, and how it begins.
//
// Rule 1: the fingerprint covers the first `length` bytes, at most 256, as many as there were. A
//         file that has grown since is compared over the recorded length only.
// Rule 2: a generation is one life of an inode between truncations; it tells apart what device,
//         inode and fingerprint cannot.
// The key under which the checkpoint knows a file is text: "1:DEV:INO:GEN:LEN:HASH:PATH", or with
// oversized_at "2:DEV:INO:GEN:LEN:HASH:AT:PATH", numbers in hexadecimal; the path is for people.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace holdfast::io {

inline constexpr std::size_t fingerprint_max = 256;

/// Of some bytes: how many, and their hash.
struct Fingerprint {
    std::uint32_t length = 0;
    std::uint64_t hash = 0;
    static Fingerprint of(std::span<const std::byte> bytes);
    bool operator==(const Fingerprint&) const = default;
};

struct FileIdentity {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint32_t length = 0;  ///< Bytes under the fingerprint.
    std::uint64_t hash = 0;
    bool operator==(const FileIdentity&) const = default;

    /// Does a file that begins with `head` begin as this one did?
    bool begins(std::span<const std::byte> head) const;
    /// Takes the fingerprint over all of `head`. Requires head.size() <= fingerprint_max.
    void take_fingerprint(std::span<const std::byte> head);
};

struct FileKey {
    FileIdentity identity;
    std::uint32_t generation = 1;
    /// Where the newest oversized line began of which some, but not its end, was given away; -1:
    /// nowhere. A restart behind it then knows what it is in the midst of. (Streams without lines:
    /// the clean place before the oldest record in pieces that is not committed.)
    std::int64_t oversized_at = -1;
    std::string path;
    bool operator==(const FileKey&) const = default;
};

std::string encode_key(const FileKey& key);
/// Nothing if `text` is not what encode_key writes.
std::optional<FileKey> decode_key(std::string_view text);

}  // namespace holdfast::io
