// See slices.hpp.
#include "io/embed/slices.hpp"

#include <algorithm>
#include <bit>
#include <iterator>

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"

namespace holdfast::embed {

std::string wrong_ends(const Batch& batch) {
    if (batch.token_ends.empty()) return {};
    if (batch.token_ends.size() != batch.tokens.size())
        return std::to_string(batch.tokens.size()) + " tokens have " +
               std::to_string(batch.token_ends.size()) + " token_ends: give one each, or none";
    std::uint32_t before = 0;
    for (const std::uint32_t end : batch.token_ends) {
        if (end < before || end > batch.records.size())
            return "token_ends fall, or lie beyond the records: " + std::to_string(end) +
                   " after " + std::to_string(before) + " in a batch of " +
                   std::to_string(batch.records.size());
        before = end;
    }
    return {};
}

/// The first token that is not due with the records before `end`.
std::size_t Pieces::due_tokens(std::size_t end) const {
    if (mutant(180) && batch_.tokens.size() - token_ == batch_.records.size() - record_)
        return token_ + (end - record_);
    if (mutant(181) && batch_.token_ends.empty()) return batch_.tokens.size();
    const auto& ends = batch_.token_ends;
    const auto from = ends.begin() + static_cast<std::ptrdiff_t>(std::min(token_, ends.size()));
    const auto due = std::upper_bound(from, ends.end(), end + (mutant(182) ? 1u : 0u));
    return std::max(token_, static_cast<std::size_t>(due - ends.begin()));
}

Batch Pieces::next(std::uint32_t records_max, std::uint32_t bytes_max) {
    HF_ASSERT(any_);
    std::uint64_t bytes = 0;
    std::size_t end = record_;
    for (; end < batch_.records.size(); ++end) {
        bytes += bytes_of(batch_.records[end]);
        if (end > record_ && (end - record_ >= records_max || bytes > bytes_max)) break;
    }
    const bool last = end == batch_.records.size();
    if (last && record_ == 0) {
        any_ = false;
        return std::move(batch_);
    }
    const std::size_t due = last ? batch_.tokens.size() : due_tokens(end);
    const auto at = [](auto& all, std::size_t n) {
        return all.begin() + static_cast<std::ptrdiff_t>(n);
    };
    Batch piece;
    piece.partition = batch_.partition;
    piece.dead_letters = std::exchange(batch_.dead_letters, {});
    piece.records.assign(std::make_move_iterator(at(batch_.records, record_)),
                         std::make_move_iterator(at(batch_.records, end)));
    piece.tokens.assign(at(batch_.tokens, token_), at(batch_.tokens, due));
    for (std::size_t i = token_; i < due && !batch_.token_ends.empty(); ++i)
        piece.token_ends.push_back(batch_.token_ends[i] - static_cast<std::uint32_t>(record_));
    record_ = end;
    token_ = due;
    if (last) {
        any_ = false;
        batch_ = {};
    }
    return piece;
}

Slice take_slice(Batch& batch, std::uint32_t begin, std::uint32_t end, std::uint32_t bytes_max) {
    Slice out;
    const std::size_t dead = batch.dead_letters.size();
    for (out.end = begin; out.end < end; ++out.end) {
        const std::size_t n = out.end;
        Record& record = n < dead ? batch.dead_letters[n].record : batch.records[n - dead];
        const std::uint64_t one = record.payload.size();
        if (n > begin && bytes_max != UINT32_MAX && out.bytes + one > bytes_max) break;
        out.bytes += one;
        out.held += bytes_of(record);
        if (n < dead)
            out.dead_letters.push_back(std::move(batch.dead_letters[n]));
        else
            out.records.push_back(std::move(record));
    }
    return out;
}

Outputs sort_out(Output output, std::uint32_t sinks) {
    Outputs out;
    out.records = std::move(output.records);
    out.dead_letters = std::move(output.dead_letters);
    const SinkMask all = sinks >= 64 ? ~SinkMask{0} : (SinkMask{1} << sinks) - 1;
    bool routed = false;
    for (const DeadLetter& letter : out.dead_letters)
        out.held += bytes_of(letter.record) + letter.why.size();
    for (const Record& r : out.records) {
        out.bytes += r.payload.size();
        out.held += bytes_of(r);
        routed = routed || (r.sinks & all) != all;
    }
    if (!routed) return out;
    out.by_sink.resize(sinks);
    for (std::uint32_t n = 0; n < out.records.size(); ++n)
        for (SinkMask left = out.records[n].sinks & all; left; left &= left - 1)
            out.by_sink[static_cast<std::size_t>(std::countr_zero(left))].push_back(n);
    return out;
}

}  // namespace holdfast::embed
