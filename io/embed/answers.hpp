// From what a user's object answers to what the engine is told. Shared by the pipeline and the
// conformance kit, so that both understand a sink in the same way.
#pragma once

#include <exception>
#include <expected>
#include <string>
#include <utility>

#include "core/model/event.hpp"
#include "io/embed/ports.hpp"

namespace holdfast::embed {

/// Calls a user's function; what escapes as an exception becomes a permanent Failure.
template <class Call>
auto guarded(Call call) -> decltype(call()) {
    try {
        return call();
    } catch (const std::exception& e) {
        return std::unexpected(Failure{std::string("exception: ") + e.what(), true});
    } catch (...) {
        return std::unexpected(Failure{"exception", true});
    }
}

/// The same for a write: after an exception nobody knows what was done.
inline Answer guarded_write(Sink& sink, const Records& records) {
    try {
        return sink.write(records);
    } catch (const std::exception& e) {
        return Answer::ambiguous(std::string("exception: ") + e.what());
    } catch (...) {
        return Answer::ambiguous("exception");
    }
}

/// What is wrong with an answer to a write of so many records; empty: nothing.
std::string check(const Answer& answer, std::size_t records);

/// Pushes the answer as events. An answer that is wrong (see check) is pushed as ambiguous.
template <class Push>
void tell(DeliveryId delivery, std::uint32_t attempt, const Answer& answer, std::size_t records,
          Push push) {
    SinkAnswered event{};
    event.delivery = delivery;
    event.attempt = attempt;
    event.outcome = SinkOutcome::ambiguous;
    if (check(answer, records).empty()) {
        // One at a time: a refused range of several means only "at least one of them".
        for (const Answer::Exception& e : answer.exceptions)
            push(Event(SinkToldRange{delivery, attempt, e.index, e.index + 1, e.outcome}));
        event.outcome = answer.outcome;
        event.retry_after = answer.retry_after;
    }
    push(Event(event));
}

constexpr StoreOutcome outcome_of(const std::expected<void, Failure>& result) {
    if (result) return StoreOutcome::ok;
    return result.error().permanent ? StoreOutcome::failed : StoreOutcome::retriable;
}

}  // namespace holdfast::embed
