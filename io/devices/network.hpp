// Sockets: what of them is no operation of a ring, since it never waits.
//
// Rule 1: descriptors are close-on-exec. What is sent, received, accepted and connected goes through
//         the ring.
// Rule 2: who made a descriptor here closes it here, when nothing of a ring uses it.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "io/devices/socket_address.hpp"

namespace holdfast::io {

class Network {
public:
    virtual ~Network() = default;
    /// A socket that listens there. A socket file that nobody listens on is replaced; of several
    /// processes that come to it at once one has it (a lock beside it, PATH.lock, which stays there). The
    /// error says what to do.
    virtual std::expected<int, std::string> listen(const SocketAddress& at) = 0;
    /// A socket that takes datagrams there.
    virtual std::expected<int, std::string> take_datagrams(const SocketAddress& at) = 0;
    /// A stream that can be connected there; or a negated errno.
    virtual int open_stream(const SocketAddress& to) = 0;
    /// Where it stands: with the port that it got.
    virtual std::string local_name(int fd) = 0;
    virtual std::string peer_name(int fd) = 0;
    /// A stream that is connected to itself: where nobody listens on a port of those that the system
    /// deals out, that may happen.
    virtual bool is_own_peer(int fd) = 0;
    /// Bytes of the peer have come, or its end, and nobody has received them.
    virtual bool has_unread(int fd) = 0;
    /// Datagrams that the system has dropped since the socket was made.
    virtual std::uint64_t dropped(int fd) = 0;
    /// What was sent still goes to the peer.
    virtual void close(int fd) = 0;
};

/// The system's.
Network& system_network();

}  // namespace holdfast::io
