#include <algorithm>

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"
#include "core/codec/stream_framing.hpp"

namespace holdfast::codec {

FramingResult LengthFraming::fail(FramingFault fault, std::uint64_t offset) {
    failed_ = true;
    error_ = {fault, offset};
    return std::unexpected(error_);
}

FramingResult LengthFraming::feed(std::span<const std::byte> bytes,
                                  std::vector<StreamExtent>& out) {
    HF_ASSERT(record_max_ > 0 && record_max_ <= INT64_MAX);
    if (failed_) return std::unexpected(error_);
    for (std::size_t at = 0; at < bytes.size();) {
        if (head_size_ < head_size) {
            size_ = size_ << 8 | std::to_integer<std::uint32_t>(bytes[at++]);
            ++offset_;
            if (mutant(534)) size_ &= 0xff;
            if (++head_size_ < head_size) continue;
            skip_ = size_;
        }
        // What the size promises is believed only as far as the limit goes.
        const std::uint64_t before = offset_ - begin_;
        if (before > record_max_ || skip_ > record_max_ - before)
            return fail(FramingFault::too_long, begin_);
        const std::uint64_t step = std::min<std::uint64_t>(skip_, bytes.size() - at);
        at += static_cast<std::size_t>(step);
        offset_ += step;
        skip_ -= step;
        if (skip_ > 0) break;
        out.push_back({begin_, offset_});
        begin_ = offset_;
        head_size_ = 0;
        size_ = 0;
    }
    return {};
}

FramingResult LengthFraming::finish() {
    if (failed_) return std::unexpected(error_);
    if (begin_ == offset_) return {};
    return fail(FramingFault::unexpected_end, offset_);
}

}  // namespace holdfast::codec
