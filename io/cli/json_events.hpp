// One JSON value as jq's `--stream` gives it: a path and a leaf for each leaf, a path alone where a
// container ends.
//
// Rule 1: leaves are scalars and empty containers; each keeps its bytes.
// Bound: the value's nodes, and a path for each level.
// Doesn't know: where values come from.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/jq/tape.hpp"

namespace holdfast::cli {

class JsonEvents {
public:
    /// False: it is no JSON, see problem(). Requires Program::padding readable bytes behind it.
    /// Lives: the text until next() says that there is no more.
    bool begin(std::string_view value);
    /// False: that was all of the value.
    bool next(std::string& event);
    const std::string& problem() const { return problem_; }

private:
    struct Level {
        jq::NodeId end;
        bool is_array;
        std::size_t index = 0;
        std::size_t path_before = 0;  ///< Bytes of the path without this level's key.
    };
    void enter_key(const jq::Node& node);

    jq::Tape tape_;
    jq::Nodes nodes_;
    jq::NodeId at_ = 0;
    std::vector<Level> levels_;
    std::string path_;  ///< The keys so far, with commas between them.
    std::string problem_;
};

}  // namespace holdfast::cli
