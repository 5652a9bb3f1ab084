#include "sim/fake_sink.hpp"

#include <algorithm>

namespace holdfast::sim {
namespace {

constexpr std::uint8_t verdict_of(SinkOutcome outcome) {
    return static_cast<std::uint8_t>(static_cast<std::uint8_t>(outcome) + 1);
}

std::uint64_t key_of(const Attempt& a, const Stage& stage) {
    const std::uint64_t first = a.items.empty() ? 0 : a.items.front();
    return (static_cast<std::uint64_t>(stage.incarnation & 15) << 36 | first << 16 |
            (a.number & 0xffff));
}

}  // namespace

void FakeSinks::write(const WriteToSink& write, std::uint32_t index) {
    Attempt& a = stage_.attempts[index];
    a.verdict.assign(a.items.size(), 0);
    plan(a, write);
    if (a.answer == SinkOutcome::ambiguous) excuse(a);
    schedule(a, index, key_of(a, stage_));
}

/// Decides what will become of the attempt.
void FakeSinks::plan(Attempt& a, const WriteToSink& write) {
    const std::uint16_t sink = write.sink.index;
    const std::uint64_t n = key_of(a, stage_);
    a.applies = true;
    if (plan_dead(a)) return;
    turn(a);
    if (stage_.fault(Fault::sink_retriable, sink, n)) {
        a.answer = SinkOutcome::retriable;
        a.applies = false;
    } else if (stage_.fault(Fault::sink_throttled, sink, n)) {
        a.answer = SinkOutcome::throttled;
        a.retry_after =
            milliseconds(static_cast<std::int64_t>(1 + stage_.detail(48u + sink, n, 500)));
        a.applies = false;
    } else if (stage_.fault(Fault::sink_ambiguous_applied, sink, n)) {
        a.answer = SinkOutcome::ambiguous;
        a.applies = !stage_.draw->config.sink[sink].has_mark;
    } else if (stage_.fault(Fault::sink_ambiguous_lost, sink, n)) {
        a.answer = SinkOutcome::ambiguous;
        a.applies = false;
    } else if (stage_.fault(Fault::sink_failed, sink, n)) {
        a.answer = SinkOutcome::failed;
        a.applies = false;
    }
    if (a.answer == SinkOutcome::ambiguous && a.applies) {
        // A sink that holds poison never takes it, whatever it says.
        a.applies = std::ranges::none_of(
            a.items, [&](std::uint32_t u) { return stage_.ledger.units[u].poison; });
    }
    if (a.answer != SinkOutcome::delivered) return;
    if (plan_poison(a)) return;
    if (stage_.fault(Fault::sink_partial, sink, n)) plan_partial(a, n);
}

/// From a later attempt on it will never take what it did not refuse at first.
void FakeSinks::turn(const Attempt& a) {
    if (a.number < 2 || stage_.draw->permille_of(Fault::sink_turns) == 0) return;
    for (const std::uint32_t u : a.items) {
        Unit& unit = stage_.ledger.units[u];
        if (unit.applied > 0 || unit.poison) continue;
        unit.poison = stage_.fault(Fault::sink_turns, a.sink, u);
    }
}

bool FakeSinks::plan_dead(Attempt& a) {
    if (!stage_.dead(1u << a.sink)) return false;
    a.applies = false;
    a.answer = stage_.detail(a.sink, 7, 2) == 0 ? SinkOutcome::retriable : SinkOutcome::ambiguous;
    return true;
}

/// Refuses what it must: by name, or the whole write without a word which record it was.
bool FakeSinks::plan_poison(Attempt& a) {
    bool any = false;
    const std::vector<Unit>& units = stage_.ledger.units;
    for (const std::uint32_t u : a.items) any = any || units[u].poison;
    if (!any) return false;
    if (a.items.size() == 1 || !stage_.draw->sink[a.sink].says_which ||
        !stage_.draw->config.sink[a.sink].answers_partially) {
        a.answer = SinkOutcome::refused;
        a.applies = false;
        return true;
    }
    for (std::size_t i = 0; i < a.items.size(); ++i) {
        if (units[a.items[i]].poison) a.verdict[i] = verdict_of(SinkOutcome::refused);
    }
    return true;
}

/// A prefix, or any subset, is taken; the rest is told to come again, or is left in doubt.
void FakeSinks::plan_partial(Attempt& a, std::uint64_t n) {
    const SinkConfig& config = stage_.draw->config.sink[a.sink];
    if (!config.answers_partially || config.has_mark || a.items.size() < 2) return;
    const std::uint64_t how = stage_.detail(a.sink, n << 4 | 1, 4);
    const SinkOutcome rest = how & 1 ? SinkOutcome::ambiguous : SinkOutcome::retriable;
    const std::uint64_t cut = 1 + stage_.detail_below(a.sink, n << 4 | 2, a.items.size() - 1);
    for (std::size_t i = 0; i < a.items.size(); ++i) {
        const bool taken =
            how < 2 ? i < cut : stage_.detail(a.sink + 16, n << 8 | (i & 255), 2) == 0;
        if (!taken) a.verdict[i] = verdict_of(rest);
    }
    if (stage_.detail(a.sink, n << 4 | 3, 2) == 0) return;
    // The other way to say the same: name what was taken, and answer for the rest.
    for (std::uint8_t& v : a.verdict) v = v == 0 ? verdict_of(SinkOutcome::delivered) : 0;
    a.answer = rest;
}

void FakeSinks::schedule(const Attempt& a, std::uint32_t index, std::uint64_t n) {
    Attempt& mine = stage_.attempts[index];
    const SinkConfig& config = stage_.draw->config.sink[a.sink];
    Duration after = stage_.latency(100u + a.sink, n, stage_.draw->sink[a.sink].latency);
    if (stage_.fault(Fault::sink_slow, a.sink, n)) after.ns *= 60;
    const bool timed = config.attempt_timeout.ns > 0;
    if (timed && stage_.healed) after.ns = std::min(after.ns, config.attempt_timeout.ns / 2);
    const bool silent = timed && (stage_.fault(Fault::sink_never, a.sink, n) ||
                                  (stage_.dead(1u << a.sink) && stage_.detail(a.sink, 8, 2) == 1));
    if (timed && stage_.fault(Fault::sink_late, a.sink, n)) {
        // At the very deadline, or soon after it.
        after = config.attempt_timeout;
        after.ns += static_cast<std::int64_t>(stage_.detail(a.sink, n << 4 | 5, 4)) * 1'000'000;
    }
    Occurrence o{.a = index};
    if (a.applies && !config.has_mark) {
        Duration at = after;
        if (stage_.detail(a.sink, n << 4 | 6, 3) == 1) at = microseconds(1);
        if (a.answer == SinkOutcome::ambiguous &&
            stage_.fault(Fault::sink_ambiguous_later, a.sink, n)) {
            at.ns += 1'000'000 *
                     (1 + static_cast<std::int64_t>(stage_.detail(a.sink, n << 4 | 7, 3000)));
        }
        o.due = Due::sink_apply;
        ++mine.pending;
        stage_.later(at, o);
    }
    if (silent) return;
    o.due = Due::sink_answer;
    ++mine.pending;
    stage_.later(after, o);
    if (stage_.fault(Fault::sink_twice, a.sink, n)) {
        o.b = 1;
        ++mine.pending;
        stage_.later(Duration{after.ns + 1'000 * static_cast<std::int64_t>(
                                                     stage_.detail(a.sink, n << 4 | 8, 5000))},
                     o);
    }
}

