// Regular expressions: compiled once for each text and flags, matched by the outside's engine.
#include <algorithm>

#include "core/base/mutant.hpp"
#include "core/jq/machine/builtins.hpp"

namespace holdfast::jq::machine {
namespace {

constexpr std::size_t kept_max = 16;
// What is made of a pattern is some hundred times as large, and no part of the heap.
constexpr std::size_t pattern_max = 64 << 10;

/// Work of compiling it, for each byte.
constexpr std::size_t steps_of_pattern = 64;
/// Work at one place, whatever is there.
constexpr std::size_t steps_of_place = 16;

class SearchWatch final : public Watch {
public:
    explicit SearchWatch(Heap& heap) : heap_(heap) {}
    bool goes_on(std::size_t bytes) override {
        if (mutant(450)) return true;
        heap_.work(steps_of_place);
        heap_.go_over(bytes);
        return !heap_.exhausted();
    }

private:
    Heap& heap_;
};

struct Mode {
    RegexFlags flags;
    bool global = false;
};

bool mode_of(Bench& bench, const Value& modifiers, Mode& mode) {
    if (modifiers.is(Kind::null)) return true;
    if (!modifiers.is(Kind::string)) {
        return bench.fail(described(bench.heap, modifiers) + " is not a string");
    }
    const std::string_view text = text_of(bench.heap, modifiers);
    for (const char c : text) {
        switch (c) {
            case 'g': mode.global = true; break;
            case 'i': mode.flags.ignore_case = true; break;
            case 'x': mode.flags.extended = true; break;
            case 's': mode.flags.single_line = true; break;
            case 'p': mode.flags.single_line = mode.flags.dot_all = true; break;
            case 'l': mode.flags.longest = true; break;
            case 'n': mode.flags.not_empty = true; break;
            default: return bench.fail(std::string(text) + " is not a valid modifier string");
        }
    }
    return true;
}

/// nullptr: the error is set.
Regex* regex_of(Bench& bench, std::string_view pattern, RegexFlags flags) {
    for (KeptRegex& kept : bench.regexes) {
        const bool is_flags = kept.flags == flags || mutant(406);
        if (is_flags && (kept.pattern == pattern || mutant(405))) return kept.regex.get();
    }
    if (pattern.size() > pattern_max) {
        bench.fail("Regex failure: the pattern is longer than 64KiB");
        return nullptr;
    }
    bench.heap.work((pattern.size() + 1) * steps_of_pattern);
    std::string error;
    std::unique_ptr<Regex> made = bench.outside.regex(pattern, flags, error);
    if (made == nullptr) {
        bench.fail("Regex failure: " + error);
        return nullptr;
    }
    std::size_t kept = pattern.size();
    for (const KeptRegex& one : bench.regexes) kept += one.pattern.size();
    while (!bench.regexes.empty() && (bench.regexes.size() == kept_max || kept > pattern_max)) {
        kept -= bench.regexes.front().pattern.size();
        bench.regexes.erase(bench.regexes.begin());
    }
    bench.regexes.push_back({std::string(pattern), flags, std::move(made)});
    return bench.regexes.back().regex.get();
}

/// Code points before a byte, asked for in rising order mostly.
struct Counted {
    std::string_view text;
    std::size_t byte = 0;
    std::uint64_t points = 0;

    double before(std::int64_t where) {
        const auto at = static_cast<std::size_t>(where);
        if (mutant(426)) return static_cast<double>(where);
        if (at < byte) byte = points = 0;
        points += points_of(text.substr(byte, at - byte));
        byte = at;
        return static_cast<double>(points);
    }
};

void put_place(Heap& heap, Object& object, Counted& counted, const Span& span) {
    const bool takes_part = span.begin >= 0;
    const std::string_view part =
        takes_part ? counted.text.substr(static_cast<std::size_t>(span.begin),
                                         static_cast<std::size_t>(span.end - span.begin))
                   : std::string_view();
    const auto key = [](std::string_view name) { return Value::of(name); };
    put(heap, object, key("offset"), Value::of(takes_part ? counted.before(span.begin) : -1.0));
    // In jq's order.
    if (!takes_part) put(heap, object, key("string"), Value());
    put(heap, object, key("length"), Value::of(static_cast<double>(points_of(part))));
    if (takes_part) put(heap, object, key("string"), Value::of(part));
}

Value match_value(Heap& heap, Counted& counted, const std::vector<Span>& spans,
                  const std::vector<std::string>& names) {
    Object* match = fresh_object(heap, 4);
    put_place(heap, *match, counted, spans[0]);
    ArrayBuilder captures(heap);
    for (std::size_t i = 1; i < spans.size(); ++i) {
        Object* capture = fresh_object(heap, 4);
        put_place(heap, *capture, counted, spans[i]);
        const std::string& name = names[i - 1];
        put(heap, *capture, Value::of(std::string_view("name")),
            name.empty() ? Value() : make_string(heap, name));
        captures.add(value_of(capture));
    }
    put(heap, *match, Value::of(std::string_view("captures")), captures.value());
    return value_of(match);
}

/// What the named groups caught, by their names.
Value captured_value(Heap& heap, std::string_view text, const std::vector<Span>& spans,
                     const std::vector<std::string>& names) {
    Object* captured = fresh_object(heap, names.size());
    for (std::size_t i = 1; i < spans.size(); ++i) {
        if (names[i - 1].empty()) continue;
        const Span& span = spans[i];
        const Value part =
            span.begin < 0
                ? Value()
                : Value::of(text.substr(static_cast<std::size_t>(span.begin),
                                        static_cast<std::size_t>(span.end - span.begin)));
        put(heap, *captured, make_string(heap, names[i - 1]), part);
    }
    return value_of(captured);
}

/// What becomes of matches.
enum class Wanted : std::uint8_t {
    matches,   ///< All that jq says of them.
    any,       ///< Whether there is one.
    captured,  ///< What named groups caught.
    edits,     ///< [[[text before it, what named groups caught], ...], text behind the last one]
};

class Matches {
public:
    Matches(Heap& heap, Wanted wanted, std::string_view text)
        : heap_(heap), wanted_(wanted), counted_{text}, all_(heap) {}

