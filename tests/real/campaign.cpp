#include "campaign.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "core/base/mix.hpp"

namespace campaign {

namespace fs = std::filesystem;

Folder::Folder() {
    std::string name = (fs::temp_directory_path() / "holdfast-kill-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
}

Folder::~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

std::string Folder::operator/(std::string_view name) const {
    return path_ + "/" + std::string(name);
}

void write_file(const std::string& path, std::string_view text) {
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

void append_file(const std::string& path, std::string_view text) {
    std::ofstream(path, std::ios::binary | std::ios::app) << text;
}

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

std::string numbered_lines(std::uint64_t first, std::uint64_t count) {
    std::string out;
    for (std::uint64_t i = first; i < first + count; ++i) {
        out += std::to_string(i);
        out += ' ';
        out.append(20 + i * 7 % 150, static_cast<char>('a' + i % 26));
        out += '\n';
    }
    return out;
}

Process::Process(const std::string& config, const std::string& log) {
    const std::string program = std::string(HF_BINARY_DIR) + "/holdfast";
    pid_ = fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
        const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
        dup2(out, 1);
        dup2(out, 2);
        execl(program.c_str(), "holdfast", "run", "--progress", "off", config.c_str(), nullptr);
        _exit(127);
    }
}

Process::~Process() {
    if (pid_ > 0) kill();
}

void Process::signal(int number) const { ::kill(pid_, number); }

bool Process::ended_within(std::int64_t milliseconds) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
    for (;;) {
        int status = 0;
        if (waitpid(pid_, &status, WNOHANG) == pid_) {
            pid_ = -1;
            exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            return true;
        }
        if (std::chrono::steady_clock::now() >= until) return false;
        std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
}

void Process::kill() {
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
}

std::int64_t Waits::next(std::int64_t low, std::int64_t high) {
    const std::uint64_t bits = holdfast::mix(seed_, 1, 0, count_++);
    return low + static_cast<std::int64_t>(
                     holdfast::scale(bits, static_cast<std::uint64_t>(high - low + 1)));
}

Verdict judge(const std::string& text, std::uint64_t count) {
    Verdict v;
    std::vector<std::uint32_t> seen(count, 0);
    std::uint64_t before = 0;
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t end = text.find('\n', at);
        const std::uint64_t number = std::strtoull(text.c_str() + at, nullptr, 10);
        if (end == std::string::npos || number >= count ||
            text.compare(at, end + 1 - at, numbered_lines(number, 1)) != 0) {
            ++v.torn;
        } else {
            if (seen[number]++ > 0) ++v.repeated;
            if (number < before) ++v.jumps;
            before = number;
        }
        if (end == std::string::npos) break;
        at = end + 1;
    }
    for (const std::uint32_t times : seen) v.lost += times == 0;
    return v;
}

int run_with_kills(const std::string& config, const std::string& log, std::uint32_t kills,
                   std::int64_t wait_ms_max, Waits& waits, void (*begin_again)(const Folder&),
                   const Folder& folder, const std::string& output, std::uint64_t size) {
    std::uint32_t runs = 0;
    for (std::uint32_t killed = 0; killed < kills;) {
        REQUIRE(++runs < kills * 40);
        Process process(config, log);
        if (process.ended_within(waits.next(0, wait_ms_max))) {
            INFO(read_file(log));
            REQUIRE(process.exit_code() == 0);
            begin_again(folder);
            continue;
        }
        process.kill();
        std::error_code missing;
        const std::uint64_t written = fs::file_size(output, missing);
        if (!missing && written > 0 && written < size) ++killed;
    }
    Process process(config, log);
    INFO(read_file(log));
    REQUIRE(process.ended_within(120'000));
    return process.exit_code();
}

}  // namespace campaign
