// `holdfast jq` beside Debian's jq 1.6: the same flags, output and exit codes.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/real/process.hpp"

using namespace holdfast::real;

namespace {

struct Case {
    std::vector<std::string> arguments;
    std::string input;
};

const std::string people =
    "{\"name\":\"ada\",\"age\":36,\"tags\":[\"a\",\"b\"]}\n{\"name\":\"bob\",\"age\":7,\"tags\":[]}"
    "\n";

const std::vector<Case>& cases() {
    static const std::vector<Case> all{
        // How it is printed.
        {{"."}, people},
        {{"-c", "."}, people},
        {{"--compact-output", "."}, " { \"a\" : [ 1 , 2 ] , \"b\" : { } } "},
        {{"."}, "{\"a\":[],\"b\":{},\"c\":[[]],\"d\":{\"e\":{}}}"},
        {{"--tab", "."}, people},
        {{"--indent", "1", "."}, people},
        {{"--indent", "7", "."}, people},
        {{"--indent", "0", "."}, people},
        {{"--indent", "3", "-c", "."}, people},
        {{"-S", "."}, "{\"b\":1,\"a\":{\"d\":[{\"z\":1,\"y\":2}],\"c\":3}}"},
        {{"-Sc", "."}, "{\"b\":1,\"a\":{\"d\":2,\"c\":\"}\\\"\"},\"\xc3\xa9\":0,\"Z\":[]}"},
        {{"-a", "."}, "\"\xc3\xa9 \xf0\x9f\x98\x80 \\u007f\""},
        {{"-ac", "."}, "{\"\xc3\xa9\":\"\xe2\x82\xac\"}"},
        {{"-c", "."}, "\"\\u00e9\\/\\b\\u0001\\\"\\\\\""},
        {{"."}, "\"\\ud83d\\ude00\""},
        {{"-r", "."}, "\"a\\nb\\u00e9\" 1 [\"x\"] {\"a\":\"b\"} null"},
        {{"-j", "."}, "\"a\" \"b\" 1 [\"x\"]"},
        {{"-jc", "."}, "\"a\" [\"x\",2]"},
        {{"-ra", "."}, "\"\xc3\xa9\""},
        {{"-rc", ".name, .tags"}, people},
        {{"-M", "."}, people},
        // What is read.
        {{"-c", "."}, "1 2\n3\n\n\n[4,\n5]{\"a\":6}\"x\"null true"},
        {{"-c", "."}, "[1][2][3]"},
        {{"-c", "."}, "  \n\t\r\n"},
        {{"-c", "."}, ""},
        {{"-c", ".a"}, "{\n  \"a\": {\n    \"b\": 1\n  }\n}\n{\"a\":2}\n{\n\"a\":3}\n"},
        {{"-c", ".a"}, "{\"a\":1}\r\n{\"a\":2}\r\n"},
        {{"-c", ".a"}, "{\"a\":1}"},
        {{"-c", ".[]"}, "[1,[2],{\"a\":3}]\n[]\n[null]"},
        {{"-n", "1+1"}, "5"},
        {{"-n", "[inputs]"}, "1 2 3"},
        {{"-cn", "[inputs]"}, ""},
        {{"-cn", "input, input"}, "1\n2\n3"},
        {{"-cn", "reduce inputs as $x (0; . + $x)"}, "1 2 3 4"},
        {{"-cn", "first(inputs)"}, "1 2 3"},
        {{"-c", "[., input]"}, "1 2 3 4"},
        {{"-c", "[., (try input catch .)]"}, "1 2 3"},
        {{"-s", "."}, "1 2 [3]"},
        {{"-sc", "."}, ""},
        {{"-sc", "map(.a) | add"}, "{\"a\":1}\n{\"a\":2}\n{\"a\":\n3}"},
        {{"-R", "."}, "a\nb\"c\n\nd"},
        {{"-Rc", "[., length]"}, "\xc3\xa9\xff\n"},
        {{"-Rs", "."}, "a\nb\n"},
        {{"-Rn", "[inputs]"}, "a\nb\n"},
        {{"-Rr", "split(\",\") | .[1]"}, "a,b,c\nd,e\n"},
        // Exit codes.
        {{"-e", "."}, "1"},
        {{"-e", "."}, "null"},
        {{"-e", "."}, "false"},
        {{"-e", "."}, "1 null"},
        {{"-e", "."}, "null 1"},
        {{"-e", "select(.)"}, "1 2"},
        {{"-e", ".a"}, "{\"a\":0}"},
        {{".a"}, "{\"a\":1} 7"},
        {{"-c", ".a, .b.c.d"}, "{\"a\":1,\"b\":2}"},
        {{"-c", ".[] | tonumber"}, "[\"1\",\"x\",\"3\"]"},
        {{"error"}, "\"x\""},
        {{"error"}, "{\"a\":1}"},
        {{"halt"}, "1 2"},
        {{"., halt"}, "1 2"},
        {{"., halt_error"}, "\"bye\\n\""},
        {{"halt_error"}, "{\"a\":1}"},
        {{"halt_error(3)"}, "1"},
        {{"halt_error(-1)"}, "1"},
        {{"halt_error(1.9)"}, "1"},
        {{"-e", "null, halt"}, "1"},
        {{"-e", "halt"}, "1"},
        {{"-e", "false | halt_error(1)"}, "1"},
        {{"\"x\" | halt_error(0)"}, "1"},
        {{"-e", "error(\"x\")"}, "1"},
        {{"-e", "., error(\"x\")"}, "1"},
        {{"-e", ".", "/no/such/file"}, ""},
        {{"-n", "input"}, ""},
        {{".", ""}, "1"},
        {{"import \"nope\" as n; 1"}, "1"},
        {{"-f", "/no/such/file", "."}, "1"},
        {{".a("}, "1"},
        {{"nosuch"}, "1"},
        {{".", "/no/such/file"}, ""},
        {{"--nosuch", "."}, "1"},
        {{"--indent", "9", "."}, "1"},
        {{"--argjson", "x", "{", "."}, "1"},
        // Arguments.
        {{"--arg", "x", "a\"b", "$x"}, "1"},
        {{"-c", "--arg", "x", "1", "--argjson", "y", "{\"z\":[1,-2]}", "[., $x, $y]"}, "0"},
        {{"-c", "--arg", "x", "1", "def f: $x; [f, $ARGS.named]"}, "0"},
        {{"-c", "--arg", "x", "-5", ". + ($x | tonumber)"}, "7"},
        {{"--arg", "x", "1", ""}, "[1]"},
        {{"-nc", "--arg", "x", "1", "--arg", "x", "2", "--arg", "a b", "3", "[$x, $ARGS]"}, ""},
        {{"--arg", "x", "1", "def f: 2; # that is all"}, "[1]"},
        {{"-nc", "$ARGS", "--args", "a", "-c", "b"}, ""},
        {{"-nc", "$ARGS", "--jsonargs", "1", "{\"a\":null}"}, ""},
        {{"-nc", "--args", "$ARGS.positional", "x", "y"}, ""},
        {{"-n", "env.HF_NO_SUCH_NAME"}, ""},
        {{"-nr", "\"\\(1;2)\""}, ""},
        {{"--", "-1"}, "5"},
        // Values as events, sequences, values of files.
        {{"-c", "--stream", "."}, people},
        {{"-c", "--stream", "."}, "3 \"a\" [] {} [[]] {\"a\":{}} null"},
        {{"-c", "--stream", "."}, "{\"a\":[1,{\"b\":2}],\"c\":\"\\u00e9\"} [[[1]]]"},
        {{"-c", "--stream", "select(length == 2)"}, people},
        {{"-cn", "--stream", "fromstream(inputs)"}, people},
        {{"-cn", "--stream", "fromstream(1 | truncate_stream(inputs))"}, people},
        {{"-cn", "--stream", "[inputs]"}, "[1,[2]] 3"},
        {{"-c", "--seq", "."}, "\x1e{\"a\":1}\n\x1e[2]\n"},
        {{"--seq", "."},
         "\x1e"
         "1\n\x1e"
         "2\n"},
        {{"-cn", "--seq", "[inputs]"}, "\x1e{\"a\":1}\n\x1e[2]\n"},
        {{"-nc", "--slurpfile", "x", "/dev/null", "$x, $ARGS.named"}, ""},
        {{"-nc", "--rawfile", "x", "/dev/null", "$x, $ARGS.named"}, ""},
        {{"-n", "--slurpfile", "x", "/no/such/file", "$x"}, ""},
        {{"-n", "--rawfile", "x", "/no/such/file", "$x"}, ""},
        {{"-c", "[., input_line_number]"}, "1\n2\n\n[3,\n4]\n5"},
        {{"input_filename"}, "1"},
        // Programs as people write them.
        {{"-c", "select(.age > 10)"}, people},
        {{"-c", "{name, n: (.tags | length)}"}, people},
        {{"-r", "\"\\(.name): \\(.tags | join(\",\"))\""}, people},
        {{"-r", "[.name, .age] | @csv"}, people},
        {{"-r", "[.name, .age] | @tsv"}, people},
        {{"-c", ".tags |= map(ascii_upcase)"}, people},
        {{"-c", "del(.age) | .x = .name"}, people},
        {{"-c", "to_entries"}, people},
        {{"-c", "with_entries(.key |= \"_\" + .)"}, people},
        {{"-sc", "sort_by(.age) | map(.name)"}, people},
        {{"-sc", "group_by(.tags | length) | map(length)"}, people},
        {{"-c", ".name | test(\"^a\")"}, people},
        {{"-c", "paths"}, people},
        {{"-c", "[.. | numbers]"}, people},
        {{"-c", "if .age > 10 then \"old\" elif .age > 5 then \"young\" else \"?\" end"}, people},
        {{"-c", ".tags[0] // \"none\""}, people},
        {{"-c", "[limit(3; repeat(1))]"}, "1"},
        {{"-c", "[range(5)] | .[2:4]"}, "1"},
        {{"-c", "path(..)"}, "[[1]]"},
        {{"-c", "tojson, (tojson | fromjson)"}, people},
        {{"-c", "@base64, @uri"}, "\"a b\""},
        {{"-c", "now > 0"}, "1"},
    };
    return all;
}

/// Where 1.6 and this are known to differ, and why.
const char* differs(const Case& one) {
    const auto& a = one.arguments;
    if (a[0] == "--") return "1.6 has no --";
    if (a[0] == "., halt") return "1.6 goes on with the next value";
    if (a.back() == "[., (try input catch .)]") return "1.6 says break";
    if (a.size() == 2 && a[0] == "-ra") return "1.8 writes a text with -a and -r without quotes";
    return nullptr;
}

Exited holdfast_jq(const Case& one) {
    std::vector<std::string> arguments{"jq"};
    arguments.insert(arguments.end(), one.arguments.begin(), one.arguments.end());
    Process process(program(arguments), {.in_text = one.input});
    REQUIRE(process.wait(std::chrono::minutes(2)));
    return process.result();
}

Exited debian_jq(const Case& one) {
    std::vector<std::string> arguments{"/usr/bin/jq"};
    arguments.insert(arguments.end(), one.arguments.begin(), one.arguments.end());
    Process process(arguments, {.in_text = one.input});
    REQUIRE(process.wait(std::chrono::minutes(2)));
    return process.result();
}

std::string text_of(const Case& one) {
    std::string text;
    for (const std::string& argument : one.arguments) text += " '" + argument + "'";
    return text + " <<< '" + one.input + "'";
}

}  // namespace

