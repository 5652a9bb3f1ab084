// The keys of commands and sockets: what is accepted, and what is refused with its place.
#include <catch2/catch.hpp>

#include "io/cli/config.hpp"
#include "io/cli/effective.hpp"
#include "io/component/kind.hpp"
#include "io/runner/process_memory.hpp"

using namespace holdfast;
using namespace holdfast::cli;
using namespace holdfast::io;

namespace {

ConfigResult parse(const std::string& source, const std::string& sink = "type = \"stdout\"") {
    return parse_config(
        "[sources.in]\n" + source + "\n[sinks.a]\ninputs = [\"in\"]\n" + sink + "\n",
        "/etc/hf/demo.toml", {});
}

std::string problem(const std::string& source, const std::string& sink = "type = \"stdout\"") {
    const auto result = parse(source, sink);
    for (const auto& one : result.problems) UNSCOPED_INFO(one);
    REQUIRE(result.problems.size() == 1);
    return result.problems[0];
}

std::string words(const std::string& source) {
    const auto result = parse(source);
    for (const auto& one : result.problems) UNSCOPED_INFO(one);
    REQUIRE(result.problems.empty());
    return result.config.sources[0].kind->words(result.config.sources[0]);
}

bool has(const std::string& text, const std::string& what) {
    return text.find(what) != std::string::npos;
}

bool warns(const std::string& source, const std::string& what) {
    const auto result = parse(source);
    REQUIRE(result.problems.empty());
    for (const std::string& warning : warnings(result.config))
        if (has(warning, what)) return true;
    return false;
}

const std::string exec = "type = \"exec\"\ncommand = [\"seq\", \"10\"]\n";
const std::string tcp = "type = \"socket\"\naddress = \"127.0.0.1:9000\"\n";
const std::string udp = tcp + "mode = \"udp\"\n";
const std::string local = "type = \"socket\"\nmode = \"unix_stream\"\npath = \"in.sock\"\n";

}  // namespace

TEST_CASE("a command and sockets are said in words") {
    CHECK(words(exec) == "the output of the command seq 10, started again whenever it ends");
    CHECK(words(exec + "restart = \"on_failure\"") ==
          "the output of the command seq 10, started again when it fails");
    CHECK(words(exec + "restart = \"never\"") == "the output of the command seq 10");
    CHECK(words(tcp) == "lines of TCP peers at 127.0.0.1:9000");
    CHECK(words(udp) == "UDP datagrams at 127.0.0.1:9000");
    CHECK(words(local) == "lines of peers at the socket /etc/hf/in.sock");
    CHECK(words("type = \"socket\"\naddress = \"[::]:0\"") == "lines of TCP peers at [::]:0");
}

TEST_CASE(
    "what a crash loses of commands and sockets is said, and what halts without dead letters") {
    CHECK(warns(exec, "a command's output cannot be read again"));
    CHECK(warns(tcp, "a socket cannot be read again"));
    CHECK(warns(udp, "datagrams that come faster than they are delivered are lost"));
    CHECK(warns(udp, "a datagram that holds a newline halts the pipeline"));
    CHECK(warns(tcp + "on_unfinished = \"dead_letter\"", "a line without its end halts"));
    CHECK_FALSE(warns(tcp, "a line without its end halts"));
    CHECK_FALSE(warns(udp + "[dead_letters]\ntype = \"file\"\npath = \"d\"\n", "halts"));
}

TEST_CASE("a command must be one, and its backoff make sense") {
    CHECK(has(problem("type = \"exec\"\ncommand = []"), "command is an empty list"));
    CHECK(has(problem("type = \"exec\"\ncommand = [\"\"]"), "command holds \"\""));
    CHECK(words("type = \"exec\"\ncommand = [\"a\", \"\"]")
              .starts_with("the output of the command a ,"));
    CHECK(has(problem("type = \"exec\""), "command"));
    CHECK(has(problem(exec + "initial_backoff = \"2m\""),
              "max_backoff is shorter than initial_backoff"));
    CHECK(has(problem(exec + "restart = \"sometimes\""), "always"));
    CHECK(has(problem(exec + "framing = \"json_array\""),
              "framing is \"json_array\", but a command's output is lines"));
}

TEST_CASE("a socket has an address or a path, whichever its mode takes") {
    CHECK(has(problem("type = \"socket\""), "mode \"tcp\" has no address; expected one"));
    CHECK(has(problem("type = \"socket\"\nmode = \"unix_stream\""),
              "mode \"unix_stream\" has no path; expected one"));
    CHECK(has(problem(tcp + "path = \"x\""), "mode \"tcp\" takes no path; expected address"));
    CHECK(has(problem(local + "address = \"127.0.0.1:1\""),
              "mode \"unix_stream\" takes no address; expected path"));
    const std::string wrong = problem("type = \"socket\"\naddress = \"localhost:9000\"");
    CHECK(has(wrong, "\"localhost:9000\" is no address: write 127.0.0.1:9000"));
    CHECK(has(wrong, "demo.toml(3,"));
    CHECK(has(problem("type = \"socket\"\nmode = \"unix_stream\"\npath = \"" +
                      std::string(200, 'a') + "\""),
              "it may have 1 to 107 bytes"));
    CHECK(has(problem(udp + "idle_timeout = \"1s\""),
              "idle_timeout is about connections, and mode \"udp\" has none"));
    CHECK(has(problem(tcp + "framing = \"msgpack\""),
              "framing is \"msgpack\", but a socket has lines or datagrams"));
    CHECK(has(problem(tcp + "max_connections = 0"), "max_connections"));
}

TEST_CASE("a socket sink has a peer, writes lines, and promises no more than a stream can") {
    const std::string in = "type = \"stdin\"";
    CHECK(parse(in, "type = \"socket\"\naddress = \"10.0.0.1:514\"").problems.empty());
    CHECK(has(problem(in, "type = \"socket\""), "mode \"tcp\" has no address; expected one"));
    CHECK(has(problem(in, "type = \"socket\"\naddress = \"127.0.0.1:0\""),
              "nobody listens on port 0"));
    CHECK(has(problem(in, "type = \"socket\"\nmode = \"udp\"\naddress = \"127.0.0.1:1\""), "tcp"));
    CHECK(has(problem(in, "type = \"socket\"\naddress = \"127.0.0.1:1\"\nframing = \"msgpack\""),
              "this sink writes lines"));
    const auto result = parse("type = \"file\"\ninclude = [\"x\"]",
                              "type = \"socket\"\nmode = \"unix_stream\"\npath = \"out.sock\"");
    REQUIRE(result.problems.empty());
    const SinkSettings& sink = result.config.sinks[0];
    CHECK(sink.kind->identity(sink) == "socket /etc/hf/out.sock");
    for (const char* source : {"type = \"file\"\ninclude = [\"x\"]", "type = \"stdin\""}) {
        const auto from = parse(source, "type = \"socket\"\naddress = \"127.0.0.1:1\"");
        REQUIRE(from.problems.empty());
        CHECK(has(guarantee(from.config, from.config.sources[0], from.config.sinks[0]),
                  "is in this system's buffer"));
    }
}

TEST_CASE("memory of a socket source grows with its connections") {
    const auto total = [](const std::string& source) {
        const auto result = parse(source);
        REQUIRE(result.problems.empty());
        return process_memory(result.config).total();
    };
    const auto few = total(tcp + "max_connections = 16");
    const auto many = total(tcp + "max_connections = 4096");
    CHECK(many - few >= 4080 * 4096u);
    CHECK(total(udp) < few);
}
