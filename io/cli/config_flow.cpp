// See config_flow.hpp, and resolve_inputs in config_checks.hpp.
#include "io/cli/config_flow.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <bit>

#include "io/component/kind.hpp"
#include "io/printable.hpp"
#include "io/runner/transforms.hpp"
#include "io/units.hpp"

namespace holdfast::cli {
namespace {

using namespace io;
using flow::From;
using flow::NodeType;

constexpr std::string_view unmatched = "_unmatched";

/// The name of the output for what the transform doesn't pass on; empty: it has none.
std::string_view rest_of(const flow::NodeSpec& node) {
    if (node.type == NodeType::raw_filter) return "_rejected";
    return node.type == NodeType::filter || node.type == NodeType::route ? unmatched : "";
}
bool has_rest(const flow::NodeSpec& node) { return !rest_of(node).empty(); }

/// The key that says what becomes of it.
std::string_view policy_key(const flow::NodeSpec& node) {
    return node.type == NodeType::raw_filter ? "on_reject" : "unrouted";
}

/// Everything that may stand in `inputs`, and what it means.
struct Names {
    std::vector<std::string> texts;
    std::vector<From> froms;
    void add(std::string text, From from) {
        texts.push_back(std::move(text));
        froms.push_back(from);
    }
};

Names names_in(const PipelineConfig& config) {
    Names names;
    for (std::uint32_t i = 0; i < config.sources.size(); ++i)
        names.add(config.sources[i].name, {true, i, 0});
    for (std::uint32_t i = 0; i < config.transforms.size(); ++i) {
        const TransformSettings& transform = config.transforms[i];
        const std::string& name = transform.node.name;
        // A route has no output of its own name.
        if (transform.node.type != NodeType::route) names.add(name, {false, i, 0});
        std::uint32_t output = transform.node.type == NodeType::route ? 0 : 1;
        for (const std::string& route : transform.outputs)
            names.add(name + "." + route, {false, i, output++});
        if (has_rest(transform.node))
            names.add(fmt::format("{}.{}", name, rest_of(transform.node)), {false, i, output});
    }
    return names;
}

std::string list_of(const std::vector<std::string>& texts) {
    std::string all;
    for (const std::string& text : texts)
        all += fmt::format("{}\"{}\"", all.empty() ? "" : ", ", text);
    return all;
}

bool is_named(const std::vector<Named>& parts, std::string_view name) {
    return std::any_of(parts.begin(), parts.end(),
                       [&](const Named& part) { return part.name == name; });
}

void report_unknown_input(const Parts& parts, const PipelineConfig& config, const Names& names,
                          const Item& item, Reader& reader) {
    const std::string all = list_of(names.texts);
    const std::string_view things = config.transforms.empty() ? "source" : "source or transform";
    if (is_named(parts.sinks, item.text)) {
        reader.problem(item.place, fmt::format("{} is a sink, and a sink cannot feed another; "
                                               "expected a {}: {}",
                                               in_quotes(item.text), things, all));
        return;
    }
    if (is_named(parts.transforms, item.text)) {
        reader.problem(item.place, fmt::format("{} is a route, which has outputs by name; "
                                               "expected one of {}",
                                               in_quotes(item.text), all));
        return;
    }
    const std::vector<std::string_view> known(names.texts.begin(), names.texts.end());
    const std::string_view near = nearest(item.text, known);
    reader.problem(item.place,
                   fmt::format("no {} is named {}; expected one of {}{}", things,
                               in_quotes(item.text), all.empty() ? "the sources" : all,
                               near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near)));
}

std::vector<From> resolve(const Parts& parts, const PipelineConfig& config, const Names& names,
                          const Named& taker, Reader& reader) {
    std::vector<From> out;
    for (const Item& item : taker.values.at("inputs").list) {
        const auto at = std::find(names.texts.begin(), names.texts.end(), item.text);
        if (at == names.texts.end()) {
            report_unknown_input(parts, config, names, item, reader);
            continue;
        }
        const From& from = names.froms[static_cast<std::size_t>(at - names.texts.begin())];
        if (std::find(out.begin(), out.end(), from) != out.end())
            reader.problem(item.place, fmt::format("{} is listed twice in inputs; expected once",
                                                   in_quotes(item.text)));
        else
            out.push_back(from);
    }
    return out;
}

bool is_taken(const PipelineConfig& config, const From& from) {
    const auto takes = [&](const std::vector<From>& inputs) {
        return std::find(inputs.begin(), inputs.end(), from) != inputs.end();
    };
    return std::any_of(config.transforms.begin(), config.transforms.end(),
                       [&](const auto& t) { return takes(t.node.inputs); }) ||
           std::any_of(config.sinks.begin(), config.sinks.end(),
                       [&](const auto& s) { return takes(s.from); });
}

From rest_from(const PipelineConfig& config, std::uint32_t index) {
    return {false, index, flow::outputs_of(config.transforms[index].node) - 1};
}

/// Sources and transforms that feed nobody; `_unmatched` against what `unrouted` says, `_rejected`
/// against `on_reject`.
void check_takers(const Parts& parts, PipelineConfig& config, Reader& reader) {
    if (config.sinks.empty()) return;
    for (std::uint32_t i = 0; i < config.sources.size(); ++i) {
        if (is_taken(config, {true, i, 0})) continue;
        const auto& source = parts.sources[i];
        reader.problem(source.values.place,
                       fmt::format("source \"{0}\" feeds no sink; expected inputs = [\"{0}\"] in a "
                                   "sink, or no such source",
                                   source.name));
    }
    for (std::uint32_t i = 0; i < config.transforms.size(); ++i) {
        flow::NodeSpec& node = config.transforms[i].node;
        const Values& values = parts.transforms[i].values;
        bool any = false;
        for (std::uint32_t output = 0; output < flow::outputs_of(node); ++output)
            any = any || is_taken(config, {false, i, output});
        if (!any)
            reader.problem(values.place, fmt::format("transform \"{0}\" feeds nobody; expected "
                                                     "it in inputs of a sink, or no such transform",
                                                     node.name));
        if (!has_rest(node)) continue;
        const bool taken = is_taken(config, rest_from(config, i));
        const std::string_view key = policy_key(node);
        const Value& said = values.at(key);
        if (!said.given && taken) node.unrouted = flow::Unrouted::route;
        if (said.given && (node.unrouted == flow::Unrouted::route) != taken)
            reader.problem(
                said.place,
                fmt::format("{} is \"{}\", and {} takes \"{}.{}\"; expected {}", key, said.text,
                            taken ? "somebody" : "nobody", node.name, rest_of(node),
                            taken ? "\"route\", or nobody to take it"
                                  : "it in inputs of a sink, or another value"));
    }
}

void check_names(const Parts& parts, Reader& reader) {
    for (const Named& transform : parts.transforms)
        if (is_named(parts.sources, transform.name))
            reader.problem(transform.values.place,
                           fmt::format("\"{}\" is the name of a source too; expected another one",
                                       transform.name));
}

/// Blank lines are left out for who parses.
void check_blank(const Parts& parts, const PipelineConfig& config, Reader& reader) {
    for (std::size_t i = 0; i < config.transforms.size(); ++i) {
        const Value& blank = parts.transforms[i].values.at("skip_blank");
        const bool parses = config.transforms[i].reads();
        if (!blank.given || parses) continue;
        reader.problem(blank.place,
                       fmt::format("skip_blank is set, but transform \"{}\" parses nothing, so "
                                   "that every line passes as it is; expected a key of records "
                                   "(key_field), or no skip_blank",
                                   config.transforms[i].node.name));
    }
}

bool check_cycle(const Parts& parts, const PipelineConfig& config, Reader& reader) {
    std::vector<flow::NodeSpec> nodes;
    for (const TransformSettings& transform : config.transforms) nodes.push_back(transform.node);
    const std::uint32_t at = flow::in_cycle(nodes);
    if (at == nodes.size()) return true;
    reader.problem(parts.transforms[at].values.at("inputs").place,
                   fmt::format("transform \"{}\" is fed by its own outputs; expected inputs that "
                               "lead back to sources",
                               nodes[at].name));
    return false;
}

/// A promise that cannot be kept is not made by default.
void weaken_promises(const Parts& parts, PipelineConfig& config, Reader& reader) {
    for (std::size_t i = 0; i < config.sinks.size(); ++i) {
        SinkSettings& sink = config.sinks[i];
        const auto once = std::ranges::find_if(sink.inputs, [&](std::uint32_t input) {
            return !is_replayable(config.sources[input]);
        });
        if (once == sink.inputs.end() || parts.sinks[i].values.type.empty()) continue;
        sink.kind->weaken(sink, parts.sinks[i].values, config.sources[*once].kind->once(),
                          reader.complain());
    }
}

/// "user.id" and ".user.id" are the same; anything else is jq as it stands.
std::string as_path(const std::string& field) {
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '.';
    };
    const bool is_name =
        !field.empty() && std::all_of(field.begin(), field.end(), plain) && field.front() != '.';
    return is_name ? "." + field : field;
}

