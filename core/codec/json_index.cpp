#include "core/codec/json_index.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cstring>

#include "core/base/assert.hpp"
#include "core/codec/utf8.hpp"

namespace holdfast::codec {
namespace {

// So much text and its indexes stay in the second-level cache.
constexpr std::size_t window_bytes = 32u << 10;
// Of indexes; memory that stays for the next record.
constexpr std::size_t kept_bytes = 1u << 20;

/// Why the first stage refused this record. Requires: it did.
ParseError reason_of(const char* text, std::size_t size) {
    const std::size_t valid = valid_utf8_prefix({text, size});
    bool quoted = false;
    for (std::size_t i = 0; i < valid; ++i) {
        if (text[i] == '\\') {
            ++i;
        } else if (text[i] == '"') {
            quoted = !quoted;
        } else if (quoted && static_cast<unsigned char>(text[i]) < 0x20) {
            return {Fault::control_character, i};
        }
    }
    if (valid < size) return {Fault::invalid_utf8, valid};
    // Open to the end; or a control character after a backslash, which the loop steps over.
    for (std::size_t i = 0; i + 1 < size; ++i) {
        if (text[i] == '\\' && static_cast<unsigned char>(text[i + 1]) < 0x20) {
            return {Fault::control_character, i + 1};
        }
    }
    return {Fault::truncated, size};
}

}  // namespace

struct JsonIndex::Stage {
    std::unique_ptr<simdjson::internal::dom_parser_implementation> simd;
};

JsonIndex::JsonIndex() : stage_(std::make_unique<Stage>()) {
    const auto error = simdjson::get_active_implementation()->create_dom_parser_implementation(
        window_bytes, depth_max, stage_->simd);
    HF_ASSERT(error == simdjson::SUCCESS);
}

JsonIndex::~JsonIndex() = default;

/// false: refused. Else stage_ has the indexes, and one more that is `size`.
bool JsonIndex::look(const char* text, std::size_t size) {
    auto& simd = *stage_->simd;
    if (size > simd.capacity()) {
        const auto error = simd.set_capacity(std::max(size, 2 * simd.capacity()));
        HF_ASSERT(error == simdjson::SUCCESS);
    }
    const auto error = simd.stage1(reinterpret_cast<const std::uint8_t*>(text), size,
                                   simdjson::stage1_mode::regular);
    if (error == simdjson::EMPTY) {
        simd.n_structural_indexes = 0;
        simd.structural_indexes[0] = static_cast<std::uint32_t>(size);
    }
    const bool good = error == simdjson::SUCCESS || error == simdjson::EMPTY;
    // Of what is refused nobody says how much was written.
    indexes_most_ = std::max<std::size_t>(indexes_most_, good ? simd.n_structural_indexes : size);
    return good;
}

void JsonIndex::trim() {
    if (indexes_most_ * sizeof(std::uint32_t) <= kept_bytes) return;
    // The rest of a window needs its indexes.
    if (window_good_ && record_ < window_end_) return;
    const auto error = stage_->simd->set_capacity(window_bytes);
    HF_ASSERT(error == simdjson::SUCCESS);
    indexes_most_ = 0;
}

std::expected<Indexed, ParseError> JsonIndex::index(std::span<const std::byte> record) {
    if (record.size() >= UINT32_MAX) return std::unexpected(ParseError{Fault::too_large, 0});
    const char* text = reinterpret_cast<const char*>(record.data());
    const std::size_t size = record.size();
    if (size == 0) return std::unexpected(ParseError{Fault::empty, 0});
    if (!look(text, size)) return std::unexpected(reason_of(text, size));
    const auto& simd = *stage_->simd;
    if (simd.n_structural_indexes == 0) return std::unexpected(ParseError{Fault::empty, 0});
    return Indexed{.text = text,
                   .begin = 0,
                   .end = static_cast<std::uint32_t>(size),
                   .at = simd.structural_indexes.get(),
                   .count = simd.n_structural_indexes,
                   .backslash = std::memchr(text, '\\', size) != nullptr};
}

void JsonIndex::begin(std::span<const std::byte> batch, std::span<const Extent> records) {
    HF_ASSERT(batch.size() < UINT32_MAX);
    batch_ = batch;
    records_ = records;
    record_ = window_end_ = 0;
    guess_ = 0;
}

/// As many of the next records as fit, at least one.
void JsonIndex::open_window() {
    const Extent& first = records_[record_];
    window_begin_ = first.begin;
    window_end_ = record_ + 1;
    std::uint32_t end = first.begin + first.size;
    while (window_end_ < records_.size()) {
        const Extent& more = records_[window_end_];
        HF_ASSERT(more.begin > end);
        if (more.begin + more.size - window_begin_ > window_bytes) break;
        end = more.begin + more.size;
        ++window_end_;
    }
    const char* text = reinterpret_cast<const char*>(batch_.data()) + window_begin_;
    const std::size_t size = end - window_begin_;
    window_good_ = window_end_ > record_ + 1 && look(text, size);
    if (!window_good_) return;
    window_backslash_ = std::memchr(text, '\\', size) != nullptr;
    at_ = stage_->simd->structural_indexes.get();
    at_end_ = at_ + stage_->simd->n_structural_indexes;
}

std::expected<Indexed, ParseError> JsonIndex::alone(const Extent& record) {
    return index(batch_.subspan(record.begin, record.size));
}

std::expected<Indexed, ParseError> JsonIndex::next() {
    HF_ASSERT(record_ < records_.size());
    if (record_ == window_end_) open_window();
    const Extent& record = records_[record_++];
    if (!window_good_) return alone(record);
    const char* text = reinterpret_cast<const char*>(batch_.data()) + window_begin_;
    const std::uint32_t begin = record.begin - window_begin_;
    const std::uint32_t end = begin + record.size;
    while (at_ < at_end_ && *at_ < begin) ++at_;  // Of lines that are no records here.
    // Records resemble one another: most have as many indexes as the one before.
    const auto left = static_cast<std::size_t>(at_end_ - at_);
    std::size_t count = std::min(guess_, left);
    while (count > 0 && at_[count - 1] >= end) --count;
    while (count < left && at_[count] < end) ++count;
    guess_ = count;
    const Indexed out{
        .text = text,
        .begin = begin,
        .end = end,
        .at = at_,
        .count = static_cast<std::uint32_t>(count),
        .backslash = window_backslash_ && std::memchr(text + begin, '\\', record.size) != nullptr};
    at_ += count;
    if (count == 0) return std::unexpected(ParseError{Fault::empty, 0});
    return out;
}

}  // namespace holdfast::codec
