// Text of others, as it may stand in a line: whatever is in it, a terminal shows all of it and
// obeys none of it.
#include "io/printable.hpp"

#include <catch2/catch.hpp>

#include <random>

#include "core/codec/document.hpp"
#include "core/codec/utf8.hpp"
#include "io/cli/config.hpp"
#include "io/cli/reader.hpp"
#include "io/json.hpp"

using namespace holdfast;
using io::printable;

namespace {

std::string utf8(std::uint32_t point) {
    std::string out;
    codec::append_utf8(point, out);
    return out;
}

bool is_plain(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const io::Character c = io::character_at(text, at);
        if (!c.valid || io::is_hidden(c.point)) return false;
        at += c.size;
    }
    return true;
}

std::string random_bytes(std::mt19937& random) {
    std::string out(random() % 40, '\0');
    for (char& c : out) c = static_cast<char>(random() % 4 == 0 ? 0xe2 - random() % 3 : random());
    return out;
}

}  // namespace

TEST_CASE("directions, zero widths and controls are written out, all else stays") {
    CHECK(printable("a\u202eb") == "a\\u{202e}b");
    CHECK(printable("\u200f\u200e\u2066\u2069\u200b\u200d\ufeff") ==
          "\\u{200f}\\u{200e}\\u{2066}\\u{2069}\\u{200b}\\u{200d}\\u{feff}");
    CHECK(printable("\x1b[31m\x07\x7f\n") == "\\x1b[31m\\x07\\x7f\\x0a");
    CHECK(printable("\u009b31m") == "\\x9b31m");
    CHECK(printable("\x9b\xff\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80") ==
          "\\x9b\\xff\\xc0\\x80\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80");
    CHECK(printable("gr\u00fc\u00dfe \u65e5\u672c \U0001f600 \\x1b") ==
          "gr\u00fc\u00dfe \u65e5\u672c \U0001f600 \\x1b");
    CHECK(printable("\U000e0041\u2028") == "\\u{e0041}\\u{2028}");
}

TEST_CASE("each character of Unicode is either shown as it is or written out in ASCII") {
    for (std::uint32_t point = 0; point <= 0x10ffff; ++point) {
        if (point >= 0xd800 && point <= 0xdfff) continue;
        const std::string text = utf8(point);
        const std::string shown = printable(text);
        if ((shown == text) == io::is_hidden(point)) FAIL_CHECK(point);
        if (!is_plain(shown)) FAIL_CHECK(point);
    }
}

TEST_CASE("whatever the bytes are, what is shown is plain, and showing it again changes nothing") {
    std::mt19937 random(1);
    for (int i = 0; i < 20000; ++i) {
        const std::string bytes = random_bytes(random);
        const std::string shown = printable(bytes);
        REQUIRE(is_plain(shown));
        REQUIRE(printable(shown) == shown);
        REQUIRE(is_plain(cli::in_quotes(bytes)));
        REQUIRE(is_plain(io::cut(shown, 7)));
        const std::string json = io::json_quote(bytes);
        REQUIRE(is_plain(json));
        codec::Parser parser;
        codec::Tape tape;
        REQUIRE(parser.parse(std::as_bytes(std::span(json)), codec::Format::json, tape));
    }
}

TEST_CASE("problems of a config quote it without what a terminal would obey") {
    const std::string text =
        "[sources.in]\ntype = \"file\u202e\u0085\"\ninclude = [\"x\"]\n\"a\u2066b\" = 1\n";
    for (const std::string flag : {"engine.mode=\u202e", "x\u200by.\x1b=1"}) {
        const cli::ConfigResult result = cli::parse_config(text, "p\u202e.toml", {flag});
        REQUIRE_FALSE(result.problems.empty());
        for (const std::string& problem : result.problems) {
            INFO(problem);
            CHECK(is_plain(problem));
        }
    }
}
