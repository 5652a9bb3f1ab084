// Text parsed into JSON: random members, written as a line in one of their ways, beside the object that
// they are.
//
// I96: a line gives the object that it was written from, of equal keys the last value, whatever record
//      came before; what no writer writes is an error of its record, with nothing of it in the output.
// Rule: lines and objects are written here; the parser is not asked how.
#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "core/text/parse_program.hpp"
#include "sim/breach.hpp"
#include "sim/device_worlds.hpp"
#include "sim/line_world.hpp"

namespace holdfast::sim {

std::string json_text(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        const std::string_view named = "\"\\\b\f\n\r\t", letters = "\"\\bfnrt";
        const std::size_t at = named.find(c);
        if (at != std::string_view::npos) {
            out += '\\';
            out += letters[at];
        } else if (static_cast<unsigned char>(c) < 0x20) {
            char code[8];
            std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned>(c));
            out += code;
        } else {
            out += c;
        }
    }
    return out + "\"";
}

bool is_number(std::string_view text) {
    const auto digits = [&] {
        const std::size_t size = std::min(text.find_first_not_of("0123456789"), text.size());
        text.remove_prefix(size);
        return size;
    };
    if (text.starts_with('-')) text.remove_prefix(1);
    const bool is_zero = text.starts_with('0');
    const std::size_t whole = digits();
    if (whole == 0 || (is_zero && whole > 1)) return false;
    if (text.starts_with('.')) {
        text.remove_prefix(1);
        if (digits() == 0) return false;
    }
    if (text.starts_with('e') || text.starts_with('E')) {
        text.remove_prefix(1);
        if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
        if (digits() == 0) return false;
    }
    return text.empty();
}

void put(JsonMembers& members, const std::string& key, std::string json) {
    for (auto& [name, value] : members) {
        if (name != key) continue;
        value = std::move(json);
        return;
    }
    members.emplace_back(key, std::move(json));
}

std::string object_of(const JsonMembers& members) {
    std::string out = "{";
    for (const auto& [key, value] : members)
        out += (out.size() > 1 ? "," : "") + json_text(key) + ":" + value;
    return out + "}";
}

std::string LineRuns::over(std::string_view record) {
    std::vector<std::byte> out;
    std::string error;
    const std::string padded = std::string(record) + std::string(Program::padding, '"');
    const auto* bytes = reinterpret_cast<const std::byte*>(padded.data());
    const ProgramResult is = program_->run({bytes, record.size()}, out, error);
    if (is.verdict == Verdict::keep) return std::string(record);
    demand(is.verdict == Verdict::change || out.empty(), "I96",
           "what is no record leaves bytes: " + json_text(record));
    if (is.verdict == Verdict::drop) return "-";
    if (is.verdict == Verdict::fail) return "! " + error;
    std::string text(reinterpret_cast<const char*>(out.data()), out.size());
    demand(text.ends_with('\n') && text.find('\n') + 1 == text.size(), "I96",
           "no single line: " + json_text(text));
    text.pop_back();
    return text;
}

void LineRuns::demand_over(std::string_view record, std::string_view outcome,
                           const std::string& what) {
    for (int i = 0; i < 2; ++i) {
        const std::string is = over(record);
        const bool right = outcome == "!" ? is.starts_with("! ") : is == outcome;
        demand(right, "I96",
               what + " over " + std::string(record) + " gives " + is + ", not " +
                   (outcome == "!" ? "an error" : std::string(outcome)));
    }
}

namespace {

using text::Format;
using text::ParseSettings;

struct Pair {
    std::string key;
    std::string value;
    bool quoted = false;
    bool alone = false;  ///< A key without a value: true.
};
using Pairs = std::vector<Pair>;

Pairs pairs_of(LineDraw& draw) {
    Pairs out(1 + (draw.one_of(20) ? draw.below(60) : draw.below(6)));
    for (Pair& pair : out) {
        pair.key = draw.word(3, draw.one_of(3));
        if (pair.key.empty()) pair.key = "k";
        pair.value = draw.one_of(3) ? draw.number() : draw.word(6, draw.one_of(2));
        pair.quoted = draw.one_of(3);
        pair.alone = draw.one_of(8);
    }
    return out;
}

/// How a line is written.
class Writer {
public:
    Writer(LineDraw& draw, const ParseSettings& settings) : draw_(draw), settings_(settings) {}

    std::string line(const Pairs& pairs, JsonMembers& members) {
        std::string out;
        for (const Pair& pair : pairs) {
            if (!out.empty()) out += between();
            const bool is_plain = !pair.quoted && fits(pair.value, false);
            out += fits(pair.key, true) ? pair.key : quoted(pair.key);
            if (pair.alone) {
                put(members, pair.key, "true");
                continue;
            }
            out += equals();
            out += is_plain ? pair.value : quoted(pair.value);
            const bool counts = is_plain && settings_.numbers && is_number(pair.value);
            put(members, pair.key, counts ? pair.value : json_text(pair.value));
        }
        return out;
    }

private:
    std::string between() {
        if (settings_.format == Format::logfmt) return draw_.one_of(4) ? " \t " : " ";
        const std::string& text = settings_.pair_separator;
        return draw_.one_of(8) ? text + text : text;
    }
    std::string equals() const {
        return settings_.format == Format::logfmt ? "=" : settings_.key_separator;
    }

