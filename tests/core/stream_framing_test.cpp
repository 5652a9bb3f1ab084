#include "core/codec/stream_framing.hpp"

#include <catch2/catch.hpp>

#include "tests/core/codec_help.hpp"

using namespace holdfast::codec;

namespace {

struct Framed {
    std::vector<std::string> records;
    std::string error;  ///< Empty: none.
};

template <class Framing>
Framed framed(std::string_view text, std::size_t piece, std::uint64_t record_max = 1000) {
    Framing framing(record_max);
    std::vector<StreamExtent> extents;
    FramingResult result;
    for (std::size_t at = 0; at < text.size() && result; at += piece) {
        result = framing.feed(bytes_of(text.substr(at, piece)), extents);
        CHECK(framing.waiting_from() <= framing.offset());
    }
    if (result) result = framing.finish();
    Framed out;
    for (const StreamExtent& e : extents) {
        out.records.emplace_back(text.substr(e.begin, e.end - e.begin));
    }
    if (!result) out.error = error_text(result.error());
    return out;
}

/// The same however the text is cut.
template <class Framing>
Framed in_pieces(std::string_view text, std::uint64_t record_max = 1000) {
    const Framed whole = framed<Framing>(text, text.size() + 1, record_max);
    for (std::size_t piece = 1; piece <= text.size(); ++piece) {
        const Framed cut = framed<Framing>(text, piece, record_max);
        CHECK(cut.records == whole.records);
        CHECK(cut.error == whole.error);
    }
    return whole;
}

using Strings = std::vector<std::string>;

Strings elements(std::string_view text) {
    const Framed out = in_pieces<ArrayFraming>(text);
    CHECK(out.error.empty());
    return out.records;
}

std::string array_error(std::string_view text, std::uint64_t record_max = 1000) {
    return in_pieces<ArrayFraming>(text, record_max).error;
}

}  // namespace

TEST_CASE("array framing gives the elements without the white space around them") {
    CHECK(elements("[]").empty());
    CHECK(elements(" \n[ ] \r\n").empty());
    CHECK(elements("[1]") == Strings{"1"});
    CHECK(elements("[ 1 ,\n\"a,]\\\"\" , { \"b\" : [1, 2] }\n]") ==
          Strings{"1", "\"a,]\\\"\"", "{ \"b\" : [1, 2] }"});
    CHECK(elements("[[],{},[[]]]") == Strings{"[]", "{}", "[[]]"});
    CHECK(elements("[\"" + std::string(100, 'x') + "\\\\\",2]").size() == 2);
}

TEST_CASE("array framing leaves what is wrong inside an element to its parser") {
    CHECK(elements("[1 2,nul,{\"a\"},:]") == Strings{"1 2", "nul", "{\"a\"}", ":"});
}

TEST_CASE("array framing names what is wrong with the array, and where") {
    CHECK(array_error("{}") == "not an array at byte 0");
    CHECK(array_error("  x[") == "not an array at byte 2");
    CHECK(array_error("") == "unexpected end at byte 0");
    CHECK(array_error("[") == "unexpected end at byte 1");
    CHECK(array_error("[1") == "unexpected end at byte 2");
    CHECK(array_error("[1,") == "unexpected end at byte 3");
    CHECK(array_error("[\"a]") == "unexpected end at byte 4");
    CHECK(array_error("[,1]") == "empty element at byte 1");
    CHECK(array_error("[1, ,2]") == "empty element at byte 4");
    CHECK(array_error("[1,]") == "empty element at byte 3");
    CHECK(array_error("[1}") == "unbalanced at byte 2");
    CHECK(array_error("[}") == "unbalanced at byte 1");
    CHECK(array_error("[{]}") == "unbalanced at byte 2");
    CHECK(array_error("[[1}]") == "unbalanced at byte 3");
    CHECK(array_error("[1] x") == "trailing garbage at byte 4");
    CHECK(array_error("[1]]") == "trailing garbage at byte 3");
    CHECK(array_error("[1,\"abcdef\"]", 7) == "record too long at byte 3");
    CHECK(array_error("[1,\"abcde\"]", 7).empty());
}

