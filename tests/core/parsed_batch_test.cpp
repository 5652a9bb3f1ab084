#include "core/codec/parsed_batch.hpp"
#include "core/codec/record_programs.hpp"

#include <catch2/catch.hpp>

#include "core/codec/find.hpp"
#include "core/codec/lines.hpp"
#include "tests/core/codec_help.hpp"

using namespace holdfast::codec;

namespace {

std::vector<std::string> values_of(std::string_view text, Blank blank) {
    std::vector<Extent> extents;
    values_of_lines(bytes_of(text), blank, extents);
    std::vector<std::string> out;
    for (const Extent& e : extents) out.emplace_back(text.substr(e.begin, e.size));
    return out;
}

}  // namespace

TEST_CASE("lines give their values without line ends, blank ones as asked") {
    using Strings = std::vector<std::string>;
    CHECK(values_of("", Blank::keep).empty());
    CHECK(values_of("1\n2\n", Blank::skip) == Strings{"1", "2"});
    CHECK(values_of("1\r\n\r\n \t\r\n2", Blank::skip) == Strings{"1", "2"});
    CHECK(values_of("1\r\n\r\n \n2", Blank::keep) == Strings{"1", "", " ", "2"});
    CHECK(values_of("\n\n", Blank::keep) == Strings{"", ""});
    CHECK(values_of("1\r", Blank::skip) == Strings{"1"});
}

TEST_CASE("parsed batches have one entry for each record, in its place") {
    const std::string text = "{\"a\":1}\r\n\n{\"a\":\n[1,\"x]\n{\"b\":\"\\n\"}\n\"\xff\"\ntrue\n";
    std::vector<Extent> records;
    values_of_lines(bytes_of(text), Blank::keep, records);
    Parser parser;
    ParsedBatch batch(parser);
    batch.parse(bytes_of(text), records, Format::automatic, Between::newlines);
    REQUIRE(batch.size() == 7);
    CHECK(batch.errors() == 4);
    CHECK(batch.at(0)->member("a").int64() == 1);
    CHECK(batch.at(1).error() == ParseError{Fault::empty, 0});
    CHECK(batch.at(2).error() == ParseError{Fault::truncated, 5});
    CHECK(batch.at(3).error() == ParseError{Fault::truncated, 6});
    CHECK(batch.at(4)->member("b").is("\n"));
    CHECK(batch.at(5).error() == ParseError{Fault::invalid_utf8, 1});
    CHECK(batch.at(6)->boolean());
}

TEST_CASE("parsed batches hold both formats side by side") {
    const std::string text = from_hex("81 a161 01") + "{\"a\":2}" + from_hex("c1");
    const std::vector<Extent> records{{0, 4}, {4, 7}, {11, 1}};
    Parser parser;
    ParsedBatch batch(parser);
    batch.parse(bytes_of(text), records, Format::automatic, Between::anything);
    REQUIRE(batch.size() == 3);
    CHECK(batch.at(0)->member("a").int64() == 1);
    CHECK(batch.at(1)->member("a").int64() == 2);
    CHECK(batch.at(2).error() == ParseError{Fault::invalid_type, 0});
    const NameId a = batch.names().find("a");
    CHECK(batch.member(*batch.at(0), a).int64() == 1);
    CHECK(batch.member(*batch.at(1), a).int64() == 2);
}

TEST_CASE("too deep, cut short or with bytes behind it is a parse error of that record alone") {
    const std::string deep = std::string(65, '[') + std::string(65, ']');
    const std::string text = "{\"n\":0}\n" + deep +
                             "\n{\"n\":2}\n{\"n\":\n{\"n\":4}\n{} {}\n{\"n\":6}\n" +
                             "{\"n\":\"cut\n{\"n\":8}\n";
    std::vector<Extent> records;
    values_of_lines(bytes_of(text), Blank::keep, records);
    REQUIRE(records.size() == 9);
    for (const Between between : {Between::newlines, Between::anything}) {
        Parser parser;
        ParsedBatch batch(parser);
        batch.parse(bytes_of(text), records, Format::json, between);
        CHECK(batch.errors() == 4);
        CHECK(batch.at(1).error().fault == Fault::too_deep);
        CHECK(batch.at(3).error().fault == Fault::truncated);
        CHECK(batch.at(5).error().fault == Fault::trailing_bytes);
        CHECK_FALSE(batch.at(7).has_value());
        for (const std::size_t n : {0u, 2u, 4u, 6u, 8u})
            CHECK(batch.at(n)->member("n").int64() == static_cast<std::int64_t>(n));
    }
}

