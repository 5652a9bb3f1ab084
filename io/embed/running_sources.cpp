// What a running pipeline does with its sources. See running.hpp.
#include <algorithm>
#include <utility>

#include "io/embed/answers.hpp"
#include "io/embed/running.hpp"
#include "io/embed/slices.hpp"

namespace holdfast::embed {
namespace {

// A pull that brought neither records nor tokens: not asked again at once.
constexpr Duration after_nothing = milliseconds(1);

std::uint32_t narrow(std::uint64_t n) {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(n, UINT32_MAX));
}

/// On the source's desk. `dropped`: by its filter.
std::expected<Pulled, Failure> pull_from(SourcePort& port, const Pull& order,
                                         std::uint64_t& dropped) {
    if (!port.pieces.any()) {
        auto result =
            guarded([&] { return port.source->pull({order.max_records, order.max_bytes}); });
        if (!result || result->kind != Pulled::Kind::batch) return result;
        const std::string wrong = wrong_ends(result->batch);
        if (!wrong.empty()) return std::unexpected(Failure{"its batch is wrong: " + wrong, true});
        if (port.inbound) dropped = port.inbound->judge(result->batch);
        port.pieces = Pieces(std::move(result->batch));
    }
    return Pulled::some(port.pieces.next(order.max_records, order.max_bytes));
}

}  // namespace

void Running::on(const Pull& pull) {
    SourcePort& port = ports_.sources[pull.source.index];
    source_desks_[pull.source.index]->post([this, &port, pull] {
        std::uint64_t dropped = 0;
        auto result =
            std::make_shared<std::expected<Pulled, Failure>>(pull_from(port, pull, dropped));
        inbox_.post([this, pull, result, dropped] {
            report_.dropped += dropped;
            pulled(pull, std::move(*result));
        });
    });
}

void Running::pulled(const Pull& pull, std::expected<Pulled, Failure> result) {
    SourcePort& port = ports_.sources[pull.source.index];
    if (!result) {
        port.problem = say("source " + port.name, result.error().what);
        events_.push_back(SourceFailed{
            pull.batch, pull.source,
            result.error().permanent ? SourceOutcome::failed : SourceOutcome::retriable});
        return;
    }
    switch (result->kind) {
        case Pulled::Kind::ended: events_.push_back(SourceEnded{pull.batch, pull.source}); return;
        case Pulled::Kind::idle:
            events_.push_back(SourceIdle{pull.batch, pull.source, result->again_after});
            return;
        case Pulled::Kind::batch: return place({pull, std::move(result->batch)});
    }
    port.problem = say("source " + port.name, "its answer is wrong: its kind is no kind: " +
                                                  std::to_string(static_cast<int>(result->kind)));
    events_.push_back(SourceFailed{pull.batch, pull.source, SourceOutcome::failed});
}

/// To the engine, if its partition has a slot there; else it waits for one.
void Running::place(Arrival arrival) {
    if (size_of(arrival.batch) == 0 && arrival.batch.tokens.empty()) {
        events_.push_back(SourceIdle{arrival.pull.batch, arrival.pull.source, after_nothing});
        return;
    }
    if (halted_) return lanes_.wait(std::move(arrival));
    const auto slot = lanes_.admit(
        arrival.pull.source.index, arrival.batch.partition,
        [this](std::uint32_t i) { return engine_.engine().left(PartitionId{i}).records > 0; },
        [this](const Event& event) { events_.push_back(event); });
    if (!slot) return lanes_.wait(std::move(arrival));
    arrived(*slot, arrival.pull, std::move(arrival.batch));
}

/// Slots may have become free, or could be asked back.
void Running::place_waiting() {
    while (!lanes_.waiting().empty()) {
        auto next = lanes_.next_waiting(
            [this](std::uint32_t i) { return engine_.engine().left(PartitionId{i}).records > 0; },
            [this](const Event& event) { events_.push_back(event); });
        if (!next) return;
        arrived(next->first, next->second.pull, std::move(next->second.batch));
    }
}

