// What a trial finds wrong.
#include <algorithm>

#include "core/model/names.hpp"
#include "io/embed/answers.hpp"
#include "sim/kit/trial.hpp"

namespace holdfast::sim {

void Trial::breach(Promise promise, std::string what) {
    if (breach_) return;
    breach_ = Breach{.promise = promise,
                     .seed = seed_,
                     .what = std::move(what),
                     .story = {story_.begin(), story_.end()}};
}

Trial::Counts Trial::count(const std::vector<std::string>& held) {
    Counts counts;
    for (const std::string& payload : held) ++counts[payload];
    return counts;
}

std::uint32_t Trial::index_of(const std::string& payload) const {
    const auto found = by_payload_.find(payload);
    return found == by_payload_.end() ? UINT32_MAX : found->second;
}

void Trial::judge(const std::vector<std::uint32_t>& items, const embed::Answer& answer,
                  const std::vector<std::string>& before) {
    const std::string wrong = embed::check(answer, items.size());
    if (!wrong.empty()) return breach(Promise::answer_makes_sense, wrong);
    const std::vector<std::string> held = subject_.contents();
    judge_contents(held);
    const Counts was = count(before);
    const Counts is = count(held);
    const auto times = [](const Counts& counts, const std::string& payload) {
        const auto found = counts.find(payload);
        return found == counts.end() ? 0 : found->second;
    };
    std::vector<SinkOutcome> outcomes(items.size(), answer.outcome);
    for (const embed::Answer::Exception& e : answer.exceptions) outcomes[e.index] = e.outcome;
    for (std::size_t i = 0; i < items.size(); ++i) {
        const std::string& payload = records_[items[i]].payload;
        judge_one(items[i], outcomes[i], times(was, payload), times(is, payload));
    }
    if (subject_.ordered) judge_order(items, held, before.size());
    judge_held(Promise::delivered_is_held, "after a later write");
}

void Trial::judge_one(std::uint32_t record, SinkOutcome outcome, std::uint32_t was,
                      std::uint32_t is) {
    const std::string name = "record " + std::to_string(record);
    switch (outcome) {
        case SinkOutcome::delivered:
            delivered_[record] = true;
            if (config_.sink[0].needs_sync) return;
            promised_[record] = true;
            if (is == 0)
                breach(Promise::delivered_is_held,
                       name + " was answered as delivered and is not there");
            return;
        case SinkOutcome::retriable:
        case SinkOutcome::throttled:
        case SinkOutcome::refused:
        case SinkOutcome::failed:
            if (is > was)
                breach(Promise::not_applied_is_not,
                       name + " was answered as not applied (" + name_of(outcome) +
                           ") and is there: say `ambiguous`, or name the records that were taken");
            return;
        case SinkOutcome::ambiguous: return;
    }
}

void Trial::judge_contents(const std::vector<std::string>& held) {
    for (const auto& [payload, times] : count(held)) {
        const std::uint32_t record = index_of(payload);
        if (record == UINT32_MAX)
            return breach(Promise::bytes_as_given,
                          "there is something that was never given: " + payload.substr(0, 60));
        const std::string name = "record " + std::to_string(record);
        if (times > written_[record])
            return breach(Promise::one_write_once,
                          name + " was written " + std::to_string(written_[record]) +
                              " times and is there " + std::to_string(times) + " times");
        if (subject_.unique && times > 1)
            return breach(Promise::again_is_not_twice,
                          name + " is there " + std::to_string(times) + " times");
    }
}

void Trial::judge_order(const std::vector<std::uint32_t>& items,
                        const std::vector<std::string>& held, std::size_t before) {
    std::size_t at = 0;
    for (std::size_t i = before; i < held.size(); ++i) {
        const std::uint32_t record = index_of(held[i]);
        const auto found = std::find(items.begin(), items.end(), record);
        if (found == items.end()) continue;
        const auto place = static_cast<std::size_t>(found - items.begin());
        if (place < at)
            return breach(Promise::order_as_given, "record " + std::to_string(record) +
                                                       " stands behind a later one of its write");
        at = place;
    }
}

void Trial::judge_held(Promise promise, const std::string& when) {
    if (breach_) return;
    const std::vector<std::string> contents = subject_.contents();
    judge_contents(contents);
    const Counts held = count(contents);
    for (std::uint32_t i = 0; i < records_.size(); ++i) {
        const bool due = promised_[i] || (finished_ && !parked_[i]);
        if (due && !held.contains(records_[i].payload))
            return breach(promise, "record " + std::to_string(i) +
                                       " was delivered, and is not there " + when);
    }
}

}  // namespace holdfast::sim
