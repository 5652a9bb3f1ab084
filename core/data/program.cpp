#include "core/data/program.hpp"

namespace holdfast {

std::string record_id(const RecordMeta& meta) {
    std::string id(meta.source);
    id += ':';
    id += meta.partition;
    id += ':';
    id += std::to_string(meta.position);
    return id;
}

}  // namespace holdfast
