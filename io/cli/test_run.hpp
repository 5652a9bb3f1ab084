// Runs one of a config's tests: its records through the graph that the runner would build.
//
// Rule 1: the graph, the programs and the limits are the runner's (io/runner/transforms.hpp); a place
//         within the graph that a test names is a source or a sink more, nothing else.
// Rule 2: nothing depends on the clock or on what ran before: time is the test's, `throttle` and
//         `dedupe` begin empty, the records of each source stand one behind the other from byte 0 on.
// Doesn't know: what is expected.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "io/cli/config_tests.hpp"

namespace holdfast::cli {

struct TestCame {
    std::vector<std::string> records;  ///< As lines, without their ends; of MsgPack, as JSON.
    std::string bytes;                 ///< All of them as they would stand there.
};

struct TestSetAside {
    std::string record;     ///< As it came in; of MsgPack, as JSON.
    std::string transform;  ///< Or the source's name.
    std::string reason;
    std::string error;
};

struct TestSeen {
    std::vector<TestCame> outputs;  ///< By output of the test.
    std::vector<TestSetAside> dead_letters;
    std::vector<std::string> dropped;
    std::optional<std::string> halted;  ///< Why.
    std::string fault;  ///< The test itself could not be run: its records are none of this source.
};

/// Requires: the config has no problems, and the test is one of its.
TestSeen run_test(const io::PipelineConfig& config, const TestCase& test);

}  // namespace holdfast::cli
