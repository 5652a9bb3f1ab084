// The jq machine's outside in this process: the wall clock, the time zone, Oniguruma.
//
// Rule: a regular expression may retry and nest only so much on one text, else it gave up.
#pragma once

#include <memory>

#include "core/jq/machine/outside.hpp"

namespace holdfast::jq {

std::unique_ptr<machine::Outside> make_outside();

/// From here on the wall clock of every program in this process stands at so many seconds since 1970.
void stand_still(double seconds);
/// And goes on again.
void go_on();

}  // namespace holdfast::jq
