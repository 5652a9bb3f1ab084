// The conformance kit itself: it passes sinks that keep their promises, and catches, each by the
// right name, sinks that break one.
#include <catch2/catch.hpp>
#include <chrono>
#include <set>
#include <stdexcept>
#include <thread>

#include "sim/kit/sink_kit.hpp"

using namespace holdfast;
using embed::Answer;
using embed::Records;
using sim::Promise;
using sim::Weather;

namespace {

/// A destination in memory that can be as unkind as the kit asks.
struct Shelf {
    std::vector<std::string> held;
    std::size_t durable = 0;  ///< For sinks that need a sync: a crash keeps so many.
    std::set<std::int64_t> ids;
    Weather weather = Weather::fair;
    std::uint32_t detail = 0;

    /// How many of n records a call would take; whether it then says so.
    std::size_t takes(std::size_t n) const {
        if (weather == Weather::fails) return 0;
        return weather == Weather::breaks_off ? std::min<std::size_t>(detail, n) : n;
    }
    bool answers() const { return weather == Weather::fair || weather == Weather::slow; }
};

/// Keeps every promise, also that what is written again is there once.
class GoodSink : public embed::Sink {
public:
    explicit GoodSink(Shelf& shelf) : shelf_(shelf) {}
    Answer write(const Records& records) override {
        const std::size_t n = shelf_.takes(records.size());
        for (std::size_t i = 0; i < n; ++i) put(records[i]);
        if (shelf_.answers()) return Answer::delivered();
        if (shelf_.weather == Weather::fails) return Answer::retriable("connection refused");
        return Answer::ambiguous("the connection broke");
    }

protected:
    virtual void put(const embed::Record& record) {
        if (shelf_.ids.insert(record.id.position).second) shelf_.held.push_back(record.payload);
    }
    Shelf& shelf_;
};

template <class Mine>
sim::KitReport check(bool unique = false, bool lossy = false, std::uint64_t seeds = 60,
                     Duration call_limit = seconds(5)) {
    Shelf shelf;
    sim::SinkSubject subject;
    subject.open = [&] { return std::make_unique<Mine>(shelf); };
    subject.contents = [&] { return shelf.held; };
    subject.clear = [&] { shelf = {}; };
    subject.weather = [&](Weather weather, std::uint32_t detail) {
        shelf.weather = weather;
        shelf.detail = detail;
    };
    if (lossy) subject.crashed = [&] { shelf.held.resize(shelf.durable); };
    subject.unique = unique;
    sim::KitOptions options;
    options.seeds = seeds;
    options.call_limit = call_limit;
    return check_sink(subject, options);
}

void check_caught(const sim::KitReport& report, Promise promise) {
    INFO(report.text());
    REQUIRE_FALSE(report.kept());
    std::set<Promise> broken;
    for (const sim::Breach& b : report.breaches) broken.insert(b.promise);
    CHECK(broken.contains(promise));
    CHECK(report.text().find("BROKEN") != std::string::npos);
    CHECK_FALSE(report.breaches.front().story.empty());
}

/// May be there twice, but says truly what it knows: at least once.
struct PlainSink : GoodSink {
    using GoodSink::GoodSink;
    void put(const embed::Record& record) override { shelf_.held.push_back(record.payload); }
};

/// Delivered is durable after a sync.
struct SyncingSink : PlainSink {
    using PlainSink::PlainSink;
    bool needs_sync() const override { return true; }
    std::expected<void, embed::Failure> sync() override {
        if (shelf_.weather == Weather::fails) return std::unexpected(embed::Failure{"EIO", false});
        shelf_.durable = shelf_.held.size();
        return {};
    }
};

struct ForgetsSync : SyncingSink {
    using SyncingSink::SyncingSink;
    std::expected<void, embed::Failure> sync() override { return {}; }
};

struct Buffers : PlainSink {
    using PlainSink::PlainSink;
    std::vector<std::string> buffer;
    void put(const embed::Record& record) override {
        buffer.push_back(record.payload);
        if (buffer.size() < 3) return;
        for (std::string& payload : buffer) shelf_.held.push_back(std::move(payload));
        buffer.clear();
    }
};

struct CallsDoubtRetriable : PlainSink {
    using PlainSink::PlainSink;
    Answer write(const Records& records) override {
        Answer answer = PlainSink::write(records);
        if (answer.outcome == SinkOutcome::ambiguous) answer.outcome = SinkOutcome::retriable;
        return answer;
    }
};

struct Tears : PlainSink {
    using PlainSink::PlainSink;
    Answer write(const Records& records) override {
        if (shelf_.weather == Weather::breaks_off)
            shelf_.held.push_back(records[0].payload.substr(0, 9));
        return PlainSink::write(records);
    }
};

struct Reverses : PlainSink {
    using PlainSink::PlainSink;
    Answer write(const Records& records) override {
        for (std::size_t i = records.size(); i-- > 0;) put(records[i]);
        return Answer::delivered();
    }
};

struct RetriesInside : PlainSink {
    using PlainSink::PlainSink;
    Answer write(const Records& records) override {
        const Answer first = PlainSink::write(records);
        return first.outcome == SinkOutcome::ambiguous ? PlainSink::write(records) : first;
    }
};

struct NamesWrongRecord : PlainSink {
    using PlainSink::PlainSink;
    Answer write(const Records& records) override {
        return PlainSink::write(records).but(static_cast<std::uint32_t>(records.size()),
                                             SinkOutcome::refused);
    }
};

struct Throws : PlainSink {
    using PlainSink::PlainSink;
    Answer write(const Records& records) override {
        if (shelf_.weather == Weather::fails) throw std::runtime_error("connection refused");
        return PlainSink::write(records);
    }
};

struct Sleeps : PlainSink {
    using PlainSink::PlainSink;
    Answer write(const Records& records) override {
        if (shelf_.weather == Weather::slow)
            std::this_thread::sleep_for(std::chrono::milliseconds(200));
        return PlainSink::write(records);
    }
};

struct GivesUp : PlainSink {
    using PlainSink::PlainSink;
    bool broken = false;
    Answer write(const Records& records) override {
        broken = broken || !shelf_.answers();
        return broken ? Answer::retriable("still broken") : PlainSink::write(records);
    }
};

/// Keeps pointers into what it was lent, and writes one call later.
struct KeepsPointers : PlainSink {
    using PlainSink::PlainSink;
    std::vector<const std::string*> kept;
    bool needs_sync() const override { return true; }
    void put(const embed::Record& record) override { kept.push_back(&record.payload); }
    std::expected<void, embed::Failure> sync() override {
        for (const std::string* payload : kept) shelf_.held.push_back(*payload);
        kept.clear();
        return {};
    }
};

}  // namespace