void read_texts(const Values& values, TransformSettings& out) {
    switch (out.node.type) {
        case NodeType::filter: out.texts.push_back(values.text("condition")); return;
        case NodeType::program:
            if (values.type == "parse")
                out.parse = parse_of(values);
            else if (values.type == "format")
                format_of(values, out);
            else if (values.type == "meta")
                meta_of(values, out);
            else
                out.texts.push_back(values.text("program"));
            return;
        case NodeType::route:
            for (const Item& item : values.at("route").list) {
                out.texts.push_back(item.text);
                out.outputs.push_back(item.name);
            }
            out.node.routes = static_cast<std::uint32_t>(out.outputs.size());
            return;
        case NodeType::sample:
        case NodeType::throttle:
            if (values.at("key_field").given)
                out.texts.push_back(as_path(values.text("key_field")));
            return;
        case NodeType::raw_filter: return;
        case NodeType::decode:
        case NodeType::encode: return;
        case NodeType::dedupe: break;
    }
    std::string key;
    for (const Item& item : values.section("fields").at("match").list) {
        out.fields.push_back(item.text);
        out.key_fields.push_back(as_path(item.text));
        key += (key.empty() ? "[" : ", ") + as_path(item.text);
    }
    if (!key.empty()) out.texts.push_back(key + "]");
}

