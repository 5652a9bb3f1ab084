// Files whose records are no lines: elements of a JSON array, or MsgPack values.
#include <algorithm>
#include <vector>

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"
#include "io/sources/file/file_source.hpp"

namespace holdfast::io {
namespace {

constexpr std::int64_t read_at_once = 64 << 10;

}  // namespace

/// Where the file's position is in its stream.
void FileSource::begin_stream(TailedFile& file) {
    file.resumes = false;
    if (config_.stream.framing == Framing::lines) return;
    // Where pieces were given away, only what comes since the last clean place tells.
    const std::int64_t clean = file.key.oversized_at;
    file.resumes = clean >= 0 && clean < file.position;
    file.place = std::make_unique<codec::StreamPlace>(
        config_.stream.framing, static_cast<std::uint64_t>(file.resumes ? clean : file.position));
}

/// False: it cannot be read now.
Task<bool> FileSource::find_place(TailedFile& file) {
    codec::StreamPlace place(config_.stream.framing, file.place->clean());
    const auto end = static_cast<std::uint64_t>(file.position);
    std::vector<std::byte> chunk(static_cast<std::size_t>(read_at_once));
    for (bool more = true; more;) {
        const auto at = static_cast<std::int64_t>(place.position());
        const auto some = std::span<std::byte>(chunk).first(
            static_cast<std::size_t>(std::min(read_at_once, file.position - at)));
        const std::int64_t got = co_await fill_or_fail(file, some, at);
        if (got < static_cast<std::int64_t>(some.size())) {
            if (got < 0) read_failed(file, got);
            if (got >= 0) pause(file, config_.poll_interval);  // It shrank: the next poll sees it.
            co_return false;
        }
        more = place.resume(some, end);
    }
    *file.place = place;
    file.pieces_end = file.position;
    file.resumes = false;
    co_return true;
}

FileSource::Given FileSource::give_stream(const Pull& pull, TailedFile& file,
                                          std::span<std::byte> block, bool full, std::size_t length,
                                          const CutRule& rule) {
    codec::StreamCutRule how = stream_cut_rule(rule, config_.stream.stops);
    how.full = full;
    if (!file.leads.empty())
        how.bytes_max = static_cast<std::size_t>(file.leads.front().position - file.position);
    const auto bytes = block.first(length);
    const codec::StreamCut cut = codec::cut_stream(bytes, *file.place, how);
    if (cut.records == 0) {
        if (cut.end == 0) return Given::nothing;
        skip(file, bytes, cut);
        return Given::skipped;
    }
    if (!assign(file)) {
        payloads_.pool().give_back(block);
        return Given::refused;
    }
    remember_clean(file, cut);
    if (cut.breaks) say_broken(file, cut);
    file.ending.take(block.first(cut.end));
    give_batch(payloads_, events_, pull, *file.assigned, block, cut, *file.place);
    *file.place = cut.next;
    file.position = static_cast<std::int64_t>(cut.next.position());
    seal(file);
    file.partial = static_cast<std::int64_t>(cut.waiting);
    file.block_wanted = 0;
    healed(file);
    std::erase_if(file.leads, [&](const FileLead& l) { return l.position <= file.position; });
    if (cut.fate == Fate::stop) finish(file);
    return Given::batch;
}

/// A restart that finds itself within pieces needs a clean place before them. It stays the one before
/// the first of them until all are committed: the checkpoint's position may be in any.
void FileSource::remember_clean(TailedFile& file, const codec::StreamCut& cut) {
    using Stage = codec::StreamPlace::Stage;
    const bool was_whole = file.place->stage() == Stage::between;
    const bool is_whole = cut.next.stage() == Stage::between;
    if (was_whole && (file.key.oversized_at >= 0 || !is_whole)) {
        const bool over =
            checkpoints_.staged(file.assigned->partition, file.assigned->epoch).value >=
            file.pieces_end;
        if (over || file.key.oversized_at < 0 || mutant(126)) {
            file.key.oversized_at = is_whole ? -1 : static_cast<std::int64_t>(cut.next.clean());
            rebind(file, true);
        }
    }
    if (!was_whole || !is_whole) file.pieces_end = static_cast<std::int64_t>(cut.next.position());
}

/// What stands before a record, or behind the last one, needn't be kept.
void FileSource::skip(TailedFile& file, std::span<const std::byte> bytes,
                      const codec::StreamCut& cut) {
    const auto skipped = bytes.first(cut.end);
    file.ending.take(skipped);
    *file.place = cut.next;
    file.position = static_cast<std::int64_t>(cut.next.position());
    file.partial = 0;
    while (!file.leads.empty() && file.leads.front().position <= file.position) {
        file.place->begin_at(static_cast<std::uint64_t>(file.leads.front().position));
        file.leads.erase(file.leads.begin());
    }
}

void FileSource::say_broken(const TailedFile& file, const codec::StreamCut& cut) {
    const std::string what = broken_text(cut.next);
    const bool stops = cut.fate == Fate::stop;
    if (stops) problem_ = file.key.path + ": " + what;
    log(Level::error,
        LogLine(stops ? "the file's records cannot be told apart any more; the pipeline stops "
                        "before that"
                      : "the file's records cannot be told apart any more; what follows the last "
                        "one becomes dead letters")
            .with("source", config_.name)
            .with("path", file.key.path)
            .with("error", what)
            .with("position", file.position));
}

}  // namespace holdfast::io