TEST_CASE("sink kit passes a sink that keeps every promise, over the whole fault menu") {
    const sim::KitReport report = check<GoodSink>(true);
    INFO(report.text());
    CHECK(report.kept());
    CHECK(report.crashes > 20);
    CHECK(report.repeats > 100);
    CHECK(report.in_doubt > 100);
    CHECK(report.rough > 100);
}

TEST_CASE("sink kit passes a sink that delivers at least once and promises no more") {
    const sim::KitReport report = check<PlainSink>();
    INFO(report.text());
    CHECK(report.kept());
}

TEST_CASE("sink kit passes a sink that is durable only after a sync") {
    const sim::KitReport report = check<SyncingSink>(false, true);
    INFO(report.text());
    CHECK(report.kept());
}

TEST_CASE("sink kit catches a sink that repeats and promised not to") {
    check_caught(check<PlainSink>(true), Promise::again_is_not_twice);
}

TEST_CASE("sink kit catches a sink whose sync does nothing") {
    check_caught(check<ForgetsSync>(false, true), Promise::held_survives);
}

TEST_CASE("sink kit catches a sink that buffers what it says is delivered") {
    check_caught(check<Buffers>(), Promise::delivered_is_held);
}

TEST_CASE("sink kit catches a sink that calls an answer in doubt retriable") {
    check_caught(check<CallsDoubtRetriable>(), Promise::not_applied_is_not);
}

TEST_CASE("sink kit catches a sink that leaves torn records") {
    check_caught(check<Tears>(), Promise::bytes_as_given);
}

TEST_CASE("sink kit catches a sink that changes the order") {
    check_caught(check<Reverses>(), Promise::order_as_given);
}

TEST_CASE("sink kit catches a sink that tries again by itself and repeats") {
    check_caught(check<RetriesInside>(), Promise::one_write_once);
}

TEST_CASE("sink kit catches an answer about a record that is not in the write") {
    check_caught(check<NamesWrongRecord>(), Promise::answer_makes_sense);
}

TEST_CASE("sink kit catches a sink that throws") {
    check_caught(check<Throws>(), Promise::nothing_is_thrown);
}

TEST_CASE("sink kit catches a call that does not return in time") {
    check_caught(check<Sleeps>(false, false, 5, milliseconds(150)), Promise::returns_in_time);
}

TEST_CASE("sink kit catches a sink that never recovers") {
    check_caught(check<GivesUp>(false, false, 20), Promise::makes_progress);
}

TEST_CASE("sink kit catches a sink that keeps pointers into what it was lent") {
    check_caught(check<KeepsPointers>(), Promise::bytes_as_given);
}

TEST_CASE("sink kit repeats a seed exactly") {
    const std::string first = check<CallsDoubtRetriable>().text();
    CHECK(first == check<CallsDoubtRetriable>().text());
}
