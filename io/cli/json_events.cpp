// See json_events.hpp.
#include "io/cli/json_events.hpp"

#include <fmt/core.h>

#include <span>

namespace holdfast::cli {

bool JsonEvents::begin(std::string_view value) {
    nodes_.trim(0, jq::Tape::kept_bytes / sizeof(jq::Node));
    tape_.trim();
    levels_.clear();
    path_.clear();
    at_ = 0;
    if (tape_.read(std::as_bytes(std::span(value.data(), value.size())), nodes_)) return true;
    problem_ = fmt::format("{} (at byte {} of the value)", tape_.error(), tape_.error_offset());
    at_ = nodes_.count();
    return false;
}

/// The node's key in place of the one before it.
void JsonEvents::enter_key(const jq::Node& node) {
    Level& level = levels_.back();
    path_.resize(level.path_before);
    if (levels_.size() > 1) path_ += ',';
    if (level.is_array) {
        path_ += std::to_string(level.index++);
    } else {
        path_ += '"';
        path_.append(node.key, node.key_size);
        path_ += '"';
    }
}

bool JsonEvents::next(std::string& event) {
    if (!levels_.empty() && at_ == levels_.back().end) {
        event = "[[" + path_ + "]]";
        path_.resize(levels_.back().path_before);
        levels_.pop_back();
        return true;
    }
    while (at_ < nodes_.count()) {
        const jq::Node& node = nodes_[at_];
        if (!levels_.empty()) enter_key(node);
        ++at_;
        const bool is_container = node.kind == jq::Kind::array || node.kind == jq::Kind::object;
        if (!is_container || node.next == at_) {
            event = "[[" + path_ + "]," + std::string(node.bytes()) + "]";
            return true;
        }
        levels_.push_back({node.next, node.kind == jq::Kind::array, 0, path_.size()});
    }
    return false;
}

}  // namespace holdfast::cli
