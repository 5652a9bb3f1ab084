// What no effect may ever do, whatever the events were: judged from the effects alone.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <variant>

#include "core/model/effects.hpp"
#include "tests/core/scenario.hpp"

namespace holdfast {

class Judge {
public:
    /// What is wrong with the effects of one step; empty: nothing.
    std::string see(const Effects& effects) {
        for (const Effect& effect : effects.items()) {
            const std::string wrong =
                std::visit([&](const auto& e) { return one(e, effects); }, effect);
            if (!wrong.empty()) return wrong + ": " + scenario::text_of(effect, effects);
        }
        return "";
    }

private:
    template <class E>
    std::string one(const E&, const Effects&) {
        return halted_ ? "an effect after halt" : "";
    }
    std::string one(const Pull& e, const Effects&) {
        live_.insert({e.batch.index, e.batch.generation});
        return halted_ ? "a pull after halt" : "";
    }
    std::string one(const Transform& e, const Effects&) {
        if (!live_.contains({e.batch.index, e.batch.generation})) return "a released batch";
        live_.insert({e.slice.index, e.slice.generation});
        return halted_ ? "a transform after halt" : "";
    }
    std::string one(const ReleaseBatch& e, const Effects&) {
        return live_.erase({e.batch.index, e.batch.generation}) ? "" : "released twice";
    }
    std::string one(const WriteToSink& e, const Effects& effects) {
        if (!writes_.insert({e.delivery.index, e.delivery.generation, e.attempt}).second) {
            return "an attempt twice";
        }
        std::uint32_t records = 0;
        for (const Part& p : effects.parts(e.parts)) records += p.end - p.begin;
        if (records != e.records || records == 0) return "the parts don't add up";
        return parts(e.parts, effects);
    }
    std::string one(const WriteDeadLetters& e, const Effects& effects) {
        return parts(e.parts, effects);
    }
    std::string one(const StagePosition& e, const Effects&) {
        return forward(staged_[{e.partition.index, e.epoch.value}], e.position);
    }
    std::string one(const CommitPosition& e, const Effects&) {
        return forward(committed_[{e.partition.index, e.epoch.value}], e.position);
    }
    std::string one(const Halt&, const Effects&) {
        const bool twice = std::exchange(halted_, true);
        return twice ? "halted twice" : "";
    }
    std::string parts(Parts run, const Effects& effects) {
        for (const Part& p : effects.parts(run)) {
            if (p.begin >= p.end) return "an empty part";
            if (!live_.contains({p.batch.index, p.batch.generation})) return "a released batch";
        }
        return "";
    }
    static std::string forward(std::int64_t& last, Position position) {
        const bool back = position.value < last;
        last = position.value;
        return back ? "a position goes back" : "";
    }

    using Two = std::pair<std::uint32_t, std::uint32_t>;
    bool halted_ = false;
    std::set<Two> live_;
    std::set<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>> writes_;
    std::map<Two, std::int64_t> staged_;
    std::map<Two, std::int64_t> committed_;
};

}  // namespace holdfast
