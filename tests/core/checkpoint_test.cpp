#include "core/data/checkpoint.hpp"

#include <catch2/catch.hpp>
#include <cstring>

#include "core/base/mix.hpp"

namespace holdfast {
namespace {

std::span<const std::byte> bytes_of(std::string_view s) {
    return {reinterpret_cast<const std::byte*>(s.data()), s.size()};
}

Checkpoint sample() {
    Checkpoint c;
    c.sequence = 42;
    c.pipeline = "demo:1f";
    c.partitions = {{"in", std::string("k\0\xff", 3), 1000, {{"a", 1200}, {"b", 4000000000000}}},
                    {"in", "", 0, {}}};
    c.sinks = {{"a",
                77,
                {.inode = 9, .born_ns = 12, .before_length = 77, .before_hash = 5, .clean = true}},
               {"b", INT64_MAX}};
    return c;
}

std::vector<std::byte> encoded(const Checkpoint& c) {
    std::vector<std::byte> out;
    encode(c, out);
    return out;
}

/// As version 1 had it: without what is known of the sinks' files, which stand at the end.
std::vector<std::byte> as_version_1(const Checkpoint& c) {
    constexpr std::ptrdiff_t file_size = 29;
    auto bytes = encoded(c);
    auto end = bytes.end();
    for (auto sink = c.sinks.rbegin(); sink != c.sinks.rend(); ++sink) {
        const auto begin = bytes.erase(end - file_size, end);
        end = begin - static_cast<std::ptrdiff_t>(4 + sink->sink.size() + 8);
    }
    bytes[12] = std::byte{1};
    const std::uint64_t length = bytes.size();
    std::memcpy(bytes.data() + 16, &length, sizeof length);
    return bytes;
}

// Makes the checksum right again after a change, to get behind it.
void seal(std::vector<std::byte>& bytes) {
    const std::span<const std::byte> all = bytes;
    const std::uint32_t crc = crc32c(all.subspan(12), crc32c(all.first(8)));
    std::memcpy(bytes.data() + 8, &crc, 4);
}

TEST_CASE("crc32c gives the values of RFC 3720") {
    CHECK(crc32c(bytes_of("123456789")) == 0xe3069283);
    CHECK(crc32c(bytes_of(std::string(32, '\0'))) == 0x8a9136aa);
    CHECK(crc32c(bytes_of(std::string(32, '\xff'))) == 0x62a8ab43);
    CHECK(crc32c_by_tables(bytes_of("123456789")) == 0xe3069283);
    CHECK(crc32c({}) == 0);
}

TEST_CASE("crc32c is the same by instruction, by tables and in pieces") {
    std::vector<std::byte> bytes;
    for (std::uint64_t n = 0; n < 100; ++n) {
        CHECK(crc32c(bytes) == crc32c_by_tables(bytes));
        const std::span<const std::byte> all = bytes;
        CHECK(crc32c(all) == crc32c(all.subspan(n / 3), crc32c(all.first(n / 3))));
        bytes.push_back(static_cast<std::byte>(mix64(n)));
    }
}

TEST_CASE("checkpoint comes back from its bytes as it was") {
    CHECK(decode(encoded(sample())) == sample());
    CHECK(decode(encoded(Checkpoint{})) == Checkpoint{});
}

TEST_CASE("checkpoint encoding appends and has one form") {
    std::vector<std::byte> out(3);
    encode(sample(), out);
    CHECK(std::vector<std::byte>(out.begin() + 3, out.end()) == encoded(sample()));
    CHECK(encoded(*decode(encoded(sample()))) == encoded(sample()));
}

TEST_CASE("checkpoint decoding refuses every truncation and every addition") {
    const auto bytes = encoded(sample());
    for (std::size_t n = 0; n < bytes.size(); ++n) {
        const auto result = decode(std::span(bytes).first(n));
        REQUIRE_FALSE(result.has_value());
        CHECK(result.error() == (n == 0 ? CheckpointFault::empty : CheckpointFault::truncated));
    }
    auto longer = bytes;
    longer.push_back(std::byte{0});
    CHECK_FALSE(decode(longer).has_value());
    seal(longer);
    CHECK(decode(longer).error() == CheckpointFault::malformed);
}

TEST_CASE("checkpoint decoding refuses every flipped bit") {
    const auto bytes = encoded(sample());
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        auto flipped = bytes;
        flipped[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
        CHECK_FALSE(decode(flipped).has_value());
    }
}

TEST_CASE("checkpoint decoding tells a newer version from damage") {
    auto bytes = encoded(sample());
    bytes[12] = std::byte{3};
    CHECK(decode(bytes).error() == CheckpointFault::checksum);
    seal(bytes);
    CHECK(decode(bytes).error() == CheckpointFault::version);
}

TEST_CASE("checkpoint of version 1 is read, and says nothing of the sinks' files") {
    auto bytes = as_version_1(sample());
    seal(bytes);
    Checkpoint expected = sample();
    for (CheckpointSink& sink : expected.sinks) sink.file = {};
    CHECK(decode(bytes) == expected);
}

TEST_CASE("checkpoint decoding refuses more bytes before a mark than there are, and half a flag") {
    Checkpoint c = sample();
    c.sinks.resize(1);
    auto bytes = encoded(c);
    bytes.back() = std::byte{2};
    seal(bytes);
    CHECK(decode(bytes).error() == CheckpointFault::malformed);
    bytes = encoded(c);
    bytes[bytes.size() - 13] = std::byte{78};
    seal(bytes);
    CHECK(decode(bytes).error() == CheckpointFault::malformed);
}

TEST_CASE("checkpoint decoding survives hostile lengths under a right checksum") {
    const auto bytes = encoded(sample());
    // Every four bytes of the body in turn become the largest count.
    for (std::size_t at = 24; at + 4 <= bytes.size(); ++at) {
        auto hostile = bytes;
        std::memset(hostile.data() + at, 0xff, 4);
        seal(hostile);
        const auto result = decode(hostile);
        if (result) CHECK(encoded(*result) == hostile);
    }
}

TEST_CASE("checkpoint decoding accepts nothing that encoding would not write") {
    for (std::uint64_t n = 0; n < 20000; ++n) {
        auto bytes = encoded(sample());
        for (std::uint64_t k = 0; k <= n % 3; ++k) {
            const std::uint64_t chance = mix(7, n, k, 0);
            bytes[12 + chance % (bytes.size() - 12)] = static_cast<std::byte>(chance >> 32);
        }
        seal(bytes);
        const auto result = decode(bytes);
        if (result && bytes[12] != std::byte{1}) CHECK(encoded(*result) == bytes);
    }
}

}  // namespace
}  // namespace holdfast
