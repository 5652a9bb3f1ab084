// See sink_kit.hpp.
#include "sim/kit/sink_kit.hpp"

#include <algorithm>

#include "sim/kit/trial.hpp"

namespace holdfast::sim {

std::string_view name_of(Promise promise) {
    switch (promise) {
        case Promise::delivered_is_held: return "delivered_is_held";
        case Promise::held_survives: return "held_survives";
        case Promise::bytes_as_given: return "bytes_as_given";
        case Promise::not_applied_is_not: return "not_applied_is_not";
        case Promise::order_as_given: return "order_as_given";
        case Promise::one_write_once: return "one_write_once";
        case Promise::again_is_not_twice: return "again_is_not_twice";
        case Promise::answer_makes_sense: return "answer_makes_sense";
        case Promise::nothing_is_thrown: return "nothing_is_thrown";
        case Promise::returns_in_time: return "returns_in_time";
        case Promise::makes_progress: return "makes_progress";
    }
    return "?";
}

std::string_view text_of(Promise promise) {
    switch (promise) {
        case Promise::delivered_is_held:
            return "what is answered as delivered is there (after sync, if the sink needs one)";
        case Promise::held_survives: return "what was delivered is still there after a crash";
        case Promise::bytes_as_given: return "nothing is there but records as they were given";
        case Promise::not_applied_is_not:
            return "what is answered as retriable, throttled or refused was not applied";
        case Promise::order_as_given: return "the records of one write stand in its order";
        case Promise::one_write_once: return "a record is there no more often than it was written";
        case Promise::again_is_not_twice: return "a record that is written again is there once";
        case Promise::answer_makes_sense: return "an answer is about the records of its write";
        case Promise::nothing_is_thrown: return "no exception leaves the sink";
        case Promise::returns_in_time: return "a call returns";
        case Promise::makes_progress: return "in fair weather everything is taken";
    }
    return "?";
}

std::string KitReport::text() const {
    std::string out;
    for (const Breach& b : breaches) {
        out += "BROKEN ";
        out += name_of(b.promise);
        out += ": ";
        out += text_of(b.promise);
        out += "\n  " + b.what + "\n  seed " + std::to_string(b.seed) + ":\n";
        for (const std::string& line : b.story) out += "    " + line + "\n";
    }
    out += std::to_string(seeds) + " seeds, " + std::to_string(writes) + " writes, " +
           std::to_string(repeats) + " records written again, " + std::to_string(crashes) +
           " crashes, " + std::to_string(in_doubt) + " answers in doubt, " + std::to_string(rough) +
           " writes in bad weather: ";
    out += kept() ? "every promise was kept\n"
                  : std::to_string(breaches.size()) + " promises were broken\n";
    return out;
}

KitReport check_sink(const SinkSubject& subject, const KitOptions& options) {
    KitReport report;
    for (std::uint64_t i = 0; i < options.seeds; ++i) {
        subject.clear();
        Trial trial(subject, options, options.first_seed + i, report);
        auto breach = trial.run();
        ++report.seeds;
        if (!breach) continue;
        const auto known = [&](const Breach& b) { return b.promise == breach->promise; };
        if (std::none_of(report.breaches.begin(), report.breaches.end(), known))
            report.breaches.push_back(std::move(*breach));
    }
    return report;
}

}  // namespace holdfast::sim
