// Numbers of a running pipeline as a line for people, and the balance at its end.
//
// Rule 1: rates are of the last seconds, not of the whole run, and of what sinks are done with: what
//         is read comes in leaps, and ends long before a slow sink has it.
// Rule 2: the time that is left is that of the slowest sink, and of what nobody has read yet.
// Rule 3: the balance adds up: in = delivered + dead letters + dropped + there already +
//         unfinished, for each sink.
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
    /// What grew lately, in a second.
    struct Rate {
        std::uint64_t last = 0;
        double a_second = 0;
        bool known = false;
        void observe(std::uint64_t total, double seconds);
    };
    struct SinkRates {
        Rate records;  ///< Delivered, dead-lettered, dropped.
        Rate bytes;    ///< Delivered.
    };

    void observe_rates(const io::Sample& sample);
    /// Seconds; negative if nobody knows.
    double time_left(const io::Sample& sample) const;

    const io::PipelineConfig& pipeline_;
    Terminal& terminal_;
    Mode mode_;
    Instant began_{};
    Instant last_{};
    Instant plain_at_{};
    Rate bytes_in_;
    std::vector<SinkRates> sinks_;
    bool first_ = true;
};

/// One line: `balance: in 500,000 = a: 499,000 delivered + 1,000 dead-lettered | b: ...`.
std::string balance(const io::PipelineConfig& pipeline, const io::RunReport& report);
/// The same for programs.
std::string balance_json(const io::PipelineConfig& pipeline, const io::RunReport& report);

}  // namespace holdfast::cli
