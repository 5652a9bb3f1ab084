#include "sim/choices.hpp"

#include <algorithm>

#include "core/base/assert.hpp"
#include "core/base/mix.hpp"

namespace holdfast::sim {

bool Choices::chance(Site site, std::uint64_t entity, std::uint64_t n, std::uint32_t permille) {
    if (permille == 0) return false;
    if (permille >= 1000) return true;
    return flip(site, entity, n, permille);
}

std::uint64_t Choices::between(Site site, std::uint64_t entity, std::uint64_t n, std::uint64_t low,
                               std::uint64_t high) {
    HF_ASSERT(low <= high);
    HF_ASSERT(high - low < UINT64_MAX);
    return low + choose(site, entity, n, high - low + 1);
}

bool Choices::flip(Site site, std::uint64_t entity, std::uint64_t n, std::uint32_t permille) {
    return choose(site, entity, n, 1000) >= 1000 - permille;
}

std::uint64_t Seeded::choose(Site site, std::uint64_t entity, std::uint64_t n,
                             std::uint64_t bound) {
    HF_ASSERT(bound > 0);
    return scale(mix(seed_, static_cast<std::uint64_t>(site), entity, n), bound);
}

Recorded::Recorded(std::span<const Choice> list) {
    for (const Choice& choice : list) {
        answers_.insert_or_assign({choice.site, choice.entity, choice.n}, choice.value);
    }
}

const std::uint64_t* Recorded::answer_of(const Key& key) const {
    const auto found = answers_.find(key);
    return found == answers_.end() ? nullptr : &found->second;
}

std::uint64_t Recorded::choose(Site site, std::uint64_t entity, std::uint64_t n,
                               std::uint64_t bound) {
    HF_ASSERT(bound > 0);
    const Key key{site, entity, n};
    const std::uint64_t* known = answer_of(key);
    if (known != nullptr) return std::min(*known, bound - 1);
    if (origin_ == nullptr) return 0;
    const std::uint64_t value = origin_->choose(site, entity, n, bound);
    answers_.emplace(key, value);
    return value;
}

bool Recorded::flip(Site site, std::uint64_t entity, std::uint64_t n, std::uint32_t permille) {
    const Key key{site, entity, n};
    const std::uint64_t* known = answer_of(key);
    if (known != nullptr) return *known != 0;
    if (origin_ == nullptr) return false;
    const bool value = origin_->flip(site, entity, n, permille);
    answers_.emplace(key, value ? 1 : 0);
    return value;
}

std::vector<Choice> Recorded::list() const {
    std::vector<Choice> list;
    for (const auto& [key, value] : answers_) {
        if (value != 0) list.push_back({key.site, key.entity, key.n, value});
    }
    return list;
}

std::uint64_t FuzzBytes::take(std::size_t count) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < count && used_ < bytes_.size(); ++i, ++used_) {
        value |= static_cast<std::uint64_t>(bytes_[used_]) << (8 * i);
    }
    return value;
}

std::uint64_t FuzzBytes::choose(Site, std::uint64_t, std::uint64_t, std::uint64_t bound) {
    HF_ASSERT(bound > 0);
    std::size_t count = 0;
    for (std::uint64_t rest = bound - 1; rest != 0; rest >>= 8) ++count;
    return take(count) % bound;
}

bool FuzzBytes::flip(Site, std::uint64_t, std::uint64_t, std::uint32_t permille) {
    return take(1) >= std::min<std::uint64_t>(256 - permille * 256 / 1000, 255);
}

Exhaustive::Exhaustive(std::uint64_t widest, std::size_t deepest)
    : widest_(widest), deepest_(deepest) {
    HF_ASSERT(widest >= 2);
}

std::uint64_t Exhaustive::fork(std::uint64_t ways) {
    if (ways == 1 || depth_ == deepest_) return 0;
    if (depth_ == path_.size()) path_.push_back({0, ways});
    const Fork& here = path_[depth_++];
    HF_ASSERT(here.ways == ways);
    return here.taken;
}

std::uint64_t Exhaustive::choose(Site, std::uint64_t, std::uint64_t, std::uint64_t bound) {
    HF_ASSERT(bound > 0);
    if (bound <= widest_) return fork(bound);
    const Wide spread = static_cast<Wide>(fork(widest_)) * (bound - 1);
    return static_cast<std::uint64_t>(spread / (widest_ - 1));
}

bool Exhaustive::flip(Site, std::uint64_t, std::uint64_t, std::uint32_t) { return fork(2) != 0; }

bool Exhaustive::next() {
    // A fork that this run did not reach any more belongs to no run that is still to come.
    path_.resize(depth_);
    depth_ = 0;
    while (!path_.empty() && path_.back().taken + 1 == path_.back().ways) path_.pop_back();
    if (path_.empty()) return false;
    ++path_.back().taken;
    ++runs_;
    return true;
}

}  // namespace holdfast::sim