/// One more application of its units is explained.
void FakeSinks::excuse(Attempt& a) {
    if (a.excused) return;
    a.excused = true;
    for (const std::uint32_t u : a.items) ++stage_.ledger.units[u].excuses;
}

void FakeSinks::apply(Attempt& a) {
    if (a.applied || !a.applies) return;
    a.applied = true;
    for (std::size_t i = 0; i < a.items.size(); ++i) {
        const auto verdict =
            a.verdict[i] != 0 ? static_cast<SinkOutcome>(a.verdict[i] - 1) : a.answer;
        bool take = verdict == SinkOutcome::delivered;
        // In doubt after all: of a whole write that lands, or of a part by the toss of a coin.
        if (verdict == SinkOutcome::ambiguous) {
            take = a.answer == SinkOutcome::ambiguous
                       ? true
                       : stage_.detail(a.sink + 32, a.items[i], 2) == 1;
            if (take && !a.excused) ++stage_.ledger.units[a.items[i]].excuses;
        }
        if (take && stage_.fault(Fault::sink_lies, a.sink, a.items[i])) take = false;
        if (take) stage_.ledger.apply(a.items[i]);
    }
}

void FakeSinks::apply_due(const Occurrence& what) {
    apply(stage_.attempts[what.a]);
    stage_.drop_reference(what.a);
}

