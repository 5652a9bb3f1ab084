// Records with keys, headers and timestamps through the real program: envelopes and sized payloads,
// there and back, also after SIGKILLs, and in dead letters.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/real/framed.hpp"

using namespace holdfast::real;
using namespace std::string_literals;

namespace {

const char* const keyed =
    "[transforms.keyed]\ntype = \"meta\"\ninputs = [\"in\"]\nkey = '.k'\n"
    "headers = '{n: .n}'\ntimestamp = '.n * 2'\n";

std::string line_of(std::uint64_t n) {
    return "{\"n\":" + std::to_string(n) + ",\"k\":\"k" + std::to_string(n % 7) + "\",\"m\":\"" +
           padding(n) + "\"}";
}

/// What follows the position, which depends on the file.
std::string said_of(std::uint64_t n) {
    return ",\"timestamp\":" + std::to_string(n * 2) + ",\"key\":\"k" + std::to_string(n % 7) +
           "\",\"headers\":[{\"name\":\"n\",\"value\":\"" + std::to_string(n) +
           "\"}],\"encoding\":\"json\",\"payload\":" + line_of(n) + "}";
}

std::string sized(const std::string& payload) {
    std::string out;
    for (int shift = 24; shift >= 0; shift -= 8)
        out += static_cast<char>(payload.size() >> shift & 0xff);
    return out + payload;
}

/// Without what stands before the timestamp: source, partition, position.
std::string without_places(const std::string& envelopes) {
    std::string out;
    for (std::size_t at = 0; at < envelopes.size();) {
        const std::size_t end = envelopes.find('\n', at);
        const std::size_t from = envelopes.find(",\"timestamp\"", at);
        out += envelopes.substr(from, end + 1 - from);
        at = end + 1;
    }
    return out;
}

}  // namespace

TEST_CASE("envelopes and sized payloads of lines with keys are byte-identical after 10 kills") {
    constexpr std::uint64_t count = 40'000;
    const TempDir folder;
    std::string input, envelopes, payloads;
    for (std::uint64_t n = 0; n < count; ++n) {
        input += line_of(n) + "\n";
        envelopes += said_of(n) + "\n";
        payloads += sized(line_of(n));
    }
    folder.write("in.data", input);
    folder.write("pipe.toml", head("lines") + keyed +
                                  file_sink("json", "keyed", "framing = \"json\"\n") +
                                  file_sink("length", "keyed", "framing = \"length\"\n") +
                                  file_sink("lines", "keyed"));
    Waits waits(31);
    const Exited exited = run_with_kills(folder.at("pipe.toml"), 10, 700, waits, forget, folder,
                                         folder.at("out/length"), payloads.size());
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK((without_places(read_file(folder.at("out/json"))) == envelopes));
    CHECK((read_file(folder.at("out/length")) == payloads));
    CHECK((read_file(folder.at("out/lines")) == input));
}

TEST_CASE("sized payloads and envelopes are read back byte for byte, through 10 kills") {
    constexpr std::uint64_t count = 40'000;
    const std::string framing = GENERATE("length"s, "json"s);
    const TempDir folder;
    std::string input, payloads, lines;
    for (std::uint64_t n = 0; n < count; ++n) {
        const std::string payload = n % 5 == 0 ? "\xff\n\0"s + padding(n) : line_of(n);
        if (framing == "length")
            input += sized(payload);
        else
            input += n % 5 == 0 ? "{\"encoding\":\"utf8\",\"payload\":\"two\\nlines\"}\n"
                                : "{\"payload\":" + payload + "}\n";
        payloads += sized(framing == "json" && n % 5 == 0 ? "two\nlines" : payload);
        if (n % 5 != 0) lines += payload + "\n";
    }
    folder.write("in.data", input);
    folder.write("pipe.toml", head(framing) + file_sink("length", "in", "framing = \"length\"\n") +
                                  file_sink("lines", "in", "on_parse_error = \"drop\"\n"));
    Waits waits(32);
    const Exited exited = run_with_kills(folder.at("pipe.toml"), 10, 500, waits, forget, folder,
                                         folder.at("out/length"), payloads.size());
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK((read_file(folder.at("out/length")) == payloads));
    CHECK((read_file(folder.at("out/lines")) == lines));
}

