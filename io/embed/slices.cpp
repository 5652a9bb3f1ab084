// See slices.hpp.
#include "io/embed/slices.hpp"

#include <algorithm>
#include <bit>
#include <iterator>

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

namespace {

/// The tokens that are due with the first `n` of more records.
std::size_t due_tokens(const Batch& batch, std::size_t n) {
    if (mutant(180) && batch.tokens.size() == batch.records.size()) return n;
    if (mutant(181) && batch.token_ends.empty()) return batch.tokens.size();
    const auto& ends = batch.token_ends;
    const auto due = std::upper_bound(ends.begin(), ends.end(), n + (mutant(182) ? 1u : 0u));
    return static_cast<std::size_t>(due - ends.begin());
}

}  // namespace

std::optional<Batch> cut_rest(Batch& batch, std::uint32_t records_max, std::uint32_t bytes_max) {
    std::uint64_t bytes = 0;
    std::size_t n = 0;
    for (; n < batch.records.size(); ++n) {
        bytes += bytes_of(batch.records[n]);
        if (n > 0 && (n >= records_max || bytes > bytes_max)) break;
    }
    if (n == batch.records.size()) return std::nullopt;
    Batch rest;
    rest.partition = batch.partition;
    const auto at = static_cast<std::ptrdiff_t>(n);
    rest.records.assign(std::make_move_iterator(batch.records.begin() + at),
                        std::make_move_iterator(batch.records.end()));
    batch.records.resize(n);
    const std::size_t due = due_tokens(batch, n);
    const auto tokens_at = static_cast<std::ptrdiff_t>(due);
    rest.tokens.assign(batch.tokens.begin() + tokens_at, batch.tokens.end());
    batch.tokens.resize(due);
    if (batch.token_ends.empty()) return rest;
    for (std::size_t i = due; i < batch.token_ends.size(); ++i)
        rest.token_ends.push_back(batch.token_ends[i] - static_cast<std::uint32_t>(n));
    batch.token_ends.resize(due);
    return rest;
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
    for (const Record& r : out.records) {
        out.bytes += r.payload.size();
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
