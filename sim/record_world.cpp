// Records with keys, headers, timestamps, positions with gaps and payloads of any bytes, through the
// graph that a config makes of them and the transform stage, in slices, to sinks of each framing.
//
// What is demanded, of a truth that never was packed: I120 (each output has the payload, key, headers,
// timestamp and position of its own record, or what a transform has set), I121 (a payload with a newline
// is one line, or a dead letter, never two lines; an envelope has the very bytes of its record), I122 (a
// slice that ends within a batch says the position of the record that follows), I123 (a dead letter has
// all that its record has).
//
// Doesn't know: how records are packed but by writing them; the code of envelopes. It writes its own.
#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "core/base/mix.hpp"
#include "core/record/packed.hpp"
#include "io/devices/transform_stage.hpp"
#include "io/runner/pipeline_config.hpp"
#include "io/runner/transforms.hpp"
#include "sim/breach.hpp"
#include "sim/device_worlds.hpp"
#include "sim/record_truth.hpp"
#include "sim/sim_ring.hpp"

namespace holdfast::sim {
namespace {

using codec::Framing;

constexpr std::uint64_t site = 0x7265636f;
std::vector<std::byte> packed_headers(const std::vector<Named>& headers) {
    std::vector<std::byte> out;
    for (const Named& header : headers) {
        packing::Header one{bytes_of(header.name), {}};
        if (header.value) one.value = bytes_of(*header.value);
        packing::append_header(one, out);
    }
    return out;
}

class Numbers final : public io::PartitionNumbers {
public:
    std::uint64_t number(SourceId, PartitionId) const override { return 7; }
    std::string_view source(SourceId) const override { return "in"; }
};

class RecordWorld {
public:
    explicit RecordWorld(std::uint64_t seed) : seed_(seed), choices_(seed) {}

    void run() {
        draw_records();
        draw_pipeline();
        expect();
        const flow::Plan plan(io::flow_spec(pipeline_));
        io::BlockPool pool(1u << 20, 1u << 18);
        io::Payloads payloads(pool, 8);
        io::Events events;
        Numbers numbers;
        flow::Limits limits;
        // Where a batch may not end early, what is too much is given up.
        const bool in_slices = below(3) > 0;
        limits.slice_bytes = !in_slices || below(2) == 0 ? std::size_t{1} << 16 : 100 + below(400);
        io::TransformStage stage(ring_, plan, [&] { return io::compile_all(pipeline_); }, limits, 0,
                                 numbers, payloads, events, {});
        put_batch(payloads);
        const std::uint32_t all = static_cast<std::uint32_t>(records_.size());
        for (std::uint32_t at = 0; at < all;) {
            const BatchId slice = in_slices ? BatchId{1, ++slices_} : batch_;
            const std::uint32_t most =
                in_slices ? 50 + static_cast<std::uint32_t>(below(600)) : UINT32_MAX;
            stage.transform({batch_, slice, at, all, most});
            at = take(payloads, events, plan, slice, at);
            if (in_slices) payloads.release(slice);
        }
        for (std::size_t sink = 0; sink < due_.size(); ++sink)
            demand(due_[sink].empty(), "I120",
                   "sink " + std::to_string(sink) + " lacks " + std::to_string(due_[sink].size()) +
                       " records");
        demand(due_dead_.empty(), "I123",
               std::to_string(due_dead_.size()) + " dead letters are missing");
    }

private:
    std::uint64_t below(std::uint64_t n) { return scale(mix(seed_, site, 0, ++asked_), n); }

    std::string word() {
        switch (below(5)) {
            case 0: return "";
            case 1: return "k\xff" + std::to_string(below(100));
            case 2: return "two\nlines";
            default: return "k" + std::to_string(below(100));
        }
    }

