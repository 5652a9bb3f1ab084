// The examples, run as their heads say, and what comes out of them. (examples/demo.toml is run by
// `./dev demo`, examples/transforms.toml in transform_test.cpp.)
#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

#include "tests/real/process.hpp"

using namespace holdfast::real;

namespace {

/// The example, copied to a folder of its own, and run there.
Exited run_example(const TempDir& folder, const std::string& name) {
    const std::string file = folder.at(name);
    std::filesystem::copy(std::string(HF_SOURCE_DIR "/examples/") + name, file);
    const Exited checked = run({"validate", file});
    INFO(checked.out << checked.err);
    CHECK(checked.code == 0);
    return run({"run", "--progress", "off", file});
}

}  // namespace

TEST_CASE("the example of run modes gives one record an item, in slices") {
    const TempDir folder;
    std::string input;
    std::string expected;
    for (int order = 0; order < 2000; ++order) {
        const std::string id = std::to_string(order);
        input += "{\"id\":" + id + ",\"items\":[";
        for (int item = 0; item < order % 7; ++item) {
            const std::string sku = "\"sku\":\"s" + std::to_string(item) + "\"";
            input += (item == 0 ? "{" : ",{") + sku + "}";
            expected += "{" + sku + ",\"order\":" + id + "}\n";
        }
        input += "]}\n";
    }
    folder.write("out/orders/1.jsonl", input + "{\"id\":1,\"items\":5}\n");
    const Exited exited = run_example(folder, "modes.toml");
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK(read_file(folder.at("out/items.jsonl")) == expected);
    CHECK(contains(read_file(folder.at("out/orders-dead.jsonl")), "Cannot iterate over number"));
}

TEST_CASE("the example of self-regulation delivers every line through a sink that fails") {
    const TempDir folder;
    std::string input;
    for (int n = 0; n < 30'000; ++n) input += "{\"n\":" + std::to_string(n) + "}\n";
    folder.write("out/logs/requests.jsonl", input);
    const Exited exited = run_example(folder, "regulation.toml");
    INFO(exited.err);
    CHECK(exited.code == 0);
    CHECK(read_file(folder.at("out/slow.jsonl")) == input);
}