    void add(const std::vector<Span>& spans, const std::vector<std::string>& names) {
        any_ = true;
        if (wanted_ == Wanted::any) return;
        if (wanted_ == Wanted::matches) return all_.add(match_value(heap_, counted_, spans, names));
        const Value captured = captured_value(heap_, counted_.text, spans, names);
        if (wanted_ == Wanted::captured) return all_.add(captured);
        const auto begin = static_cast<std::size_t>(spans[0].begin);
        const std::string_view gap = counted_.text.substr(behind_, begin - behind_);
        const Value edit[] = {Value::of(gap), captured};
        all_.add(make_array(heap_, edit, 2));
        behind_ = static_cast<std::size_t>(spans[0].end);
    }

    Value value() const {
        if (wanted_ == Wanted::any) return Value::of(any_);
        if (wanted_ != Wanted::edits) return all_.value();
        const Value both[] = {all_.value(), Value::of(counted_.text.substr(behind_))};
        return make_array(heap_, both, 2);
    }

private:
    Heap& heap_;
    Wanted wanted_;
    Counted counted_;
    ArrayBuilder all_;
    std::size_t behind_ = 0;
    bool any_ = false;
};

Wanted wanted_of(const Value& value) {
    if (!value.is(Kind::string)) return value.truthy() ? Wanted::any : Wanted::matches;
    return value.bytes() == "edits" ? Wanted::edits : Wanted::captured;
}

/// v: text, pattern, modifiers, what is wanted.
bool match(Bench& bench, const Value* v, Value& out) {
    if (!v[0].is(Kind::string)) {
        return bench.fail(described(bench.heap, v[0]) +
                          " cannot be matched, as it is not a string");
    }
    if (!v[1].is(Kind::string)) {
        return bench.fail(described(bench.heap, v[1]) + " is not a string");
    }
    Mode mode;
    if (!mode_of(bench, v[2], mode)) return false;
    const std::string_view text = text_of(bench.heap, v[0]);
    Regex* regex = regex_of(bench, text_of(bench.heap, v[1]), mode.flags);
    if (regex == nullptr) return false;
    std::vector<Span> spans;
    const Wanted wanted = wanted_of(v[3]);
    Matches matches(bench.heap, wanted, text);
    SearchWatch watch(bench.heap);
    for (std::size_t from = 0; from <= text.size() && !bench.heap.exhausted();) {
        // One search may take as long as it has retries.
        bench.heap.work(Heap::look_every / 16);
        const Regex::Found found = regex->search(text, from, spans, watch);
        if (found == Regex::Found::gave_up) {
            return bench.fail("the regular expression takes too many steps on this text");
        }
        if (found == Regex::Found::ended && !bench.heap.exhausted()) {
            const char* why = bench.outside.stop();
            bench.heap.spend(why != nullptr ? why : "program_time");
        }
        if (found == Regex::Found::no || found == Regex::Found::ended) break;
        const auto begin = static_cast<std::size_t>(spans[0].begin);
        const auto end = static_cast<std::size_t>(spans[0].end);
        matches.add(spans, regex->names());
        if (!mode.global || wanted == Wanted::any) break;
        // Behind an empty match the next one begins at the next character.
        from = end > begin   ? end
               : mutant(425) ? end + 1
                             : end + std::max<std::size_t>(1, byte_of_point(text.substr(end), 1));
    }
    out = matches.value();
    return true;
}

/// Texts so far, each with the gap and its insertion behind it. v: texts, gap, insertions.
bool add_edit(Bench& bench, const Value* v, Value& out) {
    const Value texts = opened(bench.heap, v[0]), inserted = opened(bench.heap, v[2]);
    ArrayBuilder longer(bench.heap);
    for (std::uint32_t i = 0; i < std::max(texts.size, inserted.size); ++i) {
        Value text = i < texts.size ? texts.array->items[i] : Value::of(std::string_view());
        if (i < inserted.size) {
            const Value& insert = inserted.array->items[i];
            Value behind;
            if (!insert.is(Kind::string)) {
                if (!add_values(bench, v[1], insert, behind)) return false;
            } else {
                behind = insert;
                text = concat(bench.heap, text, v[1]);
            }
            text = concat(bench.heap, text, behind);
        }
        longer.add(text);
    }
    out = longer.value();
    return true;
}

}  // namespace

std::vector<NativeEntry> regex_natives() {
    return {{"_match_impl", 3, match}, {"_add_edit", 2, add_edit}};
}

}  // namespace holdfast::jq::machine