    void draw_payload(True& record) {
        record.number = static_cast<std::int64_t>(below(1000));
        const std::string i = std::to_string(record.number);
        switch (below(7)) {
            case 0: record.payload = "plain " + i + std::string(below(400), 'x'); break;
            case 1:
                record.payload = "line " + i + "\nand another";
                record.has_line = false;
                return;
            case 2:
                record.payload = "\xff\x01 " + i + (below(2) == 0 ? "\n" : "");
                record.has_line = record.payload.back() != '\n';
                break;
            case 3: break;
            case 4:
                record.payload = "{ \"i\": " + i + ",\n  \"n\": [{\"j\":0}, {\"j\":1}] }";
                record.line = "{\"i\":" + i + ",\"n\":[{\"j\":0},{\"j\":1}]}";
                record.is_json = true;
                return;
            default:
                record.payload = "{\"i\":" + i + ",\"n\":[{\"j\":0},{\"j\":1}]}";
                record.is_json = true;
                break;
        }
        record.line = record.payload;
    }

    void draw_records() {
        const Framing framings[] = {Framing::packed, Framing::packed, Framing::json,
                                    Framing::length, Framing::lines};
        framing_ = framings[below(5)];
        std::int64_t position = static_cast<std::int64_t>(below(1000));
        for (std::uint64_t many = 1 + below(12); many > 0; --many) {
            True record;
            draw_payload(record);
            if (framing_ == Framing::lines && record.payload.find('\n') != std::string::npos) {
                record = {.payload = "no newline", .line = "no newline"};
            }
            record.position = position;
            position += 1 + static_cast<std::int64_t>(below(5));
            if (framing_ != Framing::length && framing_ != Framing::lines) {
                if (below(3) > 0) record.key = word();
                for (std::uint64_t n = below(4); n > 0; --n) {
                    Named header{"h" + std::to_string(below(2)), {}};
                    if (below(4) > 0) header.value = word();
                    record.headers.push_back(header);
                }
                if (below(3) > 0) record.timestamp = static_cast<std::int64_t>(below(1u << 30));
            }
            records_.push_back(std::move(record));
        }
        next_ = position;
        write_source();
    }

    /// The batch's bytes; and where its records' positions are offsets, these.
    void write_source() {
        std::size_t n = 0;
        for (True& record : records_) {
            const auto here = static_cast<std::int64_t>(source_.size());
            if (framing_ == Framing::packed) {
                const auto headers = packed_headers(record.headers);
                packing::Extras extras{
                    .headers = headers, .timestamp = record.timestamp, .position = record.position};
                if (record.key) extras.key = bytes_of(*record.key);
                std::vector<std::byte> bytes;
                packing::append_packed(extras, bytes_of(record.payload), bytes);
                source_ += text_of(bytes);
            } else if (framing_ == Framing::json) {
                came_.push_back(envelope(record));
                // As somebody writes it by hand.
                if (++n % 3 == 0 && record.is_json && !record.key && record.headers.empty() &&
                    !record.timestamp && record.payload.find('\n') == std::string::npos)
                    came_.back() = "{ \"payload\" : " + record.payload + " }";
                source_ += came_.back() + "\n";
            } else if (framing_ == Framing::lines) {
                came_.push_back(record.payload);
                source_ += record.payload + "\n";
            } else {
                const std::size_t size = record.payload.size();
                for (const unsigned shift : {24u, 16u, 8u, 0u})
                    source_ += static_cast<char>(size >> shift & 255);
                source_ += record.payload;
            }
            if (framing_ == Framing::packed)
                came_.push_back(record.payload);
            else
                record.position = first_ + here;
            if (framing_ == Framing::length) came_.push_back(record.payload);
        }
        if (framing_ != Framing::packed) next_ = first_ + static_cast<std::int64_t>(source_.size());
    }

    io::TransformSettings transform(const std::string& name, flow::NodeType type, flow::From from) {
        io::TransformSettings out;
        out.node.name = name;
        out.node.type = type;
        out.node.inputs = {from};
        return out;
    }