void FakeSinks::answer_due(const Occurrence& what) {
    Attempt& a = stage_.attempts[what.a];
    const bool file = stage_.draw->config.sink[a.sink].has_mark;
    if (!file || a.state == Attempt::State::open) apply(a);
    babble(a);
    for (std::uint32_t i = 0; i < a.verdict.size();) {
        std::uint32_t j = i + 1;
        while (j < a.verdict.size() && a.verdict[j] == a.verdict[i]) ++j;
        if (a.verdict[i] != 0) {
            stage_.out.push_back(SinkToldRange{a.delivery, a.number, i, j,
                                               static_cast<SinkOutcome>(a.verdict[i] - 1)});
            say_twice(a, i, j);
        }
        i = j;
    }
    if (stage_.fault(Fault::sink_breaks, a.sink, key_of(a, stage_))) {
        // Whatever it took and did not sync is in doubt; a later sync says nothing.
        sync_broken_[a.sink] = true;
        stage_.out.push_back(SinkBroken{SinkId{a.sink}});
    }
    const auto length = stage_.draw->sink[a.sink].mark_base +
                        static_cast<std::int64_t>(stage_.ledger.sinks[a.sink].contents.size());
    stage_.out.push_back(
        SinkAnswered{a.delivery, a.number, a.answer, a.retry_after, file ? length : 0});
    stage_.drop_reference(what.a);
}

/// Another word about outputs that have one: the first one stands.
void FakeSinks::say_twice(const Attempt& a, std::uint32_t begin, std::uint32_t end) {
    const std::uint64_t n = key_of(a, stage_);
    if (!stage_.fault(Fault::sink_two_words, a.sink, n << 9 | (begin & 511))) return;
    const auto first = static_cast<SinkOutcome>(a.verdict[begin] - 1);
    const SinkOutcome second =
        first == SinkOutcome::delivered ? SinkOutcome::refused : SinkOutcome::delivered;
    const std::uint32_t middle = begin + (end - begin) / 2;
    stage_.out.push_back(SinkToldRange{a.delivery, a.number, middle, end, second});
}

/// What means nothing: it may change counters and nothing else.
void FakeSinks::babble(const Attempt& a) {
    const std::uint64_t n = key_of(a, stage_);
    if (!stage_.fault(Fault::sink_garbage, a.sink, n)) return;
    const auto all = static_cast<std::uint32_t>(a.items.size());
    constexpr auto unknown = static_cast<SinkOutcome>(9);
    const SinkToldRange words[] = {
        {a.delivery, a.number, 0, all + 1, SinkOutcome::delivered},
        {a.delivery, a.number, 1, 1, SinkOutcome::refused},
        {a.delivery, a.number, all, all + 1, SinkOutcome::refused},
        {a.delivery, a.number, 0, 1, SinkOutcome::failed},
        {a.delivery, a.number, 0, all, unknown},
        {a.delivery, a.number + (1u << 30), 0, all, SinkOutcome::delivered},
    };
    const std::uint64_t which = stage_.detail(a.sink, n << 4 | 10, std::size(words) + 1);
    if (which < std::size(words)) {
        stage_.out.push_back(words[which]);
    } else {
        stage_.out.push_back(SinkAnswered{a.delivery, a.number, unknown, {}, 1});
    }
}

