#include "sim/probes.hpp"

#include <variant>

#include "sim/oracle.hpp"

namespace holdfast::sim {

void Probes::step(const Event&, const Effects&, const Oracle&) {}
void Probes::merge(const Probes& other) {
    for (std::size_t i = 0; i < probes_count; ++i) hits_[i] += other.hits_[i];
}
const char* Probes::name(std::uint32_t) { return nullptr; }
bool Probes::rare(std::uint32_t) { return true; }

}  // namespace holdfast::sim