void Running::on(const RevokeDone& done) {
    lanes_.leave(done.partition.index);
    place_waiting();
}

void Running::arrived(std::uint32_t index, const Pull& pull, Batch batch) {
    Lane& lane = lanes_[index];
    const auto records = static_cast<std::int64_t>(size_of(batch));
    std::uint64_t held = 0;
    std::uint64_t bytes = 0;
    std::int64_t position = lane.next;
    const auto arrives = [&](Record& r) {
        r.id.source = pull.source.index;
        r.id.partition = batch.partition;
        if (r.id.position < 0) r.id.position = position;
        ++position;
        held += bytes_of(r);
        bytes += r.payload.size();
    };
    for (Record& r : batch.records) arrives(r);
    for (DeadLetter& letter : batch.dead_letters) arrives(letter.record);
    BatchPulled event{};
    event.batch = pull.batch;
    event.source = pull.source;
    event.fate = Fate::deliver;
    event.partition = PartitionId{index};
    event.epoch = lane.epoch;
    event.records = narrow(size_of(batch));
    event.bytes = narrow(bytes);
    event.held = narrow(held);
    event.first = Position{lane.next};
    lane.next += std::max<std::int64_t>(1, records);
    event.next = Position{lane.next};
    // Where sinks commit, the engine never says that anything is.
    if (config_.source[pull.source.index].commit != CommitMode::sink)
        lane.owed.push_back({lane.next, batch.tokens});
    books_.put(pull.batch, pull.source.index, std::move(batch), event.first.value);
    events_.push_back(event);
}

void Running::on(const CommitPosition& commit) {
    Lane& lane = lanes_[commit.partition.index];
    std::vector<Token> tokens;
    for (const Lane::Owed& owed : lane.owed) {
        if (owed.next > commit.position.value) break;
        tokens.insert(tokens.end(), owed.tokens.begin(), owed.tokens.end());
    }
    if (tokens.empty()) return committed(commit, {});
    Source& source = *ports_.sources[lane.source].source;
    const std::uint32_t number = lane.number;
    const std::uint64_t mine = ++*lane.commits;
    source_desks_[lane.source]->post_urgent(
        [this, &source, commit, number, mine, latest = lane.commits, tokens = std::move(tokens)] {
            // A source that blocks: what is ordered again comes once, with all that is due by then.
            if (*latest != mine) return;
            const auto result = guarded([&] { return source.commit(number, tokens); });
            inbox_.post([this, commit, result] { committed(commit, result); });
        });
    source.interrupt();
}

void Running::committed(const CommitPosition& commit, const std::expected<void, Failure>& result) {
    Lane& lane = lanes_[commit.partition.index];
    const bool stale = lane.epoch != commit.epoch;  // Its slot is another partition's by now.
    if (result && !stale) {
        while (!lane.owed.empty() && lane.owed.front().next <= commit.position.value)
            lane.owed.pop_front();
    } else if (!result && !stale) {
        commit_problem_ =
            say("source " + ports_.sources[lane.source].name, "commit: " + result.error().what);
    }
    events_.push_back(
        CommitAnswered{commit.partition, commit.epoch, commit.position, outcome_of(result)});
    place_waiting();
}

void Running::on(const SetGate& gate) {
    // A partition that is new while the gate holds: its source knows already.
    if (gate.partition != every_partition) return;
    Source& source = *ports_.sources[gate.source.index].source;
    source_desks_[gate.source.index]->post_urgent([this, &source, gate] {
        const auto result = guarded([&]() -> std::expected<void, Failure> {
            source.hold(gate.held);
            return {};
        });
        if (result) return;
        inbox_.post([this, gate, result] {
            log("source " + ports_.sources[gate.source.index].name +
                ": hold: " + result.error().what);
        });
    });
    source.interrupt();
}

}  // namespace holdfast::embed
