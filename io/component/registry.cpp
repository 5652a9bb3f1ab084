// The list: a line a kind. See registry.hpp.
#include "io/component/registry.hpp"

#include <array>

namespace holdfast::io {

const SourceKind& file_source_kind();
const SourceKind& stdin_source_kind();
const SourceKind& exec_source_kind();
const SourceKind& socket_source_kind();

const SinkKind& file_sink_kind();
const SinkKind& stdout_sink_kind();
const SinkKind& socket_sink_kind();
const SinkKind& blackhole_sink_kind();

std::span<const SourceKind* const> source_kinds() {
    static const std::array all{
        &file_source_kind(),
        &stdin_source_kind(),
        &exec_source_kind(),
        &socket_source_kind(),
    };
    return all;
}

std::span<const SinkKind* const> sink_kinds() {
    static const std::array all{
        &file_sink_kind(),
        &stdout_sink_kind(),
        &socket_sink_kind(),
        &blackhole_sink_kind(),
    };
    return all;
}

const SourceKind* source_kind(std::string_view name) {
    for (const SourceKind* kind : source_kinds())
        if (kind->name() == name) return kind;
    return nullptr;
}

const SinkKind* sink_kind(std::string_view name) {
    for (const SinkKind* kind : sink_kinds())
        if (kind->name() == name) return kind;
    return nullptr;
}

}  // namespace holdfast::io
