// The table of cases: what jq 1.6 does, and which engine does it here.
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "io/jq/compile.hpp"
#include "tests/jq/both.hpp"
#include "tests/jq/random_jq.hpp"

namespace {

using namespace holdfast;

/// PROGRAM <tab> RECORD <tab> ENGINE <tab> OUTCOME: the outputs between two spaces, or `! ` and the
/// error. ENGINE: native, machine (not compiled) or odd (compiled, but this record is left to the machine).
struct Case {
    std::string program;
    std::string record;
    std::string engine;
    std::string outcome;
};

std::vector<Case> cases() {
    std::ifstream in(HF_SOURCE_DIR "/tests/jq/cases.tsv");
    std::vector<Case> out;
    for (std::string line; std::getline(in, line);) {
        if (line.empty() || line[0] == '#') continue;
        std::vector<std::string> parts(1);
        for (const char c : line) {
            if (c == '\t') {
                parts.emplace_back();
            } else {
                parts.back() += c;
            }
        }
        REQUIRE(parts.size() == 4);
        out.push_back({parts[0], parts[1], parts[2], parts[3]});
    }
    return out;
}

std::vector<std::string> outputs_of(const std::string& outcome) {
    std::vector<std::string> out;
    std::size_t at = 0;
    while (at < outcome.size()) {
        const std::size_t end = std::min(outcome.find("  ", at), outcome.size());
        out.push_back(outcome.substr(at, end - at));
        at = end + 2;
    }
    return out;
}

void check(const test::Outcome& is, const std::string& wanted) {
    if (wanted.starts_with("! ")) {
        CHECK(is.verdict == Verdict::fail);
        CHECK(is.error == wanted.substr(2));
        return;
    }
    INFO(is.error);
    const std::vector<std::string> outputs = outputs_of(wanted);
    REQUIRE(is.outputs.size() == outputs.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) {
        INFO(is.outputs[i] << " is not " << outputs[i]);
        CHECK(test::same_value(is.outputs[i], outputs[i]));
    }
}

}  // namespace

TEST_CASE("jq programs do in both engines what the table says") {
    const std::vector<Case> all = cases();
    REQUIRE(all.size() > 100);
    for (const Case& one : all) {
        INFO(one.program << " over " << one.record);
        const auto library = test::library(one.program);
        REQUIRE(library);
        check(test::run(*library, one.record), one.outcome);
        const auto compiled = test::native(one.program);
        CHECK((compiled == nullptr) == (one.engine == "machine"));
        if (!compiled) continue;
        const test::Outcome is = test::run(*compiled, one.record);
        CHECK((compiled->left() > 0) == (one.engine == "odd"));
        if (compiled->left() == 0) check(is, one.outcome);
    }
}

TEST_CASE("table of jq programs is what the jq command does") {
    if (std::system("jq --version >/dev/null 2>&1") != 0) {
        WARN("skipped: no jq here");
        return;
    }
    const std::vector<Case> all = cases();
    std::vector<std::string> programs;
    for (const Case& one : all) {
        const bool here = one.program == "halt" || one.program == "input";  // Here they differ.
        if (!here && (programs.empty() || programs.back() != one.program)) {
            programs.push_back(one.program);
        }
    }
    const std::string folder = HF_BINARY_DIR "/jq-table";
    std::filesystem::create_directories(folder);
    for (std::size_t i = 0; i < programs.size(); i += 9) {
        INFO(programs[i]);
        std::ofstream(folder + "/program") << programs[i];
        for (const Case& one : all) {
            if (one.program != programs[i]) continue;
            INFO(one.record);
            std::ofstream(folder + "/record") << one.record;
            const std::string command =
                "cd '" + folder + "' && HOME=. jq -c -f program record >outputs 2>error";
            const bool failed = std::system(command.c_str()) != 0;
            CHECK(failed == one.outcome.starts_with("! "));
            std::ifstream in(folder + "/outputs");
            const std::vector<std::string> wanted =
                failed ? std::vector<std::string>{} : outputs_of(one.outcome);
            std::size_t seen = 0;
            for (std::string line; !failed && std::getline(in, line); ++seen) {
                REQUIRE(seen < wanted.size());
                CHECK(test::same_value(line, wanted[seen]));
            }
            CHECK(seen == wanted.size());
            break;
        }
    }
}

TEST_CASE("random programs do the same in both engines", "[random]") {
    const char* wanted = std::getenv("HF_JQ_PROGRAMS");
    const int programs = wanted != nullptr ? std::atoi(wanted) : 40;
    const char* first = std::getenv("HF_JQ_SEED");
    std::mt19937_64 random(first != nullptr ? std::strtoull(first, nullptr, 10) : 1);
    int compiled = 0;
    for (int i = 0; i < programs; ++i) {
        std::vector<std::uint8_t> choices(64 + 64 * 40);
        for (std::uint8_t& byte : choices) byte = static_cast<std::uint8_t>(random());
        fuzz::Bytes bytes(choices);
        const auto use = i % 8 == 7 ? jq::Use::condition : jq::Use::program;
        test::Both both(test::random_program(bytes), use);
        compiled += both.compiled();
        for (int record = 0; record < 200 && !bytes.used_up(); ++record) {
            const auto found = both.difference(test::random_record(bytes));
            INFO(found.value_or(""));
            CHECK_FALSE(found);
        }
    }
    CHECK(compiled >= programs * 3 / 4);
}

TEST_CASE("what is compiled is a program for jq too", "[random]") {
    std::mt19937_64 random(3);
    int compiled = 0;
    for (int i = 0; i < 1000; ++i) {
        std::vector<std::uint8_t> choices(64);
        for (std::uint8_t& byte : choices) byte = static_cast<std::uint8_t>(random());
        fuzz::Bytes bytes(choices);
        test::Both both(test::random_words(bytes));
        compiled += both.compiled();
        INFO(both.difference("{\"a\":{\"b\":1},\"b\":[1,\"x\"]}").value_or(""));
        CHECK_FALSE(both.difference("{\"a\":{\"b\":1},\"b\":[1,\"x\"]}"));
    }
    CHECK(compiled > 50);
}
