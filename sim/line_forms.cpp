// Lines of CSV, of syslog, and such as a pattern matches, written beside the objects that they are:
// I96 as line_world.cpp has it.
#include <array>
#include <string>
#include <vector>

#include "core/text/format_program.hpp"
#include "core/text/parse_program.hpp"
#include "io/jq/outside.hpp"
#include "sim/line_world.hpp"

namespace holdfast::sim {
namespace {

using text::Format;
using text::ParseSettings;

// ---- csv ---------------------------------------------------------------------------------------

std::string doubled(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
    return out + "\"";
}

void csv(LineDraw& draw) {
    ParseSettings settings{.format = Format::csv};
    settings.separator = std::array{",", ";", "\t", "||"}[draw.below(4)];
    settings.numbers = draw.one_of(2);
    settings.skip_header = draw.one_of(2);
    JsonMembers members;
    std::string line;
    bool is_header = true;
    for (std::uint64_t i = 0, count = 1 + draw.below(5); i < count; ++i) {
        settings.columns.push_back("c" + std::to_string(i) + draw.word(2, draw.one_of(4)));
        const bool names = draw.one_of(4);
        is_header = is_header && names;
        const std::string value = names            ? settings.columns.back()
                                  : draw.one_of(3) ? draw.number()
                                                   : draw.word(5, draw.one_of(2));
        const bool fits = value.find(settings.separator[0]) == value.npos &&
                          !value.starts_with('"') && !value.ends_with('\n') &&
                          !value.ends_with('\r') && (count > 1 || !value.empty());
        const bool is_plain = fits && !draw.one_of(3);
        if (i > 0) line += settings.separator;
        line += is_plain ? value : doubled(value);
        const bool counts = is_plain && settings.numbers && is_number(value);
        put(members, settings.columns.back(), counts ? value : json_text(value));
    }
    std::string wanted = settings.skip_header && is_header ? "-" : object_of(members);
    if (const std::uint64_t broken = draw.below(12); broken < 3) {
        // A value too many, one too few, and one that is not closed.
        if (broken == 0) line += settings.separator + "x";
        if (broken == 1) settings.columns.push_back("one more");
        if (broken == 2) {
            line += settings.separator + "\"x\"\"";
            settings.columns.push_back("open");
        }
        wanted = "!";
    }
    LineRuns(text::make_parse_program(settings)).demand_over(line, wanted, text::text_of(settings));
}

// ---- syslog ------------------------------------------------------------------------------------

constexpr std::array<const char*, 24> facilities{
    "kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",    "news",
    "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "audit",  "alert",  "clock",
    "local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7"};
constexpr std::array<const char*, 8> severities{"emerg",   "alert",  "crit", "err",
                                                "warning", "notice", "info", "debug"};

std::string priority(LineDraw& draw, JsonMembers& members) {
    const std::uint64_t facility = draw.below(24), severity = draw.below(8);
    put(members, "facility", json_text(facilities[facility]));
    put(members, "severity", json_text(severities[severity]));
    return "<" + std::to_string(facility * 8 + severity) + ">";
}

/// A word of the header, or nothing.
std::string header(LineDraw& draw, const char* name, const std::string& word,
                   JsonMembers& members) {
    if (draw.one_of(4)) return "- ";
    put(members, name, json_text(word));
    return word + " ";
}

std::string structured(LineDraw& draw, JsonMembers& members) {
    if (draw.one_of(3)) return "-";
    std::string line;
    JsonMembers elements;
    for (std::uint64_t n = 1 + draw.below(3); n > 0; --n) {
        const std::string id = "id" + std::to_string(draw.below(3)) + "@7";
        line += "[" + id;
        JsonMembers params;
        for (std::uint64_t p = draw.below(4); p > 0; --p) {
            const std::string name = "p" + std::to_string(draw.below(3));
            const std::string value = draw.word(5, draw.one_of(2)) + (draw.one_of(6) ? "]" : "");
            line += " " + name + "=\"";
            for (const char c : value) {
                if (c == '"' || c == '\\' || c == ']') line += '\\';
                line += c;
            }
            line += "\"";
            put(params, name, json_text(value));
        }
        line += "]";
        put(elements, id, object_of(params));
    }
    put(members, "structured_data", object_of(elements));
    return line;
}

std::string message(LineDraw& draw, JsonMembers& members) {
    const std::string text = "m " + draw.word(8, true) + ".";
    put(members, "message", json_text(text));
    return text;
}

void syslog_5424(LineDraw& draw) {
    JsonMembers members;
    std::string line = priority(draw, members) + "1 ";
    constexpr std::array times{"2026-01-31T23:59:59Z", "2026-01-31T23:59:59.123456+01:00"};
    line += header(draw, "timestamp", times[draw.below(2)], members);
    line += header(draw, "hostname", "h" + draw.word(3, false), members);
    line += header(draw, "appname", "app", members);
    line += header(draw, "procid", draw.number(), members);
    line += header(draw, "msgid", "ID" + draw.number(), members);
    line += structured(draw, members);
    const bool is_broken = draw.one_of(6);
    if (is_broken)
        line += draw.one_of(2) ? "x" : "[open k=\"\\\"";
    else if (!draw.one_of(4))
        line += std::string(" ") + (draw.one_of(3) ? "\xef\xbb\xbf" : "") + message(draw, members);
    const ParseSettings settings{.format = Format::syslog};
    LineRuns(text::make_parse_program(settings))
        .demand_over(line, is_broken ? "!" : object_of(members), "syslog");
}

void syslog_3164(LineDraw& draw) {
    JsonMembers members;
    std::string line = draw.one_of(3) ? "" : priority(draw, members);
    constexpr std::array times{"Jan 31 23:59:59", "Dec  1 00:00:00", "2026-01-31T23:59:59.1+01:00"};
    const std::string time = times[draw.below(3)];
    put(members, "timestamp", json_text(time));
    line += time + " ";
    const bool has_tag = !draw.one_of(3);
    if (!has_tag || !draw.one_of(4)) {
        const std::string host = draw.one_of(3) ? "fe80::1" : "h" + draw.word(3, false);
        put(members, "hostname", json_text(host));
        line += host + " ";
    }
    if (has_tag) {
        const std::string tag = "app/" + draw.word(3, false);
        put(members, "appname", json_text(tag));
        line += tag;
        const bool has_number = draw.one_of(2);
        if (has_number) {
            const std::string number = std::to_string(draw.below(1000));
            line += "[" + number + "]";
            put(members, "procid", json_text(number));
        }
        line += has_number && draw.one_of(3) ? " " : ": ";
    }
    line += message(draw, members);
    const ParseSettings settings{.format = Format::syslog};
    LineRuns(text::make_parse_program(settings)).demand_over(line, object_of(members), "syslog");
}

// ---- regex -------------------------------------------------------------------------------------

void regex(LineDraw& draw) {
    ParseSettings settings{.format = Format::regex};
    settings.pattern =
        R"p(^(?<host>[^ ]+) (x)?(?<n>-?[0-9.eE+-]+)(?: "(?<m>[^"]*)")?(?: (?<o>\w+))?$)p";
    settings.numbers = draw.one_of(2);
    JsonMembers members;
    const std::string host = "h" + draw.word(3, false), number = draw.number();
    std::string line = host + " " + (draw.one_of(2) ? "x" : "") + number;
    put(members, "host", json_text(host));
    put(members, "n", settings.numbers ? number : json_text(number));
    const bool has_text = draw.one_of(2);
    const std::string text = "t" + draw.word(3, false);
    put(members, "m", has_text ? json_text(text) : "null");
    if (has_text) line += " \"" + text + "\"";
    const bool has_more = draw.one_of(2);
    put(members, "o", has_more ? json_text("\xc3\xa9_1") : "null");
    if (has_more) line += " \xc3\xa9_1";
    const bool is_broken = draw.one_of(4);
    if (is_broken) line += " .";
    std::string error;
    auto program = text::make_regex_program(settings, jq::make_outside(), error);
    demand(program != nullptr, "I96", "a pattern is none: " + error);
    LineRuns(draw.one_of(2) ? std::move(program) : program->clone())
        .demand_over(line, is_broken ? "!" : object_of(members), settings.pattern);
}

// ---- written by `format`, and read again --------------------------------------------------------

void written(LineDraw& draw) {
    const bool is_csv = draw.one_of(2);
    text::FormatSettings format{.layout = is_csv ? text::Layout::csv : text::Layout::logfmt};
    ParseSettings parse{.format = is_csv ? Format::csv : Format::logfmt};
    parse.separator = format.separator = std::array{",", ";", "\t", "||"}[draw.below(4)];
    parse.numbers = true;
    JsonMembers members;
    bool has_newline = false;
    for (std::uint64_t i = 0, count = 1 + draw.below(5); i < count; ++i) {
        const std::string key = is_csv ? "c" + std::to_string(i) : draw.word(3, draw.one_of(3));
        const bool is_number = draw.one_of(3);
        const std::string value = draw.one_of(3) ? draw.number() : draw.word(6, draw.one_of(2));
        has_newline = has_newline || (!is_number && value.find('\n') != value.npos);
        put(members, key, is_number ? draw.number() : json_text(value));
        parse.columns.push_back(key);
        format.columns.push_back(key);
        format.paths.push_back({.steps = {{.key = key}}});
    }
    const std::string record = object_of(members);
    const std::string line = LineRuns(text::make_format_program(format)).over(record);
    if (is_csv && has_newline)
        return demand(line.starts_with("! "), "I96", "a newline is part of a line: " + line);
    LineRuns(text::make_parse_program(parse))
        .demand_over(line, record, text::text_of(parse) + " of " + record);
}

}  // namespace

void run_forms(std::uint64_t seed) {
    LineDraw draw(seed);
    switch (draw.below(5)) {
        case 4: return written(draw);
        case 0: return syslog_5424(draw);
        case 1: return syslog_3164(draw);
        case 2: return regex(draw);
        default: return csv(draw);
    }
}

}  // namespace holdfast::sim
