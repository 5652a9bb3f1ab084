// See last_words.hpp.
#include "io/runner/last_words.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "core/base/hash128.hpp"
#include "io/component/kind.hpp"
#include "io/devices/checkpoint_store.hpp"
#include "io/devices/files.hpp"
#include "io/jq/module_files.hpp"
#include "io/runner/identity.hpp"
#include "io/runner/names.hpp"
#include "io/runner/transforms.hpp"

namespace holdfast::io {
namespace {

constexpr std::size_t known_max = 32;
constexpr const char* heading = "holdfast last words 1";

// The file: lines of one size. The first says what life it is, the second where it is or died, then
// where others died, with their number as the signal's neighbour; then the slices that were begun,
// and those that are suspected from lives before.
constexpr std::size_t stretches_at = known_max + 2;
constexpr std::size_t lines_max = stretches_at + 2 * LastWords::stretches_max;
constexpr long line_at(std::size_t n) { return static_cast<long>(n * spot_line_size); }

SpotLine line_of(const std::string& text) {
    SpotLine line;
    line.fill(' ');
    line.back() = '\n';
    std::copy_n(text.begin(), std::min(text.size(), line.size() - 1), line.begin());
    return line;
}

SpotLine line_of(const flow::Stretch& stretch) {
    return line_of(fmt::format("began source={} partition={:x} from={} to={}", stretch.source,
                               stretch.partition, stretch.from, stretch.to));
}

bool read_stretch(const SpotLine& line, flow::Stretch& out) {
    unsigned long long partition = 0;
    long long from = 0, to = 0;
    const std::string text(line.data(), line.size());
    if (std::sscanf(text.c_str(), "began source=%u partition=%llx from=%lld to=%lld", &out.source,
                    &partition, &from, &to) != 4)
        return false;
    out.partition = partition;
    out.from = from;
    out.to = to;
    return from < to;
}

std::string name_of(int signal) {
    const char* const name = signal == 0 ? nullptr : ::sigabbrev_np(signal);
    return name == nullptr ? "without a word" : std::string("SIG") + name;
}

}  // namespace

std::uint64_t graph_number(const PipelineConfig& pipeline) {
    std::string text;
    for (const SourceSettings& source : pipeline.sources) text += identity_of(source) + "\n";
    for (const TransformSettings& transform : pipeline.transforms) {
        text += transform.node.name + " " + std::to_string(static_cast<int>(transform.node.type)) +
                "\n";
        for (const flow::From& from : transform.node.inputs)
            text += fmt::format("{} {} {}\n", from.source, from.index, from.output);
        for (const auto* texts : {&transform.texts, &transform.rule_texts})
            for (const std::string& one : *texts) text += one + "\n";
        if (transform.parse) text += text::text_of(*transform.parse) + "\n";
        if (transform.format) text += text::text_of(*transform.format) + "\n";
        const ProgramBounds& bounds = transform.settings.bounds;
        text +=
            fmt::format("{} {} {} {}\n", bounds.memory, bounds.time.ns, bounds.text, bounds.depth);
        for (const ProgramArgument& one : transform.settings.args)
            text += one.name + " " + one.json + "\n";
        if (transform.settings.modules)
            for (const auto& [name, module] : transform.settings.modules->texts())
                text += name + "\n" + module + "\n";
    }
    return hash_bytes(std::as_bytes(std::span(text))).low;
}

std::uint64_t progress_number(const Checkpoint& checkpoint) {
    Hash128 hash{1, 2};
    for (const CheckpointPartition& partition : checkpoint.partitions) {
        // A file that was found, or a folder that was looked at, is no progress yet.
        if (partition.key == CheckpointStore::look_key) continue;
        if (partition.position == 0 && partition.leads.empty()) continue;
        hash = hash_word(hash, partition_number(partition.source, partition.key));
        hash = hash_word(hash, static_cast<std::uint64_t>(partition.position));
        for (const CheckpointLead& lead : partition.leads)
            hash = hash_word(hash, static_cast<std::uint64_t>(lead.position));
    }
    return hash.low;
}

LastWords::LastWords(const PipelineConfig& pipeline, const Log& log)
    : pipeline_(pipeline), log_(log), path_(pipeline.data_dir + "/last_words") {
    fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd_ < 0) {
        log(Level::warn, LogLine("no last words: if a record ends this process, nobody will know "
                                 "which one it was")
                             .with("path", path_)
                             .with("error", error_text(errno))
                             .text());
        return;
    }
    read(log);
}

