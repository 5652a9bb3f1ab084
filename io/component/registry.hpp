// All kinds of sources and sinks. A new one is its folder and a line in registry.cpp.
#pragma once

#include <span>
#include <string_view>

#include "io/component/kind.hpp"

namespace holdfast::io {

/// In the order of the documentation. The first is what a part without a type is taken for.
std::span<const SourceKind* const> source_kinds();
std::span<const SinkKind* const> sink_kinds();

/// null: there is none.
const SourceKind* source_kind(std::string_view name);
const SinkKind* sink_kind(std::string_view name);

}  // namespace holdfast::io
