// The documentation and the program say the same.
#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "io/cli/config.hpp"
#include "io/cli/effective.hpp"
#include "io/cli/keys.hpp"

using namespace holdfast::cli;

TEST_CASE("docs/configuration.md holds what holdfast keys prints") {
    std::ostringstream text;
    text << std::ifstream(HF_SOURCE_DIR "/docs/configuration.md").rdbuf();
    INFO("run: holdfast keys, and put its output under \"All keys\"");
    CHECK(text.str().find(keys_as_markdown()) != std::string::npos);
}

TEST_CASE("the demonstration's config is good, and its promises are told") {
    const auto result = load_config(HF_SOURCE_DIR "/examples/demo.toml", {});
    REQUIRE(result.problems == std::vector<std::string>{});
    const auto& config = result.config;
    REQUIRE(config.sinks.size() == 3);
    CHECK(guarantee(config, config.sources[0], config.sinks[0]).find("exactly once") == 0);
    CHECK(guarantee(config, config.sources[0], config.sinks[1]).find("not after a power loss") !=
          std::string::npos);
    CHECK(warnings(config).size() == 2);
}
