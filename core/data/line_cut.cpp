#include "core/data/line_cut.hpp"

#include <algorithm>

#include "core/base/assert.hpp"
#include "core/data/framing.hpp"

namespace holdfast {
namespace {

std::size_t window(std::span<const std::byte> bytes, std::size_t from, std::size_t line_max) {
    return std::min(line_max, bytes.size() - from);
}

/// The rest of a line whose first pieces were dead letters: dead letters too, up to its newline.
Cut cut_mid_line(std::span<const std::byte> bytes, const CutRule& rule) {
    const auto head = bytes.first(window(bytes, 0, rule.line_max));
    const std::size_t end = after_newlines(head, 1);
    const bool terminated = end > 0 && head[end - 1] == std::byte{'\n'};
    const bool whole = terminated || head.size() == rule.line_max || rule.closed;
    if (!whole || end == 0) return {.mid_line = true, .waiting = head.size()};
    return {.bytes = end,
            .records = 1,
            .fate = Fate::oversized,
            .terminated = terminated,
            .mid_line = !terminated};
}

/// The first piece of a line that is too long.
Cut cut_oversized(const CutRule& rule) {
    Cut cut{.bytes = rule.line_max, .records = 1, .terminated = false};
    if (rule.oversize == Oversize::dead_letter) {
        cut.fate = Fate::oversized;
        cut.mid_line = true;
    } else if (rule.oversize == Oversize::stop) {
        cut.fate = Fate::stop;
    }
    return cut;
}

/// The longest prefix of complete lines of which none is longer than line_max.
std::size_t ordinary_lines(std::span<const std::byte> bytes, std::size_t line_max) {
    std::size_t end = 0;
    while (end < bytes.size()) {
        // The last newline within line_max of a line's begin: all lines up to it are short enough.
        const std::size_t more = complete_lines(bytes.subspan(end, window(bytes, end, line_max)));
        if (more == 0) break;
        end += more;
    }
    return end;
}

}  // namespace

Cut cut_lines(std::span<const std::byte> bytes, const CutRule& rule) {
    HF_ASSERT(rule.line_max > 0);
    HF_ASSERT(rule.records_max > 0);
    if (rule.mid_line) return cut_mid_line(bytes, rule);
    std::size_t end = ordinary_lines(bytes, rule.line_max);
    const std::size_t rest = bytes.size() - end;
    if (end == 0 && rest >= rule.line_max) return cut_oversized(rule);
    Cut cut;
    std::uint64_t records = count_newlines(bytes.first(end));
    if (rule.closed && rest > 0 && rest < rule.line_max) {
        cut.terminated = false;
        end = bytes.size();
        ++records;
    } else if (rest < rule.line_max) {
        cut.waiting = rest;
    }
    if (records > rule.records_max) {
        cut.terminated = true;
        cut.waiting = 0;
        records = rule.records_max;
        end = after_newlines(bytes.first(end), records);
    }
    cut.bytes = end;
    cut.records = static_cast<std::uint32_t>(records);
    return cut;
}

}  // namespace holdfast
