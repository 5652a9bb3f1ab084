#include "io/devices/dead_letter_file.hpp"

#include <catch2/catch.hpp>
#include <memory>

#include "io/sink_words.hpp"
#include "sink_bench.hpp"

namespace holdfast::io {
namespace {

using test::contents;
using test::put_contents;

struct Names : RecordNames {
    std::string_view source(SourceId) const override { return "in"; }
    std::string_view partition(SourceId, PartitionId) const override { return "logs/a"; }
    std::string_view sink(SinkId) const override { return "a"; }
};

struct Bench : test::SinkBench {
    Names names;
    std::string path = dir / "dead/letters.jsonl";
    std::unique_ptr<DeadLetterFile> file;
    std::uint32_t attempt = 0;

    ~Bench() { close(); }
    void close() {
        if (!file) return;
        ring.abandon();
        file.reset();
    }
    void start() {
        close();
        file = std::make_unique<DeadLetterFile>(ring, names, payloads, events, log, path);
        file->start();
        ring.settle();
    }
    StoreOutcome store(Part part) {
        part.sink = SinkId{0};
        part.reason = Reason::refused;
        part.attempts = 3;
        file->write({{0, 1}, ++attempt, {}, part.end - part.begin}, {&part, 1});
        const auto answer = next<DeadLettersStored>();
        CHECK(answer.attempt == attempt);
        return answer.outcome;
    }
    static std::string line(const std::string& payload, std::int64_t position,
                            const std::string& encoding = "utf8") {
        return "{\"time\":\"2026-01-31T23:59:59.123456789Z\",\"source\":\"in\",\"partition\":"
               "\"logs/"
               "a\",\"position\":" +
               std::to_string(position) +
               ",\"sink\":\"a\",\"reason\":\"refused\",\"attempts\":3,\"encoding\":\"" + encoding +
               "\",\"payload\":\"" + payload + "\"}\n";
    }
};

TEST_CASE("dead letter file stores one line a record with where it began, and syncs it") {
    Bench b;
    b.start();
    const int before = b.ring.count[OpKind::sync];
    Part part = b.batch("zero\none\r\n\nthr\xff\nfour");
    part.begin = 1;
    CHECK(b.store(part) == StoreOutcome::ok);
    CHECK(b.ring.count[OpKind::sync] == before + 1);
    CHECK(contents(b.path) == b.line("one\\r", 1005) + b.line("", 1010) +
                                  b.line("dGhy/w==", 1011, "base64") + b.line("four", 1016));
    b.payloads.release(part.batch);
    CHECK(b.pool.used() == 0);
}

TEST_CASE("dead letter file stores large records in pieces, exactly") {
    Bench b;
    b.ring.write_max = 100'000;
    b.start();
    std::string text(60'001, 'x');
    text[1] = '\x01';
    CHECK(b.store(b.batch(text)) == StoreOutcome::ok);
    CHECK(contents(b.path) == b.line("x\\u0001" + std::string(59'999, 'x'), 1000));
    std::string binary(60'001, '\0');
    binary.back() = '\xff';
    CHECK(b.store(b.batch(binary)) == StoreOutcome::ok);
    const std::string stored = contents(b.path);
    CHECK(stored.find(std::string(80'000, 'A') + "/w==") != std::string::npos);
}

TEST_CASE("dead letter file cuts a torn last line of its own and keeps whole ones") {
    Bench b;
    const std::string whole = b.line("one", 1);
    for (const std::size_t torn : {std::size_t{1}, std::size_t{5}, whole.size() - 1}) {
        std::filesystem::create_directories(b.dir.path / "dead");
        put_contents(b.path, whole + whole.substr(0, torn));
        b.start();
        CHECK(contents(b.path) == whole);
    }
}

TEST_CASE("dead letter file ends somebody else's last line and keeps it") {
    Bench b;
    std::filesystem::create_directories(b.dir.path / "dead");
    put_contents(b.path, "notes");
    b.start();
    CHECK(b.store(b.batch("one\n")) == StoreOutcome::ok);
    CHECK(contents(b.path) == "notes\n" + b.line("one", 1000));
}

TEST_CASE("dead letter file leaves nothing of a write that failed") {
    Bench b;
    b.start();
    CHECK(b.store(b.batch("one\n")) == StoreOutcome::ok);
    const OpKind kind = GENERATE(OpKind::write, OpKind::sync);
    const bool can_cut = GENERATE(true, false);
    int count = 0;
    b.ring.write_max = 10;
    b.ring.fault = [&](const Op& op) -> std::optional<std::int64_t> {
        if (op.kind == OpKind::truncate && !can_cut) return -EIO;
        if (op.kind == kind && (kind != OpKind::write || count++ == 2)) return -EIO;
        return std::nullopt;
    };
    CHECK(b.store(b.batch("a longer record\n")) == StoreOutcome::retriable);
    b.ring.fault = nullptr;
    CHECK(b.store(b.batch("two\n")) == StoreOutcome::ok);
    CHECK(contents(b.path) == b.line("one", 1000) + b.line("two", 1000));
}

TEST_CASE("dead letter file cuts no torn line of another program that looks alike") {
    Bench b;
    std::filesystem::create_directories(b.dir.path / "dead");
    const std::string theirs = "{\"time\":\"2026-01-31 23:59:59\",\"mess";
    put_contents(b.path, theirs);
    b.start();
    CHECK(b.store(b.batch("one\n")) == StoreOutcome::ok);
    CHECK(contents(b.path) == theirs + "\n" + b.line("one", 1000));
}

TEST_CASE("dead letter file keeps what others append while it is open") {
    Bench b;
    b.start();
    CHECK(b.store(b.batch("one\n")) == StoreOutcome::ok);
    const bool after_failure = GENERATE(false, true);
    if (after_failure) {
        b.ring.fault = [&](const Op& op) -> std::optional<std::int64_t> {
            if (op.kind == OpKind::truncate || op.kind == OpKind::sync) return -EIO;
            return std::nullopt;
        };
        CHECK(b.store(b.batch("x\n")) == StoreOutcome::retriable);
        b.ring.fault = nullptr;
    }
    std::ofstream(b.path, std::ios::app) << "theirs";
    CHECK(b.store(b.batch("two\n")) == StoreOutcome::ok);
    const std::string left = after_failure ? b.line("x", 1000) : "";
    CHECK(contents(b.path) == b.line("one", 1000) + left + "theirs\n" + b.line("two", 1000));
    CHECK(b.has_logged("somebody else writes"));
}

TEST_CASE("dead letter has the words that its sink said of this record, and no others") {
    Bench b;
    SinkWords words;
    const Part first = b.batch("a\nb\nc\n");
    const Part second = b.batch("d\n");
    Part middle = first;
    middle.begin = 1;
    middle.end = 2;
    words.say(SinkId{0}, {&first, 1}, "no room");
    words.say(SinkId{0}, {&middle, 1}, "refused");
    words.say(SinkId{1}, {&second, 1}, "of another sink");
    CHECK(words.of(SinkId{0}, first.batch, 0) == "no room");
    CHECK(words.of(SinkId{0}, first.batch, 1) == "refused");
    CHECK(words.of(SinkId{0}, first.batch, 3).empty());
    CHECK(words.of(SinkId{0}, second.batch, 0).empty());
    CHECK(words.of(SinkId{1}, {second.batch.index, 7}, 0).empty());
}

TEST_CASE("dead letter file begins anew where its file was moved away") {
    Bench b;
    b.start();
    CHECK(b.store(b.batch("one\n")) == StoreOutcome::ok);
    if (GENERATE(false, true)) {
        std::filesystem::rename(b.path, b.path + ".1");
    } else {
        std::filesystem::remove_all(b.dir.path / "dead");
    }
    CHECK(b.store(b.batch("two\n")) == StoreOutcome::ok);
    CHECK(contents(b.path) == b.line("two", 1000));
}

TEST_CASE("dead letter file that can't be opened answers retriable and heals") {
    Bench b;
    b.ring.fault = [](const Op& op) -> std::optional<std::int64_t> {
        return op.kind == OpKind::open ? std::optional<std::int64_t>(-ENOSPC) : std::nullopt;
    };
    b.start();
    CHECK(b.store(b.batch("one\n")) == StoreOutcome::retriable);
    CHECK(b.lines.size() == 1);
    b.ring.fault = nullptr;
    CHECK(b.store(b.batch("one\n")) == StoreOutcome::ok);
    CHECK(b.has_logged("stored again"));
}

}  // namespace
}  // namespace holdfast::io
