// Which record of the loaded checkpoint a file is of, if any. See file_identity.hpp.
//
// Rule 1: a record is a file's if inode, birth (where both are known), head and what stands before
//         the position are the same. The device may be another one, if birth or seal say that the
//         file is the same and the record's own place does not lead to its own file.
// Rule 2: what fits in inode and birth but not in its bytes was truncated or written anew: it is read
//         from its beginning, and its record is forgotten.
// Rule 3: a record that fits nothing is carried on: its file may come back.
#include <algorithm>
#include <array>
#include <tuple>

#include "core/base/mutant.hpp"
#include "io/sources/file/file_source.hpp"
#include "io/sources/file/rotated_names.hpp"

namespace holdfast::io {
namespace {

/// Which of two records that a file begins like is newer.
std::pair<std::uint32_t, std::uint32_t> rank(const FileKey& key) {
    return {key.generation, key.identity.length};
}

/// How long the file was when this was written, at least.
std::int64_t length_at_least(const CheckpointPartition& record) {
    std::int64_t length = record.position;
    for (const CheckpointLead& lead : record.leads) length = std::max(length, lead.position);
    return length;
}

/// Does this record tell enough to know its file on another device? Where nothing was read of a file
/// its head is enough in its own folder. (In another one a file that begins likewise and has this inode
/// there would take it, and its own file would be old, and not read.)
bool travels(const FileKey& key, const CheckpointPartition& record, const FileKey& found) {
    if (key.identity.born_with(found.identity) || key.seal.before.length > 0) return true;
    return key.identity.length > 0 && length_at_least(record) == 0 &&
           (directory_of(key.path) == directory_of(found.path) || mutant(386));
}

}  // namespace

/// Finds the file in the loaded checkpoint. Of several records the one with the same birth, then one
/// that knows some of its bytes, then with the same path, on the same device, of the newest
/// generation counts. (Of an empty file only numbers are known, and devices change theirs: another
/// one may have this number now, and have had a file of this inode that begins likewise.)
Task<FileSource::Known> FileSource::resume_from_record(TailedFile& file,
                                                       std::span<const std::byte> head) {
    const auto [begin, end] = loaded_.equal_range(file.key.identity.inode);
    const auto merit = [&file](const FileKey& key) {
        const bool has_bytes = key.identity.length > 0 || key.seal.before.length > 0;
        return std::tuple(key.identity.born_with(file.key.identity), has_bytes,
                          key.path == file.key.path, key.identity.device == file.device, rank(key));
    };
    Loaded* best = nullptr;
    Loaded* rewritten = nullptr;
    std::uint32_t newest = 0;
    for (auto it = begin; it != end; ++it) {
        Loaded& loaded = it->second;
        newest = std::max(newest, loaded.key.generation);
        if (loaded.used || (best != nullptr && merit(best->key) > merit(loaded.key))) continue;
        const Known known = co_await is_recorded(file, head, loaded);
        if (known == Known::unreadable) co_return known;
        if (known == Known::as_recorded) best = &loaded;
        if (known == Known::rewritten) rewritten = &loaded;
    }
    file.key.generation = newest + 1;
    for (auto it = begin; it != end; ++it) {
        Loaded& loaded = it->second;
        if (&loaded == best || loaded.used) continue;
        // Lives of this inode that are over. With another birth, it may be a file of a device that
        // had this number before.
        const FileIdentity& was = loaded.key.identity;
        const std::uint64_t device = best != nullptr ? best->key.identity.device : file.device;
        const bool same_place =
            was.born_with(file.key.identity) || loaded.key.path == file.key.path;
        const bool is_over = was.device == device && same_place;
        if (!is_over && (best != nullptr || &loaded != rewritten)) continue;
        file.superseded.push_back(loaded.record.key);
        loaded.used = true;
        loaded.file = &file;
    }
    if (best != nullptr) {
        resume(file, *best);
        co_return Known::as_recorded;
    }
    if (rewritten == nullptr) co_return Known::no;
    // The same file for sure, emptied: it has had its name for as long.
    const FileKey& was = rewritten->key;
    const bool is_same = was.path == file.key.path && was.identity.born_with(file.key.identity);
    if (is_same) file.key.seen_ns = was.seen_ns;
    say_rewritten(file, rewritten->record.position);
    co_return Known::rewritten;
}

/// Is this record the file's? `rewritten`: it is of the same file with other bytes.
Task<FileSource::Known> FileSource::is_recorded(TailedFile& file, std::span<const std::byte> head,
                                                const Loaded& loaded) {
    const FileKey& key = loaded.key;
    const bool same_device = key.identity.device == file.device;
    if (mutant(36) && same_device) co_return Known::as_recorded;
    if (!key.identity.may_be_born_with(file.key.identity)) {
        co_return same_device&& key.path == file.key.path ? Known::rewritten : Known::no;
    }
    if (!same_device) {
        if (!travels(key, loaded.record, file.key) || mutant(130)) co_return Known::no;
        const bool elsewhere = co_await is_elsewhere(file, loaded);
        if (elsewhere) co_return Known::no;
    }
    const bool same_birth = key.identity.born_with(file.key.identity);
    const bool same_path = key.path == file.key.path;
    const bool same = same_device ? same_birth || same_path : same_birth && same_path;
    const Known other = same ? Known::rewritten : Known::no;
    if (!key.identity.begins(head) || file.size < length_at_least(loaded.record)) co_return other;
    const Fingerprint& before = key.seal.before;
    if (before.length == 0 || mutant(132)) co_return Known::as_recorded;
    std::array<std::byte, Ending::ending_max> bytes;
    const auto there = std::span<std::byte>(bytes).first(before.length);
    const std::int64_t got = co_await fill_or_fail(file, there, key.seal.position - before.length);
    if (got < 0) co_return Known::unreadable;
    const bool is_there = Fingerprint::of(there.first(static_cast<std::size_t>(got))) == before;
    co_return is_there ? Known::as_recorded : other;
}

/// Is the record's own file where it was, on the device that it was on? (Another device may be called
/// so by now; there the inode is another file's, which its birth tells.)
Task<bool> FileSource::is_elsewhere(const TailedFile& file, const Loaded& loaded) {
    const FileIdentity& record = loaded.key.identity;
    const Inode own{record.device, record.inode};
    // Who is open there was asked, and is another one: else the record would be used.
    if (files_.contains(own)) co_return false;
    if (loaded.key.path == file.key.path) co_return false;
    FileStat st;
    const auto result = co_await stat(ring_, loaded.key.path.c_str(), st);
    const FileIdentity found{.device = st.device, .inode = st.inode, .born_ns = st.born_ns};
    co_return result >= 0 && Inode{st.device, st.inode} == own&& found.may_be_born_with(record);
}

void FileSource::resume(TailedFile& file, Loaded& loaded) {
    loaded.used = true;
    loaded.file = &file;
    file.key.generation = loaded.key.generation;
    file.key.oversized_at = loaded.key.oversized_at;
    if (loaded.key.path == file.key.path) file.key.seen_ns = loaded.key.seen_ns;
    // Names of records are made of it: it stays, whatever the device is called now.
    file.key.identity.device = loaded.key.identity.device;
    file.key.seal = loaded.key.seal;
    file.position = loaded.record.position;
    file.loaded_key = loaded.record.key;
    if (file.key.seal.position == file.position) file.ending.begin_with(file.key.seal.before);
    take_leads(file, loaded.record);
}

void FileSource::say_rewritten(const TailedFile& file, std::int64_t position) const {
    LogLine line(
        "file was truncated or rewritten since the last run; reading it from its "
        "beginning, what was not read before is lost");
    line.with("source", config_.name).with("path", file.key.path).with("size", file.size);
    if (position >= 0) line.with("checkpoint", position);
    log(Level::warn, line);
}

void FileSource::take_leads(TailedFile& file, const CheckpointPartition& record) {
    for (const CheckpointLead& lead : record.leads) {
        const auto sink = config_.sinks.find(lead.sink);
        if (sink == config_.sinks.end() || lead.position <= record.position) continue;
        file.leads.push_back({sink->second, lead.position});
    }
    std::sort(file.leads.begin(), file.leads.end(),
              [](const FileLead& a, const FileLead& b) { return a.position < b.position; });
}

}  // namespace holdfast::io