TEST_CASE("holdfast jq prints what jq prints, and exits as it does") {
    if (!exists("/usr/bin/jq")) {
        WARN("jq is not installed");
        return;
    }
    for (const Case& one : cases()) {
        if (differs(one) != nullptr) continue;
        INFO("jq" << text_of(one));
        const Exited ours = holdfast_jq(one), theirs = debian_jq(one);
        INFO(ours.err << theirs.err);
        CHECK(ours.out == theirs.out);
        CHECK(ours.code == theirs.code);
    }
}

TEST_CASE("holdfast jq says where JSON is broken, gives what came before, and exits with 2") {
    for (const std::string broken :
         {"{\"a\":1}\n{\"a\"", "{\"a\":1}\n{\"a\":}\n{\"a\":3}\n", "{\"a\":1}\n]\n", "{\"a\":1} x",
          "{\"a\":1}\n\"a", "{\"a\":1}\n{]"}) {
        const Exited ours = holdfast_jq({{"-c", ".a"}, broken});
        INFO(broken << "\n" << ours.err);
        CHECK(ours.out == "1\n");
        CHECK(ours.code == 2);
        CHECK(contains(ours.err, "jq: error (at <stdin>:"));
    }
    CHECK(contains(holdfast_jq({{"."}, "1\n2\n{\"a\":}\n"}).err, "(at <stdin>:3): "));
    CHECK(contains(holdfast_jq({{"."}, "1\n[2,\n{\"a\":}]\n"}).err, "(at <stdin>:3): "));
    // jq 1.6 says 0 and 4 here, 1.8 says 4 and 2.
    CHECK(holdfast_jq({{"-e", "."}, ""}).code == 4);
    CHECK(holdfast_jq({{"."}, "{"}).code == 2);
}

