// What a running pipeline does with its transform, its sinks and its dead letters. See running.hpp.
#include <algorithm>
#include <utility>

#include "io/embed/answers.hpp"
#include "io/embed/running.hpp"
#include "io/embed/slices.hpp"

namespace holdfast::embed {
namespace {

std::uint32_t narrow(std::uint64_t n) {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(n, UINT32_MAX));
}

}  // namespace

// ---- the transform -----------------------------------------------------------------------------

void Running::on(const Transform& order) {
    Batch& batch = books_.batch(order.batch);
    auto slice =
        std::make_shared<Slice>(take_slice(batch, order.begin, order.end, order.bytes_max));
    auto input = std::make_shared<Input>();
    input->records = std::move(slice->records);
    input->partition = batch.partition;
    input->tokens = batch.tokens;
    input->source = ports_.sources[books_.source(order.batch)].name;
    if (!transform_desk_ || input->records.empty())
        return transformed(order, std::move(*slice), Output{std::move(input->records), {}});
    transform_desk_->post([this, order, slice, input, alive = books_.share(order.batch)] {
        std::uint64_t errors = 0;
        auto result = std::make_shared<std::expected<Output, Failure>>(
            guarded([&] { return process(std::move(*input), errors); }));
        inbox_.post([this, order, slice, result, errors] {
            report_.parse_errors += errors;
            transformed(order, std::move(*slice), std::move(*result));
        });
    });
}

/// On the transform's desk.
std::expected<Output, Failure> Running::process(Input input, std::uint64_t& errors) {
    std::vector<DeadLetter> bad;
    if (parsing_) {
        auto parsed = parsing_->parse(input, errors);
        if (!parsed) return std::unexpected(parsed.error());
        bad = std::move(*parsed);
    }
    std::expected<Output, Failure> output = Output{};
    if (!ports_.transform)
        output->records = std::move(input.records);
    else if (!input.records.empty() || bad.empty())
        output = ports_.transform->process(std::move(input));
    if (output)
        output->dead_letters.insert(output->dead_letters.begin(),
                                    std::make_move_iterator(bad.begin()),
                                    std::make_move_iterator(bad.end()));
    return output;
}

void Running::transformed(const Transform& order, Slice slice,
                          std::expected<Output, Failure> result) {
    SliceTransformed event{};
    event.slice = order.slice;
    event.end = slice.end;
    event.next = Position{books_.first(order.batch) + slice.end};
    if (!result) {
        transform_problem_ = say("transform", result.error().what);
        event.fate = Fate::stop;
        events_.push_back(event);
        return;
    }
    route_rejected(std::move(slice.dead_letters), ports_.options, *result, report_);
    const auto outputs =
        std::make_shared<const Outputs>(sort_out(std::move(*result), config_.sinks));
    event.fate = Fate::deliver;
    event.dead_letters = narrow(outputs->dead_letters.size());
    if (!outputs->dead_letters.empty()) set_aside_why_ = outputs->dead_letters.front().why;
    // Headers and keys, too: what the batch was leased for is gone with its slice.
    event.held = narrow(outputs->held - std::min(outputs->held, slice.held));
    if (outputs->by_sink.empty()) {
        event.outputs = narrow(outputs->records.size());
        event.bytes = narrow(outputs->bytes);
        event.route = outputs->records.empty() ? 0 : config_.source[0].route;
    }
    for (std::uint32_t s = 0; s < outputs->by_sink.size(); ++s) {
        const auto& mine = outputs->by_sink[s];
        std::uint64_t bytes = 0;
        for (const std::uint32_t n : mine) bytes += outputs->records[n].payload.size();
        if (mine.empty()) continue;
        SinkShare share{};
        share.slice = order.slice;
        share.sink = SinkId{static_cast<std::uint16_t>(s)};
        share.outputs = narrow(mine.size());
        share.bytes = narrow(bytes);
        events_.push_back(share);
    }
    books_.put_outputs(order.slice, outputs);
    events_.push_back(event);
}

void Running::on(const ReleaseBatch& release) {
    books_.release(release.batch);
    place_waiting();
}

// ---- sinks and dead letters --------------------------------------------------------------------

