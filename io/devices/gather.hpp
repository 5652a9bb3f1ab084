// From the parts of an effect to the vectors of a write: what every sink of bytes does.
#pragma once

#include <sys/uio.h>

#include <span>
#include <vector>

#include "core/model/effect.hpp"
#include "io/payloads.hpp"

namespace holdfast::io {

/// Replaces `vectors`. A part whose last record has no newline is followed by one.
/// Lives: the vectors point into the payloads, which must be held. Bound: two vectors a part.
void gather(const Payloads& payloads, std::span<const Part> parts, std::vector<iovec>& vectors);

/// Each part's batch, once for each part.
void hold_all(Payloads& payloads, std::span<const Part> parts);
void drop_all(Payloads& payloads, std::span<const Part> parts);

}  // namespace holdfast::io
