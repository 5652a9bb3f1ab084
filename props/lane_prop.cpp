// A lane and its deliveries' bit maps against plain containers.
#include <rapidcheck/catch.h>

#include <deque>
#include <tuple>
#include <vector>

#include "core/engine/delivery.hpp"
#include "core/engine/lane.hpp"
#include "props/parts.hpp"

using namespace holdfast;

namespace {

using Ops = std::vector<std::tuple<std::uint8_t, std::uint8_t, std::uint8_t>>;

struct Queued {
    std::uint32_t batch;
    std::uint32_t outputs;
    std::uint64_t bytes;
    std::uint32_t sent = 0;
    std::uint32_t left;
};

}  // namespace

TEST_CASE("lane is first in, first out, and knows what it holds") {
    rc::prop("as a deque", [](const Ops& ops) {
        SinkConfig config;
        config.queue_batches_max = *rc::gen::inRange<std::uint32_t>(1, 9);
        config.queue_records_max = 60;
        config.queue_bytes_max = 300;
        Lane lane;
        const props::PartMemory memory([&](Arena& arena) { lane.lay_out(arena, config); });
        std::deque<Queued> model;
        std::uint32_t batch = 0;
        for (const auto& [what, a, b] : ops) {
            std::uint64_t records = 0, bytes = 0, unsent = 0;
            for (const Queued& q : model) {
                records += q.outputs;
                bytes += q.bytes;
                unsent += q.outputs - q.sent;
            }
            const LaneState& state = lane.state();
            RC_ASSERT(state.records == records && state.bytes == bytes);
            RC_ASSERT(state.unsent_records == unsent && lane.count() == model.size());
            if (unsent == 0) RC_ASSERT(state.unsent_bytes == 0u);
            const std::uint32_t outputs = 1 + a % 30;
            switch (what % 4) {
                case 0: {
                    const bool room =
                        model.empty() || (model.size() < config.queue_batches_max &&
                                          records + outputs <= 60 && bytes + b <= 300);
                    RC_ASSERT(lane.has_room(config, outputs, b) == room);
                    if (!room) break;
                    lane.push(batch, outputs, b);
                    model.push_back({batch++, outputs, b, 0, outputs});
                    break;
                }
                case 1: {  // Send some of the first entry that isn't sent.
                    for (Queued& q : model) {
                        if (q.sent == q.outputs) continue;
                        const std::uint32_t n = 1 + a % (q.outputs - q.sent);
                        lane.take(n);
                        q.sent += n;
                        break;
                    }
                    break;
                }
                case 2: {  // Settle some that were sent, anywhere.
                    if (model.empty()) break;
                    const std::size_t at = b % model.size();
                    Queued& q = model[at];
                    const std::uint32_t open = q.sent - (q.outputs - q.left);
                    const std::uint32_t n = open ? a % (open + 1) : 0;
                    q.left -= n;
                    lane.entry(state.head + at).left -= n;
                    break;
                }
                default: {
                    std::uint64_t ready = 0;
                    while (ready < model.size() && model[ready].left == 0) ++ready;
                    RC_ASSERT(lane.retirable(config) == ready);
                    for (; ready > 0; --ready) {
                        RC_ASSERT(lane.pop().batch == model.front().batch);
                        model.pop_front();
                    }
                }
            }
        }
    });
}

TEST_CASE("a delivery knows which outputs are done, in maps as in order") {
    rc::prop("as a vector of bools", [](const std::vector<std::uint16_t>& done) {
        const auto count = *rc::gen::inRange<std::uint32_t>(1, 300);
        const auto cursor = *rc::gen::inRange<std::uint32_t>(0, count + 1);
        Deliveries deliveries;
        const props::PartMemory memory([&](Arena& arena) {
            deliveries.lay_out(arena, 1, Deliveries::maps * Deliveries::words_for(count));
        });
        Delivery& d = deliveries[0];
        d.count = count;
        d.cursor = cursor;
        std::vector<bool> model(count, false);
        for (std::uint32_t i = 0; i < cursor; ++i) model[i] = true;
        const auto agree = [&] {
            for (std::uint32_t i = 0; i < count; ++i) {
                RC_ASSERT(deliveries.is_done(d, i) == model[i]);
                std::uint32_t pending = i;
                while (pending < count && model[pending]) ++pending;
                RC_ASSERT(deliveries.pending_from(d, i) == pending);
                if (model[i] || !d.sparse) continue;
                std::uint32_t shut = i;
                while (shut < count && !model[shut]) ++shut;
                RC_ASSERT(deliveries.done_from(d, i, count) == shut);
            }
        };
        agree();
        deliveries.make_sparse(d);
        agree();
        for (const std::uint16_t raw : done) {
            deliveries.set(d, Deliveries::done, raw % count);
            model[raw % count] = true;
        }
        agree();
    });
}
