// What a test of a sink needs around it: a directory, payloads, events, a log.
#pragma once

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "io/device.hpp"
#include "io/log.hpp"
#include "io/payloads.hpp"
#include "plain_ring.hpp"

namespace holdfast::io::test {

struct TestDir {
    std::filesystem::path path;
    TestDir() {
        std::string name = (std::filesystem::temp_directory_path() / "holdfast-XXXXXX").string();
        path = mkdtemp(name.data());
    }
    ~TestDir() { std::filesystem::remove_all(path); }
    TestDir(const TestDir&) = delete;
    std::string operator/(const std::string& name) const { return (path / name).string(); }
};

inline std::string contents(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

inline void put_contents(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
}

struct SinkBench {
    TestDir dir;
    PlainRing ring{any_ring()};
    BlockPool pool{1 << 20, 1 << 16};
    Payloads payloads{pool, 1024};
    Events events;
    std::vector<std::string> lines;
    Log log = [this](Level, const std::string& line) { lines.push_back(line); };
    std::uint32_t batches = 0;

    /// A batch of these bytes; its last record may lack its newline.
    Part batch(const std::string& text) {
        const auto block = pool.take(static_cast<std::uint32_t>(text.size()));
        std::memcpy(block.data(), text.data(), text.size());
        Payload payload;
        payload.block = block;
        payload.bytes = block.first(text.size());
        payload.terminated = text.back() == '\n';
        payload.records = static_cast<std::uint32_t>(std::count(text.begin(), text.end(), '\n')) +
                          (payload.terminated ? 0 : 1);
        payload.first = Position{1000};
        const BatchId id{batches++, 1};
        payloads.put(id, payload);
        return {.batch = id, .begin = 0, .end = payload.records};
    }
    static WriteToSink write_of(std::uint32_t delivery, std::uint32_t attempt = 1) {
        return {.delivery = {delivery, 1},
                .sink = SinkId{0},
                .attempt = attempt,
                .deadline = never,
                .parts = {},
                .records = 0,
                .bytes = 0};
    }
    bool has_logged(const std::string& text) const {
        return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) {
            return line.find(text) != std::string::npos;
        });
    }
    /// The next answer, which must be of this kind.
    template <class E>
    E next() {
        ring.settle();
        return std::get<E>(events.pop());
    }
};

}  // namespace holdfast::io::test
