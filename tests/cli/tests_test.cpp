// [[tests]] of a config: what is read, what is run, and what is said of a difference.
#include <catch2/catch.hpp>

#include "io/cli/config.hpp"
#include "io/cli/test_judge.hpp"
#include "io/cli/test_run.hpp"

using namespace holdfast;
using namespace holdfast::cli;

namespace {

const char* const graph = R"(
[sources.in]
type = "file"
include = ["in.log"]
[transforms.keep]
type = "filter"
inputs = ["in"]
condition = '.level != "debug"'
[transforms.shape]
type = "jq"
inputs = ["keep"]
program = '.env = "prod"'
[sinks.out]
type = "blackhole"
inputs = ["shape"]
[sinks.copy]
type = "blackhole"
inputs = ["keep"]
[dead_letters]
type = "file"
path = "dead.jsonl"
)";

/// The differences of the only test.
std::vector<std::string> differ(const std::string& config) {
    const auto result = parse_config(config, "t.toml", {});
    REQUIRE(result.problems == std::vector<std::string>{});
    REQUIRE(result.tests.size() == 1);
    return differences(result.tests[0], run_test(result.config, result.tests[0]));
}

std::string test(const std::string& rest) { return "[[tests]]\nname = \"t\"\n" + rest; }

std::string all_of(const std::vector<std::string>& lines) {
    std::string all;
    for (const std::string& line : lines) all += line + "\n";
    return all;
}

bool says(const std::vector<std::string>& lines, const std::string& what) {
    INFO(all_of(lines));
    const bool found = all_of(lines).find(what) != std::string::npos;
    CHECK(found);
    return found;
}

bool passes(const std::string& config) {
    const auto lines = differ(config);
    INFO(all_of(lines));
    CHECK(lines.empty());
    return lines.empty();
}

std::vector<std::string> problems(const std::string& rest) {
    return parse_config(graph + rest, "t.toml", {}).problems;
}

}  // namespace

