// How much a node, a slice and a batch may make: rule 2 of evaluate.hpp.
#include <algorithm>

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"
#include "core/data/flow/evaluate.hpp"

namespace holdfast::flow {

std::size_t most_written(const Plan& plan, const Limits& limits, SourceId source,
                         std::size_t input) {
    std::size_t most = limits.slice_bytes;
    const Reach& reach = plan.reach(source);
    for (const std::uint32_t i : reach.streams)
        most += input + reach.stream_ways[i] *
                            (limits.record_bytes_of(source) +
                             (plan.framing(i) == codec::Framing::lines ? 0 : limits.slice_bytes));
    return most;
}

/// What this node may make of one record of any source.
std::size_t Evaluator::most_of(std::uint32_t node) const {
    std::size_t most = 0;
    for (std::uint16_t i = 0; i < plan_.sources(); ++i)
        most = std::max(most, record_limit(node, SourceId{i}));
    return most;
}

bool Evaluator::has_room(std::size_t length) const {
    if (result_->end - input_->begin + length > input_->bytes_max) return false;
    return !input_->may_end_early || written() <= limits_.slice_bytes;
}

std::size_t Evaluator::written() const {
    std::size_t sum = why_bytes_ + result_->dead.size();
    for (const std::uint32_t i : plan_.reach(input_->source).streams)
        sum += result_->streams[i].size();
    return sum;
}

void Evaluator::too_much(std::uint32_t node, const Record& record, Room room) {
    const NodeType type = plan_.nodes()[node].spec.type;
    const std::size_t limit =
        room == Room::batch_full ? limits_.slice_bytes : record_limit(node, input_->source);
    std::string text = "program error: ";
    if (type == NodeType::decode || type == NodeType::encode)
        text +=
            std::string("the record as ") + form_name(plan_.nodes()[node].spec.makes) + " exceeds ";
    else
        text += std::string("outputs of a ") + (room == Room::batch_full ? "batch" : "record") +
                " exceed ";
    text += std::to_string(limit) + " bytes";
    if (room == Room::batch_full && input_->may_be_given_up) {
        result_->failure = {node, text, input_->position_at(record.origin), true};
        return;
    }
    fail(node, record, Reason::failed, text, plan_.nodes()[node].spec.on_error);
}

/// What this node may make of one record of the source.
std::size_t Evaluator::record_limit(std::uint32_t node, SourceId source) const {
    const NodeType type = plan_.nodes()[node].spec.type;
    const std::size_t one = limits_.record_bytes_of(source);
    if (type == NodeType::decode || type == NodeType::encode)
        return std::max(one, limits_.slice_bytes);
    return one * (mutant(187) ? ways_most : plan_.reach(source).ways[node]);
}

/// May this node make so many bytes more? If so, it has.
Evaluator::Room Evaluator::room_for(std::uint32_t node, std::size_t bytes) {
    std::size_t& made = made_[mutant(184) ? 0 : node];
    if (made + bytes > record_limit(node, input_->source)) return Room::record_full;
    const std::size_t made_all = mutant(185) ? written() : made_all_[node];
    if (!input_->may_end_early && made_all > limits_.slice_bytes) return Room::batch_full;
    made += bytes;
    made_all_[node] += bytes;
    return Room::enough;
}

}  // namespace holdfast::flow