TEST_CASE("field names are interned, the known ones first") {
    const std::vector<std::string> known{"level", "msg"};
    Parser parser;
    ParsedBatch batch(parser, known);
    const std::string text =
        "{\"msg\":1,\"x\":{\"level\":2},\"level\":3}\n{\"le\\u0076el\":4,\"level\":5}\n";
    std::vector<Extent> records;
    values_of_lines(bytes_of(text), Blank::skip, records);
    for (int round = 0; round < 2; ++round) {
        batch.parse(bytes_of(text), records, Format::json, Between::newlines);
        CHECK(batch.names().size() == 3);
        CHECK(batch.member(*batch.at(0), NameId{0}).int64() == 3);
        CHECK(batch.member(*batch.at(0), NameId{1}).int64() == 1);
        CHECK(batch.member(*batch.at(1), NameId{0}).int64() == 5);
        CHECK(batch.name(batch.at(0)->member("x")) == NameId{2});
        CHECK(batch.name(*batch.at(0)) == NameId::none);
        CHECK(batch.names().text(NameId{2}) == "x");
        CHECK(batch.member(*batch.at(0), NameId::none).missing());
    }
}

TEST_CASE("a batch that was parsed ahead is judged record by record, as each would be alone") {
    const std::string text = "{\"n\":0}\n\nno\n[1]\r\n{\"n\":4";
    const auto ahead = make_decoder(Framing::lines);
    const auto alone = make_decoder(Framing::lines);
    std::vector<std::byte> out;
    for (int round = 0; round < 2; ++round) {
        ahead->look_ahead(bytes_of(text), 5);
        for (const std::string_view line : {"{\"n\":0}", "", "no", "[1]\r", "{\"n\":4"}) {
            std::string error, wanted;
            const auto is = ahead->run(bytes_of(line), out, error);
            const auto right = alone->run(bytes_of(line), out, wanted);
            CHECK(is.verdict == right.verdict);
            CHECK(is.unreadable == right.unreadable);
            CHECK(error == wanted);
            const bool good = line.starts_with("{\"n\":0") || line.starts_with("[");
            CHECK((is.verdict == holdfast::Verdict::keep) == good);
        }
    }
    CHECK(out.empty());
}

TEST_CASE("names beyond the limit stay without a number") {
    Names names({}, 3);
    CHECK(names.intern("a") == NameId{0});
    CHECK(names.intern("b", NameId{0}) == NameId{1});
    CHECK(names.intern("") == NameId{2});
    CHECK(names.intern("d") == NameId::none);
    CHECK(names.intern("b", NameId{0}) == NameId{1});
    CHECK(names.intern("a", NameId{1}) == NameId{0});
    CHECK(names.find("") == NameId{2});
    CHECK(names.find("d") == NameId::none);
    CHECK(names.size() == 3);
}

TEST_CASE("names keep their numbers among thousands") {
    Names names({}, 4096);
    std::size_t numbered = 0;
    for (int i = 0; i < 4096; ++i) {
        numbered += names.intern("field_number_" + std::to_string(i)) != NameId::none;
    }
    CHECK(numbered > 4000);
    for (std::size_t i = 0; i < names.size(); ++i) {
        const NameId id{static_cast<std::uint32_t>(i)};
        CHECK(names.find(names.text(id)) == id);
    }
}

TEST_CASE("lines of a batch are found again when only some are records") {
    const std::string text = "{\"a\":1}\n{\"a\":2}\n[3\n{\"a\":4}\n";
    std::vector<Extent> records;
    values_of_lines(bytes_of(text), Blank::skip, records);
    records.erase(records.begin() + 2);
    records.erase(records.begin());
    Parser parser;
    ParsedBatch batch(parser);
    batch.parse(bytes_of(text), records, Format::json, Between::newlines);
    CHECK(batch.at(0)->member("a").int64() == 2);
    CHECK(batch.at(1)->member("a").int64() == 4);
}

TEST_CASE("fields found on demand are those of the parsed record") {
    JsonIndex index;
    const std::string json = R"({"x":{"a":[1,{"b":2}]},"a":"A\u0041","a":-1.5,"n":null})";
    const auto found = [&](std::string_view path) {
        return find_json(*index.index(bytes_of(json)), parse_path(path).value());
    };
    CHECK(found(".a")->value().real() == -1.5);
    CHECK(found(".x.a[1].b")->value().int64() == 2);
    CHECK(found(".x.a[-2]")->value().int64() == 1);
    CHECK(found(".x.a[-3]")->value().missing());
    CHECK(found(".n")->value().null());
    CHECK(found(".x.a")->value().raw().size() == 11);
    CHECK(found(".y")->value().missing());
    const std::string packed = from_hex("82 a178 92 01 81a16202  05 a141");
    const auto find = [&](std::string_view path) {
        return find_msgpack(bytes_of(packed), parse_path(path).value());
    };
    CHECK(find(".x[1].b")->value().int64() == 2);
    CHECK(find("[\"5\"]")->value().is("A"));
    CHECK(find(".x[-1]")->value().kind() == Kind::object);
    CHECK(find(".x[2]")->value().missing());
    CHECK(find_msgpack(bytes_of("\x81"), parse_path(".a").value()).error().fault ==
          Fault::truncated);
}
