// The transform stage: takes Transform orders, answers with shares and SliceTransformed.
//
// Rule 1: a batch that comes out as it went in stays where it is: no copy. Otherwise its outputs
//         are written once, into the batch's own block where they fit, and its input is forgotten
//         (`freed`), or into a block of the pool.
// Rule 2: no deadlock by memory: where the pool has no room a source may have one slice's outputs
//         on the heap; its next slice waits until these are gone or the pool has room. Each bounded
//         by Limits; all of it is counted in `held`.
// Rule 3: slices of one source are answered in the order in which they were ordered.
//         A program that may make much of little is given little first, and more as it proves how
//         much it makes (pull_bytes_max).
// Rule 4: with threads batches are evaluated beside the ring's thread, save where the graph
//         remembers records: then in order, on the ring's thread.
// Rule 5: a record that fails by a policy "stop" stops the pipeline before its batch.
// Rule 6: a record that surely ends the process is not evaluated: it is set aside, or its batch is
//         left as it is and the pipeline told (reached()). Around it batches are of one record.
//         What is evaluated is told to the witness first; what is suspected, record by record.
// Bound: Limits for each source, and for the evaluator.
// Doesn't know: what programs do, where sinks write.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/data/flow/evaluate.hpp"
#include "core/data/flow/plan.hpp"
#include "io/death_watch.hpp"
#include "io/device.hpp"
#include "io/devices/caution.hpp"
#include "io/devices/transform_threads.hpp"
#include "io/log.hpp"
#include "io/payloads.hpp"
#include "io/ring.hpp"

namespace holdfast::io {

/// What stands for a record's origin over restarts: for sampling, and `$meta`.
class PartitionNumbers {
public:
    virtual ~PartitionNumbers() = default;
    virtual std::uint64_t number(SourceId source, PartitionId partition) const = 0;
    /// The source's name.
    virtual std::string_view source(SourceId) const { return {}; }
};

class TransformStage {
public:
    /// Compiles the programs for one evaluator.
    using MakePrograms = std::function<std::vector<flow::NodePrograms>()>;

    /// `threads`: beside the ring's own; 0: none.
    TransformStage(Ring& ring, const flow::Plan& plan, const MakePrograms& make,
                   const flow::Limits& limits, std::uint32_t threads,
                   const PartitionNumbers& numbers, Payloads& payloads, Events& events, Log log);

    /// Before the first order. A whole batch whose outputs are too much is not answered then.
    void give_up_what_is_too_much() { gives_up_ = true; }
    /// That happened: its source is to be read again, in slices.
    bool gave_up() const { return gave_up_; }
    /// Before the first order. Lives: `caution` as long as this. Where it knows records there are
    /// no threads.
    void take_care(const Caution& caution);
    /// Whether batches of this source should be of one record.
    bool is_careful(SourceId source) const;
    /// A record that is to stop the pipeline, once its turn has come; else null.
    const Caution::Known* reached() const { return reached_; }
    PartitionId reached_in() const { return reached_in_; }
    /// Where each evaluator is.
    std::vector<std::shared_ptr<const flow::Place>> places() const;

    /// A program was ended because somebody is in a hurry: its order stays unanswered, and so do all
    /// of its source from then on. Null: none was.
    const flow::Result::Failure* ended() const { return ended_ ? &*ended_ : nullptr; }

    void transform(const Transform& order);
    /// Batches were released: what waits for memory may go on. Cheap if nothing waits.
    void wake();

    /// How much input a batch of this source should have, so that its outputs fit.
    std::uint32_t pull_bytes_max(SourceId source) const { return lanes_[source.index].input_max; }

    const std::vector<flow::NodeCounts>& counts() const { return counts_; }
    /// Why Fate::stop was answered: for the user. Empty: it wasn't.
    const std::string& problem() const { return problem_; }

private:
    struct Waiting {
        Transform order;
        std::unique_ptr<Evaluation> evaluation;  ///< Null: not begun.
        bool learned = false;
    };
    struct Lane {
        std::deque<Waiting> waiting;
        std::uint32_t input_max = UINT32_MAX;
        std::uint32_t input_cap = UINT32_MAX / 2;
        bool ended = false;   ///< One of its orders stays unanswered.
        bool learns = false;  ///< input_max, by what the programs made of the input so far.
        BatchId on_heap;      ///< The slice whose outputs are there; generation 0: none.
    };

    bool stops_before(const Transform& order);
    void serve(SourceId source);
    std::uint32_t grown_input_max() const;
    bool may_grow(std::uint16_t source) const;
    bool may_expand(std::uint16_t source, const std::vector<flow::NodePrograms>& programs) const;
    void learn(SourceId source, const flow::Result& result);
    bool evaluate(Waiting& next);
    flow::Input input_of(const Transform& order) const;
    bool runs_beside(const flow::Input& input) const;
    void take_care_of(flow::Input& input) const;
    void begin(Evaluation& evaluation);
    void finished(const Evaluation& evaluation);
    bool answer(const Transform& order, flow::Result& result);
    bool store(const Transform& order, flow::Result& result, SliceTransformed& answer);
    bool place(const Transform& order, flow::Result& result, Outputs& outputs, std::size_t size,
               SliceTransformed& answer);
    void say_shares(const Transform& order, SliceTransformed& answer);
    void stop(const Transform& order, const flow::Result& result);

    Ring& ring_;
    const flow::Plan& plan_;
    const PartitionNumbers& numbers_;
    Payloads& payloads_;
    Events& events_;
    Log log_;
    flow::Limits limits_;
    flow::Memory memory_;
    flow::Evaluator evaluator_;
    std::vector<std::unique_ptr<Evaluation>> spare_;
    std::vector<Lane> lanes_;  ///< By source.
    std::vector<std::uint8_t> run_of_sink_;
    std::vector<flow::NodeCounts> counts_;
    std::string problem_;
    DeathWatch death_watch_;
    const Caution* caution_ = nullptr;  ///< Null: nothing is known, and nothing is feared.
    std::vector<flow::Deadly> deadly_;
    std::vector<std::int64_t> seen_;  ///< By Caution::known: how far its partition was seen; -1.
    const Caution::Known* reached_ = nullptr;
    PartitionId reached_in_;
    std::optional<flow::Result::Failure> ended_;
    bool stopped_ = false;
    bool gives_up_ = false;
    bool gave_up_ = false;
    std::size_t waiting_ = 0;
    std::unique_ptr<TransformThreads> threads_;  ///< Last: they use what stands above.
};

}  // namespace holdfast::io
