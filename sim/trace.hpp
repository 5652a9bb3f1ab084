// The trace of a run: a 128-bit hash chained over all that entered and left the engine, and, where
// asked, its text.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/engine/engine.hpp"
#include "core/model/effects.hpp"
#include "core/model/event.hpp"
#include "core/model/names.hpp"

namespace holdfast::sim {

struct TraceHash {
    std::uint64_t low = 0x243f6a8885a308d3ULL;
    std::uint64_t high = 0x13198a2e03707344ULL;
    bool operator==(const TraceHash&) const = default;

    void add(std::uint64_t value) {
        low = (low ^ value) * 0x9e3779b97f4a7c15ULL;
        low ^= low >> 29;
        high = (high + value) * 0xbf58476d1ce4e5b9ULL ^ low;
        high = high << 23 | high >> 41;
    }
    std::string text() const;
};

class Trace {
public:
    void begin(bool with_text) {
        hash_ = TraceHash{};
        lines_.clear();
        with_text_ = with_text;
    }
    void event(Instant now, const Event& event);
    void effect(const Effect& effect, const Effects& all);
    void state(const StateHash& hash) {
        hash_.add(hash.low);
        hash_.add(hash.high);
    }
    void note(Instant now, const std::string& what);

    bool with_text() const { return with_text_; }
    const TraceHash& hash() const { return hash_; }
    const std::vector<std::string>& lines() const { return lines_; }

private:
    TraceHash hash_;
    std::vector<std::string> lines_;
    bool with_text_ = false;
};

std::string text_of(const Event& event);
std::string text_of(const Effect& effect, const Effects& all);
/// As 41.203117s.
std::string text_of(Instant at);

}  // namespace holdfast::sim
