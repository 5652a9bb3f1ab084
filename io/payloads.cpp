#include "io/payloads.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"
#include "core/data/flow/stream.hpp"
#include "core/data/framing.hpp"

// Under AddressSanitizer free blocks are poisoned: a device that reads a batch after its release
// is caught at the access.
#if defined(__SANITIZE_ADDRESS__)
#define HF_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HF_ASAN 1
#endif
#endif
#if defined(HF_ASAN)
#include <sanitizer/asan_interface.h>
#endif

namespace holdfast::io {
namespace {

constexpr std::uint64_t huge_page = 2u << 20;

void poison([[maybe_unused]] std::span<std::byte> bytes) {
#if defined(HF_ASAN)
    ASAN_POISON_MEMORY_REGION(bytes.data(), bytes.size());
#endif
}

void unpoison([[maybe_unused]] std::span<std::byte> bytes) {
#if defined(HF_ASAN)
    ASAN_UNPOISON_MEMORY_REGION(bytes.data(), bytes.size());
#endif
}

/// Maps `bytes` aligned to `alignment` (both multiples of a page); untouched pages cost nothing.
std::span<std::byte> map_aligned(std::uint64_t bytes, std::uint64_t alignment) {
    const std::uint64_t asked = bytes + alignment;
    void* raw = mmap(nullptr, asked, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (raw == MAP_FAILED) {
        std::fprintf(stderr, "holdfast: cannot map %llu bytes for payloads\n",
                     static_cast<unsigned long long>(asked));
        std::abort();
    }
    auto* begin = static_cast<std::byte*>(raw);
    const std::uint64_t head =
        (alignment - reinterpret_cast<std::uintptr_t>(begin) % alignment) % alignment;
    if (head > 0) munmap(begin, head);
    if (alignment > head) munmap(begin + head + bytes, alignment - head);
    return {begin + head, bytes};
}

}  // namespace

// ---- BlockPool -------------------------------------------------------------------------------

BlockPool::BlockPool(std::uint64_t bytes, std::uint32_t block_max) : block_max_(block_max) {
    HF_ASSERT(std::has_single_bit(block_max));
    HF_ASSERT(block_max >= block_min);
    HF_ASSERT(bytes > 0);
    const std::uint64_t blocks = (bytes + block_max - 1) / block_max;
    const std::uint64_t size = blocks * block_max;
    HF_ASSERT(size / block_min < none);
    region_ = map_aligned(size, huge_page);
    // Huge pages save thousands of faults while the pool is touched for the first time. Advice
    // only: without them everything works.
    if (size >= huge_page) madvise(region_.data(), size, MADV_HUGEPAGE);
    poison(region_);
    nodes_.resize(size / block_min);
    const std::uint32_t order = order_of(block_max);
    free_.assign(order + 1, none);
    // Pushed from the back, so that blocks are taken from the front: fewer pages are touched.
    for (std::uint64_t i = blocks; i > 0; --i) {
        push(static_cast<std::uint32_t>((i - 1) * (block_max / block_min)), order);
    }
}

BlockPool::~BlockPool() {
    unpoison(region_);
    munmap(region_.data(), region_.size());
}

std::uint32_t BlockPool::order_of(std::uint64_t bytes) const {
    const std::uint64_t size = std::bit_ceil(std::max<std::uint64_t>(bytes, block_min));
    return static_cast<std::uint32_t>(std::countr_zero(size / block_min));
}

std::uint32_t BlockPool::index_of(const std::byte* at) const {
    const auto offset = at - region_.data();
    HF_ASSERT(offset >= 0 && static_cast<std::uint64_t>(offset) < region_.size());
    HF_ASSERT(offset % block_min == 0);
    return static_cast<std::uint32_t>(offset / block_min);
}

void BlockPool::push(std::uint32_t index, std::uint32_t order) {
    Node& node = nodes_[index];
    node = {.next = free_[order],
            .previous = none,
            .order = static_cast<std::uint8_t>(order),
            .head = true,
            .free = true};
    if (node.next != none) nodes_[node.next].previous = index;
    free_[order] = index;
}

void BlockPool::unlink(std::uint32_t index) {
    Node& node = nodes_[index];
    HF_ASSERT(node.free);
    if (node.next != none) nodes_[node.next].previous = node.previous;
    if (node.previous != none) {
        nodes_[node.previous].next = node.next;
    } else {
        free_[node.order] = node.next;
    }
    node.free = false;
}

std::span<std::byte> BlockPool::take(std::uint32_t bytes) {
    HF_ASSERT(bytes <= block_max_);
    const std::uint32_t wanted = order_of(bytes);
    std::uint32_t order = wanted;
    while (order < free_.size() && free_[order] == none) ++order;
    if (order == free_.size()) return {};
    const std::uint32_t index = free_[order];
    unlink(index);
    while (order > wanted) {
        --order;
        push(index + (1u << order), order);
    }
    nodes_[index].order = static_cast<std::uint8_t>(wanted);
    nodes_[index].head = true;
    const std::uint64_t size = std::uint64_t{block_min} << wanted;
    used_ += size;
    const auto block = region_.subspan(std::uint64_t{index} * block_min, size);
    unpoison(block);
    return block;
}

std::span<std::byte> BlockPool::shrink(std::span<std::byte> block, std::uint32_t bytes) {
    HF_ASSERT(bytes <= block.size());
    const std::uint32_t index = index_of(block.data());
    const std::uint32_t wanted = order_of(bytes);
    std::uint32_t order = nodes_[index].order;
    HF_ASSERT(nodes_[index].head && !nodes_[index].free);
    HF_ASSERT(std::uint64_t{block_min} << order == block.size());
    while (order > wanted) {
        --order;
        // Its buddy is in use (it is us), so there is nothing to merge with.
        push(index + (1u << order), order);
    }
    nodes_[index].order = static_cast<std::uint8_t>(order);
    const std::uint64_t size = std::uint64_t{block_min} << order;
    used_ -= block.size() - size;
    poison(block.subspan(size));
    return block.first(size);
}

void BlockPool::give_back(std::span<std::byte> block) {
    const std::uint32_t index = index_of(block.data());
    const Node& node = nodes_[index];
    HF_ASSERT(node.head && !node.free);
    HF_ASSERT(std::uint64_t{block_min} << node.order == block.size());
    HF_ASSERT(used_ >= block.size());
    used_ -= block.size();
    poison(block);
    merge(index, node.order);
}

void BlockPool::merge(std::uint32_t index, std::uint32_t order) {
    while (order + 1 < free_.size()) {
        const std::uint32_t buddy = index ^ (1u << order);
        const Node& other = nodes_[buddy];
        if (!other.head || !other.free || other.order != order) break;
        unlink(buddy);
        nodes_[std::max(index, buddy)].head = false;
        index = std::min(index, buddy);
        ++order;
    }
    push(index, order);
}

// ---- Payloads --------------------------------------------------------------------------------

Payloads::Payloads(BlockPool& pool, std::uint32_t batches_max) : pool_(pool), slots_(batches_max) {}

Payloads::Slot& Payloads::slot(BatchId batch) {
    HF_ASSERT(batch.index < slots_.size());
    Slot& current = slots_[batch.index];
    if (current.present && current.generation == batch.generation) return current;
    const auto old = std::find_if(lingering_.begin(), lingering_.end(),
                                  [&](const Lingering& l) { return l.batch == batch; });
    HF_ASSERT(old != lingering_.end());
    return old->slot;
}

/// The handle's slot, empty; what was in it and is still held lingers.
Payloads::Slot& Payloads::fresh(BatchId batch) {
    HF_ASSERT(batch.index < slots_.size());
    Slot& slot = slots_[batch.index];
    HF_ASSERT(!slot.present || slot.released);
    if (slot.present) lingering_.push_back({{batch.index, slot.generation}, std::move(slot)});
    slot = {.generation = batch.generation, .present = true};
    return slot;
}

void Payloads::put(BatchId batch, const Payload& payload) {
    HF_ASSERT(payload.records > 0);
    HF_ASSERT(payload.bytes.data() >= payload.block.data());
    HF_ASSERT(payload.bytes.data() + payload.bytes.size() <=
              payload.block.data() + payload.block.size());
    fresh(batch).payload = payload;
}

const Payload& Payloads::at(BatchId batch) const { return slot(batch).payload; }

// ---- outputs ---------------------------------------------------------------------------------

void Payloads::put_slice(BatchId slice, BatchId batch, std::size_t begin, std::size_t end,
                         std::uint32_t records) {
    const Payload& whole = at(batch);
    HF_ASSERT(begin < end && end <= whole.bytes.size());
    Payload part = whole;
    part.block = {};
    part.bytes = whole.bytes.subspan(mutant(302) ? 0 : begin, end - begin);
    part.records = records;
    part.terminated = end < whole.bytes.size() || whole.terminated;
    part.first = position_in(whole, begin);
    part.next = position_in(whole, end);
    Slot& made = fresh(slice);
    made.payload = part;
    made.parent = batch;
    hold(batch);
}

bool Payloads::present(BatchId batch) const {
    const Slot& current = slots_[batch.index];
    if (current.present && current.generation == batch.generation) return true;
    return std::any_of(lingering_.begin(), lingering_.end(),
                       [&](const Lingering& l) { return l.batch == batch; });
}

std::uint32_t Payloads::transformed(BatchId slice, std::unique_ptr<Outputs> outputs) {
    Slot& s = slot(slice);
    HF_ASSERT(!s.outputs);
    std::uint32_t freed = 0;
    if (!outputs->uses_batch && !s.payload.block.empty()) {
        const auto before = static_cast<std::uint32_t>(s.payload.block.size());
        const bool in_place = outputs->block.data() == s.payload.block.data();
        if (in_place) {
            freed = before - static_cast<std::uint32_t>(outputs->block.size());
        } else {
            pool_.give_back(s.payload.block);
            freed = before;
        }
        s.payload.block = {};
        s.payload.bytes = {};
    }
    s.outputs = std::move(outputs);
    return freed;
}

const Outputs* Payloads::outputs(BatchId slice) const { return slot(slice).outputs.get(); }

/// null: the part is of the batch's own records.
const OutputRun* Payloads::run_of(const Slot& slot, const Part& part) {
    const Outputs* outputs = slot.outputs.get();
    if (outputs == nullptr || slot.payload.fate != Fate::deliver) return nullptr;
    if (part.sink == no_sink) return outputs->dead.records > 0 ? &outputs->dead : nullptr;
    HF_ASSERT(part.sink.index < outputs->run_of_sink.size());
    const std::size_t neighbour = (part.sink.index + std::size_t{1}) % outputs->run_of_sink.size();
    std::uint8_t run = outputs->run_of_sink[part.sink.index];
    const std::uint8_t other = outputs->run_of_sink[neighbour];
    if (mutant(301) && outputs->runs[other].records == outputs->runs[run].records) run = other;
    HF_ASSERT(run < outputs->runs.size());
    return &outputs->runs[run];
}

namespace {

Slice cut(std::span<const std::byte> bytes, Framing framing, std::uint32_t records, bool terminated,
          const Part& part) {
    HF_ASSERT(part.begin < part.end);
    HF_ASSERT(part.end <= records);
    if (framing != Framing::lines) {
        if (part.begin == 0 && part.end == records) return {bytes, true};
        return {codec::records_of(framing, bytes, part.begin, part.end), true};
    }
    const auto rest = bytes.subspan(after_newlines(bytes, part.begin));
    if (part.end == records) return {rest, terminated};
    return {rest.first(after_newlines(rest, part.end - part.begin)), true};
}

}  // namespace

Slice Payloads::slice(const Part& part) const {
    const Slot& s = slot(part.batch);
    const OutputRun* run = run_of(s, part);
    if (run != nullptr) return cut(run->bytes, run->framing, run->records, run->terminated, part);
    const Payload& own = s.payload;
    return cut(own.bytes, own.framing, own.records, own.terminated, part);
}

RecordWalk Payloads::walk(const Part& part) const {
    const Slot& s = slot(part.batch);
    const OutputRun* run = run_of(s, part);
    RecordWalk walk;
    walk.rest_ = slice(part).bytes;
    walk.first_ = s.parent.generation != 0 ? at(s.parent).first : s.payload.first;
    if (run != nullptr && !run->origins.empty()) {
        walk.origins_ = run->origins.subspan(part.begin);
        walk.heads_ = run->heads;
        if (!run->head_at.empty())
            walk.head_at_ = run->head_at.subspan(mutant(538) ? 0 : part.begin);
    } else {
        walk.position_ = {s.payload.first.value + (walk.rest_.data() - s.payload.bytes.data())};
    }
    if (run != nullptr && part.sink == no_sink)
        walk.why_ = std::span(s.outputs->why).subspan(part.begin);
    const Framing framing = run != nullptr ? run->framing : s.payload.framing;
    if (framing != Framing::lines) walk.scan_.emplace(framing, walk.rest_);
    walk.framing_ = framing;
    return walk;
}

void RecordWalk::take_extras(const packing::Extras& extras, RecordView& record) {
    record.key = extras.key;
    record.headers = extras.headers;
    record.timestamp = extras.timestamp;
    record.position = {extras.position};
}

/// Position and reason of the next record, and what it has beside its payload.
void RecordWalk::place(RecordView& record) {
    take_extras({}, record);
    record.position = position_;
    if (!origins_.empty()) {
        record.position = {first_.value + static_cast<std::int64_t>(origins_.front())};
        if (mutant(311)) record.position = first_;
        origins_ = origins_.subspan(1);
    }
    if (!head_at_.empty()) {
        const bool neighbour = mutant(529) && head_at_.size() > 1;
        const std::uint32_t at = neighbour ? head_at_[1] : head_at_.front();
        if (at != flow::Stream::no_head) {
            const auto head = packing::view_of(heads_.subspan(at));
            HF_ASSERT(head.has_value());
            take_extras(head->extras, record);
        }
        head_at_ = head_at_.subspan(1);
    }
    record.why = why_.empty() ? nullptr : &why_.front();
    if (!why_.empty()) why_ = why_.subspan(1);
}

bool RecordWalk::next_framed(RecordView& record) {
    codec::StreamExtent extent;
    if (!scan_->next(extent)) return false;
    record.bytes = rest_.subspan(extent.begin, extent.end - extent.begin);
    record.bytes = codec::payload_in(framing_, record.bytes);
    const bool has_origin = !origins_.empty();
    place(record);
    if (framing_ == Framing::packed) {
        const auto view = packing::view_of(record.bytes);
        HF_ASSERT(view.has_value());
        record.bytes = view->payload;
        take_extras(view->extras, record);
        if (mutant(527)) record.position = first_;
        return true;
    }
    if (!has_origin) record.position.value += static_cast<std::int64_t>(extent.begin);
    return true;
}

bool RecordWalk::next(RecordView& record) {
    if (scan_) return next_framed(record);
    if (rest_.empty()) return false;
    const std::size_t used = after_newlines(rest_, 1);
    const bool ended = rest_[used - 1] == std::byte{'\n'};
    record.bytes = rest_.first(ended ? used - 1 : used);
    place(record);
    position_.value += static_cast<std::int64_t>(used);
    rest_ = rest_.subspan(used);
    return true;
}

Position Payloads::position_in(const Payload& payload, std::size_t offset) {
    if (payload.framing != Framing::packed || mutant(530))
        return {payload.first.value + static_cast<std::int64_t>(offset)};
    if (offset >= payload.bytes.size()) return payload.next;
    return {packing::position_at(payload.bytes.subspan(offset))};
}

Position Payloads::position_at(BatchId batch, std::size_t offset) const {
    return position_in(at(batch), offset);
}

Position Payloads::position_of(BatchId batch, std::uint32_t n) const {
    const Payload& payload = at(batch);
    HF_ASSERT(n <= payload.records);
    if (payload.framing != Framing::lines)
        return position_in(payload, codec::begin_of_record(payload.framing, payload.bytes, n));
    const std::size_t offset =
        n == payload.records ? payload.bytes.size() : after_newlines(payload.bytes, n);
    return position_in(payload, offset);
}

// ---- who holds them --------------------------------------------------------------------------

void Payloads::hold(BatchId batch) { ++slot(batch).holds; }

void Payloads::drop(BatchId batch) {
    Slot& s = slot(batch);
    HF_ASSERT(s.holds > 0);
    --s.holds;
    if (free_if_unused(s)) {
        std::erase_if(lingering_, [](const Lingering& l) { return !l.slot.present; });
    }
}

void Payloads::release(BatchId batch) {
    // A pull that was answered without a batch has no payload; releasing it is no mistake.
    HF_ASSERT(batch.index < slots_.size());
    Slot& s = slots_[batch.index];
    if (!s.present || s.generation != batch.generation) return;
    HF_ASSERT(!s.released);
    s.released = true;
    free_if_unused(s);
}

bool Payloads::free_if_unused(Slot& slot) {
    if (!slot.released || slot.holds > 0) return false;
    if (!slot.payload.block.empty()) pool_.give_back(slot.payload.block);
    if (slot.outputs && !slot.outputs->block.empty()) pool_.give_back(slot.outputs->block);
    const BatchId parent = slot.parent;
    slot = {.generation = slot.generation};
    if (parent.generation != 0) drop(parent);
    return true;
}

}  // namespace holdfast::io
