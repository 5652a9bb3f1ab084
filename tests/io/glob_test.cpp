#include "io/devices/glob.hpp"

#include <catch2/catch.hpp>

using namespace holdfast::io;

TEST_CASE("a glob matches within components") {
    CHECK(Glob("/var/log/*.log").matches("/var/log/a.log"));
    CHECK_FALSE(Glob("/var/log/*.log").matches("/var/log/x/a.log"));
    CHECK_FALSE(Glob("/var/log/*.log").matches("/var/log/a.log.1"));
    CHECK(Glob("/var/*/app?.log").matches("/var/x/app1.log"));
    CHECK_FALSE(Glob("/var/*/app?.log").matches("/var/x/app.log"));
    CHECK(Glob("/a/*x*y").matches("/a/1x2x3y"));
    CHECK_FALSE(Glob("/a/*x*y").matches("/a/1y2x3"));
}

TEST_CASE("a glob knows sets, ranges, negation and escapes") {
    CHECK(Glob("/a/[abc]1").matches("/a/b1"));
    CHECK_FALSE(Glob("/a/[abc]1").matches("/a/d1"));
    CHECK(Glob("/a/[0-9]").matches("/a/5"));
    CHECK(Glob("/a/[!0-9]").matches("/a/x"));
    CHECK_FALSE(Glob("/a/[!0-9]").matches("/a/5"));
    CHECK(Glob("/a/[]]").matches("/a/]"));
    CHECK(Glob("/a/\\*").matches("/a/*"));
    CHECK_FALSE(Glob("/a/\\*").matches("/a/x"));
    CHECK(Glob("/a/[x").matches("/a/[x"));
}

TEST_CASE("a glob's double star matches any number of components") {
    const Glob glob("/a/**/x.log");
    CHECK(glob.matches("/a/x.log"));
    CHECK(glob.matches("/a/b/c/x.log"));
    CHECK_FALSE(glob.matches("/b/x.log"));
    CHECK(glob.reaches("/a"));
    CHECK(glob.reaches("/a/b/c"));
    CHECK_FALSE(glob.reaches("/b"));
    CHECK(glob.base() == "/a");
}

TEST_CASE("a glob does not match hidden names unless it says so") {
    CHECK_FALSE(Glob("/a/*").matches("/a/.hidden"));
    CHECK(Glob("/a/.*").matches("/a/.hidden"));
    CHECK_FALSE(Glob("/a/**/x").matches("/a/.git/x"));
}

TEST_CASE("a glob reaches only directories that may hold a match") {
    const Glob glob("/a/b*/c/*.log");
    CHECK(glob.reaches("/"));
    CHECK(glob.reaches("/a"));
    CHECK(glob.reaches("/a/bx"));
    CHECK(glob.reaches("/a/bx/c"));
    CHECK_FALSE(glob.reaches("/a/x"));
    CHECK_FALSE(glob.reaches("/a/bx/c/d"));
    CHECK(glob.base() == "/a");
    CHECK_FALSE(glob.literal());
    CHECK(Glob("/a/b.log").literal());
    CHECK(Glob("/a/b.log").base() == "/a");
}

TEST_CASE("a pattern with many double stars costs its parts for each component") {
    std::string pattern, path;
    for (int i = 0; i < 12; ++i) pattern += "/**/x";
    for (int i = 0; i < 400; ++i) path += "/x";
    const Patterns patterns({pattern + "/end"});
    CHECK_FALSE(patterns.matches(path));
    CHECK(patterns.matches(path + "/end"));
    // 25 parts and an end, 800 components.
    CHECK(patterns.compared() <= 26u * 801u);
}

TEST_CASE("an escaped path matches itself and nothing else") {
    for (const std::string path : {"/svc[prod]/a*b{c}?/x", "/a\\b", "/[", "/]", "/[!a]", "/**"}) {
        const Glob glob(escape_glob(path));
        INFO(path);
        CHECK(glob.matches(path));
        CHECK(glob.literal());
        CHECK(glob.path() == path);
        CHECK(Glob(escape_glob(path) + "/*.log").matches(path + "/a.log"));
        CHECK(Glob(escape_glob(path) + "/*.log").base() == path);
    }
    CHECK_FALSE(Glob(escape_glob("/a*b")).matches("/axb"));
    CHECK_FALSE(Glob(escape_glob("/svc[prod]")).matches("/svcp"));
}

TEST_CASE("what lies in a folder that a pattern matches is covered by it") {
    const Patterns patterns({"/logs/old", "/logs/**/tmp*"});
    CHECK(patterns.covers("/logs/old"));
    CHECK(patterns.covers("/logs/old/a/b.log"));
    CHECK(patterns.covers("/logs/x/tmp1/b.log"));
    CHECK_FALSE(patterns.covers("/logs/older/b.log"));
    CHECK_FALSE(patterns.covers("/logs"));
}
