// For benches of devices: each test runs on plain calls in place, on PosixRing and on UringRing.
//
// The virtual clocks and the faults stay those of the bench; what an operation does is the ring's.
#pragma once

#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "io/posix/posix_ring.hpp"
#include "io/uring/uring_ring.hpp"

namespace holdfast::io::test {

/// One of the rings, another each time that the test case is run; null: none, plain calls in place.
inline std::unique_ptr<Ring> any_ring() {
    const int which = GENERATE(0, 1, 2);
    if (which == 1) return std::make_unique<PosixRing>(1);
    if (which == 0) return nullptr;
    std::string why;
    std::unique_ptr<Ring> ring = UringRing::make(why);
    if (ring == nullptr) WARN("no io_uring here, plain calls instead: " << why);
    return ring;
}

/// Carries one operation out on a ring, with nothing beside it: its result.
inline std::int64_t perform_on(Ring& ring, const Op& wanted) {
    Op op = wanted;
    bool ended = false;
    op.owner = &ended;
    op.done = [](Op& o) { *static_cast<bool*>(o.owner) = true; };
    op.ring_data[0] = op.ring_data[1] = 0;
    ring.start(op);
    while (!ended) ring.run(ring.now() + seconds(1));
    return op.result;
}

}  // namespace holdfast::io::test
