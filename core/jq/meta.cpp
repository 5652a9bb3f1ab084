#include "core/jq/meta.hpp"

#include "core/jq/text.hpp"

namespace holdfast::jq {

void append_meta(const RecordMeta& meta, std::string& out) {
    out += "{\"source\":";
    out += quoted(meta.source);
    out += ",\"partition\":";
    out += quoted(meta.partition);
    out += ",\"position\":";
    out += std::to_string(meta.position);
    out += ",\"id\":";
    out += quoted(record_id(meta));
    out += '}';
}

}  // namespace holdfast::jq
