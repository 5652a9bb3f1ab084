// The file source: what was rotated away before a look at its folder had ended.
#include <fcntl.h>

#include <string_view>
#include <thread>

#include "tests/io/tail_bench.hpp"

using namespace holdfast;
using namespace holdfast::io;
using namespace holdfast::io::test;

namespace {

/// Times of files are coarse.
void let_time_pass() { std::this_thread::sleep_for(std::chrono::milliseconds(50)); }

bool is_open_of(const Op& op, std::string_view name) {
    return op.kind == OpKind::open && std::string_view(op.path).ends_with(name);
}

/// What cannot be opened as long as this stands.
void refuse(TailBench& t, const std::string& name) {
    t.ring.on_call = [name](Op& op) {
        if (!is_open_of(op, name) || op.result < 0) return;
        ::close(static_cast<int>(op.result));
        op.result = -EIO;
    };
}

bool has(const TailBench& t, std::string_view line) {
    return t.text().find(line) != std::string::npos;
}

}  // namespace

TEST_CASE("what was rotated while holdfast was down is read though the start that met it died") {
    TailBench t;
    t.append("other.log", "other\n");
    t.start();
    t.run();
    t.stop();
    let_time_pass();
    t.append("new.log", "first\n");
    t.rename("new.log", "new.log.1");
    t.append("new.log", "second\n");
    refuse(t, "new.log.1");
    t.start();
    t.run(seconds(1));
    CHECK(has(t, "second\n"));
    t.ring.on_call = {};
    t.start();
    t.run();
    CHECK(has(t, "first\n"));
}

TEST_CASE("a copy that was made of a log before it was emptied is not read beside it") {
    TailBench t;
    t.append("app.log", "one\ntwo\n");
    t.start();
    t.run();
    t.stop();
    let_time_pass();
    std::filesystem::copy_file(t.path("app.log"), t.path("app.log.1"));
    t.truncate("app.log");
    t.append("app.log", "three\n");
    t.start();
    t.run(seconds(5));
    CHECK(t.text() == "one\ntwo\nthree\n");
}

TEST_CASE("a look has not ended before the names that are known were asked") {
    TailBench t;
    t.append("a.log", "one\n");
    t.start();
    t.run();
    let_time_pass();
    t.remove("a.log");
    t.append("a.log", "two\n");
    // The process ends when the look has, with nothing read; what it found is rotated away then.
    const std::int64_t looked = t.checkpoints.looked_ns;
    for (int i = 0; i < 1000 && t.checkpoints.looked_ns == looked; ++i) t.run(milliseconds(1));
    REQUIRE(t.checkpoints.looked_ns != looked);
    t.stop();
    let_time_pass();
    t.rename("a.log", "a.log.1");
    t.start();
    t.run(seconds(5));
    CHECK(has(t, "two\n"));
}

TEST_CASE("a first look ends though a file cannot be opened: what is rotated afterwards is read") {
    TailBench t;
    t.append("secret.log", "secret\n");
    refuse(t, "secret.log");
    t.start();
    t.run();
    let_time_pass();
    t.append("new.log", "first\n");
    t.rename("new.log", "new.log.1");
    t.append("new.log", "second\n");
    t.run(seconds(5));
    CHECK(t.text() == "first\nsecond\n");
}

TEST_CASE("a file that could not be opened at the first look is read though it was rotated since") {
    TailBench t;
    t.append("a.log", "one\n");
    refuse(t, "a.log");
    t.start();
    t.run();
    let_time_pass();
    t.rename("a.log", "a.log.1");
    t.append("a.log", "two\n");
    t.ring.on_call = {};
    t.run(seconds(5));
    CHECK(has(t, "one\n"));
    CHECK(has(t, "two\n"));
}

TEST_CASE("a name that a start listed and that was rotated away before it was opened is read") {
    TailBench t;
    t.append("other.log", "other\n");
    t.start();
    t.run();
    t.stop();
    let_time_pass();
    t.append("new.log", "first\n");
    bool once = true;
    t.ring.on_call = [&](Op& op) {
        if (op.kind != OpKind::list || !once) return;
        once = false;
        t.rename("new.log", "new.log.1");
    };
    t.start();
    t.run(milliseconds(1));  // Killed just after its first look.
    CHECK_FALSE(once);
    t.start();
    t.run(seconds(5));
    CHECK(has(t, "first\n"));
}

TEST_CASE("what the first look of all found is read though the process dies before it commits") {
    TailBench t;
    t.config.recorded_ns = t.ring.wall_ns();  // A start has been noted before the source looks.
    int saved = 0;
    std::map<std::string, CheckpointPartition> durable;
    std::int64_t looked_ns = INT64_MAX;
    t.checkpoints.saved = [&] {
        ++saved;
        durable = t.checkpoints.records;
        looked_ns = t.checkpoints.looked_ns;
    };
    t.append("a.log", "one\n");
    let_time_pass();
    t.start();
    t.run(milliseconds(1));
    CHECK(saved == 1);
    CHECK(t.said("file found"));
    t.stop();
    t.checkpoints.records = durable;
    t.checkpoints.looked_ns = looked_ns;
    t.rename("a.log", "a.log.1");
    t.append("a.log", "two\n");
    t.got.clear();
    t.start();
    t.run(seconds(5));
    CHECK(has(t, "one\n"));
    CHECK(has(t, "two\n"));
    CHECK(saved == 1);
}
