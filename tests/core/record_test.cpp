// Packed records, envelopes, and payloads behind their sizes: byte by byte.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "core/codec/envelope.hpp"
#include "core/codec/envelope_programs.hpp"
#include "core/codec/record_scan.hpp"
#include "core/record/packed.hpp"

using namespace holdfast;
using namespace std::string_literals;
using codec::Framing;

namespace {

packing::Bytes bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}
std::string text_of(packing::Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct Written {
    std::string key = "k";
    std::vector<std::byte> headers;
    packing::Extras extras;
    Written() {
        const std::string name = "trace", value = "abc", empty;
        packing::append_header({bytes_of(name), bytes_of(value)}, headers);
        packing::append_header({bytes_of(empty), std::nullopt}, headers);
        extras = {.key = bytes_of(key), .headers = headers, .timestamp = -5, .position = 1200};
    }
    Written(const Written&) = delete;
};

std::string envelope_of(const packing::Extras& extras, const std::string& payload) {
    codec::Parser parser;
    codec::Document document(parser);
    std::string out;
    codec::append_envelope({"in", "5f0c"}, extras, bytes_of(payload), document, out);
    return out;
}

struct Read {
    codec::FromEnvelope record;
    std::string error;
    bool good = false;
};

void read(const std::string& line, Read& out) {
    codec::Parser parser;
    codec::Document document(parser);
    out.good = codec::read_envelope(bytes_of(line), 1000, document, out.record, out.error);
}

std::string error_of(const std::string& line) {
    Read out;
    read(line, out);
    CHECK_FALSE(out.good);
    return out.error.substr(0, out.error.find(';'));
}

/// What the program makes of it, or `error: ...`, or "kept".
std::string made(Program& program, const std::string& record) {
    std::vector<std::byte> padded(record.size() + Program::padding);
    std::copy_n(bytes_of(record).data(), record.size(), padded.data());
    std::vector<std::byte> out;
    std::string error;
    const ProgramResult result =
        program.run(std::span<const std::byte>(padded).first(record.size()), out, error);
    if (result.verdict == Verdict::keep) return "kept";
    return result.verdict == Verdict::fail ? "error: " + error : text_of(out);
}

}  // namespace

TEST_CASE("a packed record has the bytes that its header says") {
    const Written written;
    std::vector<std::byte> out;
    packing::append_packed(written.extras, bytes_of("{}"), out);
    const std::string headers = "\x05\0\0\0\x03\0\0\0traceabc\0\0\0\0\xff\xff\xff\xff"s;
    CHECK(text_of(written.headers) == headers);
    CHECK(text_of(out) == "\x3b\0\0\0\x03\0\0\0\x01\0\0\0\x18\0\0\0"s +
                              "\xb0\x04\0\0\0\0\0\0\xfb\xff\xff\xff\xff\xff\xff\xff"s + "k" +
                              headers + "{}");
    CHECK(out.size() == packing::packed_size(written.extras, 2));
    const auto view = packing::view_of(out);
    REQUIRE(view);
    CHECK(text_of(*view->extras.key) == "k");
    CHECK(view->extras.timestamp == -5);
    CHECK(view->extras.position == 1200);
    CHECK(packing::position_at(out) == 1200);
    CHECK(text_of(view->payload) == "{}");
    packing::HeaderWalk walk(view->extras.headers);
    packing::Header header;
    REQUIRE(walk.next(header));
    CHECK(text_of(header.name) == "trace");
    CHECK(text_of(*header.value) == "abc");
    REQUIRE(walk.next(header));
    CHECK(header.name.empty());
    CHECK_FALSE(header.value.has_value());
    CHECK_FALSE(walk.next(header));
    CHECK(walk.ended_well());
}

TEST_CASE("a null key is none, an empty one is a key") {
    for (const bool is_null : {true, false}) {
        packing::Extras extras;
        if (!is_null) extras.key = packing::Bytes{};
        std::vector<std::byte> out;
        packing::append_packed(extras, {}, out);
        const auto view = packing::view_of(out);
        REQUIRE(view);
        CHECK(view->extras.key.has_value() == !is_null);
        CHECK_FALSE(view->extras.timestamp.has_value());
    }
}

