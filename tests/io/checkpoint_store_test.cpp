#include "io/devices/checkpoint_store.hpp"

#include <sys/stat.h>
#include <unistd.h>
#include <catch2/catch.hpp>
#include <memory>

#include "sink_bench.hpp"

namespace holdfast::io {
namespace {

using test::contents;
using test::put_contents;
using Load = CheckpointLoad::State;

struct Bench {
    test::TestDir dir;
    test::PlainRing ring;
    Events events;
    std::vector<std::string> lines;
    CheckpointStore::Config config{dir.path.string(), "demo", {"in", "more"}, {"a", "b"}};
    std::unique_ptr<CheckpointStore> store;
    std::uint64_t sequence = 0;

    Bench() { reopen(); }
    ~Bench() { close(); }
    void close() {
        ring.abandon();
        store.reset();
    }
    void reopen() {
        if (store) close();
        Log log = [this](Level, const std::string& line) { lines.push_back(line); };
        store = std::make_unique<CheckpointStore>(ring, events, log, config);
    }
    CheckpointLoad load() {
        reopen();
        return ring.complete(store->load());
    }
    StoreOutcome write() {
        store->write({++sequence});
        ring.settle();
        const auto answer = std::get<CheckpointWritten>(events.pop());
        CHECK(answer.sequence == sequence);
        return answer.outcome;
    }
    StoreOutcome sync() {
        store->sync({sequence});
        ring.settle();
        const auto answer = std::get<CheckpointSynced>(events.pop());
        CHECK(answer.sequence == sequence);
        return answer.outcome;
    }
    void commit(std::int64_t position) {
        store->stage(StagePosition{PartitionId{0}, Epoch{1}, Position{position}});
        REQUIRE(write() == StoreOutcome::ok);
        REQUIRE(sync() == StoreOutcome::ok);
    }
    void bind() { store->bind(SourceId{0}, PartitionId{0}, Epoch{1}, "k"); }
    std::string slot(char which) const { return dir / (std::string("checkpoint.") + which); }
    std::int64_t loaded_position() {
        const auto loaded = load();
        REQUIRE(loaded.state == Load::found);
        return loaded.checkpoint.partitions.at(0).position;
    }
    void fail(OpKind kind, int error, const std::string& path = "") {
        ring.fault = [=](const Op& op) -> std::optional<std::int64_t> {
            const bool is_it = op.kind == kind && (path.empty() || path == op.path);
            return is_it ? std::optional<std::int64_t>(-error) : std::nullopt;
        };
    }
};

void flip(const std::string& path) {
    std::string text = contents(path);
    text[text.size() / 2] ^= 1;
    put_contents(path, text);
}

TEST_CASE("checkpoint store starts fresh where nothing was ever written") {
    Bench b;
    CHECK(b.load().state == Load::fresh);
    CHECK(std::filesystem::is_empty(b.dir.path));
}

TEST_CASE("checkpoint store gives back what was staged, and carries on what is not bound") {
    Bench b;
    b.load();
    b.bind();
    b.store->bind(SourceId{1}, PartitionId{3}, Epoch{4}, "other");
    b.store->bind(SourceId{1}, PartitionId{4}, Epoch{1}, "never staged");
    b.store->stage(StagePosition{PartitionId{0}, Epoch{1}, Position{10}});
    b.store->stage(StageLead{PartitionId{0}, Epoch{1}, SinkId{1}, Position{30}});
    b.store->stage(StageLead{PartitionId{0}, Epoch{1}, SinkId{0}, Position{10}});
    b.store->stage(StagePosition{PartitionId{3}, Epoch{4}, Position{5}});
    b.store->stage(StagePosition{PartitionId{3}, Epoch{3}, Position{999}});
    b.store->stage(StageSink{SinkId{1}, 77});
    CHECK(b.write() == StoreOutcome::ok);
    CHECK(b.sync() == StoreOutcome::ok);
    const std::vector<CheckpointPartition> partitions{{"in", "k", 10, {{"b", 30}}},
                                                      {"more", "other", 5, {}}};
    for (int start = 0; start < 3; ++start) {
        const auto loaded = b.load();
        REQUIRE(loaded.state == Load::found);
        CHECK(loaded.checkpoint.partitions == partitions);
        CHECK(loaded.checkpoint.sinks == std::vector<CheckpointSink>{{"b", 77}});
        CHECK(b.ring.complete(b.store->save()) == StoreOutcome::ok);
    }
}

TEST_CASE("checkpoint store drops leads below the watermark and partitions that are unbound") {
    Bench b;
    b.load();
    b.bind();
    b.store->stage(StageLead{PartitionId{0}, Epoch{1}, SinkId{1}, Position{30}});
    b.store->stage(StageLead{PartitionId{0}, Epoch{1}, SinkId{1}, Position{40}});
    CHECK(b.store->staged().partitions.at(0).leads == std::vector<CheckpointLead>{{"b", 40}});
    b.store->stage(StagePosition{PartitionId{0}, Epoch{1}, Position{40}});
    CHECK(b.store->staged().partitions.at(0).leads.empty());
    b.store->unbind(PartitionId{0}, Epoch{2});
    CHECK(b.store->staged().partitions.size() == 1);
    b.store->unbind(PartitionId{0}, Epoch{1});
    CHECK(b.store->staged().partitions.empty());
    b.store->stage(StagePosition{PartitionId{0}, Epoch{1}, Position{50}});
    CHECK(b.store->staged().partitions.empty());
}

TEST_CASE("checkpoint store moves a partition that is bound again to its new key") {
    Bench b;
    b.load();
    b.bind();
    b.store->stage(StagePosition{PartitionId{0}, Epoch{1}, Position{20}});
    b.store->bind(SourceId{0}, PartitionId{0}, Epoch{1}, "another key");
    REQUIRE(b.store->staged().partitions.size() == 1);
    CHECK(b.store->staged().partitions.at(0).key == "another key");
    CHECK(b.store->staged().partitions.at(0).position == 20);
}

TEST_CASE("checkpoint store forgets leads of a partition that begins again") {
    Bench b;
    b.load();
    b.bind();
    b.store->stage(StagePosition{PartitionId{0}, Epoch{1}, Position{20}});
    b.store->stage(StageLead{PartitionId{0}, Epoch{1}, SinkId{1}, Position{30}});
    b.store->stage(StagePosition{PartitionId{0}, Epoch{1}, Position{0}});
    CHECK(b.store->staged().partitions.at(0).leads.empty());
}

TEST_CASE(
    "checkpoint store has the seal of the highest position that was reached, none beyond it") {
    Bench b;
    b.load();
    b.bind();
    const PartitionId file{0};
    const Epoch now{1};
    const auto key = [&] { return b.store->staged().partitions.at(0).key; };
    b.store->seal(file, now, Position{10}, "ten:");
    b.store->seal(file, now, Position{20}, "twenty:");
    b.store->seal(file, now, Position{30}, "thirty:");
    b.store->seal(file, now, Position{30}, "again:");
    b.store->seal(file, now, Position{25}, "late:");
    b.store->seal(file, Epoch{2}, Position{12}, "stale:");
    b.store->stage(StagePosition{file, now, Position{9}});
    CHECK(key() == "k");
    b.store->stage(StagePosition{file, now, Position{10}});
    CHECK(key() == "ten:k");
    b.store->stage(StagePosition{file, now, Position{19}});
    CHECK(key() == "ten:k");
    b.store->stage(StageLead{file, now, SinkId{1}, Position{20}});
    CHECK(key() == "twenty:k");
    b.store->bind(SourceId{0}, file, now, "new");
    CHECK(key() == "twenty:new");
    b.store->stage(StagePosition{file, now, Position{35}});
    CHECK(key() == "thirty:new");
    // Other contents: what was sealed is not there any more.
    b.store->stage(StagePosition{file, now, Position{0}});
    CHECK(key() == "new");
    b.store->seal(file, now, Position{5}, "five:");
    b.store->stage(StagePosition{file, now, Position{5}});
    CHECK(key() == "five:new");
    REQUIRE(b.write() == StoreOutcome::ok);
    REQUIRE(b.sync() == StoreOutcome::ok);
    CHECK(b.load().checkpoint.partitions.at(0).key == "five:new");
}

TEST_CASE("checkpoint store writes what was staged when it was ordered") {
    Bench b;
    b.load();
    b.bind();
    b.store->stage(StagePosition{PartitionId{0}, Epoch{1}, Position{10}});
    b.store->write({1});
    b.store->stage(StagePosition{PartitionId{0}, Epoch{1}, Position{20}});
    b.store->sync({1});
    b.ring.settle();
    CHECK(b.loaded_position() == 10);
}

TEST_CASE("checkpoint store alternates between its slots, in place after the first round") {
    Bench b;
    b.load();
    b.bind();
    for (int i = 1; i <= 6; ++i) b.commit(i);
    CHECK(b.ring.count[OpKind::rename] == 2);
    CHECK(decode(std::as_bytes(std::span<const char>(contents(b.slot('a')))))->sequence == 5);
    CHECK(decode(std::as_bytes(std::span<const char>(contents(b.slot('b')))))->sequence == 6);
    CHECK(b.loaded_position() == 6);
    b.bind();
    b.commit(7);
    CHECK(b.store->staged().sequence == 7);
}

TEST_CASE("checkpoint store cuts a slot that held a longer checkpoint") {
    Bench b;
    b.load();
    b.bind();
    b.store->bind(SourceId{0}, PartitionId{1}, Epoch{1}, std::string(1000, 'x'));
    b.store->stage(StagePosition{PartitionId{1}, Epoch{1}, Position{1}});
    b.commit(1);
    b.commit(2);
    b.store->unbind(PartitionId{1}, Epoch{1});
    b.commit(3);
    b.commit(4);
    flip(b.slot('b'));
    CHECK(b.loaded_position() == 3);
}

TEST_CASE("checkpoint store uses the other slot where one is damaged") {
    Bench b;
    b.load();
    b.bind();
    b.commit(1);
    b.commit(2);
    flip(b.slot('b'));
    CHECK(b.loaded_position() == 1);
    CHECK(b.lines.size() == 1);
    b.bind();
    b.commit(3);
    CHECK(b.loaded_position() == 3);
}

TEST_CASE("checkpoint store fails closed where no slot is valid") {
    Bench b;
    b.load();
    b.bind();
    b.commit(1);
    if (GENERATE(false, true)) {
        b.commit(2);
        flip(b.slot('b'));
    }
    flip(b.slot('a'));
    const std::string before = contents(b.slot('a'));
    const auto loaded = b.load();
    CHECK(loaded.state == Load::failed);
    CHECK(loaded.problem.find("checkpoint.a (changed since it was written)") != std::string::npos);
    CHECK(contents(b.slot('a')) == before);
}

TEST_CASE("checkpoint store fails closed on another pipeline's checkpoint") {
    Bench b;
    b.load();
    b.bind();
    b.commit(1);
    b.config.pipeline = "other";
    CHECK(b.load().problem.find("belongs to another pipeline") != std::string::npos);
}

TEST_CASE("checkpoint store fails closed on a newer version even where the other slot is valid") {
    Bench b;
    b.load();
    b.bind();
    b.commit(1);
    b.commit(2);
    std::string text = contents(b.slot('b'));
    text[12] = 3;
    const auto bytes = std::as_bytes(std::span<const char>(text));
    const std::uint32_t crc = crc32c(bytes.subspan(12), crc32c(bytes.first(8)));
    std::memcpy(text.data() + 8, &crc, 4);
    put_contents(b.slot('b'), text);
    CHECK(b.load().problem.find("newer holdfast") != std::string::npos);
}

TEST_CASE("checkpoint store fails closed on a slot that can't be read") {
    Bench b;
    b.load();
    b.bind();
    b.commit(1);
    b.commit(2);
    b.fail(OpKind::read, EIO);
    CHECK(b.load().problem.find("cannot read") != std::string::npos);
}

TEST_CASE("checkpoint store keeps the newest durable slot through every failure of the next") {
    Bench b;
    b.load();
    b.bind();
    const int rounds = GENERATE(1, 2, 3);
    for (int i = 1; i <= rounds; ++i) b.commit(i);
    const OpKind kind = GENERATE(OpKind::write, OpKind::sync, OpKind::sync_all, OpKind::rename,
                                 OpKind::open, OpKind::unlink);
    b.fail(kind, ENOSPC);
    b.store->stage(StagePosition{PartitionId{0}, Epoch{1}, Position{100}});
    StoreOutcome outcome = b.write();
    if (outcome == StoreOutcome::ok) outcome = b.sync();
    b.ring.fault = nullptr;
    const char keep = rounds % 2 == 1 ? 'a' : 'b';
    const auto kept = decode(std::as_bytes(std::span<const char>(contents(b.slot(keep)))));
    CHECK(kept->partitions.at(0).position == rounds);
    if (outcome == StoreOutcome::ok) return;  // The failure concerned nothing that was done.
    CHECK(outcome == StoreOutcome::retriable);
    CHECK(b.lines.size() == 1);
    b.commit(101);
    CHECK(b.lines.size() == 2);
    CHECK(b.loaded_position() == 101);
}

TEST_CASE("checkpoint store replaces a slot whose sync failed by a new file") {
    Bench b;
    b.load();
    b.bind();
    for (int i = 1; i <= 4; ++i) b.commit(i);
    const int renames = b.ring.count[OpKind::rename];
    b.fail(OpKind::sync, EIO);
    CHECK(b.write() == StoreOutcome::ok);
    CHECK(b.sync() == StoreOutcome::retriable);
    b.ring.fault = nullptr;
    CHECK(b.sync() == StoreOutcome::retriable);
    CHECK(b.ring.count[OpKind::rename] == renames);
    b.commit(5);
    CHECK(b.ring.count[OpKind::rename] == renames + 1);
}

TEST_CASE("checkpoint store overwrites nothing in place that it has not made durable itself") {
    Bench b;
    b.load();
    b.bind();
    for (int i = 1; i <= 4; ++i) b.commit(i);
    b.load();
    b.bind();
    const int renames = b.ring.count[OpKind::rename];
    b.commit(5);
    b.commit(6);
    CHECK(b.ring.count[OpKind::rename] == renames + 2);
    b.commit(7);
    CHECK(b.ring.count[OpKind::rename] == renames + 2);
}

TEST_CASE("checkpoint store replaces a slot that was deleted under it") {
    Bench b;
    b.load();
    b.bind();
    for (int i = 1; i <= 4; ++i) b.commit(i);
    std::filesystem::remove(b.slot('a'));
    b.commit(5);
    CHECK(std::filesystem::exists(b.slot('a')));
    CHECK(b.loaded_position() == 5);
}

TEST_CASE("checkpoint store stays whole if it dies before any operation") {
    // Counts the operations of two commits, then stops before each of them in turn.
    for (int last = 0; last < 40; ++last) {
        Bench b;
        b.load();
        b.bind();
        const int before = GENERATE(0, 1, 2, 3);
        for (int i = 1; i <= before; ++i) b.commit(i);
        int left = last;
        b.ring.fault = [&](const Op&) -> std::optional<std::int64_t> {
            return left-- > 0 ? std::nullopt : std::optional<std::int64_t>(-EIO);
        };
        b.store->stage(StagePosition{PartitionId{0}, Epoch{1}, Position{100}});
        bool durable = b.write() == StoreOutcome::ok;
        if (durable) durable = b.sync() == StoreOutcome::ok;
        b.ring.fault = nullptr;
        const auto loaded = b.load();
        if (durable) {
            REQUIRE(loaded.checkpoint.partitions.at(0).position == 100);
        } else if (before == 0 && loaded.state == Load::fresh) {
            CHECK(loaded.problem.empty());
        } else {
            REQUIRE(loaded.state == Load::found);
            const std::int64_t position = loaded.checkpoint.partitions.at(0).position;
            CHECK((position == before || position == 100));
        }
    }
}

TEST_CASE("checkpoint is its owner's alone, whatever the umask") {
    const mode_t before = ::umask(0);
    Bench b;
    REQUIRE(b.load().state == Load::fresh);
    b.bind();
    b.commit(1);
    ::umask(before);
    struct stat found{};
    REQUIRE(::stat(b.slot('a').c_str(), &found) == 0);
    CHECK((found.st_mode & 07777) == 0600);
}

TEST_CASE("checkpoint that is a link or a pipe is refused, not followed and not waited for") {
    Bench b;
    SECTION("link") {
        put_contents(b.dir / "theirs", "text");
        REQUIRE(::symlink((b.dir / "theirs").c_str(), b.slot('a').c_str()) == 0);
        const auto loaded = b.load();
        CHECK(loaded.state == Load::failed);
        CHECK(loaded.problem.find("symbolic link") != std::string::npos);
        CHECK(contents(b.dir / "theirs") == "text");
    }
    SECTION("pipe") {
        REQUIRE(::mkfifo(b.slot('b').c_str(), 0600) == 0);
        const auto loaded = b.load();
        CHECK(loaded.state == Load::failed);
        CHECK(loaded.problem.find("not a regular file") != std::string::npos);
    }
}

}  // namespace
}  // namespace holdfast::io
