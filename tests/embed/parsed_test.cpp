// Run mode parsed, and jq programs as transformers.
#include <catch2/catch.hpp>

#include "io/embed_jq/jq_transform.hpp"
#include "outside.hpp"

using namespace outside;

namespace {

std::vector<std::expected<Pulled, Failure>> one_batch(const std::vector<std::string>& payloads) {
    Batch batch;
    for (std::uint64_t i = 0; i < payloads.size(); ++i) {
        batch.records.push_back(record(payloads[i]));
        batch.tokens.push_back(i);
    }
    return {Pulled::some(std::move(batch))};
}

Options parsed(codec::OnParseError policy = codec::OnParseError::dead_letter) {
    Options options = quick();
    options.engine.mode = RunMode::parsed;
    options.on_parse_error = policy;
    options.known_fields = {"level", "n"};
    return options;
}

const std::vector<std::string> mixed = {R"({"n":1,"level":"a"})", R"({"n":)",
                                        R"({"level":"b","n":2})", "nonsense",
                                        R"({"n":3,"x":{"n":4}})"};

/// Says what the values of a batch are.
std::expected<Output, Failure> describe(Input in) {
    Output out;
    CHECK(in.values.size() == in.records.size());
    REQUIRE(in.parsed != nullptr);
    const codec::NameId n = in.parsed->names().find("n");
    CHECK(n == codec::NameId{1});
    for (std::size_t i = 0; i < in.values.size(); ++i) {
        const codec::Value value = in.values[i];
        const auto raw = value.raw();
        CHECK(std::string(reinterpret_cast<const char*>(raw.data()), raw.size()) ==
              in.records[i].payload);
        out.records.push_back(record(std::to_string(in.parsed->member(value, n).int64())));
    }
    return out;
}

}  // namespace

TEST_CASE(
    "parsed mode gives the transformer a value for each record, one to one, names as numbers") {
    Outside out;
    Pipeline p(parsed());
    p.add_source("in", std::make_unique<Script>(out, one_batch(mixed)));
    p.set_transform(transform(describe));
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    p.set_dead_letters(std::make_unique<Letters>(out));
    const auto report = p.run();
    REQUIRE(report->complete());
    CHECK(out.sunk[0] == std::vector<std::string>{"1", "2", "3"});
    CHECK(report->parse_errors == 2);
    REQUIRE(out.dead.size() == 2);
    CHECK(out.dead[0].record.payload == mixed[1]);
    CHECK(out.dead[0].why == "parse error: unexpected end at byte 5");
    CHECK(out.dead[0].reason == Reason::parse_error);
    CHECK(out.dead[1].record.payload == "nonsense");
    CHECK(out.committed == up_to(5));
}

TEST_CASE("parsed mode drops and counts what cannot be parsed, if on_parse_error is drop") {
    Outside out;
    Pipeline p(parsed(codec::OnParseError::drop));
    p.add_source("in", std::make_unique<Script>(out, one_batch(mixed)));
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    const auto report = p.run();
    REQUIRE(report->complete());
    CHECK(out.sunk[0] == std::vector<std::string>{mixed[0], mixed[2], mixed[4]});
    CHECK(report->parse_errors == 2);
    CHECK(out.committed == up_to(5));
}

TEST_CASE("parsed mode fails the batch before its transform, if on_parse_error is stop") {
    Outside out;
    Pipeline p(parsed(codec::OnParseError::stop));
    p.add_source("in", std::make_unique<Script>(out, one_batch(mixed)));
    bool called = false;
    p.set_transform(transform([&](Input in) -> std::expected<Output, Failure> {
        called = true;
        return Output{std::move(in.records), {}};
    }));
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    const auto report = p.run();
    CHECK(report->halt == HaltReason::transform_stopped);
    CHECK(report->problem ==
          "transform: parse error: unexpected end at byte 5 in the record at position 1");
    CHECK_FALSE(called);
    CHECK(out.sunk[0].empty());
    CHECK(out.committed.empty());
}

