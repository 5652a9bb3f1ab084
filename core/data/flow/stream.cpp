#include "core/data/flow/stream.hpp"

#include <cstring>

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"

namespace holdfast::flow {

using codec::Framing;

namespace {

// Memory that stays for the next slice.
constexpr std::size_t kept_bytes = std::size_t{1} << 20;

template <class T>
void clear(std::vector<T>& values) {
    values.clear();
    if (values.capacity() * sizeof(T) > kept_bytes && !mutant(199)) values = std::vector<T>();
}

}  // namespace

void Stream::begin(std::span<const std::byte> input, std::size_t begin, Framing framing) {
    HF_ASSERT(input.size() <= UINT32_MAX);
    framing_ = framing;
    input_ = input;
    begin_ = expected_ = begin;
    run_begin_ = run_end_ = 0;
    clear(bytes_);
    clear(origins_);
    clear(heads_);
    clear(head_at_);
    records_ = 0;
    whole_ = true;
}

void Stream::keep(std::size_t offset, std::size_t length) {
    HF_ASSERT(offset + length <= input_.size());
    ++records_;
    if (whole_) {
        if (offset == expected_) {
            expected_ += length;
            return;
        }
        part_from_input();
    }
    if (offset != run_end_) {
        flush();
        run_begin_ = offset;
    }
    run_end_ = offset + length;
    note(offset, nullptr);
}

void Stream::append(std::span<const std::byte> record, std::size_t origin,
                    const packing::Extras* extras) {
    if (whole_) part_from_input();
    flush();
    HF_ASSERT(framing_ != Framing::json_array);
    ++records_;
    if (framing_ == Framing::packed) {
        HF_ASSERT(extras != nullptr);
        packing::append_packed(*extras, record, bytes_);
        return note(origin, nullptr);
    }
    bytes_.insert(bytes_.end(), record.begin(), record.end());
    if (framing_ == Framing::lines) bytes_.push_back(std::byte{'\n'});
    note(origin, extras);
}

void Stream::note_head(const packing::Extras* extras) {
    head_at_.resize(origins_.size(), no_head);
    const auto at = static_cast<std::uint32_t>(heads_.size());
    head_at_.push_back(extras == nullptr ? no_head : mutant(520) ? 0 : at);
    if (extras != nullptr) packing::append_packed(*extras, {}, heads_);
}

std::vector<std::byte>& Stream::open() {
    HF_ASSERT(!whole_);
    flush();
    return bytes_;
}

void Stream::appended(std::uint32_t outputs, std::size_t origin, const packing::Extras* extras) {
    HF_ASSERT(!whole_);
    records_ += outputs;
    for (; outputs > 0; --outputs) note(origin, extras);
}

/// What was kept so far becomes a run of its own; its records are found again.
void Stream::part_from_input() {
    whole_ = false;
    run_begin_ = begin_;
    run_end_ = expected_;
    if (framing_ == Framing::lines) return origins_of_lines();
    codec::RecordScan scan(framing_, input_.subspan(begin_, expected_ - begin_));
    codec::StreamExtent record;
    while (scan.next(record)) origins_.push_back(static_cast<std::uint32_t>(begin_ + record.begin));
}

void Stream::origins_of_lines() {
    for (std::size_t at = begin_; at < expected_;) {
        origins_.push_back(static_cast<std::uint32_t>(at));
        const void* newline = std::memchr(input_.data() + at, '\n', expected_ - at);
        if (newline == nullptr) break;
        at = static_cast<std::size_t>(static_cast<const std::byte*>(newline) - input_.data()) + 1;
    }
}

void Stream::flush() {
    if (run_begin_ == run_end_) return;
    const auto run = input_.subspan(run_begin_, run_end_ - run_begin_);
    bytes_.insert(bytes_.end(), run.begin(), run.end());
    if (framing_ == Framing::json_array) {
        bytes_.push_back(std::byte{','});
    } else if (framing_ == Framing::lines && run.back() != std::byte{'\n'}) {
        bytes_.push_back(std::byte{'\n'});
    }
    run_begin_ = run_end_ = 0;
}

void Stream::finish(std::size_t end) {
    if (whole_ && expected_ == end) return;
    if (whole_) part_from_input();
    flush();
    HF_ASSERT(origins_.size() == records_);
    HF_ASSERT(head_at_.empty() || head_at_.size() == records_);
}

}  // namespace holdfast::flow
