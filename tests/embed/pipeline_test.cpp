// Embedded pipelines: what they deliver, commit and set aside.
#include <catch2/catch.hpp>

#include "outside.hpp"

using namespace outside;

TEST_CASE("embedded pipeline delivers every record to every sink in order, and commits all") {
    Outside out;
    Pipeline p(quick());
    p.add_source("in", std::make_unique<Script>(out, batches(100, 7)));
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    p.add_sink("b", std::make_unique<Keep>(out, 1));
    const auto report = p.run();
    REQUIRE(report);
    CHECK(report->complete());
    CHECK(report->halt == HaltReason::finished);
    CHECK(out.committed == up_to(700));
    std::vector<std::string> expected;
    for (int i = 0; i < 700; ++i) expected.push_back(std::to_string(i));
    CHECK(out.sunk[0] == expected);
    CHECK(out.sunk[1] == expected);
}

TEST_CASE("N records in and 2N out commit exactly N tokens") {
    Outside out;
    Pipeline p(quick());
    p.add_source("in", std::make_unique<Script>(out, batches(10, 5)));
    p.set_transform(transform([](Input in) -> std::expected<Output, Failure> {
        Output o;
        for (const Record& r : in.records) o.records.insert(o.records.end(), 2, r);
        return o;
    }));
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    REQUIRE(p.run()->complete());
    CHECK(out.sunk[0].size() == 100);
    CHECK(out.committed == up_to(50));
}

TEST_CASE("batch whose records were all filtered still commits, without a sink call") {
    Outside out;
    Pipeline p(quick());
    p.add_source("in", std::make_unique<Script>(out, batches(10, 5)));
    p.set_transform(transform([](Input) -> std::expected<Output, Failure> { return Output{}; }));
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    REQUIRE(p.run()->complete());
    CHECK(out.writes.empty());
    CHECK(out.committed == up_to(50));
}

TEST_CASE("batch of tokens alone commits in its turn, and an empty one is skipped") {
    Outside out;
    Batch tokens;
    tokens.tokens = {50};
    std::vector<std::expected<Pulled, Failure>> steps = batches(10, 5);
    steps.emplace_back(Pulled::some(Batch{}));
    steps.emplace_back(Pulled::some(tokens));
    steps.emplace_back(Pulled::some(numbered(51, 2)));
    Pipeline p(quick());
    p.add_source("in", std::make_unique<Script>(out, std::move(steps)));
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    REQUIRE(p.run()->complete());
    CHECK(out.sunk[0].size() == 52);
    CHECK(out.committed == up_to(53));
}

TEST_CASE("failed transform halts the pipeline and commits nothing of its batch") {
    Outside out;
    Pipeline p(quick());
    p.add_source("in", std::make_unique<Script>(out, batches(1, 5)));
    p.set_transform(transform([](Input) -> std::expected<Output, Failure> {
        return std::unexpected(Failure{"no such table", true});
    }));
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    const auto report = p.run();
    REQUIRE(report);
    CHECK(report->halt == HaltReason::transform_stopped);
    CHECK(report->problem == "transform: no such table");
    CHECK(out.committed.empty());
    CHECK(out.writes.empty());
}

TEST_CASE("transform's dead letters are stored before their batch commits") {
    Outside out;
    Pipeline p(quick());
    p.add_source("in", std::make_unique<Script>(out, batches(2, 3)));
    p.set_transform(transform([](Input in) -> std::expected<Output, Failure> {
        Output o;
        for (Record& r : in.records) {
            if (r.payload == "4")
                o.dead_letters.push_back(
                    {std::move(r), "parse error: it is a 4", "", Reason::parse_error, 0});
            else
                o.records.push_back(std::move(r));
        }
        return o;
    }));
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    p.set_dead_letters(std::make_unique<Letters>(out));
    REQUIRE(p.run()->complete());
    REQUIRE(out.dead.size() == 1);
    CHECK(out.dead[0].record.payload == "4");
    CHECK(out.dead[0].why == "parse error: it is a 4");
    CHECK(out.sunk[0] == std::vector<std::string>{"0", "1", "2", "3", "5"});
    CHECK(out.committed == up_to(6));
}

namespace {

/// Refuses one payload, by name or as a whole write.
struct Picky : Keep {
    Picky(Outside& out, bool says_which) : Keep(out, 0), names(says_which) {}
    Answer write(const Records& records) override {
        Answer answer = Answer::delivered();
        std::vector<const Record*> good;
        for (std::size_t i = 0; i < records.size(); ++i) {
            if (records[i].payload != "13") {
                good.push_back(&records[i]);
            } else if (names) {
                answer.exceptions.push_back({static_cast<std::uint32_t>(i), SinkOutcome::refused});
                answer.why = "unlucky";
            } else {
                return Answer::refused("unlucky");
            }
        }
        Keep::write(Records(good));
        return answer;
    }
    bool names;
};

}  // namespace

TEST_CASE("record that a sink refuses becomes a dead letter, the others arrive once") {
    const bool says_which = GENERATE(true, false);
    Outside out;
    Pipeline p(quick());
    p.add_source("in", std::make_unique<Script>(out, batches(5, 5)));
    p.add_sink("picky", std::make_unique<Picky>(out, says_which), soon());
    p.set_dead_letters(std::make_unique<Letters>(out));
    REQUIRE(p.run()->complete());
    REQUIRE(out.dead.size() == 1);
    CHECK(out.dead[0].record.payload == "13");
    CHECK(out.dead[0].sink == "picky");
    CHECK(out.dead[0].why == "unlucky");
    CHECK(out.dead[0].reason == Reason::refused);
    CHECK(out.sunk[0].size() == 24);
    CHECK(out.committed == up_to(25));
}