/// Without a word: a filter drops; a route treats them as what it fails on; a raw filter sets aside.
flow::Unrouted unrouted_of(const std::string& text, const flow::NodeSpec& node) {
    if (text == "route") return flow::Unrouted::route;
    flow::OnError policy = policy_of(text);
    if (text.empty()) policy = node.type == NodeType::filter ? flow::OnError::drop : node.on_error;
    return policy == flow::OnError::drop   ? flow::Unrouted::drop
           : policy == flow::OnError::stop ? flow::Unrouted::stop
                                           : flow::Unrouted::dead_letter;
}

/// What comes as MsgPack stays so, unless it was said otherwise.
void choose_framing(const Named& part, const PipelineConfig& config, SinkSettings& sink) {
    const auto is_msgpack = [&](const From& from) {
        return from.source && config.sources[from.index].framing == Framing::msgpack;
    };
    if (part.values.at("framing").given || sink.from.empty()) return;
    if (std::all_of(sink.from.begin(), sink.from.end(), is_msgpack))
        sink.framing = Framing::msgpack;
}

}  // namespace

flow::OnError policy_of(std::string_view word) {
    return word == "drop"   ? flow::OnError::drop
           : word == "stop" ? flow::OnError::stop
                            : flow::OnError::dead_letter;
}

