// When folders were looked at: what came since may have stood under a name that nobody saw.
//
// Rule 1: a look at a folder is remembered as the folder's time of modification, so that times are
//         compared with others of the same file system, whatever ours is.
// Rule 2: before the first look at a folder counts when holdfast looked last at all: the checkpoint
//         says so, as wall time. Without one nothing is newer than the first look: what stands there
//         is old.
// Rule 3: a look ends when all that it found is known. What could not be opened, and a folder that
//         changed meanwhile, is left out: it counts as not looked at.
// Bound: one entry for each folder that patterns reach.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>

#include "core/base/time.hpp"

namespace holdfast::io {

class Looks {
public:
    /// Times of files are stamped by a clock that ticks every few milliseconds.
    static constexpr Duration lag = milliseconds(20);
    /// Times that a network file system stamps may be off; so much later they are trusted.
    static constexpr Duration settled = seconds(2);

    /// `looked_ns`: when the last look of the last process began, in wall time; INT64_MAX: never.
    explicit Looks(std::int64_t looked_ns) : at_all_ns_(before(looked_ns)) {}

    /// What was made in this folder then or later is new.
    std::int64_t since(const std::string& folder) const {
        const auto known = folders_.find(folder);
        return known != folders_.end() ? known->second : at_all_ns_;
    }
    /// Has it changed since it was looked at, or so lately that times do not tell?
    bool has_changed(const std::string& folder, std::int64_t modified_ns,
                     std::int64_t wall_ns) const {
        const auto known = folders_.find(folder);
        if (known == folders_.end() || wall_ns - modified_ns < settled.ns) return true;
        return modified_ns >= known->second;
    }
    /// Its entries were listed; before that it was changed last at `modified_ns`.
    void looked(const std::string& folder, std::int64_t modified_ns) {
        // At a first look, what came in the very tick of the last change was there before. And what
        // was old at a look stays so.
        const std::int64_t before = since(folder);
        folders_[folder] = before == INT64_MAX ? modified_ns + 1 : std::max(modified_ns, before);
        ended_in_[folder] = ended_;
    }
    /// All folders that there are were looked at, in a look that began then.
    void looked_at_all(std::int64_t begun_ns) { at_all_ns_ = before(begun_ns); }

    /// Looks of this process that have ended, whatever they left out.
    std::uint64_t ended() const { return ended_; }
    void end() { ++ended_; }
    /// The number of the last one that left nothing out here; 0: none of this process.
    std::uint64_t ended_in(const std::string& folder) const {
        const auto known = ended_in_.find(folder);
        return known != ended_in_.end() ? known->second : 0;
    }

private:
    static std::int64_t before(std::int64_t ns) { return ns == INT64_MAX ? ns : ns - lag.ns; }

    std::map<std::string, std::int64_t> folders_;
    std::map<std::string, std::uint64_t> ended_in_;
    std::uint64_t ended_ = 0;
    std::int64_t at_all_ns_;
};

}  // namespace holdfast::io
