// The callbacks of the C library as ports of a pipeline.
//
// Rule: `destroy` is called once, when the port is destroyed.
#pragma once

#include <memory>

#include "io/embed/ports.hpp"
#include "io/embed_c/holdfast.h"

namespace holdfast::embed {

std::unique_ptr<Source> source_of(const holdfast_source& calls);
std::unique_ptr<Sink> sink_of(const holdfast_sink& calls);
std::unique_ptr<Transformer> transformer_of(const holdfast_transform& calls);
std::unique_ptr<DeadLetterQueue> queue_of(const holdfast_dead_letters& calls);

}  // namespace holdfast::embed
