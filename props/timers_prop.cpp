// Timers against a sorted map: the same timers, the same order, the same earliest.
#include <rapidcheck/catch.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <vector>

#include "core/engine/timers.hpp"
#include "props/parts.hpp"

using namespace holdfast;

namespace {

constexpr std::uint32_t ids = 24;

Instant earliest_of(const std::map<std::uint32_t, std::int64_t>& model) {
    Instant out = never;
    for (const auto& [id, at] : model) out = std::min(out, Instant{at});
    return out;
}

}  // namespace

TEST_CASE("timers fire in the order of their instants, ties by number") {
    rc::prop(
        "as a sorted model",
        [](const std::vector<std::tuple<std::uint8_t, std::uint8_t, std::uint8_t>>& ops) {
            Timers timers;
            const props::PartMemory memory([&](Arena& arena) { timers.lay_out(arena, ids); });
            std::map<std::uint32_t, std::int64_t> model;
            for (const auto& [what, id_raw, at_raw] : ops) {
                const std::uint32_t id = id_raw % ids;
                const std::int64_t at = at_raw % 16;
                switch (what % 5) {
                    case 0:
                    case 1:
                        timers.set(id, Instant{at});
                        model[id] = at;
                        break;
                    case 2:
                        timers.clear(id);
                        model.erase(id);
                        break;
                    case 3:
                        timers.set(id, never);
                        model.erase(id);
                        break;
                    default: {
                        std::uint32_t taken = 0;
                        const bool any = timers.take(Instant{at}, taken);
                        RC_ASSERT(any == (earliest_of(model) <= Instant{at}));
                        if (!any) break;
                        RC_ASSERT(model.contains(taken));
                        for (const auto& [other, when] : model) {
                            RC_ASSERT(std::pair(model[taken], taken) <= std::pair(when, other));
                        }
                        model.erase(taken);
                    }
                }
                RC_ASSERT(timers.audit());
                RC_ASSERT(timers.earliest() == earliest_of(model));
                for (std::uint32_t i = 0; i < ids; ++i)
                    RC_ASSERT(timers.is_set(i) == model.contains(i));
            }
        });
}
