#include "io/devices/socket_address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <array>
#include <charconv>
#include <cstring>
#include <optional>

namespace holdfast::io {
namespace {

template <class T>
SocketAddress address_of(const T& address, std::size_t size = sizeof(T)) {
    sockaddr_storage storage{};
    std::memcpy(&storage, &address, sizeof address);
    return {storage, size};
}

template <class T>
T as(std::span<const std::byte> bytes) {
    T out{};
    std::memcpy(&out, bytes.data(), std::min(bytes.size(), sizeof out));
    return out;
}

std::optional<std::uint16_t> port_of(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc() || end != text.data() + text.size() || text.empty())
        return std::nullopt;
    return port;
}

std::string wrong(std::string_view text) {
    return "\"" + std::string(text) +
           "\" is no address: write 127.0.0.1:9000 or [::1]:9000 (numbers, no host name; 0.0.0.0 "
           "or [::] is every address of this machine)";
}

}  // namespace

std::expected<SocketAddress, std::string> parse_address(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::unexpected(wrong(text));
    const auto port = port_of(text.substr(colon + 1));
    std::string host(text.substr(0, colon));
    if (!port) return std::unexpected(wrong(text));
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
        sockaddr_in6 address{};
        address.sin6_family = AF_INET6;
        address.sin6_port = htons(*port);
        if (::inet_pton(AF_INET6, host.c_str(), &address.sin6_addr) == 1)
            return address_of(address);
        return std::unexpected(wrong(text));
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(*port);
    if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) == 1) return address_of(address);
    return std::unexpected(wrong(text));
}

std::expected<SocketAddress, std::string> unix_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        return std::unexpected("\"" + path + "\" is no path for a socket: it may have 1 to " +
                               std::to_string(sizeof address.sun_path - 1) + " bytes");
    std::memcpy(address.sun_path, path.data(), path.size());
    return address_of(address, offsetof(sockaddr_un, sun_path) + path.size() + 1);
}

std::uint16_t SocketAddress::port() const {
    if (family() == AF_INET) return ntohs(as<sockaddr_in>(bytes()).sin_port);
    if (family() == AF_INET6) return ntohs(as<sockaddr_in6>(bytes()).sin6_port);
    return 0;
}

std::string SocketAddress::text() const {
    std::array<char, INET6_ADDRSTRLEN> host{};
    const auto size = static_cast<socklen_t>(host.size());
    if (family() == AF_INET) {
        const auto address = as<sockaddr_in>(bytes());
        ::inet_ntop(AF_INET, &address.sin_addr, host.data(), size);
        return std::string(host.data()) + ":" + std::to_string(port());
    }
    if (family() == AF_INET6) {
        const auto address = as<sockaddr_in6>(bytes());
        ::inet_ntop(AF_INET6, &address.sin6_addr, host.data(), size);
        return "[" + std::string(host.data()) + "]:" + std::to_string(port());
    }
    if (family() == AF_UNIX) {
        const auto address = as<sockaddr_un>(bytes());
        return address.sun_path[0] != 0 ? std::string(address.sun_path) : "a local socket";
    }
    return "nowhere";
}

bool SocketAddress::meets(const SocketAddress& other) const {
    if (family() == AF_UNIX || other.family() == AF_UNIX)
        return family() == other.family() && text() == other.text();
    if (port() == 0 || port() != other.port()) return false;
    const auto is_every = [](const SocketAddress& one) {
        const std::string text = one.text();
        return text.starts_with("0.0.0.0:") || text.starts_with("[::]:");
    };
    return text() == other.text() || is_every(*this) || is_every(other);
}

}  // namespace holdfast::io