LastWords::~LastWords() {
    forget_deaths();
    if (fd_ >= 0) ::close(fd_);
}

void LastWords::read(const Log& log) {
    std::vector<SpotLine> lines(lines_max);
    const ssize_t n = ::pread(fd_, lines.data(), lines.size() * sizeof(SpotLine), 0);
    if (n <= 0) return;
    lines.resize(static_cast<std::size_t>(n) / sizeof(SpotLine));
    const std::string first = lines.empty() ? "" : std::string(lines[0].data(), lines[0].size());
    unsigned long long stamp = 0, graph = 0;
    char state[8] = {};
    const std::string format = std::string(heading) + " %7s stamp=%llx graph=%llx";
    if (std::sscanf(first.c_str(), format.c_str(), state, &stamp, &graph) != 3) {
        log(Level::warn,
            LogLine("last words cannot be read, and are begun anew").with("path", path_).text());
        return;
    }
    if (graph != graph_number(pipeline_)) return;
    file_.runs = std::string_view(state) == "runs";
    file_.stamp = stamp;
    flow::Stretch stretch;
    for (std::size_t i = stretches_at; i < lines.size(); ++i)
        if (read_stretch(lines[i], stretch) && stretch.source < pipeline_.sources.size())
            file_.stretches.push_back(stretch);
    for (std::size_t i = 1; i < std::min(lines.size(), stretches_at); ++i) {
        Death death;
        int coded = 0;
        if (!read_spot_line(lines[i], death.spot, coded)) continue;
        death.signal = coded % 1000;
        death.deaths = static_cast<std::uint32_t>(coded / 1000);
        if (death.spot.source >= pipeline_.sources.size()) continue;
        if (i == 1) {
            file_.has_place = true;
            file_.place = death;
        } else {
            file_.deaths.push_back(death);
        }
    }
}

/// The whole file, in one write.
void LastWords::write() {
    if (fd_ < 0) return;
    std::vector<SpotLine> lines(lines_max, line_of(""));
    lines[0] = line_of(fmt::format("{} {} stamp={:x} graph={:x}", heading,
                                   file_.runs ? "runs" : "ended", file_.stamp, file_.graph));
    for (std::size_t i = 0; i < file_.deaths.size(); ++i) {
        const Death& death = file_.deaths[i];
        lines[i + 2] = spot_line(death.spot, static_cast<int>(death.deaths) * 1000 + death.signal);
    }
    for (std::size_t i = 0; i < suspects_.size(); ++i)
        lines[stretches_at + stretches_max + i] = line_of(suspects_[i]);
    const std::size_t size = lines.size() * sizeof(SpotLine);
    if (::pwrite(fd_, lines.data(), size, 0) == static_cast<ssize_t>(size)) return;
    log_(Level::warn, LogLine("last words cannot be written")
                          .with("path", path_)
                          .with("error", error_text(errno))
                          .text());
}

/// What the end of the last life means.
void LastWords::judge(std::uint64_t stamp) {
    if (!file_.runs) return;
    const bool moved = file_.stamp != stamp;
    suspect();
    if (!file_.has_place) return;
    const auto same = [&](const Death& death) { return death.spot == file_.place.spot; };
    auto at = std::find_if(file_.deaths.begin(), file_.deaths.end(), same);
    // A SIGKILL hits some record; only the second one that hits the same tells anything.
    const bool is_chance = file_.place.signal == 0 && moved && at == file_.deaths.end();
    if (at == file_.deaths.end()) {
        if (file_.deaths.size() == known_max) file_.deaths.erase(file_.deaths.begin());
        at = file_.deaths.insert(file_.deaths.end(), {file_.place.spot, 0, 0});
    }
    if (is_chance) return;
    at->deaths = std::min(at->deaths + 1, 1000u);
    at->signal = file_.place.signal;
    say_death(*at);
}

/// Each stretch once, as many as there are lines for, those of the last life before older ones.
void LastWords::suspect() {
    for (const flow::Stretch& stretch : file_.stretches)
        if (suspects_.size() < stretches_max &&
            std::find(suspects_.begin(), suspects_.end(), stretch) == suspects_.end())
            suspects_.push_back(stretch);
}

