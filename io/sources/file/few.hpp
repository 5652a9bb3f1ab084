// Of log lines of one kind the first few; then a word of how many more there were.
//
// Thousands of files that come or fail at once would otherwise be thousands of lines.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "io/log.hpp"
#include "io/ring.hpp"

namespace holdfast::io {

class Few {
public:
    static constexpr std::uint32_t lines_max = 20;
    static constexpr Duration window = seconds(10);

    /// `what`: "files found"; for the word at the end.
    explicit Few(std::string what) : what_(std::move(what)) {}

    /// The level for one more line: as asked, or debug beyond the first few of a window.
    Level level(Level asked, Instant now) {
        if (now >= until_) {
            until_ = now + window;
            said_ = 0;
        }
        if (said_ < lines_max) {
            ++said_;
            return asked;
        }
        ++unsaid_;
        return Level::debug;
    }
    /// To be asked now and then: the word on what was not said, or "".
    std::string rest() {
        if (unsaid_ == 0) return {};
        return std::to_string(std::exchange(unsaid_, 0)) + " more " + what_ +
               " (all of them with --verbose)";
    }

private:
    std::string what_;
    Instant until_{};
    std::uint32_t said_ = 0;
    std::uint64_t unsaid_ = 0;
};

}  // namespace holdfast::io
