// What comes in and goes no further: filters on raw bytes, records that the source rejects, and the
// one way of all that is set aside before the sinks.
#include <algorithm>
#include <catch2/catch.hpp>

#include "outside.hpp"

using namespace outside;

namespace {

codec::RawRule rule(codec::RawRule::When when, const char* path, const char* literal = nullptr) {
    codec::RawRule out{.when = when, .path = codec::parse_path(path).value()};
    if (literal) out.literal = codec::Literal::parse(literal).value();
    return out;
}

std::vector<codec::RawRule> rules() {
    using When = codec::RawRule::When;
    return {rule(When::equal, ".level", "\"bad\""), rule(When::missing, ".id"),
            rule(When::present, ".debug")};
}

Pulled records_of(const std::vector<std::string>& payloads) {
    Batch batch;
    for (std::uint64_t i = 0; i < payloads.size(); ++i) {
        batch.records.push_back(record(payloads[i]));
        batch.tokens.push_back(i);
    }
    return Pulled::some(std::move(batch));
}

const std::vector<std::string> mixed = {R"({"id":1})",
                                        R"({"level":"bad"})",
                                        R"({"level":"good"})",
                                        R"({"id":2,"debug":true})",
                                        R"({"id":3,"debug":null})",
                                        R"({"id":)"};

/// A batch of `records` records and two that its source rejects; a token for each of them.
Pulled with_rejected(std::uint64_t records) {
    Batch batch = numbered(0, records);
    for (const char* payload : {"torn", "foreign"})
        batch.dead_letters.push_back(
            {record(payload), std::string(payload) + " input", "", Reason::rejected, 0});
    for (const Token token : {records, records + 1}) {
        batch.tokens.push_back(token);
        batch.token_ends.push_back(static_cast<std::uint32_t>(records));
    }
    return Pulled::some(std::move(batch));
}

Pipeline of(Outside& out, Options options, Pulled pulled) {
    Pipeline p(std::move(options));
    std::vector<std::expected<Pulled, Failure>> steps;
    steps.emplace_back(std::move(pulled));
    p.add_source("in", std::make_unique<Script>(out, std::move(steps)));
    return p;
}

/// Fails at first, and looks whether a sink was given anything meanwhile.
struct LateLetters : Letters {
    explicit LateLetters(Outside& out) : Letters(out) {}
    std::expected<void, Failure> store(std::span<const DeadLetter> letters) override {
        {
            const std::lock_guard lock(outside.mutex);
            CHECK(outside.writes.empty());
            CHECK(outside.committed.empty());
        }
        if (++calls < 3) return std::unexpected(Failure{"disk full", false});
        return Letters::store(letters);
    }
    int calls = 0;
};

}  // namespace

TEST_CASE("filter drops and rejects by raw bytes before any parse, and the first rule decides") {
    Outside out;
    Options options = quick();
    options.engine.mode = RunMode::parsed;  // Whatever came so far would be parsed.
    Pipeline p = of(out, std::move(options), records_of(mixed));
    p.set_filter(rules());
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    p.set_dead_letters(std::make_unique<Letters>(out));
    const auto report = p.run();
    REQUIRE(report->complete());
    CHECK(out.sunk[0] == std::vector<std::string>{mixed[0], mixed[4]});
    CHECK(report->dropped == 1);   // No id, and not bad.
    CHECK(report->rejected == 2);  // Bad before its missing id; and the one with debug.
    CHECK(report->parse_errors == 1);
    REQUIRE(out.dead.size() == 3);
    CHECK(out.dead[0].record.payload == mixed[1]);
    CHECK(out.dead[0].why == ".level is \"bad\"");
    CHECK(out.dead[0].reason == Reason::rejected);
    CHECK(out.dead[1].why == ".debug is there");
    CHECK(out.dead[2].why.starts_with("parse error: "));
    CHECK(out.committed == up_to(6));
}

