// Text parsed into JSON, by tables of cases. That any line is read back: sim/line_world.cpp.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/core/parse_help.hpp"

using namespace holdfast;
using text::Format;
using text::ParseSettings;

namespace {

using namespace std::string_literals;

ParseSettings of(Format format) {
    ParseSettings out;
    out.format = format;
    return out;
}

ParseSettings key_value(std::string pairs, std::string keys) {
    ParseSettings out = of(Format::key_value);
    out.pair_separator = std::move(pairs);
    out.key_separator = std::move(keys);
    return out;
}

ParseSettings in_field(Format format, const char* field) {
    ParseSettings out = of(format);
    out.field_name = field;
    out.field = *codec::parse_path(field);
    return out;
}

}  // namespace

TEST_CASE("logfmt is read as pairs of words, in which quotes hold blanks and escapes together") {
    check(
        of(Format::logfmt),
        {
            {"a=1", R"({"a":"1"})"},
            {"level=info msg=\"two words\" n=3", R"({"level":"info","msg":"two words","n":"3"})"},
            {"  a=1 \t b=2\r", R"({"a":"1","b":"2"})"},
            {"a= b=\"\"", R"({"a":"","b":""})"},
            {"done a=1", R"({"done":true,"a":"1"})"},
            {"a", R"({"a":true})"},
            {"a=b=c sig=xy==", R"({"a":"b=c","sig":"xy=="})"},
            {"a=x\"y", R"({"a":"x\"y"})"},
            {"a\"b=1", R"({"a\"b":"1"})"},
            {"\"a b\"=1 \"c\"", R"({"a b":"1","c":true})"},
            {R"(a="q\"u\\o\/t\n\r\t\b\fe")", R"({"a":"q\"u\\o/t\n\r\t\b\fe"})"},
            {R"(a="\u00e9\ud83d\ude00\u0000")", "{\"a\":\"\xc3\xa9\xf0\x9f\x98\x80\\u0000\"}"},
            {R"(a="\q\ud83d\u12\udc00\ud83d\u0041")", R"({"a":"\\q\\ud83d\\u12\\udc00\\ud83dA"})"},
            {R"(a="C:\dir\\")", R"({"a":"C:\\dir\\"})"},
            {R"(path=C:\new)", R"({"path":"C:\\new"})"},
            {"a=1 b=2 a=3", R"({"a":"3","b":"2"})"},
            {R"("\u0061"=1 a=2)", R"({"a":"2"})"},
            {"a=\x01\x7f", R"({"a":"\u0001)"
                           "\x7f\"}"},
            {"a=x\0y"s, R"({"a":"x\u0000y"})"},
            {"\xef\xbb\xbf"
             "a=1",
             "{\"\xef\xbb\xbf"
             "a\":\"1\"}"},
        });
}

TEST_CASE("a line that is no logfmt is an error that says where") {
    check(of(Format::logfmt), {
                                  {"", "! empty at byte 0"},
                                  {" \t ", "! empty at byte 0"},
                                  {"a=1 =2", "! no key before its value at byte 4"},
                                  {"=", "! no key before its value at byte 0"},
                                  {"a=\"x", "! a quote is not closed at byte 2"},
                                  {R"(a="x\")", "! a quote is not closed at byte 2"},
                                  {"a=\"", "! a quote is not closed at byte 2"},
                                  {"\"a", "! a quote is not closed at byte 0"},
                                  {"\"", "! a quote is not closed at byte 0"},
                                  {"a=\"x\"y b=1", "! text behind a quote at byte 5"},
                                  {"\"a\"x=1", "! text behind a quote at byte 3"},
                                  {"a=\xff", "! invalid UTF-8 at byte 2"},
                                  {"ab=\xed\xa0\x80 c=1", "! invalid UTF-8 at byte 3"},
                                  {"\xfe\xff\0a"s, "! invalid UTF-8 at byte 0"},
                              });
}

