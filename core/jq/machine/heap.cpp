#include <algorithm>
#include <cstring>

#include "core/base/mutant.hpp"
#include "core/codec/utf8.hpp"
#include "core/jq/machine/outside.hpp"
#include "core/jq/machine/value.hpp"

namespace holdfast::jq::machine {

void* Heap::take(std::size_t bytes) {
    bytes = (bytes + 7) & ~std::size_t{7};
    if (static_cast<std::size_t>(end_ - at_) < bytes) return take_block(bytes);
    void* taken = at_;
    at_ += bytes;
    return taken;
}

char* Heap::room_behind(const char* end, std::size_t bytes) {
    if (text_end_ != end || text_end_ == nullptr) return nullptr;
    auto* from = const_cast<char*>(end);
    // The last text may have been rounded up; `at_` stands behind that.
    const auto rounded = static_cast<std::size_t>(reinterpret_cast<char*>(at_) - from);
    if (rounded >= 8 || static_cast<std::size_t>(reinterpret_cast<char*>(end_) - from) < bytes) {
        return nullptr;
    }
    const std::size_t more = bytes > rounded ? (bytes - rounded + 7) & ~std::size_t{7} : 0;
    if (static_cast<std::size_t>(end_ - at_) < more) return nullptr;
    at_ += more;
    text_end_ = end + bytes;
    return from;
}

void Heap::give_back(char* end) {
    auto* from = reinterpret_cast<std::byte*>(end);
    HF_ASSERT(from <= at_);
    // Blocks begin at an address that is aligned, so addresses may be rounded up.
    at_ = from + (-reinterpret_cast<std::uintptr_t>(from) & 7);
    text_end_ = end;
}

/// What stays in the block before is lost.
void* Heap::take_block(std::size_t bytes) {
    const std::size_t size = std::max(bytes, block_bytes);
    if (!fits(size)) {
        exhaust();
        // What is small is given, so that few have to ask; the machine stops soon.
        if (bytes > small_bytes) return nullptr;
    }
    blocks_.push_back({std::make_unique_for_overwrite<std::byte[]>(size), size});
    used_ += size;
    at_ = blocks_.back().bytes.get() + bytes;
    end_ = blocks_.back().bytes.get() + size;
    return blocks_.back().bytes.get();
}

void Heap::look() {
    if (worked_ > limits_.steps) spend("program_time");
    look_at_ = worked_ + look_every;
    if (outside_ == nullptr) return;
    if (const char* why = outside_->stop()) spend(why);
}

void Heap::reset(const Limits& limits) {
    limits_ = limits;
    if (blocks_.size() > 1) blocks_.erase(blocks_.begin() + 1, blocks_.end());
    if (!blocks_.empty() && blocks_.front().size > block_bytes) blocks_.clear();
    text_end_ = nullptr;
    if (mutant(404)) return void(bound_ = nullptr);
    used_ = charged_ = 0;
    worked_ = 0;
    look_at_ = std::min(look_every, limits.steps);
    ahead_ = bytes_ahead;
    bound_ = nullptr;
    at_ = end_ = nullptr;
    if (blocks_.empty()) return;
    at_ = blocks_.front().bytes.get();
    end_ = at_ + blocks_.front().size;
    used_ = blocks_.front().size;
}

char* take_text(Heap& heap, std::size_t bytes, std::size_t room) {
    if (!heap.may_be_text(bytes)) return nullptr;
    bytes += std::min(room, heap.limits().text - bytes);
    auto* taken = static_cast<char*>(heap.take(std::max<std::size_t>(bytes, 1)));
    if (taken != nullptr) heap.text_was_taken(taken + bytes);
    return taken;
}

Value make_string(Heap& heap, std::string_view text) {
    char* to = take_text(heap, text.size());
    if (to == nullptr) return Value::of(std::string_view());
    if (!text.empty()) std::memcpy(to, text.data(), text.size());
    return Value::of(std::string_view(to, text.size()));
}

void ArrayBuilder::add(const Value& value) {
    if (count_ == capacity_) {
        const std::size_t more = capacity_ == 0 ? 4 : capacity_ * 2;
        Value* larger = heap_.take_many<Value>(more);
        if (larger == nullptr) return;
        if (count_ > 0) std::memcpy(static_cast<void*>(larger), items_, count_ * sizeof(Value));
        items_ = larger;
        capacity_ = more;
    }
    new (items_ + count_++) Value(value);
    depth_ = std::max(depth_, depth_of(value));
}

void ArrayBuilder::expect(std::size_t count) {
    if (count == 0 || capacity_ > 0) return;
    items_ = heap_.take_many<Value>(count);
    if (items_ != nullptr) capacity_ = count;
}

Value ArrayBuilder::value() const {
    auto* array = new (heap_.take(sizeof(Array))) Array;
    array->items = items_;
    array->used = static_cast<std::uint32_t>(count_);
    array->capacity = static_cast<std::uint32_t>(capacity_);
    array->depth = static_cast<std::uint16_t>(depth_ + 1);
    heap_.check_depth(array->depth);
    Value out(Kind::array);
    out.array = array;
    out.size = array->used;
    return out;
}

void TextBuilder::add(std::string_view text) {
    if (size_ + text.size() > capacity_) {
        const std::size_t size = size_ + text.size();
        const std::size_t room = std::max({std::size_t{32}, capacity_ * 2, size}) - size;
        char* larger = take_text(heap_, size, room);
        if (larger == nullptr) return;
        if (size_ > 0) std::memcpy(larger, at_, size_);
        at_ = larger;
        capacity_ = size + std::min(room, heap_.limits().text - size);
    }
    if (!text.empty()) std::memcpy(at_ + size_, text.data(), text.size());
    size_ += text.size();
}

void TextBuilder::add_point(std::uint32_t point) {
    char bytes[4];
    const std::size_t size = codec::encode_utf8(point, bytes);
    add(std::string_view(bytes, size));
}

}  // namespace holdfast::jq::machine
