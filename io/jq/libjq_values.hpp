// Between libjq's values and JSON text.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

extern "C" {
#include <jv.h>
}

#include "core/jq/tape.hpp"

namespace holdfast::jq {

/// The value that stands at a node. Lives: on its own.
jv to_library(const Nodes& nodes, NodeId id, std::string& scratch);

/// As compact JSON. Consumes the value. False: more than `bytes_max` bytes or 10,000 levels.
bool write_value(jv value, std::vector<std::byte>& out, std::size_t bytes_max);

}  // namespace holdfast::jq