TEST_CASE("refused record without a dead-letter queue halts, and is never committed") {
    Outside out;
    Pipeline p(quick());
    p.add_source("in", std::make_unique<Script>(out, batches(5, 5)));
    p.add_sink("picky", std::make_unique<Picky>(out, true), soon());
    const auto report = p.run();
    REQUIRE(report);
    CHECK(report->halt == HaltReason::dead_letters_absent);
    CHECK(report->problem.find("unlucky") != std::string::npos);
    for (const Token token : out.committed) CHECK(token < 10);
}

TEST_CASE("transform routes each record to the sinks that it names") {
    Outside out;
    Pipeline p(quick());
    p.add_source("in", std::make_unique<Script>(out, batches(2, 6)));
    p.set_transform(transform([](Input in) -> std::expected<Output, Failure> {
        for (Record& r : in.records) r.sinks = std::stoul(r.payload) % 4;  // 0: nowhere.
        return Output{std::move(in.records), {}};
    }));
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    p.add_sink("b", std::make_unique<Keep>(out, 1));
    REQUIRE(p.run()->complete());
    CHECK(out.sunk[0] == std::vector<std::string>{"1", "3", "5", "7", "9", "11"});
    CHECK(out.sunk[1] == std::vector<std::string>{"2", "3", "6", "7", "10", "11"});
    CHECK(out.committed == up_to(12));
}

namespace {

Pulled five_of_ten_bytes() {
    Batch batch;
    for (int i = 0; i < 5; ++i) batch.records.push_back(record("ten bytes" + std::to_string(i)));
    batch.tokens = {7};
    return Pulled::some(std::move(batch));
}

/// Runs one batch in streaming mode; the sizes of the slices that the transformer was given.
std::vector<std::size_t> slices_of(Outside& out, std::uint32_t target, int fail_at = -1) {
    std::vector<std::size_t> slices;
    Options options = quick();
    options.engine.mode = RunMode::streaming;
    options.engine.slice_bytes = target;
    Pipeline p(std::move(options));
    p.add_source("in", std::make_unique<Script>(
                           out, std::vector<std::expected<Pulled, Failure>>{five_of_ten_bytes()}));
    p.set_transform(transform([&](Input in) -> std::expected<Output, Failure> {
        slices.push_back(in.records.size());
        CHECK(in.tokens.size() == 1);
        if (static_cast<int>(slices.size()) == fail_at + 1)
            return std::unexpected(Failure{"stop here", true});
        return Output{std::move(in.records), {}};
    }));
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    CHECK(p.run()->complete() == (fail_at < 0));
    return slices;
}

}  // namespace

TEST_CASE("streaming gives the transformer slices by bytes, at least one record each") {
    const auto [target, expected] = GENERATE(table<std::uint32_t, std::vector<std::size_t>>(
        {{25, {2, 2, 1}}, {0, {1, 1, 1, 1, 1}}, {10, {1, 1, 1, 1, 1}}, {1000, {5}}}));
    Outside out;
    CHECK(slices_of(out, target) == expected);
    CHECK(out.sunk[0].size() == 5);
    CHECK(out.committed == std::vector<Token>{7});
}

TEST_CASE("error in the middle of a streamed batch commits nothing of it") {
    Outside out;
    CHECK(slices_of(out, 25, 1) == std::vector<std::size_t>{2, 2});
    CHECK(out.committed.empty());
}

TEST_CASE("sink_managed: the sink commits with what it writes, and the engine commits nothing") {
    struct Transaction : Keep {
        explicit Transaction(Outside& o) : Keep(o, 0) {}
        Answer write(const Records& records) override {
            Answer answer = Keep::write(records);
            const std::lock_guard lock(outside.mutex);
            for (const Record& r : records) outside.committed.push_back(std::stoul(r.payload));
            return answer;
        }
    };
    struct Uncommitted : Script {
        using Script::Script;
        std::expected<void, Failure> commit(std::uint32_t, std::span<const Token>) override {
            FAIL("the engine commits");
            return {};
        }
    };
    const auto run = [](Outside& out, RunMode mode, bool governs) {
        Options options = quick();
        options.engine.mode = mode;
        options.engine.governor = governor_of(GovernorProfile::balanced);
        options.engine.governor.on = governs;
        SourceConfig config;
        config.commit = CommitMode::sink;
        Pipeline p(std::move(options));
        p.add_source("in", std::make_unique<Uncommitted>(out, batches(10, 5)), config);
        p.add_sink("a", std::make_unique<Transaction>(out));
        return p.run();
    };
    for (const RunMode mode : {RunMode::whole, RunMode::parsed, RunMode::governed}) {
        Outside out;
        const auto report = run(out, mode, false);
        REQUIRE(report);
        CHECK(report->complete());
        CHECK(out.committed == up_to(50));
    }
    for (const bool governs : {false, true}) {
        Outside out;
        const auto report = run(out, governs ? RunMode::governed : RunMode::streaming, governs);
        REQUIRE_FALSE(report);
        CHECK(report.error().what.find("commit") != std::string::npos);
        CHECK(out.writes.empty());
    }
}
