// What is ordered of devices and not answered, and since when: for a person who asks what a pipeline
// waits for. Reads each effect and event that passes; decides nothing.
//
// Bound: a few numbers for each source and sink, and for each write that is not answered.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/base/time.hpp"
#include "core/model/effect.hpp"
#include "core/model/event.hpp"

namespace holdfast::io {

class Pending {
public:
    void ordered(Instant now, const Effect& effect);
    void answered(Instant now, const Event& event);

    /// "the answer to a write, for 12.3 s (attempt 3)"; empty: for nothing.
    std::string of(SinkId sink, Instant now) const;
    /// Since when; `never`: it waits for nothing.
    Instant since(SinkId sink) const;
    std::string of(SourceId source, Instant now) const;
    std::string of_transforms(Instant now) const;
    std::string of_dead_letters(Instant now) const;
    std::string of_checkpoint(Instant now) const;

private:
    struct Write {
        DeliveryId delivery;
        std::uint32_t attempt = 0;
        SinkId sink;
        Instant since{};
    };
    struct SinkWait {
        bool failed =
            false;  ///< The last answer was not "delivered", and nothing was written since.
        SinkOutcome outcome{};
        std::uint32_t attempt = 0;
        Instant failed_at{};
        bool syncing = false;
        Instant sync_since{};
    };
    struct SourceWait {
        std::uint32_t pulls = 0;
        Instant since{};
        bool idle = false;  ///< It said that there is nothing now.
        bool failed = false;
        bool ended = false;
    };
    struct Stored {
        bool open = false;
        bool failed = false;
        Instant since{};
    };

    const Write* oldest(SinkId sink) const;
    void closed_pull(SourceId source);

    std::vector<Write> writes_;
    std::array<SinkWait, sinks_limit> sinks_{};
    std::array<SourceWait, sources_limit> sources_{};
    std::uint32_t transforms_ = 0;
    Instant transform_since_{};
    Stored dead_;
    Stored checkpoint_;
};

}  // namespace holdfast::io
