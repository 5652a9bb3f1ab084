#include "sim/joint_plan.hpp"

#include <algorithm>
#include <array>

#include "core/base/assert.hpp"
#include "io/component/registry.hpp"
#include "io/runner/engine_config.hpp"
#include "io/runner/transforms.hpp"

namespace holdfast::sim {
namespace {

using flow::From;
using flow::NodeType;
using flow::OnError;
using flow::Unrouted;
using Kind = JointNode::Kind;

std::string field_of(std::uint32_t node) { return "n" + std::to_string(node); }

NodeType type_of(Kind kind) {
    switch (kind) {
        case Kind::filter: return NodeType::filter;
        case Kind::route: return NodeType::route;
        case Kind::raw: return NodeType::raw_filter;
        case Kind::set:
        case Kind::select: break;
    }
    return NodeType::program;
}

std::string below(std::uint32_t k) { return ".k < " + std::to_string(k); }

io::TransformSettings settings_of(const JointNode& node, std::uint32_t index) {
    io::TransformSettings out;
    out.node.name = "t" + std::to_string(index);
    out.node.type = type_of(node.kind);
    out.node.inputs = node.inputs;
    out.node.on_error = node.on_error;
    out.node.unrouted = node.unrouted;
    switch (node.kind) {
        case Kind::filter: out.texts = {below(node.low)}; break;
        case Kind::route:
            out.texts = {below(node.low), below(node.high)};
            out.outputs = {"a", "b"};
            out.node.routes = 2;
            break;
        case Kind::set: out.texts = {"." + field_of(index) + " = \"x\""}; break;
        case Kind::select: out.texts = {"select(.k != " + std::to_string(node.low) + ")"}; break;
        case Kind::raw: {
            codec::RawRule rule;
            rule.when = codec::RawRule::When::equal;
            rule.path = *codec::parse_path(".k");
            rule.literal = *codec::Literal::parse(std::to_string(node.low));
            rule.then = codec::RawVerdict::drop;
            out.rules.push_back(std::move(rule));
            out.rule_texts = {"k is " + std::to_string(node.low)};
        }
    }
    return out;
}

}  // namespace

std::string joint_folder(std::uint32_t source) { return "/joint/in/s" + std::to_string(source); }
std::string joint_output(std::uint32_t sink) {
    return "/joint/out/o" + std::to_string(sink) + ".jsonl";
}

// ---- drawing ---------------------------------------------------------------------------------

JointPlan JointPlan::draw(const Ask& ask, bool durable) {
    JointPlan plan;
    plan.sources = 1 + static_cast<std::uint32_t>(ask(3));
    plan.draw_nodes(ask);
    plan.draw_sinks(ask, durable);
    io::PipelineConfig& base = plan.base;
    base.name = "joint";
    base.data_dir = joint_data_dir;
    base.memory_limit = std::array<std::uint64_t, 3>{4u << 20, 1u << 20, 256u << 10}[ask(3)];
    base.commit_interval = std::array{milliseconds(500), milliseconds(50), seconds(3)}[ask(3)];
    base.shutdown_timeout = std::array{seconds(30), seconds(1), Duration{0}}[ask(3)];
    base.mode =
        std::array{RunMode::whole, RunMode::streaming, RunMode::parsed, RunMode::governed}[ask(4)];
    // With slices one batch at a time is in a queue: nothing can be dropped there.
    if (base.mode == RunMode::streaming || base.mode == RunMode::governed)
        for (JointSink& sink : plan.sinks) sink.settings.when_full = WhenFull::block;
    base.slice_bytes = ask(2) == 0 ? 256u << 10 : 4096;
    plan.names = 1 + static_cast<std::uint32_t>(ask(4));
    // Room for all that can be under the pattern, or hardly: what was rotated waits for its turn.
    base.partitions_max = ask(2) == 0 ? 64 : plan.sources * plan.names + 1;
    base.regulation.governor = governor_of(GovernorProfile::balanced);
    base.regulation.governor.on = true;
    base.dead_letters.present = ask(2) == 0;
    base.dead_letters.path = joint_dead_letters;
    base.dead_letters.retry.attempts_max = 8;
    plan.files.poll_interval = milliseconds(ask(2) == 0 ? 250 : 20);
    plan.source.max_line = 32u << 10;
    plan.source.on_parse_error = ask(2) == 0 ? OnError::dead_letter : OnError::drop;
    plan.bad_lines = base.dead_letters.present && ask(2) == 1;
    const bool raw = std::any_of(plan.nodes.begin(), plan.nodes.end(),
                                 [](const JointNode& n) { return n.kind == Kind::raw; });
    if (raw) plan.bad_lines = false;
    for (JointNode& node : plan.nodes)
        if (!base.dead_letters.present && node.unrouted == Unrouted::dead_letter)
            node.unrouted = Unrouted::drop;
    return plan;
}

void JointPlan::draw_nodes(const Ask& ask) {
    std::vector<From> outputs;
    for (std::uint32_t i = 0; i < sources; ++i) outputs.push_back({true, i, 0});
    for (std::uint32_t n = static_cast<std::uint32_t>(ask(4)); n > 0; --n) {
        JointNode node;
        node.kind = static_cast<Kind>(ask(5));
        node.inputs.push_back(outputs[ask(outputs.size())]);
        const From second = outputs[ask(outputs.size())];
        if (!(second == node.inputs[0])) node.inputs.push_back(second);
        node.low = 2 + static_cast<std::uint32_t>(ask(4));
        node.high = node.low + 1 + static_cast<std::uint32_t>(ask(3));
        node.on_error = ask(2) == 0 ? OnError::dead_letter : OnError::drop;
        node.unrouted = static_cast<Unrouted>(ask(3));
        const auto index = static_cast<std::uint32_t>(nodes.size());
        const bool conditions = node.kind == Kind::filter || node.kind == Kind::route;
        if (!conditions) node.unrouted = Unrouted::drop;
        const std::uint32_t ways = node.kind == Kind::route ? 2 : 1;
        for (std::uint32_t i = 0; i < ways; ++i) outputs.push_back({false, index, i});
        if (node.unrouted == Unrouted::route) outputs.push_back({false, index, ways});
        nodes.push_back(std::move(node));
    }
}

void JointPlan::draw_sinks(const Ask& ask, bool durable) {
    std::vector<From> outputs;
    for (std::uint32_t i = 0; i < sources; ++i) outputs.push_back({true, i, 0});
    for (std::uint32_t n = 0; n < nodes.size(); ++n) {
        const std::uint32_t ways = nodes[n].kind == Kind::route ? 2 : 1;
        for (std::uint32_t i = 0; i < ways; ++i) outputs.push_back({false, n, i});
        if (nodes[n].unrouted == Unrouted::route) outputs.push_back({false, n, ways});
    }
    for (std::uint32_t n = 1 + static_cast<std::uint32_t>(ask(4)); n > 0; --n) {
        JointSink sink;
        const auto index = static_cast<std::uint32_t>(sinks.size());
        io::SinkSettings& s = sink.settings;
        s.name = "o" + std::to_string(index);
        sink.file.path = joint_output(index);
        sink.inputs.push_back(outputs[ask(outputs.size())]);
        using Config = io::FileSinkConfig;
        sink.file.delivery =
            ask(3) == 2 ? Config::Delivery::at_least_once : Config::Delivery::exactly_once;
        sink.file.fsync = !durable && ask(3) == 2 ? Config::Fsync::never : Config::Fsync::batch;
        s.when_full = ask(6) == 5 ? WhenFull::drop_newest : WhenFull::block;
        s.batch_records = std::array{1u << 16, 1u, 5u}[ask(3)];
        s.batch_bytes = 1u << 20;
        s.batch_timeout = ask(4) == 3 ? milliseconds(200) : Duration{0};
        s.timeout = ask(3) == 2 ? milliseconds(300) : Duration{0};
        sinks.push_back(std::move(sink));
    }
    // What nobody takes goes to some sink or other.
    for (const From& output : outputs) {
        const auto takes = [&](const auto& each) {
            return std::find(each.inputs.begin(), each.inputs.end(), output) != each.inputs.end();
        };
        if (std::any_of(nodes.begin(), nodes.end(), takes) ||
            std::any_of(sinks.begin(), sinks.end(), takes))
            continue;
        sinks[ask(sinks.size())].inputs.push_back(output);
    }
}

// ---- telling the runner ----------------------------------------------------------------------

io::PipelineConfig JointPlan::config(const JointVariant& variant, io::EndAt end) const {
    io::PipelineConfig out = base;
    for (std::uint32_t i = 0; i < sources; ++i) {
        io::SourceSettings made = source;
        made.name = variant.sources[i];
        made.kind = io::source_kind("file");
        auto own = std::make_shared<io::FileSourceSettings>(files);
        own->include = {joint_folder(i) + "/*.log"};
        own->end = end;
        made.own = std::move(own);
        out.sources.push_back(std::move(made));
    }
    for (std::uint32_t i = 0; i < nodes.size(); ++i)
        out.transforms.push_back(settings_of(nodes[i], i));
    for (const std::uint32_t index : variant.sinks) {
        io::SinkSettings made = sinks[index].settings;
        made.from = sinks[index].inputs;
        made.kind = io::sink_kind("file");
        made.own = std::make_shared<io::FileSinkSettings>(sinks[index].file);
        out.sinks.push_back(std::move(made));
    }
    const flow::Plan plan(io::flow_spec(out));
    for (std::uint32_t s = 0; s < sources; ++s)
        for (std::uint16_t i = 0; i < out.sinks.size(); ++i)
            if (plan.reach(SourceId{static_cast<std::uint16_t>(s)}).sinks & mask_of(SinkId{i}))
                out.sinks[i].inputs.push_back(s);
    while (!io::check_engine_config(out).empty() && out.memory_limit < (64u << 20))
        out.memory_limit *= 2;
    HF_ASSERT(io::check_engine_config(out).empty());
    return out;
}

bool JointPlan::feeds(std::uint32_t index, const JointVariant& variant) const {
    JointPlan asked = *this;
    for (std::uint32_t i = 0; i < sinks.size(); ++i)
        if (std::find(variant.sinks.begin(), variant.sinks.end(), i) == variant.sinks.end())
            asked.sinks[i].inputs.clear();
    for (JointNode& node : asked.nodes) node.unrouted = Unrouted::route;
    for (std::uint32_t k = 0; k < 10; ++k) {
        const JointLine line{.text = "{}", .k = k};
        for (const auto& texts : asked.outcome(index, line).texts)
            if (!texts.empty()) return true;
    }
    return false;
}

// ---- what becomes of a line ------------------------------------------------------------------

JointOutcome JointPlan::outcome(std::uint32_t index, const JointLine& line) const {
    JointOutcome out;
    out.texts.resize(sinks.size());
    if (base.mode == RunMode::parsed && line.bad) {
        out.dead = source.on_parse_error == OnError::dead_letter;
        return out;
    }
    pass({true, index, 0}, line.text, line, out);
    return out;
}

void JointPlan::pass(const From& from, const std::string& text, const JointLine& line,
                     JointOutcome& out) const {
    const auto takes = [&](const auto& each) {
        return std::find(each.inputs.begin(), each.inputs.end(), from) != each.inputs.end();
    };
    for (std::uint32_t i = 0; i < sinks.size(); ++i)
        if (takes(sinks[i])) out.texts[i].push_back(text);
    for (std::uint32_t i = 0; i < nodes.size(); ++i)
        if (takes(nodes[i])) pass_node(i, text, line, out);
}

void JointPlan::pass_node(std::uint32_t index, const std::string& text, const JointLine& line,
                          JointOutcome& out) const {
    const JointNode& node = nodes[index];
    const auto fails = [&] { out.dead = out.dead || node.on_error == OnError::dead_letter; };
    const auto unmatched = [&](std::uint32_t output) {
        if (node.unrouted == Unrouted::dead_letter) out.dead = true;
        if (node.unrouted == Unrouted::route) pass({false, index, output}, text, line, out);
    };
    if (line.bad) return fails();
    switch (node.kind) {
        case Kind::filter:
            line.k < node.low ? pass({false, index, 0}, text, line, out) : unmatched(1);
            return;
        case Kind::route:
            if (line.k < node.low) pass({false, index, 0}, text, line, out);
            if (line.k < node.high) pass({false, index, 1}, text, line, out);
            if (line.k >= node.high) unmatched(2);
            return;
        case Kind::set: {
            const std::string more = ",\"" + field_of(index) + "\":\"x\"}";
            pass({false, index, 0}, text.substr(0, text.size() - 1) + more, line, out);
            return;
        }
        case Kind::select:
        case Kind::raw:
            if (line.k != node.low) pass({false, index, 0}, text, line, out);
    }
}

std::string JointPlan::text() const {
    std::string out = "sources " + std::to_string(sources) + ", mode " +
                      std::to_string(static_cast<int>(base.mode)) + ", memory " +
                      std::to_string(base.memory_limit) + ", dead letters " +
                      std::to_string(base.dead_letters.present) + "\n";
    const auto from = [](const std::vector<From>& inputs) {
        std::string all;
        for (const From& each : inputs)
            all += (each.source ? " s" : " t") + std::to_string(each.index) + "." +
                   std::to_string(each.output);
        return all;
    };
    for (std::size_t i = 0; i < nodes.size(); ++i)
        out += "  t" + std::to_string(i) + " kind " +
               std::to_string(static_cast<int>(nodes[i].kind)) + " low " +
               std::to_string(nodes[i].low) + " high " + std::to_string(nodes[i].high) +
               " unrouted " + std::to_string(static_cast<int>(nodes[i].unrouted)) + " on_error " +
               std::to_string(static_cast<int>(nodes[i].on_error)) + " takes" +
               from(nodes[i].inputs) + "\n";
    for (const JointSink& sink : sinks)
        out += "  " + sink.settings.name + (sink.exact() ? " exactly_once" : " at_least_once") +
               (sink.is_synced() ? "" : " unsynced") + (sink.drops() ? " drop_newest" : "") +
               " batch " + std::to_string(sink.settings.batch_records) + " takes" +
               from(sink.inputs) + "\n";
    return out;
}

}  // namespace holdfast::sim
