// A source that is pushed into: records come from threads of your own (an HTTP server's, say), and each
// hears when it is settled, so that its sender can be told.
//
//   Inlet inlet;
//   pipeline.add_source("http", inlet.source());
//   inlet.try_push(record, [](bool settled) { ... });   // from any thread, before or while it runs
//
// Rule 1: what was taken is told once: settled (every sink has it, or the dead-letter queue durably
//         holds it), or not, when the pipeline is destroyed without that. Whoever hears `false` knows nothing:
//         its sinks may have the record. A record that was not taken is told nothing.
// Rule 2: records go on in the order in which they were taken. They are told in that order, too, on a
//         thread of the pipeline: so quickly, or what comes behind waits. What it throws is caught.
// Rule 3: nothing is kept: after a crash the senders, who were told nothing, send again.
// Bound: what waits to be pulled is within Limits, at least one record; what was pulled counts against
//        Config::memory_limit.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "io/embed/ports.hpp"

namespace holdfast::embed {

class Inlet {
public:
    struct Limits {
        std::uint64_t bytes = 8u << 20;  ///< As bytes_of() counts them.
        std::uint32_t records = 65'536;
    };
    enum class Pushed : std::uint8_t {
        taken,
        full,    ///< Not taken: so much waits already. Later there is room.
        closed,  ///< Not taken: close() was called, or the pipeline's end is destroyed.
    };
    using Settled = std::function<void(bool settled)>;

    Inlet() : Inlet(Limits{}) {}
    explicit Inlet(Limits limits);
    /// Closes it.
    ~Inlet();
    Inlet(const Inlet&) = delete;

    /// The pipeline's end of it. Call once. Lives: as long as it likes; the two need not meet again.
    std::unique_ptr<Source> source();

    /// Never waits for room. `settled` may be empty. Its record's id and sinks are the pipeline's affair.
    Pushed try_push(Record record, Settled settled = {});

    /// Nothing more will come: the source ends after what was taken.
    void close();

    struct State;

private:
    class End;
    std::shared_ptr<State> state_;
};

}  // namespace holdfast::embed
