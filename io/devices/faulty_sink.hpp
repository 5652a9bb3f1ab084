// Faults for people: any sink, failing now and then, for demos and tests.
//
// Rule 1: every fault is a function of the seed and of what it is about (the attempt; for refusals
//         the record's own bytes), never of the clock or of what happened before.
// Rule 2: a record is refused always or never, on each attempt and after each restart: the same
//         records become dead letters however often the process is killed.
// Rule 3: failed, throttled and refused writes never reach the sink. Of the ambiguous ones one half
//         does; they are then cancelled there, so that a sink that can take a write back (a file)
//         does, and holds it once after the retry. Other sinks hold it twice, as they do in life.
// Rule 4: a sync that fails doesn't reach the sink. Which ones fail differs from life to life: else
//         a pipeline that begins again would come to the same one for ever.
// Bound: with a latency one write after the other.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <vector>

#include "io/device.hpp"
#include "io/payloads.hpp"
#include "io/ring.hpp"
#include "io/sink_words.hpp"
#include "io/task.hpp"

namespace holdfast::io {

struct FaultySinkConfig {
    SinkId id;
    std::uint32_t fail_permille = 0;          ///< Attempts answered retriable.
    std::uint32_t throttle_permille = 0;      ///< Attempts answered throttled.
    std::uint32_t ambiguous_permille = 0;     ///< Attempts answered ambiguous.
    std::uint32_t refuse_permille = 0;        ///< Records refused for good.
    std::uint32_t sync_fail_permille = 0;     ///< Syncs answered failed.
    std::uint32_t life = 0;                   ///< Of the pipeline in this process: rule 4.
    Duration retry_after = milliseconds(50);  ///< With throttled.
    Duration latency{0};                      ///< Before each write.
    std::uint64_t seed = 0;
    SinkWords* words = nullptr;  ///< Where it says why, if anybody listens. Lives: as long as this.
};

class FaultySink : public Sink {
public:
    /// `make` makes the sink that does the work, and gives its answers to these Events.
    /// Lives: all references as long as this.
    FaultySink(Ring& ring, Payloads& payloads, Events& events, const FaultySinkConfig& config,
               const std::function<std::unique_ptr<Sink>(Events&)>& make);

    void start() override { inner_->start(); }
    void write(const WriteToSink& write, std::span<const Part> parts) override;
    void cancel(const CancelWrite& cancel) override;
    void sync(const SyncSink& sync) override;

    DeviceState state() const override { return inner_->state(); }
    Signal* changed() override { return inner_->changed(); }
    std::string problem() const override { return inner_->problem(); }
    const FileStat* file() const override { return inner_->file(); }
    Marks* marks() override { return inner_->marks(); }

private:
    enum class Fault : std::uint8_t { none, fail, throttle, refuse, lose, apply };
    struct Order {
        WriteToSink write;
        std::vector<Part> parts;
        Instant due{};
    };
    /// What the inner sink answers comes here first.
    class Answers : public Events {
    public:
        explicit Answers(FaultySink& owner) : owner_(owner) {}
        void push(const Event& event) override { owner_.answered(event); }

    private:
        FaultySink& owner_;
    };

    Task<> serve();
    void decide(const Order& order);
    Fault fault_of(const Order& order) const;
    bool rolls(std::uint64_t site, const WriteToSink& write, std::uint32_t permille) const;
    bool refuses_any(std::span<const Part> parts) const;
    void answer(const Order& order, SinkOutcome outcome, std::string_view why);
    void answered(const Event& event);

    Ring& ring_;
    Payloads& payloads_;
    Events& events_;
    FaultySinkConfig config_;
    Answers answers_{*this};
    std::unique_ptr<Sink> inner_;
    std::list<Order> orders_;  ///< Those that wait for the latency.
    struct Applied {
        DeliveryId delivery;
        std::uint32_t attempt = 0;
    };
    std::vector<Applied> applied_;  ///< At the inner sink, to be answered ambiguous.
    bool busy_ = false;
    Scope scope_;
};

}  // namespace holdfast::io
