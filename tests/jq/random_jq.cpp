#include "tests/jq/random_jq.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace holdfast::test {
namespace {

using fuzz::Bytes;

template <std::size_t N>
std::string pick(Bytes& bytes, const std::array<std::string_view, N>& from) {
    return std::string(from[bytes.below(N)]);
}

std::string key(Bytes& bytes) { return pick<6>(bytes, {"a", "b", "c", "level", "user", "env"}); }

std::string number(Bytes& bytes) {
    return pick<14>(bytes, {"0", "1", "-1", "2", "10", "1.5", "1e2", "100", "0.1", "-0",
                            "12345678901234567890", "1E+2", "9007199254740993", "1.0"});
}

std::string text(Bytes& bytes) {
    return pick<16>(bytes, {"", "a", "b", "ab", "prod", "debug", "prod-1", "é", "𝄞", "\\n", "a\\nb",
                            "\\u0061", "\\u00e9", "\\ud834\\udd1e", "\\\"", "\\/x"});
}

std::string literal(Bytes& bytes) {
    switch (bytes.below(6)) {
        case 0: return number(bytes);
        case 1: return pick<3>(bytes, {"null", "true", "false"});
        case 2: return pick<5>(bytes, {"{}", "[]", "[1,\"x\"]", "{a:1}", "{\"b\":{c:null}}"});
        default: return '"' + text(bytes) + '"';
    }
}

/// A place that can be changed.
std::string place(Bytes& bytes) {
    std::string out = "." + key(bytes);
    const std::uint64_t more = bytes.below(4);
    if (more == 1) out += "." + key(bytes);
    if (more == 2) out += "[\"" + key(bytes) + "\"]";
    if (more == 3) out += ".\"" + key(bytes) + "\"." + key(bytes);
    return out;
}

std::string places(Bytes& bytes) {
    const std::string first = place(bytes);
    return bytes.below(4) == 0 ? first + "," + place(bytes) : first;
}

std::string value(Bytes& bytes, int depth);

std::string on_text(Bytes& bytes) {
    const std::string argument = "\"" + text(bytes) + "\"";
    switch (bytes.below(5)) {
        case 0: return "has(\"" + key(bytes) + "\")";
        case 1: return "startswith(" + argument + ")";
        case 2: return "endswith(" + argument + ")";
        case 3: return "contains(" + argument + ")";
        default:
            return pick<11>(bytes,
                            {"test(\"a\")", "test(\"^a\")", "test(\"b$\")", "test(\"^ab$\")",
                             "test(\"\")", "test(\"^$\")", "test(\"prod-1\")", "test(\"\\\\.\")",
                             "test(\"a|b\")", "test(\"^b|d$\")", "test(\"x\\\\|y||^a\")"});
    }
}

std::string built(Bytes& bytes, int depth) {
    const std::string inner = value(bytes, depth - 1);
    switch (bytes.below(4)) {
        case 0: return "{" + key(bytes) + "," + key(bytes) + ":(" + inner + ")}";
        case 1: return "{\"" + key(bytes) + "\":(" + inner + ")," + key(bytes) + ":1}";
        case 2: return "[(" + inner + ")]";
        default: return "[(" + inner + "),." + key(bytes) + "]";
    }
}

/// One value or none; operators stand in parentheses now and then.
std::string value(Bytes& bytes, int depth) {
    if (depth <= 0) return bytes.below(2) == 0 ? place(bytes) : literal(bytes);
    const auto operand = [&] {
        const std::string inner = value(bytes, depth - 1);
        return bytes.below(3) == 0 ? inner : "(" + inner + ")";
    };
    switch (bytes.below(17)) {
        case 0:
        case 1: return literal(bytes);
        case 15: return "$meta" + pick<5>(bytes, {"", ".id", ".position", ".source", ".none"});
        case 2: return place(bytes);
        case 3: return place(bytes) + "?";
        case 4: {
            const std::string left = operand();
            const std::string op = pick<6>(bytes, {"==", "!=", "<", "<=", ">", ">="});
            return left + op + operand();
        }
        case 5: return operand() + " and " + operand();
        case 6: return operand() + " or " + operand();
        case 7: return operand() + " // " + operand();
        case 8: return operand() + "|not";
        case 9: return place(bytes) + "|" + on_text(bytes);
        case 10: return place(bytes) + "|" + pick<3>(bytes, {"length", "type", "."});
        case 11: return "." + key(bytes) + pick<4>(bytes, {"[0]", "[-1]", "[1]?", "[7]"});
        case 12: return "if " + operand() + " then " + operand() + " else " + operand() + " end";
        case 13: return built(bytes, depth);
        case 14: return "select(" + operand() + ")";
        default: return on_text(bytes);
    }
}

std::string stage(Bytes& bytes, int depth) {
    switch (bytes.below(12)) {
        case 0:
        case 1: return "select(" + value(bytes, 2) + ")";
        case 2:
        case 3: return place(bytes) + " = (" + value(bytes, 2) + ")";
        case 4: return "(" + places(bytes) + ") = " + literal(bytes);
        case 5: return "del(" + places(bytes) + ")";
        case 6: {
            const std::string old = place(bytes);
            return place(bytes) + " = " + old + " | del(" + old + ")";
        }
        case 7:
            return "with_entries(if .key == \"" + key(bytes) + "\" then .key = \"" + key(bytes) +
                   "\" else . end)";
        case 8: return pick<4>(bytes, {".", "empty", ".[]?", ".a[]?"});
        case 9:
            if (depth > 0) {
                return "(" + stage(bytes, depth - 1) + ", " + stage(bytes, depth - 1) + ")";
            }
            return place(bytes);
        case 10: return value(bytes, 3);
        default: return "if " + value(bytes, 1) + " then " + place(bytes) + " = 1 else . end";
    }
}

std::string space(Bytes& bytes, bool spaced) {
    return spaced ? pick<4>(bytes, {"", " ", "  ", "\t"}) : "";
}

std::string json(Bytes& bytes, int depth, bool spaced) {
    const std::uint64_t kind = bytes.below(depth > 0 ? 10 : 5);
    if (kind == 0) return number(bytes);
    if (kind == 1) return pick<3>(bytes, {"null", "true", "false"});
    if (kind < 5) return '"' + text(bytes) + '"';
    const bool array = kind == 5;
    const std::uint64_t count = bytes.below(5);
    std::string out(1, array ? '[' : '{');
    out += space(bytes, spaced);
    for (std::uint64_t i = 0; i < count; ++i) {
        if (i > 0) out += space(bytes, spaced) + "," + space(bytes, spaced);
        if (!array) {
            out += bytes.below(40) == 39 ? "\"\\u0061\"" : '"' + key(bytes) + '"';
            out += space(bytes, spaced) + ":" + space(bytes, spaced);
        }
        out += json(bytes, depth - 1, spaced);
    }
    return out + space(bytes, spaced) + (array ? ']' : '}');
}

constexpr std::array<std::string_view, 64> words{".",
                                                 ".a",
                                                 ".b",
                                                 "..",
                                                 "|",
                                                 ",",
                                                 "//",
                                                 "=",
                                                 "==",
                                                 "!=",
                                                 "<",
                                                 ">=",
                                                 "and",
                                                 "or",
                                                 "not",
                                                 "?",
                                                 "(",
                                                 ")",
                                                 "[",
                                                 "]",
                                                 "{",
                                                 "}",
                                                 ":",
                                                 "-",
                                                 "1",
                                                 "1.5",
                                                 "\"a\"",
                                                 ".[0]",
                                                 ".[-1]",
                                                 "[]",
                                                 "{}",
                                                 "a",
                                                 "if",
                                                 "then",
                                                 "else",
                                                 "end",
                                                 "elif",
                                                 "empty",
                                                 "length",
                                                 "true",
                                                 "null",
                                                 "type",
                                                 "del(.a)",
                                                 "{a}",
                                                 "{a:1",
                                                 ",b:2}",
                                                 ".[\"a\"]",
                                                 "(.a)",
                                                 "(",
                                                 ")",
                                                 "has(\"a\")",
                                                 "test(\"a\")",
                                                 "select(",
                                                 ".\"a\"",
                                                 "+",
                                                 "|=",
                                                 " as ",
                                                 "$x",
                                                 "if . then 1 else 2 end",
                                                 "#",
                                                 "\n",
                                                 ".a.b",
                                                 "{\"a\"",
                                                 "def"};

}  // namespace

std::string random_program(Bytes& bytes) {
    std::string out = stage(bytes, 2);
    for (std::uint64_t more = bytes.below(4); more > 0; --more) out += " | " + stage(bytes, 2);
    return out;
}

std::string random_words(Bytes& bytes) {
    std::string out;
    for (std::uint64_t more = 1 + bytes.below(8); more > 0; --more) {
        out += pick(bytes, words);
        if (bytes.below(3) != 0) out += ' ';
    }
    return out;
}

std::string random_record(Bytes& bytes) {
    const std::uint64_t shape = bytes.below(16);
    const bool spaced = shape % 4 == 1;
    std::string out = json(bytes, 3, spaced);
    if (spaced) out = " " + out + "\t";
    if (shape == 2) out.resize(out.size() - std::min<std::size_t>(out.size(), 1));
    if (shape == 3 && !out.empty()) {
        out[bytes.below(out.size())] = static_cast<char>(bytes.number(1));
    }
    return out;
}

}  // namespace holdfast::test
