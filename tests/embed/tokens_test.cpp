// Which tokens are committed when: by what they stand for, never by how many there happen to be.
#include <catch2/catch.hpp>

#include "outside.hpp"

using namespace outside;

namespace {

/// Takes what it is given until a record that it never takes.
struct Until : Keep {
    Until(Outside& out, std::string last) : Keep(out, 0), stuck(std::move(last)) {}
    Answer write(const Records& records) override {
        for (const Record& r : records)
            if (r.payload == stuck) return Answer::retriable("connection refused");
        return Keep::write(records);
    }
    std::string stuck;
};

codec::RawRule drops_noise() {
    codec::RawRule out{.when = codec::RawRule::When::present,
                       .path = codec::parse_path(".noise").value()};
    out.then = codec::RawVerdict::drop;
    return out;
}

/// Runs a source of this one batch, a record a pull, into a sink that is stuck at `stuck`.
std::vector<Token> committed_of(Batch batch, const std::string& stuck) {
    Outside out;
    Options options = quick();
    options.shutdown_timeout = milliseconds(50);
    std::vector<std::expected<Pulled, Failure>> steps;
    steps.emplace_back(Pulled::some(std::move(batch)));
    SourceConfig config;
    config.pull_records_max = 1;
    SinkConfig sink = soon();
    sink.write_records_max = 1;
    sink.on_transient = OnTransient::stop;
    Pipeline p(std::move(options));
    p.set_filter({drops_noise()});
    p.add_source("in", std::make_unique<Script>(out, std::move(steps)), config);
    p.add_sink("a", std::make_unique<Until>(out, stuck), sink);
    REQUIRE(p.run());
    return out.committed;
}

}  // namespace

TEST_CASE(
    "token of two records is not committed with the first, though a filter evens the counts") {
    Batch batch;
    for (const char* payload : {R"("A1")", R"("A2")", R"({"noise":1})"})
        batch.records.push_back(record(payload));
    batch.tokens = {1, 2};
    CHECK(committed_of(batch, R"("A2")").empty());
    batch.token_ends = {2, 3};
    CHECK(committed_of(batch, R"("A2")").empty());
}

TEST_CASE("tokens without ends wait for their whole batch, also where there is one a record") {
    Batch batch;
    for (const char* payload : {R"("A1")", R"("A2")"}) batch.records.push_back(record(payload));
    batch.tokens = {1, 2};  // The second one stands for something that made no record.
    CHECK(committed_of(batch, R"("A2")").empty());
    CHECK(committed_of(batch, "") == std::vector<Token>{1, 2});
}

TEST_CASE("token ends that fall, are too many or lie beyond the records are refused by name") {
    const std::vector<std::uint32_t> ends =
        GENERATE(std::vector<std::uint32_t>{2, 1}, std::vector<std::uint32_t>{1},
                 std::vector<std::uint32_t>{1, 3}, std::vector<std::uint32_t>{0, 1, 2});
    Outside out;
    Batch batch = numbered(0, 2);
    batch.token_ends = ends;
    std::vector<std::expected<Pulled, Failure>> steps;
    steps.emplace_back(Pulled::some(std::move(batch)));
    Pipeline p(quick());
    p.add_source("in", std::make_unique<Script>(out, std::move(steps)));
    p.add_sink("a", std::make_unique<Keep>(out, 0));
    const auto report = p.run();
    REQUIRE(report);
    CHECK(report->halt == HaltReason::source_failed);
    CHECK(report->problem.find("token_ends") != std::string::npos);
    CHECK(out.writes.empty());
}