TEST_CASE("bytes that are no packed record are said to be none") {
    const Written written;
    std::vector<std::byte> whole;
    packing::append_packed(written.extras, bytes_of("{}"), whole);
    for (std::size_t size = 0; size < whole.size(); ++size)
        CHECK_FALSE(packing::view_of(std::span(whole).first(size)).has_value());
    // A size, flag or length that cannot be.
    for (const auto& [at, value] : {std::pair{0, 31}, {4, 7}, {8, 40}, {12, 60}, {15, 255}}) {
        std::vector<std::byte> broken = whole;
        broken[static_cast<std::size_t>(at)] = static_cast<std::byte>(value);
        CHECK_FALSE(packing::view_of(broken).has_value());
    }
    std::vector<std::byte> keyless = whole;
    keyless[4] = std::byte{2};
    CHECK_FALSE(packing::view_of(keyless).has_value());
}

TEST_CASE("packed records stand side by side, and are found by their number") {
    std::vector<std::byte> all;
    for (std::size_t i = 0; i < 5; ++i)
        packing::append_packed({.position = static_cast<std::int64_t>(i)},
                               bytes_of(std::string(i, 'x')), all);
    codec::RecordScan scan(Framing::packed, all);
    codec::StreamExtent extent;
    std::uint64_t end = 0;
    for (std::size_t i = 0; i < 5; ++i) {
        REQUIRE(scan.next(extent));
        CHECK(extent.begin == end);
        end = extent.end;
        CHECK(codec::begin_of_record(Framing::packed, all, i) == extent.begin);
    }
    CHECK_FALSE(scan.next(extent));
    CHECK(codec::records_of(Framing::packed, all, 1, 3).size() == 32u * 2 + 1 + 2);
}

TEST_CASE("an envelope says all that a record has, and how its payload is written") {
    const Written written;
    const std::string head =
        R"({"source":"in","partition":"5f0c","position":1200,"timestamp":-5,"key":"k",)"
        R"("headers":[{"name":"trace","value":"abc"},{"name":"","value":null}],"encoding":")";
    CHECK(envelope_of(written.extras, "{\"a\": 1}") == head + R"(json","payload":{"a": 1}})");
    CHECK(envelope_of(written.extras, " 1") == head + R"(utf8","payload":" 1"})");
    CHECK(envelope_of(written.extras, "{\n}") == head + R"(utf8","payload":"{\n}"})");
    CHECK(envelope_of(written.extras, "") == head + R"(utf8","payload":""})");
    CHECK(envelope_of(written.extras, "\xff") == head + R"(base64","payload":"/w=="})");
    CHECK(envelope_of({}, "1") ==
          R"({"source":"in","partition":"5f0c","position":0,"timestamp":null,"key":null,)"
          R"("headers":[],"encoding":"json","payload":1})");
    packing::Extras binary;
    const std::string byte = "\xff";
    binary.key = bytes_of(byte);
    CHECK(envelope_of(binary, "1").find(R"("key":{"base64":"/w=="})") != std::string::npos);
    // So deep that nobody could read the envelope.
    const std::string deep = std::string(64, '[') + std::string(64, ']');
    CHECK(envelope_of({}, deep).find("\"utf8\"") != std::string::npos);
    CHECK(envelope_of({}, deep.substr(1, 126)).find("\"json\"") != std::string::npos);
}

TEST_CASE("an envelope is read back byte for byte") {
    const Written written;
    const std::string payloads[] = {"{\"a\": 1.0}", " 1 ",      "two\nlines",  "",
                                    "\xff\0\xfe"s,  "\"text\"", "{\"a\":\n1}", "null"};
    for (const std::string& payload : payloads) {
        Read out;
        read(envelope_of(written.extras, payload), out);
        REQUIRE(out.good);
        CHECK(out.record.payload == payload);
        CHECK(out.record.key == "k");
        CHECK(out.record.extras.key.has_value());
        CHECK(out.record.headers == written.headers);
        CHECK(out.record.extras.timestamp == -5);
    }
}

