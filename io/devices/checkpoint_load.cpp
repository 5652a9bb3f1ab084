// CheckpointStore's start: what it reads, what it believes, and what it says if it can't.
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "core/base/mutant.hpp"
#include "io/devices/checkpoint_store.hpp"

namespace holdfast::io {
namespace {

constexpr std::int64_t slot_size_max = std::int64_t{1} << 30;

constexpr std::int64_t not_a_file = -ENOTSUP;

std::string text_of_error(std::int64_t error) {
    return error == not_a_file ? "it is not a regular file"
           : error == -ELOOP   ? "it is a symbolic link, and none is followed there"
                               : error_text(error);
}

const char* fault_text(CheckpointFault fault) {
    switch (fault) {
        case CheckpointFault::empty: return "empty";
        case CheckpointFault::truncated: return "cut short";
        case CheckpointFault::checksum: return "changed since it was written";
        case CheckpointFault::version: return "written by a newer holdfast";
        case CheckpointFault::malformed: return "not a checkpoint";
    }
    return "unknown";
}

}  // namespace

Task<CheckpointStore::SlotRead> CheckpointStore::read_slot(const std::string& path) {
    SlotRead read;
    // A pipe in its place is no reason to hang.
    const int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    const std::int64_t fd = co_await open_retried(ring_, path, flags);
    if (fd == -ENOENT) co_return read;
    read.error = std::min<std::int64_t>(fd, 0);
    if (fd < 0) co_return read;
    FileStat file;
    read.error = co_await io::stat(ring_, static_cast<int>(fd), file);
    if (read.error == 0 && !S_ISREG(file.mode)) read.error = not_a_file;
    read.file = file;
    std::vector<std::byte> bytes;
    if (read.error == 0 && file.size <= slot_size_max) {
        bytes.resize(static_cast<std::size_t>(file.size));
        const std::int64_t n = co_await read_all(ring_, static_cast<int>(fd), bytes, 0);
        read.error = std::min<std::int64_t>(n, 0);
        bytes.resize(static_cast<std::size_t>(std::max<std::int64_t>(n, 0)));
    }
    co_await io::close(ring_, static_cast<int>(fd));
    auto decoded = decode(bytes);
    if (decoded) {
        read.checkpoint = std::move(*decoded);
    } else {
        read.fault = file.size > slot_size_max ? CheckpointFault::malformed : decoded.error();
    }
    co_return read;
}

Task<CheckpointLoad> CheckpointStore::load() {
    CheckpointLoad result;
    std::array<SlotRead, 2> read;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
        read[i] = co_await read_slot(slots_[i].path);
        if (read[i].file) result.slots.push_back(*read[i].file);
    }
    result.problem = problem_of(read);
    if (!result.problem.empty()) co_return result;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
        if (!read[i].checkpoint) continue;
        if (keep_ == no_slot || read[i].checkpoint->sequence > sequence_) keep_ = i;
        sequence_ = std::max(sequence_, read[i].checkpoint->sequence);
    }
    result.state = CheckpointLoad::State::fresh;
    if (keep_ == no_slot) co_return result;
    // Only the newest counts: the other slot may be from before a change of the config.
    const std::string& found = read[keep_].checkpoint->pipeline;
    const bool ours =
        config_.continues ? config_.continues(found, config_.pipeline) : found == config_.pipeline;
    if (!ours && !mutant(33)) {
        result.foreign = true;
        result.state = CheckpointLoad::State::failed;
        result.problem = fmt::format(
            "{} belongs to another pipeline (\"{}\", this one is \"{}\"); nothing was changed. "
            "Set another data_dir for this pipeline",
            slots_[keep_].path, found, config_.pipeline);
        co_return result;
    }
    const SlotRead& other = read[1 - keep_];
    if (!other.checkpoint && other.fault != CheckpointFault::empty) {
        log_(Level::warn, LogLine("checkpoint slot was torn by a crash, the other one is used")
                              .with("path", slots_[1 - keep_].path)
                              .with("fault", fault_text(other.fault))
                              .text());
    }
    result.state = CheckpointLoad::State::found;
    result.written_ns = read[keep_].file->modified_ns;
    result.checkpoint = std::move(*read[keep_].checkpoint);
    adopt(result.checkpoint);
    co_return result;
}

std::string CheckpointStore::problem_of(const std::array<SlotRead, 2>& read) const {
    std::string damaged;
    bool any_valid = false;
    for (std::size_t i = 0; i < read.size(); ++i) {
        const std::string& path = slots_[i].path;
        if (read[i].error < 0) {
            return fmt::format(
                "cannot read {}: {}; nothing was changed. Make it readable again; if it is lost, "
                "move it away, and holdfast resumes from the other slot, which may be older",
                path, text_of_error(read[i].error));
        }
        any_valid = any_valid || read[i].checkpoint.has_value();
        if (read[i].checkpoint || read[i].fault == CheckpointFault::empty) continue;
        if (read[i].fault == CheckpointFault::version) {
            return fmt::format(
                "{} was written by a newer holdfast; nothing was changed. Run that version, or set "
                "another data_dir to start over",
                path);
        }
        damaged += fmt::format("{}{} ({})", damaged.empty() ? "" : " and ", path,
                               fault_text(read[i].fault));
    }
    if (damaged.empty() || any_valid || mutant(32)) return {};
    return fmt::format(
        "no valid checkpoint: {}; nothing was changed. What was delivered is not known any more: "
        "restore the data_dir from a copy, or set another data_dir to start over (records may then "
        "be delivered again)",
        damaged);
}

void CheckpointStore::adopt(const Checkpoint& checkpoint) {
    for (const CheckpointPartition& loaded : checkpoint.partitions) {
        Partition& partition = partitions_[{loaded.source, loaded.key}];
        partition = {.position = loaded.position, .leads = {}, .known = true};
        for (const CheckpointLead& lead : loaded.leads) {
            partition.leads.push_back({sink_index(lead.sink), lead.position});
        }
    }
    for (const CheckpointSink& sink : checkpoint.sinks) {
        NamedMark& known = sinks_[sink_index(sink.sink)];
        known.mark = sink.mark;
        known.file = sink.file;
    }
}

/// A sink that isn't in the config any more gets a number behind the others, and is carried on.
std::size_t CheckpointStore::sink_index(const std::string& name) {
    const auto at = std::find_if(sinks_.begin(), sinks_.end(),
                                 [&](const NamedMark& sink) { return sink.name == name; });
    if (at != sinks_.end()) return static_cast<std::size_t>(at - sinks_.begin());
    sinks_.push_back({name, std::nullopt});
    return sinks_.size() - 1;
}

}  // namespace holdfast::io
