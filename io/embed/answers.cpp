// See answers.hpp.
#include "io/embed/answers.hpp"

#include <algorithm>

namespace holdfast::embed {

namespace {

/// An enumeration can hold any number.
bool is_outcome(SinkOutcome outcome) { return outcome <= SinkOutcome::failed; }

}  // namespace

std::string check(const Answer& answer, std::size_t records) {
    if (!is_outcome(answer.outcome))
        return "its outcome is no outcome: " + std::to_string(static_cast<int>(answer.outcome));
    if (answer.retry_after < Duration{0}) return "retry_after is negative";
    for (std::size_t i = 0; i < answer.exceptions.size(); ++i) {
        const Answer::Exception& e = answer.exceptions[i];
        if (e.index >= records)
            return "an exception names record " + std::to_string(e.index) + " of " +
                   std::to_string(records);
        if (!is_outcome(e.outcome))
            return "the outcome of record " + std::to_string(e.index) +
                   " is no outcome: " + std::to_string(static_cast<int>(e.outcome));
        if (e.outcome == SinkOutcome::throttled || e.outcome == SinkOutcome::failed)
            return "one record alone is throttled or failed: that is for a whole write";
        const auto again = std::find_if(
            answer.exceptions.begin() + static_cast<std::ptrdiff_t>(i) + 1, answer.exceptions.end(),
            [&](const Answer::Exception& other) { return other.index == e.index; });
        if (again != answer.exceptions.end())
            return "two exceptions for record " + std::to_string(e.index);
    }
    return {};
}

}  // namespace holdfast::embed
