// `holdfast test` as a person or a CI server calls it.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <regex>
#include <sstream>

#include "tests/real/process.hpp"

using namespace holdfast::real;
namespace fs = std::filesystem;

namespace {

const char* const pipeline = R"([sources.in]
type = "file"
include = ["in.log"]
[transforms.shape]
type = "jq"
inputs = ["in"]
program = '.env = "prod"'
[sinks.out]
type = "file"
inputs = ["shape"]
path = "out.log"
)";

const char* const good = R"([[tests]]
name = "records are stamped"
inputs = [{ records = ['{"id":1}'] }]
outputs = [{ records = ['{"id":1,"env":"prod"}'] }]
)";

const char* const bad = R"([[tests]]
name = "a <wrong> & \"bad\" one"
inputs = [{ records = ['{"id":1}'] }]
outputs = [{ records = ['{"id":1,"env":"test"}'] }]
)";

std::vector<std::string> toml_files(const std::string& folder) {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(folder))
        if (entry.path().extension() == ".toml") out.push_back(entry.path().string());
    std::sort(out.begin(), out.end());
    return out;
}

/// Sinks and their files; "dead_letters" is one.
std::vector<std::pair<std::string, std::string>> outputs_in(const std::string& config) {
    std::vector<std::pair<std::string, std::string>> out;
    std::istringstream in(config);
    std::string name;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("[")) name.clear();
        if (line.starts_with("[sinks.")) name = line.substr(7, line.size() - 8);
        if (line == "[dead_letters]") name = "dead_letters";
        if (line.starts_with("path = \"") && !name.empty())
            out.emplace_back(name, line.substr(8, line.size() - 9));
    }
    return out;
}

/// Of `$meta.id`: the file's number is 0 in a test.
std::string without_partition(const std::string& text) {
    return std::regex_replace(text, std::regex("\"in:[0-9a-f]{16}:"), "\"in:0000000000000000:");
}

}  // namespace

TEST_CASE("the pipelines of examples/jq and of text pass their tests and are good configs") {
    auto files = toml_files(HF_SOURCE_DIR "/examples/jq");
    CHECK(files.size() == 10);
    files.push_back(HF_SOURCE_DIR "/examples/text.toml");
    std::vector<std::string> arguments{"test"};
    arguments.insert(arguments.end(), files.begin(), files.end());
    const Exited tested = run(arguments);
    INFO(tested.out << tested.err);
    CHECK(tested.code == 0);
    for (const std::string& file : files) {
        const Exited checked = run({"validate", file});
        INFO(checked.out << checked.err);
        CHECK(checked.code == 0);
        CHECK_FALSE(contains(checked.out, "~"));
        CHECK(contains(tested.out, file + "("));
    }
}

TEST_CASE("tests that pass exit with 0, one that fails with 1, a wrong config with 78") {
    const TempDir folder;
    const std::string passes = folder.write("good.toml", std::string(pipeline) + good);
    const std::string fails = folder.write("bad.toml", std::string(pipeline) + good + bad);
    const std::string none = folder.write("none.toml", pipeline);
    const std::string wrong = folder.write("wrong.toml", std::string(pipeline) + "[[tests]]\n");

    const Exited passed = run({"test", passes});
    CHECK(passed.code == 0);
    CHECK(passed.out ==
          "\u221a " + passes + "(12): records are stamped\n\u221a 1 test, 0 failed\n");
    CHECK(run({"test", "-q", passes}).out.empty());

    const Exited failed = run({"test", passes, fails});
    CHECK(failed.code == 1);
    CHECK(contains(failed.out, "x " + fails +
                                   "(16): a <wrong> & \"bad\" one\n"
                                   "    out: 1 record expected, 1 came (- expected, + came)\n"
                                   "      - {\"id\":1,\"env\":\"test\"}\n"
                                   "      + {\"id\":1,\"env\":\"prod\"}\n"
                                   "          .env: \"test\" expected, \"prod\" came\n"
                                   "x 3 tests, 1 failed\n"));
    CHECK(run({"test", "--only", "stamped", fails}).code == 0);
    CHECK(run({"test", "--only", "nothing has this", fails}).code == 78);
    CHECK(run({"test", none}).code == 78);
    CHECK(run({"test", passes, none}).code == 0);
    CHECK(run({"test", wrong}).code == 78);
    CHECK(contains(run({"test", wrong}).out, "(12,1): tests has no name"));
    CHECK(run({"test"}).code == 64);
    // Nothing was made.
    CHECK(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()) == 4);
}

