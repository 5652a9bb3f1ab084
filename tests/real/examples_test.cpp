// Every pipeline in examples/ is run as its head says, and its output checked. (transforms.toml:
// tests/real/transform_test.cpp; records.toml: records_test.cpp; exec.toml, socket.toml: peers_test.cpp. examples/embed: tests/embed/package.cmake.)
#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <set>
#include <sstream>

#include "tests/real/campaign.hpp"

using namespace holdfast::real;
namespace fs = std::filesystem;

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
constexpr bool sanitized = __has_feature(address_sanitizer);
#else
constexpr bool sanitized = false;
#endif

/// What examples/make_log.awk writes.
std::string make_log(const TempDir& folder, int count) {
    fs::create_directories(folder.at("out/logs"));
    Process awk({"/bin/sh", "-c",
                 "awk -v count=" + std::to_string(count) +
                     " -f " HF_SOURCE_DIR "/examples/make_log.awk > " +
                     folder.at("out/logs/requests.jsonl")});
    REQUIRE(awk.wait(std::chrono::minutes(2)));
    REQUIRE(awk.result().code == 0);
    return read_file(folder.at("out/logs/requests.jsonl"));
}

std::string example(const TempDir& folder, const std::string& name) {
    fs::copy(HF_SOURCE_DIR "/examples/" + name, folder.at(name));
    return folder.at(name);
}

/// The example, copied to a folder of its own, and run there.
Exited run_example(const TempDir& folder, const std::string& name) {
    const std::string file = example(folder, name);
    const Exited checked = run({"validate", file});
    INFO(checked.out << checked.err);
    CHECK(checked.code == 0);
    return run({"run", "--progress", "off", file});
}

std::multiset<std::string> lines_of(const std::string& text) {
    std::multiset<std::string> out;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) out.insert(line);
    return out;
}

std::string unescaped(std::string text) {
    std::erase(text, '\\');
    return text;
}

}  // namespace

TEST_CASE("every example is known to a test") {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(HF_SOURCE_DIR "/examples"))
        if (entry.path().extension() == ".toml") found.insert(entry.path().filename().string());
    CHECK(found == std::set<std::string>{"demo.toml", "exec.toml", "formats.toml", "modes.toml",
                                         "policies.toml", "records.toml", "regulation.toml",
                                         "socket.toml", "text.toml", "transforms.toml"});
}

TEST_CASE("the example of the demo gives every record to every sink or the dead letters") {
    const TempDir folder;
    const std::string input = make_log(folder, 50'000);
    const std::string file = example(folder, "demo.toml");
    {
        Process process(program({"run", file}));
        const auto some = [&] {
            return read_file(folder.at("out/partner.jsonl")).size() > 500'000;
        };
        REQUIRE(eventually(some, std::chrono::seconds(60)));
        process.kill();
    }
    const Exited exited = run({"run", file});
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK((read_file(folder.at("out/archive.jsonl")) == input));
    CHECK((read_file(folder.at("out/search.jsonl")) == input));
    // In the dead letters a record may be twice, by the kill.
    std::multiset<std::string> together = lines_of(read_file(folder.at("out/partner.jsonl")));
    const auto refused = lines_of(unescaped(payloads_of(read_file(folder.at("out/dead.jsonl")))));
    CHECK_FALSE(refused.empty());
    for (auto it = refused.begin(); it != refused.end(); it = refused.upper_bound(*it))
        together.insert(*it);
    CHECK((together == lines_of(input)));
}

TEST_CASE("the example of run modes gives one record an item, in slices") {
    const TempDir folder;
    std::string input;
    std::string expected;
    for (int order = 0; order < 2000; ++order) {
        const std::string id = std::to_string(order);
        input += "{\"id\":" + id + ",\"items\":[";
        for (int item = 0; item < order % 7; ++item) {
            const std::string sku = "\"sku\":\"s" + std::to_string(item) + "\"";
            input += (item == 0 ? "{" : ",{") + sku + "}";
            expected += "{" + sku + ",\"order\":" + id + "}\n";
        }
        input += "]}\n";
    }
    folder.write("out/orders/1.jsonl", input + "{\"id\":1,\"items\":5}\n");
    const Exited exited = run_example(folder, "modes.toml");
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK(read_file(folder.at("out/items.jsonl")) == expected);
    CHECK(contains(read_file(folder.at("out/orders-dead.jsonl")), "Cannot iterate over number"));
}

TEST_CASE("the example of policies sets each kind of record aside as it says, in every mode") {
    // The input that its head shows.
    const std::vector<std::string> input = {
        R"({"user":{"id":1},"n":2})",          R"({"n":1})",
        R"({"user":{"id":2},"level":"test"})", "no JSON",
        R"({"user":{"id":3},"n":"many"})",     R"({"user":{"id":4},"n":-1})"};
    const std::string head = read_file(HF_SOURCE_DIR "/examples/policies.toml");
    for (const char* mode : {"parsed", "whole", "streaming", "governed"}) {
        INFO(mode);
        const TempDir folder;
        fs::create_directories(folder.at("out/events"));
        std::string lines;
        for (const std::string& line : input) {
            CHECK(contains(head, "'" + line + "'"));
            lines += line + "\n";
        }
        folder.write("out/events/1.jsonl", lines);
        std::string file = example(folder, "policies.toml");
        const bool is_parsed = mode == std::string("parsed");
        std::vector<std::string> words{"run", "--progress", "off", file};
        if (!is_parsed) {
            // on_parse_error is the parsed mode's; without it the program finds what is no JSON.
            std::string text = read_file(file);
            const std::string key = "on_parse_error = \"dead_letter\"";
            text.replace(text.find(key), key.size(), "");
            folder.write("policies.toml", text);
            words.insert(words.end(), {"--set", std::string("engine.mode=") + mode});
        }
        const Exited exited = run(words);
        INFO(exited.err);
        CHECK(exited.code == 0);
        CHECK(read_file(folder.at("out/good.jsonl")) == "{\"user\":{\"id\":1},\"n\":4}\n");
        CHECK(read_file(folder.at("out/tests.jsonl")) == input[2] + "\n");
        const std::string dead = read_file(folder.at("out/events-dead.jsonl"));
        INFO(dead);
        CHECK(std::count(dead.begin(), dead.end(), '\n') == 2);
        CHECK(contains(dead, std::string("\"transform\":\"") +
                                 (is_parsed ? "events.parse" : "double") +
                                 "\",\"error\":\"parse error: "));
        CHECK(contains(dead, "program error: n is no number"));
        CHECK(contains(exited.err, "positive: 2 -> 1 out + 1 dropped"));
        CHECK(contains(exited.err, "(1 rejected)"));
    }
}

TEST_CASE("the example of self-regulation pauses, goes on, and delivers everything in order") {
    const TempDir folder;
    const std::string input = make_log(folder, 500'000);
    std::vector<std::string> words{"run", example(folder, "regulation.toml")};
    // A sanitizer's own memory is more than the example gives to the whole process.
    if (sanitized) words.insert(words.end(), {"--set", "engine.process_limit=4GiB"});
    const Exited exited = run(words, {}, std::chrono::seconds(120));
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK((read_file(folder.at("out/slow.jsonl")) == input));
    if (sanitized) return;
    CHECK(contains(exited.err, "memory is short: reading is paused"));
    CHECK(contains(exited.err, "reading goes on"));
    CHECK(contains(exited.err, " | reading paused for memory: "));
}
