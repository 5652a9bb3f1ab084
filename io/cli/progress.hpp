// Numbers of a running pipeline as a line for people, and the balance at its end.
//
// Rule 1: rates are of the last seconds, not of the whole run. Rule 2: the balance adds up: in =
// delivered + dead letters + dropped + there already + unfinished, for each sink.
#pragma once

#include <string>
#include <vector>

#include "io/cli/terminal.hpp"
#include "io/runner/run.hpp"

namespace holdfast::cli {

class Progress {
public:
    enum class Mode { off, plain, redraw };

    Progress(const io::PipelineConfig& pipeline, Terminal& terminal, Mode mode);
    /// For RunOptions; draws if it is time. Returns when it wants to be called next.
    Instant observe(const io::Sample& sample);
    /// The line alone.
    std::string line(const io::Sample& sample);
    Duration elapsed() const { return last_ - began_; }

private:
    const io::PipelineConfig& pipeline_;
    Terminal& terminal_;
    Mode mode_;
    Instant began_{};
    Instant last_{};
    Instant plain_at_{};
    std::uint64_t last_records_ = 0;
    std::uint64_t last_bytes_ = 0;
    double records_rate_ = 0;
    double bytes_rate_ = 0;
    bool first_ = true;
};

/// One line: `balance: in 500,000 = a: 499,000 delivered + 1,000 dead-lettered | b: ...`.
std::string balance(const io::PipelineConfig& pipeline, const io::RunReport& report);
/// The same for programs.
std::string balance_json(const io::PipelineConfig& pipeline, const io::RunReport& report);

}  // namespace holdfast::cli