TEST_CASE("holdfast jq exits with 5 if the program failed on any value") {
    const Exited ours = holdfast_jq({{"-c", ".a"}, "7\n{\"a\":2}\n"});
    CHECK(ours.out == "2\n");
    CHECK(ours.code == 5);
    CHECK(contains(ours.err, "jq: error (at <stdin>:1): Cannot index number"));
}

TEST_CASE("holdfast jq names the place in a program that is none") {
    const Exited ours = holdfast_jq({{"--arg", "x", "1", ".a |\n  .b +"}, "1"});
    CHECK(ours.code == 3);
    CHECK(contains(ours.err, "at line 2, column"));
}

TEST_CASE("holdfast jq reads a value of megabytes over many lines, and many values of one line") {
    std::string list = "[", row;
    for (int i = 0; i < 300'000; ++i) {
        list += (i == 0 ? "\n" : ",\n") + std::to_string(i);
        row += "{\"a\":" + std::to_string(i) + "} ";
    }
    list += "]";
    CHECK(holdfast_jq({{"-c", "length, .[299999]"}, list}).out == "300000\n299999\n");
    const std::string out = holdfast_jq({{"-c", ".a"}, row}).out;
    CHECK(out.size() == 1'988'890);
    CHECK(out.ends_with("\n299999\n"));
    CHECK(holdfast_jq({{"-n", "reduce inputs as $x (0; . + $x.a)"}, row}).out == "44999850000\n");
    const std::string text(5'000'000, 'x');
    CHECK(holdfast_jq({{"length"}, "\"" + text + "\""}).out == "5000000\n");
}

