// The kind `file` of a source: its keys, its words, and how one is made.
#include <fmt/core.h>

#include <algorithm>

#include "io/component/kind.hpp"
#include "io/devices/glob.hpp"
#include "io/sources/file/plain_files.hpp"
#include "io/sources/file/settings.hpp"
#include "io/sources/file/unpacker.hpp"

namespace holdfast::io {
namespace {

using T = KeyType;
using S = FileSourceSettings;

constexpr std::int64_t ms = 1'000'000, hour = 3'600'000 * ms, day = 24 * hour;
// What zstd takes beside its window, and the file's compressed bytes.
constexpr std::uint64_t unpacker_bytes = 640u << 10;

class FileSourceKind final : public SourceKind {
public:
    std::string_view name() const override { return "file"; }
    std::string_view doc() const override { return "files, tailed or read once"; }
    std::span<const Row> rows() const override;
    std::shared_ptr<KindSettings> settings(const Values* values,
                                           const std::filesystem::path& folder) const override {
        return settings_from<S>(rows(), values, folder);
    }
    // Its file, and what tells it of changes.
    int descriptors(const KindSettings&) const override { return 2; }
    std::string words(const SourceSettings& source) const override;
    void check(const SourceSettings& source, const Values& values,
               const Complain& complain) const override;
    std::vector<PathClaim> reads(const SourceSettings& source) const override;
    bool reads(const SourceSettings& source, const std::string& pattern,
               const std::string& path) const override;
    std::optional<std::uint64_t> partitions(const SourceSettings& source) const override;
    bool is_finite(const SourceSettings& source) const override {
        return own<S>(source).end == EndAt::eof;
    }
    SourceMemory memory(const SourceSettings& source, std::uint64_t block) const override;
    std::unique_ptr<Source> make(SourceContext context) const override;
};

// Tables: a key stands together with its text.
// clang-format off

std::span<const Row> FileSourceKind::rows() const {
    static const std::vector<Row> rows{
        row({"include", T::globs, required,
             "Which files, for example `[\"logs/*.jsonl\"]`. New matches are found while running."},
            &S::include),
        row({"exclude", T::globs, "",
             "Which of them not, in the same words: what a pattern matches, and all that lies in a "
             "folder that it matches. Excluded wins."},
            &S::exclude),
        row({"read_from", T::choice, "beginning",
             "Where to begin in files that no checkpoint knows. `end`: what stands in them at the "
             "first start is not read; files that come later are read from their beginning.",
             "beginning|end"},
            &S::read_from),
        row({"end", T::choice, "never",
             "`never`: wait for more for ever. `eof`: end when all that is there is read; a last "
             "line without newline then counts as a record.",
             "never|eof"},
            &S::end),
        row({"poll_interval", T::duration, "250ms",
             "How soon new files, and new lines of files that were still, are noticed: where the "
             "system tells (inotify); else files that were still for long take up to 4 s.",
             {}, ms, hour},
            &S::poll_interval),
        row({"give_up_after", T::duration, "10s",
             "With `end = \"eof\"`: what could not be read or listed for so long is given up. All else "
             "is delivered first, then the run ends with exit code 74. With `never` it is tried for "
             "ever.",
             {}, 0, day},
            &S::give_up_after),
        row({"decompress", T::choice, "refuse",
             "Files that are compressed, by their first bytes. `refuse`: they are not read, with a "
             "warning. `auto`: gzip and zstd are read as the text in them, others are refused. "
             "`as_is`: their bytes are read like any.",
             "refuse|auto|as_is"},
            &S::decompress),
        row({"rotate_wait", T::duration, "5s",
             "How long a file that lost its name (rotated, deleted) is held open after it last grew; "
             "then a last line without newline counts as a record. One that still stands in its "
             "folder is looked at afterwards, too, and read on when it has grown.",
             {}, 0, hour},
            &S::rotate_wait),
    };
    return rows;
}

// clang-format on

std::string FileSourceKind::words(const SourceSettings& source) const {
    const S& settings = own<S>(source);
    std::string out = "files";
    for (const std::string& glob : settings.include) out += " " + glob;
    if (!settings.exclude.empty()) out += " but not";
    for (const std::string& glob : settings.exclude) out += " " + glob;
    return out;
}

void FileSourceKind::check(const SourceSettings& source, const Values& values,
                           const Complain& complain) const {
    if (codec::bytes_of(source.framing) == Framing::lines ||
        own<S>(source).read_from != ReadFrom::end)
        return;
    complain(values.at("read_from").place,
             fmt::format("read_from is \"end\", but with framing \"{}\" records can only be told "
                         "apart from the beginning on; expected \"beginning\"",
                         codec::framing_name(source.framing)));
}

std::vector<PathClaim> FileSourceKind::reads(const SourceSettings& source) const {
    std::vector<PathClaim> out;
    for (const std::string& pattern : own<S>(source).include) out.push_back({"include", pattern});
    return out;
}

bool FileSourceKind::reads(const SourceSettings& source, const std::string& pattern,
                           const std::string& path) const {
    return !pattern.empty() && Glob(pattern).matches(path) &&
           !Patterns(own<S>(source).exclude).covers(path);
}

std::optional<std::uint64_t> FileSourceKind::partitions(const SourceSettings& source) const {
    const std::vector<std::string>& include = own<S>(source).include;
    const auto is_name = [](const std::string& glob) { return Glob(glob).literal(); };
    if (!std::ranges::all_of(include, is_name)) return std::nullopt;
    // Of each name two lives.
    return 2 * include.size();
}

/// Of all compressed files that may be open at a time: the text grows by doubling.
SourceMemory FileSourceKind::memory(const SourceSettings& source, std::uint64_t block) const {
    if (own<S>(source).decompress != Decompress::automatic) return {};
    const std::uint64_t text = block + PlainFiles::ahead + PlainFiles::behind;
    return {.carried = 0,
            .unpacked = PlainFiles::open_max * (Unpacker::window_max + unpacker_bytes + 3 * text)};
}

std::unique_ptr<Source> FileSourceKind::make(SourceContext context) const {
    const S& settings = own<S>(context.settings);
    FileSourceConfig config;
    config.name = context.settings.name;
    config.id = context.id;
    config.include = settings.include;
    config.exclude = settings.exclude;
    config.read_from = settings.read_from;
    config.end = settings.end;
    config.line_max = context.line_max;
    config.oversize = context.settings.on_oversized;
    config.stream = context.stream;
    config.poll_interval = settings.poll_interval;
    config.poll_interval_max = std::max(config.poll_interval_max, settings.poll_interval);
    config.give_up_after = settings.give_up_after;
    config.decompress = settings.decompress;
    config.rotate_wait = settings.rotate_wait;
    config.fd_limit = context.fd_limit;
    config.transformed = context.transformed;
    config.sinks = std::move(context.sinks);
    config.records = std::move(context.records);
    config.recorded_ns = context.recorded_ns;
    config.looked_ns = context.looked_ns;
    config.written_as = std::move(context.written_as);
    config.refuse = std::move(context.refuse);
    return std::make_unique<FileSource>(std::move(config), context.ring, context.payloads,
                                        context.events, context.checkpoints, context.slots,
                                        std::move(context.log));
}

}  // namespace

const SourceKind& file_source_kind() {
    static const FileSourceKind kind;
    return kind;
}

}  // namespace holdfast::io
