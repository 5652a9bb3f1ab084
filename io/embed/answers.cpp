// See answers.hpp.
#include "io/embed/answers.hpp"

#include <algorithm>

namespace holdfast::embed {

std::string check(const Answer& answer, std::size_t records) {
    if (answer.retry_after < Duration{0}) return "retry_after is negative";
    for (std::size_t i = 0; i < answer.exceptions.size(); ++i) {
        const Answer::Exception& e = answer.exceptions[i];
        if (e.index >= records)
            return "an exception names record " + std::to_string(e.index) + " of " +
                   std::to_string(records);
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
