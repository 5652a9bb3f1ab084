#include "core/codec/record_scan.hpp"

#include <algorithm>

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"
#include "core/record/packed.hpp"

namespace holdfast::codec {
namespace {

// So that few extents are held however small the records are.
constexpr std::size_t window = 4096;
constexpr std::byte comma{','};

}  // namespace

const char* framing_name(Framing framing) {
    static constexpr std::array<const char*, 7> names{"lines",  "json_array", "msgpack", "one",
                                                      "packed", "json",       "length"};
    return names.at(static_cast<std::size_t>(framing));
}

Framing bytes_of(Framing framing) { return framing == Framing::json ? Framing::lines : framing; }

bool has_any_bytes(Framing framing) {
    return framing == Framing::packed || framing == Framing::json || framing == Framing::length;
}

std::span<const std::byte> payload_in(Framing framing, std::span<const std::byte> record) {
    if (framing != Framing::length) return record;
    return record.subspan(std::min(record.size(), LengthFraming::head_size));
}

RecordScan::RecordScan(Framing framing, std::span<const std::byte> bytes)
    : framing_(framing),
      bytes_(bytes),
      array_(ArrayFraming::before_element(0, INT64_MAX)),
      values_(framing, INT64_MAX) {
    HF_ASSERT(framing != Framing::lines && bytes_of(framing) == framing);
}

void RecordScan::look_on() {
    found_.clear();
    given_ = 0;
    if (framing_ == Framing::one) {
        if (!bytes_.empty()) found_.push_back({0, bytes_.size()});
        ended_ = true;
        return;
    }
    while (found_.empty() && !ended_) {
        const auto rest = bytes_.subspan(looked_);
        const auto some = rest.first(std::min(window, rest.size()));
        looked_ += some.size();
        ended_ = looked_ == bytes_.size();
        if (framing_ != Framing::json_array) {
            ended_ = !values_.feed(some, found_) || ended_;
            continue;
        }
        ended_ = !array_.feed(some, found_) || ended_;
        // The last element ends where the bytes do.
        if (ended_ && array_.waiting_from() < array_.offset())
            (void)array_.feed({&comma, 1}, found_);
    }
}

bool RecordScan::next_packed(StreamExtent& record) {
    if (looked_ == bytes_.size()) return false;
    const auto view = packing::view_of(bytes_.subspan(looked_));
    HF_ASSERT(view.has_value());
    record = {looked_, looked_ + view->size};
    looked_ += view->size;
    return true;
}

bool RecordScan::next(StreamExtent& record) {
    if (framing_ == Framing::packed) return next_packed(record);
    if (given_ == found_.size() && !ended_) look_on();
    if (given_ == found_.size()) return false;
    record = found_[given_++];
    return true;
}

std::size_t begin_of_record(Framing framing, std::span<const std::byte> bytes, std::uint64_t n) {
    RecordScan scan(framing, bytes);
    StreamExtent record;
    for (std::uint64_t i = 0; scan.next(record); ++i)
        if (i == n) return record.begin;
    return bytes.size();
}

std::span<const std::byte> records_of(Framing framing, std::span<const std::byte> bytes,
                                      std::uint64_t begin, std::uint64_t end) {
    HF_ASSERT(begin < end);
    RecordScan scan(framing, bytes);
    StreamExtent record;
    std::uint64_t from = 0;
    for (std::uint64_t i = 0; i < end; ++i) {
        const bool there = scan.next(record);
        HF_ASSERT(there);
        if (i == begin) from = record.begin;
    }
    return bytes.subspan(from, record.end - from);
}

}  // namespace holdfast::codec
