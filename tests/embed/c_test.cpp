// The C library: what it passes through, what it refuses, and structs of other versions.
#include <atomic>
#include <catch2/catch.hpp>
#include <cstddef>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "io/embed_c/holdfast.h"

namespace {

/// All that a pipeline's callbacks saw and are to answer.
struct World {
    int pulls = 0;
    int records = 10;
    int destroyed = 0;
    holdfast_status pull_end = HOLDFAST_ENDED;
    holdfast_outcome outcome = HOLDFAST_DELIVERED;
    std::vector<std::uint64_t> committed;
    std::vector<std::string> sunk;
    std::vector<std::string> dead;
};

World& of(void* user) { return *static_cast<World*>(user); }

holdfast_record record_of(const std::string& payload) {
    holdfast_record r{};
    r.size = sizeof r;
    r.payload = payload.data();
    r.payload_size = payload.size();
    return r;
}

std::string text(const char* data, std::size_t size) { return size ? std::string(data, size) : ""; }

/// payload|key|name=value...|timestamp|format|position|partition
std::string all_of(const holdfast_records* records, std::size_t i) {
    holdfast_record r{};
    r.size = sizeof r;
    REQUIRE(holdfast_records_get(records, i, &r) == HOLDFAST_OK);
    std::string out = text(r.payload, r.payload_size) + "|" + text(r.key, r.key_size) + "|";
    for (std::size_t h = 0; h < r.headers_count; ++h)
        out += text(r.headers[h].name, r.headers[h].name_size) + "=" +
               text(r.headers[h].value, r.headers[h].value_size) + ";";
    return out + "|" + std::to_string(r.timestamp_ms) + "|" + std::to_string(r.format) + "|" +
           std::to_string(r.position) + "|" + std::to_string(r.partition);
}

holdfast_source source_of(World& world) {
    holdfast_source s{};
    s.size = sizeof s;
    s.user = &world;
    s.pull = [](void* user, uint32_t, uint32_t, holdfast_batch* batch, holdfast_words* words) {
        World& w = of(user);
        if (w.pulls++ > 0) {
            holdfast_words_say(words, "the tape is torn");
            return w.pull_end;
        }
        holdfast_batch_partition(batch, 7);
        const holdfast_header headers[] = {{"h", 1, "v\0w", 3}, {"empty", 5, nullptr, 0}};
        for (int n = 0; n < w.records; ++n) {
            const std::string payload = std::to_string(n), key = "k" + payload;
            holdfast_record r = record_of(payload);
            r.key = key.data();
            r.key_size = key.size();
            r.headers = headers;
            r.headers_count = 2;
            r.timestamp_ms = 1000 + n;
            r.has_position = 1;
            r.position = 50 + n;
            CHECK(holdfast_batch_add(batch, &r) == HOLDFAST_OK);
            holdfast_batch_token(batch, static_cast<std::uint64_t>(n));
        }
        return holdfast_status{HOLDFAST_OK};
    };
    s.commit = [](void* user, uint32_t partition, const uint64_t* tokens, size_t count,
                  holdfast_words*) {
        CHECK(partition == 7);
        of(user).committed.insert(of(user).committed.end(), tokens, tokens + count);
        return holdfast_status{HOLDFAST_OK};
    };
    s.destroy = [](void* user) { ++of(user).destroyed; };
    return s;
}

holdfast_sink sink_of(World& world) {
    holdfast_sink s{};
    s.size = sizeof s;
    s.user = &world;
    s.write = [](void* user, const holdfast_records* records, holdfast_answer* answer) {
        World& w = of(user);
        if (w.outcome != HOLDFAST_DELIVERED) {
            holdfast_answer_why(answer, "no");
            return w.outcome;
        }
        for (std::size_t i = 0; i < holdfast_records_count(records); ++i) {
            const std::string all = all_of(records, i);
            if (all.starts_with("3|"))
                CHECK(holdfast_answer_but(answer, i, HOLDFAST_REFUSED, "not three") == HOLDFAST_OK);
            else
                w.sunk.push_back(all);
        }
        CHECK(holdfast_answer_but(answer, 1000, HOLDFAST_REFUSED, "") == HOLDFAST_INVALID);
        CHECK(holdfast_answer_but(answer, 0, HOLDFAST_GONE, "") == HOLDFAST_INVALID);
        return holdfast_outcome{HOLDFAST_DELIVERED};
    };
    s.destroy = [](void* user) { ++of(user).destroyed; };
    return s;
}

holdfast_dead_letters letters_of(World& world) {
    holdfast_dead_letters q{};
    q.size = sizeof q;
    q.user = &world;
    q.store = [](void* user, const holdfast_records* letters, holdfast_words*) {
        for (std::size_t i = 0; i < holdfast_records_count(letters); ++i)
            of(user).dead.push_back(all_of(letters, i) + "|" + holdfast_records_sink(letters, i) +
                                    "|" + holdfast_records_why(letters, i));
        return holdfast_status{HOLDFAST_OK};
    };
    q.destroy = [](void* user) { ++of(user).destroyed; };
    return q;
}

/// A pipeline that commits soon.
struct Made {
    Made() {
        holdfast_options options{};
        options.size = sizeof options;
        options.commit_ms = 2;
        pipeline = holdfast_new(HOLDFAST_API_VERSION, &options);
        REQUIRE(pipeline != nullptr);
        source = source_of(world);
        sink = sink_of(world);
        letters = letters_of(world);
    }
    ~Made() { holdfast_free(pipeline); }
    holdfast_report run(holdfast_status expected = HOLDFAST_OK) {
        holdfast_report report{};
        report.size = sizeof report;
        CHECK(holdfast_run(pipeline, &report) == expected);
        return report;
    }
    std::string problem() const { return holdfast_problem(pipeline); }

