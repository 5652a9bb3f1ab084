// The watermark against a list that remembers everything.
#include <rapidcheck/catch.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <vector>

#include "core/engine/watermark.hpp"
#include "props/parts.hpp"

using namespace holdfast;

namespace {

constexpr std::uint32_t slots = 64;
constexpr std::uint32_t partitions_count = 3;

struct Known {
    std::uint32_t slot;
    std::int64_t next;
    bool settled;
};

struct Model {
    std::vector<Known> all;  ///< In the order of pulling, since the last assignment.
    std::int64_t highest = 0;

    std::int64_t watermark() const {
        std::int64_t out = 0;
        for (const Known& k : all) {
            if (!k.settled) break;
            out = std::max(out, k.next);
        }
        return out;
    }
    std::uint32_t unsettled() const {
        return static_cast<std::uint32_t>(
            std::count_if(all.begin(), all.end(), [](const Known& k) { return !k.settled; }));
    }
};

}  // namespace

TEST_CASE("watermark is the end of the settled prefix, whatever the order of settling") {
    rc::prop("as a list that forgets nothing",
             [](const std::vector<std::tuple<std::uint8_t, std::uint8_t, std::uint8_t>>& ops) {
                 Batches batches;
                 Partitions partitions;
                 const props::PartMemory memory([&](Arena& arena) {
                     batches.lay_out(arena, slots, 1);
                     partitions.lay_out(arena, partitions_count, 1);
                 });
                 batches.begin();
                 partitions.begin();
                 std::vector<Model> models(partitions_count);
                 for (std::uint32_t p = 0; p < partitions_count; ++p) partitions.assign(p, 0, 1, 0);

                 for (const auto& [what, partition_raw, number] : ops) {
                     const std::uint32_t p = partition_raw % partitions_count;
                     Model& model = models[p];
                     if (what % 8 < 4 && batches.any_free()) {
                         const BatchId id = batches.reserve(SourceId{0});
                         Batch& b = batches[id.index];
                         b.partition = p;
                         b.first = model.highest + number % 3;  // With gaps.
                         b.next = b.first + 1 + number % 7;
                         model.highest = b.next;
                         b.phase = BatchPhase::out;
                         partitions.append(batches, id.index);
                         model.all.push_back({id.index, b.next, false});
                     } else if (what % 8 < 7) {
                         const std::uint32_t open = model.unsettled();
                         if (open == 0) continue;
                         std::uint32_t n = number % open;
                         for (Known& k : model.all) {
                             if (k.settled || n-- != 0) continue;
                             k.settled = true;
                             batches[k.slot].phase = BatchPhase::released;
                             batches[k.slot].settled = true;
                             partitions.settled(batches, k.slot);
                             break;
                         }
                     } else {
                         // Lost: nothing settles any more; slots of unsettled batches are given
                         // back later.
                         partitions.fence(batches, p);
                         for (const Known& k : model.all) {
                             if (k.settled) continue;
                             RC_ASSERT(batches[k.slot].fenced);
                             batches[k.slot].phase = BatchPhase::released;
                             batches.give_back(k.slot);
                         }
                         model = Model{};
                         partitions.assign(p, 0, partitions[p].epoch + 1, 0);
                     }
                     std::uint32_t most = 0;
                     for (std::uint32_t i = 0; i < partitions_count; ++i) {
                         RC_ASSERT(partitions[i].watermark == models[i].watermark());
                         RC_ASSERT(partitions.drained(i) == (models[i].unsettled() == 0));
                         most += 2 * models[i].unsettled();
                     }
                     RC_ASSERT(batches.used() <= most);
                 }
             });
}
