// Compressed files: refused, or read as the text that is in them (plain_files.hpp).
//
// Rule 1: a file is told by its first bytes, when it is found or when its first bytes come.
// Rule 2: one that is refused, and one that was unpacked to its end, is set aside: it is not looked
//         at again before its size or time change.
// Rule 3: text that was read under its plain name is not read again: a compressed file that begins as
//         a known one, and has the bytes that stood before its position there, goes on from that
//         position. Most often that is its end.
#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"
#include "io/sources/file/file_source.hpp"

namespace holdfast::io {

/// What it is, if it may not be read as it stands.
Archive FileSource::packed_as(const TailedFile& file, std::span<const std::byte> head) const {
    if (config_.decompress == Decompress::as_is || plain_.is_packed(file.fd)) return Archive::none;
    return mutant(159) ? Archive::none : archive_of(head);
}

bool FileSource::is_set_aside(const FileStat& st) {
    const auto known = aside_.find({st.device, st.inode});
    if (known == aside_.end()) return false;
    if (known->second.size == st.size && known->second.modified_ns == st.modified_ns) return true;
    aside_.erase(known);
    return false;
}

void FileSource::set_aside(const FileStat& st) {
    if (aside_.size() >= aside_kept) aside_.erase(aside_.begin());
    aside_[{st.device, st.inode}] = {st.size, st.modified_ns};
}

void FileSource::say_refused(const std::string& path, Archive archive) {
    ++left_.compressed;
    const bool may = config_.decompress != Decompress::automatic && is_unpacked(archive);
    log(refused_, Level::warn,
        LogLine(
            may ? "compressed file is not read; decompress = \"auto\" reads it, exclude keeps it "
                  "out"
                : "compressed file is not read: only gzip and zstd can be; exclude keeps it out")
            .with("source", config_.name)
            .with("path", path)
            .with("format", name_of(archive)));
}

/// Requires: it was just opened, and nobody knows it.
Task<> FileSource::refuse(std::unique_ptr<TailedFile> file, Archive archive) {
    const std::string path = file->key.path;
    unreadable_.erase(path);
    say_refused(path, archive);
    set_aside({.device = file->device,
               .inode = file->key.identity.inode,
               .size = file->size,
               .modified_ns = file->modified_ns});
    co_await let_go(file->fd);
}

/// Its first bytes came after it was found. It is let go at the next poll, and then, if it can be
/// unpacked, opened as what it is.
void FileSource::turn_away(TailedFile& file, Archive archive) {
    const bool opens_anew = config_.decompress == Decompress::automatic && is_unpacked(archive);
    if (!opens_anew) say_refused(file.key.path, archive);
    file.away = opens_anew ? Away::opens_anew : Away::refused;
    if (opens_anew) ++opening_anew_;
    finish(file);
    schedule(file, ring_.now());
}

/// All of a compressed file was read: nothing will be added to it.
Task<> FileSource::end_packed(TailedFile& file) {
    const FileStat raw = plain_.raw(file.fd);
    finish(file);
    set_aside(raw);
    co_await let_go(std::exchange(file.fd, -1));
    if (config_.end == EndAt::eof) co_return;
    file.away = Away::read;
    schedule(file, ring_.now());
}

/// It leaves the files that are known; what the checkpoint knows of it stays.
Task<> FileSource::send_away(TailedFile& file) {
    HF_ASSERT(file.finished && !file.busy);
    const Away away = file.away;
    const std::string path = file.key.path;
    const int fd = std::exchange(file.fd, -1);
    if (away == Away::refused) {
        FileStat st;
        const auto seen = co_await stat(ring_, fd, st);
        if (seen >= 0) set_aside(st);
    }
    // More may be put behind it, as gzip >> does.
    if (away == Away::read) remember_text(file);
    if (file.assigned) {
        std::erase(spent_, &file);
        revoke(file, true);
    }
    let_others(file);
    if (file.before != nullptr) std::erase(file.before->after, &file);
    if (starving_ == &file) starving_ = nullptr;
    if (file.queued) std::erase(ready_, &file);
    if (file.poll_at != never) polls_.erase(poll_of(file));
    const auto named = paths_.find(file.key.path);
    if (named != paths_.end() && named->second == &file) paths_.erase(named);
    files_.erase(inode_of(file));
    if (fd >= 0) co_await let_go(fd);
    if (away != Away::opens_anew) co_return;
    co_await discover(path, First::later);
    --opening_anew_;
}

/// Does the compressed file have what was read before a position of another one?
Task<bool> FileSource::has_tail(TailedFile& file, std::int64_t position, Fingerprint tail) {
    if (tail.length == 0 || position < static_cast<std::int64_t>(tail.length)) co_return false;
    std::array<std::byte, Ending::ending_max> bytes;
    const auto there = std::span<std::byte>(bytes).first(tail.length);
    const std::int64_t got = co_await fill_or_fail(file, there, position - tail.length);
    if (got != static_cast<std::int64_t>(tail.length)) co_return false;
    co_return Fingerprint::of(there) == tail;
}

/// Whether it goes on from a file that is open, of which something that was read is not settled yet.
/// Its own record would say that it is: if we died then, and the other file is gone, it would be lost.
Task<bool> FileSource::holds_what_is_owed(TailedFile& file, std::span<const std::byte> head) {
    std::vector<std::pair<std::int64_t, Fingerprint>> owed;
    for (const auto& [inode, other] : files_) {
        if (!other->assigned || other->key.identity.length == 0) continue;
        if (!other->key.identity.begins(head)) continue;
        const Position settled =
            checkpoints_.staged(other->assigned->partition, other->assigned->epoch);
        if (settled.value < other->position)
            owed.emplace_back(other->position, other->ending.fingerprint());
    }
    for (const auto& [position, tail] : owed) {
        const bool same = co_await has_tail(file, position, tail);
        if (same) co_return true;
    }
    co_return false;
}

/// The size of a compressed file is what is known of it: it is unpacked as far as a record reaches.
Task<> FileSource::know_size(TailedFile& file) {
    std::int64_t most = 1;
    const auto [begin, end] = loaded_.equal_range(file.key.identity.inode);
    for (auto it = begin; it != end; ++it) {
        const CheckpointPartition& record = it->second.record;
        most = std::max(most, record.position);
        for (const CheckpointLead& lead : record.leads) most = std::max(most, lead.position);
    }
    std::byte last{};
    co_await fill(file, std::span(&last, 1), most - 1);
    FileStat st;
    const auto seen = co_await stat(ring_, file.fd, st);
    if (seen >= 0) file.size = st.size;
}

/// Rule 3. Requires: no record of its own was found.
Task<> FileSource::go_on_from_plain(TailedFile& file, std::span<const std::byte> head) {
    struct Candidate {
        std::int64_t position;
        Fingerprint tail;
        const CheckpointPartition* record = nullptr;
    };
    std::vector<Candidate> known;
    for (const auto& [inode, other] : files_) {
        const bool is_other = other.get() != &file && other->key.identity.length > 0;
        if (is_other && other->key.identity.begins(head))
            known.push_back({other->position, other->ending.fingerprint()});
    }
    for (const ReadText& text : texts_) {
        if (text.identity.length > 0 && text.identity.begins(head))
            known.push_back({text.position, text.tail});
    }
    // Of the last process, whose files are not found, or not yet: these keep their records.
    for (const auto& [inode, loaded] : loaded_) {
        const FileKey& key = loaded.key;
        if (loaded.used || key.identity.length == 0 || !key.identity.begins(head)) continue;
        known.push_back({key.seal.position, key.seal.before, &loaded.record});
    }
    for (const Candidate& text : known) {
        const std::int64_t position =
            text.record != nullptr ? text.record->position : text.position;
        if (position <= file.position) continue;
        const bool same = co_await has_tail(file, text.position, text.tail);
        if (!same) continue;
        file.position = position;
        file.leads.clear();
        if (text.record != nullptr) take_leads(file, *text.record);
    }
    if (file.position == 0) co_return;
    FileStat st;
    const auto seen = co_await stat(ring_, file.fd, st);
    if (seen >= 0) file.size = std::max(st.size, file.position);
    log(found_, Level::info,
        LogLine("compressed file holds what was read already; reading on from there")
            .with("source", config_.name)
            .with("path", file.key.path)
            .with("position", file.position));
}

/// Of a file that is gone, for when it comes back compressed.
void FileSource::remember_text(const TailedFile& file) {
    if (config_.decompress != Decompress::automatic || file.ending.fingerprint().length == 0)
        return;
    if (texts_.size() >= texts_kept) texts_.pop_front();
    texts_.push_back({file.key.identity, file.position, file.ending.fingerprint()});
}

}  // namespace holdfast::io