TEST_CASE("a test puts records into a source and finds them at each sink") {
    passes(graph + test(R"(
        dropped = ['{"level":"debug"}']
        [[tests.inputs]]
        records = ['{"level":"debug"}', '{"level":"info"}']
        [[tests.outputs]]
        from = "out"
        records = ['{"level":"info","env":"prod"}']
        [[tests.outputs]]
        from = "copy"
        records = ['{"level":"info"}'])"));
}

TEST_CASE("a test puts records into a transform, and looks behind one") {
    passes(graph + test(R"(
        dropped = []
        inputs = [{ to = "shape", records = ['{"level":"debug"}'] }]
        [[tests.outputs]]
        from = "shape"
        records = ['{"level":"debug","env":"prod"}']
        [[tests.outputs]]
        from = "copy"
        records = [])"));
}

TEST_CASE("records are texts, TOML values, lines of a text, or bytes in hexadecimal digits") {
    for (const std::string records :
         {"records = ['{\"a\":1,\"b\":[true]}']", "records = [{ a = 1, b = [true] }]",
          "text = '''\n{\"a\":1,\"b\":[true]}\n'''",
          "hex = '7b2261223a312c 2262223a5b747275655d7d'"})
        passes(graph + test("inputs = [{ " + records +
                            " }]\noutputs = [{ from = \"copy\", compare = "
                            "\"bytes\", records = ['{\"a\":1,\"b\":[true]}'] }]"));
}

TEST_CASE("JSON is compared by its value, and by its bytes where the test says so") {
    const std::string in = "inputs = [{ records = ['{\"a\":1.0,\"b\":\"\\u0061\"}'] }]\n";
    passes(graph + test(in + R"(outputs = [{ from = "copy", records = ['{"b":"a", "a":1}'] }])"));
    says(differ(graph + test(in + R"(
        outputs = [{ from = "copy", compare = "bytes", records = ['{"b":"a", "a":1}'] }])")),
         "copy: 1 record expected, 1 came");
    says(differ(graph + test(R"(
        inputs = [{ records = ['{"a":12345678901234567890}'] }]
        outputs = [{ from = "copy", records = ['{"a":12345678901234567891}'] }])")),
         "- {\"a\":12345678901234567891}");
}

TEST_CASE("a difference is shown as lines, with the places that differ") {
    const auto lines = differ(graph + test(R"(
        [[tests.inputs]]
        text = '''
{"id":1}
{"id":2,"user":{"name":"ada"}}
{"id":3}
'''
        [[tests.outputs]]
        from = "out"
        text = '''
{"id":1,"env":"prod"}
{"id":2,"user":{"name":"bob"},"env":"prod","x":1}
{"id":3,"env":"prod"}
{"id":4,"env":"prod"}
''')"));
    CHECK(lines == std::vector<std::string>{
                       "out: 4 records expected, 3 came (- expected, + came)",
                       "    {\"id\":1,\"env\":\"prod\"}",
                       "  - {\"id\":2,\"user\":{\"name\":\"bob\"},\"env\":\"prod\",\"x\":1}",
                       "  + {\"id\":2,\"user\":{\"name\":\"ada\"},\"env\":\"prod\"}",
                       "      .user.name: \"bob\" expected, \"ada\" came",
                       "      .x: 1 expected, nothing came",
                       "    {\"id\":3,\"env\":\"prod\"}",
                       "  - {\"id\":4,\"env\":\"prod\"}",
                   });
}

TEST_CASE("another order is said to be one") {
    says(differ(graph + test(R"(
        inputs = [{ records = ['{"id":1}', '{"id":2}'] }]
        outputs = [{ from = "copy", records = ['{"id":2}', '{"id":1}'] }])")),
         "copy: the records came in another order");
}

TEST_CASE("a dead letter is expected with its transform, reason and words, or is a difference") {
    const std::string in = "inputs = [{ records = ['{\"a\":', '[]'] }]\n";
    passes(graph + test(in + R"(
        dead_letters = [{ record = '{"a":', transform = "keep", reason = "parse_error" },
                        { transform = "keep", reason = "failed", error = "Cannot index array" }])"));
    const auto lines = differ(graph + test(in + R"(
        dead_letters = [{ record = '{"a":', error = "hello" }])"));
    says(lines, "dead letters: 1 expected, 2 came");
    says(lines, "an error with \"hello\" expected");
    says(lines, "+ [] by keep, failed: program error: Cannot index array");
    says(lines, "not expected");
}

TEST_CASE("a pipeline that halts is a difference, unless the test expects it") {
    std::string stops = graph;
    stops.insert(stops.find("condition"), "on_error = \"stop\"\n");
    const std::string in = "inputs = [{ records = ['7'] }]\n";
    passes(stops + test(in + "halts = \"Cannot index number\""));
    says(differ(stops + test(in + "dropped = []")), "the pipeline halts: keep: program error");
    says(differ(graph + test("inputs = [{ records = ['{}'] }]\nhalts = \"x\"")),
         "a halt expected, with \"x\"; it does not halt");
}

TEST_CASE("count and every hold for what came") {
    const std::string in = "inputs = [{ records = ['{\"id\":1}', '{\"id\":2}'] }]\n";
    passes(graph + test(in + "outputs = [{ from = \"copy\", count = 2, every = '.id < 3' }]"));
    const auto lines =
        differ(graph + test(in + "outputs = [{ from = \"copy\", count = 3, every = '.id < 2' }]"));
    says(lines, "copy: 3 records expected, 2 came");
    says(lines, "copy: not for every record: .id < 2");
    says(lines, "+ {\"id\":2}");
    says(differ(graph + test("inputs = [{ records = ['{\"level\":\"debug\"}'] }]\n"
                             "outputs = [{ from = \"copy\", every = 'true' }]")),
         "copy: nothing came of which to say");
}

TEST_CASE("time is the test's: now, and what throttle counts") {
    const std::string timed = std::string(graph) + R"(
[transforms.slow]
type = "throttle"
inputs = ["in"]
threshold = 1
window = "10s"
[transforms.stamp]
type = "jq"
inputs = ["slow"]
program = '.at = (now | todate)'
[sinks.timed]
type = "blackhole"
inputs = ["stamp"]
)";
    const std::string rest = R"(
        at = 2026-01-01T00:00:00Z
        [[tests.inputs]]
        records = ['{"n":1}', '{"n":2}']
        [[tests.inputs]]
        at = "2026-01-01T00:00:11Z"
        records = ['{"n":3}']
        [[tests.outputs]]
        from = "timed"
        records = ['{"n":1,"at":"2026-01-01T00:00:00Z"}', '{"n":3,"at":"2026-01-01T00:00:11Z"}'])";
    passes(timed + test(rest));
    // And again, though the first one has let records pass.
    passes(timed + test(rest));
}

TEST_CASE("dedupe remembers within a test, over its inputs, and not from one test to the next") {
    const std::string once = std::string(graph) + R"(
[transforms.once]
type = "dedupe"
inputs = ["in"]
[sinks.one]
type = "blackhole"
inputs = ["once"]
)";
    const std::string rest = R"(
        inputs = [{ records = ['1', '1'] }, { records = ['1', '2'] }]
        outputs = [{ from = "one", records = [1, 2] }])";
    std::string skips = once;
    skips.insert(skips.find("condition"), "on_error = \"drop\"\n");
    passes(skips + test(rest));
    passes(skips + test(rest));
}

TEST_CASE(
    "a source of MsgPack or of an array gets records as JSON, and a sink of MsgPack gives JSON") {
    for (const char* framing : {"msgpack", "json_array"}) {
        std::string framed = graph;
        framed.insert(framed.find("include"), "framing = \"" + std::string(framing) + "\"\n");
        framed.insert(framed.find("inputs = [\"shape\"]"), "framing = \"msgpack\"\n");
        passes(framed + test(R"(
            dropped = ['{"level":"debug"}']
            inputs = [{ records = ['{"level":"debug"}', '{"level":"info"}'] }]
            [[tests.outputs]]
            from = "out"
            records = ['{"level":"info","env":"prod"}']
            [[tests.outputs]]
            from = "copy"
            records = ['{"level":"info"}'])"));
    }
    std::string packed = graph;
    packed.insert(packed.find("include"), "framing = \"msgpack\"\n");
    packed += "[sinks.raw]\ntype = \"blackhole\"\ninputs = [\"in\"]\n";
    passes(packed + test("inputs = [{ hex = '81a161 01 c0' }]\ndead_letters = []\n"
                         "outputs = [{ from = \"raw\", hex = '81a16101c0' }]"));
    says(differ(packed + test("inputs = [{ records = ['{'] }]\ndropped = []")),
         "can't be made MsgPack");
    std::string array = graph;
    array.insert(array.find("include"), "framing = \"json_array\"\n");
    passes(array +
           test("inputs = [{ text = '[{\"a\":1}, {\"a\":2}' }]\n"
                "outputs = [{ from = \"copy\", records = [{ a = 1 }] }]\n"
                "dead_letters = [{ reason = \"parse_error\", error = \"unexpected end\" }]"));
}

TEST_CASE("what is wrong in a test is a problem of the config, with its place") {
    const auto has = [](const std::string& rest, const std::string& what) {
        says(problems(rest), what);
    };
    has("[[tests]]\n", "tests has no name");
    has(test("inputs = [{ records = [] }]"), "t.toml(22,1): test \"t\" expects nothing");
    has(test("inputs = []\ndropped = []"), "inputs is an empty list");
    has(test("inputs = [{ to = \"kep\", records = [] }]\ndropped = []"),
        "no source or transform is named \"kep\"; expected one of \"in\", \"keep\", \"shape\"; did "
        "you mean \"keep\"?");
    has(test("inputs = [{ records = [] }]\noutputs = [{ count = 1 }]"),
        "[tests.outputs] has no from, and there are 2 sinks");
    has(test("inputs = [{ records = [] }]\noutputs = [{ from = \"in\", count = 1 }]"),
        "no sink, transform or output of a transform is named \"in\"");
    has(test("inputs = [{ records = [] }]\noutputs = [{ from = \"keep._unmatched\", count = 1 }]"),
        "nobody takes \"keep._unmatched\"");
    has(test("inputs = [{ records = [] }]\noutputs = [{ from = \"out\" }]"),
        "says nothing of what");
    has(test("inputs = [{ records = [], text = '' }]\ndropped = []"),
        "one of records, text and hex");
    has(test("inputs = [{ hex = '7' }]\ndropped = []"), "expected pairs of hexadecimal digits");
    has(test("inputs = [{ records = [\"a\\nb\"] }]\ndropped = []"), "holds a newline");
    has(test("inputs = [{ records = [nan] }]\ndropped = []"), "which JSON has no word for");
    has(test("inputs = [{}]\ndropped = []"), "[tests.inputs] has no records");
    has(test("at = \"today\"\ninputs = [{ records = [] }]\ndropped = []"), "at is \"today\"");
    has(test("inputs = [{ records = [] }]\noutputs = [{ from = \"out\", every = '|' }]"),
        "is not a jq program");
    has(test("inputs = [{ records = [] }]\ndead_letters = [{ transform = \"shap\" }]"),
        "did you mean \"shape\"?");
    has(test("inputs = 7\ndropped = []"), "inputs is 7; expected a list of tables");
    std::string none = graph;
    none.resize(none.find("[dead_letters]"));
    says(parse_config(none + test("inputs = [{ records = [] }]\ndead_letters = [{}]"), "t.toml", {})
             .problems,
         "there is no [dead_letters]");
}

TEST_CASE("a line that is longer than max_line goes as on_oversized says, as in a run") {
    const auto with = [](const std::string& keys, const std::string& rest) {
        std::string config = graph;
        config.insert(config.find("[transforms.keep]"), "max_line = \"16B\"\n" + keys);
        return config +
               test("inputs = [{ text = \"{\\\"a\\\":1}\\n{\\\"a\\\":\\\"0123456789\\\"}\" }]\n" +
                    rest);
    };
    CHECK(
        passes(with("",
                    "outputs = [{ from = \"copy\", count = 1 }]\n"
                    "dead_letters = [{ reason = \"oversized\" }, { reason = \"oversized\" }]\n")));
    CHECK(passes(
        with("on_oversized = \"stop\"\n",
             "outputs = [{ from = \"copy\", count = 1 }]\nhalts = \"longer than max_line\"\n")));
}