TEST_CASE("parsed mode reads both formats side by side, and other modes parse nothing") {
    Batch batch;
    batch.records.push_back(record("{\"n\":1}"));
    batch.records.push_back(record("\x81\xa1n\x02"));
    batch.records[1].format = Format::msgpack;
    const RunMode mode = GENERATE(RunMode::parsed, RunMode::whole);
    Outside out;
    Options options = parsed();
    options.engine.mode = mode;
    Pipeline p(std::move(options));
    std::vector<std::expected<Pulled, Failure>> steps{Pulled::some(batch)};
    p.add_source("in", std::make_unique<Script>(out, std::move(steps)));
    p.set_transform(transform([&](Input in) -> std::expected<Output, Failure> {
        if (mode == RunMode::parsed) {
            CHECK(in.values[1].member("n").int64() == 2);
        } else {
            CHECK(in.values.empty());
            CHECK(in.parsed == nullptr);
        }
        CHECK(in.source == "in");
        return Output{std::move(in.records), {}};
    }));
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    REQUIRE(p.run()->complete());
    CHECK(out.sunk[0].size() == 2);
}

TEST_CASE("jq program is a transformer: it keeps, changes, multiplies, drops and sets aside") {
    Outside out;
    Pipeline p(quick());
    Batch batch;
    for (const char* payload : {R"({"level":"info","n":1.0})", R"({"level":"debug"})", "nonsense",
                                R"({"two":[1,2]})", R"({"level":5,"add":1})"})
        batch.records.push_back(record(payload));
    batch.records.push_back(record("\x81\xa1n\x02"));
    batch.records.back().format = Format::msgpack;
    batch.tokens = {0};
    std::vector<std::expected<Pulled, Failure>> steps{Pulled::some(batch)};
    p.add_source("in", std::make_unique<Script>(out, std::move(steps)));
    auto program = jq_transform(
        "select(.level != \"debug\") | if .two then .two[] elif .add then .level + \"x\" "
        "elif .level then . else .id = $meta.id end");
    REQUIRE(program);
    p.set_transform(std::move(*program));
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    p.set_dead_letters(std::make_unique<Letters>(out));
    REQUIRE(p.run()->complete());
    CHECK(out.sunk[0] == std::vector<std::string>{R"({"level":"info","n":1.0})", "1", "2",
                                                  R"({"n":2,"id":"in:0:5"})"});
    REQUIRE(out.dead.size() == 2);
    CHECK(out.dead[0].why.starts_with("parse error: "));
    CHECK(out.dead[0].reason == Reason::parse_error);
    CHECK(out.dead[1].why == "program error: number (5) and string (\"x\") cannot be added");
    CHECK(out.dead[1].record.payload == R"({"level":5,"add":1})");
    CHECK(out.committed == up_to(1));
}

TEST_CASE("jq program that is none is a failure, and one that fails can stop the pipeline") {
    CHECK(jq_transform(".a =").error().what.find("syntax error") != std::string::npos);
    Outside out;
    Pipeline p(quick());
    p.add_source("in", std::make_unique<Script>(out, one_batch(mixed)));
    p.set_transform(std::move(*jq_filter(".n", OnFailure::stop)));
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    const auto report = p.run();
    CHECK(report->halt == HaltReason::transform_stopped);
    CHECK(report->problem.starts_with("transform: parse error: "));
    CHECK(out.committed.empty());
}

TEST_CASE("a jq transformer has the bounds that it was given") {
    Outside out;
    Pipeline p(quick());
    p.add_source("in",
                 std::make_unique<Script>(out, one_batch({R"({"n":3})", R"({"n":1000000})"})));
    ProgramSettings settings;
    settings.bounds.text = 4096;
    p.set_transform(std::move(*jq_transform("\"x\" * .n", OnFailure::dead_letter, settings)));
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    p.set_dead_letters(std::make_unique<Letters>(out));
    REQUIRE(p.run()->complete());
    CHECK(out.sunk[0] == std::vector<std::string>{"\"xxx\""});
    REQUIRE(out.dead.size() == 1);
    CHECK(out.dead[0].why ==
          "program error: program_string: the program makes a text of more than 4KiB");
}
