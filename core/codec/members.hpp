// The members of an object, each key once.
#pragma once

#include <vector>

#include "core/codec/value.hpp"

namespace holdfast::codec {

/// Of equal keys the last value, where the first one stood. Requires: an object.
/// Bound: n log n.
std::vector<Value> members_of(const Value& object);

}  // namespace holdfast::codec
