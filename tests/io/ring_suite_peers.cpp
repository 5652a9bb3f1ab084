// The conformance checks that need pipes and sockets of the kernel.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cerrno>
#include <filesystem>

#include "tests/io/ring_suite.hpp"

namespace holdfast::io::ring_suite {
namespace {

struct Pipe {
    Pipe() { REQUIRE(::pipe2(fds.data(), O_CLOEXEC) == 0); }
    ~Pipe() {
        ::close(fds[0]);
        ::close(fds[1]);
    }
    std::array<int, 2> fds{};
};

/// Descriptors of this process that are open on the path.
int open_on(const std::string& path) {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone;
        count += std::filesystem::read_symlink(entry.path(), gone) == path ? 1 : 0;
    }
    return count;
}

std::string_view text(std::span<const std::byte> bytes, std::int64_t n) {
    return {reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(n)};
}

}  // namespace

void cancels_a_blocked_read(RingWorld& world) {
    Ring& ring = world.ring();
    Pipe pipe;
    std::array<std::byte, 16> buffer{};
    const Op read{.kind = OpKind::read, .fd = pipe.fds[0], .offset = -1, .buffer = buffer};
    Probe blocked(read);
    ring.start(blocked.op);
    CHECK(ring.run(ring.now() + milliseconds(2)) == 0);
    ring.cancel(blocked.op);
    CHECK(finish(ring, blocked) == -ECANCELED);
    Probe cancelled_at_once(read);
    ring.start(cancelled_at_once.op);
    ring.cancel(cancelled_at_once.op);
    CHECK(finish(ring, cancelled_at_once) == -ECANCELED);
    REQUIRE(::write(pipe.fds[1], "abc", 3) == 3);  // what was cancelled took nothing
    CHECK(perform(ring, read) == 3);
    CHECK(text(buffer, 3) == "abc");
}

void locks_others_out(RingWorld& world) {
    Ring& ring = world.ring();
    const std::string path = world.path("a");
    const int other = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    const int ours = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    CHECK(perform(ring, Op{.kind = OpKind::lock, .fd = other}) == 0);
    CHECK(perform(ring, Op{.kind = OpKind::lock, .fd = ours}) == -EAGAIN);
    ::close(other);
    CHECK(perform(ring, Op{.kind = OpKind::lock, .fd = ours}) == 0);
    ::close(ours);
}

void abandons_opens(RingWorld& world) {
    Ring& ring = world.ring();
    const std::string path = world.path("a");
    for (int round = 0; round < 20; ++round) {
        std::vector<std::unique_ptr<Probe>> probes;
        for (int i = 0; i < 50; ++i) {
            probes.push_back(std::make_unique<Probe>(Op{.kind = OpKind::open,
                                                        .flags = O_RDWR | O_CREAT,
                                                        .mode = 0600,
                                                        .path = path.c_str()}));
            ring.start(probes.back()->op);
        }
        // Some are told, some only done, some not begun.
        for (int i = 0; i < round % 4; ++i) ring.run(ring.now());
        // Of the first that is open the close is in flight.
        Probe close(Op{.kind = OpKind::close, .fd = static_cast<int>(probes[0]->op.result)});
        if (probes[0]->completions == 1) ring.start(close.op);
        ring.abandon();
        REQUIRE(open_on(path) == 0);
    }
}

