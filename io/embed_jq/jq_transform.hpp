// jq programs as transformers of embedded pipelines.
//
//   auto shape = embed::jq_transform("select(.level != \"debug\") | .id = $meta.id");
//   if (shape) pipeline.set_transform(std::move(*shape));
//
// Rule 1: each output of the program is a record with the headers, key, id and sinks of the one that
//         it came from; a record that the program doesn't change goes on with its very bytes.
// Rule 2: MsgPack is read as the JSON that it means (core/codec/convert.hpp); outputs are JSON.
// Rule 3: a record that can't be parsed, or on which the program fails, is a dead letter
//         ("parse error: ...", "program error: ..."), or fails its batch.
// Rule 4: a record on which a bound of the program is reached (ProgramSettings) is one on which it
//         fails.
// `$meta` is as docs/jq.md says; its partition is the number that the source gave.
#pragma once

#include <expected>
#include <memory>
#include <string_view>

#include "io/embed/ports.hpp"
#include "io/jq/compile.hpp"

namespace holdfast::embed {

/// What becomes of a record on which the program fails.
enum class OnFailure : std::uint8_t { dead_letter, stop };

/// The Failure is jq's words on what is wrong with the program.
std::expected<std::unique_ptr<Transformer>, Failure> jq_transform(
    std::string_view program, OnFailure on_failure = OnFailure::dead_letter,
    const ProgramSettings& settings = {});

/// Keeps the records for which the condition gives neither false nor null.
std::expected<std::unique_ptr<Transformer>, Failure> jq_filter(
    std::string_view condition, OnFailure on_failure = OnFailure::dead_letter,
    const ProgramSettings& settings = {});

}  // namespace holdfast::embed
