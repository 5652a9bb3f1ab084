// What is found under patterns, and what finding it costs.
#include "io/sources/file/folder_walk.hpp"

#include <algorithm>

#include "tests/io/tail_bench.hpp"

using namespace holdfast;
using namespace holdfast::io;
using namespace holdfast::io::test;
namespace fs = std::filesystem;

namespace {

struct Walked {
    std::vector<std::string> found;
    std::map<std::string, std::int64_t> failed;
    std::uint64_t looks = 0, compared = 0;
};

/// Paths relative to the bench's folder, before and after.
Walked walk(TailBench& t, std::vector<std::string> include, std::vector<std::string> exclude = {}) {
    for (std::string& pattern : include) pattern = t.path(pattern);
    for (std::string& pattern : exclude) pattern = t.path(pattern);
    FolderWalk walk(t.ring, include, exclude);
    Walked out;
    bool done = false;
    Scope scope;
    const std::function<bool(const std::string&)> no_file = [](const std::string&) {
        return false;
    };
    scope.spawn([](FolderWalk& w, const std::function<bool(const std::string&)>& f, Walked& o,
                   bool& d) -> Task<> {
        o.found = co_await w.find(f);
        d = true;
    }(walk, no_file, out, done));
    while (!done) t.ring.run(t.ring.now() + seconds(1));
    for (std::string& path : out.found) path = path.substr(t.directory.size() + 1);
    for (const auto& [path, result] : walk.failed())
        out.failed[path.size() > t.directory.size() ? path.substr(t.directory.size() + 1) : path] =
            result;
    out.looks = walk.looks();
    out.compared = walk.compared();
    return out;
}

using Paths = std::vector<std::string>;

}  // namespace

TEST_CASE("a walk with many double stars looks at each folder once") {
    TailBench t;
    std::string deep = t.directory;
    for (int i = 0; i < 400; ++i) deep += "/d";
    fs::create_directories(deep);
    std::ofstream(deep + "/x.log") << "x\n";
    const Walked w = walk(t, {"**/d/**/d/**/*.log", "**/*.log", "d/**/x.log"});
    CHECK(w.found.size() == 1);
    CHECK(w.failed.empty());
    // Each folder is asked for its kind and listed, the file asked for its kind; then what leads here.
    CHECK(w.looks <= 2 * 400 + 20);
    // The parts of three patterns, at each component.
    CHECK(w.compared <= 420 * 30);
}

TEST_CASE("a walk ends in rings of links, and finds what is behind them") {
    TailBench t;
    fs::create_directories(t.path("a/b/c"));
    fs::create_symlink(t.path("a"), t.path("a/b/ring"));
    fs::create_symlink(".", t.path("a/self"));
    fs::create_symlink("loop", t.path("a/loop"));
    t.append("a/b/c/x.log", "x\n");
    const Walked w = walk(t, {"**/*.log"});
    CHECK(w.found == Paths{"a/b/c/x.log"});
    CHECK(w.failed.empty());
    CHECK(w.looks < 30);
    // The same folder under another name, for another part of the patterns.
    fs::create_symlink(t.path("a/b"), t.path("link"));
    const Walked two = walk(t, {"a/b/c/*.log", "link/c/x.*"});
    CHECK(two.found == Paths{"a/b/c/x.log", "link/c/x.log"});
    const Walked behind = walk(t, {"**/ring/**/*.log"});
    CHECK(behind.found.size() == 1);
}

TEST_CASE("a walk tells what it cannot look into") {
    TailBench t;
    fs::create_directories(t.path("a/dark"));
    fs::create_directories(t.path("a/light"));
    t.append("a/light/x.log", "x\n");
    t.append("file", "x\n");
    fs::create_symlink("round", t.path("round"));
    t.ring.on_call = [&](Op& op) {
        if (op.kind == OpKind::list && std::string(op.path).ends_with("/dark")) op.result = -EACCES;
        if (op.kind == OpKind::stat && op.path && std::string(op.path).ends_with("/light"))
            op.result = std::min<std::int64_t>(op.result, 0);
    };
    const Walked w =
        walk(t, {"a/**/*.log", "gone/*.log", "gone/x.log", "file/*.log", "round/*.log"});
    CHECK(w.found == Paths{"a/light/x.log"});
    CHECK(w.failed ==
          std::map<std::string, std::int64_t>{
              {"a/dark", -EACCES}, {"file", -ENOTDIR}, {"gone", -ENOENT}, {"round", -ELOOP}});
}

TEST_CASE("a folder that may be listed and not searched is told once") {
    TailBench t;
    fs::create_directories(t.path("a"));
    for (const char* name : {"a/1", "a/2", "a/3"}) t.append(name, "x\n");
    t.ring.on_call = [&](Op& op) {
        if (op.kind == OpKind::stat && op.path &&
            std::string(op.path).find("/a/") != std::string::npos)
            op.result = -EACCES;
    };
    const Walked w = walk(t, {"**/*.log"});
    CHECK(w.failed == std::map<std::string, std::int64_t>{{"a", -EACCES}});
}

TEST_CASE("what is excluded is not found, nor what lies in a folder that is") {
    TailBench t;
    fs::create_directories(t.path("a/old/x"));
    fs::create_directories(t.path("a/new"));
    for (const char* name : {"a/old/x/1.log", "a/new/1.log", "a/new/2.log", "a/new/1.log.gz"})
        t.append(name, "x\n");
    CHECK(walk(t, {"a/**"}, {"**/*.gz", "a/old", "**/2*"}).found ==
          Paths{"a", "a/new", "a/new/1.log"});
    CHECK(walk(t, {"a/new/1.log"}, {"a/**/*.log"}).found.empty());
}

TEST_CASE("a file is not read under a name that is excluded") {
    TailBench t;
    t.config.include = {t.path("app.log*")};
    t.config.exclude = {t.path("*.1")};
    t.append("app.log", "one\n");
    t.append("app.log.1", "old\n");
    t.start();
    t.run();
    CHECK(t.text() == "one\n");
    // What was begun is read to its end whatever it is called; what came and went between is not.
    t.append("app.log", "two\n");
    t.rename("app.log", "app.log.1");
    t.append("app.log", "three\n");
    t.run(seconds(3));
    CHECK(t.text() == "one\ntwo\nthree\n");
    t.start();
    t.run(seconds(3));
    CHECK(t.text().find("old") == std::string::npos);
}
