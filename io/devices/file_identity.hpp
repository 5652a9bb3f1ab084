// What makes a file the same file, whatever it is called: inode, birth, how it begins, and what
// stands before the place that was read to.
//
// Rule 1: the fingerprint covers the first `length` bytes, at most 256, as many as there were. A
//         file that has grown since is compared over the recorded length only.
// Rule 2: a generation is one life of an inode between truncations; it tells apart what device,
//         inode and fingerprint cannot.
// Rule 3: the device is that of when the file was first seen. It may change (a reboot, a mount), so
//         it decides only between files that are alike in all else.
// Rule 4: the seal of a position covers bytes just before it: what was delivered last. It is made
//         with each batch, and the checkpoint keeps that of the highest position delivered.
// The key under which the checkpoint knows a file is text, numbers in hexadecimal, the path is for
// people: "4:DEV:INO:BORN:GEN:LEN:HASH:AT:SEEN:PATH", AT being oversized_at + 1; before it stands the
// seal, if there is one: "s:POSITION:LEN:HASH:". Also read: "3:", without SEEN, and without birth and
// seal "1:DEV:INO:GEN:LEN:HASH:PATH" and "2:DEV:INO:GEN:LEN:HASH:AT:PATH".
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
    /// That of these bytes and those behind them.
    void extend(std::span<const std::byte> bytes);
    bool operator==(const Fingerprint&) const = default;
};

/// What stands just before a position that moves: at least 256 bytes, where there were so many, and
/// at most ending_max.
class Ending {
public:
    static constexpr std::size_t ending_max = 2048;
    void take(std::span<const std::byte> bytes);
    void begin_with(const Fingerprint& known) { *this = Ending{}, whole_ = known; }
    const Fingerprint& fingerprint() const { return whole_; }

private:
    Fingerprint whole_;
    Fingerprint young_;  ///< Of the newest bytes, once whole_ has many.
};

struct FileIdentity {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t born_ns = 0;  ///< 0: nobody knows.
    std::uint32_t length = 0;  ///< Bytes under the fingerprint.
    std::uint64_t hash = 0;
    bool operator==(const FileIdentity&) const = default;

    /// Does a file that begins with `head` begin as this one did?
    bool begins(std::span<const std::byte> head) const;
    /// Takes the fingerprint over all of `head`. Requires head.size() <= fingerprint_max.
    void take_fingerprint(std::span<const std::byte> head);
    /// Is one of the births unknown, or are they the same?
    bool may_be_born_with(const FileIdentity& other) const {
        return born_ns == 0 || other.born_ns == 0 || born_ns == other.born_ns;
    }
    bool born_with(const FileIdentity& other) const {
        return born_ns != 0 && born_ns == other.born_ns;
    }
};

struct FileSeal {
    std::int64_t position = 0;
    Fingerprint before;  ///< Of length 0: nothing is known.
    bool operator==(const FileSeal&) const = default;
};

struct FileKey {
    FileIdentity identity;
    std::uint32_t generation = 1;
    /// Where the newest oversized line began of which some, but not its end, was given away; -1:
    /// nowhere. A restart behind it then knows what it is in the midst of. (Streams without lines:
    /// the clean place before the oldest record in pieces that is not committed.)
    std::int64_t oversized_at = -1;
    /// The wall time of the look that found it under this path, or of when it was found between two
    /// looks; 0: nobody knows, long ago.
    std::int64_t seen_ns = 0;
    std::string path;
    FileSeal seal;  ///< As it was read; encode_key leaves it out.
    bool operator==(const FileKey&) const = default;
};

std::string encode_key(const FileKey& key);
/// What is put before a key; "" where nothing is known.
std::string encode_seal(const FileSeal& seal);
/// Nothing if `text` is not what these write, or wrote.
std::optional<FileKey> decode_key(std::string_view text);

}  // namespace holdfast::io
