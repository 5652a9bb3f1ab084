// `$meta` as JSON: {"source":"in","partition":"5f0c...","position":1200,"id":"in:5f0c...:1200"}.
#pragma once

#include <string>

#include "core/data/program.hpp"

namespace holdfast::jq {

void append_meta(const RecordMeta& meta, std::string& out);

}  // namespace holdfast::jq
