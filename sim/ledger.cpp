#include "sim/ledger.hpp"

#include <algorithm>

#include "core/base/assert.hpp"

namespace holdfast::sim {

void Ledger::begin(const Draw& drawn, Choices& choices) {
    draw = &drawn;
    progress = 0;
    handed_out = 0;
    records.clear();
    units.clear();
    logs.assign(drawn.logs, Log{});
    assignments.assign(1, Assignment{});
    sinks.resize(drawn.config.sinks);
    for (SinkTruth& sink : sinks) {
        sink.contents.clear();
        sink.synced = sink.mark = 0;
    }
    for (std::uint32_t s = 0; s < drawn.config.sources; ++s) {
        const SourceShape& shape = drawn.source[s];
        for (std::uint32_t i = 0; i < shape.logs; ++i) {
            logs[shape.first_log + i].source = static_cast<std::uint16_t>(s);
        }
    }
    for (std::uint32_t i = 0; i < drawn.logs; ++i) write_log(i, choices);
}

void Ledger::write_log(std::uint32_t index, Choices& choices) {
    Log& log = logs[index];
    const SourceShape& shape = draw->source[log.source];
    const std::uint32_t mine = index - shape.first_log;
    const std::uint32_t count =
        shape.records / shape.logs + (mine < shape.records % shape.logs ? 1 : 0);
    log.first = static_cast<std::uint32_t>(records.size());
    std::int64_t at = shape.base;
    log.base = log.durable = log.highest = at;
    for (std::uint32_t i = 0; i < count; ++i) {
        const auto id = static_cast<std::uint32_t>(records.size());
        Record record;
        record.log = static_cast<std::uint16_t>(index);
        shape_record(record, shape, id, choices);
        if (choices.chance(Site::draw_record, id, 8, shape.gaps)) {
            at += 1 + static_cast<std::int64_t>(choices.choose(Site::draw_record, id, 9, 5));
        }
        record.begin = at;
        at += shape.bytes ? record.bytes : 1;
        record.next = at;
        add_units(record, id, choices);
        records.push_back(record);
    }
    log.end = static_cast<std::uint32_t>(records.size());
    log.available = log.end - count * shape.late_records / 1000;
}

void Ledger::shape_record(Record& record, const SourceShape& shape, std::uint32_t id,
                          Choices& choices) {
    const SourceConfig& source = draw->config.source[logs[record.log].source];
    record.bytes = 1 + static_cast<std::uint32_t>(
                           choices.choose(Site::draw_record, id, 0, shape.record_bytes_max));
    record.route = source.route;
    if (choices.chance(Site::draw_record, id, 1, shape.oversized)) {
        record.kind = RecordKind::oversized;
    } else if (choices.chance(Site::draw_record, id, 2, shape.stop_record)) {
        record.kind = RecordKind::stop;
    }
    if (!source.transform || record.kind != RecordKind::plain) return;
    if (choices.chance(Site::draw_record, id, 3, shape.filtered)) {
        record.kind = RecordKind::filtered;
    } else if (choices.chance(Site::draw_record, id, 4, shape.parse_errors)) {
        record.kind = RecordKind::parse_error;
    }
    record.copies =
        static_cast<std::uint8_t>(1 + choices.choose(Site::draw_record, id, 5, shape.fan_out_max));
    if (shape.routes) {
        const std::uint64_t without = choices.choose(Site::draw_record, id, 6, 1u << 8);
        record.route &= ~without;
    }
}

void Ledger::add_units(Record& record, std::uint32_t id, Choices& choices) {
    record.unit_first = static_cast<std::uint32_t>(units.size());
    if (record.kind != RecordKind::plain) return;
    for (std::uint32_t s = 0; s < draw->config.sinks; ++s) {
        if ((record.route >> s & 1) == 0) continue;
        for (std::uint32_t k = 0; k < record.copies; ++k) {
            Unit unit;
            unit.record = id;
            unit.sink = static_cast<std::uint16_t>(s);
            unit.poison =
                choices.chance(Site::draw_record, id, 16 + s * 8 + k, draw->sink[s].poison);
            units.push_back(unit);
        }
    }
}

void Ledger::apply(std::uint32_t index) {
    Unit& unit = units[index];
    SinkTruth& sink = sinks[unit.sink];
    if (unit.applied++ == 0) {
        unit.where = static_cast<std::uint32_t>(sink.contents.size());
        ++progress;
    }
    sink.contents.push_back(index);
}

void Ledger::cut(std::uint32_t sink, std::uint32_t length) {
    SinkTruth& truth = sinks[sink];
    for (std::uint32_t i = length; i < truth.contents.size(); ++i) {
        Unit& u = units[truth.contents[i]];
        HF_ASSERT(u.applied > 0);
        --u.applied;
        if (u.where >= length) u.where = UINT32_MAX;
    }
    if (truth.contents.size() > length) truth.contents.resize(length);
    truth.synced = std::min(truth.synced, length);
}

bool Ledger::may_drop(std::uint32_t sink) const {
    return draw->config.sink[sink].when_full == WhenFull::drop_newest;
}

bool Ledger::durable(const Unit& unit) const {
    if (unit.parked > 0) return true;
    if (may_drop(unit.sink) && !unit.sent && unit.dropped) return true;
    if (unit.applied == 0) return false;
    const SinkConfig& config = draw->config.sink[unit.sink];
    const SinkTruth& truth = sinks[unit.sink];
    if (config.has_mark) return unit.where < truth.mark;
    return !config.needs_sync || unit.where < truth.synced;
}

bool Ledger::settled(const Unit& unit) const {
    return unit.parked > 0 || unit.applied > 0 ||
           (may_drop(unit.sink) && !unit.sent && unit.dropped);
}

void Ledger::commit_by_sinks() {
    for (Log& log : logs) {
        if (!by_sinks(log)) continue;
        for (std::uint32_t r = record_after(log, log.durable); r < log.end; ++r) {
            if (records[r].next > log.highest || !durable(records[r])) break;
            log.durable = records[r].next;
        }
    }
}

bool Ledger::durable_at(const Record& record, std::uint32_t sink) const {
    if (record.parked > 0 || record.elsewhere || record.kind == RecordKind::filtered) return true;
    if (record.kind != RecordKind::plain) return true;
    if ((record.route >> sink & 1) == 0) return true;
    const std::uint32_t from = unit_of(record, sink);
    for (std::uint32_t k = 0; k < record.copies; ++k) {
        if (!durable(units[from + k])) return false;
    }
    return true;
}

std::uint32_t Ledger::unit_of(const Record& record, std::uint32_t sink) const {
    const SinkMask below = record.route & ((SinkMask{1} << sink) - 1);
    return record.unit_first +
           static_cast<std::uint32_t>(__builtin_popcountll(below)) * record.copies;
}

std::uint32_t Ledger::record_after(const Log& log, std::int64_t position) const {
    const auto from = records.begin() + log.first;
    const auto to = records.begin() + log.end;
    const auto found = std::upper_bound(from, to, position,
                                        [](std::int64_t p, const Record& r) { return p < r.next; });
    return static_cast<std::uint32_t>(found - records.begin());
}

namespace {

void forget(Unit& unit) {
    unit.told = Told::idle;
    unit.failures = 0;
    unit.not_before = 0;
    unit.mixed = unit.sent = unit.suspect = false;
}

}  // namespace

void Ledger::forget_told() {
    for (Unit& u : units) forget(u);
    for (Record& r : records) r.told = Told::idle;
}

void Ledger::forget_told(const Log& log) {
    for (std::uint32_t r = log.first; r < log.end; ++r) {
        Record& record = records[r];
        record.told = Told::idle;
        if (record.kind != RecordKind::plain) continue;
        const std::uint32_t count =
            static_cast<std::uint32_t>(__builtin_popcountll(record.route)) * record.copies;
        for (std::uint32_t i = 0; i < count; ++i) forget(units[record.unit_first + i]);
    }
}

}  // namespace holdfast::sim
