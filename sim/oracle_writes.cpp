// The oracle on pulls, writes and dead letters: what may be sent, when, and in which order.
#include <algorithm>
#include <string>
#include <variant>

#include "sim/oracle.hpp"

namespace holdfast::sim {
namespace {

std::string number(std::uint64_t n) { return std::to_string(n); }

}  // namespace

void Oracle::order(const Effect& effect, const Effects& effects) {
    if (halted_) {
        fail("I33", "fatal is final", "an effect beside or after Halt");
        return;
    }
    std::visit([&](const auto& e) { on(e, effects); }, effect);
}

void Oracle::on(const Pull& e, const Effects&) {
    const Config& config = stage_.draw->config;
    if (e.source.index >= config.sources || e.max_records == 0 || e.max_bytes == 0) {
        return fail("I19", "queue bound", "a Pull of nothing, or of no source");
    }
    if (stopping_) return fail("I28", "shutdown", "a Pull after Stop");
    check_admission(e);
    check_budget(e);
    if (!failed()) check_rest(e);
    if (failed()) return;
    const BatchTruth* b = stage_.batch(e.batch);
    if (e.batch.index >= config.batches_max) {
        return fail("I19", "queue bound", "more batches than batches_max");
    }
    const bool used = e.batch.index < stage_.batches.size() &&
                      stage_.batches[e.batch.index].generation >= e.batch.generation;
    if (b != nullptr || used || e.batch.generation == 0) {
        return fail("I21", "token hygiene", "a batch handle was used before");
    }
    if (e.batch.index < stage_.batches.size()) {
        const BatchTruth& old = stage_.batches[e.batch.index];
        if (old.state == BatchTruth::State::pulling || old.state == BatchTruth::State::arrived) {
            return fail("I17", "lease balance", "a batch slot is used again before its release");
        }
    }
    const SourceConfig& source = config.source[e.source.index];
    if (++pulls_open_[e.source.index] > source.pulls_max) {
        return fail("I19", "queue bound", "more pulls than pulls_max");
    }
    if (e.max_records > source.pull_records_max || e.max_bytes > source.pull_bytes_max) {
        return fail("I19", "queue bound", "a Pull over its source's limits");
    }
    if (leased_ + e.max_bytes > config.memory_limit && leased_ > 0) {
        return fail("I16", "memory bound",
                    "a Pull of " + number(e.max_bytes) + " bytes with " + number(leased_) +
                        " held of " + number(config.memory_limit));
    }
    if (source_ends_[e.source.index] > 0) {
        return fail("I19", "queue bound", "a Pull from a source that has ended");
    }
    leased_ += e.max_bytes;
    ++batches_open_;
    check_batches_max(e);
}

/// One slice of a source at a time, from where the last one ended, of a batch that is ours.
void Oracle::check_slice(const Transform& e) {
    const Config& config = stage_.draw->config;
    const BatchTruth* whole = stage_.batch(e.batch);
    if (whole == nullptr || whole->state != BatchTruth::State::arrived || !whole->told ||
        whole->fate != Fate::deliver || whole->parent != UINT32_MAX || !config.sliced()) {
        return fail("I14", "no work after outcome", "a slice of what isn't to be sliced");
    }
    if (whole->lost) return fail("I4", "fencing", "a slice of a lost partition", whole->first);
    std::uint32_t& open = slice_open_[whole->source];
    if (open != UINT32_MAX) {
        return fail("I35", "one slice", "a slice is ordered before the last one is released",
                    whole->first);
    }
    if (e.begin != whole->taken || e.end != whole->count || e.begin >= e.end) {
        return fail("I9", "no invention",
                    "a slice from " + number(e.begin) + ", but " + number(whole->taken) +
                        " records were taken of " + number(whole->count),
                    whole->first);
    }
    check_slice(e, whole->source);
    if (config.mode == RunMode::streaming && e.bytes_max != config.slice_bytes) {
        return fail("I19", "queue bound", "a slice of another size than slice_bytes");
    }
    if (e.slice.index >= config.batches_max || e.slice.generation == 0 ||
        (e.slice.index < stage_.batches.size() &&
         stage_.batches[e.slice.index].generation >= e.slice.generation)) {
        return fail("I21", "token hygiene", "a slice's handle was used before");
    }
    if (e.slice.index < stage_.batches.size()) {
        const auto state = stage_.batches[e.slice.index].state;
        if (state == BatchTruth::State::pulling || state == BatchTruth::State::arrived) {
            return fail("I17", "lease balance", "a slot is used again before its release");
        }
    }
    open = e.slice.index;
    ++batches_open_;
}

void Oracle::on(const Transform& e, const Effects&) {
    if (e.slice != e.batch || stage_.draw->config.sliced()) return check_slice(e);
    const BatchTruth* b = stage_.batch(e.batch);
    if (b == nullptr || b->state != BatchTruth::State::arrived || b->transforming ||
        b->outputs_known) {
        return fail("I14", "no work after outcome", "a Transform of what isn't to be transformed");
    }
    if (e.begin != 0 || e.end != b->count || e.bytes_max != UINT32_MAX) {
        fail("I9", "no invention", "a Transform of records that the batch doesn't have");
    }
}

void Oracle::on(const ReleaseBatch& e, const Effects&) {
    BatchTruth* b = stage_.batch(e.batch);
    if (b == nullptr || b->state != BatchTruth::State::arrived) {
        return fail("I17", "lease balance",
                    "batch " + number(e.batch.index) + " released twice, or before it came");
    }
    if (b->parent != UINT32_MAX) {
        slice_open_[b->source] = UINT32_MAX;
    } else if (stage_.draw->config.sliced(b->source) && b->fate == Fate::deliver && !b->lost &&
               b->taken < b->count && partitions_[b->log].known == Known::assigned) {
        return fail("I35", "one slice", "a batch is released before its last slice", b->first);
    }
    note_slow(*b);
    if (b->parent == UINT32_MAX && b->epoch == partitions_[b->log].epoch) {
        --partitions_[b->log].held;
    }
    note_dropped(*b);
    count_towards_commit(*b);
    if (b->outputs_known && b->units.empty() && b->dead.empty()) counted_.filtered += b->count;
    leased_ -= b->held - b->freed + b->extra;
    --batches_open_;
    b->state = BatchTruth::State::released;
    if (!b->outputs_known) return;  // It was refused.
    for (const std::uint32_t index : open_) {
        const Attempt& a = stage_.attempts[index];
        for (std::size_t i = 0; i < a.items.size(); ++i) {
            const std::uint32_t item = a.items[i];
            const std::uint32_t record = (item & whole_record) != 0
                                             ? item & ~whole_record
                                             : stage_.ledger.units[item].record;
            if (record < b->first || record >= b->first + b->count) continue;
            if (a.epochs[i] != b->epoch) continue;
            return fail("I17", "lease balance", "a batch was released during a write of it",
                        record);
        }
    }
}

bool Oracle::resolve(const Part& part, SinkId sink, Attempt& a) {
    const BatchTruth* b = stage_.batch(part.batch);
    if (b == nullptr || b->state != BatchTruth::State::arrived) {
        fail("I17", "lease balance",
             "a write names batch " + number(part.batch.index) + " that isn't held");
        return false;
    }
    // What was begun may end; what was only queued is forgotten.
    if (b->lost && a.number == 1 && sink != no_sink && part.reason == Reason::none) {
        fail("I4", "fencing", "a write names a batch of a lost partition", b->first);
        return false;
    }
    const bool whole = sink == no_sink;
    if (!whole && sink.index >= stage_.draw->config.sinks) {
        fail("I9", "no invention", "a part for a sink that doesn't exist");
        return false;
    }
    const std::uint32_t from = whole ? 0 : b->from[sink.index];
    const std::uint32_t all = !b->outputs_known ? 0
                              : whole           ? static_cast<std::uint32_t>(b->dead.size())
                                                : b->from[sink.index + 1] - from;
    if (part.begin >= part.end || part.end > all) {
        fail("I9", "no invention",
             "a write of outputs " + number(part.begin) + ".." + number(part.end) + " of " +
                 number(all),
             b->first);
        return false;
    }
    for (std::uint32_t i = part.begin; i < part.end; ++i) {
        a.items.push_back(whole ? b->dead[i] | whole_record : b->units[from + i]);
        a.epochs.push_back(b->epoch);
    }
    return true;
}

std::uint32_t Oracle::new_delivery(DeliveryId id, std::uint32_t attempt, std::uint16_t sink) {
    const std::size_t slot = sink < 8 ? id.index + std::size_t{1} : 0;
    if (slot >= deliveries_.size()) deliveries_.resize(slot + 1);
    Delivery& d = deliveries_[slot];
    const bool again = d.generation == id.generation;
    if (d.generation > id.generation) {
        fail("I21", "token hygiene", "a delivery handle was used before");
    }
    if (d.attempt != UINT32_MAX) {
        fail("I14", "no send after outcome", "a delivery is sent while its write is in flight");
    }
    if (sink >= 8 && !again) store_failures_ = 0;
    if (id.generation == 0 || attempt != (again ? d.number + 1 : 1)) {
        fail("I21", "token hygiene",
             "attempt " + number(attempt) + " of a delivery follows " +
                 number(again ? d.number : 0));
    }
    if (!again) {
        d.streak = 0;
        d.failed = d.decided = false;
    }
    const std::uint32_t index = stage_.new_attempt();
    d.generation = id.generation;
    d.number = attempt;
    d.attempt = index;
    open_.push_back(index);
    Attempt& a = stage_.attempts[index];
    a.delivery = id;
    a.number = attempt;
    a.sink = sink;
    return index;
}

void Oracle::on(const WriteToSink& e, const Effects& all) {
    if (e.sink.index >= stage_.draw->config.sinks) {
        return fail("I9", "no invention", "a write to a sink that doesn't exist");
    }
    const SinkConfig& sink = stage_.draw->config.sink[e.sink.index];
    Attempt& a = stage_.attempts[new_delivery(e.delivery, e.attempt, e.sink.index)];
    ++open_writes_[e.sink.index];
    ++counted_.sink[e.sink.index].writes;
    counted_.sink[e.sink.index].retries += e.attempt > 1;
    a.deadline = e.deadline;
    for (const Part& part : all.parts(e.parts)) {
        if (!resolve(part, e.sink, a)) return;
    }
    check_limits(e, a, sink);
    if (e.attempt == 1 && !failed()) check_lingered(e, a);
    if (e.attempt == 1 && sink.has_mark && !failed()) check_clean(e, all);
    if (e.attempt > 1 && !failed()) check_streak(e, sink);
    if (sink.writes_max == 1 && !failed()) check_order(a);
    for (std::size_t i = 0; i < a.items.size() && !failed(); ++i) {
        Unit& u = stage_.ledger.units[a.items[i]];
        if (a.epochs[i] != epoch_of(u.record)) continue;
        check_send(a.items[i], sink);
        u.told = Told::in_flight;
        note_sent(u, a.items[i]);
    }
    bool more = false;
    for (const Part& part : all.parts(e.parts)) {
        BatchTruth* b = stage_.batch(part.batch);
        if (b != nullptr && windows_count_) note_begun(part, e);
        if (b == nullptr || b->fanned_out) continue;
        more = b->fanned_out = true;
        b->written = stage_.now;
    }
    if (more && !failed()) check_queues();
}

void Oracle::check_limits(const WriteToSink& e, const Attempt& a, const SinkConfig& sink) {
    if (e.records == 0 || e.records != a.items.size()) {
        return fail("I9", "no invention",
                    "a write says " + number(e.records) + " records of " + number(a.items.size()));
    }
    if (a.items.size() > sink.write_records_max || e.parts.count > sink.write_parts_max ||
        (e.bytes > sink.write_bytes_max && a.items.size() > 1)) {
        return fail("I19", "queue bound",
                    "a write over the sink's limits: " + number(a.items.size()) + " records, " +
                        number(e.bytes) + " bytes");
    }
    if (open_writes_[e.sink.index] > sink.writes_max) {
        return fail("I19", "queue bound", "more writes in flight than writes_max");
    }
    const Instant expected =
        sink.attempt_timeout.ns > 0 ? stage_.now + sink.attempt_timeout : never;
    if (e.deadline != expected) {
        fail("L5", "deadline", "a write with another deadline than its sink's time-out", UINT32_MAX,
             true);
    }
}

/// The wait before an attempt grows with the failures in a row, and begins anew with each thing
/// that the sink decided on.
void Oracle::check_streak(const WriteToSink& e, const SinkConfig& sink) {
    const Delivery& d = deliveries_[e.delivery.index + std::size_t{1}];
    if (!d.failed) return;
    const std::int64_t base = backoff_base(sink.retry, d.streak);
    const std::int64_t waited = (stage_.now - d.failed_at).ns;
    if (waited < base) return fail("I13", "retry law", "a delivery goes on before its backoff");
    const bool punctual = stage_.draw->permille_of(Fault::late_tick) == 0 &&
                          stage_.draw->permille_of(Fault::jump) == 0;
    // It may have waited for room in the dead letters.
    if (!punctual || stage_.draw->may_refuse(e.sink.index) || sink.retry.attempts_max > 0) {
        return;
    }
    const std::int64_t most =
        std::max(base + base / 1000 * sink.retry.jitter_permille, d.retry_after.ns);
    if (waited > most + 1'000'000) {
        fail("I13", "retry law",
             "a delivery goes on only after " + number(static_cast<std::uint64_t>(waited)) +
                 " ns, with " + number(d.streak) + " failures since it last got on");
    }
}

void Oracle::check_send(std::uint32_t unit, const SinkConfig& sink) {
    const Unit& u = stage_.ledger.units[unit];
    const Record& record = stage_.ledger.records[u.record];
    if (u.told != Told::idle && u.told != Told::waiting) {
        return fail("I14", "no send after outcome",
                    "unit " + number(unit) + " is sent to sink " + number(u.sink) +
                        " although it is " +
                        (u.told == Told::in_flight ? "in flight" : "settled or refused"),
                    u.record);
    }
    if (stage_.ledger.logs[record.log].lead[u.sink] >= record.next) {
        return fail("I8", "explained duplicates",
                    "a lead says that sink " + number(u.sink) + " has it", u.record);
    }
    if (u.failures == 0) return;
    const RetryConfig& retry = sink.retry;
    if (retry.attempts_max > 0 && u.failures >= retry.attempts_max) {
        return fail("I13", "retry law",
                    "attempt " + number(u.failures + 1u) + " of " + number(retry.attempts_max),
                    u.record);
    }
    const std::int64_t base = backoff_base(retry, u.mixed ? 1 : u.failures);
    const std::int64_t waited = stage_.now.ns - u.failed_at;
    if (!u.mixed && waited < base) {
        return fail("I13", "retry law",
                    "sent again after " + number(static_cast<std::uint64_t>(waited)) +
                        " ns, before its backoff",
                    u.record);
    }
    if (stage_.now.ns < u.not_before) {
        return fail("I13", "retry law", "sent again before the sink's retry-after", u.record);
    }
    const bool punctual = stage_.draw->permille_of(Fault::late_tick) == 0 &&
                          stage_.draw->permille_of(Fault::jump) == 0;
    if (u.mixed || !punctual || sink.writes_max != 1) return;
    const std::int64_t most =
        std::max(base + base / 1000 * retry.jitter_permille + base, u.not_before - u.failed_at);
    if (waited > most + 1'000'000) {
        fail("I13", "retry law",
             "sent again only after " + number(static_cast<std::uint64_t>(waited)) + " ns",
             u.record);
    }
}

/// It no longer keeps those behind it from being sent.
bool Oracle::out_of_the_way(std::uint32_t unit) const {
    const Unit& u = stage_.ledger.units[unit];
    const Record& r = stage_.ledger.records[u.record];
    if (stage_.ledger.may_drop(u.sink) && !u.sent) return true;
    if (stage_.ledger.logs[r.log].lead[u.sink] >= r.next) return true;
    // Failed batches of a transform go to the dead letters whole.
    if (r.told != Told::idle || r.parked > 0) return true;
    const RetryConfig& retry = stage_.draw->config.sink[u.sink].retry;
    const bool given_up = retry.attempts_max > 0 && u.told == Told::waiting &&
                          (u.failures >= retry.attempts_max || u.mixed);
    return given_up || (u.told != Told::idle && u.told != Told::waiting);
}

/// One write at a time: each partition's outputs go out in order, and none is overtaken.
void Oracle::check_order(const Attempt& a) {
    std::array<std::uint32_t, 32> at;
    at.fill(UINT32_MAX);
    for (std::size_t i = 0; i < a.items.size(); ++i) {
        const std::uint32_t record = stage_.ledger.units[a.items[i]].record;
        if (a.epochs[i] != epoch_of(record)) continue;
        const std::uint32_t log = stage_.ledger.records[record].log;
        const std::vector<std::uint32_t>& lane = lane_[log * std::size_t{8} + a.sink];
        std::uint32_t& head = lane_head_[log * std::size_t{8} + a.sink];
        if (at[log] == UINT32_MAX) {
            while (head < lane.size() && lane[head] != a.items[i] && out_of_the_way(lane[head])) {
                ++head;
            }
            at[log] = head;
        }
        while (at[log] < lane.size() && lane[at[log]] != a.items[i] &&
               out_of_the_way(lane[at[log]])) {
            ++at[log];
        }
        if (at[log] < lane.size() && lane[at[log]] == a.items[i]) {
            ++at[log];
            continue;
        }
        return fail("I12", "order",
                    "unit " + number(a.items[i]) + " of partition " + number(log) +
                        " overtakes one that isn't settled",
                    record);
    }
}

void Oracle::on(const CancelWrite& e, const Effects&) {
    Attempt* a = open(e.delivery, e.attempt);
    if (a == nullptr || a->sink != e.sink.index) {
        return fail("I21", "token hygiene", "a CancelWrite of no open attempt");
    }
    const bool late = stage_.now >= a->deadline;
    if (late) note_progress(*a, SinkOutcome::ambiguous, Duration{0});
    if (late) ++counted_.sink[a->sink].ambiguous;
    for (std::size_t i = 0; i < a->items.size(); ++i) {
        Unit& u = stage_.ledger.units[a->items[i]];
        // What was told of it before the deadline counts.
        const auto named = i < a->named.size() ? a->named[i] : std::uint8_t{0};
        const bool delivered = named == static_cast<std::uint8_t>(SinkOutcome::delivered) + 1;
        counted_.sink[a->sink].delivered += delivered;
        if (a->epochs[i] != epoch_of(u.record)) continue;
        if (delivered) {
            u.told = Told::delivered;
            ++told_delivered_[a->sink];
            continue;
        }
        if (named == static_cast<std::uint8_t>(SinkOutcome::refused) + 1) {
            u.told = Told::refused;
            u.mixed = true;
            continue;
        }
        u.told = Told::waiting;
        u.mixed = u.mixed || !late || !a->named.empty();
        if (late) ++u.failures;
        u.failed_at = stage_.now.ns;
    }
    const std::uint32_t index = attempt_of(e.delivery);
    close(index);
}

void Oracle::check_dead_letter(std::uint32_t item, const Part& part) {
    if ((item & whole_record) != 0) {
        const std::uint32_t id = item & ~whole_record;
        const Record& record = stage_.ledger.records[id];
        const BatchTruth& b = *stage_.batch(part.batch);
        const Reason right = b.fate == Fate::oversized ? Reason::oversized
                             : b.fate == Fate::failed  ? Reason::failed
                                                       : Reason::parse_error;
        if (record.told == Told::parked || record.told == Told::in_flight) {
            return fail("I14", "no send after outcome", "a record is dead-lettered twice", id);
        }
        if (part.reason != right) fail("I10", "dead letters tell the truth", "wrong reason", id);
        return;
    }
    const Unit& u = stage_.ledger.units[item];
    const RetryConfig& retry = stage_.draw->config.sink[u.sink].retry;
    if (u.told != Told::refused && u.told != Told::waiting) {
        return fail("I14", "no send after outcome",
                    "unit " + number(item) + " of sink " + number(u.sink) +
                        " is dead-lettered although nothing is wrong with it, or twice",
                    u.record);
    }
    if (part.reason == Reason::refused) {
        if (u.poison && u.told == Told::refused) return;
        return fail("I13", "retry law", "dead-lettered as refused, but its sink would take it",
                    u.record);
    }
    if (part.reason != Reason::exhausted) {
        return fail("I10", "dead letters tell the truth", "wrong reason", u.record);
    }
    const bool used_up =
        retry.attempts_max > 0 && (u.failures >= retry.attempts_max || (u.mixed && u.failures > 0));
    if (!used_up) {
        fail("I13", "retry law",
             "dead-lettered after " + number(u.failures) + " failures of " +
                 number(retry.attempts_max),
             u.record);
    }
}

void Oracle::on(const WriteDeadLetters& e, const Effects& all) {
    const DeadLettersConfig& config = stage_.draw->config.dead_letters;
    if (!config.present) return fail("I11", "a failed dead letter is no ack", "there is no queue");
    const bool again = e.attempt > 1;
    counted_.dead_letter_retries += again;
    const std::uint32_t index = new_delivery(e.delivery, e.attempt, 0xffff);
    Attempt& a = stage_.attempts[index];
    a.deadline = config.attempt_timeout.ns > 0 ? stage_.now + config.attempt_timeout : never;
    for (const Part& part : all.parts(e.parts)) {
        const std::size_t from = a.items.size();
        if (failed() || !resolve(part, part.sink, a)) return;
        for (std::size_t i = from; i < a.items.size() && !failed(); ++i) {
            const std::uint32_t item = a.items[i];
            const bool whole = (item & whole_record) != 0;
            const std::uint32_t record =
                whole ? item & ~whole_record : stage_.ledger.units[item].record;
            if (a.epochs[i] != epoch_of(record)) continue;
            if (!again) check_dead_letter(item, part);
            if (whole) {
                stage_.ledger.records[record].told = Told::in_flight;
            } else {
                stage_.ledger.units[item].told = Told::parking;
            }
        }
    }
    if (e.parts.count > config.write_parts_max) {
        fail("I19", "queue bound", "a dead-letter write of too many parts");
    }
}

}  // namespace holdfast::sim
