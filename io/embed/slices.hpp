// Cutting batches: to the limits of a pull, to the bytes of a slice; and sorting a transform's
// output by sink.
#pragma once

#include <optional>
#include <string>

#include "io/embed/books.hpp"

namespace holdfast::embed {

/// What is wrong with a batch's token_ends, for the user; empty: nothing.
std::string wrong_ends(const Batch& batch);

/// Cuts a batch to at most so many records and bytes, at least one record; returns the rest, if
/// there is one. A token goes with the piece that has the last record that it stands for (see
/// Batch::token_ends); without ends all go with the last piece. Its own dead letters stay.
/// Requires: wrong_ends(batch) is empty.
std::optional<Batch> cut_rest(Batch& batch, std::uint32_t records_max, std::uint32_t bytes_max);

/// A batch's own dead letters count as its first records, the others follow.
inline std::size_t size_of(const Batch& batch) {
    return batch.dead_letters.size() + batch.records.size();
}

struct Slice {
    std::vector<Record> records;
    std::vector<DeadLetter> dead_letters;
    std::uint64_t bytes = 0;
    std::uint32_t end = 0;  ///< The first one that was left.
};

/// Moves records out of the batch, from `begin`: at least one, then more while their bytes stay
/// within `bytes_max`, up to `end`.
Slice take_slice(Batch& batch, std::uint32_t begin, std::uint32_t end, std::uint32_t bytes_max);

/// What each sink gets.
Outputs sort_out(Output output, std::uint32_t sinks);

}  // namespace holdfast::embed
