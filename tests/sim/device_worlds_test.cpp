// The devices in their worlds (sim/device_worlds.hpp), for many seeds.
#include <catch2/catch.hpp>
#include <set>

#include "sim/device_worlds.hpp"

using namespace holdfast;
using namespace holdfast::sim;
using Delivery = io::FileSinkConfig::Delivery;

namespace {

void check(const std::optional<Breach>& breach, std::uint64_t seed) {
    if (!breach) return;
    FAIL("seed " << seed << " breaks " << breach->invariant << ": " << breach->what);
}

}  // namespace

TEST_CASE("each crash image of each instant holds the last durable checkpoint or a newer one") {
    for (std::uint64_t steps = 0; steps < 60; ++steps) check(run_checkpoint_images(steps), steps);
}

TEST_CASE("a life of crashes, failing syncs and rot never loses a durable checkpoint in silence") {
    std::set<std::int64_t> reached;
    for (std::uint64_t seed = 0; seed < 1500; ++seed) {
        std::int64_t durable = 0;
        check(run_checkpoints(seed, &durable), seed);
        reached.insert(durable);
    }
    CHECK(reached.size() > 5);
}

TEST_CASE(
    "token is committed with the last record that it stands for, whatever is filtered or cut") {
    for (std::uint64_t seed = 1; seed <= 3000; ++seed) check(run_tokens(seed), seed);
}

TEST_CASE("what a sink gets depends only on the transforms between it and its sources") {
    for (std::uint64_t seed = 1; seed <= 5000; ++seed) check(run_graphs(seed), seed);
}

TEST_CASE("a value has the same key however it is written, and another value another one") {
    for (std::uint64_t seed = 1; seed <= 5000; ++seed) check(run_keys(seed), seed);
}

TEST_CASE("file sink in exactly_once holds just what its checkpoint says after any death") {
    for (std::uint64_t seed = 1; seed <= 400; ++seed) {
        check(run_file_sink(seed, Delivery::exactly_once), seed);
    }
}

TEST_CASE("file sink of sized payloads holds just what its checkpoint says after any death") {
    for (std::uint64_t seed = 1; seed <= 400; ++seed)
        check(run_file_sink(seed, Delivery::exactly_once, io::Framing::length), seed);
}

TEST_CASE("file sink in at_least_once holds whole records and loses none after any kill") {
    for (std::uint64_t seed = 1; seed <= 400; ++seed) {
        check(run_file_sink(seed, Delivery::at_least_once), seed);
    }
}

TEST_CASE(
    "dead letter file keeps every line that it answered for, and only whole ones, after any kill") {
    for (std::uint64_t seed = 1; seed <= 400; ++seed) {
        check(run_dead_letters(seed, Death::kill), seed);
    }
}

TEST_CASE("programs of the machine give what jq 1.8 gives for each record, whatever came before") {
    for (std::uint64_t seed = 0; seed < 200; ++seed) check(run_programs(seed), seed);
}

TEST_CASE("a line gives the object that it was written from, whatever record came before") {
    for (std::uint64_t seed = 0; seed < 20000; ++seed) check(run_lines(seed), seed);
}

TEST_CASE("what a large record took is given back by each step that parses, and by streams") {
    for (std::uint64_t seed = 0; seed < 64; ++seed) check(run_memory(seed), seed);
}

TEST_CASE("dead letter file keeps every line that it answered for after any power loss") {
    for (std::uint64_t seed = 1; seed <= 400; ++seed) {
        check(run_dead_letters(seed, Death::power_loss), seed);
    }
}

TEST_CASE("socket source gives away what each connection said, and nothing of two at once") {
    for (std::uint64_t seed = 1; seed <= 3000; ++seed) check(run_socket_source(seed), seed);
}

TEST_CASE("socket source of datagrams makes one record of each, or a dead letter") {
    for (std::uint64_t seed = 1; seed <= 3000; ++seed) check(run_datagrams(seed), seed);
}

TEST_CASE("socket sink's peer sees whole writes in order, whatever breaks") {
    for (std::uint64_t seed = 1; seed <= 3000; ++seed) check(run_socket_sink(seed), seed);
}

TEST_CASE("exec source gives away what each run printed, and starts the next one when it should") {
    for (std::uint64_t seed = 1; seed <= 3000; ++seed) check(run_exec(seed), seed);
}
