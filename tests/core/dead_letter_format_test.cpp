#include "core/data/dead_letter_format.hpp"

#include <catch2/catch.hpp>

namespace holdfast {
namespace {

std::span<const std::byte> bytes_of(std::string_view s) {
    return {reinterpret_cast<const std::byte*>(s.data()), s.size()};
}

std::string payload(PayloadEncoding encoding, std::string_view text) {
    std::string out;
    append_payload(encoding, bytes_of(text), out);
    return out;
}

TEST_CASE("dead letter is the line that docs/formats.md shows") {
    std::string out;
    begin_dead_letter({.time_ns = 1'769'903'999'123'456'789,
                       .source = "in",
                       .partition = "logs/a.jsonl",
                       .position = 1200,
                       .id = "in:5f0c1b2a99d04e17:1200",
                       .sink = "a",
                       .reason = Reason::refused,
                       .attempts = 1},
                      out);
    append_payload(PayloadEncoding::utf8, bytes_of("the record"), out);
    end_dead_letter(out);
    CHECK(out ==
          "{\"time\":\"2026-01-31T23:59:59.123456789Z\",\"source\":\"in\",\"partition\":\"logs/"
          "a.jsonl\",\"position\":1200,\"id\":\"in:5f0c1b2a99d04e17:1200\",\"sink\":\"a\","
          "\"reason\":\"refused\",\"attempts\":1,"
          "\"encoding\":\"utf8\",\"payload\":\"the record\"}\n");
}

TEST_CASE("dead letter without a sink says null") {
    std::string out;
    begin_dead_letter({.reason = Reason::oversized, .encoding = PayloadEncoding::base64}, out);
    CHECK(out.find("\"sink\":null,\"reason\":\"oversized\"") != std::string::npos);
    CHECK(out.find("\"encoding\":\"base64\"") != std::string::npos);
}

TEST_CASE("dead letter names that are not UTF-8 are still JSON") {
    std::string out;
    begin_dead_letter({.source = "q\"\n", .partition = "a\xff/\xc3\xa9"}, out);
    CHECK(out.find("\"source\":\"q\\\"\\n\"") != std::string::npos);
    CHECK(out.find("\"partition\":\"a\xef\xbf\xbd/\xc3\xa9\"") != std::string::npos);
}

TEST_CASE("payload escapes what JSON must not hold and keeps the rest") {
    CHECK(payload(PayloadEncoding::utf8, std::string("a\"\\\0\x1f\r\t\x7f\xc3\xa9", 10)) ==
          "a\\\"\\\\\\u0000\\u001f\\r\\t\x7f\xc3\xa9");
}

TEST_CASE("payload in base64 gives the vectors of RFC 4648") {
    const auto base64 = [](std::string_view s) { return payload(PayloadEncoding::base64, s); };
    CHECK(base64("") == "");
    CHECK(base64("f") == "Zg==");
    CHECK(base64("fo") == "Zm8=");
    CHECK(base64("foo") == "Zm9v");
    CHECK(base64("foobar") == "Zm9vYmFy");
    CHECK(base64("\xff\xfe\xfd") == "//79");
}

TEST_CASE("encoding is utf8 for valid UTF-8 and base64 for all else") {
    for (const char* good : {"", "plain", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
                             "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
        CHECK(encoding_of(bytes_of(good)) == PayloadEncoding::utf8);
    }
    for (const char* bad : {"\x80", "\xc0\x80", "\xc1\xbf", "\xc2", "\xe0\x9f\xbf", "\xed\xa0\x80",
                            "\xe2\x82", "\xe2\x82z", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
                            "\xf5\x80\x80\x80", "\xff", "ok\xfe"}) {
        CHECK(encoding_of(bytes_of(bad)) == PayloadEncoding::base64);
    }
}

TEST_CASE("time is written as UTC with leap days") {
    CHECK(utc_text(0) == "1970-01-01T00:00:00.000000000Z");
    CHECK(utc_text(951'782'400'000'000'000) == "2000-02-29T00:00:00.000000000Z");
    CHECK(utc_text(4'107'542'400'000'000'001) == "2100-03-01T00:00:00.000000001Z");
    CHECK(utc_text(1'709'251'199'999'999'999) == "2024-02-29T23:59:59.999999999Z");
}

TEST_CASE("a dead letter takes at most a third more than its record, and a hole takes nothing") {
    const auto encoded = [](const std::string& bytes) {
        const PayloadEncoding encoding = encoding_of(bytes_of(bytes));
        return std::pair(encoding, payload(encoding, bytes).size());
    };
    const std::string hole(1 << 20, '\0');
    CHECK(encoded(hole) == std::pair(PayloadEncoding::zeros, std::size_t{7}));
    CHECK(payload(PayloadEncoding::zeros, hole) == "1048576");
    CHECK(encoded(hole + "{}").first == PayloadEncoding::base64);
    CHECK(encoded(hole + "{}").second <= (1 << 20) * 4 / 3 + 64);
    CHECK(encoded("{}" + hole).first == PayloadEncoding::base64);
    // Few of them are easier to read as they are.
    CHECK(encoded(std::string("a\0b", 3)) == std::pair(PayloadEncoding::utf8, std::size_t{8}));
    CHECK(encoded(std::string(5, '\0')).first == PayloadEncoding::utf8);
    CHECK(encoded(std::string(10'000, '\x01')).first == PayloadEncoding::base64);
    CHECK(encoded(std::string(10'000, 'x')).first == PayloadEncoding::utf8);
}

}  // namespace
}  // namespace holdfast
