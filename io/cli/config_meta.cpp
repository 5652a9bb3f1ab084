// Transforms of type `meta`: what their tables say, and what is wrong with it; and what types and texts
// of transforms are called. See config_flow.hpp.
#include <array>

#include "io/cli/config_flow.hpp"

namespace holdfast::cli {
namespace {

constexpr std::array<const char*, 3> names{"key", "headers", "timestamp"};

}  // namespace

void meta_of(const Values& values, io::TransformSettings& out) {
    out.is_meta = true;
    for (const char* const name : names) {
        if (!values.at(name).given) continue;
        out.meta.emplace_back(name);
        out.texts.push_back(values.text(name));
    }
}

void check_meta(const Parts& parts, const io::PipelineConfig& config, Reader& reader) {
    for (std::size_t i = 0; i < config.transforms.size(); ++i) {
        const Values& values = parts.transforms[i].values;
        if (!config.transforms[i].is_meta || !config.transforms[i].meta.empty()) continue;
        reader.problem(values.place,
                       "transform \"" + config.transforms[i].node.name +
                           "\" sets nothing; expected one of key, headers and timestamp, such as "
                           "key = '.user.id'");
    }
}

std::string_view type_name(const io::TransformSettings& transform) {
    switch (transform.node.type) {
        case flow::NodeType::filter: return "filter";
        case flow::NodeType::route: return "route";
        case flow::NodeType::sample: return "sample";
        case flow::NodeType::throttle: return "throttle";
        case flow::NodeType::dedupe: return "dedupe";
        case flow::NodeType::raw_filter: return "raw_filter";
        case flow::NodeType::decode: return "decode";
        case flow::NodeType::encode: return "encode";
        case flow::NodeType::program: break;
    }
    return transform.is_meta  ? "meta"
           : transform.parse  ? "parse"
           : transform.format ? "format"
                              : "jq";
}

std::string_view text_key(const io::TransformSettings& transform, std::size_t n) {
    if (transform.is_meta) return transform.meta[n];
    switch (transform.node.type) {
        case flow::NodeType::filter: return "condition";
        case flow::NodeType::route: return "route";
        case flow::NodeType::dedupe: return "fields";
        case flow::NodeType::program: return transform.format ? "template" : "program";
        default: return "key_field";
    }
}

}  // namespace holdfast::cli
