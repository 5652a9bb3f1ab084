// Where a socket listens or connects to: "127.0.0.1:9000", "[::1]:9000", or a path.
//
// Doesn't know: host names. Nothing here asks anybody.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>

namespace holdfast::io {

class SocketAddress {
public:
    SocketAddress() = default;
    SocketAddress(const sockaddr_storage& storage, std::size_t size)
        : storage_(storage), size_(size) {}

    /// AF_INET, AF_INET6 or AF_UNIX; AF_UNSPEC: none.
    int family() const { return storage_.ss_family; }
    /// 0 where it has none.
    std::uint16_t port() const;
    /// The sockaddr, for an Op or a system call. Lives: as long as this.
    std::span<const std::byte> bytes() const {
        return std::as_bytes(std::span(&storage_, 1)).first(size_);
    }
    /// As it is written in a config.
    std::string text() const;
    /// Who connects or sends there may come to who listens here: the same path, or the same port of the
    /// same address or of every one.
    bool meets(const SocketAddress& other) const;

private:
    sockaddr_storage storage_{};
    std::size_t size_ = 0;
};

/// Of TCP and UDP. The error says what it must look like.
std::expected<SocketAddress, std::string> parse_address(std::string_view text);
/// Of a socket in the file system.
std::expected<SocketAddress, std::string> unix_address(const std::string& path);

}  // namespace holdfast::io
