// What a test expected beside what was seen: the difference, as lines for people.
//
// Rule 1: JSON is compared by its value, and what is no JSON by its bytes, unless the test says bytes.
// Rule 2: what differs is shown as in a diff: "-" was expected, "+" came; of two records that stand
//         for each other the places that differ are named.
// Bound: some fifty lines for each thing that differs, each cut.
#pragma once

#include <string>
#include <vector>

#include "io/cli/config_tests.hpp"
#include "io/cli/test_run.hpp"

namespace holdfast::cli {

/// Nothing: it passed.
std::vector<std::string> differences(const TestCase& test, const TestSeen& seen);

}  // namespace holdfast::cli
