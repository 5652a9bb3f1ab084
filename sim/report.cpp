#include "sim/report.hpp"

#include <fmt/format.h>

namespace holdfast::sim {
namespace {

std::string draw_line(const Draw& draw) {
    std::string text = fmt::format(
        "sources={} partitions={} records={} sinks={} commit={}ms dead_letters={} dead={:#x} "
        "faults:",
        draw.config.sources, draw.logs, draw.records, draw.config.sinks,
        draw.config.commit.interval.ns / 1'000'000,
        draw.config.dead_letters.present ? "present" : "absent", draw.dead);
    for (std::size_t i = 0; i < fault_count; ++i) {
        if (draw.permille[i] == 0) continue;
        text += fmt::format(" {}={}", name(static_cast<Fault>(i)), draw.permille[i]);
    }
    return text;
}

std::string units_of(World& world, std::uint32_t index) {
    const Ledger& ledger = world.stage().ledger;
    const Record& r = ledger.records[index];
    std::string text =
        fmt::format("  record {}: partition {} {}..{}, read {} times, parked whole {} times\n",
                    index, r.log, r.begin, r.next, r.readings, r.parked);
    static constexpr const char* told[] = {"idle",      "in flight", "waiting", "refused",
                                           "delivered", "parking",   "parked"};
    for (std::size_t i = 0; i < ledger.units.size(); ++i) {
        const Unit& u = ledger.units[i];
        if (u.record != index) continue;
        text += fmt::format(
            "    at sink {}: applied {} times ({}), parked {} times; the engine was told: {}; "
            "{} failures\n",
            u.sink, u.applied, ledger.durable(u) ? "durable" : "not durable", u.parked,
            told[static_cast<int>(u.told)], u.failures);
    }
    return text;
}

/// The last lines of the trace that name the batches which held the record.
std::string life_of(World& world) {
    const std::vector<std::string>& lines = world.trace().lines();
    std::string text;
    const std::size_t from = lines.size() > 24 ? lines.size() - 24 : 0;
    for (std::size_t i = from; i < lines.size(); ++i) text += "    " + lines[i] + "\n";
    return text;
}

}  // namespace

std::string report_failure(std::uint64_t seed, const Outcome& outcome, World& world) {
    const Failure& f = outcome.failure;
    std::string text = fmt::format(
        "FAIL {} {}  seed={:#x}  mode={}  t={}  event={}  incarnation={}  trace={}\n  {}\n",
        f.invariant, f.title, seed, name(outcome.draw.mode), text_of(outcome.ended), outcome.events,
        outcome.incarnations, outcome.hash.text(), f.detail);
    text += "  " + draw_line(outcome.draw) + "\n";
    if (f.record < world.stage().ledger.records.size()) text += units_of(world, f.record);
    text += "  the last of what happened:\n" + life_of(world);
    const std::uint32_t lies = outcome.draw.permille_of(Fault::sink_lies);
    text += fmt::format("  replay: holdfast sim --seed {:#x}{} --log\n", seed,
                        lies > 0 ? fmt::format(" --lies {}", lies) : "");
    return text;
}

std::string report_json(std::uint64_t seed, const Outcome& outcome) {
    const Failure& f = outcome.failure;
    std::string detail;
    for (const char c : f.detail) {
        if (c == '"' || c == '\\') detail += '\\';
        detail += c;
    }
    return fmt::format(
        R"({{"seed":"{:#x}","mode":"{}","invariant":{},"detail":"{}","events":{},"virtual_ns":{},"trace":"{}"}})",
        seed, name(outcome.draw.mode),
        f.invariant != nullptr ? fmt::format("\"{}\"", f.invariant) : "null", detail,
        outcome.events, outcome.ended.ns, outcome.hash.text());
}

}  // namespace holdfast::sim