TEST_CASE("an envelope may be written by hand, with what is there and nothing else") {
    Read out;
    read(R"({"payload":{"id":1}})", out);
    REQUIRE(out.good);
    CHECK(out.record.payload == R"({"id":1})");
    CHECK_FALSE(out.record.extras.key.has_value());
    CHECK(out.record.headers.empty());
    CHECK_FALSE(out.record.extras.timestamp.has_value());
    Read other;
    read(
        R"({"key":5,"headers":{"a":"b","n":null},"timestamp":1.5,"payload":"x","encoding":"utf8"})",
        other);
    REQUIRE(other.good);
    CHECK(other.record.key == "5");
    CHECK(other.record.extras.timestamp == 1);
    CHECK(other.record.payload == "x");
    packing::HeaderWalk walk(other.record.headers);
    packing::Header header;
    REQUIRE(walk.next(header));
    REQUIRE(walk.next(header));
    CHECK(text_of(header.name) == "n");
    CHECK_FALSE(header.value.has_value());
    Read zeros;
    read(R"({"payload":"3","encoding":"zeros"})", zeros);
    CHECK(zeros.record.payload == "\0\0\0"s);
}

TEST_CASE("what is no envelope is told so, with what would be one") {
    CHECK(error_of("{\"a\":1") == "unexpected end at byte 6");
    CHECK(error_of("[]") == "no envelope: it is an array");
    CHECK(error_of("{\"a\":1}") == "no envelope: it has no \"payload\"");
    const std::string encoding = "no envelope: its payload is not of its \"encoding\"";
    CHECK(error_of(R"({"payload":1,"encoding":"utf8"})") == encoding);
    CHECK(error_of(R"({"payload":"a","encoding":"base64"})") == encoding);
    CHECK(error_of(R"({"payload":"YR==","encoding":"base64"})") == encoding);
    CHECK(error_of(R"({"payload":"a","encoding":"gzip"})") == encoding);
    CHECK(error_of(R"({"payload":"99999999","encoding":"zeros"})") == encoding);
    CHECK(error_of(R"({"payload":1,"key":{"base64":"?"}})") == "no envelope: its key is no base64");
    CHECK(error_of(R"({"payload":1,"headers":"a"})") == "no envelope: its headers are a string");
    CHECK(error_of(R"({"payload":1,"headers":[{"value":"a"}]})").find("headers hold") !=
          std::string::npos);
    CHECK(error_of(R"({"payload":1,"timestamp":"now"})") ==
          "no envelope: its timestamp is no number of milliseconds");
}

TEST_CASE("a payload with a newline is one line of JSON, or none") {
    const auto encoder = codec::make_line_encoder();
    CHECK(made(*encoder, "no newline") == "kept");
    CHECK(made(*encoder, "") == "kept");
    CHECK(made(*encoder, "{ \"a\\n\" :\n \"b c\\\"\" }\n") == "{\"a\\n\":\"b c\\\"\"}\n");
    CHECK(made(*encoder, "two\nlines").starts_with("error: a newline stands in it"));
    CHECK(made(*encoder, "{}\n{}").starts_with("error: a newline stands in it"));
}

TEST_CASE("a sized payload is found however its bytes are cut") {
    const auto encoder = codec::make_length_encoder();
    const auto decoder = codec::make_length_decoder();
    const std::string payloads[] = {"", "a\nb", std::string(300, 'x')};
    std::string all;
    for (const std::string& payload : payloads) {
        const std::string sized = made(*encoder, payload);
        CHECK(made(*decoder, sized) == payload);
        all += sized;
    }
    CHECK(all.substr(0, 11) == "\0\0\0\0\0\0\0\x03"s + "a\nb");
    for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, all.size()}) {
        codec::LengthFraming framing(1000);
        std::vector<codec::StreamExtent> found;
        for (std::size_t at = 0; at < all.size(); at += piece)
            REQUIRE(framing.feed(bytes_of(all.substr(at, piece)), found));
        CHECK(found == std::vector<codec::StreamExtent>{{0, 4}, {4, 11}, {11, 315}});
        CHECK(framing.finish().has_value());
    }
    codec::LengthFraming torn(1000);
    std::vector<codec::StreamExtent> found;
    REQUIRE(torn.feed(bytes_of(all.substr(0, 6)), found));
    CHECK(torn.waiting_from() == 4);
    CHECK(torn.finish().error().fault == codec::FramingFault::unexpected_end);
    codec::LengthFraming narrow(303);
    found.clear();
    CHECK(narrow.feed(bytes_of(all), found).error() ==
          codec::FramingError{codec::FramingFault::too_long, 11});
}
