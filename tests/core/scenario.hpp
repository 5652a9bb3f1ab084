// Scenarios: engine runs as text, for people to read and to write. One file, one story.
//
//   # a comment, kept
//   source route=0,1 commit=source          one line a source, then one a sink, in their order
//   sink writes_max=2 attempt_timeout=5s
//   dead_letters attempts_max=2             present only with this line
//   commit interval=0s
//   config memory_limit=1000
//   > assigned position=0                   an event; `> @5ms tick` also sets the time
//   pull batch=0.1 source=0 ...             its effects, in order; `nothing` if there are none
//   deadline=1s                             only where it changed
//   stale                                   only where the event was counted as stale
//   > stats sink=0                          not an event: shows what was counted
//
// Rule 1: HF_REWRITE=1 in the environment writes what the engine does now into the file.
// Rule 2: audit() must hold after each step, rewriting or not.
// Rule 3: jitter is 0 unless a line says otherwise, so that times can be read.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/engine/engine.hpp"

namespace holdfast::scenario {

/// `key=value` pairs of one line, each to be used exactly once.
class Fields {
public:
    explicit Fields(const std::vector<std::string>& words);

    bool has(const std::string& key) const { return values_.contains(key); }
    std::string text(const std::string& key, const std::string& otherwise);
    std::int64_t number(const std::string& key, std::int64_t otherwise);
    Duration duration(const std::string& key, Duration otherwise);
    Instant instant(const std::string& key, Instant otherwise);
    /// Throws std::runtime_error if a key was never asked for.
    void all_used() const;

private:
    std::map<std::string, std::string> values_;
    std::set<std::string> used_;
};

Duration parse_duration(const std::string& text);
std::string text_of(Instant at);

/// One line of config, `kind` being its first word. Returns false if it isn't one.
bool add_to_config(Config& config, const std::string& kind, Fields& fields);

/// Throws std::runtime_error where the name, a field or a value is unknown.
Event parse_event(const std::string& name, Fields& fields);
std::string text_of(const Effect& effect, const Effects& effects);

/// Names of enum values as they stand in scenarios, "SinkOutcome.delivered" each; for coverage.
std::vector<std::string> all_outcomes();
/// The same, of those that the event or effect carries.
void collect_outcomes(const Event& event, std::set<std::string>& seen);
void collect_outcomes(const Effect& effect, const Effects& effects, std::set<std::string>& seen);

struct Result {
    std::string expected;  ///< The file as it is.
    std::string actual;    ///< The file as the engine would have it.
    std::string error;     ///< Of the file's text or of an audit; empty if none.
    std::set<std::string> outcomes;
};

Result run(const std::string& path);

}  // namespace holdfast::scenario
