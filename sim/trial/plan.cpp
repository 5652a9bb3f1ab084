// What is played, and with which records. See plan.hpp; what comes of them is in calm.cpp.
#include "sim/trial/plan.hpp"

#include <algorithm>
#include <bit>
#include <set>

#include "core/codec/envelope_programs.hpp"
#include "core/codec/record_programs.hpp"
#include "core/codec/record_scan.hpp"
#include "core/data/program.hpp"
#include "io/component/kind.hpp"
#include "io/runner/engine_config.hpp"

namespace holdfast::sim {
namespace {

using io::Framing;

std::span<const std::byte> as_bytes(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

std::vector<std::byte> padded(std::string_view text) {
    const auto bytes = as_bytes(text);
    std::vector<std::byte> out(bytes.begin(), bytes.end());
    out.resize(out.size() + Program::padding);
    return out;
}

std::string as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

std::string record_bytes(Framing framing, const std::string& text) {
    if (codec::bytes_of(framing) == Framing::lines) return text + "\n";
    if (framing == Framing::json_array) return text;
    const std::vector<std::byte> readable = padded(text);
    std::vector<std::byte> out;
    std::string error;
    const auto encoder =
        framing == Framing::length ? codec::make_length_encoder() : codec::make_encoder();
    const auto result = encoder->run(std::span(readable).first(text.size()), out, error);
    return result.verdict == Verdict::change ? as_text(out) : std::string();
}

std::vector<std::string> records_in(Framing framing, const std::string& bytes, std::string& rest) {
    std::vector<std::string> out;
    std::size_t begin = 0;
    if (codec::bytes_of(framing) == Framing::lines) {
        for (std::size_t end; (end = bytes.find('\n', begin)) != std::string::npos; begin = end + 1)
            out.push_back(bytes.substr(begin, end - begin));
    } else {
        const auto all = as_bytes(bytes);
        codec::RecordScan scan(framing, all);
        for (codec::StreamExtent extent; scan.next(extent); begin = extent.end)
            out.push_back(
                codec::shown_record(framing, all.subspan(extent.begin, extent.end - extent.begin)));
    }
    rest = bytes.substr(begin);
    return out;
}

std::string made_unique(const std::string& text, std::size_t number, std::size_t longest) {
    const std::string word =
        std::to_string(number) + "_" +
        std::string(number % 4 == 0 || longest > 9999 ? longest : number % 20, 'x');
    const std::size_t end = text.find_last_not_of(" \t\r");
    if (end != std::string::npos && end > 0 && text[0] == '{' && text[end] == '}') {
        const bool is_empty = text.find_first_not_of(" \t", 1) == end;
        return text.substr(0, end) + (is_empty ? "" : ",") + "\"sim_record\":\"" + word + "\"}";
    }
    return text + " sim_record=" + word;
}

std::string TrialPlan::plain(const std::string& text) const {
    constexpr std::size_t file_digits = 16;
    std::string out = text;
    for (const io::SourceSettings& source : config.sources) {
        const std::string head = source.name + ":";
        for (std::size_t at = out.find(head); at != std::string::npos; at = out.find(head, at)) {
            at += head.size();
            std::size_t end = out.find_first_not_of("0123456789abcdef", at);
            if (end != at + file_digits || out[end] != ':') continue;
            end = std::min(out.find_first_not_of("0123456789", end + 1), out.size());
            out.replace(at, end - at, "#");
        }
    }
    return out;
}

std::vector<std::string> TrialPlan::plain_in(Framing framing, const std::string& bytes,
                                             std::string& rest) const {
    std::vector<std::string> out = records_in(framing, bytes, rest);
    for (std::string& text : out) text = plain(text);
    return out;
}

bool TrialOutcome::is_nowhere() const {
    return letters.empty() && std::ranges::all_of(texts, [](const auto& t) { return t.empty(); });
}

TrialPlan::TrialPlan(const io::PipelineConfig& of,
                     const std::vector<std::vector<std::string>>& texts, std::size_t records_max)
    : config(of) {
    config.file.clear();  // Nothing of the real disk is looked at.
    config.transform_threads = 0;
    add_sources();
    add_sinks();
    add_records(texts, records_max);
    find_memory();
    if (plays()) find_outcomes();
    if (plays()) find_wanted();
}

void TrialPlan::find_memory() {
    std::size_t longest = 0;
    for (const TrialRecord& record : records) longest = std::max(longest, record.bytes.size());
    io::PipelineConfig small = config;
    small.memory_limit = std::bit_ceil((std::uint64_t{16} << 10) + 8 * longest);
    while (small.memory_limit < config.memory_limit && !io::check_engine_config(small).empty())
        small.memory_limit *= 2;
    // Pulls that are under way have theirs beside a full queue, or reading waits before it is full.
    if (std::ranges::any_of(sinks, &TrialSink::drops))
        small.memory_limit = std::max<std::uint64_t>(small.memory_limit, 768u << 10);
    memory_least = std::min(small.memory_limit, config.memory_limit);
}

void TrialPlan::add_sources() {
    ends = true;
    for (std::uint32_t i = 0; i < config.sources.size(); ++i) {
        const std::string name = config.sources[i].name;
        PlayedSource played = play(config.sources[i], i);
        if (!played.not_played.empty())
            notes.push_back("source " + name + " is not simulated: " + played.not_played);
        if (!played.note.empty()) notes.push_back("source " + name + ": " + played.note);
        ends = ends && played.ends;
        comes_again = comes_again && io::is_replayable(played.settings);
        // Each file wants a place of its own, and another one while it is renamed.
        const bool is_tight = config.partitions_max < 4 * config.sources.size() + 4;
        if (is_tight && played.paths.size() > 1) played.paths.resize(1);
        for (const std::string& path : played.paths) {
            auto found = std::ranges::find(inputs, path, &TrialInput::path);
            if (found == inputs.end()) {
                inputs.push_back({.path = path,
                                  .sources = {},
                                  .framing = played.settings.framing,
                                  .fd = played.fd,
                                  .grows = played.grows,
                                  .rotates = played.rotates && !is_tight});
                found = inputs.end() - 1;
            }
            found->sources.push_back(i);
            found->grows = found->grows && played.grows;
            found->ends = found->ends || played.ends;
            found->rotates = found->rotates && played.rotates;
            found->comes_again = found->comes_again && io::is_replayable(played.settings);
        }
        config.sources[i] = std::move(played.settings);
    }
}

void TrialPlan::add_sinks() {
    for (io::SinkSettings& settings : config.sinks) {
        PlayedSink played = play(settings);
        if (!played.not_played.empty())
            notes.push_back("sink " + settings.name + " is not simulated: " + played.not_played);
        else if (played.path.empty() && !played.is_peer)
            notes.push_back("sink " + settings.name +
                            " keeps nothing: what came there is not looked at");
        const io::SinkTraits traits = played.settings.kind->traits(played.settings);
        TrialSink sink;
        sink.name = settings.name;
        sink.path = played.path;
        sink.fd = played.fd;
        sink.framing = settings.framing;
        sink.once = !traits.repeats;
        sink.is_synced = traits.syncs_data;
        sink.drops = settings.when_full == WhenFull::drop_newest;
        sink.in_order = traits.writes_max == 1;
        for (const io::Weakness& weak : played.settings.kind->weaknesses(played.settings))
            if (weak.promise == io::Promise::at_least_once) sink.loses = true;
        sink.is_peer = played.is_peer;
        if (played.path.empty() && !played.is_peer) sink.judged = Judged::nothing;
        // An envelope says where its record came from, which each run writes elsewhere.
        if (sink.framing == Framing::json && sink.judged != Judged::nothing) {
            sink.judged = Judged::nothing;
            notes.push_back("sink " + settings.name +
                            " writes envelopes, which are not compared: what came there is not "
                            "looked at");
        }
        sinks.push_back(std::move(sink));
        settings = std::move(played.settings);
    }
}

void TrialPlan::add_records(const std::vector<std::vector<std::string>>& texts,
                            std::size_t records_max) {
    if (inputs.empty()) return;
    std::set<std::string> known;
    // Who drops when it is full must have a chance to be.
    const bool drops = std::ranges::any_of(sinks, &TrialSink::drops);
    const std::size_t longest = drops ? 10'500 : 1200;
    const std::size_t each = std::max<std::size_t>(1, records_max / inputs.size());
    for (std::uint32_t i = 0; i < inputs.size(); ++i) {
        const std::vector<std::string>& of = texts[inputs[i].sources[0]];
        for (std::size_t n = 0; n < each && !of.empty(); ++n) {
            std::string text = of[n % of.size()];
            if (known.contains(text)) text = made_unique(text, records.size(), longest);
            std::string bytes = record_bytes(inputs[i].framing, text);
            if (bytes.empty() || !known.insert(text).second) continue;
            records.push_back({i, std::move(text), std::move(bytes)});
        }
    }
}

}  // namespace holdfast::sim
