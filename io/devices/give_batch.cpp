#include "io/devices/give_batch.hpp"

#include <algorithm>
#include <bit>

#include "core/base/assert.hpp"

namespace holdfast::io {

std::uint32_t block_allowed(const Pull& pull, const BlockPool& pool) {
    return std::bit_floor(std::clamp(pull.max_bytes, BlockPool::block_min, pool.block_max()));
}

CutRule cut_rule(const Pull& pull, std::size_t block, std::uint32_t line_max, Oversize oversize) {
    const bool is_large = block > std::max(pull.max_bytes, BlockPool::block_min);
    return {.line_max = line_max,
            .records_max = is_large ? 1 : pull.max_records,
            .oversize = oversize,
            .closed = false,
            .mid_line = false};
}

Position give_batch(Payloads& payloads, Events& events, const Pull& pull,
                    const Assignment& assigned, std::span<std::byte> block, const Cut& cut,
                    Position first) {
    HF_ASSERT(cut.bytes > 0);
    const auto bytes = static_cast<std::uint32_t>(cut.bytes);
    const Position next{first.value + bytes};
    block = payloads.pool().shrink(block, bytes);
    payloads.put(pull.batch, {.block = block,
                              .bytes = block.first(cut.bytes),
                              .records = cut.records,
                              .terminated = cut.terminated,
                              .source = pull.source,
                              .partition = assigned.partition,
                              .first = first,
                              .fate = cut.fate});
    events.push(BatchPulled{.batch = pull.batch,
                            .source = pull.source,
                            .fate = cut.fate,
                            .partition = assigned.partition,
                            .epoch = assigned.epoch,
                            .records = cut.records,
                            .bytes = bytes,
                            .held = static_cast<std::uint32_t>(block.size()),
                            .first = first,
                            .next = next});
    return next;
}

}  // namespace holdfast::io