TransformSettings transform_of(const Named& part, const std::filesystem::path& folder) {
    const Values& values = part.values;
    TransformSettings out;
    out.node.name = part.name;
    out.node.type = values.type == "route"        ? NodeType::route
                    : values.type == "sample"     ? NodeType::sample
                    : values.type == "throttle"   ? NodeType::throttle
                    : values.type == "dedupe"     ? NodeType::dedupe
                    : values.type == "jq"         ? NodeType::program
                    : values.type == "parse"      ? NodeType::program
                    : values.type == "format"     ? NodeType::program
                    : values.type == "meta"       ? NodeType::program
                    : values.type == "raw_filter" ? NodeType::raw_filter
                                                  : NodeType::filter;
    out.node.on_error = policy_of(values.text("on_error"));
    out.node.skip_blank = values.number("skip_blank") != 0;
    out.node.unrouted = unrouted_of(values.text(policy_key(out.node)), out.node);
    const std::string& missing = values.text("on_missing_key");
    out.node.on_missing_key = missing == "null"   ? flow::MissingKey::as_null
                              : missing == "keep" ? flow::MissingKey::keep
                              : missing == "drop" ? flow::MissingKey::drop
                              : missing == "stop" ? flow::MissingKey::stop
                                                  : flow::MissingKey::dead_letter;
    out.node.rate = static_cast<std::uint64_t>(std::max<std::int64_t>(values.number("rate"), 1));
    out.node.threshold =
        static_cast<std::uint64_t>(std::max<std::int64_t>(values.number("threshold"), 1));
    out.node.window = Duration{values.number("window")};
    out.node.entries = static_cast<std::uint32_t>(values.section("cache").number("num_events"));
    ProgramBounds& bounds = out.settings.bounds;
    bounds.memory = static_cast<std::uint64_t>(values.number("program_memory"));
    bounds.time = Duration{values.number("program_time")};
    bounds.text = static_cast<std::uint64_t>(values.number("program_string"));
    bounds.depth = static_cast<std::uint32_t>(values.number("program_depth"));
    for (const Item& item : values.at("args").list)
        out.settings.args.push_back({item.name, item.text});
    std::vector<std::string> jq_path;
    for (const Item& item : values.at("jq_path").list)
        jq_path.push_back((folder / item.text).lexically_normal().string());
    out.settings.modules = module_files(folder.string(), std::move(jq_path));
    read_texts(values, out);
    return out;
}

void resolve_inputs(const Parts& parts, PipelineConfig& config, Reader& reader) {
    check_names(parts, reader);
    check_blank(parts, config, reader);
    const Names names = names_in(config);
    for (std::size_t i = 0; i < config.transforms.size(); ++i)
        config.transforms[i].node.inputs =
            resolve(parts, config, names, parts.transforms[i], reader);
    for (std::size_t i = 0; i < config.sinks.size(); ++i) {
        config.sinks[i].from = resolve(parts, config, names, parts.sinks[i], reader);
        choose_framing(parts.sinks[i], config, config.sinks[i]);
    }
    check_takers(parts, config, reader);
    if (!check_cycle(parts, config, reader)) return;
    const flow::Plan plan(flow_spec(config));
    for (std::uint16_t source = 0; source < config.sources.size(); ++source)
        for (SinkMask left = plan.reach(SourceId{source}).sinks; left; left &= left - 1)
            config.sinks[static_cast<std::size_t>(std::countr_zero(left))].inputs.push_back(source);
    weaken_promises(parts, config, reader);
}

namespace {

constexpr std::size_t routes_limit = 63;

void check_routes(const TransformSettings& transform, const Values& values, Reader& reader) {
    const auto& list = values.at("route").list;
    if (list.size() > routes_limit)
        reader.problem(
            values.at("route").place,
            fmt::format("there are {} conditions; expected at most {}", list.size(), routes_limit));
    for (const Item& item : list)
        if (item.name.empty() || item.name.size() > 64 || item.name == unmatched ||
            item.name.find_first_of(". \t\n") != std::string::npos)
            reader.problem(item.place,
                           fmt::format("{} is no name of an output of \"{}\"; expected letters, "
                                       "digits, _ and -, and not {}",
                                       in_quotes(item.name), transform.node.name, unmatched));
}

}  // namespace