TEST_CASE("pairs with separators of one's own are read, and blanks around them count for nothing") {
    check(key_value(" ", "="), {{"a=1 b=2  c=3", R"({"a":"1","b":"2","c":"3"})"},
                                {"a=\"x y\" b", R"({"a":"x y","b":true})"},
                                {"a=1\tb=2", R"({"a":"1\tb=2"})"}});
    check(key_value(",", ":"), {
                                   {"a: 1, b : x y ,c:", R"({"a":"1","b":"x y","c":""})"},
                                   {"a:1,,b:2,", R"({"a":"1","b":"2"})"},
                                   {"t:12:30,u", R"({"t":"12:30","u":true})"},
                                   {"a:\"1,2\" , b:\"\"", R"({"a":"1,2","b":""})"},
                                   {"\"a,b\" : 1", R"({"a,b":"1"})"},
                                   {"a:\"1\" 2", "! text behind a quote at byte 6"},
                                   {"a:\"1, b:2", "! a quote is not closed at byte 2"},
                                   {":1", "! no key before its value at byte 0"},
                                   {" ,, ", "! empty at byte 0"},
                               });
    check(key_value("||", "=>"), {{"a=>1||b=>x|y=z||c", R"({"a":"1","b":"x|y=z","c":true})"},
                                  {"a=>\"||\"||b=>2", R"({"a":"||","b":"2"})"}});
    check(key_value("\t", " "), {{"a 1\tb x y\tc ", R"({"a":"1","b":"x y","c":""})"}});
}

TEST_CASE("numbers are numbers where they are wanted, and not in quotes") {
    ParseSettings settings = of(Format::logfmt);
    settings.numbers = true;
    check(settings,
          {
              {"a=1 b=-0.50 c=1e9 d=12345678901234567890123",
               R"({"a":1,"b":-0.50,"c":1e9,"d":12345678901234567890123})"},
              {"a=\"1\" b=01 c=1. d=.5 e=+1 f=0x1 g=1s h= i=- j=NaN k=true",
               R"({"a":"1","b":"01","c":"1.","d":".5","e":"+1","f":"0x1","g":"1s","h":"","i":"-",)"
               R"("j":"NaN","k":"true"})"},
          });
    settings.numbers = false;
    check(settings, {{"a=1", R"({"a":"1"})"}});
}

TEST_CASE("a line of JSON keeps its bytes where it is compact, else it becomes so") {
    check(of(Format::json), {
                                {R"({"a":[1,2.50,"x y"]})", R"(= {"a":[1,2.50,"x y"]})"},
                                {"42", "= 42"},
                                {" { \"a\\\"\" : [ 1 , \" \\\\\" ] }\r", R"({"a\"":[1," \\"]})"},
                                {R"({"a":1,"a":2})", R"(= {"a":1,"a":2})"},
                                {"{\"a\":}", "! unexpected character at byte 5"},
                                {"{} {}", "! trailing bytes at byte 3"},
                                {"a=1", "! unexpected character at byte 0"},
                                {"", "! no value at byte 0"},
                            });
}

TEST_CASE("the text of a field takes its place among the record's members") {
    check(in_field(Format::logfmt, ".log"),
          {
              {R"({"log":"a=1 b=2\n","b":0, "c" : [ 1 ]})", R"({"b":"2","c":[1],"a":"1"})"},
              {R"({"log":"log=x\r\n"})", R"({"log":"x"})"},
              {R"({"l\u006fg":"a=\"\\n\"", "\u00e9":1})", "{\"\xc3\xa9\":1,\"a\":\"\\n\"}"},
              {R"({"log":"x=1","log":"a=1"})", R"({"a":"1"})"},
              {R"({"log":""})", "! .log: empty at byte 0"},
              {R"({"log":"a=\""})", "! .log: a quote is not closed at byte 2"},
              {R"({"log":1})", "! .log is no text"},
              {R"({"a":1})", "! .log is not there"},
              {"[1]", "! .log is not there"},
              {"a=1", "! unexpected character at byte 0"},
          });
    check(in_field(Format::json, ".at.log"),
          {
              {R"({"at":{"x":1, "log":"{ \"a\" : \"\\n\" }\n"},"b":1})",
               R"({"at":{"x":1},"b":1,"a":"\n"})"},
              {R"({"at":{"log":"[1]"}})",
               "! .at.log: no object, which is needed where there is no "
               "`into`"},
              {R"({"at":{"log":"{"}})", "! .at.log: unexpected end at byte 1"},
              {R"({"at":1})", "! .at.log is not there"},
          });
}

