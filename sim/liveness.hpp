// Phase 2: what can be settled must be settled, and a stall must be explained.
#pragma once

#include <string>

namespace holdfast::sim {

class World;

/// Runs the healed world until all is settled and committed, or nothing moves any more; judges what
/// is left; then stops the engine, which must end by the deadline (L7).
void converge(World& world);

/// Whether the world itself explains why not everything is settled. `why` says what it is that
/// isn't explained. Independent of the engine: it looks at what is dead, full, and unsettled.
bool stall_is_right(World& world, std::string& why);

}  // namespace holdfast::sim
