// Looking for what came again takes memory: one sink of a process does it at a time.
#pragma once

#include "io/task.hpp"

namespace holdfast::io {

struct LookTurn {
    bool taken = false;
    Signal free;
};

}  // namespace holdfast::io
