// The checkpoint's format against any bytes.
//
// Property 1: what decodes, encodes to the same bytes (also after its checksum was made right); of
//             version 1 to the same value.
// Property 2: each value comes back from its bytes as it was.
#include <algorithm>
#include <cstring>
#include <string>

#include "core/base/assert.hpp"
#include "core/data/checkpoint.hpp"
#include "fuzz/bytes.hpp"

namespace {

using namespace holdfast;

constexpr std::size_t checksum_at = 8;
constexpr std::size_t checksum_end = 12;
constexpr std::size_t version_at = 12;
constexpr std::size_t length_at = 16;
constexpr std::size_t header_size = 24;

void comes_back(std::span<const std::byte> bytes) {
    const auto value = decode(bytes);
    if (!value) return;
    std::vector<std::byte> again;
    encode(*value, again);
    if (bytes[version_at] == std::byte{1}) {  // What an older program wrote is written anew.
        HF_ASSERT(decode(again) == *value);
        return;
    }
    HF_ASSERT(again.size() == bytes.size());
    HF_ASSERT(std::memcmp(again.data(), bytes.data(), bytes.size()) == 0);
}

/// Makes the length and the checksum right, to get behind them.
void seal(std::vector<std::byte>& bytes) {
    if (bytes.size() < header_size) return;
    const std::uint64_t length = bytes.size();
    std::memcpy(bytes.data() + length_at, &length, sizeof length);
    const std::span<const std::byte> all = bytes;
    const std::uint32_t crc = crc32c(all.subspan(checksum_end), crc32c(all.first(checksum_at)));
    std::memcpy(bytes.data() + checksum_at, &crc, sizeof crc);
}

std::string text(fuzz::Bytes& bytes) {
    std::string out(bytes.below(12), '\0');
    for (char& c : out) c = static_cast<char>(bytes.number(1));
    return out;
}

std::int64_t position(fuzz::Bytes& bytes) {
    return static_cast<std::int64_t>(bytes.number(1 + bytes.below(8)) >> 1);
}

Checkpoint value_of(fuzz::Bytes& bytes) {
    Checkpoint c;
    c.sequence = bytes.number(8);
    c.pipeline = text(bytes);
    c.partitions.resize(bytes.below(4));
    for (CheckpointPartition& p : c.partitions) {
        p = {text(bytes), text(bytes), position(bytes), {}};
        p.leads.resize(bytes.below(4));
        for (CheckpointLead& lead : p.leads) lead = {text(bytes), position(bytes)};
    }
    c.sinks.resize(bytes.below(4));
    for (CheckpointSink& sink : c.sinks) {
        sink = {text(bytes), position(bytes)};
        const auto before = static_cast<std::uint32_t>(
            std::min(sink.mark, static_cast<std::int64_t>(bytes.below(bytes_before_mark_max + 1))));
        sink.file = {bytes.number(8), position(bytes), before, bytes.number(8),
                     bytes.below(2) == 1};
    }
    return c;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::span<const std::byte> all = std::as_bytes(std::span(data, size));
    comes_back(all);
    std::vector<std::byte> sealed(all.begin(), all.end());
    seal(sealed);
    comes_back(sealed);
    fuzz::Bytes bytes({data, size});
    const Checkpoint value = value_of(bytes);
    std::vector<std::byte> encoded;
    encode(value, encoded);
    const auto again = decode(encoded);
    HF_ASSERT(again.has_value());
    HF_ASSERT(*again == value);
    return 0;
}
