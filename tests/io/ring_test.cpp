// The kernel's rings against the suite, and what is special in each.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

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

#define HF_RING_TEST(sentence, check)                                   \
    TEMPLATE_TEST_CASE(sentence, "[ring]", UringWorld, PosixWorld) {    \
        TestType world;                                                 \
        if (world.there()) ring_suite::check(world);                    \
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
HF_RING_TEST("a ring cancels a blocked read", cancels_a_blocked_read)
HF_RING_TEST("a ring abandons blocked operations", abandons_blocked_operations)
HF_RING_TEST("a ring sends and receives", speaks_over_sockets)
HF_RING_TEST("a ring connects and accepts", connects_and_accepts)
HF_RING_TEST("a ring polls", polls)
HF_RING_TEST("a ring can end a write that a pipe has no room for", fills_a_pipe)

TEST_CASE("uring ring reads and writes through registered buffers", "[ring]") {
    UringWorld world;
    if (!world.there()) return;
    constexpr std::size_t size = 1 << 20;
    void* const memory =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    const std::span<std::byte> region(static_cast<std::byte*>(memory), size);
    auto& ring = static_cast<UringRing&>(world.ring());
    CHECK(ring.register_buffers(region));
    CHECK(ring.buffers_refused().empty());
    const std::string path = world.path("a");
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    std::memset(memory, 'r', 1000);
    const iovec inside{memory, 1000};
    CHECK(perform(ring, Op{.kind = OpKind::write, .fd = fd, .vectors = {&inside, 1}}) == 1000);
    const auto tail = region.subspan(size - 1000);
    CHECK(perform(ring, Op{.kind = OpKind::read, .fd = fd, .buffer = tail}) == 1000);
    CHECK(std::memcmp(tail.data(), memory, 1000) == 0);
    std::vector<std::byte> outside(1000);  // not registered: works all the same
    CHECK(perform(ring, Op{.kind = OpKind::read, .fd = fd, .buffer = outside}) == 1000);
    CHECK(std::memcmp(outside.data(), memory, 1000) == 0);
    ::close(fd);
    ring.abandon();
    ::munmap(memory, size);
}

TEST_CASE("uring ring goes on when the kernel refuses its buffers", "[ring]") {
    UringWorld world;
    if (!world.there()) return;
    auto& ring = static_cast<UringRing&>(world.ring());
    // An address that isn't mapped stands for a memory limit, which doesn't bind a root user.
    const std::span<std::byte> nowhere(reinterpret_cast<std::byte*>(4096), 4096);
    CHECK_FALSE(ring.register_buffers(nowhere));
    CHECK_FALSE(ring.buffers_refused().empty());
    CHECK(perform(ring, Op{.kind = OpKind::timeout, .at = ring.now()}) == -ETIME);
}

TEST_CASE("choose_ring honours the choice and explains a fallback", "[ring]") {
    std::string why = "stale";
    const auto posix = choose_ring(RingChoice::posix, {}, why);
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
    const auto uring = choose_ring(RingChoice::uring, {}, why);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    CHECK(uring == nullptr);
    CHECK(why.find("io_uring is not available") == 0);

    const auto automatic = choose_ring(RingChoice::automatic, {}, why);
    REQUIRE(automatic != nullptr);
    CHECK((automatic->name() == std::string("io_uring")) == why.empty());
}

}  // namespace holdfast::io
