// The kernel's rings against the suite, and what is special in each.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

#include "io/posix/posix_ring.hpp"
#include "io/runner/choose_ring.hpp"
#include "io/uring/uring_ring.hpp"
#include "tests/io/ring_suite.hpp"

namespace holdfast::io {
namespace {

class KernelWorld : public RingWorld {
public:
    KernelWorld() {
        std::string name = (std::filesystem::temp_directory_path() / "hf_ring_XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        root_ = name;
    }
    ~KernelWorld() override { std::filesystem::remove_all(root_); }
    Ring& ring() override { return *ring_; }
    std::string path(std::string_view name) override { return root_ + "/" + std::string(name); }

protected:
    std::unique_ptr<Ring> ring_;

private:
    std::string root_;
};

struct UringWorld : KernelWorld {
    UringWorld() {
        std::string why;
        ring_ = UringRing::make(why);
        if (ring_ == nullptr) WARN("skipped, no io_uring: " << why);
    }
    bool there() const { return ring_ != nullptr; }
};

struct PosixWorld : KernelWorld {
    PosixWorld() { ring_ = std::make_unique<PosixRing>(); }
    static bool there() { return true; }
};

}  // namespace

#define HF_RING_TEST(sentence, check)                                \
    TEMPLATE_TEST_CASE(sentence, "[ring]", UringWorld, PosixWorld) { \
        TestType world;                                              \
        if (world.there()) ring_suite::check(world);                 \
    }

HF_RING_TEST("a ring opens and closes files", opens_and_closes)
HF_RING_TEST("a ring reads and writes at offsets", reads_and_writes_at_offsets)
HF_RING_TEST("a ring appends and streams", appends_and_streams)
HF_RING_TEST("a ring syncs and truncates", syncs_and_truncates)
HF_RING_TEST("a ring tells a file's size, identity and kind", stats)
HF_RING_TEST("a ring renames, unlinks and makes directories", changes_names)
HF_RING_TEST("a ring lists directories", lists)
HF_RING_TEST("a ring completes timeouts in order and not early", times_out)
HF_RING_TEST("a ring cancels a timeout", cancels_a_timeout)
HF_RING_TEST("a ring completes each operation once and from run", completes_from_run_only)
HF_RING_TEST("a ring takes a thousand operations at once", takes_a_thousand_at_once)
HF_RING_TEST("a ring lets callbacks start more", lets_callbacks_start_more)
HF_RING_TEST("a ring abandons reads in flight and can go on", abandons_files)
HF_RING_TEST("a ring locks a file for one descriptor", locks)
HF_RING_TEST("a ring locks others out until the file is closed", locks_others_out)
HF_RING_TEST("a ring closes what was opened when it is abandoned", abandons_opens)
HF_RING_TEST("a ring cancels a blocked read", cancels_a_blocked_read)
HF_RING_TEST("a ring abandons blocked operations", abandons_blocked_operations)
HF_RING_TEST("a ring sends and receives", speaks_over_sockets)
HF_RING_TEST("a ring receives without waiting where it is asked to", receives_without_waiting)
HF_RING_TEST("a ring takes a datagram, and tells how long it was", takes_datagrams)
HF_RING_TEST("a ring connects and accepts", connects_and_accepts)
HF_RING_TEST("a ring ends a send that a peer has no room for", sends_in_part)
HF_RING_TEST("a ring accepts many at the same time, and closes them when it is abandoned",
             accepts_many)
HF_RING_TEST("a ring polls", polls)
HF_RING_TEST("a ring can end a write that a pipe has no room for", fills_a_pipe)

TEMPLATE_TEST_CASE("a ring with a dozen operations that hang still does the next one", "[ring]",
                   UringWorld, PosixWorld) {
    TestType world;
    if (!world.there()) return;
    const std::string pipe = world.path("pipe");
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    std::array<Op, 12> hung;
    for (Op& op : hung) {
        op = Op{.kind = OpKind::open, .flags = O_RDONLY, .path = pipe.c_str()};
        op.done = [](Op&) {};
        world.ring().start(op);
    }
    const std::string path = world.path("a");
    const Op next{
        .kind = OpKind::open, .flags = O_RDWR | O_CREAT, .mode = 0600, .path = path.c_str()};
    const std::int64_t fd = perform(world.ring(), next);
    CHECK(fd >= 0);
    CHECK(perform(world.ring(), Op{.kind = OpKind::close, .fd = static_cast<int>(fd)}) == 0);
    const int writer = ::open(pipe.c_str(), O_RDWR | O_CLOEXEC);  // Lets them go.
    world.ring().abandon();
    ::close(writer);
}

TEST_CASE("choose_ring honours the choice and explains a fallback", "[ring]") {
    std::string why = "stale";
    const auto posix = choose_ring(RingChoice::posix, why);
    REQUIRE(posix != nullptr);
    CHECK(posix->name() == std::string("posix"));
    CHECK(why.empty());

    // No descriptor is left for the ring: io_uring cannot be set up.
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    std::vector<int> fds;
    const int lowest = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::close(lowest);
    rlimit none{static_cast<rlim_t>(lowest), before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    const auto uring = choose_ring(RingChoice::uring, why);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    CHECK(uring == nullptr);
    CHECK(why.find("io_uring is not available") == 0);

    const auto automatic = choose_ring(RingChoice::automatic, why);
    REQUIRE(automatic != nullptr);
    CHECK((automatic->name() == std::string("io_uring")) == why.empty());
}

}  // namespace holdfast::io
