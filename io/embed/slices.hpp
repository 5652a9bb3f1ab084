// Cutting batches: to the limits of a pull, to the bytes of a slice; and sorting a transform's
// output by sink.
#pragma once

#include <span>
#include <string>
#include <utility>

#include "io/embed/books.hpp"

namespace holdfast::embed {

/// What is wrong with a batch's token_ends, for the user; empty: nothing.
std::string wrong_ends(const Batch& batch);

/// A batch's own dead letters count as its first records, the others follow.
inline std::size_t size_of(const Batch& batch) {
    return batch.dead_letters.size() + batch.records.size();
}

/// A batch that goes on in pieces, each within the limits of its pull. A token goes with the piece
/// that has the last record that it stands for (see Batch::token_ends); without ends all go with
/// the last piece. The batch's own dead letters go with the first one.
class Pieces {
public:
    Pieces() = default;
    /// Requires: wrong_ends(batch) is empty.
    explicit Pieces(Batch batch) : batch_(std::move(batch)), any_(true) {}

    /// The next one: at most so many records and bytes, at least one record. Its cost is what is
    /// in it. Requires: any().
    Batch next(std::uint32_t records_max, std::uint32_t bytes_max);
    bool any() const { return any_; }
    /// What is still to come. Requires: any(), for the partition.
    std::uint32_t partition() const { return batch_.partition; }
    std::size_t records() const { return any_ ? size_of(batch_) - record_ : 0; }
    std::span<const Token> tokens() const { return std::span(batch_.tokens).subspan(token_); }

private:
    std::size_t due_tokens(std::size_t end) const;

    Batch batch_;
    std::size_t record_ = 0;  ///< The first of each that is still to come.
    std::size_t token_ = 0;
    bool any_ = false;
};

struct Slice {
    std::vector<Record> records;
    std::vector<DeadLetter> dead_letters;
    std::uint64_t bytes = 0;  ///< Of payloads.
    std::uint64_t held = 0;   ///< In memory.
    std::uint32_t end = 0;    ///< The first one that was left.
};

/// Moves records out of the batch, from `begin`: at least one, then more while their bytes stay
/// within `bytes_max`, up to `end`.
Slice take_slice(Batch& batch, std::uint32_t begin, std::uint32_t end, std::uint32_t bytes_max);

/// What each sink gets.
Outputs sort_out(Output output, std::uint32_t sinks);

}  // namespace holdfast::embed
