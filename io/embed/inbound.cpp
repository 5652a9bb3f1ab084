// See inbound.hpp.
#include "io/embed/inbound.hpp"

#include <iterator>
#include <span>
#include <utility>

#include "core/base/mutant.hpp"

namespace holdfast::embed {
namespace {

std::string text_of(const codec::Path& path) {
    std::string out;
    for (const codec::PathStep& step : path.steps)
        out += step.by_index ? "[" + std::to_string(step.index) + "]" : "." + step.key;
    return out.empty() ? "." : out;
}

}  // namespace

std::string text_of(const codec::RawRule& rule) {
    const std::string path = text_of(rule.path);
    switch (rule.when) {
        case codec::RawRule::When::missing: return path + " is missing";
        case codec::RawRule::When::present: return path + " is there";
        case codec::RawRule::When::equal: break;
    }
    const auto raw = rule.literal->value().raw();
    return path + " is " + std::string(reinterpret_cast<const char*>(raw.data()), raw.size());
}

Inbound::Inbound(std::vector<codec::RawRule> rules) : filter_(std::move(rules)) {}

std::uint64_t Inbound::judge(Batch& batch) {
    std::uint64_t dropped = 0;
    std::vector<Record> kept;
    std::size_t token = 0;
    auto& ends = batch.token_ends;
    for (std::size_t n = 0; n < batch.records.size(); ++n) {
        // An end counts what was handed over; from here on, what is left of that.
        for (; token < ends.size() && ends[token] <= n && !mutant(183); ++token)
            ends[token] = static_cast<std::uint32_t>(kept.size());
        Record& record = batch.records[n];
        const codec::RawAnswer answer = filter_.judge(
            std::as_bytes(std::span(record.payload)),
            record.format == Format::msgpack ? codec::Format::msgpack : codec::Format::json);
        switch (answer.verdict) {
            case codec::RawVerdict::keep: kept.push_back(std::move(record)); break;
            case codec::RawVerdict::drop: ++dropped; break;
            case codec::RawVerdict::dead_letter:
                batch.dead_letters.push_back({std::move(record),
                                              text_of(filter_.rules()[answer.rule]), "",
                                              Reason::rejected, 0});
        }
    }
    for (; token < ends.size(); ++token) ends[token] = static_cast<std::uint32_t>(kept.size());
    batch.records = std::move(kept);
    return dropped;
}

void route_rejected(std::vector<DeadLetter> rejected, const Options& options, Output& output,
                    Report& report) {
    report.rejected += rejected.size();
    switch (options.on_reject) {
        case OnReject::drop: return;
        case OnReject::dead_letter:
            output.dead_letters.insert(output.dead_letters.begin(),
                                       std::make_move_iterator(rejected.begin()),
                                       std::make_move_iterator(rejected.end()));
            return;
        case OnReject::route: break;
    }
    std::vector<Record> records;
    for (DeadLetter& letter : rejected) {
        letter.record.sinks = options.rejected_to;
        records.push_back(std::move(letter.record));
    }
    output.records.insert(output.records.begin(), std::make_move_iterator(records.begin()),
                          std::make_move_iterator(records.end()));
}

}  // namespace holdfast::embed
