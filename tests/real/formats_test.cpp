// JSON arrays and MsgPack through the real program: what comes out, also after SIGKILLs, and what
// hostile inputs do.
#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/real/framed.hpp"

using namespace holdfast::real;
using namespace std::string_literals;

namespace {

const char* const filter =
    "[transforms.odd]\ntype = \"filter\"\ninputs = [\"in\"]\ncondition = '.odd'\n";
std::string line_of(std::uint64_t n) {
    return "{\"n\":" + std::to_string(n) + ",\"odd\":" + (n % 2 == 1 ? "true" : "false") +
           ",\"m\":\"" + padding(n) + "\"}";
}

std::string element_of(std::uint64_t n) {
    // Every third over several lines, which go.
    std::string out = line_of(n);
    if (n % 3 == 0) out.replace(1, 0, "\n  ");
    return out;
}

std::string value_of(std::uint64_t n) {
    const std::string m = padding(n);
    std::string out = "\x83\xa1n\xce";
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(n >> shift & 0xff);
    out += std::string(
               "\xa3"
               "odd") +
           (n % 2 == 1 ? '\xc3' : '\xc2');
    return out + "\xa1m\xd9" + static_cast<char>(m.size()) + m;
}

/// The smallest form of the integer, as append_msgpack writes it.
std::string packed_of(std::uint64_t n) {
    std::string out = value_of(n);
    std::string number = "\xce" + out.substr(4, 4);
    if (n < 0x80)
        number = std::string(1, static_cast<char>(n));
    else if (n < 0x100)
        number = std::string("\xcc") + static_cast<char>(n);
    else if (n < 0x10000)
        number = "\xcd" + out.substr(6, 2);
    if (padding(n).size() < 32)
        out.replace(out.size() - padding(n).size() - 2, 2,
                    std::string(1, static_cast<char>(0xa0 + padding(n).size())));
    return out.replace(3, 5, number);
}

}  // namespace

TEST_CASE("a JSON array to lines and to MsgPack is byte-identical after 10 kills") {
    constexpr std::uint64_t count = 100'000;
    const TempDir folder;
    std::string input = "[", all, odd, packed;
    for (std::uint64_t n = 0; n < count; ++n) {
        input += (n > 0 ? ",\n" : "\n") + element_of(n);
        all += line_of(n) + "\n";
        if (n % 2 == 1) odd += line_of(n) + "\n";
        packed += packed_of(n);
    }
    folder.write("in.data", input + "\n]\n");
    folder.write("pipe.toml", head("json_array") + filter + file_sink("all", "in") +
                                  file_sink("odd", "odd") +
                                  file_sink("packed", "in", "framing = \"msgpack\"\n"));
    Waits waits(21);
    const Exited exited = run_with_kills(folder.at("pipe.toml"), 10, 900, waits, forget, folder,
                                         folder.at("out/all"), all.size());
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK((read_file(folder.at("out/all")) == all));
    CHECK((read_file(folder.at("out/odd")) == odd));
    CHECK((read_file(folder.at("out/packed")) == packed));
}

TEST_CASE("MsgPack to MsgPack and to lines is byte-identical after 10 kills") {
    constexpr std::uint64_t count = 150'000;
    const bool transformed = GENERATE(true, false);
    const TempDir folder;
    std::string input, all, odd;
    for (std::uint64_t n = 0; n < count; ++n) {
        input += value_of(n);
        all += line_of(n) + "\n";
        if (n % 2 == 1) odd += line_of(n) + "\n";
    }
    folder.write("in.data", input);
    folder.write("pipe.toml",
                 head("msgpack") + file_sink("raw", "in", "framing = \"msgpack\"\n") +
                     (transformed ? filter + file_sink("all", "in", "framing = \"lines\"\n") +
                                        file_sink("odd", "odd")
                                  : std::string()));
    Waits waits(22);
    const Exited exited = run_with_kills(folder.at("pipe.toml"), 10, transformed ? 900 : 150, waits,
                                         forget, folder, folder.at("out/raw"), input.size());
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK((read_file(folder.at("out/raw")) == input));
    if (!transformed) return;
    CHECK((read_file(folder.at("out/all")) == all));
    CHECK((read_file(folder.at("out/odd")) == odd));
}

