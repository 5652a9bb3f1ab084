// `$meta` as JSON: {"source":"in","partition":"5f0c...","position":1200,"id":"in:5f0c...:1200",
// "key":"k","headers":{"trace":"abc"},"timestamp":1767225600000}; what a record hasn't is not
// there, so that `$meta.key` is null.
//
// Rule 1: keys and values of headers that are no UTF-8 are {"base64":"..."}; in names of headers such
//         bytes are U+FFFD each. Of equal names the last one counts.
#pragma once

#include <string>
#include <string_view>

#include "core/data/program.hpp"

namespace holdfast::jq {

void append_meta(const RecordMeta& meta, std::string& out);
/// The name of a header as `$meta.headers` has it.
std::string header_name(std::string_view name);

}  // namespace holdfast::jq