TEST_CASE("a record that was written as an envelope, and as a dead letter, is read back whole") {
    const TempDir folder;
    const std::string record =
        ",\"timestamp\":5,\"key\":{\"base64\":\"/"
        "w==\"},\"headers\":[{\"name\":\"a\",\"value\":null},"
        "{\"name\":\"a\",\"value\":\"\"}],\"encoding\":\"utf8\",\"payload\":\"{\\n}x\\n\"}\n";
    folder.write("in.data", "{\"p\":1" + record);
    const Exited exited =
        run_in(folder, head("json") + dead_letters_in_out +
                           file_sink("refused", "in",
                                     "framing = \"length\"\nretry = { max_attempts = 1 }\n"
                                     "inject = { refuse_percent = 100 }\n") +
                           file_sink("again", "in", "framing = \"json\"\n"));
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK(without_places(read_file(folder.at("out/again"))) == record);
    const std::string letter = read_file(folder.at("out/dead"));
    CHECK(letter.substr(letter.find(",\"timestamp\"")) == record);
    // The dead letter is an envelope, too.
    std::filesystem::rename(folder.at("out/dead"), folder.at("in.data"));
    forget(folder);
    const Exited again =
        run_in(folder, head("json") + file_sink("again", "in", "framing = \"json\"\n"));
    INFO(again.err);
    CHECK(again.code == 0);
    CHECK(without_places(read_file(folder.at("out/again"))) == record);
}

TEST_CASE("what a sink of lines cannot take becomes a dead letter, is dropped, or stops") {
    const TempDir folder;
    folder.write("in.data", sized("one") + sized("two\nlines") + sized("{\"a\":\n\"b c\"}") +
                                sized("") + sized("last"));
    const Exited exited =
        run_in(folder, head("length") + dead_letters_in_out + file_sink("lines", "in"));
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK(read_file(folder.at("out/lines")) == "one\n{\"a\":\"b c\"}\n\nlast\n");
    const std::string letter = read_file(folder.at("out/dead"));
    CHECK(letter.find("\"transform\":\"lines.encode\",\"error\":\"parse error: a newline stands in "
                      "it") != letter.npos);
    CHECK(letter.find("\"payload\":\"two\\nlines\"") != letter.npos);
    forget(folder);
    const Exited stopped =
        run_in(folder, head("length") + file_sink("lines", "in", "on_parse_error = \"stop\"\n"));
    CHECK(stopped.code == 75);
    CHECK(stopped.err.find("a newline stands in it") != stopped.err.npos);
}

TEST_CASE("a file of sized payloads that ends within one says where, and gives the rest away") {
    const TempDir folder;
    folder.write("in.data", sized("one") + sized("two").substr(0, 6));
    const Exited exited =
        run_in(folder, head("length") + dead_letters_in_out + file_sink("lines", "in"));
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK(read_file(folder.at("out/lines")) == "one\n");
    const std::string letter = read_file(folder.at("out/dead"));
    CHECK(letter.find("framing error: unexpected end at byte 13 (framing = \\\"length\\\")") !=
          letter.npos);
    // A size that cannot be is an oversized record, and the next one is found behind it.
    forget(folder);
    folder.write("in.data", sized(std::string(100, 'x')) + sized("two"));
    const Exited large = run_in(folder, head("length", "max_line = \"50B\"\n") +
                                            dead_letters_in_out + file_sink("lines", "in"));
    INFO(large.err);
    CHECK(read_file(folder.at("out/lines")) == "two\n");
}

TEST_CASE("a file that was begun in one framing is not gone on with in another") {
    const TempDir folder;
    folder.write("in.data", line_of(1) + "\n");
    REQUIRE(run_in(folder, head("lines") + file_sink("out", "in", "framing = \"json\"\n")).code ==
            0);
    const Exited exited =
        run_in(folder, head("lines") + file_sink("out", "in", "framing = \"length\"\n"));
    CHECK(exited.code == 78);
    CHECK(exited.err.find("has written json to") != exited.err.npos);
    CHECK(exited.err.find("Set framing = \"json\" for it") != exited.err.npos);
}

