// CSV and syslog parsed into JSON, by tables of cases. That any line is read back: sim/line_forms.cpp.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/core/parse_help.hpp"

using namespace holdfast;
using text::Format;
using text::ParseSettings;

namespace {

using namespace std::string_literals;

ParseSettings csv(std::vector<std::string> columns, std::string separator = ",") {
    ParseSettings out;
    out.format = Format::csv;
    out.columns = std::move(columns);
    out.separator = std::move(separator);
    return out;
}

ParseSettings syslog() {
    ParseSettings out;
    out.format = Format::syslog;
    return out;
}

}  // namespace

TEST_CASE("values of CSV become members by their order, and quotes hold separators and quotes") {
    check(csv({"a", "b"}), {
                               {"1,x y", R"({"a":"1","b":"x y"})"},
                               {"\"1,2\",\"say \"\"x\"\"\"\r", R"({"a":"1,2","b":"say \"x\""})"},
                               {",", R"({"a":"","b":""})"},
                               {"\"\",\"\"\"\"", R"({"a":"","b":"\""})"},
                               {" 1 , \"x\"", R"({"a":" 1 ","b":" \"x\""})"},
                               {"x\"y\",\\n", R"({"a":"x\"y\"","b":"\\n"})"},
                               {"a\0b,\x01"s, R"({"a":"a\u0000b","b":"\u0001"})"},
                               {"", "! empty at byte 0"},
                               {"1", "! fewer values than columns at byte 1"},
                               {"1,2,3", "! more values than columns at byte 4"},
                               {"1,2,", "! more values than columns at byte 4"},
                               {"1,\"2", "! a quote is not closed at byte 2"},
                               {"1,\"2\"\"", "! a quote is not closed at byte 2"},
                               {"\"1\"x,2", "! text behind a quote at byte 3"},
                               {"1,\xc3", "! invalid UTF-8 at byte 2"},
                           });
    check(csv({"a"}), {{"1,2", "! more values than columns at byte 2"}, {"\"\"", R"({"a":""})"}});
    check(csv({"a", "b"}, "\t"), {{"1,2\t", R"({"a":"1,2","b":""})"}});
    check(csv({"a", "b"}, "||"), {{"1|2||\"||\"", R"({"a":"1|2","b":"||"})"}});
    ParseSettings numbers = csv({"a", "b"});
    numbers.numbers = true;
    check(numbers, {{"1.50,\"1\"", R"({"a":1.50,"b":"1"})"}, {"01, 1", R"({"a":"01","b":" 1"})"}});
}

TEST_CASE("a header of CSV is no record where it is to be left out") {
    ParseSettings settings = csv({"id", "a \"b\""});
    check(settings, {{"id,\"a \"\"b\"\"\"", R"({"id":"id","a \"b\"":"a \"b\""})"}});
    settings.skip_header = true;
    check(settings, {{"id,\"a \"\"b\"\"\"\r", "-"},
                     {"id,a \"b\"", "-"},
                     {"ID,a \"b\"", R"({"id":"ID","a \"b\"":"a \"b\""})"},
                     {"id", "! fewer values than columns at byte 2"}});
}

TEST_CASE("a line of RFC 5424 becomes its parts, and what it does not have is no member") {
    check(
        syslog(),
        {
            {"<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \xef\xbb\xbf"
             "'su root' failed",
             R"({"facility":"auth","severity":"crit","timestamp":"2003-10-11T22:14:15.003Z",)"
             R"("hostname":"mymachine.example.com","appname":"su","msgid":"ID47",)"
             R"("message":"'su root' failed"})"},
            {R"(<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - [a@1 x="1" y="\"\\\]\n"][b] m)",
             R"({"facility":"local4","severity":"notice","timestamp":"2003-08-24T05:14:15.000003-07:00",)"
             R"("hostname":"192.0.2.1","appname":"myproc","procid":"8710",)"
             R"("structured_data":{"a@1":{"x":"1","y":"\"\\]\\n"},"b":{}},"message":"m"})"},
            {"<0>1 - - - - - -", R"({"facility":"kern","severity":"emerg"})"},
            {"<191>12 - - - - - - ", R"({"facility":"local7","severity":"debug","message":""})"},
            {R"(<1>1 - - - - - [a x="1" x="2"][a y="3"])",
             R"({"facility":"kern","severity":"alert","structured_data":{"a":{"y":"3"}}})"},
            {"<1>1 - - - - -", "! no structured data at byte 14"},
            {"<1>1 - - -", "! the header of RFC 5424 ends early at byte 10"},
            {"<1>1 - -  - - - -", "! the header of RFC 5424 ends early at byte 10"},
            {"<1>1 yesterday h a p i -", "! no time of RFC 3339 at byte 5"},
            {"<1>1 2003-10-11T22:14:15 h a p i -", "! no time of RFC 3339 at byte 5"},
            {"<1>1 - - - - - -x", "! text behind the structured data at byte 16"},
            {"<1>1 - - - - - [a", "! no name of structured data at byte 16"},
            {"<1>1 - - - - - [a x=1]", "! no name and value of structured data at byte 18"},
            {"<1>1 - - - - - [a x=\"1]", "! a quote is not closed at byte 20"},
            {"<1>1 - - - - - [a x=\"1\"", "! structured data is not closed at byte 23"},
            {"<192>1 - - - - - -", "! no priority of syslog at byte 0"},
            {"<>1 - - - - - -", "! no priority of syslog at byte 0"},
            {"<1234>1 - - - - - -", "! no priority of syslog at byte 0"},
            {"<1", "! no priority of syslog at byte 0"},
        });
    ParseSettings settings = syslog();
    settings.numbers = true;
    settings.keys_max = 2;
    check(settings, {{"<1>1 - - - 10 - -", R"({"facility":"kern","severity":"alert","procid":10})"},
                     {"<1>1 - - - - - [a x=\"1\" y=\"2\"]", "! more keys than max_keys at byte 30"},
                     {"<1>1 - - - - - [a][b][c]", "! more keys than max_keys at byte 24"}});
    Parses small(syslog());
    small.program().limit_outputs(100);
    CHECK(small("<1>1 - - - - - [a x=\"" + std::string(20, '\x01') + "\"]")
              .starts_with("! too much structured data"));
}

