// What a pipeline takes from the process that it runs in: a ring, requests to stop, its data
// directory, memory. RealProcess is this process; the simulator has one of its own (sim/joint_*).
//
// Rule 1: a pipeline asks nobody else, so what drives it in the simulator is what drives it here.
//         Exceptions, which say nothing of records: how many files may be open, and whether
//         an input is a file of the data directory, or standard input or output what is written.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "io/devices/data_dir.hpp"
#include "io/memory_guard.hpp"
#include "io/ring.hpp"
#include "io/runner/choose_ring.hpp"
#include "io/runner/last_words.hpp"
#include "io/runner/signals.hpp"

namespace holdfast::io {

class Process {
public:
    virtual ~Process() = default;
    /// The ring of one life. Null: `why` says why there is none. Else `why` is for the log, or empty.
    virtual std::unique_ptr<Ring> make_ring(std::string& why) = 0;
    virtual StopRequests& stops() = 0;
    /// Makes the data directory and holds it until the end of the process. Empty, or for the user:
    /// what is wrong, and what to do.
    virtual std::string take_data_dir(const std::string& path) = 0;
    /// `config_bytes`: see find_memory_limit.
    virtual MemoryGuard memory_guard(std::uint64_t config_bytes) = 0;
    /// A process that was asked to stop and has not ended after so long is ended as it is.
    virtual void allow_to_end_in(Duration) {}
    /// What says, before that, what hangs. Called on any thread.
    virtual void name_what_hangs(std::function<void()>) {}
    /// Whom programs heed while they run.
    virtual const Hurry& hurry() const {
        static const Hurry none;
        return none;
    }
    /// What the last life said before it ended. Null: nobody listens.
    virtual std::unique_ptr<LastWords> last_words(const PipelineConfig&, const Log&) { return {}; }
    /// Between two lives. False if somebody asked to stop.
    virtual bool wait(Duration duration) = 0;
};

class RealProcess final : public Process {
public:
    /// Lives: `signals` as long as this.
    RealProcess(RingChoice ring, Signals& signals) : choice_(ring), signals_(signals) {}

    std::unique_ptr<Ring> make_ring(std::string& why) override;
    StopRequests& stops() override { return signals_; }
    std::string take_data_dir(const std::string& path) override;
    MemoryGuard memory_guard(std::uint64_t config_bytes) override;
    void allow_to_end_in(Duration timeout) override { signals_.watchdog().allow(timeout); }
    void name_what_hangs(std::function<void()> words) override {
        signals_.watchdog().say_with(std::move(words));
    }
    const Hurry& hurry() const override { return signals_.watchdog().hurry(); }
    std::unique_ptr<LastWords> last_words(const PipelineConfig& pipeline, const Log& log) override {
        return std::make_unique<LastWords>(pipeline, log);
    }
    bool wait(Duration duration) override;

private:
    RingChoice choice_;
    Signals& signals_;
    std::optional<DataDir> data_dir_;
};

}  // namespace holdfast::io
