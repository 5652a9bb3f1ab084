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
    /// What was evaluated when the process ended without a word: each record is noted there.
    std::vector<flow::Stretch> suspects;
    /// One record at a time, since one of `known` may come at once.
    bool is_careful = false;
    flow::Witness* witness = nullptr;  ///< Null: nobody wants to know.
};

}  // namespace holdfast::io
