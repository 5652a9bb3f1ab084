// A sink that is a stream to a peer: TCP or a Unix socket. One line a record.
//
// Rule 1: a write is delivered when all of its bytes are in the system's buffer for this connection,
//         and not before. A stream has no word of the peer for what it has read: what was in buffers
//         when a connection breaks is lost, and nobody knows how much that was.
// Rule 2: the first byte on a connection is the first byte of a record, and lines follow each other
//         whole. Whatever ends a write before all of it was sent ends the connection: the next
//         attempt begins a new one with its first record. So a line that is cut is the last of its
//         connection, without a newline.
// Rule 3: it connects when there is something to write. It does not wait between attempts: who
//         drives it does.
// Rule 4: before a write it looks whether the peer has closed its end. What the peer sends is read
//         and forgotten.
// Bound: one write in flight.
#pragma once

#include <string>
#include <vector>

#include "io/device.hpp"
#include "io/devices/network.hpp"
#include "io/devices/serial_writes.hpp"
#include "io/log.hpp"
#include "io/payloads.hpp"
#include "io/ring.hpp"
#include "io/sink_words.hpp"
#include "io/task.hpp"

namespace holdfast::io {

struct SocketSinkConfig {
    std::string name;
    SinkId id;
    SocketAddress address;
    SinkWords* words = nullptr;  ///< Where it says why, if anybody listens. Lives: as long as this.
};

class SocketSink : public Sink {
public:
    /// Lives: all references as long as this.
    SocketSink(SocketSinkConfig config, Network& network, Ring& ring, Payloads& payloads,
               Events& events, Log log);
    ~SocketSink() override;

    void start() override {}
    void write(const WriteToSink& write, std::span<const Part> parts) override {
        writes_.write(write, parts);
    }
    void cancel(const CancelWrite& cancel) override { writes_.cancel(cancel); }
    void sync(const SyncSink& sync) override;

    /// How often a connection was made.
    std::uint64_t connections() const { return connections_; }

private:
    using Order = SerialWrites::Order;

    Task<SinkOutcome> write_now(Order& order);
    Task<bool> connect_now(const Order& order);
    Task<bool> is_open();
    Task<std::int64_t> send_all(const Order& order, std::int64_t& progress);
    Task<std::int64_t> perform(Op filled);
    void disconnect();
    void failed(const Order& order, const std::string& what, std::int64_t result);

    SocketSinkConfig config_;
    Network& network_;
    Ring& ring_;
    Payloads& payloads_;
    Events& events_;
    Log log_;
    int fd_ = -1;
    std::uint64_t connections_ = 0;
    std::vector<iovec> vectors_;
    Op* in_flight_ = nullptr;
    std::int64_t torn_at_ = 0;  ///< How much of a write was sent that did not end well.
    std::string failing_;       ///< What was logged last, until a write succeeds.
    SerialWrites writes_;       ///< Last.
};

}  // namespace holdfast::io