void read_rules(const Parts& parts, PipelineConfig& config, Reader& reader) {
    using codec::RawRule;
    for (std::size_t i = 0; i < config.transforms.size(); ++i) {
        TransformSettings& transform = config.transforms[i];
        if (transform.node.type != NodeType::raw_filter) continue;
        for (const RuleItem& item : parts.transforms[i].values.at("rules").rules) {
            auto path = codec::parse_path(item.field);
            if (!path) {
                reader.problem(item.place,
                               fmt::format("{} is no field: {}; expected one such as \"user.id\"",
                                           in_quotes(item.field), path.error().what));
                continue;
            }
            RawRule rule{.when = item.when == "missing"   ? RawRule::When::missing
                                 : item.when == "present" ? RawRule::When::present
                                                          : RawRule::When::equal,
                         .path = std::move(*path)};
            if (!item.json.empty()) rule.literal = codec::Literal::parse(item.json).value();
            if (!item.then.empty())
                rule.then =
                    item.then == "drop" ? codec::RawVerdict::drop : codec::RawVerdict::dead_letter;
            transform.rules.push_back(std::move(rule));
            transform.rule_texts.push_back(item.json.empty()
                                               ? fmt::format("{} is {}", item.field, item.when)
                                               : fmt::format("{} is {}", item.field, item.json));
        }
    }
}

void check_programs(const Parts& parts, const PipelineConfig& config, Reader& reader) {
    for (std::size_t i = 0; i < config.transforms.size(); ++i) {
        const TransformSettings& transform = config.transforms[i];
        const Values& values = parts.transforms[i].values;
        if (transform.node.type == NodeType::route) check_routes(transform, values, reader);
        for (std::size_t n = 0; n < transform.texts.size(); ++n) {
            if (transform.texts[n].empty()) continue;  // It was missing, which was said.
            const CompiledProgram compiled = compile_text(transform, transform.texts[n]);
            if (compiled) continue;
            const std::string_view key = text_key(transform, n);
            const Place& place = transform.node.type == NodeType::route
                                     ? values.at(key).list[n].place
                                     : values.at(key).place;
            const std::string what = fmt::format(
                "{} is not a jq program: {}; expected one such as '.level != \"debug\"'",
                in_quotes(transform.texts[n]), io::printable(compiled.error().message));
            reader.problem_in(place, transform.texts[n], compiled.error().offset, what);
        }
    }
}

std::string input_name(const PipelineConfig& config, const From& from) {
    const Names names = names_in(config);
    const auto at = std::find(names.froms.begin(), names.froms.end(), from);
    return at == names.froms.end()
               ? std::string("?")
               : names.texts[static_cast<std::size_t>(at - names.froms.begin())];
}

std::vector<InputName> input_names(const PipelineConfig& config) {
    const Names names = names_in(config);
    std::vector<InputName> out;
    for (std::size_t i = 0; i < names.texts.size(); ++i)
        out.push_back({names.texts[i], names.froms[i]});
    return out;
}

bool gives_nothing(const PipelineConfig& config, const From& from) {
    if (from.source) return false;
    const flow::NodeSpec& node = config.transforms[from.index].node;
    return has_rest(node) && from == rest_from(config, from.index) &&
           node.unrouted != flow::Unrouted::route;
}

std::vector<std::string> flow_warnings(const PipelineConfig& config) {
    std::vector<std::string> out;
    for (std::uint32_t i = 0; i < config.transforms.size(); ++i) {
        const flow::NodeSpec& node = config.transforms[i].node;
        for (std::uint32_t output = 0; output < flow::outputs_of(node); ++output) {
            const From from{false, i, output};
            if (is_taken(config, from) || (has_rest(node) && from == rest_from(config, i)))
                continue;
            out.push_back(
                fmt::format("transform {}: nobody takes {}; its records are dropped and "
                            "counted",
                            node.name, input_name(config, from)));
        }
        const bool rejects = node.unrouted == flow::Unrouted::dead_letter ||
                             node.on_missing_key == flow::MissingKey::dead_letter;
        const bool fails =
            node.on_error == flow::OnError::dead_letter && config.transforms[i].reads();
        if ((rejects || fails) && !config.dead_letters.present)
            out.push_back(
                fmt::format("transform {}: a record that it {} halts the pipeline, "
                            "since there is no [dead_letters]",
                            node.name, fails ? "fails on" : "rejects"));
        if (node.type == NodeType::throttle || node.type == NodeType::dedupe)
            out.push_back(
                fmt::format("transform {}: begins anew with each start; records after "
                            "the last checkpoint are judged again",
                            node.name));
    }
    return out;
}

}  // namespace holdfast::cli
