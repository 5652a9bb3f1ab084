// A disk that fills up under the real program, and heals.
#include <sys/mount.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>

#include "campaign.hpp"

using namespace campaign;

namespace {

/// A small file system in memory. Needs the right to mount.
class Tmpfs {
public:
    explicit Tmpfs(std::string path) : path_(std::move(path)) {
        std::filesystem::create_directories(path_);
        mounted_ = mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=2m") == 0;
    }
    ~Tmpfs() {
        if (mounted_) umount2(path_.c_str(), MNT_DETACH);
    }
    bool mounted() const { return mounted_; }
    bool grow() const {
        return mount("tmpfs", path_.c_str(), "tmpfs", MS_REMOUNT, "size=64m") == 0;
    }

private:
    std::string path_;
    bool mounted_ = false;
};

void full_disk(bool kill_while_full) {
    const Folder folder;
    const Tmpfs small(folder / "small");
    if (!small.mounted()) {
        WARN("skipped: mounting a tmpfs needs root");
        return;
    }
    const std::string input = numbered_lines(0, 60'000);
    write_file(folder / "in.log", input);
    write_file(
        folder / "pipe.toml",
        "data_dir = \"state\"\n[engine]\nmemory_limit = \"4MiB\"\ncommit_interval = \"5ms\"\n"
        "[sources.in]\ntype = \"file\"\ninclude = [\"in.log\"]\nend = \"eof\"\n"
        "[sinks.a]\ntype = \"file\"\ninputs = [\"in\"]\npath = \"small/a\"\n"
        "retry = { initial_backoff = \"5ms\", max_backoff = \"50ms\" }\n"
        "[sinks.b]\ntype = \"file\"\ninputs = [\"in\"]\npath = \"b\"\n");
    {
        Process process(folder / "pipe.toml", folder / "log");
        REQUIRE_FALSE(process.ended_within(700));
        CHECK(std::filesystem::file_size(folder / "small/a") <= 2u << 20);
        if (!kill_while_full) {
            REQUIRE(small.grow());
            REQUIRE(process.ended_within(30'000));
            INFO(read_file(folder / "log"));
            CHECK(process.exit_code() == 0);
        }
    }
    if (kill_while_full) {
        REQUIRE(small.grow());
        Process process(folder / "pipe.toml", folder / "log");
        REQUIRE(process.ended_within(30'000));
        INFO(read_file(folder / "log"));
        CHECK(process.exit_code() == 0);
    }
    CHECK((read_file(folder / "small/a") == input));
    CHECK((read_file(folder / "b") == input));
}

}  // namespace

TEST_CASE("a full disk heals by itself and nothing is lost, repeated or torn") { full_disk(false); }

TEST_CASE("a program killed while its disk is full goes on when there is room again") {
    full_disk(true);
}