TEST_CASE("a line of RFC 3164 becomes its parts, as files have it too") {
    check(
        syslog(),
        {
            {"<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick",
             R"({"facility":"auth","severity":"crit","timestamp":"Oct 11 22:14:15",)"
             R"("hostname":"mymachine","appname":"su","message":"'su root' failed for lonvick"})"},
            {"Jan  5 14:32:01 host sshd[12]: Accepted key",
             R"({"timestamp":"Jan  5 14:32:01","hostname":"host","appname":"sshd","procid":"12",)"
             R"("message":"Accepted key"})"},
            {"2026-01-31T23:59:59.123456+01:00 host systemd[1]: Started.",
             R"({"timestamp":"2026-01-31T23:59:59.123456+01:00","hostname":"host",)"
             R"("appname":"systemd","procid":"1","message":"Started."})"},
            {"<13>Feb  5 17:32:18 10.0.0.99 Use the BFG!",
             R"({"facility":"user","severity":"notice","timestamp":"Feb  5 17:32:18",)"
             R"("hostname":"10.0.0.99","message":"Use the BFG!"})"},
            {"<13>5 errors found",
             R"({"facility":"user","severity":"notice","message":"5 errors found"})"},
            {"<13>10 - x", "! the header of RFC 5424 ends early at byte 10"},
            {"<13>2 2003-10-11T22:14:15Zx h", R"({"facility":"user","severity":"notice",)"
                                              R"("message":"2 2003-10-11T22:14:15Zx h"})"},
            {"Oct 11 22:14:15 h app:msg: x",
             R"({"timestamp":"Oct 11 22:14:15","hostname":"h","appname":"app","message":"msg: x"})"},
            {"Oct 11 22:14:15 h http://x y",
             R"({"timestamp":"Oct 11 22:14:15","hostname":"h","message":"http://x y"})"},
            {"Oct 11 22:14:15 fe80::1%eth x",
             R"({"timestamp":"Oct 11 22:14:15","appname":"fe80","message":":1%eth x"})"},
            {"Oct 11 22:14:15 2001:db8::7 x",
             R"({"timestamp":"Oct 11 22:14:15","hostname":"2001:db8::7","message":"x"})"},
            {"<13>Feb  5 17:32:18 app[7]: x",
             R"({"facility":"user","severity":"notice","timestamp":"Feb  5 17:32:18",)"
             R"("appname":"app","procid":"7","message":"x"})"},
            {"Feb  5 17:32:18 kernel: [ 1.0] x",
             R"({"timestamp":"Feb  5 17:32:18","appname":"kernel","message":"[ 1.0] x"})"},
            {"Feb  5 17:32:18 ::1 a: x",
             R"({"timestamp":"Feb  5 17:32:18","hostname":"::1","appname":"a","message":"x"})"},
            {"Feb  5 17:32:18 h a:", R"({"timestamp":"Feb  5 17:32:18","hostname":"h",)"
                                     R"("appname":"a","message":""})"},
            {"Feb  5 17:32:18", R"({"timestamp":"Feb  5 17:32:18","message":""})"},
            {"<13>hello", R"({"facility":"user","severity":"notice","message":"hello"})"},
            {"<13>1st of May", R"({"facility":"user","severity":"notice","message":"1st of May"})"},
            {"<13>Feb 32 7:32:18 x",
             R"({"facility":"user","severity":"notice","message":"Feb 32 7:32:18 x"})"},
            {"hello", "! neither a priority nor a time of syslog at byte 0"},
            {"Fob  5 17:32:18 h a: x", "! neither a priority nor a time of syslog at byte 0"},
            {"\x00<1>x"s, "! neither a priority nor a time of syslog at byte 0"},
        });
}
