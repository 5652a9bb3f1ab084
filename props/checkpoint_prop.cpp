// The checkpoint's encoding: whole or not at all.
#include <rapidcheck/catch.h>

#include <string>
#include <vector>

#include "core/data/checkpoint.hpp"

using namespace holdfast;

namespace {

Checkpoint any_checkpoint() {
    const auto position = [] { return *rc::gen::inRange<std::int64_t>(0, INT64_MAX); };
    const auto size = [] { return *rc::gen::inRange(0, 4); };
    Checkpoint c;
    c.sequence = *rc::gen::arbitrary<std::uint64_t>();
    c.pipeline = *rc::gen::arbitrary<std::string>();
    for (int n = size(); n > 0; --n) {
        CheckpointPartition p;
        p.source = *rc::gen::arbitrary<std::string>();
        p.key = *rc::gen::arbitrary<std::string>();
        p.position = position();
        for (int l = size(); l > 0; --l) {
            p.leads.push_back({*rc::gen::arbitrary<std::string>(), position()});
        }
        c.partitions.push_back(p);
    }
    for (int n = size(); n > 0; --n) {
        c.sinks.push_back({*rc::gen::arbitrary<std::string>(), position()});
    }
    return c;
}

}  // namespace

TEST_CASE("a checkpoint comes back as it was written") {
    rc::prop("decode(encode(c)) == c", [] {
        const Checkpoint c = any_checkpoint();
        std::vector<std::byte> bytes;
        encode(c, bytes);
        const auto back = decode(bytes);
        RC_ASSERT(back.has_value());
        RC_ASSERT(*back == c);
    });
}

TEST_CASE("a damaged checkpoint is refused") {
    rc::prop("with one bit changed", [] {
        std::vector<std::byte> bytes;
        encode(any_checkpoint(), bytes);
        const auto bit = *rc::gen::inRange<std::size_t>(0, bytes.size() * 8);
        bytes[bit / 8] ^= std::byte{1} << (bit % 8);
        RC_ASSERT(!decode(bytes).has_value());
    });
    rc::prop("cut short, or with something behind it", [](std::uint8_t tail) {
        std::vector<std::byte> bytes;
        encode(any_checkpoint(), bytes);
        const auto cut = *rc::gen::inRange<std::size_t>(0, bytes.size());
        RC_ASSERT(!decode(std::span(bytes).first(cut)).has_value());
        bytes.push_back(std::byte{tail});
        RC_ASSERT(!decode(bytes).has_value());
    });
}
