#include <catch2/catch.hpp>
#include <cmath>

#include "core/codec/convert.hpp"
#include "tests/core/codec_help.hpp"

using namespace holdfast::codec;

namespace {

ParseError error_of(std::string_view hex) { return Owned(from_hex(hex), Format::msgpack).error(); }

std::string json_of(std::string_view hex) {
    Owned record(from_hex(hex), Format::msgpack);
    std::string out;
    append_json(record.root(), out);
    return out;
}

std::string hex_of_json(std::string_view json) {
    Owned record(json);
    std::string bytes, out;
    append_msgpack(record.root(), bytes);
    for (const char c : bytes) {
        constexpr char digits[] = "0123456789abcdef";
        out += digits[static_cast<unsigned char>(c) >> 4];
        out += digits[static_cast<unsigned char>(c) & 15];
    }
    return out;
}

}  // namespace

TEST_CASE("msgpack values of every type byte are read") {
    CHECK(Owned(from_hex("c0"), Format::msgpack).root().null());
    CHECK(Owned(from_hex("c3"), Format::msgpack).root().boolean());
    CHECK_FALSE(Owned(from_hex("c2"), Format::msgpack).root().boolean());
    const auto int64 = [](std::string_view hex) {
        return Owned(from_hex(hex), Format::msgpack).root().int64();
    };
    CHECK(int64("7f") == 127);
    CHECK(int64("e0") == -32);
    CHECK(int64("cc ff") == 255);
    CHECK(int64("cd ffff") == 65535);
    CHECK(int64("ce ffffffff") == 4294967295);
    CHECK(int64("cf 7fffffffffffffff") == INT64_MAX);
    CHECK(int64("d0 80") == -128);
    CHECK(int64("d1 8000") == -32768);
    CHECK(int64("d2 80000000") == INT32_MIN);
    CHECK(int64("d3 8000000000000000") == INT64_MIN);
    CHECK(Owned(from_hex("cf 8000000000000000"), Format::msgpack).root().uint64() == 1ull << 63);
    CHECK(Owned(from_hex("ca 3fc00000"), Format::msgpack).root().real() == 1.5);
    CHECK(Owned(from_hex("cb 3ff8000000000000"), Format::msgpack).root().real() == 1.5);
    CHECK(Owned(from_hex("a2 6162"), Format::msgpack).root().is("ab"));
    CHECK(Owned(from_hex("d9 02 6162"), Format::msgpack).root().is("ab"));
    CHECK(Owned(from_hex("da 0002 6162"), Format::msgpack).root().is("ab"));
    CHECK(Owned(from_hex("db 00000002 6162"), Format::msgpack).root().is("ab"));
    CHECK(Owned(from_hex("dc 0001 c0"), Format::msgpack).root().size() == 1);
    CHECK(Owned(from_hex("dd 00000001 c0"), Format::msgpack).root().size() == 1);
    CHECK(Owned(from_hex("de 0001 a161 05"), Format::msgpack).at(".a").int64() == 5);
    CHECK(Owned(from_hex("df 00000001 a161 05"), Format::msgpack).at(".a").int64() == 5);
    CHECK(Owned(from_hex("c4 02 00ff"), Format::msgpack).root().binary().size() == 2);
    CHECK(Owned(from_hex("c7 03 07 010203"), Format::msgpack).root().extension_type() == 7);
    CHECK(Owned(from_hex("c8 0001 f9 01"), Format::msgpack).root().extension_type() == -7);
}

TEST_CASE("msgpack that is wrong is an error of its kind at its place") {
    using F = Fault;
    CHECK(error_of("") == ParseError{F::empty, 0});
    CHECK(error_of("c1") == ParseError{F::invalid_type, 0});
    CHECK(error_of("92 01 c1") == ParseError{F::invalid_type, 2});
    CHECK(error_of("92 01") == ParseError{F::truncated, 2});
    CHECK(error_of("a3 6162") == ParseError{F::truncated, 3});
    CHECK(error_of("cd ff") == ParseError{F::truncated, 2});
    CHECK(error_of("da 00") == ParseError{F::truncated, 2});
    CHECK(error_of("dd ffffffff") == ParseError{F::truncated, 5});
    CHECK(error_of("01 02") == ParseError{F::trailing_bytes, 1});
    CHECK(error_of("a2 61ff") == ParseError{F::invalid_utf8, 2});
    CHECK(error_of("81 a1ff 01") == ParseError{F::invalid_utf8, 2});
    CHECK(error_of("81 90 01") == ParseError{F::invalid_key, 1});
    CHECK(error_of("81 c40161 01") == ParseError{F::invalid_key, 1});
    CHECK(error_of("81 ca7fc00000 01") == ParseError{F::invalid_key, 1});
}

