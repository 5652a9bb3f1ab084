#include "io/payloads.hpp"

#include <catch2/catch.hpp>
#include <cstring>
#include <map>
#include <string_view>

#include "core/base/mix.hpp"

using namespace holdfast;
using namespace holdfast::io;

namespace {

constexpr std::uint32_t kib = 1024;

Payload payload_of(BlockPool& pool, std::string_view text, std::uint32_t records,
                   bool terminated = true) {
    const auto block = pool.take(static_cast<std::uint32_t>(text.size()));
    REQUIRE_FALSE(block.empty());
    std::memcpy(block.data(), text.data(), text.size());
    return {.block = block,
            .bytes = block.first(text.size()),
            .records = records,
            .terminated = terminated,
            .first = {1000}};
}

std::string_view text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

TEST_CASE("a pool rounds up to whole blocks and gives powers of two") {
    BlockPool pool(100 * kib, 64 * kib);
    CHECK(pool.region().size() == 128 * kib);
    const auto block = pool.take(5000);
    CHECK(block.size() == 8192);
    CHECK(pool.used() == 8192);
    pool.give_back(block);
    CHECK(pool.used() == 0);
}

TEST_CASE("a pool that is used up gives nothing, and all of it again once given back") {
    BlockPool pool(64 * kib, 32 * kib);
    std::vector<std::span<std::byte>> blocks;
    for (auto b = pool.take(1); !b.empty(); b = pool.take(1)) blocks.push_back(b);
    CHECK(blocks.size() == 16);
    CHECK(pool.used() == pool.region().size());
    for (auto b : blocks) pool.give_back(b);
    CHECK(pool.take(32 * kib).size() == 32 * kib);
    CHECK(pool.take(32 * kib).size() == 32 * kib);
    CHECK(pool.take(1).empty());
}

TEST_CASE("shrink frees the rest of a block for others") {
    BlockPool pool(64 * kib, 64 * kib);
    auto block = pool.take(64 * kib);
    block = pool.shrink(block, 100);
    CHECK(block.size() == 4 * kib);
    CHECK(pool.used() == 4 * kib);
    const auto half = pool.take(32 * kib);
    CHECK(half.size() == 32 * kib);
    pool.give_back(block);
    pool.give_back(half);
    CHECK(pool.take(64 * kib).size() == 64 * kib);
}

TEST_CASE("a pool agrees with a model over random takes, shrinks and returns") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        BlockPool pool(512 * kib, 128 * kib);
        std::map<std::byte*, std::pair<std::span<std::byte>, std::byte>> live;
        std::uint64_t used = 0;
        for (std::uint64_t i = 0; i < 2000; ++i) {
            const std::uint64_t r = mix(seed, 1, 0, i);
            if (r % 5 < 3) {
                const auto size = static_cast<std::uint32_t>(
                    1 + (mix(seed, 2, 0, i) % (128 * kib) >> mix(seed, 3, 0, i) % 8));
                const auto block = pool.take(size);
                if (block.empty()) continue;
                REQUIRE(block.size() >= size);
                REQUIRE((block.data() - pool.region().data()) % BlockPool::block_min == 0);
                const auto after = live.lower_bound(block.data());
                if (after != live.end()) REQUIRE(block.data() + block.size() <= after->first);
                if (after != live.begin()) {
                    const auto& before = std::prev(after)->second.first;
                    REQUIRE(before.data() + before.size() <= block.data());
                }
                const auto mark = static_cast<std::byte>(i);
                block.front() = block.back() = mark;
                live[block.data()] = {block, mark};
                used += block.size();
            } else if (!live.empty()) {
                auto it = live.begin();
                std::advance(it, static_cast<long>(mix(seed, 4, 0, i) % live.size()));
                auto& [block, mark] = it->second;
                REQUIRE(block.front() == mark);
                REQUIRE(block.back() == mark);
                if (r % 5 == 3) {
                    used -= block.size();
                    block = pool.shrink(block, static_cast<std::uint32_t>(block.size() / 3));
                    block.back() = mark;
                    used += block.size();
                } else {
                    used -= block.size();
                    pool.give_back(block);
                    live.erase(it);
                }
            }
            REQUIRE(pool.used() == used);
        }
        for (auto& [at, entry] : live) pool.give_back(entry.first);
        for (int i = 0; i < 4; ++i) REQUIRE(pool.take(128 * kib).size() == 128 * kib);
    }
}

TEST_CASE("a slice is a run of whole records") {
    BlockPool pool(64 * kib, 64 * kib);
    Payloads payloads(pool, 4);
    const BatchId batch{1, 7};
    payloads.put(batch, payload_of(pool, "one\ntwo\nthree\nfo", 4, false));
    CHECK(text_of(payloads.slice({.batch = batch, .begin = 0, .end = 4}).bytes) ==
          "one\ntwo\nthree\nfo");
    CHECK_FALSE(payloads.slice({.batch = batch, .begin = 0, .end = 4}).terminated);
    const Slice middle = payloads.slice({.batch = batch, .begin = 1, .end = 3});
    CHECK(text_of(middle.bytes) == "two\nthree\n");
    CHECK(middle.terminated);
    const Slice last = payloads.slice({.batch = batch, .begin = 3, .end = 4});
    CHECK(text_of(last.bytes) == "fo");
    CHECK_FALSE(last.terminated);
    CHECK(payloads.position_of(batch, 0).value == 1000);
    CHECK(payloads.position_of(batch, 2).value == 1008);
    CHECK(payloads.position_of(batch, 4).value == 1016);
}

TEST_CASE("a block goes back only when it is released and nobody holds it") {
    BlockPool pool(64 * kib, 64 * kib);
    Payloads payloads(pool, 4);
    const BatchId batch{0, 1};
    payloads.put(batch, payload_of(pool, "a\n", 1));
    payloads.hold(batch);
    payloads.hold(batch);
    payloads.release(batch);
    CHECK(pool.used() == 4 * kib);
    payloads.drop(batch);
    CHECK(pool.used() == 4 * kib);
    payloads.drop(batch);
    CHECK(pool.used() == 0);
}

TEST_CASE("a slot takes its next batch while a device still holds the one before") {
    BlockPool pool(64 * kib, 64 * kib);
    Payloads payloads(pool, 1);
    payloads.put({0, 1}, payload_of(pool, "a\n", 1));
    payloads.hold({0, 1});
    payloads.release({0, 1});
    payloads.put({0, 2}, payload_of(pool, "b\n", 1));
    CHECK(text_of(payloads.at({0, 1}).bytes) == "a\n");
    CHECK(text_of(payloads.at({0, 2}).bytes) == "b\n");
    payloads.drop({0, 1});
    CHECK(pool.used() == 4 * kib);
    payloads.release({0, 2});
    CHECK(pool.used() == 0);
}

TEST_CASE("releasing a pull that brought no batch does nothing") {
    BlockPool pool(64 * kib, 64 * kib);
    Payloads payloads(pool, 2);
    payloads.release({1, 5});
    CHECK(pool.used() == 0);
}
