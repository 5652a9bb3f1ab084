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

codec::StreamCutRule stream_cut_rule(const CutRule& rule, bool stops) {
    return {.record_max = rule.line_max,
            .records_max = rule.records_max,
            .stop_oversized = rule.oversize == Oversize::stop,
            .stop_broken = stops,
            .closed = rule.closed};
}

void give_batch(Payloads& payloads, Events& events, const Pull& pull, const Assignment& assigned,
                std::span<std::byte> block, const codec::StreamCut& cut,
                const codec::StreamPlace& place) {
    HF_ASSERT(cut.records > 0 && cut.begin < cut.end);
    block = payloads.pool().shrink(block, static_cast<std::uint32_t>(cut.end));
    const auto bytes = block.first(cut.end).subspan(cut.begin);
    const auto first = static_cast<std::int64_t>(place.position() + cut.begin);
    const Position next{static_cast<std::int64_t>(cut.next.position())};
    const bool whole = cut.fate == Fate::deliver;
    payloads.put(pull.batch,
                 {.block = block,
                  .bytes = bytes,
                  .records = cut.records,
                  .terminated = true,
                  .source = pull.source,
                  .partition = assigned.partition,
                  .first = {first},
                  .fate = cut.fate,
                  .framing = whole ? place.framing() : Framing::one,
                  .why = cut.fate == Fate::unreadable ? broken_text(cut.next) : std::string()});
    events.push(BatchPulled{.batch = pull.batch,
                            .source = pull.source,
                            .fate = cut.fate,
                            .partition = assigned.partition,
                            .epoch = assigned.epoch,
                            .records = cut.records,
                            .bytes = static_cast<std::uint32_t>(bytes.size()),
                            .held = static_cast<std::uint32_t>(block.size()),
                            .first = {static_cast<std::int64_t>(place.begins_at())},
                            .next = next});
}

std::string broken_text(const codec::StreamPlace& place) {
    const std::string name = codec::framing_name(place.framing());
    return "framing error: " + codec::error_text(*place.error()) + " (framing = \"" + name + "\")";
}

}  // namespace holdfast::io
