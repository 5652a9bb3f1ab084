// One file that the file source reads: an open descriptor, where it stands, and what it waits for.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.hpp"
#include "core/codec/stream_cut.hpp"
#include "core/model/ids.hpp"
#include "io/devices/file_identity.hpp"
#include "io/devices/partition_slots.hpp"
#include "io/sources/file/trouble.hpp"

namespace holdfast::io {

/// A sink that already has everything below `position` (see PartitionLead).
struct FileLead {
    SinkId sink;
    std::int64_t position = 0;
};

/// Why a finished file is not to be known any more.
enum class Away : std::uint8_t {
    no,
    refused,     ///< It is compressed.
    opens_anew,  ///< The same, and is to be read unpacked.
    read,        ///< It was unpacked to its end.
};

struct TailedFile {
    FileKey key;  ///< Identity, generation and the last known path; its seal as it was loaded.
    std::uint64_t device = 0;  ///< As it is now; key has that of when it was first seen.
    int fd = -1;

    // Where it stands. position <= position + partial <= size, except when it was truncated.
    std::int64_t position = 0;  ///< Where the next batch begins.
    std::int64_t partial = 0;   ///< Bytes from there that are known to be no whole record yet.
    std::int64_t size = 0;      ///< As last seen.
    std::int64_t modified_ns = 0;
    bool mid_line = false;                      ///< The next bytes go on with an oversized line.
    std::unique_ptr<codec::StreamPlace> place;  ///< At position; null: the records are lines.
    bool resumes = false;                       ///< `place` is a clean one before position.
    std::int64_t pieces_end = 0;  ///< Where the last piece of an oversized record ended (streams).
    Ending ending;                ///< The bytes just before position, as far as we know them.
    std::vector<FileLead> leads;  ///< Above position, ascending.

    // What the engine and the checkpoint know of it.
    std::optional<Assignment> assigned;
    std::uint32_t bound_length = 0;       ///< The fingerprint's length in the bound key.
    std::string loaded_key;               ///< Its record in the loaded checkpoint, until assigned.
    std::vector<std::string> superseded;  ///< Records of earlier generations, to be forgotten.

    // Order: a file that took another's place is read after it.
    TailedFile* before = nullptr;    ///< Has unread bytes that come first.
    std::vector<TailedFile*> after;  ///< Those that wait for this one.

    // What goes on.
    std::string parked_at;   ///< Where it stands now, while its descriptor is closed; else "".
    bool missed = false;     ///< It was not found at the last look for where it stands.
    bool linked = true;      ///< `key.path` leads to it and matches the patterns.
    bool busy = false;       ///< A coroutine has it; nobody else may change where it stands.
    bool queued = false;     ///< Stands in the queue of files with something to read.
    bool slotless = false;   ///< Waits for a partition slot.
    bool finishing = false;  ///< It ends where it ends: a rest without newline is a record.
    bool finished = false;   ///< Nothing of it will ever be read again.
    Away away = Away::no;
    bool verify = false;             ///< It may have been written anew: look before the next read.
    std::uint32_t block_wanted = 0;  ///< A record needs a block of this size; 0: none does.
    std::uint32_t block_before =
        0;                ///< The last record needed one: the next most likely does, too.
    Instant gone_at{};    ///< Since when it is not linked, or when it last grew since.
    Instant active_at{};  ///< When it last grew.
    Instant verified_at{};
    std::uint64_t looks_before = 0;   ///< So many looks had ended when it was found as key.path.
    std::uint64_t number = 0;         ///< That many files were opened before and with it.
    Instant poll_at = never;          ///< Its place in the order of polls.
    std::optional<Instant> retry_at;  ///< Not read before, after a read error.
    Trouble trouble;                  ///< Reading it fails.
};

/// Is there anything that was not looked at yet?
inline bool has_more(const TailedFile& file) { return file.position + file.partial < file.size; }

}  // namespace holdfast::io
