#include "core/data/line_cut.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <string_view>

using namespace holdfast;

namespace {

Cut cut(std::string_view text, const CutRule& rule) {
    return cut_lines(std::as_bytes(std::span(text.data(), text.size())), rule);
}

}  // namespace

TEST_CASE("a cut ends after the last newline") {
    const Cut c = cut("one\ntwo\nthr", {.line_max = 100});
    CHECK(c.bytes == 8);
    CHECK(c.records == 2);
    CHECK(c.terminated);
    CHECK(c.fate == Fate::deliver);
}

TEST_CASE("a partial line is no record, and is one where the bytes are closed") {
    CHECK(cut("thr", {.line_max = 100}).bytes == 0);
    const Cut c = cut("thr", {.line_max = 100, .closed = true});
    CHECK(c.bytes == 3);
    CHECK(c.records == 1);
    CHECK_FALSE(c.terminated);
    const Cut d = cut("one\nthr", {.line_max = 100, .closed = true});
    CHECK(d.bytes == 7);
    CHECK(d.records == 2);
    CHECK_FALSE(d.terminated);
    CHECK(cut("", {.line_max = 100, .closed = true}).bytes == 0);
}

TEST_CASE("a cut keeps to records_max and is then terminated") {
    const Cut c = cut("a\nb\nc\nd", {.line_max = 100, .records_max = 2, .closed = true});
    CHECK(c.bytes == 4);
    CHECK(c.records == 2);
    CHECK(c.terminated);
}

TEST_CASE("a line of exactly line_max bytes with its newline is ordinary") {
    const Cut c = cut("1234567\nx", {.line_max = 8});
    CHECK(c.bytes == 8);
    CHECK(c.fate == Fate::deliver);
    CHECK(c.terminated);
}

TEST_CASE("a cut ends before a line that is too long") {
    const Cut c = cut("a\n12345678\nb\n", {.line_max = 8});
    CHECK(c.bytes == 2);
    CHECK(c.records == 1);
}

TEST_CASE("an oversized line becomes dead letters piece by piece up to its newline") {
    const CutRule first{.line_max = 8};
    const std::string_view text = "123456781234567812\nb\n";
    const Cut a = cut(text, first);
    CHECK(a.bytes == 8);
    CHECK(a.records == 1);
    CHECK(a.fate == Fate::oversized);
    CHECK(a.mid_line);
    const CutRule next{.line_max = 8, .mid_line = true};
    const Cut b = cut(text.substr(8), next);
    CHECK(b.bytes == 8);
    CHECK(b.mid_line);
    const Cut c = cut(text.substr(16), next);
    CHECK(c.bytes == 3);
    CHECK(c.terminated);
    CHECK(c.fate == Fate::oversized);
    CHECK_FALSE(c.mid_line);
}

TEST_CASE("the rest of an oversized line waits for a whole piece or its end") {
    const Cut open = cut("123", {.line_max = 8, .mid_line = true});
    CHECK(open.bytes == 0);
    CHECK(open.mid_line);
    const Cut closed = cut("123", {.line_max = 8, .closed = true, .mid_line = true});
    CHECK(closed.bytes == 3);
    CHECK(closed.fate == Fate::oversized);
    CHECK_FALSE(closed.terminated);
}

TEST_CASE("split makes records of the pieces, and its last piece is an ordinary line") {
    const CutRule rule{.line_max = 8, .oversize = Oversize::split};
    const Cut a = cut("1234567812\nb\n", rule);
    CHECK(a.bytes == 8);
    CHECK(a.fate == Fate::deliver);
    CHECK_FALSE(a.terminated);
    CHECK_FALSE(a.mid_line);
    const Cut b = cut("12\nb\n", rule);
    CHECK(b.bytes == 5);
    CHECK(b.records == 2);
}

TEST_CASE("stop names the head of the line that stops the pipeline") {
    const Cut a = cut("123456789\n", {.line_max = 8, .oversize = Oversize::stop});
    CHECK(a.fate == Fate::stop);
    CHECK(a.records == 1);
}

TEST_CASE("a cut tells how many bytes wait for the end of their record") {
    CHECK(cut("one\nthr", {.line_max = 100}).waiting == 3);
    CHECK(cut("thr", {.line_max = 100}).waiting == 3);
    CHECK(cut("one\nthr", {.line_max = 100, .closed = true}).waiting == 0);
    CHECK(cut("a\nb\nc", {.line_max = 100, .records_max = 1}).waiting == 0);
    CHECK(cut("a\n12345678", {.line_max = 8}).waiting == 0);
    CHECK(cut("123", {.line_max = 8, .mid_line = true}).waiting == 3);
}