    World world;
    holdfast_pipeline* pipeline = nullptr;
    holdfast_source source{};
    holdfast_sink sink{};
    holdfast_dead_letters letters{};
};

}  // namespace

TEST_CASE("C library passes all of a record through, and each refused one's words") {
    Made m;
    REQUIRE(holdfast_add_source(m.pipeline, "in", &m.source) == HOLDFAST_OK);
    REQUIRE(holdfast_add_sink(m.pipeline, "out", &m.sink) == HOLDFAST_OK);
    REQUIRE(holdfast_set_dead_letters(m.pipeline, &m.letters) == HOLDFAST_OK);
    const holdfast_report report = m.run();
    CHECK(report.complete == 1);
    CHECK(std::string(holdfast_halt_name(report.halt)) == "finished");
    CHECK(report.records == 10);
    CHECK(report.delivered == 9);
    CHECK(report.dead_letters == 1);
    CHECK(report.left == 0);
    const auto all = [](int n) {
        const std::string t = std::to_string(n);
        return t + "|k" + t + "|h=" + std::string("v\0w", 3) + ";empty=;|" +
               std::to_string(1000 + n) + "|0|" + std::to_string(50 + n) + "|7";
    };
    std::vector<std::string> expected;
    for (int n = 0; n < 10; ++n)
        if (n != 3) expected.push_back(all(n));
    CHECK(m.world.sunk == expected);
    CHECK(m.world.dead == std::vector<std::string>{all(3) + "|out|not three"});
    CHECK(m.world.committed == std::vector<std::uint64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
    CHECK(m.world.destroyed == 0);
    holdfast_free(m.pipeline);
    m.pipeline = nullptr;
    CHECK(m.world.destroyed == 3);
}

TEST_CASE("C library's transform keeps, makes and sets aside, and its failure ends the run") {
    Made m;
    holdfast_transform t{};
    t.size = sizeof t;
    t.process = [](void*, const holdfast_records* input, holdfast_output* output,
                   holdfast_words* words) {
        for (std::size_t i = 0; i < holdfast_records_count(input); ++i) {
            if (i == 0) CHECK(holdfast_output_keep(output, i) == HOLDFAST_OK);
            if (i == 1) CHECK(holdfast_output_dead(output, i, "one is odd") == HOLDFAST_OK);
            static const std::string two = "two";
            holdfast_record r = record_of(two);
            r.sinks = 1;
            if (i == 2) CHECK(holdfast_output_add(output, i, &r) == HOLDFAST_OK);
            if (i == 2) CHECK(holdfast_output_add(output, i, &r) == HOLDFAST_OK);
        }
        CHECK(holdfast_output_keep(output, 1000) == HOLDFAST_INVALID);
        holdfast_words_say(words, "the table is gone");
        return holdfast_status{holdfast_records_count(input) == 4 ? HOLDFAST_FAILED : HOLDFAST_OK};
    };
    REQUIRE(holdfast_add_source(m.pipeline, "in", &m.source) == HOLDFAST_OK);
    REQUIRE(holdfast_add_sink(m.pipeline, "out", &m.sink) == HOLDFAST_OK);
    REQUIRE(holdfast_set_dead_letters(m.pipeline, &m.letters) == HOLDFAST_OK);
    REQUIRE(holdfast_set_transform(m.pipeline, &t) == HOLDFAST_OK);
    SECTION("as it should") {
        CHECK(m.run().complete == 1);
        REQUIRE(m.world.sunk.size() == 3);
        CHECK(m.world.sunk[0].starts_with("0|k0|"));
        CHECK(m.world.sunk[1] == "two|||0|0|52|7");  // Where it came from, it is of record 2.
        CHECK(m.world.sunk[2] == m.world.sunk[1]);
        REQUIRE(m.world.dead.size() == 1);
        CHECK(m.world.dead[0].ends_with("||one is odd"));
        CHECK(m.world.committed.size() == 10);
    }
    SECTION("failed") {
        m.world.records = 4;
        const holdfast_report report = m.run();
        CHECK(report.complete == 0);
        CHECK(report.left == 4);
        CHECK(m.problem().find("the table is gone") != std::string::npos);
        CHECK(m.world.committed.empty());
    }
}

TEST_CASE("C library says why it refuses, and destroys nothing that it did not take") {
    Made m;
    CHECK(holdfast_new(HOLDFAST_API_VERSION + 1, nullptr) == nullptr);
    CHECK(holdfast_new(0, nullptr) == nullptr);
    CHECK(holdfast_api_version() == HOLDFAST_API_VERSION);
    CHECK(holdfast_add_source(nullptr, "in", &m.source) == HOLDFAST_INVALID);
    CHECK(holdfast_add_source(m.pipeline, "in", nullptr) == HOLDFAST_INVALID);
    CHECK(holdfast_add_source(m.pipeline, "", &m.source) == HOLDFAST_INVALID);
    CHECK(m.problem() == "source has no name");
    m.source.commit = nullptr;
    CHECK(holdfast_add_source(m.pipeline, "in", &m.source) == HOLDFAST_INVALID);
    CHECK(m.problem() == "source in has no commit");
    m.sink.size = 0;
    CHECK(holdfast_add_sink(m.pipeline, "out", &m.sink) == HOLDFAST_INVALID);
    CHECK(m.problem() == "sink out: no struct, or its `size` is not set to its sizeof");
    m.run(HOLDFAST_INVALID);  // Nothing is there to be run.
    CHECK_FALSE(m.problem().empty());
    CHECK(m.world.destroyed == 0);
    holdfast_free(nullptr);
    holdfast_stop(nullptr);
    holdfast_inlet_free(nullptr);
    // What was missing can be added afterwards.
    m.source = source_of(m.world);
    m.sink.size = sizeof m.sink;
    REQUIRE(holdfast_add_source(m.pipeline, "in", &m.source) == HOLDFAST_OK);
    REQUIRE(holdfast_add_sink(m.pipeline, "out", &m.sink) == HOLDFAST_OK);
    REQUIRE(holdfast_set_dead_letters(m.pipeline, &m.letters) == HOLDFAST_OK);
    CHECK(m.run().complete == 1);
    m.run(HOLDFAST_INVALID);
    CHECK(m.problem() == "a pipeline runs once");
    CHECK(holdfast_add_sink(m.pipeline, "late", &m.sink) == HOLDFAST_INVALID);
}

TEST_CASE(
    "C library reads structs of shorter and longer versions, and writes no further than they go") {
    Made m;
    // As of a program that knows no limits of sinks: what stands behind is not looked at.
    m.sink.attempts = 1;
    m.sink.write_records = 1;
    m.sink.size = offsetof(holdfast_sink, queue_records);
    struct Later {
        holdfast_source source;
        char more[64];
    } later{};
    later.source = m.source;
    later.source.size = sizeof later;
    REQUIRE(holdfast_add_source(m.pipeline, "in", &later.source) == HOLDFAST_OK);
    REQUIRE(holdfast_add_sink(m.pipeline, "out", &m.sink) == HOLDFAST_OK);
    REQUIRE(holdfast_set_dead_letters(m.pipeline, &m.letters) == HOLDFAST_OK);
    holdfast_report report;
    std::memset(&report, 0x5a, sizeof report);
    report.size = offsetof(holdfast_report, delivered);
    REQUIRE(holdfast_run(m.pipeline, &report) == HOLDFAST_OK);
    CHECK(report.complete == 1);
    CHECK(report.records == 10);
    CHECK(report.delivered == 0x5a5a5a5a5a5a5a5a);
    CHECK(m.world.sunk.size() == 9);
}

TEST_CASE("C library: records, outcomes and statuses that are none lose nothing") {
    std::atomic<int> told = 0;  // Told by the end of what follows, too.
    Made m;
    const std::string x = "x", empty;
    holdfast_record r = record_of(x);
    holdfast_inlet* inlet = holdfast_add_inlet(m.pipeline, "pushed", 0, 1);
    REQUIRE(inlet != nullptr);
    CHECK(holdfast_push(inlet, nullptr, nullptr, nullptr) == HOLDFAST_INVALID);
    r.format = 9;
    CHECK(holdfast_push(inlet, &r, nullptr, nullptr) == HOLDFAST_INVALID);
    r = record_of(x);
    r.payload = nullptr;
    CHECK(holdfast_push(inlet, &r, nullptr, nullptr) == HOLDFAST_INVALID);
    r = record_of(empty);
    const auto count = [](void* user, int32_t is) { *static_cast<std::atomic<int>*>(user) += is; };
    CHECK(holdfast_push(inlet, &r, count, &told) == HOLDFAST_OK);
    CHECK(holdfast_push(inlet, &r, count, &told) == HOLDFAST_FULL);
    holdfast_inlet_close(inlet);
    CHECK(holdfast_push(inlet, &r, count, &told) == HOLDFAST_CLOSED);
    SECTION("a source whose status is none fails for good") {
        m.world.pull_end = 77;
        REQUIRE(holdfast_add_source(m.pipeline, "in", &m.source) == HOLDFAST_OK);
        REQUIRE(holdfast_add_sink(m.pipeline, "out", &m.sink) == HOLDFAST_OK);
        REQUIRE(holdfast_set_dead_letters(m.pipeline, &m.letters) == HOLDFAST_OK);
        const holdfast_report report = m.run();
        CHECK(report.complete == 0);
        CHECK(std::string(holdfast_halt_name(report.halt)) == "source_failed");
        CHECK(m.problem().find("the tape is torn") != std::string::npos);
    }
    SECTION("an outcome that is none is in doubt: written again until the attempts are used up") {
        m.world.outcome = 256;
        m.sink.attempts = 2;
        REQUIRE(holdfast_add_sink(m.pipeline, "out", &m.sink) == HOLDFAST_OK);
        REQUIRE(holdfast_set_dead_letters(m.pipeline, &m.letters) == HOLDFAST_OK);
        CHECK(m.run().complete == 1);
        REQUIRE(m.world.dead.size() == 1);
        CHECK(m.world.dead[0].find("its answer is no outcome: 256") != std::string::npos);
        CHECK(told == 1);
    }
    holdfast_inlet_free(inlet);
}

TEST_CASE("C library is stopped from another thread, and an inlet may outlive its pipeline") {
    Made m;
    holdfast_inlet* inlet = holdfast_add_inlet(m.pipeline, "pushed", 0, 0);
    REQUIRE(holdfast_add_sink(m.pipeline, "out", &m.sink) == HOLDFAST_OK);
    std::thread stops([&] { holdfast_stop(m.pipeline); });
    const holdfast_report report = m.run();
    stops.join();
    CHECK(std::string(holdfast_halt_name(report.halt)) == "drained");
    holdfast_free(m.pipeline);
    m.pipeline = nullptr;
    const std::string late = "late";
    const holdfast_record r = record_of(late);
    CHECK(holdfast_push(inlet, &r, nullptr, nullptr) == HOLDFAST_CLOSED);
    holdfast_inlet_free(inlet);
}
