// Why a sink did not take records, in its own words, until they become dead letters.
//
// Rule 1: words are of one attempt: of the records that it covered, and of no others. The last count.
// Rule 2: a batch's id is never used again, so words of what is over meet nothing.
// Bound: so many ranges for each sink; of older ones nobody knows why.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/model/effect.hpp"

namespace holdfast::io {

class SinkWords {
public:
    void say(SinkId sink, std::span<const Part> parts, std::string_view text) {
        std::deque<Range>& said = said_[sink.index];
        std::shared_ptr<const std::string> shared;
        for (const Part& part : parts) {
            if (!said.empty() && said.back().batch == part.batch && *said.back().text == text &&
                said.back().begin <= part.begin && part.begin <= said.back().end) {
                said.back().end = std::max(said.back().end, part.end);
                continue;
            }
            if (!shared) shared = std::make_shared<const std::string>(text);
            said.push_back({part.batch, part.begin, part.end, shared});
            if (said.size() > ranges_max) said.pop_front();
        }
    }

    /// Of an output, by its number in its batch; empty: nobody said. Lives: until the next say().
    std::string_view of(SinkId sink, BatchId batch, std::uint32_t output) const {
        const auto said = said_.find(sink.index);
        if (said == said_.end()) return {};
        for (auto at = said->second.rbegin(); at != said->second.rend(); ++at)
            if (at->batch == batch && at->begin <= output && output < at->end) return *at->text;
        return {};
    }

private:
    static constexpr std::size_t ranges_max = 256;
    struct Range {
        BatchId batch;
        std::uint32_t begin = 0;
        std::uint32_t end = 0;
        std::shared_ptr<const std::string> text;
    };
    std::map<std::uint16_t, std::deque<Range>> said_;
};

}  // namespace holdfast::io
