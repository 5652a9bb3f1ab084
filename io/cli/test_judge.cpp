// See test_judge.hpp.
#include "io/cli/test_judge.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/assert.hpp"
#include "core/codec/key_program.hpp"
#include "core/jq/text.hpp"
#include "io/jq/compile.hpp"
#include "io/printable.hpp"

namespace holdfast::cli {
namespace {

constexpr std::size_t shown_most = 600;  // Bytes of a record.
constexpr std::size_t lines_most = 40;   // Records of one place.
constexpr std::size_t places_most = 6;   // Of two records.
constexpr std::size_t cells_most = 4'000'000;

/// Where two values differ, as texts. Its input is [expected, came].
constexpr std::string_view places_program = R"jq(
def step: if type == "string" then (if test("^[A-Za-z_][A-Za-z0-9_]*$") then "." + . else "[" + tojson + "]" end) else "[\(.)]" end;
def at($p): if $p == "" then "." else $p end;
def differ($p): . as [$a, $b]
  | if $a == $b then empty
    elif ($a | type) == "object" and ($b | type) == "object" then
      ([$a, $b] | map(keys_unsorted) | add | unique[]) as $k
      | if ($a | has($k) | not) then "\($p)\($k | step): nothing expected, \($b[$k] | tojson) came"
        elif ($b | has($k) | not) then "\($p)\($k | step): \($a[$k] | tojson) expected, nothing came"
        else [$a[$k], $b[$k]] | differ($p + ($k | step)) end
    elif ($a | type) == "array" and ($b | type) == "array" then
      range([$a, $b] | map(length) | max) as $k
      | if $k >= ($a | length) then "\(at($p))[\($k)]: nothing expected, \($b[$k] | tojson) came"
        elif $k >= ($b | length) then "\(at($p))[\($k)]: \($a[$k] | tojson) expected, nothing came"
        else [$a[$k], $b[$k]] | differ(at($p) + "[\($k)]") end
    else "\(at($p)): \($a | tojson) expected, \($b | tojson) came" end;
differ(""))jq";

std::unique_ptr<Program> compiled(std::string_view text) {
    CompiledProgram program = compile_program(text);
    HF_ASSERT(program.has_value());
    return std::move(*program);
}

/// A program over one text.
class Once {
public:
    explicit Once(std::unique_ptr<Program> program) : program_(std::move(program)) {}
    ProgramResult run(std::string_view record) {
        readable_ = std::string(record);
        readable_.append(Program::padding, ' ');
        out.clear();
        const auto bytes = std::as_bytes(std::span(readable_)).first(record.size());
        return program_->run(bytes, out, error);
    }
    std::string text() const { return {reinterpret_cast<const char*>(out.data()), out.size()}; }

    std::vector<std::byte> out;
    std::string error;

private:
    std::unique_ptr<Program> program_;
    std::string readable_;
};

std::string shown(std::string_view record) {
    const std::string_view part = io::cut(record, shown_most);
    const std::string text = record.empty() ? "(an empty line)" : io::printable(part);
    if (part.size() == record.size()) return text;
    return text + fmt::format("... ({} bytes)", record.size());
}

std::string records_text(std::size_t count) {
    return fmt::format("{} record{}", count, count == 1 ? "" : "s");
}

class Judge {
public:
    Judge(const TestCase& test, const TestSeen& seen) : test_(test), seen_(seen) {}

    std::vector<std::string> lines() {
        if (!seen_.fault.empty()) return {seen_.fault};
        judge_halt();
        for (std::size_t i = 0; i < test_.outputs.size(); ++i)
            judge_output(test_.outputs[i], seen_.outputs[i]);
        if (test_.dropped.given) compare("dropped", test_.dropped.records, seen_.dropped, true);
        judge_dead_letters();
        return std::move(lines_);
    }

private:
    template <class... Parts>
    void say(fmt::format_string<Parts...> text, Parts&&... parts) {
        lines_.push_back(fmt::format(text, std::forward<Parts>(parts)...));
    }
    std::string key_of(const std::string& record, bool by_bytes);
    void judge_halt();
    void judge_output(const TestOutput& output, const TestCame& came);
    void judge_every(const TestOutput& output, const TestCame& came);
    void judge_dead_letters();
    std::string why_not(const TestDeadLetter& expected, const TestSetAside& came);
    void compare(const std::string& name, const std::vector<std::string>& expected,
                 const std::vector<std::string>& came, bool by_bytes);
    void show(const std::vector<std::string>& expected, const std::vector<std::string>& came,
              const std::vector<std::string>& expected_keys,
              const std::vector<std::string>& came_keys);
    void show_gap(std::span<const std::string> expected, std::span<const std::string> came);
    void name_places(const std::string& expected, const std::string& came);

