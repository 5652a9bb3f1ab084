// Cutting batches: to the limits of a pull, to the bytes of a slice; and sorting a transform's
// output by sink.
#pragma once

#include <optional>

#include "io/embed/books.hpp"

namespace holdfast::embed {

/// Cuts a batch to at most so many records and bytes, at least one record; returns the rest, if
/// there is one. If there is one token a record, each goes with its record; else all of them go
/// with the last piece.
std::optional<Batch> cut_rest(Batch& batch, std::uint32_t records_max, std::uint32_t bytes_max);

/// Moves records of the batch to `out`, from `begin`: at least one, then more while their bytes stay
/// within `bytes_max`, up to `end`. Returns the first one that was left.
std::uint32_t take_slice(Batch& batch, std::uint32_t begin, std::uint32_t end,
                         std::uint32_t bytes_max, std::vector<Record>& out, std::uint64_t& bytes);

/// What each sink gets.
Outputs sort_out(Output output, std::uint32_t sinks);

}  // namespace holdfast::embed
