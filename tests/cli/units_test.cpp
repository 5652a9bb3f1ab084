// Sizes, durations and near words.
#include <catch2/catch.hpp>

#include "io/json.hpp"
#include "io/units.hpp"

using namespace holdfast;
using namespace holdfast::io;

TEST_CASE("sizes are read with their units") {
    CHECK(parse_size("0") == 0u);
    CHECK(parse_size("4096") == 4096u);
    CHECK(parse_size("64MiB") == 64u << 20);
    CHECK(parse_size("64 MiB") == 64u << 20);
    CHECK(parse_size("10MB") == 10'000'000u);
    CHECK(parse_size("18446744073709551615") == UINT64_MAX);
    CHECK_FALSE(parse_size("18446744073709551616"));
    CHECK_FALSE(parse_size("16777216TiB"));
    CHECK_FALSE(parse_size("64  MiB"));
    CHECK_FALSE(parse_size("64mib"));
    CHECK_FALSE(parse_size(" 64"));
    CHECK_FALSE(parse_size(""));
}

TEST_CASE("durations are read with their units") {
    CHECK(parse_duration("100ms") == milliseconds(100));
    CHECK(parse_duration("0") == Duration{0});
    CHECK(parse_duration("2h") == seconds(7200));
    CHECK_FALSE(parse_duration("100"));
    CHECK_FALSE(parse_duration("9223372037s"));
}

TEST_CASE("what is formatted reads back to the same value") {
    for (std::uint64_t n : {0ull, 1ull, 1023ull, 1024ull, 1ull << 20, 3ull << 30, 5ull << 40})
        CHECK(parse_size(format_size(n)) == n);
    for (std::int64_t ns : {std::int64_t{0}, std::int64_t{1}, milliseconds(1500).ns, seconds(90).ns,
                            seconds(3600).ns})
        CHECK(parse_duration(format_duration(Duration{ns})) == Duration{ns});
    CHECK(format_size(1536 * 1024) == "1.5MiB");
    CHECK(format_count(1234567) == "1,234,567");
    CHECK(format_count(123) == "123");
}

TEST_CASE("the nearest word is the one with the fewest edits, if few") {
    const std::string_view known[] = {"include", "inputs", "type"};
    CHECK(nearest("inclued", known) == "include");
    CHECK(nearest("tpye", known) == "type");
    CHECK(nearest("elephant", known).empty());
    CHECK(nearest(std::string(1000, 'i'), known).empty());
    CHECK(edit_distance("ab", "ba") == 1);
    CHECK(edit_distance("", "abc") == 3);
}

TEST_CASE("JSON strings are valid whatever the bytes") {
    CHECK(json_quote("a\"b\\c\n") == "\"a\\\"b\\\\c\\n\"");
    CHECK(json_quote("\xff\x01") == "\"\\u00ff\\u0001\"");
    CHECK(json_quote("\xc3\xa9") == "\"\xc3\xa9\"");
    CHECK(json_quote("\xed\xa0\x80") == "\"\\u00ed\\u00a0\\u0080\"");
}
