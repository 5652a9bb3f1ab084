// Run mode `parsed`: all records of a batch are parsed before its transform.
//
// Rule 1: a record that cannot be parsed goes by policy, alone (but with stop); the others keep
//         their order, and have their values beside them, one to one.
// Bound: one batch's nodes; a record that cannot be parsed makes the others be parsed twice.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "core/codec/parsed_batch.hpp"
#include "io/embed/ports.hpp"

namespace holdfast::embed {

/// Belongs to one thread.
class Parsing {
public:
    Parsing(const std::vector<std::string>& known_fields, codec::OnParseError policy)
        : batch_(parser_, known_fields), policy_(policy) {}

    /// Fills in the input's values, and takes out what cannot be parsed: the dead letters. A
    /// Failure with OnParseError::stop. `errors` counts. Lives: values until the next call.
    std::expected<std::vector<DeadLetter>, Failure> parse(Input& input, std::uint64_t& errors);

private:
    void parse_all(const std::vector<Record>& records);

    codec::Parser parser_;
    codec::ParsedBatch batch_;
    codec::OnParseError policy_;
};

}  // namespace holdfast::embed
