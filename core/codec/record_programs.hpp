// What stands at the two ends of the graph of transforms, where records are no lines: a source's
// records become lines of JSON, a sink's lines become what it wants.
//
// Rule 1: a decoder validates each record whole: what it gives is JSON. An element of an array keeps
//         its very bytes unless it has a newline in it; then the white space between its tokens goes.
// Rule 2: a record that cannot be read is an outcome of it alone: Verdict::fail, `unreadable`.
// Bound: scratch memory of one record, given back after a large one; of lines, 8 bytes for each of a
//        batch.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "core/codec/record_scan.hpp"
#include "core/data/program.hpp"

namespace holdfast::codec {

/// Appends valid JSON without the white space between its tokens.
void append_compact(std::span<const std::byte> json, std::vector<std::byte>& out);

/// To lines of JSON. Of lines: keeps those that are JSON; with a look ahead the structure of many is
/// found at one go.
std::unique_ptr<Program> make_decoder(Framing framing);
/// From lines of JSON to msgpack. What it appends has no '\n'.
std::unique_ptr<Program> make_encoder();

/// A record of a batch or a file as people read it: MsgPack as JSON, or what that cannot be as it stands;
/// of all others the payload.
std::string shown_record(Framing framing, std::span<const std::byte> record);

}  // namespace holdfast::codec