void Running::on(const WriteToSink& write) {
    Sink& sink = *ports_.sinks[write.sink.index].sink;
    const auto attempt = std::make_shared<Attempt>();
    attempt->write = write;
    attempt->load = books_.load(engine_.effects().parts(write.parts), write.sink);
    attempts_[write.delivery.index] = attempt;
    sink_desks_[write.sink.index]->post([this, &sink, attempt] {
        // A sink that blocks: what was given up before it began is never written.
        if (attempt->given_up) return;
        auto answer =
            std::make_shared<const Answer>(guarded_write(sink, Records(attempt->load.records)));
        inbox_.post([this, attempt, answer] { answered(*attempt, *answer); });
    });
}

void Running::on(const CancelWrite& cancel) {
    const auto at = attempts_.find(cancel.delivery.index);
    if (at == attempts_.end() || at->second->write.delivery != cancel.delivery ||
        at->second->write.attempt != cancel.attempt)
        return;
    at->second->given_up = true;
    note_words(*at->second, Answer::ambiguous("no answer within the attempt timeout"));
    attempts_.erase(at);
}

void Running::answered(Attempt& attempt, const Answer& answer) {
    const WriteToSink& write = attempt.write;
    const std::size_t records = attempt.load.records.size();
    const std::string wrong = check(answer, records);
    if (!attempt.given_up) {
        note_words(attempt,
                   wrong.empty() ? answer : Answer::ambiguous("its answer is wrong: " + wrong));
        attempts_.erase(write.delivery.index);
    }
    tell(write.delivery, write.attempt, answer, records,
         [this](const Event& event) { events_.push_back(event); });
}

/// Each record's own words go with it, until it is delivered or stored as a dead letter. Words of
/// an answer that came too late are nobody's.
void Running::note_words(const Attempt& attempt, const Answer& answer) {
    constexpr std::size_t kept = 4096;
    SinkPort& port = ports_.sinks[attempt.write.sink.index];
    const auto note = [&](std::size_t n, const std::string& why, SinkOutcome outcome,
                          const std::shared_ptr<const std::string>& shared) {
        books_.say(attempt.load, attempt.write.sink, n, shared);
        if (outcome == SinkOutcome::refused) port.refused = why;
    };
    if (!answer.why.empty()) say("sink " + port.name, answer.why);
    if (answer.outcome != SinkOutcome::delivered) {
        port.problem = "sink " + port.name + ": " + answer.why;
        const auto why = std::make_shared<const std::string>(answer.why.substr(0, kept));
        for (std::size_t n = 0; n < attempt.load.records.size(); ++n)
            note(n, *why, answer.outcome, why);
    }
    for (const Answer::Exception& e : answer.exceptions) {
        if (e.outcome == SinkOutcome::delivered) continue;
        const std::string& why = e.why.empty() ? answer.why : e.why;
        port.problem = "sink " + port.name + ": " + why;
        note(e.index, why, e.outcome, std::make_shared<const std::string>(why.substr(0, kept)));
    }
}

void Running::on(const SyncSink& sync) {
    SinkPort& port = ports_.sinks[sync.sink.index];
    sink_desks_[sync.sink.index]->post([this, &port, sync] {
        const auto result = guarded([&] { return port.sink->sync(); });
        inbox_.post([this, &port, sync, result] {
            if (!result) port.problem = say("sink " + port.name, "sync: " + result.error().what);
            events_.push_back(SinkSynced{sync.sink, sync.sync, outcome_of(result)});
        });
    });
}

void Running::on(const WriteDeadLetters& write) {
    auto letters = std::make_shared<std::vector<DeadLetter>>();
    for (const Part& part : engine_.effects().parts(write.parts)) {
        const auto outputs = books_.outputs(part.batch);
        for (std::uint32_t n = part.begin; n < part.end; ++n) {
            if (part.sink == no_sink) {
                letters->push_back(outputs->dead_letters[n]);
                continue;
            }
            letters->push_back({outputs->of_sink(part.sink.index, n),
                                books_.why(part.batch, part.sink, n),
                                ports_.sinks[part.sink.index].name, part.reason, part.attempts});
        }
    }
    const std::uint64_t mine = ++*letters_ordered_;
    dead_letter_desk_->post([this, write, letters, mine, latest = letters_ordered_] {
        if (*latest != mine) return;
        const auto result = guarded([&] { return ports_.dead_letters->store(*letters); });
        inbox_.post([this, write, result] {
            if (!result) dead_letters_problem_ = say("dead letters", result.error().what);
            events_.push_back(DeadLettersStored{write.delivery, write.attempt, outcome_of(result)});
        });
    });
}

}  // namespace holdfast::embed
