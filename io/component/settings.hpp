// What a source or sink is told by the config: what all kinds have, and what its own kind has.
//
// Rule: every path is absolute, every default filled in.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/assert.hpp"
#include "core/codec/record_scan.hpp"
#include "core/data/flow/plan.hpp"
#include "core/data/line_cut.hpp"
#include "core/model/config.hpp"

namespace holdfast::io {

using codec::Framing;

class SourceKind;
class SinkKind;

/// A kind's own settings derive from this; its rows (row.hpp) fill them.
struct KindSettings {
    virtual ~KindSettings() = default;
};

struct SourceSettings {
    std::string name;
    const SourceKind* kind = nullptr;
    std::shared_ptr<const KindSettings> own;  ///< As `kind` makes them. See own().
    std::uint64_t max_line = 0;
    Oversize on_oversized = Oversize::dead_letter;
    Framing framing = Framing::lines;
    flow::OnError on_parse_error = flow::OnError::dead_letter;  ///< Where framing is not lines.
};

/// Faults for people: demos and tests. All of it seeded, nothing drawn from the clock.
struct InjectSettings {
    bool present = false;
    std::uint32_t fail_permille = 0;       ///< Writes that fail for the moment.
    std::uint32_t throttle_permille = 0;   ///< Writes that are told to come later.
    std::uint32_t ambiguous_permille = 0;  ///< Writes of which nobody knows if they were done.
    std::uint32_t refuse_permille = 0;     ///< Records that are refused for good.
    std::uint32_t sync_fail_permille = 0;  ///< Syncs that fail.
    Duration latency{};                    ///< Before each write.
    std::uint64_t seed = 0;
};

struct SinkSettings {
    std::string name;
    const SinkKind* kind = nullptr;
    std::shared_ptr<const KindSettings> own;  ///< As `kind` makes them. See own().
    std::vector<flow::From> from;             ///< Its inputs as they were named.
    std::vector<std::uint32_t> inputs;        ///< The sources that reach it.
    Framing framing = Framing::lines;         ///< Or msgpack, json, length.
    flow::OnError on_parse_error = flow::OnError::dead_letter;  ///< Where records are converted.
    WhenFull when_full = WhenFull::block;
    OnTransient on_transient = OnTransient::retry;
    RetryConfig retry;
    std::uint32_t batch_records = 0;
    std::uint64_t batch_bytes = 0;
    Duration batch_timeout{};
    Duration timeout{};  ///< Of one attempt; 0: none.
    InjectSettings inject;
};

/// What the kind has of its own. Requires: S is what its kind makes.
template <class S, class Settings>
const S& own(const Settings& settings) {
    const S* found = dynamic_cast<const S*>(settings.own.get());
    HF_ASSERT(found != nullptr);
    return *found;
}

}  // namespace holdfast::io
