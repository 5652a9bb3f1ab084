// Stable ids of records, as the real program gives them to transforms and dead letters.
#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/real/campaign.hpp"

using namespace holdfast::real;

namespace {

std::string line_of(std::uint64_t n) {
    return "{\"n\":" + std::to_string(n) + ",\"m\":\"" + std::string(20 + n * 7 % 150, 'x') +
           "\"}\n";
}

std::string head(const std::string& engine = "") {
    return "data_dir = \"state\"\n[engine]\nmemory_limit = \"4MiB\"\ncommit_interval = \"3ms\"\n" +
           engine +
           "[sources.in]\ntype = \"file\"\ninclude = [\"in.log*\"]\nend = \"eof\"\n"
           "poll_interval = \"5ms\"\n";
}

std::string jq(const std::string& name, const std::string& program) {
    return "[transforms." + name + "]\ntype = \"jq\"\ninputs = [\"in\"]\nprogram = '" + program +
           "'\n";
}

std::string sink(const std::string& name, const std::string& input) {
    return "[sinks." + name + "]\ntype = \"file\"\ninputs = [\"" + input + "\"]\npath = \"out/" +
           name + "\"\nbatch = { max_bytes = \"64KiB\" }\n";
}

void forget(const TempDir& folder) {
    std::filesystem::remove_all(folder.at("state"));
    std::filesystem::remove_all(folder.at("out"));
}

/// The id of a line that the transform put there.
std::string id_in(const std::string& line) {
    const std::string head_of_id = "\"id\":\"";
    const std::size_t begin = line.find(head_of_id);
    REQUIRE(begin != std::string::npos);
    return line.substr(begin + head_of_id.size(),
                       line.find('"', begin + head_of_id.size()) - begin - head_of_id.size());
}

/// `in:PARTITION:` of the first line of this file.
std::string partition_in(const std::string& file) {
    const std::string id = id_in(file.substr(0, file.find('\n')));
    REQUIRE(id.starts_with("in:"));
    REQUIRE(id.size() > 20);
    return id.substr(0, 20);
}

}  // namespace

TEST_CASE("a record has the same id after 12 kills in compiled programs and on the machine") {
    constexpr std::uint64_t count = 60'000;
    const TempDir folder;
    std::string input;
    for (std::uint64_t n = 0; n < count; ++n) input += line_of(n);
    folder.write("in.log", input);
    folder.write("pipe.toml", head() + jq("mark", ".id = $meta.id | .at = $meta.position") +
                                  jq("slow", ".n += 0 | .id = $meta.id") + sink("slow", "slow") +
                                  sink("mark", "mark"));
    Waits waits(31);
    const Exited exited = run_with_kills(folder.at("pipe.toml"), 12, 500, waits, forget, folder,
                                         folder.at("out/slow"), input.size() + count * 30);
    INFO(exited.err);
    CHECK(exited.code == 0);
    const std::string mark = read_file(folder.at("out/mark"));
    const std::string partition = partition_in(mark);
    std::string expected, expected_slow;
    std::size_t at = 0;
    for (std::uint64_t n = 0; n < count; ++n) {
        const std::string line = line_of(n);
        const std::string open =
            line.substr(0, line.size() - 2) + ",\"id\":\"" + partition + std::to_string(at) + "\"";
        expected += open + ",\"at\":" + std::to_string(at) + "}\n";
        expected_slow += open + "}\n";
        at += line.size();
    }
    CHECK((mark == expected));
    CHECK((read_file(folder.at("out/slow")) == expected_slow));
}

TEST_CASE("an id outlives a renamed file, and two files have different ones") {
    const TempDir folder;
    folder.write("in.log", line_of(1));
    folder.write("in.log.other", line_of(3) + line_of(4));
    folder.write("pipe.toml", head() + jq("mark", ".id = $meta.id") + sink("a", "mark"));
    CHECK(run({"run", "--progress", "off", folder.at("pipe.toml")}).code == 0);
    const std::string before = read_file(folder.at("out/a"));
    std::filesystem::rename(folder.at("in.log"), folder.at("in.log.1"));
    append_file(folder.at("in.log.1"), line_of(2));
    CHECK(run({"run", "--progress", "off", folder.at("pipe.toml")}).code == 0);
    const std::string after = read_file(folder.at("out/a"));
    REQUIRE(after.starts_with(before));
    const auto ids = [](std::string text) {
        std::vector<std::string> out(5);
        while (!text.empty()) {
            const std::size_t n = static_cast<std::size_t>(text[5] - '0');
            out[n] = id_in(text);
            text.erase(0, text.find('\n') + 1);
        }
        return out;
    }(after);
    const std::string first = ids[1].substr(0, 20);
    CHECK(ids[1] == first + "0");
    CHECK(ids[2] == first + std::to_string(line_of(1).size()));
    CHECK(ids[3].substr(0, 20) != first);
    CHECK(ids[4].substr(0, 20) == ids[3].substr(0, 20));
}

TEST_CASE("a dead letter has the id that programs see, and dedupe can go by it") {
    const TempDir folder;
    folder.write("in.log", line_of(1) + "{\"n\":\"two\"}\n" + line_of(3));
    folder.write("pipe.toml",
                 head() + jq("mark", ".id = $meta.id") + jq("fails", ".n += 1 | empty") +
                     "[transforms.once]\ntype = \"dedupe\"\ninputs = [\"in\", \"mark\"]\n"
                     "fields.match = [\"$meta.id\"]\n" +
                     sink("a", "mark") + sink("b", "once") + sink("c", "fails") +
                     "[dead_letters]\ntype = \"file\"\npath = \"out/dead\"\n");
    const Exited exited = run({"run", "--progress", "off", folder.at("pipe.toml")});
    INFO(exited.err);
    CHECK(exited.code == 0);
    const std::string marked = read_file(folder.at("out/a"));
    const std::string second = marked.substr(marked.find('\n') + 1);
    CHECK(contains(read_file(folder.at("out/dead")), "\"id\":\"" + id_in(second) + "\""));
    // Each record reaches it twice, and passes once.
    const std::string once = read_file(folder.at("out/b"));
    CHECK(std::count(once.begin(), once.end(), '\n') == 3);
}
