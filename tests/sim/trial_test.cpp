// Pipelines that a seed draws, tried as a user's own is: see sim/trial.
#include <catch2/catch.hpp>

#include "sim/device_worlds.hpp"
#include "sim/trial/judge.hpp"

using namespace holdfast;

TEST_CASE("trial world: drawn pipelines lose nothing that no key of theirs explains", "[trial]") {
    // Many more: holdfast sim --world trial --seeds 20000
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
        const auto found = sim::run_trial(seed);
        INFO("holdfast sim --world trial --seed " << seed);
        if (found) FAIL(found->invariant << ": " << found->what);
    }
}

TEST_CASE("dead letters are read as they were written, and a torn one is none", "[trial]") {
    std::string rest;
    const auto letters = sim::letters_in(
        "{\"sink\":\"o\",\"reason\":\"refused\",\"encoding\":\"utf8\",\"payload\":"
        "\"a\\\"\\u0001b\"}\n"
        "{\"sink\":null,\"reason\":\"failed\",\"encoding\":\"base64\",\"payload\":\"/wA=\"}\n"
        "{\"sink\":null,\"reason\":\"fai\n{\"sink\"",
        rest);
    REQUIRE(letters.size() == 3);
    CHECK(letters[0].payload ==
          "a\"\x01"
          "b");
    CHECK(letters[0].sink == "o");
    CHECK(letters[1].payload == std::string("\xff\0", 2));
    CHECK(letters[1].sink.empty());
    CHECK_FALSE(letters[2].is_whole);
    CHECK(rest == "{\"sink\"");
}

TEST_CASE("records are made unique, and are found again in every framing", "[trial]") {
    const std::string one = sim::made_unique("{\"a\":1}", 8, 20),
                      two = sim::made_unique("x y", 9, 20);
    CHECK(one == "{\"a\":1,\"sim_record\":\"8_" + std::string(20, 'x') + "\"}");
    CHECK(two == "x y sim_record=9_" + std::string(9, 'x'));
    std::string rest;
    const std::string packed = sim::record_bytes(io::Framing::msgpack, "{\"a\":1}") +
                               sim::record_bytes(io::Framing::msgpack, "[2]");
    CHECK(sim::records_in(io::Framing::msgpack, packed, rest) ==
          std::vector<std::string>{"{\"a\":1}", "[2]"});
    CHECK(rest.empty());
    CHECK(sim::records_in(io::Framing::lines, "a\nb", rest) == std::vector<std::string>{"a"});
    CHECK(rest == "b");
}