TEST_CASE("holdfast jq reads files one after the other, and goes on where one is missing") {
    const TempDir folder;
    const std::string a = folder.write("a.json", "\xef\xbb\xbf{\"a\":1}\n");
    const std::string b = folder.write("b.json", "{\"a\":2}");
    const Exited ours = holdfast_jq({{".a", a, folder.at("none"), b}, ""});
    CHECK(ours.out == "1\n2\n");
    CHECK(ours.code == 2);
    CHECK(contains(ours.err, "could not open " + folder.at("none")));
    const std::string program = folder.write("p.jq", "# a comment\n.a + 1\n");
    CHECK(holdfast_jq({{"-f", program, b}, ""}).out == "3\n");
}

TEST_CASE("holdfast jq imports from the folders of -L, and from that of the program's file") {
    const TempDir folder;
    folder.write("lib/a.jq", "def f: . + $by + ($ARGS.positional | length);");
    folder.write("lib/bad.jq", "def f:\n  nope;");
    folder.write("d.json", "1 2");
    const std::string program = folder.write("p.jq", "import \"d\" as $d; $d");
    const std::string lib = folder.at("lib"), use = "import \"a\" as a; a::f";
    CHECK(holdfast_jq({{"-L", lib, "--argjson", "by", "2", use, "--args", "x"}, "1 2"}).out ==
          "4\n5\n");
    CHECK(holdfast_jq({{"-L" + lib, "--argjson", "by", "2", use}, "1"}).out == "3\n");
    CHECK(holdfast_jq({{"-nc", "-f", program}, ""}).out == "[1,2]\n");
    CHECK(holdfast_jq({{"-nc", "-L", lib, "\"a\" | modulemeta, get_search_list"}, ""}).out ==
          "{\"deps\":[],\"defs\":[\"f/0\"]}\n[\"" + lib + "\"]\n");
    const Exited wrong = holdfast_jq({{"-n", "-L", lib, "include \"bad\"; f"}, ""});
    CHECK(wrong.code == 3);
    CHECK(contains(wrong.err, "nope/0 is not defined (in " + lib + "/bad.jq, line 2, column 3)"));
    CHECK(holdfast_jq({{"-n", "include \"a\"; f"}, ""}).code == 3);
}