TEST_CASE(
    "what is rejected goes to the dead letters, to sinks, or nowhere and counted, by on_reject") {
    for (const OnReject policy : {OnReject::dead_letter, OnReject::route, OnReject::drop}) {
        for (const RunMode mode : {RunMode::whole, RunMode::streaming}) {
            Outside out;
            Options options = quick();
            options.engine.mode = mode;
            options.engine.slice_bytes = 0;
            options.on_reject = policy;
            options.rejected_to = 2;
            Pipeline p = of(out, std::move(options), with_rejected(3));
            p.set_transform(transform([](Input in) -> std::expected<Output, Failure> {
                for (Record& r : in.records) {
                    CHECK(r.payload.size() == 1);  // The rejected ones don't come here.
                    r.sinks = 1;
                }
                return Output{std::move(in.records), {}};
            }));
            p.add_sink("good", std::make_unique<Keep>(out, 0));
            p.add_sink("other", std::make_unique<Keep>(out, 1));
            p.set_dead_letters(std::make_unique<Letters>(out));
            const auto report = p.run();
            REQUIRE(report->complete());
            CHECK(report->rejected == 2);
            CHECK(out.sunk[0] == std::vector<std::string>{"0", "1", "2"});
            const std::vector<std::string> both{"torn", "foreign"};
            CHECK(out.sunk[1] == (policy == OnReject::route ? both : std::vector<std::string>{}));
            CHECK(out.dead.size() == (policy == OnReject::dead_letter ? 2 : 0));
            CHECK(out.committed == up_to(5));
        }
    }
}

TEST_CASE(
    "rejected records without a dead-letter queue are an error, before any sink has their batch") {
    Outside out;
    Pipeline p = of(out, quick(), with_rejected(3));
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    const auto report = p.run();
    REQUIRE(report);
    CHECK(report->halt == HaltReason::dead_letters_absent);
    CHECK(out.writes.empty());
    CHECK(out.committed.empty());
}

TEST_CASE(
    "records rejected on the way in and by the transform go one way, a barrier before the sinks") {
    Outside out;
    Pipeline p = of(out, quick(), with_rejected(3));
    p.set_transform(transform([](Input in) -> std::expected<Output, Failure> {
        Output o;
        o.dead_letters.push_back({std::move(in.records[0]), "odd", "", Reason::parse_error, 0});
        o.records = {in.records[1], in.records[2]};
        return o;
    }));
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    p.set_dead_letters(std::make_unique<LateLetters>(out));
    REQUIRE(p.run()->complete());
    std::vector<std::string> why;
    for (const DeadLetter& letter : out.dead) why.push_back(letter.why);
    CHECK(why == std::vector<std::string>{"torn input", "foreign input", "odd"});
    CHECK(out.sunk[0] == std::vector<std::string>{"1", "2"});
    CHECK(out.committed == up_to(5));
}

TEST_CASE("batch of rejected records alone commits its tokens once they are stored") {
    const RunMode mode = GENERATE(RunMode::whole, RunMode::streaming, RunMode::parsed);
    Outside out;
    Options options = quick();
    options.engine.mode = mode;
    options.engine.slice_bytes = 0;
    Pipeline p = of(out, std::move(options), with_rejected(0));
    bool was_called = false;
    p.set_transform(transform([&](Input) -> std::expected<Output, Failure> {
        was_called = true;
        return Output{};
    }));
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    p.set_dead_letters(std::make_unique<Letters>(out));
    REQUIRE(p.run()->complete());
    CHECK_FALSE(was_called);
    CHECK(out.dead.size() == 2);
    CHECK(out.writes.empty());
    CHECK(out.committed == up_to(2));
}

TEST_CASE("a route for rejected records to no sink, and a rule without a value, are refused") {
    Outside out;
    Options options = quick();
    options.on_reject = OnReject::route;
    options.rejected_to = 2;
    Pipeline p = of(out, std::move(options), with_rejected(1));
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    const auto report = p.run();
    REQUIRE_FALSE(report);
    CHECK(report.error().what == "on_reject is route, and rejected_to names no sink");
    Pipeline q = of(out, quick(), with_rejected(1));
    q.add_sink("a", std::make_unique<Keep>(out, 0));
    q.set_filter({rule(codec::RawRule::When::equal, ".a")});
    CHECK_FALSE(q.run());
}

TEST_CASE("record is parsed when a transform asks for its value, and once") {
    const bool asks = GENERATE(true, false);
    Outside out;
    std::size_t parsed = 99;
    Pipeline p = of(out, quick(), records_of(mixed));
    p.set_transform(transform([&](Input in) -> std::expected<Output, Failure> {
        CHECK(in.values.empty());
        for (int i = 0; asks && i < 3; ++i) {
            const auto value = in.value(4);
            REQUIRE(value);
            CHECK(value->at(codec::parse_path(".id").value()).int64() == 3);
            CHECK_FALSE(in.value(5));  // An error is kept as well.
        }
        parsed = in.on_demand.parsed();
        return Output{std::move(in.records), {}};
    }));
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    REQUIRE(p.run()->complete());
    CHECK(parsed == (asks ? 2 : 0));
    CHECK(out.sunk[0] == mixed);  // Not parsed, not refused.
}
