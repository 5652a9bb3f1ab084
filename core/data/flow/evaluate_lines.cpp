// What of a line is left out for who parses: evaluate.hpp, rule 7.
#include "core/base/mutant.hpp"
#include "core/data/flow/evaluate.hpp"
#include "core/data/flow/readable.hpp"

namespace holdfast::flow {

/// A byte order mark of a partition's head.
bool Evaluator::has_mark(std::span<const std::byte> text, std::size_t origin) const {
    const bool is_head = (origin == 0 && input_->position == 0) || mutant(152);
    return is_head && input_->framing == codec::Framing::lines && begins_with_mark(text);
}

/// From here on it has bytes of its own, so that no stream keeps the mark.
Evaluator::Record Evaluator::without_mark(const Record& record) const {
    if (record.length == 0 || !has_mark(record.text, record.origin)) return record;
    return {record.text.subspan(mark_size), record.origin, 0, record.extras};
}

/// Is it a line that nobody parses? What was decoded is one, too; a value of MsgPack isn't.
bool Evaluator::leaves_out(std::uint32_t node, const Record& record) const {
    const NodeSpec& spec = plan_.nodes()[node].spec;
    if (!spec.skip_blank || (!parses_[node] && !mutant(151))) return false;
    // An empty payload is no blank line.
    if (record.extras != nullptr || codec::has_any_bytes(input_->framing)) return false;
    const bool is_line = record.length == 0 || input_->framing == codec::Framing::lines;
    return is_line && is_blank(record.text);
}

}  // namespace holdfast::flow