TEST_CASE("msgpack is accepted 64 levels deep and refused at 65") {
    CHECK(Owned(std::string(63, '\x91') + "\x90", Format::msgpack).good());
    Owned deep(std::string(64, '\x91') + "\x90", Format::msgpack);
    CHECK(deep.error() == ParseError{Fault::too_deep, 64});
}

TEST_CASE("msgpack keys that are no strings are found by their text") {
    Owned record(from_hex("86 05 01  c3 02  c0 03  ff 04  cb3ff8000000000000 05  cc05 06"),
                 Format::msgpack);
    CHECK(record.root().member("5").int64() == 6);  // The last of equal ones.
    CHECK(record.root().member("true").int64() == 2);
    CHECK(record.root().member("null").int64() == 3);
    CHECK(record.root().member("-1").int64() == 4);
    CHECK(record.root().member("1.5").int64() == 5);
    CHECK(record.root().member("6").missing());
}

TEST_CASE("msgpack becomes json") {
    CHECK(json_of("83 a161 01  a162 92c0c3  a163 a3220a01") ==
          R"({"a":1,"b":[null,true],"c":"\"\n\u0001"})");
    CHECK(json_of("82 05 01 a135 02") == R"({"5":2})");
    CHECK(json_of("cb 4008000000000000") == "3.0");
    CHECK(json_of("cf ffffffffffffffff") == "18446744073709551615");
    CHECK(json_of("cb 7ff8000000000000") == "null");
    CHECK(json_of("cb 7ff0000000000000") == "1.7976931348623157e+308");
    CHECK(json_of("cb fff0000000000000") == "-1.7976931348623157e+308");
    CHECK(json_of("c4 03 666f6f") == "\"Zm9v\"");
    CHECK(json_of("c4 04 666f6f62") == "\"Zm9vYg==\"");
    CHECK(json_of("c4 05 666f6f6261") == "\"Zm9vYmE=\"");
    CHECK(json_of("c7 01 07 ff") == R"({"ext":7,"data":"/w=="})");
    CHECK(json_of("d6 ff 00000000") == "\"1970-01-01T00:00:00Z\"");
    CHECK(json_of("d6 ff 697e9cff") == "\"2026-02-01T00:23:27Z\"");
    CHECK(json_of("d7 ff 77359400 00000001") == "\"1970-01-01T00:00:01.5Z\"");
    CHECK(json_of("c7 0c ff 00000001 ffffffffffffffff") == "\"1969-12-31T23:59:59.000000001Z\"");
    CHECK(json_of("c7 0c ff 3b9aca00 0000000000000000") ==
          R"({"ext":-1,"data":"O5rKAAAAAAAAAAAA"})");
    CHECK(json_of("c7 0c ff 00000000 7fffffffffffffff") ==
          R"({"ext":-1,"data":"AAAAAH//////////"})");
}

TEST_CASE("json becomes msgpack") {
    CHECK(hex_of_json("null") == "c0");
    CHECK(hex_of_json("[true,false]") == "92c3c2");
    CHECK(hex_of_json("127") == "7f");
    CHECK(hex_of_json("128") == "cc80");
    CHECK(hex_of_json("-32") == "e0");
    CHECK(hex_of_json("-33") == "d0df");
    CHECK(hex_of_json("18446744073709551615") == "cfffffffffffffffff");
    CHECK(hex_of_json("1.0") == "cb3ff0000000000000");
    CHECK(hex_of_json("18446744073709551616") == "cb43f0000000000000");
    CHECK(hex_of_json(R"("\u0041")") == "a141");
    CHECK(hex_of_json(R"({"a":1,"b":2,"\u0061":3})") == "82a16103a16202");
    CHECK(hex_of_json("\"" + std::string(40, 'x') + "\"").substr(0, 4) == "d928");
}

TEST_CASE("values that are in the wanted format already keep their bytes") {
    Owned json(R"({"a": [1.50, "\u0041"]})");
    std::string out;
    append_json(json.at(".a"), out);
    CHECK(out == R"([1.50, "\u0041"])");
    Owned record(from_hex("81 a161 cd0001"), Format::msgpack);
    out.clear();
    append_msgpack(record.at(".a"), out);
    CHECK(out == from_hex("cd0001"));
}

TEST_CASE("formats are told from the first byte") {
    CHECK(format_of(bytes_of("{}"), Format::automatic) == Format::json);
    CHECK(format_of(bytes_of("  1"), Format::automatic) == Format::json);
    CHECK(format_of(bytes_of(""), Format::automatic) == Format::json);
    CHECK(format_of(bytes_of("\x81"), Format::automatic) == Format::msgpack);
    CHECK(format_of(bytes_of("\xdc"), Format::automatic) == Format::msgpack);
    CHECK(format_of(bytes_of("{}"), Format::msgpack) == Format::msgpack);
}
