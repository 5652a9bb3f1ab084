// The [[tests]] of a config: records in, and what must come out of its transforms.
//
// Rule 1: what is read here can be run: names exist, bytes are records of where they go in.
// Doesn't know: how a test is run (test_run.hpp), what a difference looks like (test_judge.hpp).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/data/flow/plan.hpp"
#include "io/cli/config_checks.hpp"

namespace holdfast::cli {

/// Records as a test writes them.
struct TestRecords {
    bool given = false;
    bool is_bytes = false;             ///< `bytes` is meant, not `records` (hex).
    std::vector<std::string> records;  ///< Each without its line end.
    std::string bytes;
};

/// Where a test puts in or looks: a source or sink by its index, or a place in the graph.
struct TestPlace {
    std::string name;
    bool at_end = true;       ///< A source (inputs) or a sink (outputs).
    std::uint32_t index = 0;  ///< Of it; else of the transform.
    flow::From from;          ///< outputs, not at_end: what is looked at.
};

struct TestInput {
    TestPlace to;
    std::int64_t at_ns = 0;  ///< Since 1970.
    TestRecords records;     ///< Of a source with a framing: `bytes` are what stands in the source.
};

struct TestOutput {
    TestPlace from;
    TestRecords records;
    bool by_bytes = false;
    std::optional<std::uint64_t> count;
    std::string every;  ///< A jq condition, or empty.
};

struct TestDeadLetter {
    std::optional<std::string> record;
    std::string transform, reason, error;  ///< Empty: any.
};

struct TestCase {
    std::string name;
    std::uint32_t line = 0;
    std::vector<TestInput> inputs;
    std::vector<TestOutput> outputs;
    std::vector<TestDeadLetter> dead_letters;
    TestRecords dropped;
    std::string halts;  ///< Empty: it must not.
};

/// Reads them, and reports what is wrong in them. `tests`: the tables as they were read.
std::vector<TestCase> read_tests(const Value& tests, const io::PipelineConfig& config,
                                 Reader& reader);

}  // namespace holdfast::cli