    void draw_pipeline() {
        io::SourceSettings source;
        source.name = "in";
        source.framing = framing_;
        pipeline_.sources = {source};
        what_ = below(6);
        flow::From last{true, 0, 0};
        const auto add = [&](io::TransformSettings made) {
            pipeline_.transforms.push_back(std::move(made));
            last = {false, static_cast<std::uint32_t>(pipeline_.transforms.size() - 1), 0};
        };
        if (what_ == 1 || what_ == 4) {
            auto meta = transform("meta", flow::NodeType::program, last);
            meta.is_meta = true;
            const auto sets = [&](bool& does, const char* name, const char* text) {
                if (!(does = below(3) > 0)) return;
                meta.meta.emplace_back(name);
                meta.texts.emplace_back(text);
            };
            sets(sets_key_, "key", ".i");
            sets(sets_headers_, "headers", "{i: .i, m: $meta.key}");
            sets(sets_time_, "timestamp", "if .i > 500 then .i else empty end");
            add(std::move(meta));
        }
        if (what_ == 2 || what_ == 4) {
            auto jq = transform("jq", flow::NodeType::program, last);
            jq.texts = {".n[]"};
            add(std::move(jq));
        }
        if (what_ == 3) {
            auto filter = transform("filter", flow::NodeType::filter, last);
            filter.texts = {".i > 300"};
            add(std::move(filter));
        }
        if (what_ == 5) {
            auto jq = transform("jq", flow::NodeType::program, last);
            jq.texts = {"[$meta.key, $meta.headers, $meta.timestamp, $meta.position]"};
            add(std::move(jq));
        }
        const Framing framings[] = {Framing::packed, Framing::lines, Framing::json,
                                    Framing::length};
        for (std::uint64_t sinks = 1 + below(4); sinks > 0; --sinks) {
            io::SinkSettings sink;
            sink.name = "s" + std::to_string(pipeline_.sinks.size());
            sink.framing = framings[below(4)];
            sink.from = {last};
            pipeline_.sinks.push_back(std::move(sink));
        }
    }

    /// What `$meta.headers` says.
    static std::string as_object(const std::vector<Named>& headers) {
        if (headers.empty()) return "null";
        std::vector<Named> last;
        for (const Named& header : headers) {
            const auto at = std::find_if(last.begin(), last.end(), [&](const Named& known) {
                return known.name == header.name;
            });
            at == last.end() ? last.push_back(header) : void(at->value = header.value);
        }
        std::string out;
        for (const Named& header : last)
            out += (out.empty() ? "" : ",") + quoted(header.name) + ":" + said(header.value);
        return "{" + out + "}";
    }

    /// What the transforms make of it; none: it is a dead letter of the first of them.
    std::optional<std::vector<True>> made_of(True record) {
        if (what_ == 0) return std::vector{record};
        // A line of nothing is none for who parses; an empty payload is a record.
        if (framing_ == Framing::lines && record.payload.empty()) return std::vector<True>{};
        // Without a program nobody looks whether the payload is JSON.
        const bool sets_none = !sets_key_ && !sets_headers_ && !sets_time_;
        if (what_ == 1 && sets_none) return std::vector{record};
        if (!record.is_json) return std::nullopt;
        const std::string i = std::to_string(record.number);
        if (what_ == 3) return record.number > 300 ? std::vector{record} : std::vector<True>{};
        if (what_ == 5) {
            const bool is_object = std::any_of(record.headers.begin(), record.headers.end(),
                                               [](const Named& h) { return is_binary(h.name); });
            demand(!is_object, "I120", "a name that this world cannot judge");
            record.payload = record.line =
                "[" + said(record.key) + "," + as_object(record.headers) + "," +
                number_or_null(record.timestamp) + "," + std::to_string(record.position) + "]";
            return std::vector{record};
        }
        if (what_ == 1 || what_ == 4) {
            Named kept{"m", record.key};
            if (sets_key_) record.key = i;
            if (sets_headers_) record.headers = {{"i", i}, kept};
            if (sets_time_ && record.number > 500) record.timestamp = record.number;
        }
        if (what_ == 1) return std::vector{record};
        std::vector<True> out(2, record);
        out[0].payload = out[0].line = "{\"j\":0}";
        out[1].payload = out[1].line = "{\"j\":1}";
        return out;
    }

