// The file sink and what stands behind its records: kept, met again, set aside, refused.
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <memory>

#include "io/sinks/file/file_sink.hpp"
#include "sink_bench.hpp"

namespace holdfast::io {
namespace {

using test::contents;
using test::put_contents;
using Delivery = FileSinkConfig::Delivery;
using State = DeviceState;

void append(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary | std::ios::app) << text;
}

struct Bench : test::SinkBench {
    FileSinkConfig config{
        .name = "a", .id = SinkId{0}, .path = dir / "out.txt", .set_aside = dir / "set_aside"};
    std::unique_ptr<FileSink> sink;

    FileSink& start() {
        ring.abandon();
        sink = std::make_unique<FileSink>(ring, payloads, events, log, config);
        sink->start();
        ring.settle();
        return *sink;
    }
    /// A next life that knows what a checkpoint at this mark would.
    FileSink& start_again(std::int64_t mark, bool clean = false) {
        config.mark = mark;
        config.known = sink->known_at(mark);
        config.known.clean = clean;
        return start();
    }
    ~Bench() { ring.abandon(); }
    SinkAnswered written(const std::string& text, std::uint32_t delivery,
                         std::uint32_t attempt = 1) {
        const Part part = batch(text);
        sink->write(write_of(delivery, attempt), {&part, 1});
        return next<SinkAnswered>();
    }
    std::string file() const { return contents(config.path); }
    std::string aside(const std::string& name) const {
        return contents(dir / ("set_aside/" + name));
    }
    bool says(const std::string& text) const {
        return sink->problem().find(text) != std::string::npos;
    }
};

}  // namespace

TEST_CASE("file sink keeps what stands behind its mark until other bytes come, and sets it aside") {
    Bench b;
    put_contents(b.config.path, "one\ntwo\nthr");
    b.config.mark = 4;
    b.start();
    CHECK(b.sink->mark() == 4);
    CHECK(b.file() == "one\ntwo\nthr");
    CHECK(b.written("TWO\n", 1).mark == 8);
    CHECK(b.file() == "one\nTWO\n");
    CHECK(b.aside("a.4.1") == "two\nthr");
    CHECK(b.sink->kept().aside == 2);
    CHECK(b.sink->kept().aside_bytes == 7);
    CHECK(b.sink->kept().again == 0);
    CHECK(b.has_logged("were set aside"));
}

TEST_CASE("file sink takes records that stand behind its mark as written when they come again") {
    Bench b;
    put_contents(b.config.path, "one\ntwo\nthree\nfo");
    b.config.mark = 4;
    b.start();
    CHECK(b.written("two\nthree\n", 1).mark == 14);
    CHECK(b.sink->kept().again == 2);
    CHECK_FALSE(b.sink->is_clean());
    // The last one was torn; it comes whole.
    CHECK(b.written("four\nfive\n", 2).mark == 24);
    CHECK(b.file() == "one\ntwo\nthree\nfour\nfive\n");
    CHECK(b.sink->kept().aside_bytes == 0);
    CHECK(b.sink->kept().again == 2);
    CHECK(b.sink->is_clean());
}

TEST_CASE("file sink writes records that stood there again, so that a sync covers them") {
    Bench b;
    put_contents(b.config.path, "one\n");
    b.config.mark = 0;
    b.start();
    const auto before = b.ring.count[OpKind::write];
    b.written("one\n", 1);
    CHECK(b.ring.count[OpKind::write] == before + 1);
}

TEST_CASE("file sink sets aside from the first write that differs, not from the first byte") {
    Bench b;
    put_contents(b.config.path, "one\ntwo\nthree\n");
    b.config.mark = 0;
    b.start();
    b.written("one\n", 1);
    b.written("two\nTHREE\n", 2);
    CHECK(b.file() == "one\ntwo\nTHREE\n");
    CHECK(b.aside("a.4.1") == "two\nthree\n");
}

