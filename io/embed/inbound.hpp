// What comes in is judged before anything else is done with it: a filter on raw bytes, and the
// policy for what it, or the source itself, rejects.
//
// Rule 1: what is rejected goes one way with what the transform sets aside: the dead letters of a
//         slice, durable before any of its records goes to a sink.
// Rule 2: what is dropped, rejected or discarded is counted, and its tokens commit with the batch.
// Bound: nothing is kept between two calls.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/codec/raw_filter.hpp"
#include "io/embed/pipeline.hpp"

namespace holdfast::embed {

/// "user.id is missing", "level is \"bad\"", "debug is there".
std::string text_of(const codec::RawRule& rule);

/// Belongs to one thread.
class Inbound {
public:
    explicit Inbound(std::vector<codec::RawRule> rules);

    /// Takes out what the filter drops (their number is returned), and what it rejects: to the
    /// batch's dead letters.
    std::uint64_t judge(Batch& batch);

private:
    codec::RawFilter filter_;
};

/// The one routing point: what was rejected on the way in goes where the policy says, before what
/// the transform made of the slice.
void route_rejected(std::vector<DeadLetter> rejected, const Options& options, Output& output,
                    Report& report);

}  // namespace holdfast::embed
