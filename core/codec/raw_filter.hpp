// Filters that judge a record by one field before anything else is done with it.
//
// Rule 1: the first rule that matches decides; no match: keep.
// Rule 2: the verdict is that of the parsed record (exact_verdict), always. What is kept was only
//         looked at on the way to the fields; a record is validated whole before a rule takes it.
// Rule 3: a record that cannot be parsed matches no rule: it is kept, so that whoever parses it
//         says what becomes of it.
// Bound: one structural pass a record for all rules, one look for each run of rules with one path.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/codec/document.hpp"
#include "core/codec/find.hpp"
#include "core/codec/literal.hpp"
#include "core/codec/path.hpp"

namespace holdfast::codec {

enum class RawVerdict : std::uint8_t { keep, drop, dead_letter };

struct RawRule {
    enum class When : std::uint8_t {
        missing,  ///< The field isn't there: drops the record. null is a value.
        equal,    ///< The field equals `literal`, numbers by their value: a dead letter.
        present,  ///< The field is there and not null: a dead letter.
    };
    When when = When::missing;
    Path path;
    std::optional<Literal> literal = std::nullopt;  ///< Of `equal`.
    std::optional<RawVerdict> then = std::nullopt;  ///< Instead of what `when` says.

    RawVerdict verdict() const {
        return then.value_or(when == When::missing ? RawVerdict::drop : RawVerdict::dead_letter);
    }
    bool drops() const { return verdict() == RawVerdict::drop; }
};

struct RawAnswer {
    RawVerdict verdict = RawVerdict::keep;
    std::uint32_t rule = UINT32_MAX;  ///< Which one, unless kept.
    bool operator==(const RawAnswer&) const = default;
};

/// One per thread.
class RawFilter {
public:
    /// Requires: a literal in each rule of `equal`.
    explicit RawFilter(std::vector<RawRule> rules);

    RawAnswer judge(std::span<const std::byte> record, Format format);
    /// Many JSON lines at once; appends one answer each. Requires: as JsonIndex::begin().
    void judge_lines(std::span<const std::byte> batch, std::span<const Extent> records,
                     std::vector<RawAnswer>& out);

    std::span<const RawRule> rules() const { return rules_; }
    /// Gives back what a large record took.
    void trim();

private:
    RawAnswer judge_json(const Indexed& record);
    RawAnswer judge_msgpack(std::span<const std::byte> record);

    std::vector<RawRule> rules_;
    std::vector<bool> same_path_;  ///< By rule: the field is that of the rule before.
    JsonIndex index_;
    Tape tape_;
};

/// The verdict by the parsed record: what RawFilter must say.
RawAnswer exact_verdict(std::span<const RawRule> rules, Document& document);

}  // namespace holdfast::codec