void abandons_blocked_operations(RingWorld& world) {
    Ring& ring = world.ring();
    Pipe pipe;
    int sockets[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
    {
        std::vector<std::byte> buffer(1 << 16);
        Probe read(Op{.kind = OpKind::read, .fd = pipe.fds[0], .offset = -1, .buffer = buffer});
        Probe recv(Op{.kind = OpKind::recv, .fd = sockets[0], .buffer = buffer});
        Probe poll(Op{.kind = OpKind::poll_in, .fd = sockets[1]});
        for (Probe* probe : {&read, &recv, &poll}) ring.start(probe->op);
        CHECK(ring.run(ring.now() + milliseconds(2)) == 0);
        ring.abandon();
        for (Probe* probe : {&read, &recv, &poll}) CHECK(probe->completions == 0);
    }
    REQUIRE(::write(pipe.fds[1], "abc", 3) == 3);
    CHECK(ring.run(ring.now() + milliseconds(2)) == 0);
    std::array<std::byte, 8> after{};
    CHECK(perform(ring,
                  Op{.kind = OpKind::read, .fd = pipe.fds[0], .offset = -1, .buffer = after}) == 3);
    ::close(sockets[0]);
    ::close(sockets[1]);
}

void speaks_over_sockets(RingWorld& world) {
    Ring& ring = world.ring();
    int sockets[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
    std::array<std::byte, 32> buffer{};
    Probe recv(Op{.kind = OpKind::recv, .fd = sockets[1], .buffer = buffer});
    ring.start(recv.op);
    CHECK(ring.run(ring.now() + milliseconds(1)) == 0);
    std::string first = "hel";
    std::string second = "lo";
    const iovec vectors[] = {{first.data(), 3}, {second.data(), 2}};
    CHECK(perform(ring, Op{.kind = OpKind::send, .fd = sockets[0], .vectors = vectors}) == 5);
    CHECK(finish(ring, recv) == 5);
    CHECK(text(buffer, 5) == "hello");
    ::close(sockets[0]);
    CHECK(perform(ring, Op{.kind = OpKind::recv, .fd = sockets[1], .buffer = buffer}) == 0);
    CHECK(perform(ring, Op{.kind = OpKind::send, .fd = sockets[1], .vectors = vectors}) == -EPIPE);
    ::close(sockets[1]);
}

void receives_without_waiting(RingWorld& world) {
    Ring& ring = world.ring();
    int sockets[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
    std::array<std::byte, 4> buffer{};
    const Op recv{.kind = OpKind::recv, .fd = sockets[1], .flags = MSG_DONTWAIT, .buffer = buffer};
    Probe none(recv);
    ring.start(none.op);
    CHECK(none.completions == 0);  // Never from within start().
    CHECK(finish(ring, none) == -EAGAIN);
    REQUIRE(::write(sockets[0], "abcdef", 6) == 6);
    CHECK(perform(ring, recv) == 4);
    CHECK(text(buffer, 4) == "abcd");
    CHECK(perform(ring, recv) == 2);
    CHECK(perform(ring, recv) == -EAGAIN);
    ::close(sockets[0]);
    CHECK(perform(ring, recv) == 0);
    ::close(sockets[1]);
}

void takes_datagrams(RingWorld& world) {
    Ring& ring = world.ring();
    int sockets[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_DGRAM, 0, sockets) == 0);
    std::array<std::byte, 4> buffer{};
    const Op recv{.kind = OpKind::recv,
                  .fd = sockets[1],
                  .flags = MSG_DONTWAIT | MSG_TRUNC,
                  .buffer = buffer};
    for (const std::string_view one : {"abcdef", "", "xy"})
        REQUIRE(::write(sockets[0], one.data(), one.size()) == static_cast<ssize_t>(one.size()));
    CHECK(perform(ring, Op{.kind = OpKind::poll_in, .fd = sockets[1]}) > 0);
    CHECK(perform(ring, recv) == 6);
    CHECK(text(buffer, 4) == "abcd");
    CHECK(perform(ring, recv) == 0);
    CHECK(perform(ring, recv) == 2);
    CHECK(perform(ring, recv) == -EAGAIN);
    ::close(sockets[0]);
    ::close(sockets[1]);
}

void sends_in_part(RingWorld& world) {
    Ring& ring = world.ring();
    int sockets[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
    std::string bytes(1 << 22, 'x');
    const iovec vector{bytes.data(), bytes.size()};
    const Op send{.kind = OpKind::send, .fd = sockets[0], .vectors = {&vector, 1}};
    std::int64_t sent = 0;
    std::int64_t result = 1;
    while (result > 0) {
        Probe probe(send);
        ring.start(probe.op);
        const Instant soon = ring.now() + milliseconds(5);
        while (probe.completions == 0 && ring.now() < soon) ring.run(soon);
        if (probe.completions == 0) ring.cancel(probe.op);
        result = finish(ring, probe);
        if (result > 0) sent += result;
    }
    CHECK(result == -ECANCELED);
    REQUIRE(sent > 0);
    // What was told is there, and no more of it.
    std::int64_t came = 0;
    for (ssize_t n = 1; n > 0; came += n > 0 ? n : 0)
        n = ::recv(sockets[1], bytes.data(), bytes.size(), MSG_DONTWAIT);
    CHECK(came == sent);
    ::close(sockets[0]);
    ::close(sockets[1]);
}

void accepts_many(RingWorld& world) {
    Ring& ring = world.ring();
    const std::string path = world.path("socket");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener, 64) == 0);
    std::vector<int> clients;
    for (int i = 0; i < 40; ++i) {
        clients.push_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        CHECK(perform(ring, Op{.kind = OpKind::connect,
                               .fd = clients.back(),
                               .address = std::as_bytes(std::span(&address, 1))}) == 0);
    }
    std::vector<int> accepted;
    for (int i = 0; i < 40; ++i)
        accepted.push_back(
            static_cast<int>(perform(ring, Op{.kind = OpKind::accept, .fd = listener})));
    std::vector<std::unique_ptr<Probe>> polls;
    for (const int fd : accepted) {
        REQUIRE(fd >= 0);
        polls.push_back(std::make_unique<Probe>(Op{.kind = OpKind::poll_in, .fd = fd}));
        ring.start(polls.back()->op);
    }
    REQUIRE(::write(clients[17], "x", 1) == 1);
    CHECK(finish(ring, *polls[17]) > 0);
    ring.abandon();
    // Each peer sees the end: nobody holds the accepted ones any more.
    char byte = 0;
    for (const int fd : clients) {
        CHECK(::recv(fd, &byte, 1, MSG_DONTWAIT) == (fd == clients[17] ? -1 : 0));
        ::close(fd);
    }
    ::close(listener);
}

void connects_and_accepts(RingWorld& world) {
    Ring& ring = world.ring();
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(listener, any, size) == 0);
    REQUIRE(::getsockname(listener, any, &size) == 0);
    const Op connect{
        .kind = OpKind::connect, .fd = client, .address = std::as_bytes(std::span(&address, 1))};
    CHECK(perform(ring, connect) == -ECONNREFUSED);
    REQUIRE(::listen(listener, 4) == 0);
    Probe accept(Op{.kind = OpKind::accept, .fd = listener});
    ring.start(accept.op);
    CHECK(ring.run(ring.now() + milliseconds(1)) == 0);
    CHECK(perform(ring, connect) == 0);
    const auto accepted = finish(ring, accept);
    REQUIRE(accepted >= 0);
    CHECK((::fcntl(client, F_GETFL) & O_NONBLOCK) == 0);
    Probe never_accepted(Op{.kind = OpKind::accept, .fd = listener});
    ring.start(never_accepted.op);
    CHECK(ring.run(ring.now() + milliseconds(1)) == 0);
    ring.cancel(never_accepted.op);
    CHECK(finish(ring, never_accepted) == -ECANCELED);
    for (const int fd : {listener, client, static_cast<int>(accepted)}) ::close(fd);
}

