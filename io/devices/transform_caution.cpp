// The transform stage around records on which the process died: rule 6.
#include "core/base/assert.hpp"
#include "io/devices/transform_stage.hpp"

namespace holdfast::io {
namespace {

// What may be pulled and not evaluated while the record comes nearer.
constexpr std::int64_t near_bytes = std::int64_t{16} << 20;

}  // namespace

void TransformStage::take_care(const Caution& caution) {
    HF_ASSERT(!threads_ || caution.known.empty());
    caution_ = &caution;
    seen_.assign(caution.known.size(), -1);
    deadly_.clear();
    for (const Caution::Known& known : caution.known)
        if (known.is_sure && caution.sets_aside) deadly_.push_back({known.spot, known.why});
}

bool TransformStage::is_careful(SourceId source) const {
    if (caution_ == nullptr) return false;
    if (caution_->is_careful) return true;
    for (std::size_t i = 0; i < seen_.size(); ++i) {
        const Caution::Known& known = caution_->known[i];
        const flow::Spot& spot = known.spot;
        // All before it is to come out, wherever its file turns up.
        if (spot.source == source.index && seen_[i] < 0 && known.is_sure && !caution_->sets_aside)
            return true;
        if (spot.source == source.index && seen_[i] >= 0 && seen_[i] <= spot.position &&
            spot.position - seen_[i] <= near_bytes)
            return true;
    }
    return false;
}

/// A slice that was evaluated when the process ended without a word is watched record by record.
void TransformStage::take_care_of(flow::Input& input) const {
    if (caution_ == nullptr) return;
    const flow::Stretch here = input.stretch();
    for (const flow::Stretch& suspect : caution_->suspects)
        if (suspect.overlaps(here)) input.witness = caution_->witness;
    if (is_careful(input.source)) input.witness = caution_->witness;
}

/// With threads, and where there is nothing to remember or to watch.
bool TransformStage::runs_beside(const flow::Input& input) const {
    return threads_ && !plan_.reach(input.source).remembers && input.witness == nullptr;
}

void TransformStage::begin(Evaluation& evaluation) {
    if (caution_ == nullptr || caution_->witness == nullptr) return;
    evaluation.noted = caution_->witness->begins(evaluation.input.stretch());
}

void TransformStage::finished(const Evaluation& evaluation) {
    if (caution_ == nullptr || caution_->witness == nullptr) return;
    caution_->witness->ends(evaluation.noted);
}

std::vector<std::shared_ptr<const flow::Place>> TransformStage::places() const {
    auto out = threads_ ? threads_->places() : std::vector<std::shared_ptr<const flow::Place>>();
    out.push_back(evaluator_.place());
    return out;
}

/// True: the order stays unanswered, since in it is what must not be evaluated.
bool TransformStage::stops_before(const Transform& order) {
    const Payload& payload = payloads_.at(order.batch);
    const std::uint64_t partition = numbers_.number(payload.source, payload.partition);
    const std::int64_t first = payload.first.value;
    const std::int64_t end = payloads_.position_at(order.batch, payload.bytes.size()).value;
    for (std::size_t i = 0; i < seen_.size(); ++i) {
        const Caution::Known& known = caution_->known[i];
        if (known.spot.source != payload.source.index || known.spot.partition != partition)
            continue;
        seen_[i] = end;
        if (!known.is_sure || caution_->sets_aside || reached_ != nullptr) continue;
        if (known.spot.position < first || known.spot.position >= end) continue;
        reached_ = &known;
        reached_in_ = payload.partition;
    }
    return reached_ != nullptr && payload.source.index == reached_->spot.source;
}

}  // namespace holdfast::io
