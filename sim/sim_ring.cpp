#include "sim/sim_ring.hpp"

#include <algorithm>
#include <cerrno>
#include <tuple>

#include "core/base/assert.hpp"
#include "core/base/mix.hpp"

namespace holdfast::sim {

namespace {

using io::Op;
using io::OpKind;

constexpr std::byte poison_byte{0xdb};
constexpr std::uint64_t timer_entity = 1;
enum CancelAnswer : std::uint64_t { too_late = 0, wins = 1, hurries = 2, cancel_answers = 3 };

Bytes gather(std::span<const iovec> vectors) {
    Bytes bytes;
    for (const iovec& v : vectors) {
        const auto* from = static_cast<const std::byte*>(v.iov_base);
        bytes.insert(bytes.end(), from, from + v.iov_len);
    }
    return bytes;
}

bool moves_bytes(OpKind kind) { return kind == OpKind::read || kind == OpKind::write; }

}  // namespace

SimRing::SimRing(SimDisk& disk, SimClock& clock, Choices& choices, RingOptions options)
    : disk_(disk), clock_(clock), choices_(choices), options_(options) {}

std::uint64_t SimRing::entity_of(const Op& op, const SimDisk::File& file) const {
    const auto kind = static_cast<std::uint64_t>(op.kind);
    if (op.kind == OpKind::timeout) return mix(0, kind, timer_entity, 0);
    if (op.path != nullptr) return mix(0, kind, SimDisk::entity(op.path), 0);
    const bool has_node = file != nullptr && file->node != 0;
    return mix(0, kind, has_node ? disk_.entity(file) : 0, 0);
}

bool SimRing::is_of_net(const Op& op) const { return net_ != nullptr && SimNet::owns(op.fd); }

/// Of what waits for a peer, what need not any more completes after its latency.
void SimRing::wake_waiting() {
    if (net_ == nullptr) return;
    for (Flight& each : flying_) {
        if (!each.waits || !net_->is_ready(*each.op)) continue;
        each.waits = false;
        each.at = clock_.now + latency(each);
    }
}

/// Another operation may have been quicker.
bool SimRing::must_wait(Flight& flight) {
    if (!is_of_net(*flight.op) || flight.cancelled || net_->is_ready(*flight.op)) return false;
    flight.waits = true;
    flight.at = never;
    return true;
}

bool SimRing::chance(Site site, const Flight& flight, std::uint32_t permille) {
    return choices_.chance(site, flight.entity, flight.turn, permille);
}

Duration SimRing::latency(const Flight& flight) {
    if (options_.latency_us_max == 0) return {};
    const std::uint64_t us = choices_.choose(Site::ring_latency, flight.entity, flight.turn,
                                             options_.latency_us_max + 1);
    const bool slow = chance(Site::ring_slow, flight, options_.slow);
    return microseconds(static_cast<std::int64_t>(slow ? us * options_.slow_factor : us));
}

void SimRing::start(Op& op) {
    HF_ASSERT(op.done != nullptr);
    Flight flight;
    flight.op = &op;
    flight.file = disk_.file(op.fd);
    flight.serial = ++serial_;
    flight.round = round_;
    flight.entity = entity_of(op, flight.file);
    flight.turn = disk_.turn(flight.entity);
    flight.tie = choices_.choose(Site::ring_tie, flight.entity, flight.turn, 4);
    flight.at =
        op.kind == OpKind::timeout ? std::max(op.at, clock_.now) : clock_.now + latency(flight);
    if ((op.kind == OpKind::read || op.kind == OpKind::recv) && options_.poison) {
        std::fill(op.buffer.begin(), op.buffer.end(), poison_byte);
    }
    if (op.kind == OpKind::write && !chance(Site::ring_data_late, flight, options_.data_late)) {
        flight.data = gather(op.vectors);
        flight.data_taken = true;
    }
    op.ring_data[0] = flight.serial;
    flying_.push_back(std::move(flight));
}

void SimRing::cancel(Op& op) {
    const auto found = std::find_if(flying_.begin(), flying_.end(), [&](const Flight& each) {
        return each.op == &op && each.serial == op.ring_data[0];
    });
    if (found == flying_.end() || found->cancelled) return;
    if (op.kind == OpKind::timeout) {
        if (found->at <= clock_.now) return;
        found->cancelled = true;
        found->at = clock_.now;
        return;
    }
    const auto answer =
        choices_.choose(Site::ring_cancel, found->entity, found->turn, cancel_answers);
    if (answer == too_late && !found->waits) return;
    found->at = clock_.now;
    // What waits for a peer has done nothing.
    found->cancelled = answer == wins || found->waits;
    found->waits = false;
}

Instant SimRing::next() const {
    Instant first = never;
    for (const Flight& each : flying_) first = std::min(first, each.at);
    return first;
}

std::size_t SimRing::run(Instant until) {
    ++round_;
    wake_waiting();
    if (const std::size_t count = complete_due(); count > 0) return count;
    const Instant to = std::min(next(), until);
    if (to == never || to < clock_.now) return 0;
    clock_.advance(to);
    return complete_due();
}

// What a callback starts waits for the next run, so that this one ends.
std::size_t SimRing::complete_due() {
    std::size_t count = 0;
    for (;;) {
        const auto rank = [&](const Flight& f) {
            const bool due = f.at <= clock_.now && f.round < round_;
            return std::tuple(due ? 0 : 1, f.at, f.tie, f.serial);
        };
        const auto first =
            std::min_element(flying_.begin(), flying_.end(),
                             [&](const Flight& a, const Flight& b) { return rank(a) < rank(b); });
        if (first == flying_.end() || std::get<0>(rank(*first)) != 0) return count;
        if (must_wait(*first)) continue;
        Flight flight = std::move(*first);
        flying_.erase(first);
        Op& op = *flight.op;
        op.result = result_of(flight);
        op.ring_data[0] = 0;
        ++count;
        op.done(op);  // The operation may be gone afterwards.
    }
}

std::int64_t SimRing::result_of(Flight& flight) {
    const OpKind kind = flight.op->kind;
    if (flight.cancelled) return -ECANCELED;
    if (is_of_net(*flight.op)) return net_->perform(*flight.op);
    if ((moves_bytes(kind) || kind == OpKind::open) &&
        chance(Site::ring_interrupted, flight, options_.interrupted)) {
        return -EINTR;
    }
    if (moves_bytes(kind) && chance(Site::ring_again, flight, options_.again)) return -EAGAIN;
    return execute(flight);
}

std::int64_t SimRing::write(Flight& flight) {
    if (!flight.data_taken) flight.data = gather(flight.op->vectors);
    return disk_.write(flight.file, flight.data, flight.op->offset);
}

std::int64_t SimRing::execute(Flight& flight) {
    Op& op = *flight.op;
    disk_.set_wall(clock_.wall_ns());
    switch (op.kind) {
        case OpKind::open: return disk_.open(op.path, op.flags, op.mode);
        case OpKind::close: return disk_.close(op.fd);
        case OpKind::read: return disk_.read(flight.file, op.buffer, op.offset);
        case OpKind::write: return write(flight);
        case OpKind::sync:
        case OpKind::sync_all: return disk_.sync(flight.file);
        case OpKind::truncate: return disk_.truncate(flight.file, op.offset);
        case OpKind::stat:
            if (op.path != nullptr) return disk_.stat(op.path, *op.stat);
            if (chance(Site::disk_stat_fails, flight, disk_.options().faults.stat)) return -EIO;
            return disk_.stat(flight.file, *op.stat);
        case OpKind::rename: return disk_.rename(op.path, op.path2);
        case OpKind::unlink: return disk_.unlink(op.path);
        case OpKind::mkdir: return disk_.mkdir(op.path, op.mode);
        case OpKind::list: return disk_.list(op.path, *op.names);
        case OpKind::lock:
            return flight.file != nullptr ? 0 : -EBADF;  // No other process is simulated.
        case OpKind::watch_open: return disk_.watch_open();
        case OpKind::watch: return disk_.watch(flight.file, op.path);
        case OpKind::watch_read: return disk_.watch_read(flight.file, *op.changes);
        case OpKind::timeout: return -ETIME;
        case OpKind::connect:
        case OpKind::accept:
        case OpKind::recv:
        case OpKind::send:
        case OpKind::poll_in: return -EOPNOTSUPP;
    }
    return -EINVAL;
}

void SimRing::abandon() {
    std::vector<Flight> left;
    left.swap(flying_);
    for (Flight& each : left) {
        each.tie = choices_.choose(Site::ring_crash_order, each.entity, each.turn, left.size());
    }
    std::sort(left.begin(), left.end(), [](const Flight& a, const Flight& b) {
        return std::tuple(a.tie, a.serial) < std::tuple(b.tie, b.serial);
    });
    for (Flight& each : left) {
        const bool applied =
            choices_.choose(Site::ring_crash_applied, each.entity, each.turn, 2) == 0;
        const bool of_net = is_of_net(*each.op);
        if (applied && !each.cancelled && !of_net) execute(each);
        each.op->ring_data[0] = 0;
    }
    disk_.close_all();
    if (net_ != nullptr) net_->close_accepted();
}

void SimRing::kill() { abandon(); }

void SimRing::crash() {
    abandon();
    disk_.crash();
}

}  // namespace holdfast::sim
