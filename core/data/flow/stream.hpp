// What one stream (or the dead letters) gets of a slice, while the slice is evaluated.
//
// Rule 1: as long as every record was kept, once and in order, nothing is copied: `whole()`.
// Rule 2: afterwards kept records are copied in runs, changed ones appended; each ends with '\n', or
//         as the stream's framing has it (codec/record_scan.hpp).
// Rule 3: the origin of each output is the offset of its input record in the batch.
// Rule 4: what an output has beside its payload (key, headers, timestamp, and its position) stands in
//         its head, where the stream is packed; else in a column beside the bytes, made for the first
//         output that has such a thing.
// Bound: at most what the caller appends; 1 MiB of it stays for the next slice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/codec/record_scan.hpp"
#include "core/record/packed.hpp"

namespace holdfast::flow {

class Stream {
public:
    static constexpr std::uint32_t no_head = UINT32_MAX;

    /// A new slice of a batch: its input bytes, beginning with the record at `begin`. `framing` is
    /// this stream's; a stream that keeps records has that of the input.
    void begin(std::span<const std::byte> input, std::size_t begin,
               codec::Framing framing = codec::Framing::lines);
    /// A record of the input with its very bytes [offset, offset + length), its newline included
    /// where it has one.
    void keep(std::size_t offset, std::size_t length);
    /// A record that is new, without newline; `extras` with its position. Requires: not json_array;
    /// extras where it is packed.
    void append(std::span<const std::byte> record, std::size_t origin,
                const packing::Extras* extras = nullptr);

    /// For a program that writes here itself; `appended` must follow. Requires !whole(), not packed.
    std::vector<std::byte>& open();
    void appended(std::uint32_t outputs, std::size_t origin,
                  const packing::Extras* extras = nullptr);

    /// The slice ends before `end`. Afterwards either whole(), or bytes() and origins() are it.
    void finish(std::size_t end);

    bool whole() const { return whole_; }
    codec::Framing framing() const { return framing_; }
    std::uint32_t records() const { return records_; }
    /// Requires !whole().
    std::span<const std::byte> bytes() const { return bytes_; }
    std::span<const std::uint32_t> origins() const { return origins_; }
    /// The column: packed records without payload, and by output the offset of its own; no_head: it
    /// has none. Both empty: no output has one.
    std::span<const std::byte> heads() const { return heads_; }
    std::span<const std::uint32_t> head_at() const { return head_at_; }
    /// Bytes that are not the input's own.
    std::size_t size() const {
        return bytes_.size() + (run_end_ - run_begin_) + heads_.size() +
               head_at_.size() * sizeof(std::uint32_t);
    }
    /// Gives away what was written: for where it must not be copied.
    std::vector<std::byte> take_bytes() { return std::move(bytes_); }
    std::vector<std::uint32_t> take_origins() { return std::move(origins_); }
    std::vector<std::byte> take_heads() { return std::move(heads_); }
    std::vector<std::uint32_t> take_head_at() { return std::move(head_at_); }

private:
    void part_from_input();
    void origins_of_lines();
    void flush();
    void note_head(const packing::Extras* extras);
    /// The origin of the next output, and its place in the column.
    void note(std::size_t origin, const packing::Extras* extras) {
        if (extras != nullptr || !head_at_.empty()) note_head(extras);
        origins_.push_back(static_cast<std::uint32_t>(origin));
    }

    std::span<const std::byte> input_;
    std::size_t begin_ = 0;
    std::size_t expected_ = 0;  ///< Of a stream that is whole so far: where the next record begins.
    std::size_t run_begin_ = 0;
    std::size_t run_end_ = 0;  ///< Kept bytes that are not copied yet.
    std::vector<std::byte> bytes_;
    std::vector<std::uint32_t> origins_;
    std::vector<std::byte> heads_;
    std::vector<std::uint32_t> head_at_;
    std::uint32_t records_ = 0;
    bool whole_ = true;
    codec::Framing framing_ = codec::Framing::lines;
};

}  // namespace holdfast::flow