TEST_CASE("run and validate take a config with tests, check them, and do not run them") {
    const TempDir folder;
    folder.write("in.log", "{\"id\":1}\n");
    const std::string fails = folder.write("bad.toml", std::string(pipeline) + bad);
    CHECK(run({"validate", fails}).code == 0);
    CHECK(run({"run", "--set", "sources.in.end=eof", fails}).code == 0);
    CHECK(read_file(folder.at("out.log")) == "{\"id\":1,\"env\":\"prod\"}\n");
    const std::string wrong =
        folder.write("wrong.toml", std::string(pipeline) + "[[tests]]\nname = \"x\"\n");
    CHECK(run({"validate", wrong}).code == 78);
    CHECK(run({"run", wrong}).code == 78);
}

TEST_CASE("holdfast test sees what a run delivers, byte for byte") {
    const auto files = toml_files(HF_SOURCE_DIR "/examples/jq");
    std::ptrdiff_t delivered = 0;
    // What stands in their tests, all of it for each of them.
    std::string records;
    for (const std::string& file : files) {
        std::istringstream config(read_file(file));
        for (std::string line; std::getline(config, line);)
            if (line.starts_with("{\"")) records += line + "\n";
    }
    records += "{\"a\":\nnot JSON\n\n[1, 2]\n";
    for (const std::string& file : files) {
        // The time of reading is another one in each run.
        if (contains(file, "timestamps")) continue;
        const TempDir folder;
        const std::string name = fs::path(file).filename().string();
        std::string config = read_file(file);
        config.resize(config.find("[[tests]]"));
        const std::string copy = folder.write(name, config);
        const std::string in = folder.write("in.jsonl", records);
        const Exited ran = run({"run", "-q", "--set", "sources.in.include=[\"" + in + "\"]", copy});
        INFO(name << "\n" << ran.err);
        REQUIRE(ran.code == 0);
        config += "[[tests]]\nname = \"as it ran\"\n";
        std::string sinks;
        for (const auto& [sink, path] : outputs_in(config)) {
            const std::string text = without_partition(read_file(folder.at(path)));
            delivered += std::count(text.begin(), text.end(), '\n');
            if (sink != "dead_letters") {
                sinks += "[[tests.outputs]]\nfrom = \"" + sink +
                         "\"\ncompare = \"bytes\"\ntext = '''\n" + text + "'''\n";
                continue;
            }
            config += "dead_letters = [";
            for (const char c : text)
                if (c == '\n') config += "{},";
            config += "]\n";
        }
        config += "[[tests.inputs]]\nto = \"in\"\ntext = '''\n" + records + "'''\n" + sinks;
        const Exited tested = run({"test", folder.write("tested-" + name, config)});
        INFO(tested.out << tested.err);
        CHECK(tested.code == 0);
    }
    CHECK(delivered > 200);
}

TEST_CASE("the JUnit report has each test, with the difference of those that failed") {
    const TempDir folder;
    const std::string fails = folder.write("bad.toml", std::string(pipeline) + good + bad);
    const std::string wrong = folder.write("wrong.toml", "x = 1\n");
    const std::string report = folder.at("report.xml");
    CHECK(run({"test", "--junit", report, fails, wrong}).code == 78);
    const std::string xml = read_file(report);
    INFO(xml);
    CHECK(contains(xml, "<testsuites tests=\"3\" failures=\"1\" errors=\"1\">"));
    CHECK(contains(xml, "name=\"records are stamped\""));
    CHECK(contains(xml, "name=\"a &lt;wrong&gt; &amp; &quot;bad&quot; one\""));
    CHECK(contains(xml, "+ {&quot;id&quot;:1,&quot;env&quot;:&quot;prod&quot;}"));
    CHECK(contains(xml, "<error message=\""));
    CHECK(run({"test", "--junit", folder.at("no/such/report.xml"), fails}).code == 74);
}