    /// Whether it can stand without quotes.
    bool fits(const std::string& text, bool is_key) const {
        if (text.empty()) return !is_key;
        if (text.front() == '"') return false;
        if (settings_.format == Format::logfmt)
            return text.find_first_of(" \t\r\n") == text.npos &&
                   (!is_key || text.find('=') == text.npos);
        const std::string_view blanks = " \t\r\n";
        if (blanks.find(text.front()) != blanks.npos || blanks.find(text.back()) != blanks.npos)
            return false;
        const auto& [pairs, keys] = std::tie(settings_.pair_separator, settings_.key_separator);
        return text.find(pairs[0]) == text.npos && (!is_key || text.find(keys[0]) == text.npos);
    }

    std::string quoted(const std::string& text) {
        std::string out = "\"";
        for (const char c : text) {
            const std::string_view named = "\"\\\n\t\r", letters = "\"\\ntr";
            const std::size_t at = named.find(c);
            if (at == std::string_view::npos || (at > 1 && draw_.one_of(2))) {
                out += c;
                continue;
            }
            out += '\\';
            if (draw_.one_of(3) && at != 0 && at != 1) {
                char code[8];
                std::snprintf(code, sizeof code, "u%04x", static_cast<unsigned>(c));
                out += code;
            } else {
                out += letters[at];
            }
        }
        return out + "\"";
    }

    LineDraw& draw_;
    const ParseSettings& settings_;
};

ParseSettings settings_of(LineDraw& draw) {
    static constexpr std::pair<const char*, const char*> separators[] = {
        {" ", "="}, {",", ":"}, {"; ", "="}, {"\t", " "}, {"||", "=>"}, {"&", "="}};
    ParseSettings out;
    out.format = draw.one_of(2) ? Format::logfmt : Format::key_value;
    std::tie(out.pair_separator, out.key_separator) = separators[draw.below(std::size(separators))];
    out.numbers = draw.one_of(2);
    if (draw.one_of(3)) out.into = "in to";
    if (draw.one_of(2)) {
        out.field_name = draw.one_of(2) ? ".log" : ".at.log";
        out.field = *codec::parse_path(out.field_name);
        out.keep_text = draw.one_of(3);
    }
    return out;
}

/// A record that holds the text, with white space where it may be, and what comes of it.
struct Held {
    std::string record;
    JsonMembers members;  ///< Of the record, without the text.
};

Held held(LineDraw& draw, const ParseSettings& settings, const std::string& line) {
    if (!settings.field) return {line + (draw.one_of(8) ? "\r" : ""), {}};
    const bool deep = settings.field->steps.size() > 1;
    const std::string text = json_text(line + (draw.one_of(4) ? "\n" : ""));
    const std::string own = "\"log\" : " + text;
    const std::string kept = settings.keep_text ? "\"log\":" + text : "";
    Held out;
    out.record = " { \"k\" : [1, \"x y\"] , ";
    put(out.members, "k", "[1,\"x y\"]");
    if (deep) {
        out.record += "\"at\":{ \"b\": null," + own + "}";
        put(out.members, "at", "{\"b\":null" + (kept.empty() ? "" : "," + kept) + "}");
    } else {
        out.record += own;
        if (!kept.empty()) put(out.members, "log", text);
    }
    out.record += ", \"\\u0061\":{ } }";
    put(out.members, "a", "{}");
    return out;
}

void lines(std::uint64_t seed) {
    LineDraw draw(seed);
    const ParseSettings settings = settings_of(draw);
    Writer writer(draw, settings);
    JsonMembers members;
    const Pairs pairs = pairs_of(draw);
    std::string line = writer.line(pairs, members);
    const bool is_open = draw.one_of(4);
    if (is_open)
        line += (settings.format == Format::logfmt ? " " : settings.pair_separator) + "\"open" +
                draw.word(4, false);
    Held whole = held(draw, settings, line);
    if (settings.into.empty())
        for (auto& [key, value] : members) put(whole.members, key, value);
    else
        put(whole.members, settings.into, object_of(members));
    const std::string wanted = object_of(whole.members);

    LineRuns runs(text::make_parse_program(settings));
    if (draw.one_of(2)) {
        // Whatever came before.
        JsonMembers other;
        const std::string before = writer.line(pairs_of(draw), other);
        (void)runs.over(held(draw, settings, before + (draw.one_of(2) ? " \"" : "")).record);
    }
    runs.demand_over(whole.record, is_open ? "!" : wanted, text::text_of(settings));
}

/// A value of JSON in a field, or as a line with white space.
void json(std::uint64_t seed) {
    LineDraw draw(seed);
    ParseSettings settings = settings_of(draw);
    settings.format = Format::json;
    JsonMembers members;
    std::string spaced = "{ ";
    for (const Pair& pair : pairs_of(draw)) {
        if (spaced.size() > 2) spaced += " , ";
        spaced += json_text(pair.key) + " :\t" + json_text(pair.value);
        members.emplace_back(pair.key, json_text(pair.value));
    }
    spaced += "}";
    Held whole = held(draw, settings, spaced);
    const bool merges = settings.field && settings.into.empty();
    if (!settings.into.empty())
        put(whole.members, settings.into, object_of(members));
    else if (merges)
        for (auto& [key, value] : members) put(whole.members, key, value);
    else
        whole.members = members;
    const std::string wanted = object_of(whole.members);
    LineRuns(text::make_parse_program(settings))
        .demand_over(whole.record, wanted, text::text_of(settings));
}

}  // namespace

std::optional<Breach> run_lines(std::uint64_t seed) {
    try {
        if (seed % 8 == 7)
            json(seed);
        else if (seed % 8 > 4)
            run_forms(seed);
        else
            lines(seed);
    } catch (const Breach& breach) {
        return breach;
    }
    return std::nullopt;
}

}  // namespace holdfast::sim
