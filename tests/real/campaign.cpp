#include "tests/real/campaign.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string_view>

#include "core/base/mix.hpp"

namespace holdfast::real {

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

std::int64_t Waits::next(std::int64_t low, std::int64_t high) {
    const std::uint64_t bits = mix(seed_, 1, 0, count_++);
    return low + static_cast<std::int64_t>(scale(bits, static_cast<std::uint64_t>(high - low + 1)));
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

std::string payloads_of(const std::string& dead_letters) {
    std::istringstream text(dead_letters);
    std::string out;
    for (std::string line; std::getline(text, line);) {
        constexpr std::string_view head = "\"payload\":\"";
        const std::size_t at = line.find(head);
        if (at == std::string::npos || !line.ends_with("\"}")) return out + "a torn dead letter\n";
        const std::size_t begin = at + head.size();
        out += line.substr(begin, line.size() - 2 - begin) + "\n";
    }
    return out;
}

Exited run_with_kills(const std::string& config, std::uint32_t kills, std::int64_t wait_ms_max,
                      Waits& waits, void (*begin_again)(const TempDir&), const TempDir& folder,
                      const std::string& output, std::uint64_t size) {
    std::uint32_t runs = 0;
    std::int64_t reach_ms = wait_ms_max;  // As long as a run takes here, about.
    for (std::uint32_t killed = 0; killed < kills;) {
        REQUIRE(++runs < kills * 40);
        const auto begin = std::chrono::steady_clock::now();
        Process process(program({"run", "--progress", "off", config}));
        if (process.wait(std::chrono::milliseconds(waits.next(0, reach_ms)))) {
            INFO(process.result().err);
            REQUIRE(process.result().code == 0);
            const auto took = std::chrono::steady_clock::now() - begin;
            reach_ms = std::chrono::ceil<std::chrono::milliseconds>(took).count();
            begin_again(folder);
            continue;
        }
        process.kill();
        std::error_code missing;
        const std::uint64_t written = std::filesystem::file_size(output, missing);
        const bool hit = !missing && written > 0 && written < size;
        killed += hit;
        if (!hit) reach_ms += 1 + reach_ms / 8;
    }
    return run({"run", "--progress", "off", config}, {}, std::chrono::seconds(120));
}

}  // namespace holdfast::real