void polls(RingWorld& world) {
    Ring& ring = world.ring();
    Pipe pipe;
    Probe poll(Op{.kind = OpKind::poll_in, .fd = pipe.fds[0]});
    ring.start(poll.op);
    CHECK(ring.run(ring.now() + milliseconds(1)) == 0);
    REQUIRE(::write(pipe.fds[1], "x", 1) == 1);
    CHECK((finish(ring, poll) & POLLIN) != 0);
    CHECK(perform(ring, Op{.kind = OpKind::poll_in, .fd = 9999}) == -EBADF);
}

void fills_a_pipe(RingWorld& world) {
    Ring& ring = world.ring();
    Pipe pipe;
    const std::string bytes(1 << 20, 'y');
    const iovec vector{const_cast<char*>(bytes.data()), bytes.size()};
    const Op write{.kind = OpKind::write, .fd = pipe.fds[1], .offset = -1, .vectors = {&vector, 1}};
    Probe first(write);
    Probe second(write);
    ring.start(first.op);
    ring.start(second.op);
    const Instant soon = ring.now() + milliseconds(5);
    while (ring.now() < soon) ring.run(soon);
    // Larger than a pipe: short, or blocked with a part of it written; either way it can be ended.
    for (Probe* probe : {&first, &second}) {
        if (probe->completions == 0) ring.cancel(probe->op);
        const auto result = finish(ring, *probe);
        CHECK((result == -ECANCELED || (result > 0 && result < 1 << 20)));
    }
}

}  // namespace holdfast::io::ring_suite
