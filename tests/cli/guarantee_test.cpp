// What holds on each path: planted mistakes are found, and named by their lines.
#include "io/cli/guarantee.hpp"

#include <catch2/catch.hpp>

#include "io/cli/effective.hpp"

using namespace holdfast;
using namespace holdfast::cli;
using io::Promise;

namespace {

constexpr const char* files = R"([sources.in]
type = "file"
include = ["/in/*.log"]
[sinks.out]
type = "file"
inputs = ["in"]
path = "/out/a"
)";

Guarantees of(const std::string& text) {
    const ConfigResult result = parse_config(text, "/etc/hf/demo.toml", {});
    REQUIRE(result.problems == std::vector<std::string>{});
    return guarantees_of(result);
}

/// The one weakness of the one path: "exactly-once 8 sinks.out.delivery".
std::string weakness(const std::string& text) {
    const Guarantees guarantees = of(text);
    REQUIRE(guarantees.paths.size() == 1);
    std::string out;
    for (const KeyWeakness& weak : guarantees.paths[0].weaknesses)
        out += (out.empty() ? "" : "; ") + std::string(name_of(weak.promise)) + " " +
               std::to_string(weak.place.line) + " " + weak.key;
    return out;
}

}  // namespace

TEST_CASE("from file to file everything holds, and nothing comes again") {
    const Guarantees guarantees = of(files);
    REQUIRE(guarantees.paths.size() == 1);
    const PathGuarantee& path = guarantees.paths[0];
    for (const Promise promise :
         {Promise::at_least_once, Promise::exactly_once, Promise::power_loss, Promise::order})
        CHECK(path.holds(promise));
    CHECK(path.repeats == "nothing");
    CHECK(guarantees.memory_max > 0);
    CHECK(guarantees.stops ==
          std::vector<std::string>{"sources.in.on_oversized: one that is longer than max_line"});
    CHECK(of(std::string(files) + "retry = { max_attempts = 3 }\n"
                                  "inject = { refuse_percent = 1 }\n")
              .stops.size() == 3);
    CHECK(of(std::string(files) + "[dead_letters]\ntype = \"file\"\npath = \"/out/d\"\n")
              .stops.empty());
}

TEST_CASE("what breaks a promise is named by its key and line") {
    const std::string text = files;
    CHECK(weakness(text + "delivery = \"at_least_once\"\n") == "exactly-once 8 sinks.out.delivery");
    CHECK(weakness(text + "fsync = \"never\"\n") == "power-loss 8 sinks.out.fsync");
    CHECK(weakness(text + "when_full = \"drop_newest\"\n") ==
          "at-least-once 8 sinks.out.when_full");
    CHECK(weakness("[sources.in]\ntype = \"stdin\"\n[sinks.out]\ntype = \"file\"\n"
                   "inputs = [\"in\"]\npath = \"/out/a\"\n") ==
          "at-least-once 2 sources.in.type; exactly-once 3 sinks.out.delivery");
    CHECK(weakness("[sources.in]\ntype = \"file\"\ninclude = [\"/in\"]\n[sinks.out]\n"
                   "type = \"stdout\"\ninputs = [\"in\"]\n") == "at-least-once 5 sinks.out.type");
    CHECK(weakness("[sources.in]\ntype = \"file\"\ninclude = [\"/in\"]\n[sinks.out]\n"
                   "type = \"blackhole\"\ninputs = [\"in\"]\nmax_in_flight = 4\n") ==
          "at-least-once 5 sinks.out.type; order 7 sinks.out.max_in_flight");
    CHECK(weakness("[sources.in]\ntype = \"file\"\ninclude = [\"/in\"]\nframing = \"msgpack\"\n"
                   "on_parse_error = \"drop\"\n[transforms.a]\ntype = \"jq\"\ninputs = [\"in\"]\n"
                   "program = \".\"\non_error = \"drop\"\n[sinks.out]\ntype = \"file\"\n"
                   "inputs = [\"a\"]\npath = \"/out/a\"\n") ==
          "at-least-once 5 sources.in.on_parse_error; at-least-once 10 transforms.a.on_error");
}

TEST_CASE("a transform counts on the paths that lead through it only") {
    const Guarantees guarantees =
        of("[sources.a]\ntype = \"file\"\ninclude = [\"/a\"]\n"
           "[sources.b]\ntype = \"file\"\ninclude = [\"/b\"]\n"
           "[transforms.t]\ntype = \"jq\"\ninputs = [\"a\"]\nprogram = \".\"\non_error = \"drop\"\n"
           "[transforms.u]\ntype = \"jq\"\ninputs = [\"t\", \"b\"]\nprogram = \".\"\n"
           "[sinks.x]\ntype = \"file\"\ninputs = [\"u\"]\npath = \"/x\"\n"
           "[sinks.y]\ntype = \"file\"\ninputs = [\"a\"]\npath = \"/y\"\n");
    REQUIRE(guarantees.paths.size() == 3);
    for (const PathGuarantee& path : guarantees.paths) {
        INFO(path.source << " -> " << path.sink);
        CHECK(path.holds(Promise::exactly_once) == !(path.source == "a" && path.sink == "x"));
    }
}

TEST_CASE("what breaks a promise breaks those that say more, and no others") {
    PathGuarantee path;
    path.weaknesses.push_back({Promise::at_least_once, "k", {}, "why"});
    CHECK_FALSE(path.holds(Promise::at_least_once));
    CHECK_FALSE(path.holds(Promise::exactly_once));
    CHECK_FALSE(path.holds(Promise::power_loss));
    CHECK(path.holds(Promise::order));
    path.weaknesses[0].promise = Promise::exactly_once;
    CHECK(path.holds(Promise::at_least_once));
    CHECK(path.holds(Promise::power_loss));
    path.weaknesses[0].promise = Promise::power_loss;
    CHECK(path.holds(Promise::exactly_once));
    CHECK(&path.breaks(Promise::power_loss) == &path.weaknesses[0]);
}

TEST_CASE("what remembers begins anew after a crash, so nothing behind it is exactly once") {
    const auto through = [](const std::string& transform) {
        return "[sources.in]\ntype = \"file\"\ninclude = [\"/in\"]\n[transforms.t]\ntype = \"" +
               transform +
               "\ninputs = [\"in\"]\n[sinks.out]\ntype = \"file\"\ninputs = [\"t\"]\npath = "
               "\"/out/a\"\n";
    };
    CHECK(weakness(through("throttle\"\nthreshold = 5")) == "exactly-once 5 transforms.t.type");
    CHECK(weakness(through("dedupe\"")) == "exactly-once 5 transforms.t.type");
    CHECK(weakness(through("sample\"\nrate = 2")).empty());
}

TEST_CASE("a pipe or a device keeps nothing that its reader did not read") {
    const auto to = [](const std::string& path) {
        return "[sources.in]\ntype = \"file\"\ninclude = [\"/in\"]\n[sinks.out]\ntype = \"file\"\n"
               "inputs = [\"in\"]\npath = \"" +
               path + "\"\n";
    };
    CHECK(weakness(to("/dev/null")) == "at-least-once 7 sinks.out.path");
    const ConfigResult once = parse_config(to("/dev/null"), "/etc/hf/demo.toml", {});
    const io::SinkSettings& sink = once.config.sinks[0];
    CHECK(sink.kind->promise(sink, "1s").starts_with("nothing: the path is no regular file"));
    CHECK(weakness(to("/out/none")).empty());
}
