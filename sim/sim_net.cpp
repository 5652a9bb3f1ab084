#include "sim/sim_net.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/base/assert.hpp"

namespace holdfast::sim {

using io::Op;
using io::OpKind;

int SimNet::make(End end) {
    ends_.emplace(next_, end);
    return next_++;
}

int SimNet::make_stream() {
    streams_.emplace_back();
    return static_cast<int>(streams_.size()) - 1;
}

// ---- the device's side ---------------------------------------------------------------------------

std::expected<int, std::string> SimNet::listen(const io::SocketAddress&) {
    listener_ = make({.kind = Kind::listener});
    return listener_;
}

std::expected<int, std::string> SimNet::take_datagrams(const io::SocketAddress&) {
    return make({.kind = Kind::datagrams});
}

int SimNet::open_stream(const io::SocketAddress&) { return make({.kind = Kind::unconnected}); }

std::string SimNet::peer_name(int fd) {
    return "peer " + std::to_string(ends_.contains(fd) ? ends_.at(fd).number : -1);
}

void SimNet::close(int fd) {
    const auto end = ends_.find(fd);
    HF_ASSERT(end != ends_.end());
    if (end->second.number >= 0) {
        Stream& one = stream(end->second.number);
        one.closed = true;
        one.left = !one.in.empty() && !one.ended && !one.broken;
    }
    if (fd == listener_) listener_ = -1;
    ends_.erase(end);
}

void SimNet::close_accepted() {
    std::vector<int> accepted;
    for (const auto& [fd, end] : ends_)
        if (end.accepted) accepted.push_back(fd);
    for (const int fd : accepted) close(fd);
}

// ---- the ring's ----------------------------------------------------------------------------------

bool SimNet::is_readable(const End& end) const {
    if (end.kind == Kind::listener) return !waiting_.empty();
    if (end.kind == Kind::datagrams) return !datagrams_.empty();
    if (end.number < 0) return true;
    const Stream& one = streams_[static_cast<std::size_t>(end.number)];
    return !one.in.empty() || one.ended || one.broken;
}

bool SimNet::has_unread(int fd) {
    const End& end = ends_.at(fd);
    Stream& one = stream(end.number);
    one.unread_asked = true;
    one.unread_known = is_readable(end);
    return one.unread_known;
}

bool SimNet::is_ready(const Op& op) const {
    const auto found = ends_.find(op.fd);
    if (found == ends_.end()) return true;
    const End& end = found->second;
    if (op.kind == OpKind::recv && (op.flags & MSG_DONTWAIT) != 0) return true;
    if (op.kind == OpKind::send && end.number >= 0) {
        const Stream& one = streams_[static_cast<std::size_t>(end.number)];
        return one.broken || one.out.size() < options_.window;
    }
    const bool reads = op.kind == OpKind::recv || op.kind == OpKind::read ||
                       op.kind == OpKind::poll_in || op.kind == OpKind::accept;
    return !reads || is_readable(end);
}

std::int64_t SimNet::perform(const Op& op) {
    const auto found = ends_.find(op.fd);
    if (found == ends_.end()) return -EBADF;
    End& end = found->second;
    switch (op.kind) {
        case OpKind::recv:
        case OpKind::read:
            return end.kind == Kind::datagrams ? receive_datagram(op) : receive(op, end);
        case OpKind::send: return send(op, end);
        case OpKind::accept: return accept();
        case OpKind::connect: return connect(end, op.fd);
        case OpKind::poll_in: return is_readable(end) ? POLLIN : -EAGAIN;
        case OpKind::close: close(op.fd); return 0;
        default: return -EINVAL;
    }
}

/// One of `most` things at least, all of them or fewer.
std::size_t SimNet::some(Site site, Stream& one, int number, std::size_t most,
                         std::uint32_t permille) {
    const auto entity = static_cast<std::uint64_t>(number);
    const std::uint64_t turn = ++one.turns;
    if (most < 2 || !choices_.chance(site, entity, 2 * turn, permille)) return most;
    return most - choices_.choose(site, entity, 2 * turn + 1, most);
}

std::int64_t SimNet::receive(const Op& op, const End& end) {
    if (end.number < 0) return -ENOTCONN;
    Stream& one = stream(end.number);
    if (one.in.empty() && one.broken) return -ECONNRESET;
    if (one.in.empty()) return one.ended ? 0 : -EAGAIN;
    const std::size_t most = std::min(op.buffer.size(), one.in.size());
    if (most == 0) return 0;
    const std::size_t n = some(Site::net_recv_short, one, end.number, most, options_.recv_short);
    std::memcpy(op.buffer.data(), one.in.data(), n);
    one.took += one.in.substr(0, n);
    one.in.erase(0, n);
    return static_cast<std::int64_t>(n);
}

std::int64_t SimNet::receive_datagram(const Op& op) {
    if (datagrams_.empty()) return -EAGAIN;
    const std::string bytes = std::move(datagrams_.front());
    datagrams_.pop_front();
    const std::size_t n = std::min(op.buffer.size(), bytes.size());
    if (n > 0) std::memcpy(op.buffer.data(), bytes.data(), n);
    return static_cast<std::int64_t>((op.flags & MSG_TRUNC) != 0 ? bytes.size() : n);
}

std::int64_t SimNet::send(const Op& op, const End& end) {
    if (end.number < 0) return -ENOTCONN;
    Stream& one = stream(end.number);
    if (one.broken) return -EPIPE;
    std::string bytes;
    for (const iovec& v : op.vectors) bytes.append(static_cast<const char*>(v.iov_base), v.iov_len);
    const std::size_t room = options_.window - std::min(options_.window, one.out.size());
    const std::size_t most = std::min(room, bytes.size());
    if (most == 0) return bytes.empty() ? 0 : -EAGAIN;
    const std::size_t n = some(Site::net_send_short, one, end.number, most, options_.send_short);
    one.out += bytes.substr(0, n);
    one.sent += bytes.substr(0, n);
    return static_cast<std::int64_t>(n);
}

std::int64_t SimNet::accept() {
    if (waiting_.empty()) return -EAGAIN;
    const int number = waiting_.front();
    waiting_.pop_front();
    return make({.kind = Kind::stream, .number = number, .accepted = true});
}

std::int64_t SimNet::connect(End& end, int fd) {
    if (end.kind != Kind::unconnected) return -EISCONN;
    if (!host_up_) return -ECONNREFUSED;
    end = {.kind = Kind::stream, .number = make_stream()};
    stream(end.number).fd = fd;
    return 0;
}

// ---- the peers' ----------------------------------------------------------------------------------

int SimNet::dial() {
    if (listener_ < 0) return -1;
    waiting_.push_back(make_stream());
    return waiting_.back();
}

void SimNet::say(int number, std::string_view bytes) {
    Stream& one = stream(number);
    if (!one.ended && !one.broken && !one.closed) one.in += bytes;
}

void SimNet::hang_up(int number) { stream(number).ended = true; }

void SimNet::reset(int number) {
    Stream& one = stream(number);
    if (one.broken) return;
    one.broken = true;
    const auto entity = static_cast<std::uint64_t>(number);
    if (choices_.chance(Site::net_reset_forgets, entity, 0, options_.reset_forgets)) one.in.clear();
}

void SimNet::take(int number, std::size_t most) {
    Stream& one = stream(number);
    one.out.erase(0, std::min(most, one.out.size()));
}

void SimNet::send_datagram(std::string bytes) {
    if (datagrams_.size() >= options_.datagrams_max) {
        ++dropped_;
    } else {
        datagrams_.push_back(std::move(bytes));
    }
}

int SimNet::open_pipe() { return make({.kind = Kind::stream, .number = make_stream()}); }

}  // namespace holdfast::sim
