// Plain sockets for tests of devices: what peers do, with blocking calls that end after some seconds.
#pragma once

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <string>
#include <string_view>

#include "io/devices/socket_address.hpp"

namespace holdfast::io::test {

inline SocketAddress address_of(const std::string& text) {
    const auto address =
        text.find('/') == std::string::npos ? parse_address(text) : unix_address(text);
    REQUIRE(address.has_value());
    return *address;
}

class Peer {
public:
    /// Takes an open descriptor, or -1: none.
    explicit Peer(int fd = -1) : fd_(fd) {
        const timeval late{.tv_sec = 5, .tv_usec = 0};
        if (fd >= 0) ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &late, sizeof late);
    }
    /// Connects; `type` SOCK_DGRAM sends each text as one datagram.
    static Peer to(const std::string& where, int type = SOCK_STREAM) {
        const SocketAddress address = address_of(where);
        Peer out(::socket(address.family(), type | SOCK_CLOEXEC, 0));
        REQUIRE(::connect(out.fd_, reinterpret_cast<const sockaddr*>(address.bytes().data()),
                          static_cast<socklen_t>(address.bytes().size())) == 0);
        return out;
    }
    ~Peer() { close(); }
    Peer(Peer&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Peer& operator=(Peer&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }

    int fd() const { return fd_; }
    void send(std::string_view text) const {
        REQUIRE(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(text.size()));
    }
    /// What is there now, without waiting.
    std::string take() const {
        std::string text(1 << 18, '\0');
        const ssize_t n = ::recv(fd_, text.data(), text.size(), MSG_DONTWAIT);
        text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
        return text;
    }
    /// Has the other side ended it?
    bool is_over() const {
        char byte = 0;
        return ::recv(fd_, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
    }
    void close() {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }
    /// With a reset, not with an end.
    void reset() {
        const linger now{.l_onoff = 1, .l_linger = 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close();
    }

private:
    int fd_;
};

/// A listening socket.
class Host {
public:
    explicit Host(const std::string& where) {
        const SocketAddress address = address_of(where);
        fd_ = ::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
        const int one = 1;
        ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        REQUIRE(::bind(fd_, reinterpret_cast<const sockaddr*>(address.bytes().data()),
                       static_cast<socklen_t>(address.bytes().size())) == 0);
        REQUIRE(::listen(fd_, 16) == 0);
    }
    ~Host() { ::close(fd_); }
    Host(const Host&) = delete;
    std::string address() const {
        sockaddr_storage storage{};
        socklen_t size = sizeof storage;
        ::getsockname(fd_, reinterpret_cast<sockaddr*>(&storage), &size);
        return SocketAddress(storage, size).text();
    }
    Peer accept() const { return Peer(::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC)); }

private:
    int fd_;
};

}  // namespace holdfast::io::test