void LastWords::say_death(const Death& death) const {
    const auto names = transform_names(pipeline_);
    const std::string name =
        death.spot.node < names.size() ? names[death.spot.node] : std::string("?");
    log_(Level::error, LogLine("the last run died while a transform evaluated a record")
                           .with("transform", name)
                           .with("source", pipeline_.sources[death.spot.source].name)
                           .with("partition", flow::partition_text(death.spot.partition))
                           .with("position", death.spot.position)
                           .with("by", name_of(death.signal))
                           .with("deaths", death.deaths)
                           .text());
}

std::string LastWords::why(const Death& death) const {
    return fmt::format("the process died {} times while it was evaluated ({})", death.deaths,
                       name_of(death.signal));
}

/// A record below a committed position is never evaluated again.
bool LastWords::is_settled(const Checkpoint& from, const flow::Spot& spot) const {
    const SourceSettings& source = pipeline_.sources[spot.source];
    if (!is_replayable(source)) return true;
    return std::any_of(from.partitions.begin(), from.partitions.end(),
                       [&](const CheckpointPartition& p) {
                           return p.source == identity_of(source) && p.position > spot.position &&
                                  partition_number(source.name, p.key) == spot.partition;
                       });
}

void LastWords::forget_settled(const Checkpoint& from) {
    std::erase_if(file_.deaths, [&](const Death& death) { return is_settled(from, death.spot); });
    std::erase_if(suspects_, [&](const flow::Stretch& stretch) {
        return is_settled(from, {stretch.source, 0, stretch.partition, stretch.to - 1});
    });
    if (suspects_.empty()) return;
    log_(Level::info,
         LogLine("the last run ended without a word: what it was evaluating is evaluated "
                 "with a note before each record")
             .with("slices", suspects_.size())
             .text());
}

Caution LastWords::begin(const Checkpoint& from) {
    const std::uint64_t stamp = progress_number(from);
    suspects_.clear();
    judge(stamp);
    forget_settled(from);
    file_.runs = true;
    file_.stamp = stamp;
    file_.graph = graph_number(pipeline_);
    file_.has_place = false;
    file_.stretches.clear();
    is_noted_ = false;
    begun_ = 0;
    write();
    if (fd_ >= 0) write_deaths_to(fd_, line_at(1));
    Caution out;
    out.sets_aside = pipeline_.on_crash == OnCrash::dead_letter;
    out.suspects = suspects_;
    out.witness = fd_ < 0 ? nullptr : this;
    for (const Death& death : file_.deaths) {
        const flow::Spot& spot = death.spot;
        if (death.deaths < deaths_max)
            out.suspects.push_back({spot.source, spot.partition, spot.position, spot.position + 1});
        if (death.deaths > 0) out.known.push_back({spot, why(death), death.deaths >= deaths_max});
    }
    out.is_careful = !out.known.empty();
    return out;
}

void LastWords::end() {
    file_.runs = false;
    file_.has_place = false;
    suspects_.clear();
    write();
    forget_deaths();
}

std::uint32_t LastWords::begins(const flow::Stretch& stretch) {
    const auto number = static_cast<std::uint32_t>(std::countr_one(begun_));
    if (number >= stretches_max) return stretches_max;
    begun_ |= 1u << number;
    const SpotLine line = line_of(stretch);
    [[maybe_unused]] const auto n =
        ::pwrite(fd_, line.data(), line.size(), line_at(stretches_at + number));
    return number;
}

void LastWords::ends(std::uint32_t number) {
    if (number < stretches_max) begun_ &= ~(1u << number);
}

void LastWords::enters(const flow::Spot& spot) {
    if (fd_ < 0) return;
    const SpotLine line = spot_line(spot, 0);
    [[maybe_unused]] const auto n = ::pwrite(fd_, line.data(), line.size(), line_at(1));
    is_noted_ = true;
}

void LastWords::leaves() {
    if (!is_noted_) return;
    const SpotLine line = line_of("");
    [[maybe_unused]] const auto n = ::pwrite(fd_, line.data(), line.size(), line_at(1));
    is_noted_ = false;
}

}  // namespace holdfast::io
