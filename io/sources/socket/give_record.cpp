#include "io/sources/socket/give_record.hpp"

#include <cstring>
#include <utility>

#include "core/base/assert.hpp"

namespace holdfast::io {

bool give_record(Payloads& payloads, Events& events, const Pull& pull, const Assignment& assigned,
                 std::span<const std::byte> bytes, Position& position, Verdict verdict) {
    HF_ASSERT(!bytes.empty());
    const auto size = static_cast<std::uint32_t>(bytes.size());
    const auto block = payloads.pool().take(size);
    if (block.empty()) return false;
    std::memcpy(block.data(), bytes.data(), bytes.size());
    const Position next{position.value + size};
    const bool whole = verdict.fate == Fate::unreadable;
    payloads.put(pull.batch, {.block = block,
                              .bytes = block.first(bytes.size()),
                              .records = 1,
                              .terminated = whole,
                              .source = pull.source,
                              .partition = assigned.partition,
                              .first = position,
                              .fate = verdict.fate,
                              .framing = whole ? Framing::one : Framing::lines,
                              .why = std::move(verdict.why)});
    events.push(BatchPulled{.batch = pull.batch,
                            .source = pull.source,
                            .fate = verdict.fate,
                            .partition = assigned.partition,
                            .epoch = assigned.epoch,
                            .records = 1,
                            .bytes = size,
                            .held = static_cast<std::uint32_t>(block.size()),
                            .first = position,
                            .next = next});
    position = next;
    return true;
}

}  // namespace holdfast::io
