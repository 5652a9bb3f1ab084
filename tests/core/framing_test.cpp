#include "core/data/framing.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "core/base/mix.hpp"

using namespace holdfast;

namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

/// Random text over a small alphabet in which newlines are as common as `one_in` says.
std::string random_text(std::uint64_t seed, std::size_t size, std::uint64_t one_in) {
    std::string text(size, 'x');
    for (std::size_t i = 0; i < size; ++i) {
        const std::uint64_t bits = mix(seed, 1, 2, i);
        if (scale(bits, one_in) == 0) {
            text[i] = '\n';
        } else {
            text[i] = static_cast<char>(bits & 0xff);
        }
    }
    return text;
}

std::uint64_t plain_count(const std::string& text) {
    std::uint64_t n = 0;
    for (char c : text) n += c == '\n';
    return n;
}

std::size_t plain_after(const std::string& text, std::uint64_t n) {
    std::size_t at = 0;
    for (; n > 0; --n) {
        const auto next = text.find('\n', at);
        if (next == std::string::npos) return text.size();
        at = next + 1;
    }
    return at;
}

}  // namespace

TEST_CASE("count_newlines equals a plain loop at every length and alignment") {
    const std::string text = random_text(7, 700, 3);
    for (std::size_t from = 0; from < 20; ++from) {
        for (std::size_t size = 0; size + from <= text.size(); size += 1 + from) {
            const std::string part = text.substr(from, size);
            REQUIRE(count_newlines(bytes_of(text).subspan(from, size)) == plain_count(part));
        }
    }
}

TEST_CASE("count_newlines does not overflow its lanes on newlines only") {
    const std::string text(1'000'003, '\n');
    CHECK(count_newlines(bytes_of(text)) == text.size());
}

TEST_CASE("count_newlines does not take neighbours of the newline for it") {
    std::string text;
    for (int i = 0; i < 64; ++i) text += "\x09\x0b\x8a\r\x00\xff\n";
    CHECK(count_newlines(bytes_of(text)) == plain_count(text));
}

TEST_CASE("complete_lines ends after the last newline") {
    CHECK(complete_lines(bytes_of("")) == 0);
    CHECK(complete_lines(bytes_of("abc")) == 0);
    CHECK(complete_lines(bytes_of("\n")) == 1);
    CHECK(complete_lines(bytes_of("ab\ncd\nef")) == 6);
    CHECK(complete_lines(bytes_of("ab\r\n")) == 4);
}

TEST_CASE("after_newlines equals a plain search for every n") {
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
        const std::string text = random_text(seed, 40'000, 1 + seed * 40);
        const std::uint64_t all = plain_count(text);
        for (std::uint64_t n : {std::uint64_t{0}, std::uint64_t{1}, all / 3, all / 2, all, all + 1})
            REQUIRE(after_newlines(bytes_of(text), n) == plain_after(text, n));
    }
    CHECK(after_newlines(bytes_of(""), 3) == 0);
}
