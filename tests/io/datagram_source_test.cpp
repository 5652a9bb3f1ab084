#include "io/sources/socket/datagram_source.hpp"

#include "tests/io/socket_peers.hpp"
#include "tests/io/source_bench.hpp"

using namespace holdfast;
using namespace holdfast::io;
using namespace holdfast::io::test;

namespace {

struct DatagramBench : SourceBench {
    DatagramSourceConfig config;
    DatagramSource* datagrams = nullptr;
    std::string refused;

    DatagramBench() {
        config.name = "in";
        config.address = address_of("127.0.0.1:0");
        config.refuse = [this](std::string problem) { refused = std::move(problem); };
    }
    ~DatagramBench() { stop(); }
    void start() {
        auto made = std::make_unique<DatagramSource>(config, system_network(), *ring, payloads,
                                                     events, checkpoints, slots, log);
        datagrams = made.get();
        source = std::move(made);
        source->start();
    }
    Peer peer() const { return Peer::to(datagrams->receives_at(), SOCK_DGRAM); }
};

}  // namespace

TEST_CASE("socket source makes one record of each datagram") {
    DatagramBench b;
    b.config.address = address_of(GENERATE("127.0.0.1:0", "[::1]:0"));
    b.start();
    const Peer peer = b.peer();
    peer.send("one");
    peer.send("two\n");
    peer.send("");
    peer.send("\n");
    b.run_until([&] { return b.datagrams->counts().received == 4; });
    b.run(milliseconds(10));
    CHECK(b.text() == "one\ntwo\n\n\n");
    std::string all;
    b.pulling = false;
    for (int i = 0; i < 500; ++i) {
        const std::string one = "datagram " + std::to_string(i);
        peer.send(one);
        all += one + "\n";
    }
    b.came.clear();
    b.max_bytes = 4096;
    b.max_records = GENERATE(7u, UINT32_MAX);
    b.pulling = true;
    b.run_until([&] { return b.text().size() >= all.size(); });
    CHECK(b.text() == all);
    CHECK(b.pool.used() == 0);
}

TEST_CASE(
    "socket source makes a dead letter of a datagram that holds a newline, and never two records") {
    DatagramBench b;
    b.start();
    const Peer peer = b.peer();
    b.pulling = false;
    for (const char* one : {"a", "two\nlines", "b", "\n\n", "c"}) peer.send(one);
    b.pulling = true;
    b.run_until([&] { return b.datagrams->counts().received == 5; });
    b.run(milliseconds(10));
    CHECK(b.delivered() == "a\nb\nc\n");
    std::vector<std::string> dead;
    for (const auto& one : b.came) {
        if (one.fate != Fate::unreadable) continue;
        dead.push_back(one.text);
        CHECK(one.why == "the datagram holds a newline");
    }
    CHECK(dead == std::vector<std::string>{"two\nlines", "\n"});
    CHECK(b.datagrams->counts().with_newline == 2);
}

TEST_CASE(
    "socket source does with an oversized datagram what it is told, and cuts none in silence") {
    DatagramBench b;
    b.config.limits.line_max = 1001;
    b.config.limits.oversize = GENERATE(Oversize::dead_letter, Oversize::split, Oversize::stop);
    b.start();
    const Peer peer = b.peer();
    const std::string large(2500, 'l');
    peer.send("before");
    peer.send(std::string(1000, 'f'));
    peer.send(large);
    peer.send("after");
    b.run_until([&] { return b.datagrams->counts().received >= 3; });
    b.run(milliseconds(20));
    const std::string head = "before\n" + std::string(1000, 'f') + "\n";
    const std::string pieces = std::string(1000, 'l') + "\n" + std::string(1000, 'l') + "\n" +
                               std::string(500, 'l') + "\n";
    if (b.config.limits.oversize == Oversize::split) {
        CHECK(b.delivered() == head + pieces + "after\n");
        return;
    }
    const bool stops = b.config.limits.oversize == Oversize::stop;
    CHECK(b.delivered() == head + (stops ? "" : "after\n"));
    std::string dead;
    for (const auto& one : b.came)
        if (one.fate == (stops ? Fate::stop : Fate::oversized)) dead += one.text;
    CHECK(dead == (stops ? large.substr(0, 1000) : large));
}

TEST_CASE("socket source takes the largest datagram that there is") {
    DatagramBench b;
    b.max_bytes = 4096;
    b.start();
    const Peer peer = b.peer();
    const std::string large(65'507, 'l');
    peer.send("small");
    peer.send(large);
    peer.send("end");
    b.run_until([&] { return b.text().size() >= large.size() + 11; });
    CHECK(b.text() == "small\n" + large + "\nend\n");
}

TEST_CASE("socket source counts and logs what the system drops") {
    DatagramBench b;
    b.start();
    const Peer peer = b.peer();
    b.pulling = false;
    const std::string large(60'000, 'l');
    for (int i = 0; i < 2000; ++i) ::send(peer.fd(), large.data(), large.size(), 0);
    b.pulling = true;
    b.run_until([&] { return b.datagrams->counts().received > 0; });
    b.run(milliseconds(1100));
    peer.send("x");
    const DatagramCounts& counts = b.datagrams->counts();
    b.run_until([&] { return counts.dropped > 0 && counts.received + counts.dropped >= 2001; });
    CHECK(counts.received + counts.dropped == 2001);
    CHECK(b.said("datagrams were lost") >= 1);
}

TEST_CASE("socket source says when it cannot take datagrams") {
    DatagramBench b;
    b.start();
    DatagramBench second;
    second.config.address = address_of(b.datagrams->receives_at());
    second.start();
    CHECK(second.refused.find("cannot take datagrams at " + b.datagrams->receives_at()) !=
          std::string::npos);
}
