// A pipeline of the joint world: drawn by choice, told to the runner as a config, and evaluated by
// the world itself, in a few lines that share nothing with the code under test.
//
// Rule 1: every record says what it is: {"id":"FILE-SERIAL","k":DIGIT,"w":"xxx"}. All conditions
//         ask for k, all programs put a field at the end; so outcomes follow from the text.
// Rule 2: a record that is no JSON ("!FILE-SERIAL ...") fails in every transform that parses.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "io/runner/pipeline_config.hpp"
#include "io/sinks/file/settings.hpp"
#include "io/sources/file/settings.hpp"

namespace holdfast::sim {

/// One line that a writer wrote, without its newline.
struct JointLine {
    std::string text;
    std::uint32_t file = 0;  ///< Which life of a file.
    std::uint32_t serial = 0;
    std::uint32_t k = 0;
    bool bad = false;           ///< No JSON.
    std::int64_t offset = 0;    ///< Where it begins in its file.
    std::uint32_t session = 0;  ///< The process that ran when it was written, or the next one.
};

/// What becomes of one line.
struct JointOutcome {
    std::vector<std::vector<std::string>> texts;  ///< By sink.
    bool dead = false;                            ///< It must be among the dead letters.
};

struct JointNode {
    enum class Kind : std::uint8_t { filter, route, set, select, raw };
    Kind kind = Kind::filter;
    std::vector<flow::From> inputs;
    std::uint32_t low = 5, high = 7;
    flow::OnError on_error = flow::OnError::dead_letter;
    flow::Unrouted unrouted = flow::Unrouted::drop;
};

struct JointSink {
    std::vector<flow::From> inputs;
    io::SinkSettings settings;
    io::FileSinkSettings file;
    bool exact() const { return file.delivery == io::FileSinkConfig::Delivery::exactly_once; }
    bool is_synced() const { return file.fsync == io::FileSinkConfig::Fsync::batch; }
    bool drops() const { return settings.when_full == WhenFull::drop_newest; }
};

/// What differs between two configs of one world. All of it by index into the plan.
struct JointVariant {
    std::vector<std::string> sources;  ///< Names.
    std::vector<std::uint32_t> sinks;  ///< Which are there, in this order.
};

using Ask = std::function<std::uint64_t(std::uint64_t bound)>;

struct JointPlan {
    std::uint32_t sources = 1;
    std::uint32_t names = 1;  ///< That a source's files may have, before they are rotated.
    std::vector<JointNode> nodes;
    std::vector<JointSink> sinks;
    io::PipelineConfig base;       ///< All but sources, transforms and sinks.
    io::SourceSettings source;     ///< What sources have in common,
    io::FileSourceSettings files;  ///< and of their own kind.
    bool bad_lines = false;

    /// `durable`: nothing may be drawn that a power loss would make vague.
    static JointPlan draw(const Ask& ask, bool durable);
    io::PipelineConfig config(const JointVariant& variant, io::EndAt end) const;
    /// Whether any sink of the variant may get its records.
    bool feeds(std::uint32_t source, const JointVariant& variant) const;
    JointOutcome outcome(std::uint32_t source, const JointLine& line) const;
    std::string text() const;

private:
    void draw_nodes(const Ask& ask);
    void draw_sinks(const Ask& ask, bool durable);
    void pass(const flow::From& from, const std::string& text, const JointLine& line,
              JointOutcome& out) const;
    void pass_node(std::uint32_t index, const std::string& text, const JointLine& line,
                   JointOutcome& out) const;
};

/// The folder of a source's files, and a sink's file.
std::string joint_folder(std::uint32_t source);
std::string joint_output(std::uint32_t sink);
inline const std::string joint_data_dir = "/joint/state";
inline const std::string joint_dead_letters = "/joint/out/dead.jsonl";

}  // namespace holdfast::sim
