#include "io/devices/carried_lines.hpp"

#include <algorithm>
#include <cstring>

#include "io/devices/give_batch.hpp"

namespace holdfast::io {

std::span<std::byte> CarriedLines::take_block(const Pull& pull, BlockPool& pool) const {
    std::uint32_t wanted = block_allowed(pull, pool);
    // A line that fills it already gets a larger block.
    while (bytes_.size() >= wanted && wanted < pool.block_max()) wanted *= 2;
    auto block = pool.take(wanted);
    while (block.empty() && wanted > BlockPool::block_min && wanted / 2 > bytes_.size()) {
        wanted /= 2;
        block = pool.take(wanted);
    }
    return block;
}

std::size_t CarriedLines::copy_to(std::span<std::byte> block) const {
    const std::size_t carried = std::min(bytes_.size(), block.size());
    if (carried > 0) std::memcpy(block.data(), bytes_.data(), carried);
    return carried;
}

Cut CarriedLines::cut(const Pull& pull, std::span<const std::byte> block, std::size_t length,
                      std::size_t carried, bool ended, const LineLimits& limits) {
    CutRule rule = cut_rule(pull, block.size(), limits.line_max, limits.oversize);
    rule.closed = ended && carried == bytes_.size();
    rule.mid_line = mid_line_;
    const Cut out = cut_lines(block.first(length), rule);
    keep(block.first(length).subspan(out.bytes), carried);
    // A full block without a whole record is no reason to wait: the next one is larger.
    const bool full = length == block.size();
    waits_ = out.waiting == bytes_.size() && !(out.bytes == 0 && full) && !ended;
    if (out.bytes > 0) mid_line_ = out.mid_line;
    return out;
}

/// What is not given away now stands before what was carried and did not fit.
void CarriedLines::keep(std::span<const std::byte> rest, std::size_t carried) {
    if (rest.empty() && carried == bytes_.size()) {
        std::vector<std::byte>().swap(bytes_);
        return;
    }
    std::vector<std::byte> left;
    left.reserve(rest.size() + bytes_.size() - carried);
    left.insert(left.end(), rest.begin(), rest.end());
    left.insert(left.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(carried), bytes_.end());
    bytes_.swap(left);
}

void CarriedLines::clear() {
    std::vector<std::byte>().swap(bytes_);
    waits_ = mid_line_ = false;
}

}  // namespace holdfast::io