TEST_CASE("array framing gives what came before an error") {
    const Framed out = in_pieces<ArrayFraming>("[1, 2,, 3]");
    CHECK(out.records == Strings{"1", "2"});
    CHECK(out.error == "empty element at byte 6");
}

TEST_CASE("array framing goes on after any record") {
    const std::string text = "[ 1, [2] , \"3\" ]";
    std::vector<StreamExtent> all;
    ArrayFraming whole(100);
    REQUIRE(whole.feed(bytes_of(text), all));
    REQUIRE(all.size() == 3);
    for (std::size_t i = 0; i < all.size(); ++i) {
        ArrayFraming rest = ArrayFraming::after_record(all[i].end, 100);
        std::vector<StreamExtent> more;
        REQUIRE(rest.feed(bytes_of(std::string_view(text).substr(all[i].end)), more));
        CHECK(rest.finish());
        CHECK(more == std::vector<StreamExtent>(all.begin() + static_cast<long>(i) + 1, all.end()));
    }
    ArrayFraming wrong = ArrayFraming::after_record(3, 100);
    std::vector<StreamExtent> none;
    CHECK(wrong.feed(bytes_of("5"), none).error() == FramingError{FramingFault::unbalanced, 3});
    CHECK_FALSE(wrong.feed(bytes_of("]"), none));
}

TEST_CASE("array framing tells brackets apart below 64 levels and counts them beyond") {
    const std::string deep = "[" + std::string(70, '[') + std::string(70, ']') + "]";
    CHECK(elements(deep).size() == 1);
    std::string odd = "[" + std::string(70, '[') + "}" + std::string(69, ']') + "]";
    CHECK(elements(odd).size() == 1);  // Too deep for its parser too.
}

TEST_CASE("msgpack framing gives the values one after the other") {
    const auto values = [](std::string_view hex) {
        const Framed out = in_pieces<MsgpackFraming>(from_hex(hex));
        CHECK(out.error.empty());
        return out.records;
    };
    CHECK(values("").empty());
    CHECK(values("01 c0 a161") == Strings{from_hex("01"), from_hex("c0"), from_hex("a161")});
    CHECK(values("92 01 81 a161 c4020000 80") ==
          Strings{from_hex("92 01 81 a161 c4020000"), from_hex("80")});
    CHECK(values("da 0003 616263 c7 02 05 0102 cb 0000000000000000 c1 02").size() == 5);
    CHECK(values("dd 00000002 90 de 0000 01").size() == 2);
}

TEST_CASE("msgpack framing ends with an error where a value is cut or too long") {
    CHECK(in_pieces<MsgpackFraming>(from_hex("01 92 01")).error == "unexpected end at byte 3");
    CHECK(in_pieces<MsgpackFraming>(from_hex("da 00")).error == "unexpected end at byte 2");
    CHECK(in_pieces<MsgpackFraming>(from_hex("01 db ffffffff 00")).error ==
          "record too long at byte 1");
    CHECK(in_pieces<MsgpackFraming>(from_hex("95 01 02 03 04 05"), 5).error ==
          "record too long at byte 0");
    CHECK(in_pieces<MsgpackFraming>(from_hex("95 01 02 03 04 05"), 6).error.empty());
}

TEST_CASE("a byte order mark before an array is whole, or the file is no array") {
    CHECK(in_pieces<ArrayFraming>("\xef\xbb\xbf [1]").records == std::vector<std::string>{"1"});
    for (const std::string_view half :
         {"\xef[1]", "\xef\xbb[1]", "\xef [1]", " \xbb[1]", " \xef\xbb\xbf[1]"}) {
        const Framed cut = in_pieces<ArrayFraming>(half);
        CHECK(cut.records.empty());
        CHECK(cut.error.starts_with("not an array at byte "));
    }
}