TEST_CASE("the example of records runs its tests, and gives what it says") {
    const TempDir folder;
    std::filesystem::copy(HF_SOURCE_DIR "/examples/records.toml", folder.at("records.toml"));
    folder.write("out/orders/a.jsonl", "{\"customer\":\"ada\",\"seconds\":5}\n");
    folder.write("out/envelopes/b.jsonl",
                 "{\"key\":\"k\",\"encoding\":\"utf8\",\"payload\":\"two\\nlines\"}\n");
    const Exited tested = run({"test", folder.at("records.toml")});
    INFO(tested.out);
    CHECK(tested.code == 0);
    const Exited exited = run({"run", "--progress", "off", folder.at("records.toml")});
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK(read_file(folder.at("out/plain.jsonl")) == "{\"customer\":\"ada\",\"seconds\":5}\n");
    CHECK(read_file(folder.at("out/payloads.bin")) == sized("two\nlines"));
    const std::string archive = read_file(folder.at("out/archive.jsonl"));
    CHECK(archive.find("\"key\":\"ada\"") != archive.npos);
    // A condition needs JSON, whatever it asks for.
    const std::string dead = read_file(folder.at("out/dead.jsonl"));
    CHECK(dead.find("\"key\":\"k\",\"encoding\":\"utf8\"") == dead.npos);
    CHECK(dead.find("\"transform\":\"by_key\"") != dead.npos);
}

TEST_CASE("dead letters of envelopes hold the records, and are not wrapped when they come again") {
    const TempDir dir;
    dir.write(
        "in.data",
        "{\"key\":\"k\",\"headers\":{\"a\":\"b\"},\"timestamp\":-1.5,\"payload\":{\"id\":1}}\n"
        "{\"key\":\"q\",\"encoding\":\"utf8\",\"payload\":\"no json\"}\n");
    // The second one fails in the filter, the first one at the sink.
    const std::string file = dir.write(
        "p.toml",
        head("json") +
            "[transforms.f]\ntype = \"filter\"\ninputs = [\"in\"]\ncondition = '.id == 1'\n" +
            file_sink("all", "f", "framing = \"json\"\ninject = { refuse_percent = 100 }\n") +
            dead_letters_in_out);
    CHECK(run({"run", "-q", file}).code == 0);
    const std::string dead = read_file(dir.at("out/dead"));
    INFO(dead);
    CHECK(contains(
        dead, "\"timestamp\":-1,\"key\":\"k\",\"headers\":[{\"name\":\"a\",\"value\":\"b\"}]"));
    CHECK(contains(dead, "\"payload\":\"{\\\"id\\\":1}\""));
    CHECK(contains(dead, "\"key\":\"q\""));
    CHECK(contains(dead, "\"payload\":\"no json\""));
    CHECK_FALSE(contains(dead, "encoding\\\""));
}

TEST_CASE("records that differ in their keys alone are different ones to dedupe") {
    const TempDir dir;
    std::string text;
    for (const char* key : {"a", "b", "a", "c"})
        text += "{\"key\":\"" + std::string(key) + "\",\"encoding\":\"utf8\",\"payload\":\"\"}\n";
    dir.write("in.data", text);
    const std::string file = dir.write(
        "p.toml", head("json") + "[transforms.d]\ntype = \"dedupe\"\ninputs = [\"in\"]\n" +
                      file_sink("all", "d", "framing = \"json\"\n"));
    CHECK(run({"run", "-q", file}).code == 0);
    const std::string out = read_file(dir.at("out/all"));
    INFO(out);
    CHECK(std::count(out.begin(), out.end(), '\n') == 3);
    for (const char* key : {"a", "b", "c"})
        CHECK(contains(out, "\"key\":\"" + std::string(key) + "\""));
}

TEST_CASE("a byte order mark stays in what nobody parses, whatever frame it gets") {
    const TempDir dir;
    dir.write("in.data", "\xef\xbb\xbfhello\nx\n");
    const std::string file =
        dir.write("p.toml", head("lines") + file_sink("sized", "in", "framing = \"length\"\n") +
                                file_sink("envelopes", "in", "framing = \"json\"\n"));
    CHECK(run({"run", "-q", file}).code == 0);
    CHECK(read_file(dir.at("out/sized")) == sized("\xef\xbb\xbfhello") + sized("x"));
    CHECK(contains(read_file(dir.at("out/envelopes")), "\"payload\":\"\xef\xbb\xbfhello\""));
}
