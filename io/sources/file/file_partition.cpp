// What the engine and the checkpoint know of a file: its partition, its key, its generations.
#include <algorithm>
#include <array>
#include <utility>

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"
#include "core/data/framing.hpp"
#include "io/sources/file/file_source.hpp"

namespace holdfast::io {
namespace {

constexpr std::size_t look_back = 64 << 10;
// A file below this size is verified after each read.
constexpr std::int64_t always_verified = 1 << 20;
// No writer regrows a truncated file past our position faster than memory can be written.
constexpr std::int64_t bytes_per_ns_max = 32;

}  // namespace

bool FileSource::assign(TailedFile& file) {
    if (file.assigned) return true;
    const auto slot = slots_.take();
    if (!slot) {
        file.slotless = true;
        if (!slots_short_) {
            log(Level::warn, LogLine("more files than partition slots; some wait")
                                 .with("source", config_.name)
                                 .with("path", file.key.path));
        }
        slots_short_ = true;
        give_back_slots();
        return false;
    }
    file.assigned = slot;
    file.bound_length = file.key.identity.length;
    const std::string key = encode_key(file.key);
    // First under the old key, so that its record is taken over and not carried on beside ours.
    if (!file.loaded_key.empty() && file.loaded_key != key) {
        checkpoints_.bind(config_.id, slot->partition, slot->epoch, file.loaded_key);
    }
    checkpoints_.bind(config_.id, slot->partition, slot->epoch, key);
    if (file.loaded_key.empty() && config_.read_from == ReadFrom::end) {
        // Without a record a restart would begin at the end once more, and skip what came between.
        checkpoints_.stage(StagePosition{slot->partition, slot->epoch, {file.position}});
    }
    file.loaded_key.clear();
    if (file.key.seal.before.length > 0) {
        checkpoints_.seal(slot->partition, slot->epoch, {file.key.seal.position},
                          encode_seal(file.key.seal));
    }
    seal(file);
    // What was skipped since the last record is not known to anybody else.
    const std::int64_t position =
        file.place ? static_cast<std::int64_t>(file.place->begins_at()) : file.position;
    events_.push(PartitionAssigned{config_.id, slot->partition, slot->epoch, Position{position}});
    for (const FileLead& lead : file.leads) {
        events_.push(PartitionLead{slot->partition, slot->epoch, lead.sink, {lead.position}});
    }
    for (const std::string& old : file.superseded) forget(old);
    file.superseded.clear();
    return true;
}

/// A file that was found has a record from then on: it may be rotated out of the pattern, and we may
/// be gone, before anything of it is read. Without a free slot it has none yet: no look ends with it.
void FileSource::note(TailedFile& file) {
    if (file.assigned || !file.loaded_key.empty() || mutant(131)) return;
    const auto slot = slots_.take();
    if (!slot) {
        if (!mutant(385)) unnoted_.insert(inode_of(file));
        return;
    }
    file.loaded_key = encode_key(file.key);
    checkpoints_.bind(config_.id, slot->partition, slot->epoch, file.loaded_key);
    checkpoints_.stage(StagePosition{slot->partition, slot->epoch, {file.position}});
    for (const FileLead& lead : file.leads) {
        checkpoints_.stage(StageLead{slot->partition, slot->epoch, lead.sink, {lead.position}});
    }
    slots_.give_back(*slot);
}

/// The fingerprint has grown: the longer it is, the surer a restart is.
void FileSource::rebind(TailedFile& file, bool must) {
    const std::uint32_t length = file.key.identity.length;
    const bool much = length >= 2 * file.bound_length || length == fingerprint_max;
    if (!file.assigned || (!must && (length == file.bound_length || !much))) return;
    file.bound_length = length;
    checkpoints_.bind(config_.id, file.assigned->partition, file.assigned->epoch,
                      encode_key(file.key));
}

void FileSource::retire(TailedFile& file) {
    if (!file.assigned) {
        if (!file.loaded_key.empty()) file.superseded.push_back(file.loaded_key);
        file.loaded_key.clear();
        return;
    }
    revoke(file, false);
}

void FileSource::revoke(TailedFile& file, bool keeps_record) {
    const Assignment old = *file.assigned;
    file.assigned.reset();
    retiring_[old.partition.index] = {old, keeps_record};
    events_.push(PartitionRevoked{old.partition, old.epoch, RevokeKind::graceful, never});
}

/// Others need slots: those of finished files are free once what they brought is settled.
void FileSource::give_back_slots() {
    for (TailedFile* file : spent_) revoke(*file, true);
    spent_.clear();
}

/// Somebody gave a slot back; also another source, which doesn't know of us.
void FileSource::wake_slotless() {
    if (!slots_short_ || !slots_.available()) return;
    slots_short_ = false;
    for (auto& [inode, file] : files_) {
        if (!file->slotless) continue;
        file->slotless = false;
        make_ready(*file);
    }
}

void FileSource::revoke_done(const RevokeDone& done) {
    const auto it = retiring_.find(done.partition.index);
    if (it == retiring_.end() || it->second.assigned.epoch != done.epoch) return;
    if (!it->second.keeps_record) checkpoints_.unbind(done.partition, done.epoch);
    slots_.give_back(it->second.assigned);
    retiring_.erase(it);
    wake_slotless();
}

/// Takes a record out of the checkpoint. Without a free slot it stays, which does no harm.
void FileSource::forget(const std::string& key) {
    const auto slot = slots_.take();
    if (!slot) return;
    checkpoints_.bind(config_.id, slot->partition, slot->epoch, key);
    checkpoints_.unbind(slot->partition, slot->epoch);
    slots_.give_back(*slot);
}

/// Is it still the file that we began? False also after a read error (then retry_at is set).
Task<bool> FileSource::verified(TailedFile& file) {
    const Instant now = ring_.now();
    if (!file.verify && file.position >= always_verified &&
        (now - file.verified_at).ns < file.position / bytes_per_ns_max) {
        co_return true;
    }
    std::array<std::byte, fingerprint_max> head;
    const std::int64_t got = co_await fill_or_fail(file, head, 0);
    if (got < 0) {
        read_failed(file, got);
        co_return false;
    }
    const auto bytes = std::span<const std::byte>(head).first(static_cast<std::size_t>(got));
    if (!file.key.identity.begins(bytes)) co_return false;
    const bool same = co_await ends_as_read(file);
    if (!same) co_return false;
    file.verify = false;
    file.verified_at = now;
    if (bytes.size() > file.key.identity.length) {
        file.key.identity.take_fingerprint(bytes);
        rebind(file);
    }
    co_return true;
}

/// Does what we have read last still stand before our position? Many files begin alike: a header, a
/// first line that a program always writes. False also after a read error.
Task<bool> FileSource::ends_as_read(TailedFile& file) {
    const Fingerprint before = file.ending.fingerprint();
    if (before.length == 0) co_return true;
    std::array<std::byte, Ending::ending_max> bytes;
    const auto tail = std::span<std::byte>(bytes).first(before.length);
    const std::int64_t got = co_await fill_or_fail(file, tail, file.position - before.length);
    if (got < 0) {
        read_failed(file, got);
        co_return false;
    }
    co_return Fingerprint::of(tail.first(static_cast<std::size_t>(got))) == before;
}

/// The file was truncated or written anew. Requires: the caller has it busy.
Task<> FileSource::new_generation(TailedFile& file) {
    HF_ASSERT(file.busy);
    log(Level::warn, LogLine("file was truncated or rewritten; reading it from its beginning, "
                             "what was not read before is lost")
                         .with("source", config_.name)
                         .with("path", file.key.path)
                         .with("position", file.position)
                         .with("size", file.size));
    retire(file);
    ++file.key.generation;
    file.position = file.partial = 0;
    file.ending = {};
    file.key.seal = {};
    file.key.oversized_at = -1;
    file.pieces_end = 0;
    file.leads.clear();
    file.mid_line = file.finishing = file.verify = false;
    file.block_wanted = 0;
    file.key.identity.take_fingerprint({});
    begin_stream(file);
    FileStat st;
    const auto result = co_await stat(ring_, file.fd, st);
    if (result < 0) {
        read_failed(file, result);
        co_return;
    }
    file.size = st.size;
    file.modified_ns = st.modified_ns;
    file.active_at = ring_.now();
    // The fingerprint is taken with the first read: see verified().
    if (config_.read_from == ReadFrom::end) assign(file);
    note(file);
}

// ---- where a file that was just opened is read from ------------------------------------------

Task<> FileSource::begin_at(TailedFile& file, First first, std::span<const std::byte> head,
                            Known known) {
    file.key.identity.take_fingerprint(head);
    const bool recorded = known != Known::no;
    const bool is_packed = plain_.is_packed(file.fd);
    const bool skips = !recorded && begins_at_end(file, first);
    if (skips && !is_packed) file.position = co_await end_of_lines(file);
    if (skips && is_packed) {
        co_await end_packed(file);
        co_return;
    }
    if (!recorded && is_packed) co_await go_on_from_plain(file, head);
    const bool knows_ending =
        is_packed || file.position == 0 || file.ending.fingerprint().length > 0;
    if (!knows_ending) co_await learn_ending(file);
    begin_stream(file);
    if (file.position > 0 && config_.oversize == Oversize::dead_letter && !file.place) {
        const std::int64_t begin = file.key.oversized_at;
        if (begin >= 0 && begin < file.position) {
            file.mid_line = co_await is_one_line(file, begin, file.position);
        }
        if (!file.mid_line) file.mid_line = co_await inside_oversized(file);
    }
    if (!recorded && config_.read_from == ReadFrom::end) assign(file);
    note(file);
}

/// What stands before a position that we have not read to ourselves. Nothing, where it can't be read.
Task<> FileSource::learn_ending(TailedFile& file) {
    std::array<std::byte, fingerprint_max> bytes;
    const auto length = std::min(file.position, static_cast<std::int64_t>(bytes.size()));
    const auto before = std::span<std::byte>(bytes).first(static_cast<std::size_t>(length));
    const std::int64_t got = co_await fill_or_fail(file, before, file.position - length);
    if (got == length) file.ending.take(before);
}

/// So that a restart sees whether what was read is still there.
void FileSource::seal(const TailedFile& file) {
    HF_ASSERT(file.assigned.has_value());
    const FileSeal now{file.position, file.ending.fingerprint()};
    if (now.before.length == 0) return;
    checkpoints_.seal(file.assigned->partition, file.assigned->epoch, {now.position},
                      encode_seal(now));
}

/// Does `position` lie behind a piece of an oversized line? Then line_max bytes before it have no
/// newline. Otherwise a rest without newline was a record there, and a new one begins.
Task<bool> FileSource::inside_oversized(TailedFile& file) {
    const std::int64_t begin = file.position - line_max();
    if (begin < 0) co_return false;
    const bool is_inside = co_await is_one_line(file, begin, file.position);
    co_return is_inside;
}

/// Is there no newline in [begin, end)? From the end on, where most often there is one.
Task<bool> FileSource::is_one_line(TailedFile& file, std::int64_t begin, std::int64_t end) {
    std::vector<std::byte> chunk(1);
    while (end > begin) {
        const auto size = static_cast<std::int64_t>(chunk.size());
        const std::int64_t got = co_await fill_or_fail(file, chunk, end - size);
        if (got != size || complete_lines(chunk) > 0) co_return false;
        end -= size;
        chunk.resize(std::min(look_back, static_cast<std::size_t>(end - begin)));
    }
    co_return true;
}

/// The end of the last complete line; a line that is still being written is not there yet.
Task<std::int64_t> FileSource::end_of_lines(TailedFile& file) {
    std::vector<std::byte> tail(std::min(look_back, static_cast<std::size_t>(file.size)));
    const std::int64_t begin = file.size - static_cast<std::int64_t>(tail.size());
    const std::int64_t got = co_await fill_or_fail(file, tail, begin);
    if (got <= 0) co_return file.size;
    const std::size_t lines =
        complete_lines(std::span<const std::byte>(tail).first(static_cast<std::size_t>(got)));
    if (lines == 0 && begin > 0) co_return file.size;
    co_return begin + static_cast<std::int64_t>(lines);
}

}  // namespace holdfast::io
