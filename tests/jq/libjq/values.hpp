// Between libjq's values and JSON text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

extern "C" {
#include <jv.h>
}

#include "core/jq/tape.hpp"

namespace holdfast::jq {

/// The value that stands at a node. Lives: on its own.
jv to_library(const Nodes& nodes, NodeId id, std::string& scratch);

enum class Written : std::uint8_t {
    whole,
    too_large,  ///< More than `bytes_max` bytes.
    too_deep,   ///< More levels than a record may have (Tape::depth_max).
};

/// As compact JSON. Consumes the value. If it is not whole, some of it was appended.
Written write_value(jv value, std::vector<std::byte>& out, std::size_t bytes_max);

}  // namespace holdfast::jq