TEST_CASE("what cannot be parsed in an array or in MsgPack becomes a dead letter as it came") {
    const TempDir folder;
    folder.write("in.data", "[{\"n\":1},\n{\"n\":\n2,},{\"n\":3}]");
    Exited exited = run_in(folder, head("json_array") + file_sink("a", "in") + dead_letters_in_out);
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK(read_file(folder.at("out/a")) == "{\"n\":1}\n{\"n\":3}\n");
    std::string dead = read_file(folder.at("out/dead"));
    INFO(dead);
    CHECK(contains(dead, "\"position\":10,"));
    CHECK(contains(dead, "\"transform\":\"in.decode\",\"error\":\"parse error: unexpected"));
    CHECK(contains(dead, "\"payload\":\"{\\\"n\\\":\\n2,}\""));

    forget(folder);
    folder.write("in.data", "\x01\xc1\xa1\xff\x02");
    exited = run_in(folder, head("msgpack") + file_sink("a", "in", "framing = \"lines\"\n") +
                                dead_letters_in_out);
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK(read_file(folder.at("out/a")) == "1\n2\n");
    dead = read_file(folder.at("out/dead"));
    INFO(dead);
    CHECK(contains(dead, "\"position\":1,"));
    CHECK(contains(dead, "\"encoding\":\"base64\",\"payload\":\"wQ==\""));
    CHECK(contains(dead, "invalid UTF-8"));
}

TEST_CASE("on_parse_error of a source drops a record, or stops before it and goes on from there") {
    const TempDir folder;
    folder.write("in.data", "[1, x, 2]");
    const auto config = [](const char* policy) {
        return head("json_array", std::string("on_parse_error = \"") + policy + "\"\n") +
               file_sink("a", "in");
    };
    Exited exited = run_in(folder, config("stop"));
    CHECK(exited.code != 0);
    CHECK(contains(exited.err, "parse error: "));
    CHECK(read_file(folder.at("out/a")).empty());
    exited = run_in(folder, config("drop"));
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK(read_file(folder.at("out/a")) == "1\n2\n");
}

TEST_CASE("a broken array stops or gives its rest to the dead letters, and says where") {
    for (const auto& [text, error] : std::vector<std::pair<std::string, std::string>>{
             {"{\"n\":1}\n", "not an array at byte 0"},
             {"\xff\xfe[\0001\0]\0"s, "this looks like UTF-16, and only UTF-8 is read"},
             {"\xfe\xff\0[\0001\0]"s, "this looks like UTF-16, and only UTF-8 is read"},
             {"\0[\0001\0]\0\n"s, "this looks like UTF-16, and only UTF-8 is read"},
             {"[1,2", "unexpected end at byte 4"},
             {"[1,,2]", "empty element at byte 3"},
             {"[1,{\"a\":]}]", "unbalanced at byte 8"},
             {"[1]\n[2]\n", "trailing garbage at byte 4"}}) {
        INFO(text);
        const TempDir folder;
        folder.write("in.data", text);
        Exited exited = run_in(
            folder, head("json_array", "on_parse_error = \"drop\"\n") + file_sink("a", "in"));
        INFO(exited.err);
        CHECK(exited.code != 0);
        CHECK(contains(exited.err, error));
        CHECK(contains(exited.err, "in.data"));
        // The stop need not wait for what came before it.
        const bool has_one = text[1] == '1';
        const std::string before = read_file(folder.at("out/a"));
        CHECK((before.empty() || (has_one && before == "1\n")));
        exited = run_in(folder, head("json_array") + file_sink("a", "in") + dead_letters_in_out);
        INFO(exited.err);
        CHECK(exited.code == 0);
        CHECK(read_file(folder.at("out/a")) == (has_one ? "1\n" : ""));
        const std::string dead = read_file(folder.at("out/dead"));
        INFO(dead);
        CHECK(contains(dead, "\"reason\":\"parse_error\""));
        CHECK(contains(dead, "\"error\":\"framing error: " + error));
    }
}