TEST_CASE("file sink meets what stands there over many pieces and parts") {
    Bench b;
    std::string all;
    for (int i = 0; i < 60'000; ++i) all += std::to_string(i) + "\n";
    put_contents(b.config.path, all + "tail\n");
    b.config.mark = 0;
    b.start();
    std::size_t done = 0;
    for (std::uint32_t n = 1; done < all.size(); ++n) {
        const std::size_t end = all.find('\n', std::min(done + 50'000, all.size() - 1)) + 1;
        const std::string text = all.substr(done, end - done);
        CHECK(b.written(text, n).mark == static_cast<std::int64_t>(end));
        done = end;
    }
    CHECK(b.file() == all + "tail\n");
    CHECK(b.sink->kept().again == 60'000);
}

TEST_CASE("file sink keeps a tail over failed and cancelled writes") {
    Bench b;
    put_contents(b.config.path, "one\ntwo\nthree\n");
    b.config.mark = 0;
    b.start();
    SECTION("failed") {
        b.ring.fault = [&](const Op& op) -> std::optional<std::int64_t> {
            if (op.kind == OpKind::write) return -EIO;
            return std::nullopt;
        };
        CHECK(b.written("one\ntwo\n", 1).outcome == SinkOutcome::retriable);
        b.ring.fault = nullptr;
    }
    SECTION("cancelled after its answer") {
        CHECK(b.written("one\ntwo\n", 1).mark == 8);
        b.sink->cancel({{1, 1}, SinkId{0}, 1});
        b.ring.settle();
        CHECK(b.sink->kept().again == 0);
    }
    CHECK(b.sink->mark() == 0);
    CHECK(b.file() == "one\ntwo\nthree\n");
    CHECK(b.written("one\n", 1, 2).mark == 4);
    CHECK(b.written("two\n", 2).mark == 8);
    CHECK(b.file() == "one\ntwo\nthree\n");
}

TEST_CASE("file sink keeps what others append while it runs") {
    Bench b;
    b.start();
    b.written("one\n", 1);
    append(b.config.path, "theirs\n");
    b.written("two\n", 2);
    CHECK(b.file() == "one\ntwo\n");
    CHECK(b.aside("a.4.1") == "theirs\n");
    append(b.config.path, "more");
    b.written("three\n", 3);
    CHECK(b.file() == "one\ntwo\nthree\n");
    CHECK(b.aside("a.8.2") == "more");
}

TEST_CASE("file sink keeps what others append behind a write that failed") {
    Bench b;
    b.start();
    b.ring.write_max = 2;
    int writes = 0;
    b.ring.fault = [&](const Op& op) -> std::optional<std::int64_t> {
        if (op.kind == OpKind::truncate) return -EIO;
        if (op.kind == OpKind::write && writes++ == 1) return -ENOSPC;
        return std::nullopt;
    };
    CHECK(b.written("one\n", 1).outcome == SinkOutcome::retriable);
    b.ring.fault = nullptr;
    b.ring.write_max = SIZE_MAX;
    append(b.config.path, "theirs\n");
    b.written("two\n", 2);
    CHECK(b.file() == "two\n");
    CHECK(b.aside("a.2.1") == "theirs\n");
}

TEST_CASE("file sink cuts nothing that it could not set aside, and heals") {
    Bench b;
    put_contents(b.config.path, "one\ntheirs\n");
    put_contents(b.dir / "set_aside", "in the way");
    b.config.mark = 4;
    b.start();
    CHECK(b.written("two\n", 1).outcome == SinkOutcome::retriable);
    CHECK(b.file() == "one\ntheirs\n");
    CHECK(b.has_logged("can't be copied to set_aside"));
    std::filesystem::remove(b.dir / "set_aside");
    CHECK(b.written("two\n", 1, 2).outcome == SinkOutcome::delivered);
    CHECK(b.aside("a.4.1") == "theirs\n");
}

TEST_CASE("file sink follows no link to where it sets aside, and writes over nothing there") {
    Bench b;
    put_contents(b.config.path, "one\ntheirs\n");
    b.config.mark = 4;
    b.start();
    SECTION("link") {
        std::filesystem::create_directory(b.dir / "elsewhere");
        REQUIRE(::symlink((b.dir / "elsewhere").c_str(), (b.dir / "set_aside").c_str()) == 0);
        CHECK(b.written("two\n", 1).outcome == SinkOutcome::retriable);
        CHECK(std::filesystem::is_empty(b.dir / "elsewhere"));
        CHECK(b.file() == "one\ntheirs\n");
    }
    SECTION("there are some, and half a copy") {
        std::filesystem::create_directory(b.dir / "set_aside");
        put_contents(b.dir / "set_aside/a.4.7", "older");
        put_contents(b.dir / "set_aside/a.4.8.new", "ol");
        put_contents(b.dir / "set_aside/b.4.9", "another's");
        b.written("two\n", 1);
        CHECK(b.aside("a.4.7") == "older");
        CHECK(b.aside("a.4.9") == "theirs\n");
        CHECK(b.aside("b.4.9") == "another's");
        CHECK_FALSE(std::filesystem::exists(b.dir / "set_aside/a.4.8.new"));
    }
}

TEST_CASE(
    "file sink refuses bytes that somebody appended after a clean stop, and says the way out") {
    for (const std::int64_t mark : {std::int64_t{0}, std::int64_t{4}}) {
        Bench b;
        b.start();
        if (mark > 0) b.written("one\n", 1);
        const std::string before = b.file();
        append(b.config.path, "theirs\n");
        b.start_again(mark, true);
        CHECK(b.sink->state() == State::refused);
        CHECK(b.says("somebody else wrote them"));
        CHECK(b.says("at_least_once"));
        CHECK(b.file() == before + "theirs\n");
        b.config.delivery = Delivery::at_least_once;
        b.start();
        b.written("two\n", 2);
        CHECK(b.file() == before + "theirs\ntwo\n");
    }
}

TEST_CASE(
    "file sink refuses a file with other bytes before its mark, and in at_least_once appends") {
    Bench b;
    b.start();
    b.written("one\n", 1);
    b.written("two\n", 2);
    const auto known = b.sink->known_at(8);
    put_contents(b.config.path, "six\nten\nmore\n");
    b.config.mark = 8;
    b.config.known = known;
    b.start();
    CHECK(b.sink->state() == State::refused);
    CHECK(b.says("other bytes"));
    CHECK(b.file() == "six\nten\nmore\n");
    b.config.delivery = Delivery::at_least_once;
    b.start();
    b.written("x\n", 3);
    CHECK(b.file() == "six\nten\nmore\nx\n");
}

TEST_CASE("file sink that had written nothing refuses a file that took the place of its own") {
    Bench b;
    b.start();
    put_contents(b.dir / "other", "theirs\n");
    std::filesystem::rename(b.dir / "other", b.config.path);
    b.start_again(0);
    CHECK(b.sink->state() == State::refused);
    CHECK(b.says("another file"));
    CHECK(b.file() == "theirs\n");
}

TEST_CASE("file sink takes a copy of its file for its own, and says so") {
    Bench b;
    b.start();
    b.written("one\n", 1);
    std::filesystem::copy_file(b.config.path, b.dir / "copy");
    std::filesystem::rename(b.dir / "copy", b.config.path);
    b.start_again(4);
    CHECK(b.sink->state() == State::ready);
    CHECK(b.has_logged("taken for a copy"));
}

TEST_CASE("file sink knows its file at each mark that it answered") {
    Bench b;
    b.start();
    std::string all;
    std::vector<std::int64_t> marks;
    for (std::uint32_t n = 1; n < 40; ++n) {
        const std::string text = std::string(n * 3, static_cast<char>('a' + n % 26)) + "\n";
        all += text;
        marks.push_back(b.written(text, n).mark);
    }
    for (const std::int64_t mark : marks) {
        const CheckpointFile known = b.sink->known_at(mark);
        const auto end = static_cast<std::size_t>(mark);
        const std::size_t n = std::min<std::size_t>(end, 256);
        const auto expected = Fingerprint::of(std::as_bytes(std::span(all).subspan(end - n, n)));
        CHECK(known.before_length == n);
        CHECK(known.before_hash == expected.hash);
    }
    CHECK(b.sink->known_at(1).before_length == 0);
}

TEST_CASE("file sink forgets what it knew of a write that it takes back") {
    Bench b;
    b.start();
    b.written("one\n", 1);
    b.written("two\n", 2);
    b.sink->cancel({{2, 1}, SinkId{0}, 1});
    b.ring.settle();
    b.written("TWO\n", 2, 2);
    const auto known = b.sink->known_at(8);
    const std::string file = b.file();
    CHECK(known.before_hash == Fingerprint::of(std::as_bytes(std::span(file))).hash);
}

TEST_CASE("file sink makes its file for its owner and group, or as it is told, under the umask") {
    const mode_t umask_before = ::umask(022);
    for (const std::uint32_t mode : {0640u, 0666u}) {
        Bench b;
        b.config.mode = mode;
        b.start();
        struct stat found{};
        REQUIRE(::stat(b.config.path.c_str(), &found) == 0);
        CHECK((found.st_mode & 0777) == (mode & ~022u));
    }
    ::umask(umask_before);
}

TEST_CASE("file sink removes what it set aside when all of it has come again, in any order") {
    Bench b;
    put_contents(b.config.path, "one\ntwo\nthree\ntwo\nfo");
    b.config.mark = 0;
    b.start();
    b.written("two\n", 1);
    b.written("three\nnew\n", 2);
    b.written("two\nfour\n", 3);
    const auto looks = [&](std::int64_t mark) {
        b.sink->known_at(mark);
        b.ring.complete([](FileSink& sink) -> Task<int> {
            co_await sink.look_again();
            co_return 0;
        }(*b.sink));
    };
    looks(b.sink->mark());
    CHECK(std::filesystem::exists(b.dir / "set_aside/a.0.1"));  // `one` is still missing.
    const std::int64_t mark = b.written("one\n", 4).mark;
    looks(mark - 4);  // Below the mark that is staged it is not.
    CHECK(std::filesystem::exists(b.dir / "set_aside/a.0.1"));
    looks(mark);
    CHECK_FALSE(std::filesystem::exists(b.dir / "set_aside/a.0.1"));
    CHECK(b.has_logged("stands in the sink's file again"));
    CHECK(b.sink->kept().again == 5);
    CHECK(b.sink->kept().aside == 0);
    CHECK(b.sink->kept().aside_bytes == 0);
}

TEST_CASE("file sink keeps a record aside that came again fewer times than it stood there") {
    Bench b;
    put_contents(b.config.path, "same\nsame\nsame\n");
    b.config.mark = 0;
    b.start();
    const std::int64_t mark = b.written("other\nsame\nsame\n", 1).mark;
    b.sink->known_at(mark);
    b.sink->sync({SinkId{0}, 1});
    b.ring.settle();
    CHECK(b.aside("a.0.1") == "same\nsame\nsame\n");
}

TEST_CASE("file sink looks at its next start, too, whether what was set aside has come again") {
    Bench b;
    put_contents(b.config.path, "one\ntwo\n");
    b.config.mark = 0;
    b.start();
    b.written("two\n", 1);
    const std::int64_t mark = b.written("one\n", 2).mark;
    b.start_again(mark);
    b.sink->known_at(mark);
    CHECK(b.aside("a.0.1") == "one\ntwo\n");
    b.sink->sync({SinkId{0}, 1});
    b.ring.settle();
    CHECK_FALSE(std::filesystem::exists(b.dir / "set_aside/a.0.1"));
}

TEST_CASE("file sink in at_least_once counts what it kept and what came again of it") {
    Bench b;
    b.config.delivery = Delivery::at_least_once;
    put_contents(b.config.path, "one\ntwo\nthree\n");
    b.config.mark = 0;
    b.start();
    CHECK(b.sink->kept().again == 0);
    const std::int64_t mark = b.written("two\none\nnew\n", 1).mark;
    b.sink->known_at(mark);
    b.ring.complete([](FileSink& sink) -> Task<int> {
        co_await sink.look_again();
        co_return 0;
    }(*b.sink));
    CHECK(b.sink->kept().again == 2);
}

}  // namespace holdfast::io