TEST_CASE(
    "holdfast jq reads values and texts of files into variables, and names the input's file") {
    const TempDir folder;
    const std::string values = folder.write("v.json", "1 {\"a\":[2]}\n\"x\"");
    const std::string text = folder.write("t.txt", "a\"b\n\xff");
    CHECK(holdfast_jq({{"-nc", "--slurpfile", "x", values, "$x, $ARGS.named.x[1].a"}, ""}).out ==
          "[1,{\"a\":[2]},\"x\"]\n[2]\n");
    CHECK(holdfast_jq({{"-nc", "--rawfile", "x", text, "$x"}, ""}).out ==
          "\"a\\\"b\\n\xef\xbf\xbd\"\n");
    const Exited wrong = holdfast_jq({{"-n", "--slurpfile", "x", text, "$x"}, ""});
    CHECK(wrong.code == 2);
    CHECK(contains(wrong.err, text + " is no JSON"));
    CHECK(holdfast_jq({{"-c", "[., input_filename]", values}, ""}).out ==
          "[1,\"" + values + "\"]\n[{\"a\":[2]},\"" + values + "\"]\n[\"x\",\"" + values + "\"]\n");
}

TEST_CASE(
    "holdfast jq ends each output with NUL where that is asked for, and takes none in a text") {
    CHECK(holdfast_jq({{"--raw-output0", ".[]"}, "[\"a\\nb\",1]"}).out == std::string("a\nb\0"
                                                                                      "1\0",
                                                                                      6));
    const Exited ours = holdfast_jq({{"--raw-output0", "."}, "\"a\\u0000\" \"b\""});
    CHECK(ours.out == std::string("b\0", 2));
    CHECK(ours.code == 5);
}

TEST_CASE("holdfast jq prints what it prints on one core, whatever stands in the lines") {
    const TempDir folder;
    std::string all;
    for (int i = 0; i < 60'000; ++i) {
        all += "{\"i\":" + std::to_string(i) + ",\"t\":\"" + std::string(60, 'x') + "\"}\n";
        if (i % 7000 == 6999) all += "\n";
    }
    const std::string lines = folder.write("lines", all);
    std::string pretty = all;
    pretty.insert(pretty.find("{\"i\":41000"), "[1,\n2]\n");
    const std::string mixed = folder.write("mixed", pretty);
    std::string bad = all;
    bad.insert(bad.find("{\"i\":30000"), "{]\n");
    const std::string broken = folder.write("broken", bad);
    const auto on = [&](const std::string& cores, const std::vector<std::string>& arguments) {
        std::vector<std::string> command{"/usr/bin/taskset", "-c", cores};
        std::vector<std::string> ours{"jq"};
        ours.insert(ours.end(), arguments.begin(), arguments.end());
        const std::vector<std::string> rest = program(ours);
        command.insert(command.end(), rest.begin(), rest.end());
        Process process(command, Process::Options{});
        REQUIRE(process.wait(std::chrono::minutes(2)));
        return process.result();
    };
    const std::vector<std::string> programs{
        ".i",
        "[.i?, length]",
        "if .i % 1000 == 7 then error(\"no \\(.i)\") else .i end",
        "if .i == 45678 then halt_error else .i end",
        "select(.i? == 50000)",
        ".[0]?",
        "input_line_number",
        "if .i == 500 then debug else .i end",
        "range(.i % 5)"};
    for (const std::string& one : programs) {
        for (const std::vector<std::string>& files : {std::vector{lines},
                                                      {mixed},
                                                      {broken},
                                                      {lines, mixed, lines},
                                                      {folder.at("none"), lines}}) {
            std::vector<std::string> arguments{"-c", "-e", one};
            arguments.insert(arguments.end(), files.begin(), files.end());
            const Exited alone = on("0", arguments), together = on("0,1", arguments);
            INFO(one << " over " << files.front());
            CHECK(alone.out == together.out);
            CHECK(alone.err == together.err);
            CHECK(alone.code == together.code);
        }
    }
}

TEST_CASE("holdfast jq ends quietly when its reader is gone") {
    const TempDir folder;
    const std::string file = folder.write("in.json", lines(0, 200'000));
    Process process(
        {"/bin/sh", "-c",
         program({"jq", "-c", ".", file}).front() + " jq -c . " + file + " | head -n 2"});
    REQUIRE(process.wait(std::chrono::minutes(2)));
    CHECK(process.result().err.empty());
    const std::string out = process.result().out;
    CHECK(std::count(out.begin(), out.end(), '\n') == 2);
}

TEST_CASE("holdfast jq writes what it has before it waits for more") {
    Process::Options options;
    options.in_open = true;
    Process process(program({"jq", "-c", ".a"}), options);
    process.write_in("{\"a\":1}\n{\"a\":2}\n{\"a\"");
    CHECK(eventually([&] { return process.result().out == "1\n2\n"; }, std::chrono::seconds(60)));
}
