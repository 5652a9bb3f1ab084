// What the last life of this pipeline said before it ended: a small file in the data directory.
// From it the next life knows that one died, where, and what to be careful with.
//
// Rule 1: a record is blamed only for a death while it was evaluated: by the line that a fault's
//         handler wrote, or by the note that stood when the process ended without a word. A first
//         note at a place, of a life that made progress, counts as none yet.
// Rule 2: deaths are counted by place; `deaths_max` at one place make it sure.
// Rule 3: each slice is noted before it is evaluated. If a life ends without a word, what it had
//         begun and not committed is suspected, until a life is past it or ends in an orderly way:
//         there each record is noted before it is evaluated. What others do is no excuse.
// Rule 4: another graph of transforms, or a record that is committed: what was known is forgotten.
// Bound: 9 KiB of file, `stretches_max` slices at a time; what it holds survives the process, not
//        the machine, which blames nobody.
// Doesn't know: what becomes of such a record (Caution).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/data/checkpoint.hpp"
#include "io/death_watch.hpp"
#include "io/devices/caution.hpp"
#include "io/log.hpp"
#include "io/runner/pipeline_config.hpp"

namespace holdfast::io {

class LastWords final : public flow::Witness {
public:
    static constexpr std::uint32_t deaths_max = 3;
    static constexpr std::uint32_t stretches_max = 16;

    /// Reads what the last life left. A file that can't be used is as none, and said.
    LastWords(const PipelineConfig& pipeline, const Log& log);
    ~LastWords() override;
    LastWords(const LastWords&) = delete;

    /// A life begins from this checkpoint. What it should be careful with.
    Caution begin(const Checkpoint& from);
    /// It ends in an orderly way, whatever the reason.
    void end();

    std::uint32_t begins(const flow::Stretch& stretch) override;
    void ends(std::uint32_t number) override;
    void enters(const flow::Spot& spot) override;
    void leaves() override;

private:
    struct Death {
        flow::Spot spot;
        std::uint32_t deaths = 0;
        int signal = 0;
    };
    struct File {
        bool runs = false;  ///< A life began and has not said that it ended.
        std::uint64_t stamp = 0;
        std::uint64_t graph = 0;
        bool has_place = false;
        Death place;
        std::vector<Death> deaths;
        std::vector<flow::Stretch> stretches;  ///< That were begun, the newest lives' first.
    };

    void read(const Log& log);
    void write();
    void judge(std::uint64_t stamp);
    void suspect();
    void forget_settled(const Checkpoint& from);
    bool is_settled(const Checkpoint& from, const flow::Spot& spot) const;
    void say_death(const Death& death) const;
    std::string why(const Death& death) const;

    const PipelineConfig& pipeline_;
    Log log_;
    std::string path_;
    int fd_ = -1;
    File file_;
    std::vector<flow::Stretch> suspects_;
    std::uint32_t begun_ = 0;  ///< A bit for each line of `begins` that is in use.
    bool is_noted_ = false;    ///< A note stands in the file.
};

/// A number for what decides what becomes of a record: names, programs and their order.
std::uint64_t graph_number(const PipelineConfig& pipeline);
/// A number for how far it has come.
std::uint64_t progress_number(const Checkpoint& checkpoint);

}  // namespace holdfast::io
