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

/// So many numbers, each with its colon, off the head of the text.
template <std::size_t count>
std::optional<std::array<std::uint64_t, count>> take_numbers(std::string_view& text) {
    std::array<std::uint64_t, count> numbers{};
    for (std::uint64_t& number : numbers) {
        const auto colon = text.find(':');
        if (colon == std::string_view::npos) return std::nullopt;
        const char* end = text.data() + colon;
        const auto [stop, error] = std::from_chars(text.data(), end, number, 16);
        if (error != std::errc{} || stop != end) return std::nullopt;
        text.remove_prefix(colon + 1);
    }
    return numbers;
}

}  // namespace

Fingerprint Fingerprint::of(std::span<const std::byte> bytes) {
    Fingerprint fresh;
    fresh.extend(bytes);
    return fresh;
}

void Fingerprint::extend(std::span<const std::byte> bytes) {
    if (length == 0) hash = 0xcbf29ce484222325ULL;  // FNV-1a: what follows can be added later.
    for (const std::byte b : bytes) hash = (hash ^ static_cast<std::uint8_t>(b)) * 0x100000001b3ULL;
    length += static_cast<std::uint32_t>(bytes.size());
}

void Ending::take(std::span<const std::byte> bytes) {
    if (bytes.size() >= fingerprint_max) {
        whole_ = Fingerprint::of(bytes.last(fingerprint_max));
        young_ = {};
        return;
    }
    const bool has_many = whole_.length + bytes.size() > ending_max / 2;
    whole_.extend(bytes);
    if (has_many || young_.length > 0) young_.extend(bytes);
    if (young_.length >= fingerprint_max) {
        whole_ = young_;
        young_ = {};
    }
    HF_ASSERT(whole_.length <= ending_max);
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
    return fmt::format("4:{:x}:{:x}:{:x}:{:x}:{:x}:{:x}:{:x}:{:x}:{}", id.device, id.inode,
                       static_cast<std::uint64_t>(id.born_ns), key.generation, id.length, id.hash,
                       static_cast<std::uint64_t>(key.oversized_at + 1),
                       static_cast<std::uint64_t>(key.seen_ns), key.path);
}

std::string encode_seal(const FileSeal& seal) {
    if (seal.before.length == 0) return {};
    return fmt::format("s:{:x}:{:x}:{:x}:", static_cast<std::uint64_t>(seal.position),
                       seal.before.length, seal.before.hash);
}

std::optional<FileKey> decode_key(std::string_view text) {
    FileKey key;
    if (text.starts_with("s:")) {
        text.remove_prefix(2);
        const auto seal = take_numbers<3>(text);
        if (!seal) return std::nullopt;
        const auto [position, length, hash] = *seal;
        if (position > INT64_MAX || length == 0 || length > Ending::ending_max ||
            length > position) {
            return std::nullopt;
        }
        key.seal = {static_cast<std::int64_t>(position),
                    {static_cast<std::uint32_t>(length), hash}};
    }
    const auto version = take_numbers<1>(text);
    if (!version || (*version)[0] == 0 || (*version)[0] > 4) return std::nullopt;
    const std::uint64_t of = (*version)[0];
    const auto file = take_numbers<2>(text);
    const auto born = of >= 3 ? take_numbers<1>(text) : std::array<std::uint64_t, 1>{};
    const auto life = take_numbers<3>(text);
    const auto inside = of == 1 ? std::array<std::uint64_t, 1>{} : take_numbers<1>(text);
    const auto seen = of == 4 ? take_numbers<1>(text) : std::array<std::uint64_t, 1>{};
    if (!file || !born || !life || !inside || !seen) return std::nullopt;
    const auto [generation, length, hash] = *life;
    if (generation > UINT32_MAX || length > fingerprint_max || (*inside)[0] > INT64_MAX ||
        (*born)[0] > INT64_MAX || (*seen)[0] > INT64_MAX) {
        return std::nullopt;
    }
    key.identity = {.device = (*file)[0],
                    .inode = (*file)[1],
                    .born_ns = static_cast<std::int64_t>((*born)[0]),
                    .length = static_cast<std::uint32_t>(length),
                    .hash = hash};
    key.generation = static_cast<std::uint32_t>(generation);
    const auto at = static_cast<std::int64_t>((*inside)[0]);
    key.oversized_at = of == 2 ? at : at - 1;
    key.seen_ns = static_cast<std::int64_t>((*seen)[0]);
    key.path = std::string(text);
    return key;
}

}  // namespace holdfast::io
