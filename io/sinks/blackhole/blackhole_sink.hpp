// A sink that takes everything and keeps nothing: for trying things out, and for measuring.
#pragma once

#include "io/device.hpp"

namespace holdfast::io {

class BlackholeSink : public Sink {
public:
    explicit BlackholeSink(Events& events) : events_(events) {}

    void start() override {}
    void write(const WriteToSink& write, std::span<const Part>) override {
        events_.push(SinkAnswered{.delivery = write.delivery,
                                  .attempt = write.attempt,
                                  .outcome = SinkOutcome::delivered,
                                  .retry_after = Duration{0},
                                  .mark = 0});
    }
    void cancel(const CancelWrite&) override {}
    void sync(const SyncSink& sync) override {
        events_.push(SinkSynced{sync.sink, sync.sync, StoreOutcome::ok});
    }

private:
    Events& events_;
};

}  // namespace holdfast::io
