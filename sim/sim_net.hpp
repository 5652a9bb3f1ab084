// A simulated network, and the pipes of simulated processes: what a ring's operations on streams do.
//
// Calls answer as the kernel does, and never wait: -EAGAIN is "not now" (SimRing waits). All chance
// comes from Choices.
// Rule 1: a stream keeps its bytes in order. What arrived before an end or a reset is still there
//         for who reads; of a reset by choice not.
// Rule 2: what send() took is the system's (`sent`): the peer gets it if nothing breaks.
// Rule 3: a receive takes less than is there, a send less than there is room for, by choice.
// Rule 4: host-side calls (dial, say, hang_up, take, ...) are the peers' doing, or a process's.
// Doesn't know: time, the ring.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "io/devices/network.hpp"
#include "io/ring.hpp"
#include "sim/choices.hpp"

namespace holdfast::sim {

struct NetOptions {
    std::uint32_t recv_short = 300;  ///< Of 1000.
    std::uint32_t send_short = 300;
    std::uint32_t reset_forgets = 500;  ///< Resets that take what was not read with them.
    std::size_t window = 200;       ///< Bytes that the system holds for a peer that doesn't read.
    std::size_t datagrams_max = 4;  ///< That it holds while nobody receives.
};

class SimNet final : public io::Network {
public:
    SimNet(Choices& choices, NetOptions options = {}) : choices_(choices), options_(options) {}

    // ---- the device's side ----
    std::expected<int, std::string> listen(const io::SocketAddress& at) override;
    std::expected<int, std::string> take_datagrams(const io::SocketAddress& at) override;
    int open_stream(const io::SocketAddress& to) override;
    std::string local_name(int) override { return "127.0.0.1:1"; }
    std::string peer_name(int fd) override;
    bool is_own_peer(int) override { return false; }
    bool has_unread(int fd) override;
    std::uint64_t dropped(int) override { return dropped_; }
    void close(int fd) override;

    // ---- the ring's ----
    static bool owns(int fd) { return fd >= fd_first; }
    /// Would it not wait?
    bool is_ready(const io::Op& op) const;
    /// Of connect, accept, recv, send, poll_in, read and close.
    std::int64_t perform(const io::Op& op);
    /// The process ends: what was accepted is closed.
    void close_accepted();

    // ---- the peers' ----
    /// What one connection was, for who judges. By number, from 0, in the order in which they began.
    struct Stream {
        std::string in;             ///< Arrived, not read.
        std::string took;           ///< What the device has read.
        std::string out;            ///< Sent, and not taken by the peer.
        std::string sent;           ///< All that send() took.
        bool ended = false;         ///< By the peer: nothing more arrives.
        bool broken = false;        ///< By a reset.
        bool closed = false;        ///< By the device.
        bool left = false;          ///< By the device, with bytes unread and no end of the peer's.
        bool unread_known = false;  ///< has_unread() was asked, and said so last.
        bool unread_asked = false;
        std::uint64_t turns = 0;
        int fd = -1;  ///< That the device connected; -1: the peer did.
    };
    /// A peer connects; nothing if nobody listens. Its number.
    int dial();
    bool is_listening() const { return listener_ >= 0; }
    void say(int number, std::string_view bytes);
    void hang_up(int number);
    void reset(int number);
    /// The peer reads so much of what was sent.
    void take(int number, std::size_t most);
    Stream& stream(int number) { return streams_[static_cast<std::size_t>(number)]; }
    std::size_t streams() const { return streams_.size(); }
    /// Whether somebody listens where the device connects to.
    void set_host(bool up) { host_up_ = up; }
    void send_datagram(std::string bytes);
    std::size_t datagrams_waiting() const { return datagrams_.size(); }

    // ---- processes' pipes ----
    /// A stream of which the device reads the descriptor; its number is number_of(fd).
    int open_pipe();
    int number_of(int fd) const { return ends_.at(fd).number; }
    NetOptions& options() { return options_; }

private:
    static constexpr int fd_first = 1 << 20;
    enum class Kind : std::uint8_t { listener, datagrams, stream, unconnected };
    struct End {
        Kind kind{};
        int number = -1;
        bool accepted = false;
    };

    int make(End end);
    int make_stream();
    std::int64_t receive(const io::Op& op, const End& end);
    std::int64_t receive_datagram(const io::Op& op);
    std::int64_t send(const io::Op& op, const End& end);
    std::int64_t accept();
    std::int64_t connect(End& end, int fd);
    bool is_readable(const End& end) const;
    std::size_t some(Site site, Stream& stream, int number, std::size_t most,
                     std::uint32_t permille);

    Choices& choices_;
    NetOptions options_;
    std::map<int, End> ends_;
    std::deque<Stream> streams_;
    std::deque<int> waiting_;  ///< Dialled, not accepted.
    std::deque<std::string> datagrams_;
    std::uint64_t dropped_ = 0;
    int next_ = fd_first;
    int listener_ = -1;
    bool host_up_ = true;
};

}  // namespace holdfast::sim
