#include <algorithm>

#include "core/base/assert.hpp"
#include "core/codec/msgpack_head.hpp"
#include "core/codec/stream_framing.hpp"

namespace holdfast::codec {
namespace {

// Promised by nested heads; more would take longer to come than anybody waits.
constexpr std::uint64_t values_max = std::uint64_t{1} << 62;

}  // namespace

FramingResult MsgpackFraming::fail(FramingFault fault, std::uint64_t offset) {
    failed_ = true;
    error_ = {fault, offset};
    return std::unexpected(error_);
}

/// Takes a head at `at`, of which perhaps some bytes came before. false: it is cut here too.
/// `used`: so many of these bytes belong to it.
bool MsgpackFraming::head(const char* at, const char* end, std::size_t& used) {
    const std::size_t before = head_size_;
    const std::size_t more = std::min(head_max - before, static_cast<std::size_t>(end - at));
    std::copy_n(at, more, head_.begin() + static_cast<std::ptrdiff_t>(before));
    const MsgpackHead here = msgpack_head(head_.data(), head_.data() + before + more);
    if (here.state == HeadState::truncated) {
        head_size_ += more;
        used = more;
        return false;
    }
    const std::size_t prefix = here.state == HeadState::invalid ? 1 : here.prefix;
    HF_ASSERT(prefix > before);
    used = prefix - before;
    head_size_ = 0;
    skip_ = here.payload;
    values_ += here.values;
    --values_;
    return true;
}

FramingResult MsgpackFraming::feed(std::span<const std::byte> bytes,
                                   std::vector<StreamExtent>& out) {
    HF_ASSERT(record_max_ > 0 && record_max_ <= INT64_MAX);
    if (failed_) return std::unexpected(error_);
    const char* at = reinterpret_cast<const char*>(bytes.data());
    const char* end = at + bytes.size();
    while (at != end) {
        if (skip_ == 0) {
            if (values_ == 0) values_ = 1;
            std::size_t used = 0;
            const bool whole = head(at, end, used);
            at += used;
            offset_ += used;
            if (!whole) break;
        }
        // What a head promises is believed only as far as the limit goes.
        if (offset_ - begin_ > record_max_ || skip_ > record_max_ - (offset_ - begin_) ||
            values_ > values_max) {
            return fail(FramingFault::too_long, begin_);
        }
        const std::uint64_t step = std::min(skip_, static_cast<std::uint64_t>(end - at));
        at += step;
        offset_ += step;
        skip_ -= step;
        if (skip_ > 0) break;
        if (values_ > 0) continue;
        out.push_back({begin_, offset_});
        begin_ = offset_;
    }
    return {};
}

FramingResult MsgpackFraming::finish() {
    if (failed_) return std::unexpected(error_);
    if (begin_ == offset_) return {};
    return fail(FramingFault::unexpected_end, offset_);
}

}  // namespace holdfast::codec
