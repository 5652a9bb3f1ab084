// The simulated ring against the suite that the kernel's rings pass: benign, and with chance only
// where it may not show (latency, order, the instant at which a write's bytes are taken).
#include <catch2/catch.hpp>

#include "sim/sim_ring.hpp"
#include "tests/io/ring_suite.hpp"

namespace holdfast::io {
namespace {

template <std::uint64_t seed>
class SimWorld : public RingWorld {
public:
    SimWorld() { disk_.make_directories("/world"); }
    Ring& ring() override { return ring_; }
    std::string path(std::string_view name) override { return "/world/" + std::string(name); }

private:
    sim::Seeded choices_{seed};
    sim::SimClock clock_;
    sim::SimDisk disk_{choices_};
    sim::SimRing ring_{disk_, clock_, choices_, {.latency_us_max = seed * 100, .slow = 10}};
};

}  // namespace

#define HF_SIM_RING_TEST(sentence, check)                                           \
    TEMPLATE_TEST_CASE(sentence, "[ring]", SimWorld<0>, SimWorld<1>, SimWorld<2>) { \
        TestType world;                                                             \
        ring_suite::check(world);                                                   \
    }

HF_SIM_RING_TEST("the simulated ring opens and closes files", opens_and_closes)
HF_SIM_RING_TEST("the simulated ring reads and writes at offsets", reads_and_writes_at_offsets)
HF_SIM_RING_TEST("the simulated ring appends and streams", appends_and_streams)
HF_SIM_RING_TEST("the simulated ring syncs and truncates", syncs_and_truncates)
HF_SIM_RING_TEST("the simulated ring tells a file's size, identity and kind", stats)
HF_SIM_RING_TEST("the simulated ring renames, unlinks and makes directories", changes_names)
HF_SIM_RING_TEST("the simulated ring lists directories", lists)
HF_SIM_RING_TEST("the simulated ring completes timeouts in order and not early", times_out)
HF_SIM_RING_TEST("the simulated ring cancels a timeout", cancels_a_timeout)
HF_SIM_RING_TEST("the simulated ring completes each operation once and from run",
                 completes_from_run_only)
HF_SIM_RING_TEST("the simulated ring takes a thousand operations at once", takes_a_thousand_at_once)
HF_SIM_RING_TEST("the simulated ring lets callbacks start more", lets_callbacks_start_more)
HF_SIM_RING_TEST("the simulated ring abandons reads in flight and can go on", abandons_files)
HF_SIM_RING_TEST("the simulated ring locks a file for one descriptor", locks)

}  // namespace holdfast::io
