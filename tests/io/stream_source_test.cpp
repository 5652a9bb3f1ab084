#include "io/sources/socket/stream_source.hpp"

#include <sys/stat.h>

#include <map>

#include "tests/io/sink_bench.hpp"
#include "tests/io/socket_peers.hpp"
#include "tests/io/source_bench.hpp"

using namespace holdfast;
using namespace holdfast::io;
using namespace holdfast::io::test;

namespace {

struct StreamBench : SourceBench {
    TestDir dir;
    StreamSourceConfig config;
    StreamSource* stream = nullptr;
    std::string refused;

    StreamBench() {
        config.name = "in";
        config.address = address_of("127.0.0.1:0");
        config.refuse = [this](std::string problem) { refused = std::move(problem); };
    }
    ~StreamBench() { stop(); }
    void start() {
        auto made = std::make_unique<StreamSource>(config, system_network(), *ring, payloads,
                                                   events, checkpoints, slots, log);
        stream = made.get();
        source = std::move(made);
        source->start();
    }
    Peer peer() const { return Peer::to(stream->listens_at()); }
    void run_until_text(const std::string& wanted) {
        run_until([&] { return delivered().size() >= wanted.size(); });
        CHECK(delivered() == wanted);
    }
};

std::string lines_of(const std::string& name, int from, int to) {
    std::string all;
    for (int i = from; i < to; ++i) all += name + " " + std::to_string(i) + "\n";
    return all;
}

}  // namespace

TEST_CASE("socket source takes lines from TCP and Unix sockets") {
    StreamBench b;
    const std::string where = GENERATE("127.0.0.1:0", "[::1]:0", "unix");
    b.config.address = address_of(where == "unix" ? b.dir / "socket" : where);
    b.start();
    REQUIRE(b.refused.empty());
    CHECK(b.said("listening source=in address=" + b.stream->listens_at()) == 1);
    Peer peer = b.peer();
    peer.send("one\ntw");
    b.run_until_text("one\n");
    peer.send("o\nthree");
    b.run_until_text("one\ntwo\n");
    peer.close();
    b.run_until_text("one\ntwo\nthree\n");
    CHECK(b.stream->counts().unfinished == 1);
    b.run_until([&] { return b.stream->connections() == 0; });
    CHECK(b.stream->counts().accepted == 1);
    CHECK(b.pool.used() == 0);
}

TEST_CASE("socket source keeps the lines of many connections whole and in order") {
    StreamBench b;
    b.max_bytes = 4096;
    b.max_records = 50;
    b.start();
    constexpr int peers = 40;
    std::vector<Peer> all;
    std::vector<std::string> unsent;
    for (int i = 0; i < peers; ++i) {
        all.push_back(b.peer());
        unsent.push_back(lines_of("peer " + std::to_string(i), 0, 300));
    }
    for (std::size_t step = 0; !unsent.back().empty(); ++step) {
        for (std::size_t i = 0; i < peers; ++i) {
            const std::size_t size = std::min<std::size_t>(unsent[i].size(), 97 + 13 * i);
            all[i].send(unsent[i].substr(0, size));
            unsent[i].erase(0, size);
            if (unsent[i].empty()) all[i].close();
        }
        if (step % 3 == 0) b.run(milliseconds(1));
    }
    for (std::size_t i = 0; i < peers; ++i) {
        if (!unsent[i].empty()) all[i].send(unsent[i]);
        all[i].close();
    }
    b.run_until(
        [&] { return b.stream->counts().accepted == peers && b.stream->connections() == 0; });
    std::map<std::string, std::string> by_peer;
    std::istringstream text(b.delivered());
    for (std::string line; std::getline(text, line);)
        by_peer[line.substr(0, line.rfind(' '))] += line + "\n";
    CHECK(by_peer.size() == peers);
    for (int i = 0; i < peers; ++i) {
        const std::string name = "peer " + std::to_string(i);
        CHECK(by_peer[name] == lines_of(name, 0, 300));
    }
    CHECK(b.stream->held() == 0);
    CHECK(b.stream->counts().unfinished == 0);
}