TEST_CASE("hostile arrays and MsgPack neither stall nor crash, and lose nothing") {
    const std::string deep(100'000, '[');
    const std::string spaces(3'000'000, ' ');
    const std::vector<std::pair<std::string, std::string>> inputs{
        {"json_array", "[" + deep},
        {"json_array", "[" + spaces + "1" + spaces + ",{" + spaces + "},7]"},
        {"json_array", "[\"" + std::string(3'000'000, 'x') + "\",7]"},
        {"json_array", "[" + std::string(64, '[') + std::string(64, ']') + ",7]"},
        {"json_array", std::string(5000, '\0')},
        {"msgpack", "\xdd\xff\xff\xff\xff" + std::string(3'000'000, '\x01')},
        {"msgpack", "\xc6\x7f\xff\xff\xff" + std::string(100'000, 'x')},
        {"msgpack", std::string(100'000, '\xc1') + "\x07"},
        {"msgpack", std::string(100'000, '\x91') + "\x07"},
    };
    for (const auto& [framing, text] : inputs) {
        const TempDir folder;
        INFO(framing << " " << text.substr(0, 20));
        folder.write("in.data", text);
        const Exited exited = run_in(folder, head(framing, "max_line = \"64KiB\"\n") +
                                                 file_sink("a", "in") + dead_letters_in_out);
        INFO(exited.err);
        CHECK(exited.code == 0);
        const std::string all = read_file(folder.at("out/a"));
        if (framing == "json_array" && text.ends_with("7]")) CHECK(all.ends_with("7\n"));
        const bool has_dead = std::filesystem::exists(folder.at("out/dead")) &&
                              !read_file(folder.at("out/dead")).empty();
        CHECK((has_dead || framing == "msgpack" || text.ends_with("7]")));
    }
}

TEST_CASE("a sink of MsgPack sets aside lines that are no JSON") {
    const TempDir folder;
    folder.write("in.data", "{\"n\":1}\nno\n[2]\n");
    const Exited exited =
        run_in(folder, head("lines") + file_sink("a", "in", "framing = \"msgpack\"\n") +
                           dead_letters_in_out);
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK(read_file(folder.at("out/a")) == "\x81\xa1n\x01\x91\x02");
    const std::string dead = read_file(folder.at("out/dead"));
    CHECK(contains(dead, "\"transform\":\"a.encode\",\"error\":\"parse error: "));
    CHECK(contains(dead, "\"payload\":\"no\""));
}

TEST_CASE("the examples of formats run, in every mode, and give what they say") {
    const char* const mode = GENERATE("whole", "streaming", "governed");
    const TempDir folder;
    std::filesystem::copy(HF_SOURCE_DIR "/examples/formats.toml", folder.at("formats.toml"));
    folder.write(
        "out/export/a.json",
        "[\n  {\"id\": 1, \"paid\": true},\n  {\n    \"id\": 2,\n    \"paid\": true\n  },\n"
        "  {\"id\": 3},\n  {\"id\" 4}\n]\n");
    const std::string packed = "\x82\xa2id\x05\xa4paid\xc3\x81\xa2id\x06";
    folder.write("out/export/b.msgpack", packed);
    const Exited checked = run({"validate", folder.at("formats.toml")});
    INFO(checked.out);
    CHECK(checked.code == 0);
    CHECK(contains(checked.out, "a record is an element of the JSON array, made a line of JSON"));
    CHECK(contains(checked.out, "all.msgpack from export, packed; lines of JSON are made MsgPack"));
    CHECK(contains(checked.out, "copy.msgpack from packed; MsgPack as it came, byte for byte"));
    const Exited exited =
        run({"run", "--progress", "off", "--set", std::string("engine.mode=") + mode, "--set",
             "engine.slice_bytes=20B", folder.at("formats.toml")});
    INFO(exited.err);
    CHECK(exited.code == 0);
    // Of two files either may come first.
    const std::string paid = read_file(folder.at("out/paid.jsonl"));
    const std::string from_array = "{\"id\": 1, \"paid\": true}\n{\"id\":2,\"paid\":true}\n";
    const std::string from_packed = "{\"id\":5,\"paid\":true}\n";
    CHECK((paid == from_array + from_packed || paid == from_packed + from_array ||
           contains(paid, from_packed)));
    CHECK(paid.size() == from_array.size() + from_packed.size());
    CHECK(read_file(folder.at("out/copy.msgpack")) == packed);
    const std::string all = read_file(folder.at("out/all.msgpack"));
    CHECK(contains(all, "\x82\xa2id\x01\xa4paid\xc3"));
    CHECK(contains(all, "\x81\xa2id\x03"));
    CHECK(all.size() == packed.size() + 11 + 11 + 5);
    CHECK(contains(read_file(folder.at("out/dead.jsonl")), "\"payload\":\"{\\\"id\\\" 4}\""));
}

namespace {

std::uint64_t count_of(const std::string& text, const std::string& what) {
    std::uint64_t n = 0;
    for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++n;
    return n;
}

/// What reaches a MsgPack sink that refuses a tenth, fails and is in doubt now and then.
std::string with_faults(const TempDir& folder, const std::string& framing,
                        const std::string& faults, const std::string& batch) {
    forget(folder);
    const Exited exited =
        run_in(folder, head(framing, framing == "lines" ? "on_oversized = \"stop\"\n" : "") +
                           dead_letters_in_out +
                           "[sinks.out]\ntype = \"file\"\ninputs = [\"in\"]\npath = \"out/out\"\n"
                           "framing = \"msgpack\"\nbatch = { max_records = " +
                           batch +
                           " }\n"
                           "retry = { initial_backoff = \"1ms\", max_backoff = \"2ms\" }\n"
                           "inject = { refuse_percent = 10, " +
                           faults + "seed = 7 }\n");
    INFO(exited.err);
    CHECK(exited.code == 0);
    return read_file(folder.at("out/out"));
}

}  // namespace

TEST_CASE(
    "faults at a sink of MsgPack are about its records: a tenth is refused, and always the same") {
    constexpr std::uint64_t count = 3000;
    for (const char* framing : {"msgpack", "json_array", "lines"}) {
        const TempDir folder;
        std::string input;
        const bool array = std::string(framing) == "json_array";
        for (std::uint64_t n = 0; n < count; ++n)
            input += std::string(framing) == "msgpack"
                         ? value_of(n)
                         : (array ? (n == 0 ? "[" : ",") : "") + line_of(n) + "\n";
        folder.write("in.data", input + (array ? "]" : ""));
        const std::string once = with_faults(folder, framing, "", "10000");
        const std::uint64_t delivered = count_of(once,
                                                 "\xa3"
                                                 "odd");
        const std::uint64_t dead = count_of(read_file(folder.at("out/dead")), "\n");
        INFO(framing << " " << delivered << " " << dead);
        CHECK(delivered + dead == count);
        CHECK(dead > count / 20);
        CHECK(dead < count / 5);
        CHECK(with_faults(folder, framing,
                          "fail_percent = 20, ambiguous_percent = 10, "
                          "throttle_percent = 1, ",
                          "7") == once);
        CHECK(count_of(read_file(folder.at("out/dead")), "\n") == dead);
    }
}
