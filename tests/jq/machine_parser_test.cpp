// The parser of the jq machine: what is a program, what is none, and where it stops being one.
#include <catch2/catch.hpp>
#include <string>

#include "core/jq/machine/parser.hpp"

namespace {

using namespace holdfast::jq::machine;

bool is_program(const std::string& text) { return parse(text).has_value(); }

/// LINE:COLUMN of its error.
std::string wrong_at(const std::string& text) {
    const auto parsed = parse(text);
    if (parsed) return "none";
    const Place place = place_of(text, parsed.error().offset);
    return std::to_string(place.line) + ":" + std::to_string(place.column);
}

/// With a pair of brackets around each operation.
std::string shape(const Syntax& syntax, ExprId id) {
    const Expr& expr = syntax.exprs[id];
    const auto both = [&](const std::string& sign) {
        return "(" + shape(syntax, expr.a) + sign + shape(syntax, expr.b) + ")";
    };
    switch (expr.op) {
        case Op::number:
        case Op::call: return syntax.text(expr.text);
        case Op::negate: return "-" + shape(syntax, expr.a);
        case Op::attempt: return "try " + shape(syntax, expr.a);
        case Op::bind: return "(" + shape(syntax, expr.a) + " as " + shape(syntax, expr.b) + ")";
        case Op::pipe: return both("|");
        case Op::conjunction:
        case Op::disjunction:
        case Op::comma:
        case Op::alternative:
        case Op::binary:
        case Op::update: return both(syntax.text(expr.text));
        default: return ".";
    }
}

std::string shape(const std::string& text) {
    const auto parsed = parse(text);
    return parsed ? shape(parsed->syntax, parsed->main) : "no program";
}

}  // namespace

TEST_CASE("jq's operators bind as in its grammar") {
    CHECK(shape("1 | 2 | 3") == "(1|(2|3))");
    CHECK(shape("1 , 2 , 3") == "((1,2),3)");
    CHECK(shape("1 // 2 // 3") == "(1//(2//3))");
    CHECK(shape("1 + 2 * 3 - 4") == "((1+(2*3))-4)");
    CHECK(shape("1 or 2 and 3 == 4") == "(1or(2and(3==4)))");
    CHECK(shape("1 = 2 // 3") == "((1=2)//3)");
    CHECK(shape("1 |= 2 , 3") == "((1|=2),3)");
    CHECK(shape("-1 + 2") == "(-1+2)");
    CHECK(shape("try a | b") == "(try a|b)");
    CHECK(shape("try a // b") == "(try a//b)");
    // In jq 1.8 `as` takes what stands before it up to a comma; until 1.7 it took one term.
    CHECK(shape("1 + 2 as $x | 3, 4 | 5") == "((1+2) as ((3,4)|5))");
    CHECK(shape("1 == 2 == 3") == "no program");
    CHECK(shape("1 = 2 = 3") == "no program");
}

TEST_CASE("everything that jq 1.8 takes is a program of the machine's") {
    for (const char* text : {"",
                             ".",
                             "..",
                             ".a",
                             ".a.b",
                             ".\"a\"",
                             ".a.\"b\"?",
                             ".[]",
                             ".[0]",
                             ".a[1:2]",
                             ".[:2]?",
                             ".[1:]",
                             ".a.[0]",
                             ".a[]?",
                             "(1)?.b",
                             "1??",
                             "[]",
                             "[.[]]",
                             "{}",
                             "{a}",
                             "{a:1,b:2}",
                             "{$x:1}",
                             "{$__loc__}",
                             "{\"a b\"}",
                             "{\"a\\(1)\":2}",
                             "{(\"a\",\"b\"):1}",
                             "{if:1}",
                             "{@base64 \"x\":1}",
                             "{a:1|2}",
                             "{a:1+2, b: reduce 1 as $x (0;$x)}",
                             "$__loc__",
                             "if . then 1 end",
                             "if 1 then 2 elif 3 then 4 else 5 end",
                             "try error catch .",
                             "reduce .[] as [$a,$b] (0; . + $a)",
                             "foreach .[] as $x (0; 1)",
                             "foreach .[] as {a:$x} (0; 1; 2)",
                             "label $out | 1, break $out",
                             "def f: 1; f",
                             "def f(g; $a): g | $a; f(1; 2)",
                             "def f: def g: 3; g; f",
                             "@base64 \"x\\(.a)y\"",
                             "@json",
                             ". as {a: $x, $b, (\"c\"): [$d], \"e\": $f} ?// [$g] | $x",
                             "1 as $x | $x",
                             "\"\\u00e9\\ud83d\\ude00\\n\"",
                             "\"\\(\"nested \\(1)\")\"",
                             ".a?//1",
                             "1 # note\n+ 1",
                             "1 # a \\\n still\n",
                             "a::b",
                             "a::b(1)",
                             "$a::b",
                             ".and.or.if",
                             "-(1)",
                             "- 1",
                             "def f: .; def g: .;",
                             ".1 + 1.e3",
                             "import \"a\" as a; a::f",
                             "{a: -1}"}) {
        INFO(text);
        CHECK(is_program(text));
    }
}

TEST_CASE("what is no jq program is refused where it stops being one") {
    CHECK(wrong_at("1 +") == "1:4");
    CHECK(wrong_at(".a\n| .b |\n| .c") == "3:1");
    CHECK(wrong_at("\"abc") == "1:5");
    CHECK(wrong_at("\"a\\qb\"") == "1:3");
    CHECK(wrong_at("\"\\ud83d\"") == "1:2");
    CHECK(wrong_at("{a:1") == "1:5");
    CHECK(wrong_at("if . then 1") == "1:12");
    CHECK(wrong_at("{1:2}") == "1:2");
    CHECK(wrong_at("def f: 1") == "1:9");
    CHECK(wrong_at("break") == "1:1");
    CHECK(wrong_at("and") == "1:1");
    CHECK(wrong_at("1 as x | 2") == "1:6");
    CHECK(wrong_at("&") == "1:1");
    CHECK(wrong_at(") 1") == "1:1");
}

TEST_CASE("programs of any depth are parsed or refused, not died of") {
    for (const char* open :
         {"(", "[", "{a:", "-", "if ", "try ", "\"\\(", ".[", "1 as $x|", "def f:", "reduce ",
          "label $a|", ". as [", "1|", "1+", "1,", ".a", "1//", "?//"}) {
        std::string text;
        for (int i = 0; i < 20000; ++i) text += open;
        INFO(open);
        const auto parsed = parse(text + "1");
        if (parsed) CHECK(parsed->syntax.exprs[parsed->main].height <= Syntax::height_max);
    }
}