TEST_CASE("socket source lets connections take turns") {
    StreamBench b;
    b.max_bytes = 4096;
    b.start();
    b.pulling = false;
    const Peer loud = b.peer();
    const Peer quiet = b.peer();
    loud.send(lines_of("loud", 0, 20'000));
    quiet.send("quiet\n");
    b.run(milliseconds(50));
    b.pulling = true;
    b.run_until([&] { return b.text().find("quiet\n") != std::string::npos; });
    CHECK(b.text().size() < 30'000);
}

TEST_CASE("socket source does with unfinished lines what it is told, and counts them") {
    StreamBench b;
    b.config.on_unfinished =
        GENERATE(Unfinished::record, Unfinished::dead_letter, Unfinished::drop);
    const bool resets = GENERATE(false, true);
    b.start();
    Peer peer = b.peer();
    peer.send("whole\nha");
    b.run_until([&] { return b.text() == "whole\n"; });
    resets ? peer.reset() : peer.close();
    b.run_until([&] { return b.stream->connections() == 0; });
    const StreamCounts& counts = b.stream->counts();
    CHECK(counts.unfinished == 1);
    CHECK(counts.resets == (resets ? 1 : 0));
    CHECK(counts.unfinished_dropped == (b.config.on_unfinished == Unfinished::drop ? 1 : 0));
    b.run(milliseconds(10));
    if (b.config.on_unfinished == Unfinished::drop) {
        CHECK(b.text() == "whole\n");
        return;
    }
    REQUIRE(b.came.size() == 2);
    CHECK(b.came[1].text == "ha");
    const bool dead = b.config.on_unfinished == Unfinished::dead_letter;
    CHECK(b.came[1].fate == (dead ? Fate::unreadable : Fate::deliver));
    CHECK(b.came[1].why == (dead ? "the connection ended within this line" : ""));
}

TEST_CASE("socket source never joins an unfinished line to another connection's") {
    StreamBench b;
    b.start();
    Peer first = b.peer();
    first.send("first");
    b.run(milliseconds(20));
    Peer second = b.peer();
    second.send("second\n");
    b.run_until_text("second\n");
    first.close();
    b.run_until_text("second\nfirst\n");
    second.send("third\n");
    b.run_until_text("second\nfirst\nthird\n");
}

TEST_CASE("socket source's oversized line is one connection's affair") {
    StreamBench b;
    b.config.limits.line_max = 10'000;
    b.max_bytes = 4096;
    b.start();
    Peer bad = b.peer();
    Peer good = b.peer();
    const std::string long_line(25'000, 'y');
    bad.send(long_line);
    good.send("good\n");
    b.run_until_text("good\n");
    bad.send("y\nend\n");
    b.run_until_text("good\nend\n");
    std::string dead;
    for (const auto& one : b.came)
        if (one.fate == Fate::oversized) dead += one.text;
    CHECK(dead == long_line + "y\n");
    bad.send(std::string(12'000, 'z'));
    bad.close();
    b.run_until([&] { return b.stream->connections() == 1; });
    CHECK(b.delivered() == "good\nend\n");
    CHECK(b.came.back().fate == Fate::oversized);
}

TEST_CASE("socket source takes no more than max_connections, and further ones when one has ended") {
    StreamBench b;
    b.config.connections_max = 2;
    b.start();
    Peer first = b.peer();
    Peer second = b.peer();
    Peer third = b.peer();
    for (const Peer* one : {&first, &second, &third}) one->send("x\n");
    b.run_until_text("x\nx\n");
    b.run(milliseconds(50));
    CHECK(b.stream->connections() == 2);
    CHECK(b.delivered() == "x\nx\n");
    CHECK(b.said("max_connections are open") == 1);
    second.close();
    b.run_until_text("x\nx\nx\n");
}

TEST_CASE("socket source reads nothing while nobody pulls") {
    StreamBench b;
    b.start();
    const Peer peer = b.peer();
    b.run(milliseconds(20));
    b.pulling = false;
    std::string all;
    const std::string piece = lines_of("some", 0, 1000);
    // Until the system has no more room.
    for (ssize_t n = 1; n > 0;) {
        const std::string next = piece.substr(all.size() % piece.size());
        n = ::send(peer.fd(), next.data(), next.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) all += next.substr(0, static_cast<std::size_t>(n));
    }
    b.run(milliseconds(50));
    const std::size_t before = b.text().size();
    CHECK(before <= 2 * b.max_bytes);
    b.pulling = true;
    const std::string whole = all.substr(0, all.rfind('\n') + 1);
    b.run_until_text(whole);
}

TEST_CASE(
    "socket source bounds what unfinished lines take, and leaves who was silent for longest") {
    StreamBench b;
    b.config.limits.line_max = 100'000;
    b.config.unfinished_bytes_max = 200'000;
    b.config.on_unfinished = Unfinished::dead_letter;
    b.start();
    std::vector<Peer> peers;
    const std::string half(60'000, 'h');
    for (int i = 0; i < 6; ++i) {
        peers.push_back(b.peer());
        peers.back().send(half);
        b.run_until([&] {
            return b.stream->held() + 60'000 * b.stream->counts().crowded_out >=
                   60'000u * static_cast<unsigned>(i + 1);
        });
        CHECK(b.stream->held() <= 200'000 + 100'000);
    }
    b.run_until([&] { return b.stream->connections() == 3; });
    CHECK(b.stream->counts().crowded_out == 3);
    CHECK(b.said("to make room for others' lines") == 3);
    for (std::size_t i = 0; i < 6; ++i) CHECK(peers[i].is_over() == (i < 3));
    peers[5].send("\n");
    b.run_until_text(half + "\n");
}

TEST_CASE("socket source leaves who is silent, where it is told to") {
    StreamBench b;
    b.config.idle_timeout = milliseconds(200);
    b.start();
    const Peer silent = b.peer();
    const Peer talks = b.peer();
    silent.send("half");
    for (int i = 0; i < 8; ++i) {
        talks.send("x\n");
        b.run(milliseconds(50));
    }
    CHECK(b.stream->counts().idle == 1);
    CHECK(silent.is_over());
    CHECK_FALSE(talks.is_over());
    CHECK(b.delivered().find("half\n") != std::string::npos);
}

TEST_CASE("socket source replaces a socket file that nobody listens on, and nothing else") {
    StreamBench b;
    const std::string path = b.dir / "socket";
    b.config.address = address_of(path);
    {
        const Host gone(path);
    }
    struct stat st{};
    REQUIRE(::lstat(path.c_str(), &st) == 0);
    SECTION("stale") {
        b.start();
        CHECK(b.refused.empty());
        const Peer peer = b.peer();
        peer.send("x\n");
        b.run_until_text("x\n");
    }
    SECTION("in use") {
        ::unlink(path.c_str());
        const Host other(path);
        b.start();
        CHECK(b.refused.find("source \"in\": cannot listen on " + path) == 0);
        CHECK(b.refused.find("another process has it") != std::string::npos);
        CHECK(Peer::to(path).fd() >= 0);
    }
    SECTION("a file") {
        ::unlink(path.c_str());
        put_contents(path, "precious");
        b.start();
        CHECK(b.refused.find("it is no socket. Remove it, or set another path") !=
              std::string::npos);
        CHECK(contents(path) == "precious");
    }
}

TEST_CASE("socket source says when it cannot listen") {
    StreamBench b;
    const Host other("127.0.0.1:0");
    b.config.address = address_of(other.address());
    b.start();
    CHECK(b.refused.find("cannot listen on " + other.address()) != std::string::npos);
}

TEST_CASE("addresses are read and written alike, and what is none is told how it must look") {
    for (const std::string text : {"127.0.0.1:9000", "0.0.0.0:1", "[::1]:65535", "[fe80::1]:0"})
        CHECK(parse_address(text).value().text() == text);
    for (const std::string text : {"localhost:9", "127.0.0.1", "127.0.0.1:", ":9", "::1:9", "[::1]",
                                   "127.0.0.1:65536", "127.0.0.1:-1", "1.2.3:4", "[1.2.3.4]:5", ""})
        CHECK(parse_address(text).error().find("write 127.0.0.1:9000 or [::1]:9000") !=
              std::string::npos);
    CHECK(unix_address(std::string(107, 'a')).has_value());
    CHECK_FALSE(unix_address(std::string(108, 'a')).has_value());
    CHECK_FALSE(unix_address("").has_value());
}