void FakeSinks::cancel(std::uint32_t index) {
    Attempt& a = stage_.attempts[index];
    a.state = Attempt::State::given_up;
    if (!stage_.draw->config.sink[a.sink].has_mark) {
        excuse(a);
    } else if (a.applied) {
        // It was done at the same instant: the device takes it back.
        const std::size_t length = stage_.ledger.sinks[a.sink].contents.size() - a.items.size();
        stage_.ledger.cut(a.sink, static_cast<std::uint32_t>(length));
        // A sync that is under way no longer finds it.
        syncing_[a.sink] = std::min(syncing_[a.sink], static_cast<std::uint32_t>(length));
    }
    if (a.pending == 0) {
        ++a.pending;
        stage_.drop_reference(index);
    }
}

void FakeSinks::sync(const SyncSink& sync) {
    const std::uint16_t s = sync.sink.index;
    syncing_[s] = static_cast<std::uint32_t>(stage_.ledger.sinks[s].contents.size());
    const std::uint64_t n = std::uint64_t{stage_.incarnation & 15} << 36 | sync.sync;
    StoreOutcome outcome = StoreOutcome::ok;
    if (stage_.fault(Fault::sync_failed, s, n)) {
        sync_broken_[s] = true;
        outcome =
            stage_.detail(s, n << 4 | 9, 2) == 0 ? StoreOutcome::failed : StoreOutcome::retriable;
    }
    Occurrence o{.due = Due::sync_answer, .a = s, .b = sync.sync, .c = syncing_[s]};
    o.d = static_cast<std::uint8_t>(outcome);
    Duration after = stage_.latency(140u + s, n, stage_.draw->latency);
    const Duration patience = stage_.draw->config.commit.attempt_timeout;
    if (patience.ns > 0 && stage_.fault(Fault::sync_late, s, n)) {
        after.ns = patience.ns + 1;
    }
    stage_.later(after, o);
}

void FakeSinks::sync_due(const Occurrence& what) {
    SinkTruth& truth = stage_.ledger.sinks[what.a];
    const auto outcome = static_cast<StoreOutcome>(what.d);
    // After a failure the kernel has marked the pages clean: a later ok says nothing.
    if (outcome == StoreOutcome::ok && !sync_broken_[what.a]) {
        const auto length = std::min(static_cast<std::uint32_t>(what.c), syncing_[what.a]);
        truth.synced = std::max(truth.synced, length);
    }
    stage_.out.push_back(SinkSynced{SinkId{static_cast<std::uint16_t>(what.a)}, what.b, outcome});
}

void FakeSinks::crash() {
    for (std::uint32_t s = 0; s < stage_.ledger.sinks.size(); ++s) {
        sync_broken_[s] = false;
        if (!stage_.draw->config.sink[s].needs_sync) continue;
        const std::uint64_t how =
            stage_.choices->choose(Site::world_survive, s, stage_.incarnation, 4);
        const SinkTruth& truth = stage_.ledger.sinks[s];
        const auto unsynced = static_cast<std::uint32_t>(truth.contents.size()) - truth.synced;
        const auto prefix = truth.synced + static_cast<std::uint32_t>(stage_.choices->choose(
                                               Site::world_survive, s + 16, stage_.incarnation,
                                               unsynced + std::uint64_t{1}));
        stage_.ledger.lose(s, [&](std::uint32_t i) {
            if (how == 0) return true;
            if (how == 1) return false;
            if (how == 2) return i < prefix;
            return stage_.choices->choose(Site::world_survive, s + 32, stage_.incarnation << 20 | i,
                                          2) == 0;
        });
    }
}

bool FakeSinks::recover(std::uint32_t sink, std::uint32_t mark) {
    SinkTruth& truth = stage_.ledger.sinks[sink];
    const SinkConfig& config = stage_.draw->config.sink[sink];
    const bool whole = !config.has_mark || mark <= truth.contents.size();
    if (config.has_mark) stage_.ledger.cut(sink, mark);
    if (config.needs_sync) truth.synced = static_cast<std::uint32_t>(truth.contents.size());
    return whole;
}

}  // namespace holdfast::sim
