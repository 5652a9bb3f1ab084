// What a pipeline knows of records on which its process died before, and what it does about them.
#pragma once

#include <string>
#include <vector>

#include "core/data/flow/place.hpp"

namespace holdfast::io {

struct Caution {
    struct Known {
        flow::Spot spot;
        std::string why;       ///< For the dead letter, and the halt.
        bool is_sure = false;  ///< It happened there often enough; else it is tried once more.
    };
    std::vector<Known> known;
    bool sets_aside = false;  ///< What is sure becomes a dead letter; else it stops the pipeline.
    /// One record at a time, each noted by the witness: nobody knows which one it was.
    bool is_careful = false;
    flow::Witness* witness = nullptr;

    bool empty() const { return known.empty() && !is_careful; }
};

}  // namespace holdfast::io
