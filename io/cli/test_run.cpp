// See test_run.hpp.
#include "io/cli/test_run.hpp"

#include <algorithm>
#include <bit>
#include <map>
#include <set>
#include <utility>

#include "core/base/assert.hpp"
#include "core/codec/envelope_programs.hpp"
#include "core/codec/record_programs.hpp"
#include "core/codec/stream_cut.hpp"
#include "core/data/dead_letter_format.hpp"
#include "core/data/flow/evaluate.hpp"
#include "core/data/line_cut.hpp"
#include "io/jq/outside.hpp"
#include "io/runner/transforms.hpp"

namespace holdfast::cli {
namespace {

using namespace io;
using codec::RecordScan;
using codec::StreamExtent;

std::span<const std::byte> as_bytes(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

std::string as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The bytes with room behind them, as programs want it.
std::vector<std::byte> padded(std::span<const std::byte> bytes) {
    std::vector<std::byte> out(bytes.begin(), bytes.end());
    out.resize(out.size() + Program::padding);
    return out;
}

/// The records that stand in these bytes.
std::vector<StreamExtent> extents_of(Framing framing, std::span<const std::byte> bytes) {
    std::vector<StreamExtent> out;
    if (framing != Framing::lines) {
        RecordScan scan(framing, bytes);
        for (StreamExtent extent; scan.next(extent);) out.push_back(extent);
        return out;
    }
    std::uint64_t begin = 0;
    for (std::uint64_t i = 0; i < bytes.size(); ++i) {
        if (bytes[i] != std::byte{'\n'}) continue;
        out.push_back({begin, i});
        begin = i + 1;
    }
    if (begin < bytes.size()) out.push_back({begin, bytes.size()});
    return out;
}

/// One batch as a source would give it.
struct Batch {
    std::string bytes;
    std::uint32_t records = 0;
    std::int64_t position = 0;
    std::string stops = {};  ///< Not empty: the pipeline stops here, and why.
};

std::string without_newline(std::string line) {
    if (line.ends_with('\n')) line.pop_back();
    return line;
}

class Run {
public:
    Run(const PipelineConfig& config, const TestCase& test)
        : test_(test),
          config_(with_places(config, test)),
          sinks_(config.sinks.size()),
          plan_(flow_spec(config_)),
          memory_(plan_),
          evaluator_(plan_, memory_, compile_all(config_), flow_limits(config_)),
          positions_(config_.sources.size()) {
        seen_.outputs.resize(test.outputs.size());
    }

    TestSeen run() {
        for (const TestInput& input : test_.inputs) {
            if (seen_.halted || !seen_.fault.empty()) break;
            jq::stand_still(static_cast<double>(input.at_ns) / 1e9);
            for (const Batch& batch : batches_of(input)) evaluate(input, batch);
        }
        return std::move(seen_);
    }

private:
    PipelineConfig with_places(PipelineConfig config, const TestCase& test);
    std::uint32_t source_of(const TestInput& input) const {
        return input.to.at_end ? input.to.index : doors_.at(input.to.index);
    }
    Framing framing_of(const TestInput& input) const {
        return codec::bytes_of(config_.sources[source_of(input)].framing);
    }
    std::string written(const TestInput& input);
    std::vector<Batch> batches_of(const TestInput& input);
    void cut_lines_of(const TestInput& input, const std::string& bytes, std::vector<Batch>& out);
    void cut(const TestInput& input, const std::string& bytes, std::vector<Batch>& out);
    void evaluate(const TestInput& input, const Batch& batch);
    void take(const flow::Input& input, flow::Result& result);
    void take_stream(std::size_t output, const flow::Input& input, const flow::Result& result,
                     const flow::Stream& stream);
    void take_dead(const flow::Input& input, const flow::Result& result);
    void take_dropped(const flow::Input& input, const flow::Result& result);

    const TestCase& test_;
    std::map<std::uint32_t, std::uint32_t> doors_;  ///< By transform: its source of records.
    std::vector<std::uint32_t> looks_;              ///< By output of the test: the sink.
    PipelineConfig config_;
    std::size_t sinks_;  ///< The pipeline's own.
    flow::Plan plan_;
    flow::Memory memory_;
    flow::Evaluator evaluator_;
    std::vector<std::int64_t> positions_;  ///< By source.
    TestSeen seen_;
};

/// Rule 1's sources and sinks.
PipelineConfig Run::with_places(PipelineConfig config, const TestCase& test) {
    for (const TestInput& input : test.inputs) {
        if (input.to.at_end || doors_.contains(input.to.index)) continue;
        const auto source = static_cast<std::uint32_t>(config.sources.size());
        doors_[input.to.index] = source;
        config.sources.push_back({});
        config.sources.back().name = "tests";
        config.transforms[input.to.index].node.inputs.push_back({true, source, 0});
    }
    std::map<std::string, std::uint32_t> taps;
    for (const TestOutput& output : test.outputs) {
        if (output.from.at_end) {
            looks_.push_back(output.from.index);
            continue;
        }
        const auto sink = static_cast<std::uint32_t>(config.sinks.size());
        const auto [tap, is_new] = taps.emplace(output.from.name, sink);
        looks_.push_back(tap->second);
        if (!is_new) continue;
        config.sinks.push_back({});
        config.sinks.back().name = output.from.name;
        config.sinks.back().from = {output.from.from};
        // Seen as it is, whatever stands in it.
        const bool any_bytes = std::any_of(
            config.sources.begin(), config.sources.end(),
            [](const SourceSettings& source) { return codec::has_any_bytes(source.framing); });
        if (any_bytes) config.sinks.back().framing = Framing::packed;
    }
    return config;
}

/// What stands in the source for these records.
std::string Run::written(const TestInput& input) {
    const Framing framing = framing_of(input);
    std::string out;
    if (framing == Framing::lines) {
        for (const std::string& record : input.records.records) out += record + "\n";
        return out;
    }
    if (!input.records.bytes.empty()) return input.records.bytes;
    if (framing == Framing::json_array) {
        for (const std::string& record : input.records.records)
            out += (out.empty() ? "[" : ",") + record;
        return out.empty() ? "[]" : out + "]";
    }
    const auto encoder =
        framing == Framing::length ? codec::make_length_encoder() : codec::make_encoder();
    for (const std::string& record : input.records.records) {
        const std::vector<std::byte> readable = padded(as_bytes(record));
        std::vector<std::byte> bytes;
        std::string error;
        const auto result = encoder->run(std::span(readable).first(record.size()), bytes, error);
        if (result.verdict == Verdict::change) {
            out += as_text(bytes);
            continue;
        }
        seen_.fault = "a record can't be made MsgPack, which source " + input.to.name +
                      " reads: " + error + "; expected JSON, or hex";
    }
    return out;
}

std::vector<Batch> Run::batches_of(const TestInput& input) {
    std::vector<Batch> out;
    const std::string bytes = written(input);
    std::int64_t& position = positions_[source_of(input)];
    if (!seen_.fault.empty() || bytes.empty()) return out;
    framing_of(input) == Framing::lines ? cut_lines_of(input, bytes, out) : cut(input, bytes, out);
    position += static_cast<std::int64_t>(bytes.size());
    return out;
}

/// The same of lines.
void Run::cut_lines_of(const TestInput& input, const std::string& bytes, std::vector<Batch>& out) {
    const SourceSettings& source = config_.sources[source_of(input)];
    CutRule rule{.line_max = source.max_line == 0 ? std::size_t{1} << 20 : source.max_line,
                 .oversize = source.on_oversized,
                 .closed = true};
    for (std::size_t at = 0; at < bytes.size();) {
        const Cut cut = holdfast::cut_lines(as_bytes(bytes).subspan(at), rule);
        const std::string piece = bytes.substr(at, cut.bytes);
        if (cut.fate == Fate::deliver)
            out.push_back(
                {.bytes = piece,
                 .records = cut.records,
                 .position = positions_[source_of(input)] + static_cast<std::int64_t>(at)});
        else if (cut.fate == Fate::oversized)
            seen_.dead_letters.push_back({without_newline(piece), source.name, "oversized", ""});
        else
            return out.push_back({.stops = source.name + ": a line is longer than max_line"});
        rule.mid_line = cut.mid_line;
        at += cut.bytes;
    }
}

/// As a source would, at the end of a file that does not grow.
void Run::cut(const TestInput& input, const std::string& bytes, std::vector<Batch>& out) {
    const SourceSettings& source = config_.sources[source_of(input)];
    const codec::StreamCutRule rule{
        .record_max = source.max_line == 0 ? std::size_t{1} << 20 : source.max_line,
        .stop_oversized = source.on_oversized == Oversize::stop,
        .stop_broken = source.on_parse_error != flow::OnError::dead_letter,
        .closed = true};
    codec::StreamPlace place(source.framing);
    std::size_t at = 0;
    while (at < bytes.size()) {
        const codec::StreamCut cut = codec::cut_stream(as_bytes(bytes).subspan(at), place, rule);
        if (cut.end == 0 && cut.records == 0) return;
        const std::string piece = bytes.substr(at + cut.begin, cut.end - cut.begin);
        if (cut.records > 0 && cut.fate == Fate::deliver)
            out.push_back({.bytes = piece,
                           .records = cut.records,
                           .position = positions_[source_of(input)] +
                                       static_cast<std::int64_t>(at + cut.begin)});
        else if (cut.fate == Fate::stop)
            return out.push_back(
                {.stops = source.name + ": " +
                          (cut.next.error() ? codec::error_text(*cut.next.error())
                                            : std::string("a record is longer than max_line"))});
        else if (cut.records > 0)
            seen_.dead_letters.push_back(
                {piece, source.name, cut.fate == Fate::oversized ? "oversized" : "parse_error",
                 cut.next.error() ? codec::error_text(*cut.next.error()) : std::string()});
        place = cut.next;
        at += cut.end;
    }
}

void Run::evaluate(const TestInput& input, const Batch& batch) {
    if (seen_.halted) return;
    if (!batch.stops.empty()) {
        seen_.halted = batch.stops;
        return;
    }
    const std::uint32_t source = source_of(input);
    const std::vector<std::byte> readable = padded(as_bytes(batch.bytes));
    flow::Input to;
    to.source = SourceId{static_cast<std::uint16_t>(source)};
    to.readable = readable;
    to.bytes = std::span(readable).first(batch.bytes.size());
    to.records = batch.records;
    to.may_end_early = true;
    to.partition = source;
    to.position = batch.position;
    to.source_name = config_.sources[source].name;
    to.framing = framing_of(input);
    to.now = Instant{input.at_ns};
    flow::Result result;
    while (to.records > 0 && !seen_.halted) {
        evaluator_.run(to, result);
        take(to, result);
        HF_ASSERT(result.failure || result.records > 0);
        to.records -= std::min(to.records, result.records);
        to.begin = result.end;
    }
}

void Run::take(const flow::Input& input, flow::Result& result) {
    if (result.failure) {
        seen_.halted = plan_.nodes()[result.failure->node].spec.name + ": " + result.failure->text;
        return;
    }
    for (const std::uint32_t i : plan_.reach(input.source).streams)
        for (std::size_t n = 0; n < looks_.size(); ++n)
            if (plan_.streams()[i] >> looks_[n] & 1)
                take_stream(n, input, result, result.streams[i]);
    take_dead(input, result);
    take_dropped(input, result);
}

void Run::take_stream(std::size_t output, const flow::Input& input, const flow::Result& result,
                      const flow::Stream& stream) {
    if (stream.records() == 0) return;
    const auto own = input.bytes.subspan(result.begin, result.end - result.begin);
    const auto bytes = stream.whole() ? own : stream.bytes();
    TestCame& came = seen_.outputs[output];
    const bool is_packed = stream.framing() == Framing::packed;
    if (!is_packed) came.bytes += as_text(bytes);
    for (const StreamExtent& extent : extents_of(stream.framing(), bytes)) {
        came.records.push_back(
            shown_record(stream.framing(), bytes.subspan(extent.begin, extent.end - extent.begin)));
        if (is_packed) came.bytes += came.records.back() + "\n";
    }
}

void Run::take_dead(const flow::Input& input, const flow::Result& result) {
    const flow::Stream& dead = result.dead;
    if (dead.records() == 0) return;
    const auto own = input.bytes.subspan(result.begin, result.end - result.begin);
    const auto bytes = dead.whole() ? own : dead.bytes();
    const auto extents = extents_of(input.framing, bytes);
    HF_ASSERT(extents.size() == result.why.size());
    for (std::size_t i = 0; i < extents.size(); ++i) {
        const flow::DeadRecord& why = result.why[i];
        const auto record = bytes.subspan(extents[i].begin, extents[i].end - extents[i].begin);
        seen_.dead_letters.push_back(
            {shown_record(input.framing, record), plan_.nodes()[why.node].spec.name,
             std::string(reason_name(why.reason)), result.texts[why.text]});
    }
}

/// The records that neither reached a sink of the pipeline nor were set aside.
void Run::take_dropped(const flow::Input& input, const flow::Result& result) {
    std::set<std::size_t> left;
    const auto mark = [&](const flow::Stream& stream) {
        for (const std::uint32_t origin : stream.origins()) left.insert(origin);
    };
    const auto came_whole = [&](const flow::Stream& stream) {
        if (stream.records() > 0 && stream.whole()) return true;
        if (stream.records() > 0) mark(stream);
        return false;
    };
    const SinkMask own_sinks = sinks_ >= 64 ? ~SinkMask{0} : (SinkMask{1} << sinks_) - 1;
    for (const std::uint32_t i : plan_.reach(input.source).streams)
        if ((plan_.streams()[i] & own_sinks) != 0 && came_whole(result.streams[i])) return;
    if (came_whole(result.dead)) return;
    const auto own = input.bytes.subspan(result.begin, result.end - result.begin);
    for (const StreamExtent& extent : extents_of(input.framing, own)) {
        if (left.contains(result.begin + extent.begin)) continue;
        seen_.dropped.push_back(
            shown_record(input.framing, own.subspan(extent.begin, extent.end - extent.begin)));
    }
}

}  // namespace

TestSeen run_test(const PipelineConfig& config, const TestCase& test) {
    TestSeen seen = Run(config, test).run();
    jq::go_on();
    return seen;
}

}  // namespace holdfast::cli