    void expect() {
        due_.resize(pipeline_.sinks.size());
        for (std::size_t n = 0; n < records_.size(); ++n) {
            const auto made = made_of(records_[n]);
            bool is_dead = !made;
            for (const True& output : made.value_or(std::vector<True>{}))
                for (std::size_t sink = 0; sink < due_.size(); ++sink) {
                    if (pipeline_.sinks[sink].framing == Framing::lines && !output.has_line)
                        is_dead = true;
                    else
                        due_[sink].push_back(output);
                }
            if (is_dead) due_dead_.push_back(n);
        }
    }

    void put_batch(io::Payloads& payloads) {
        const auto block = payloads.pool().take(static_cast<std::uint32_t>(source_.size()));
        std::memcpy(block.data(), source_.data(), source_.size());
        io::Payload payload;
        payload.block = block;
        payload.bytes = block.first(source_.size());
        payload.records = static_cast<std::uint32_t>(records_.size());
        payload.first = {framing_ == Framing::packed ? records_.front().position : first_};
        payload.next = {next_};
        payload.framing = codec::bytes_of(framing_);
        payloads.put(batch_, payload);
    }

    std::uint32_t take(io::Payloads& payloads, io::Events& events, const flow::Plan& plan,
                       BatchId slice, std::uint32_t at) {
        std::vector<std::uint32_t> outputs(pipeline_.sinks.size(), 0);
        std::optional<SliceTransformed> answer;
        while (!events.empty()) {
            const Event event = events.pop();
            if (const auto* share = std::get_if<SinkShare>(&event))
                outputs[share->sink.index] = share->outputs;
            if (const auto* said_now = std::get_if<SliceTransformed>(&event)) answer = *said_now;
        }
        demand(answer.has_value() && answer->fate == Fate::deliver && answer->end > at, "I122",
               "a slice takes nothing");
        for (std::size_t sink = 0; sink < outputs.size(); ++sink)
            if (answer->route >> sink & 1) outputs[sink] = answer->outputs;
        (void)plan;
        const std::int64_t follows =
            answer->end < records_.size() ? records_[answer->end].position : next_;
        demand(answer->next.value == follows, "I122",
               "after record " + std::to_string(answer->end) + " comes position " +
                   std::to_string(follows) + ", not " + std::to_string(answer->next.value));
        for (std::size_t sink = 0; sink < outputs.size(); ++sink)
            judge_sink(payloads, slice, sink, outputs[sink]);
        judge_dead(payloads, slice, answer->dead_letters);
        return answer->end;
    }

    static std::vector<Named> headers_of(const io::RecordView& view) {
        std::vector<Named> out;
        packing::HeaderWalk walk(view.headers);
        for (packing::Header header; walk.next(header);) {
            out.push_back({text_of(header.name), {}});
            if (header.value) out.back().value = text_of(*header.value);
        }
        return out;
    }

    static void judge_beside(const io::RecordView& view, const True& record,
                             const char* invariant) {
        const std::string of = " of the record at " + std::to_string(record.position);
        demand(view.position.value == record.position, invariant,
               "position " + std::to_string(view.position.value) + of);
        const auto key = view.key ? std::optional(text_of(*view.key)) : std::nullopt;
        demand(key == record.key, invariant, "key " + said(key) + of);
        demand(headers_of(view) == record.headers, invariant, "other headers" + of);
        demand(view.timestamp == record.timestamp, invariant,
               "timestamp " + number_or_null(view.timestamp) + of);
    }

