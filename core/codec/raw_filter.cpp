#include "core/codec/raw_filter.hpp"

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"
#include "core/codec/json_parse.hpp"
#include "core/codec/msgpack_parse.hpp"

namespace holdfast::codec {
namespace {

bool matches(const RawRule& rule, const Value& value) {
    switch (rule.when) {
        case RawRule::When::missing: return value.missing();
        case RawRule::When::equal: return !value.missing() && equal(value, rule.literal->value());
        case RawRule::When::present: return !value.missing() && !value.null();
    }
    return false;
}

RawAnswer answer_of(std::span<const RawRule> rules, std::size_t rule) {
    return {rules[rule].verdict(), static_cast<std::uint32_t>(rule)};
}

/// The answer of the rules where find(path) finds fields; `valid` is asked before one takes effect.
template <class Find, class Valid>
RawAnswer judge_by(std::span<const RawRule> rules, const std::vector<bool>& same_path, Find find,
                   Valid valid) {
    std::expected<Found, ParseError> found;
    for (std::size_t i = 0; i < rules.size(); ++i) {
        if (!same_path[i]) found = find(rules[i].path);
        if (!found) return {};  // A broken record.
        if (!matches(rules[i], found->value())) continue;
        return valid() ? answer_of(rules, i) : RawAnswer{};
    }
    return {};
}

}  // namespace

std::expected<Literal, ParseError> Literal::parse(std::string_view json) {
    Literal literal;
    literal.text_ = json;
    Parser parser;
    Tape tape;
    const auto bytes = std::as_bytes(std::span(literal.text_));
    if (const auto done = parser.parse(bytes, Format::json, tape); !done) {
        return std::unexpected(done.error());
    }
    literal.node_ = *tape.at(0);
    const Kind kind = literal.node_.kind;
    if (kind == Kind::array || kind == Kind::object) {
        return std::unexpected(ParseError{Fault::unexpected, literal.node_.begin});
    }
    return literal;
}

RawFilter::RawFilter(std::vector<RawRule> rules) : rules_(std::move(rules)) {
    for (std::size_t i = 0; i < rules_.size(); ++i) {
        HF_ASSERT(rules_[i].when != RawRule::When::equal || rules_[i].literal.has_value());
        same_path_.push_back(i > 0 && rules_[i].path == rules_[i - 1].path);
    }
}

RawAnswer RawFilter::judge_json(const Indexed& record) {
    return judge_by(
        rules_, same_path_, [&](const Path& path) { return find_json(record, path); },
        [&] {
            tape_.clear();
            return parse_json(record, tape_).has_value();
        });
}

RawAnswer RawFilter::judge_msgpack(std::span<const std::byte> record) {
    return judge_by(
        rules_, same_path_, [&](const Path& path) { return find_msgpack(record, path); },
        [&] {
            tape_.clear();
            return parse_msgpack(record, tape_).has_value();
        });
}

RawAnswer RawFilter::judge(std::span<const std::byte> record, Format format) {
    if (format_of(record, format) == Format::msgpack) return judge_msgpack(record);
    const auto indexed = index_.index(record);
    return indexed ? judge_json(*indexed) : RawAnswer{};
}

void RawFilter::judge_lines(std::span<const std::byte> batch, std::span<const Extent> records,
                            std::vector<RawAnswer>& out) {
    index_.begin(batch, records);
    for (std::size_t i = 0; i < records.size(); ++i) {
        const auto indexed = index_.next();
        out.push_back(indexed ? judge_json(*indexed) : RawAnswer{});
    }
}

void RawFilter::trim() {
    tape_.trim();
    if (!mutant(197)) index_.trim();
}

RawAnswer exact_verdict(std::span<const RawRule> rules, Document& document) {
    if (!document.root()) return {};
    for (std::size_t i = 0; i < rules.size(); ++i) {
        if (matches(rules[i], *document.at(rules[i].path))) return answer_of(rules, i);
    }
    return {};
}

}  // namespace holdfast::codec