    const TestCase& test_;
    const TestSeen& seen_;
    Once key_{codec::make_program_key(compiled("."))};
    Once places_{compiled(places_program)};
    std::vector<std::string> lines_;
};

/// Equal for what counts as the same.
std::string Judge::key_of(const std::string& record, bool by_bytes) {
    if (by_bytes) return record;
    const ProgramResult result = key_.run(record);
    if (result.verdict == Verdict::fail) return "bytes " + record;
    return "value " + (result.verdict == Verdict::keep ? record : key_.text());
}

void Judge::judge_halt() {
    const bool expected = !test_.halts.empty();
    if (!expected && seen_.halted) say("the pipeline halts: {}", shown(*seen_.halted));
    if (expected && !seen_.halted)
        say("a halt expected, with \"{}\"; it does not halt", shown(test_.halts));
    if (expected && seen_.halted && seen_.halted->find(test_.halts) == std::string::npos)
        say("a halt expected, with \"{}\"; it halts with: {}", shown(test_.halts),
            shown(*seen_.halted));
}

void Judge::judge_output(const TestOutput& output, const TestCame& came) {
    const std::string& name = output.from.name;
    if (output.records.is_bytes) {
        if (output.records.bytes == came.bytes) return;
        const auto hex = [](std::string_view bytes) {
            std::string text;
            for (const char c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
            return text;
        };
        say("{}: other bytes came", name);
        say("  - {}", shown(hex(output.records.bytes)));
        say("  + {}", shown(hex(came.bytes)));
    } else if (output.records.given) {
        compare(name, output.records.records, came.records, output.by_bytes);
    }
    if (output.count && *output.count != came.records.size())
        say("{}: {} expected, {} came", name, records_text(*output.count), came.records.size());
    if (!output.every.empty()) judge_every(output, came);
}

void Judge::judge_every(const TestOutput& output, const TestCame& came) {
    CompiledProgram program = compile_condition(output.every);
    HF_ASSERT(program.has_value());
    Once condition(std::move(*program));
    std::size_t bad = 0;
    for (const std::string& record : came.records) {
        const ProgramResult result = condition.run(record);
        if (result.verdict == Verdict::keep) continue;
        if (++bad > lines_most) continue;
        if (bad == 1) say("{}: not for every record: {}", output.from.name, shown(output.every));
        say("  + {}", shown(record));
        if (result.verdict == Verdict::fail) say("      {}", shown(condition.error));
    }
    if (bad > lines_most) say("  and {} more", bad - lines_most);
    if (came.records.empty())
        say("{}: nothing came of which to say: {}", output.from.name, shown(output.every));
}

// ---- lists of records --------------------------------------------------------------------------

void Judge::compare(const std::string& name, const std::vector<std::string>& expected,
                    const std::vector<std::string>& came, bool by_bytes) {
    std::vector<std::string> expected_keys, came_keys;
    for (const std::string& record : expected) expected_keys.push_back(key_of(record, by_bytes));
    for (const std::string& record : came) came_keys.push_back(key_of(record, by_bytes));
    if (expected_keys == came_keys) return;
    const bool same_set = [&] {
        auto a = expected_keys, b = came_keys;
        std::sort(a.begin(), a.end());
        std::sort(b.begin(), b.end());
        return a == b;
    }();
    if (same_set)
        say("{}: the records came in another order (- expected, + came)", name);
    else
        say("{}: {} expected, {} came (- expected, + came)", name, records_text(expected.size()),
            came.size());
    const std::size_t before = lines_.size();
    show(expected, came, expected_keys, came_keys);
    if (lines_.size() - before <= lines_most) return;
    const std::size_t cut = lines_.size() - before - lines_most;
    lines_.resize(before + lines_most);
    say("  and {} lines more", cut);
}

/// The longest common subsequence stays; what lies between is shown.
void Judge::show(const std::vector<std::string>& expected, const std::vector<std::string>& came,
                 const std::vector<std::string>& expected_keys,
                 const std::vector<std::string>& came_keys) {
    const std::size_t rows = expected.size() + 1, columns = came.size() + 1;
    if (rows > cells_most / columns) return show_gap(expected, came);
    std::vector<std::uint32_t> common(rows * columns);
    const auto cell = [&](std::size_t i, std::size_t j) -> std::uint32_t& {
        return common[i * columns + j];
    };
    for (std::size_t i = expected.size(); i-- > 0;)
        for (std::size_t j = came.size(); j-- > 0;)
            cell(i, j) = expected_keys[i] == came_keys[j]
                             ? cell(i + 1, j + 1) + 1
                             : std::max(cell(i + 1, j), cell(i, j + 1));
    const std::span all_expected(expected), all_came(came);
    std::size_t i = 0, j = 0, gap_i = 0, gap_j = 0;
    const auto gap = [&] {
        show_gap(all_expected.subspan(gap_i, i - gap_i), all_came.subspan(gap_j, j - gap_j));
    };
    while (i < expected.size() && j < came.size()) {
        if (expected_keys[i] != came_keys[j]) {
            ++(cell(i + 1, j) >= cell(i, j + 1) ? i : j);
            continue;
        }
        gap();
        say("    {}", shown(came[j]));
        gap_i = ++i;
        gap_j = ++j;
    }
    i = expected.size();
    j = came.size();
    gap();
}

void Judge::show_gap(std::span<const std::string> expected, std::span<const std::string> came) {
    const bool pairs = expected.size() == came.size();
    for (std::size_t i = 0; i < expected.size(); ++i) {
        say("  - {}", shown(expected[i]));
        if (!pairs) continue;
        say("  + {}", shown(came[i]));
        name_places(expected[i], came[i]);
    }
    if (pairs) return;
    for (const std::string& record : came) say("  + {}", shown(record));
}

/// Of two JSON values.
void Judge::name_places(const std::string& expected, const std::string& came) {
    if (key_.run(expected).verdict == Verdict::fail || key_.run(came).verdict == Verdict::fail)
        return;
    if (places_.run("[" + expected + "," + came + "]").verdict != Verdict::change) return;
    const std::string text = places_.text();
    std::string_view rest = text;
    for (std::size_t n = 0; !rest.empty() && n <= places_most; ++n) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        std::string plain;
        jq::decode_string(line.substr(1, line.size() - 2), plain);
        say("      {}", n == places_most ? "and more" : shown(plain));
    }
}

// ---- dead letters ------------------------------------------------------------------------------

/// Empty: it is as expected.
std::string Judge::why_not(const TestDeadLetter& expected, const TestSetAside& came) {
    if (expected.record && *expected.record != came.record) return "another record";
    if (!expected.transform.empty() && expected.transform != came.transform)
        return fmt::format("transform \"{}\" expected", expected.transform);
    if (!expected.reason.empty() && expected.reason != came.reason)
        return fmt::format("reason \"{}\" expected", expected.reason);
    if (came.error.find(expected.error) == std::string::npos)
        return fmt::format("an error with \"{}\" expected", expected.error);
    return {};
}

void Judge::judge_dead_letters() {
    const auto& expected = test_.dead_letters;
    const auto& came = seen_.dead_letters;
    const std::size_t most = std::max(expected.size(), came.size());
    bool is_headed = false;
    for (std::size_t i = 0; i < most; ++i) {
        std::string why = i >= expected.size() ? "not expected"
                          : i >= came.size()   ? "expected, and did not come"
                                               : why_not(expected[i], came[i]);
        if (why.empty()) continue;
        if (!is_headed)
            say("dead letters: {} expected, {} came (- expected, + came)", expected.size(),
                came.size());
        is_headed = true;
        if (i == lines_most) return say("  and more");
        if (i < expected.size()) {
            const TestDeadLetter& dead = expected[i];
            std::string text = dead.record ? shown(*dead.record) : "(any record)";
            if (!dead.transform.empty()) text += fmt::format(" by {}", dead.transform);
            if (!dead.reason.empty()) text += fmt::format(", {}", dead.reason);
            if (!dead.error.empty()) text += fmt::format(": {}", dead.error);
            say("  - {}", io::printable(text));
        }
        if (i < came.size())
            say("  + {} by {}, {}: {}", shown(came[i].record), came[i].transform, came[i].reason,
                shown(came[i].error));
        say("      {}", io::printable(why));
    }
}

}  // namespace

std::vector<std::string> differences(const TestCase& test, const TestSeen& seen) {
    return Judge(test, seen).lines();
}

}  // namespace holdfast::cli
