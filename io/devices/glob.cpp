#include "io/devices/glob.hpp"

#include <algorithm>
#include <utility>

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"

namespace holdfast::io {
namespace {

constexpr std::string_view special = "*?[\\";

/// Calls `each` with the components of a path, in order, until it says no.
template <class Each>
void for_components(std::string_view path, Each each) {
    while (!path.empty()) {
        const auto slash = path.find('/');
        if (slash != 0 && !each(path.substr(0, slash))) return;
        path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    }
}

/// The end of the set that opens at pattern[0] == '[', or npos if it never closes.
std::size_t set_end(std::string_view pattern) {
    std::size_t at = 1;
    if (at < pattern.size() && (pattern[at] == '!' || pattern[at] == '^')) ++at;
    return pattern.find(']', at + 1);
}

/// What the part names if it has nothing but escapes in it; else nothing.
bool plain_name(std::string_view part, std::string& name) {
    name.clear();
    for (std::size_t i = 0; i < part.size(); ++i) {
        if (part[i] == '*' || part[i] == '?') return false;
        if (part[i] == '[' && set_end(part.substr(i)) != std::string_view::npos) return false;
        if (part[i] == '\\' && i + 1 < part.size()) ++i;
        name += part[i];
    }
    return true;
}

bool in_set(std::string_view set, char c) {
    const bool negated = set.front() == '!' || set.front() == '^';
    if (negated) set.remove_prefix(1);
    bool found = false;
    for (std::size_t i = 0; i < set.size(); ++i) {
        if (i + 2 < set.size() && set[i + 1] == '-') {
            found = found || (set[i] <= c && c <= set[i + 2]);
            i += 2;
        } else {
            found = found || set[i] == c;
        }
    }
    return found != negated;
}

/// Matches one pattern element against one character; says how long the element is.
std::pair<bool, std::size_t> match_one(std::string_view pattern, char c) {
    if (pattern[0] == '?') return {true, 1};
    if (pattern[0] == '\\' && pattern.size() > 1) return {pattern[1] == c, 2};
    if (pattern[0] == '[') {
        const std::size_t end = set_end(pattern);
        if (end != std::string_view::npos) return {in_set(pattern.substr(1, end - 1), c), end + 1};
    }
    return {pattern[0] == c, 1};
}

/// One component. Bound: O(pattern x name): only the last star is ever tried again.
bool match_part(std::string_view pattern, std::string_view name) {
    if (!name.empty() && name[0] == '.' && (pattern.empty() || pattern[0] != '.')) return false;
    std::size_t p = 0, n = 0;
    std::size_t star = std::string_view::npos, star_n = 0;
    while (n < name.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            star_n = n;
            continue;
        }
        if (p < pattern.size()) {
            const auto [same, length] = match_one(pattern.substr(p), name[n]);
            if (same) {
                p += length;
                ++n;
                continue;
            }
        }
        if (star == std::string_view::npos) return false;
        p = star + 1;
        n = ++star_n;
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

}  // namespace

// ---- some patterns -----------------------------------------------------------------------------

Patterns::Patterns(const std::vector<std::string>& patterns) {
    for (const std::string& pattern : patterns) {
        HF_ASSERT(!pattern.empty() && pattern[0] == '/');
        first_.push_back(static_cast<std::uint32_t>(parts_.size()));
        bool leading = true;
        for_components(pattern, [&](std::string_view part) {
            std::string name;
            leading = leading && plain_name(part, name);
            // Two in a row match what one does.
            const bool repeats =
                parts_.size() > first_.back() && parts_.back().kind == Kind::any_depth;
            if (part == "**") {
                if (!repeats) parts_.push_back({Kind::any_depth, {}});
            } else if (plain_name(part, name)) {
                parts_.push_back({Kind::name, std::move(name), leading});
            } else {
                parts_.push_back({Kind::wild, std::string(part)});
            }
            return true;
        });
        parts_.push_back({Kind::end, {}, leading});
    }
}

void Patterns::enter(std::uint32_t state, GlobStates& states) const {
    states.push_back(state);
    while (parts_[state].kind == Kind::any_depth) states.push_back(++state);
}

GlobStates Patterns::begin() const {
    GlobStates states;
    for (const std::uint32_t first : first_) enter(first, states);
    return states;
}

GlobStates Patterns::step(const GlobStates& states, std::string_view name) const {
    GlobStates next;
    for (const std::uint32_t state : states) {
        const Part& part = parts_[state];
        ++compared_;
        if (part.kind == Kind::any_depth) {
            if (name[0] != '.') enter(state, next);
        } else if (part.kind == Kind::name
                       ? part.text == name
                       : part.kind == Kind::wild && match_part(part.text, name)) {
            enter(state + 1, next);
        }
    }
    std::sort(next.begin(), next.end());
    next.erase(std::unique(next.begin(), next.end()), next.end());
    return next;
}

bool Patterns::accepts(const GlobStates& states) const {
    return std::any_of(states.begin(), states.end(),
                       [this](std::uint32_t s) { return parts_[s].kind == Kind::end; });
}

bool Patterns::goes_on(const GlobStates& states) const {
    return std::any_of(states.begin(), states.end(),
                       [this](std::uint32_t s) { return parts_[s].kind != Kind::end; });
}

bool Patterns::only_names(const GlobStates& states) const {
    return std::all_of(states.begin(), states.end(), [this](std::uint32_t s) {
        return parts_[s].leading || parts_[s].kind == Kind::end;
    });
}

std::vector<std::string> Patterns::names(const GlobStates& states) const {
    std::vector<std::string> names;
    for (const std::uint32_t s : states)
        if (parts_[s].leading && parts_[s].kind == Kind::name) names.push_back(parts_[s].text);
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

bool Patterns::matches(std::string_view path) const {
    GlobStates states = begin();
    for_components(path, [&](std::string_view name) {
        states = step(states, name);
        return !states.empty();
    });
    return accepts(states);
}

bool Patterns::covers(std::string_view path) const {
    GlobStates states = begin();
    bool covered = false;
    for_components(path, [&](std::string_view name) {
        states = step(states, name);
        covered = accepts(states);
        return !covered && !states.empty();
    });
    return covered;
}

// ---- one pattern -------------------------------------------------------------------------------

Glob::Glob(std::string_view pattern) : one_({std::string(pattern)}) {
    std::string name;
    for_components(pattern, [&](std::string_view part) {
        literal_ = literal_ && plain_name(part, name);
        if (!literal_) return false;
        base_ = path_;
        path_ += "/" + name;
        return true;
    });
    if (!literal_) base_ = std::exchange(path_, {});
    if (base_.empty()) base_.push_back('/');
}

bool Glob::reaches(std::string_view directory) const {
    GlobStates states = one_.begin();
    for_components(directory, [&](std::string_view name) {
        states = one_.step(states, name);
        return !states.empty();
    });
    return one_.goes_on(states);
}

std::string escape_glob(std::string_view path) {
    std::string escaped;
    if (mutant(154)) return std::string(path);
    for (const char c : path) {
        if (special.find(c) != std::string_view::npos) escaped += '\\';
        escaped += c;
    }
    return escaped;
}

}  // namespace holdfast::io
