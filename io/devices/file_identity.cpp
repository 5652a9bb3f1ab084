#include "io/devices/file_identity.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "core/base/assert.hpp"
#include "core/base/mix.hpp"

namespace holdfast::io {
namespace {

std::uint64_t hash_of(std::span<const std::byte> bytes) {
    std::uint64_t hash = mix64(bytes.size());
    for (const std::byte b : bytes) hash = (hash ^ static_cast<std::uint8_t>(b)) * 0x100000001b3ULL;
    return mix64(hash);
}

}  // namespace

Fingerprint Fingerprint::of(std::span<const std::byte> bytes) {
    return {static_cast<std::uint32_t>(bytes.size()), hash_of(bytes)};
}

bool FileIdentity::begins(std::span<const std::byte> head) const {
    return head.size() >= length && hash_of(head.first(length)) == hash;
}

void FileIdentity::take_fingerprint(std::span<const std::byte> head) {
    HF_ASSERT(head.size() <= fingerprint_max);
    length = static_cast<std::uint32_t>(head.size());
    hash = hash_of(head);
}

std::string encode_key(const FileKey& key) {
    const FileIdentity& id = key.identity;
    const std::string same = fmt::format("{:x}:{:x}:{:x}:{:x}:{:x}", id.device, id.inode,
                                         key.generation, id.length, id.hash);
    if (key.oversized_at < 0) return fmt::format("1:{}:{}", same, key.path);
    return fmt::format("2:{}:{:x}:{}", same, key.oversized_at, key.path);
}

std::optional<FileKey> decode_key(std::string_view text) {
    const bool is_long = text.starts_with("2:");
    std::array<std::uint64_t, 7> fields{};
    for (std::size_t i = 0; i < (is_long ? 7u : 6u); ++i) {
        const auto colon = text.find(':');
        if (colon == std::string_view::npos) return std::nullopt;
        const char* end = text.data() + colon;
        const auto [stop, error] = std::from_chars(text.data(), end, fields[i], 16);
        if (error != std::errc{} || stop != end) return std::nullopt;
        text.remove_prefix(colon + 1);
    }
    if (fields[0] != (is_long ? 2 : 1) || fields[4] > fingerprint_max || fields[3] > UINT32_MAX ||
        fields[6] > INT64_MAX)
        return std::nullopt;
    return FileKey{.identity = {.device = fields[1],
                                .inode = fields[2],
                                .length = static_cast<std::uint32_t>(fields[4]),
                                .hash = fields[5]},
                   .generation = static_cast<std::uint32_t>(fields[3]),
                   .oversized_at = is_long ? static_cast<std::int64_t>(fields[6]) : -1,
                   .path = std::string(text)};
}

}  // namespace holdfast::io
