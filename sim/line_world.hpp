// What the worlds of lines share: words, the JSON that they are, and programs that are run over records.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/mix.hpp"
#include "core/data/program.hpp"
#include "sim/breach.hpp"

namespace holdfast::sim {

class LineDraw {
public:
    explicit LineDraw(std::uint64_t seed) : seed_(seed) {}
    std::uint64_t below(std::uint64_t n) { return scale(mix(seed_, 0x6c696e65, 0, ++asked_), n); }
    bool one_of(std::uint64_t n) { return below(n) == 0; }

    /// So many characters at most; `wild`: also those that mean something somewhere.
    std::string word(std::uint64_t most, bool wild) {
        static constexpr std::string_view plain[] = {"a", "b", "k", "Z", "_", "1", ".", "é", "日"};
        static constexpr std::string_view odd[] = {" ",
                                                   "=",
                                                   "\"",
                                                   "\\",
                                                   "\n",
                                                   "\t",
                                                   ",",
                                                   ";",
                                                   ":",
                                                   "\r",
                                                   "{",
                                                   "/",
                                                   "\x01",
                                                   "\\n",
                                                   "😀",
                                                   "'",
                                                   std::string_view("\0", 1)};
        std::string out;
        for (std::uint64_t n = below(most + 1); n > 0; --n)
            out += wild && one_of(2) ? odd[below(std::size(odd))] : plain[below(std::size(plain))];
        return out;
    }
    /// As JSON writes it.
    std::string number() {
        static constexpr std::string_view all[] = {"0",   "7",    "-1",   "1.50",
                                                   "1e3", "-0.0", "1E-2", "12345678901234567890"};
        return std::string(all[below(std::size(all))]);
    }

private:
    std::uint64_t seed_;
    std::uint64_t asked_ = 0;
};

/// As a JSON string, with as few escapes as there can be.
std::string json_text(std::string_view text);
/// Whether it is a number as JSON writes it.
bool is_number(std::string_view text);

/// Keys, and values as JSON.
using JsonMembers = std::vector<std::pair<std::string, std::string>>;
/// Of equal keys the last value, where the first one stood.
void put(JsonMembers& members, const std::string& key, std::string json);
std::string object_of(const JsonMembers& members);

/// A program, and what it gives of a record.
class LineRuns {
public:
    explicit LineRuns(std::unique_ptr<Program> program) : program_(std::move(program)) {}

    /// The record that comes out; "! " and the error; "-": none does.
    std::string over(std::string_view record);
    /// Demands it (I96), twice; `what`: of the program, for the breach.
    void demand_over(std::string_view record, std::string_view outcome, const std::string& what);

private:
    std::unique_ptr<Program> program_;
};

/// Lines of CSV, of syslog, and such as a pattern matches.
void run_forms(std::uint64_t seed);

}  // namespace holdfast::sim