    /// In parts, as a sink takes them.
    void judge_sink(io::Payloads& payloads, BatchId slice, std::size_t sink,
                    std::uint32_t outputs) {
        const Framing framing = pipeline_.sinks[sink].framing;
        auto& due = due_[sink];
        for (std::uint32_t begin = 0; begin < outputs;) {
            const auto many = static_cast<std::uint32_t>(1 + below(outputs - begin));
            const Part part{.batch = slice,
                            .begin = begin,
                            .end = begin + many,
                            .sink = SinkId{static_cast<std::uint16_t>(sink)}};
            io::RecordWalk walk = payloads.walk(part);
            std::string bytes;
            std::uint32_t seen = 0;
            for (io::RecordView view; walk.next(view); ++seen) {
                demand(!due.empty(), "I120", "a record too many");
                const True& record = due.front();
                const std::string payload = text_of(view.bytes);
                const std::string& expected = framing == Framing::lines  ? record.line
                                              : framing == Framing::json ? envelope(record)
                                                                         : record.payload;
                demand(payload == expected, framing == Framing::lines ? "I121" : "I120",
                       "sink " + std::to_string(sink) + " gets " + quoted(payload) + ", not " +
                           quoted(expected));
                judge_beside(view, record, "I120");
                bytes += framing == Framing::length ? sized(expected) : expected + "\n";
                due.erase(due.begin());
            }
            demand(seen == many, "I120", "a walk of " + std::to_string(seen) + " records");
            const io::Slice written = payloads.slice(part);
            const std::string all = text_of(written.bytes) + (written.terminated ? "" : "\n");
            if (framing != Framing::packed)
                demand(all == bytes, "I121", "what is written is not what its records are");
            begin += many;
        }
    }

    static std::string sized(const std::string& payload) {
        std::string out;
        for (const unsigned shift : {24u, 16u, 8u, 0u})
            out += static_cast<char>(payload.size() >> shift & 255);
        return out + payload;
    }

    void judge_dead(io::Payloads& payloads, BatchId slice, std::uint32_t letters) {
        if (letters == 0) return;
        io::RecordWalk walk = payloads.walk({.batch = slice, .end = letters});
        for (io::RecordView view; walk.next(view);) {
            const std::string why = payloads.outputs(slice)->texts[view.why->text];
            const std::string what = text_of(view.bytes) + " (" + why + ")";
            demand(!due_dead_.empty(), "I123", "a dead letter too many: " + what);
            True record = records_[due_dead_.front()];
            demand(text_of(view.bytes) == came_[due_dead_.front()], "I123",
                   "a dead letter is not as its record came: " + what);
            // A line with an envelope has them within.
            if (framing_ == Framing::json) record.key.reset(), record.headers.clear();
            if (framing_ == Framing::json) record.timestamp.reset();
            judge_beside(view, record, "I123");
            due_dead_.erase(due_dead_.begin());
        }
    }

    std::uint64_t seed_;
    std::uint64_t asked_ = 0;
    Seeded choices_;
    SimClock clock_;
    SimDisk disk_{choices_};
    SimRing ring_{disk_, clock_, choices_};
    Framing framing_ = Framing::packed;
    std::int64_t first_ = 5000;
    std::int64_t next_ = 0;
    std::uint64_t what_ = 0;
    bool sets_key_ = false;
    bool sets_headers_ = false;
    bool sets_time_ = false;
    std::vector<True> records_;
    std::vector<std::string> came_;  ///< As dead letters have it.
    std::string source_;
    io::PipelineConfig pipeline_;
    BatchId batch_{0, 1};
    std::uint32_t slices_ = 0;
    std::vector<std::vector<True>> due_;  ///< By sink.
    std::vector<std::size_t> due_dead_;   ///< Records, by number.
};

}  // namespace

std::optional<Breach> run_records(std::uint64_t seed) {
    try {
        RecordWorld(seed).run();
    } catch (const Breach& breach) {
        return breach;
    }
    return std::nullopt;
}

}  // namespace holdfast::sim
