// Framing and line cuts against models that look at one byte at a time.
//
// Property 1: count_newlines, complete_lines and after_newlines agree with the model.
// Property 2: cut_lines agrees with the model of its three rules.
// Property 3: cut over and over, every byte is given away once and in order, and no piece is longer
//             than line_max unless it is several lines.
#include "core/data/framing.hpp"

#include <algorithm>

#include "core/base/assert.hpp"
#include "core/data/line_cut.hpp"
#include "fuzz/bytes.hpp"

namespace {

using namespace holdfast;
using View = std::span<const std::byte>;

constexpr std::byte newline{'\n'};

void check_framing(View bytes, std::uint64_t wanted) {
    std::uint64_t newlines = 0;
    std::size_t complete = 0;
    std::size_t after = wanted == 0 ? 0 : bytes.size();
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (bytes[i] != newline) continue;
        complete = i + 1;
        if (++newlines == wanted) after = i + 1;
    }
    HF_ASSERT(count_newlines(bytes) == newlines);
    HF_ASSERT(complete_lines(bytes) == complete);
    HF_ASSERT(after_newlines(bytes, wanted) == after);
}

/// One line or piece from the head of the bytes. size == 0: there is none yet.
struct Piece {
    std::size_t size = 0;
    bool terminated = false;
    bool too_long = false;  ///< line_max bytes without a newline.
};

Piece first_piece(View bytes, const CutRule& rule) {
    const std::size_t longest = std::min(bytes.size(), rule.line_max);
    for (std::size_t i = 0; i < longest; ++i) {
        if (bytes[i] == newline) return {i + 1, true, false};
    }
    if (longest == rule.line_max) return {longest, false, true};
    return {rule.closed ? longest : 0, false, false};
}

Cut model(View bytes, const CutRule& rule) {
    const Piece first = first_piece(bytes, rule);
    if (rule.mid_line && first.size == 0) return {.mid_line = true, .waiting = bytes.size()};
    if (rule.mid_line) {
        return {first.size, 1, Fate::oversized, first.terminated, !first.terminated, 0};
    }
    if (first.too_long) {
        const bool parked = rule.oversize == Oversize::dead_letter;
        const Fate fate = parked                            ? Fate::oversized
                          : rule.oversize == Oversize::stop ? Fate::stop
                                                            : Fate::deliver;
        return {first.size, 1, fate, false, parked, 0};
    }
    Cut cut;
    while (cut.records < rule.records_max) {
        const Piece piece = first_piece(bytes.subspan(cut.bytes), rule);
        if (piece.size == 0 || piece.too_long) {
            if (!piece.too_long) cut.waiting = bytes.size() - cut.bytes;
            break;
        }
        cut.bytes += piece.size;
        ++cut.records;
        cut.terminated = piece.terminated;
    }
    return cut;
}

void check_cut(View bytes, const CutRule& rule) {
    const Cut is = cut_lines(bytes, rule);
    const Cut wanted = model(bytes, rule);
    HF_ASSERT(is.bytes == wanted.bytes);
    HF_ASSERT(is.records == wanted.records);
    HF_ASSERT(is.fate == wanted.fate);
    HF_ASSERT(is.terminated == wanted.terminated);
    HF_ASSERT(is.mid_line == wanted.mid_line);
    // How much waits is only told where no further record is there already.
    const bool full = wanted.records == rule.records_max;
    if (!full) HF_ASSERT(is.waiting == wanted.waiting);
}

void cut_all(View bytes, CutRule rule) {
    rule.closed = true;
    std::size_t at = 0;
    while (at < bytes.size()) {
        const Cut cut = cut_lines(bytes.subspan(at), rule);
        HF_ASSERT(cut.bytes > 0);
        HF_ASSERT(cut.records > 0);
        HF_ASSERT(cut.records <= rule.records_max);
        HF_ASSERT(cut.bytes <= cut.records * rule.line_max);
        at += cut.bytes;
        rule.mid_line = cut.mid_line;
    }
    HF_ASSERT(at == bytes.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Bytes numbers({data, size});
    CutRule rule;
    rule.line_max = 1 + numbers.below(64);
    rule.records_max = static_cast<std::uint32_t>(1 + numbers.below(16));
    if (rule.records_max == 16) rule.records_max = UINT32_MAX;
    rule.oversize = static_cast<Oversize>(numbers.below(3));
    const std::uint64_t bits = numbers.number(1);
    rule.closed = bits & 1;
    rule.mid_line = bits & 2;
    // Text that begins anywhere within a word: the vectorised loops have seams.
    const View text = std::as_bytes(numbers.rest());
    const View bytes = text.subspan(std::min<std::size_t>(text.size(), bits >> 2 & 31));
    check_framing(bytes, bits >> 2 & 31);
    check_cut(bytes, rule);
    cut_all(bytes, rule);
    return 0;
}