TEST_CASE("what comes of a text may have a key of its own, and the text may stay") {
    ParseSettings settings = in_field(Format::logfmt, ".log");
    settings.into = "to";
    check(settings, {{R"({"to":1,"log":"a=1 a=2","b":2})", R"({"to":{"a":"2"},"b":2})"}});
    settings.keep_text = true;
    check(settings, {{R"({"log":"a=1"})", R"({"log":"a=1","to":{"a":"1"}})"}});
    settings.field.reset();
    check(settings, {{"a=1", R"({"to":{"a":"1"}})"}});
    settings = in_field(Format::json, ".log");
    settings.into = "to";
    check(settings, {{R"({"log":" [1, \"\\n\"]"})", R"({"to":[1,"\n"]})"}});
    settings.keep_text = true;
    check(settings, {{R"({"log":"1 "})", R"({"log":"1 ","to":1})"}});
}

TEST_CASE("a value that is put into a record has no more levels than records may have") {
    ParseSettings settings = of(Format::json);
    settings.into = "to";
    const auto nested = [](std::size_t levels) {
        return std::string(levels, '[') + std::string(levels, ']');
    };
    check(settings, {{nested(63), "{\"to\":" + nested(63) + "}"},
                     {nested(64), "! too deep to stand in .to"}});
    check(of(Format::json), {{nested(64), "= " + nested(64)}});
}

TEST_CASE("texts with more keys than they may have, and records that grow too large, are errors") {
    ParseSettings settings = of(Format::logfmt);
    settings.keys_max = 2;
    check(settings,
          {{"a b", R"({"a":true,"b":true})"}, {"a a a", "! more keys than max_keys at byte 4"}});
    settings.keys_max = 100'000;
    std::string line, object = "{";
    for (int i = 0; i < 100'000; ++i) {
        line += "k" + std::to_string(i % 60'000) + "=" + std::to_string(i) + " ";
        if (i >= 60'000) continue;
        object += "\"k" + std::to_string(i) + "\":\"" +
                  std::to_string(i < 40'000 ? i + 60'000 : i) + "\",";
    }
    object.back() = '}';
    Parses parses(settings);
    CHECK(parses(line) == object);
    parses.program().limit_outputs(64);
    CHECK(parses("a=" + std::string(100, 'x')) == "!! outputs of a record exceed 64 bytes");
    CHECK(parses("a=" + std::string(20, '\x01')) == "!! outputs of a record exceed 64 bytes");
    // With its newline 64.
    CHECK(parses("a=" + std::string(55, 'x')) == "{\"a\":\"" + std::string(55, 'x') + "\"}");
    CHECK(parses("a=" + std::string(56, 'x')) == "!! outputs of a record exceed 64 bytes");
    CHECK(parses("a=1") == R"({"a":"1"})");
}

TEST_CASE("a long hostile line takes time by its length only") {
    const std::size_t size = std::size_t{1} << 20;
    ParseSettings settings = key_value(";", "=");
    settings.keys_max = 65536;
    // Each would take minutes if a pair were looked for beyond its end.
    std::string words, quotes;
    while (words.size() < size) words += "a ";
    while (quotes.size() < size) quotes += "\"\\\\\"";
    CHECK(Parses(of(Format::logfmt))(words).starts_with("! more keys than max_keys"));
    CHECK(Parses(settings)(words) == "{\"" + words.substr(0, words.size() - 1) + "\":true}");
    CHECK(Parses(settings)(quotes).starts_with("! text behind a quote"));
    CHECK(Parses(settings)("a=\"" + quotes).starts_with("! text behind a quote"));
    CHECK(Parses(settings)(std::string(size, '=')).starts_with("! no key"));
    CHECK(Parses(settings)(std::string(size, ';')) == "! empty at byte 0");
}
