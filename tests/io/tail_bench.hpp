// What the tests of the file source share: real files, a virtual clock, and a reader that pulls,
// checks the contract of sources at every event, and keeps what came.
#pragma once

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "io/sources/file/file_source.hpp"
#include "io/sources/stdin/stdin_source.hpp"
#include "sim/memory_checkpoints.hpp"
#include "tests/io/instant_ring.hpp"

namespace holdfast::io::test {

struct Got {
    std::string text;
    std::uint32_t records;
    bool terminated;
    Fate fate;
    PartitionId partition;
    Epoch epoch;
    std::int64_t first, next;
    std::uint32_t held;
    std::int64_t record_first = 0;  ///< Where its first record begins.
};

class TailBench {
public:
    explicit TailBench(std::uint64_t pool_bytes = 8u << 20, std::uint32_t block_max = 1u << 20)
        : pool_bytes_(pool_bytes), block_max_(block_max) {
        char name[] = "/tmp/hf_tail_XXXXXX";
        directory = mkdtemp(name);
        config.name = "in";
        config.include = {directory + "/*.log"};
        config.sinks = {{"sink0", {0}}, {"sink1", {1}}};
    }
    ~TailBench() {
        stop();
        std::filesystem::permissions(directory, std::filesystem::perms::owner_all);
        std::filesystem::remove_all(directory);
    }
    TailBench(const TailBench&) = delete;

    std::string path(const std::string& name) const { return directory + "/" + name; }
    void append(const std::string& name, std::string_view text) const {
        std::ofstream(path(name), std::ios::app | std::ios::binary) << text;
    }
    void truncate(const std::string& name, std::uintmax_t size = 0) const {
        std::filesystem::resize_file(path(name), size);
    }
    void rename(const std::string& from, const std::string& to) const {
        std::filesystem::rename(path(from), path(to));
    }
    void remove(const std::string& name) const { std::filesystem::remove(path(name)); }

    /// (Re)starts the source with what is checkpointed.
    void start() {
        stop();
        config.records = checkpoints.all();
        config.looked_ns = checkpoints.looked_ns;
        checkpoints.restart();
        pool = std::make_unique<BlockPool>(pool_bytes_, block_max_);
        payloads = std::make_unique<Payloads>(*pool, 64);
        slots = std::make_unique<PartitionSlots>(partitions_max);
        const Log log = [this](Level level, const std::string& line) {
            logged.push_back({level, line});
        };
        if (standard_input >= 0) {
            const StdinSourceConfig from{.name = "in",
                                         .fd = standard_input,
                                         .line_max = config.line_max,
                                         .oversize = config.oversize,
                                         .stream = config.stream};
            source = std::make_unique<StdinSource>(from, ring, *payloads, events, checkpoints,
                                                   *slots, log);
        } else {
            source = std::make_unique<FileSource>(config, ring, *payloads, events, checkpoints,
                                                  *slots, log);
        }
        source->start();
        for (std::uint32_t i = 0; i < pulls_max; ++i) pull(i);
    }
    void stop() {
        ring.abandon();
        source.reset();
        while (!events.empty()) events.pop();
        open_.clear();
        idle_.clear();
    }

    /// Lets time pass, pulling whenever the source allows.
    void run(Duration time = seconds(2)) {
        const Instant until = ring.now() + time;
        while (true) {
            while (!events.empty()) take(events.pop());
            retry_idle();
            if (ring.now() >= until) break;
            ring.run(until);
        }
    }

    /// All records that came so far, in order, of all files or of one partition's first batch on.
    std::vector<std::string> lines() const {
        std::vector<std::string> list;
        for (const Got& g : got) {
            std::size_t at = 0;
            while (at < g.text.size()) {
                const auto end = g.text.find('\n', at);
                const auto next = end == std::string::npos ? g.text.size() : end + 1;
                list.push_back(g.text.substr(at, next - at));
                at = next;
            }
        }
        return list;
    }
    std::string text() const {
        std::string all;
        for (const Got& g : got) all += g.text;
        return all;
    }
    bool said(std::string_view words) const {
        for (const auto& [level, line] : logged) {
            if (line.find(words) != std::string::npos) return true;
        }
        return false;
    }
    int open_files() const {
        int n = 0;
        for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
            std::error_code error;
            const auto target = std::filesystem::read_symlink(entry.path(), error).string();
            n += target.starts_with(directory) ? 1 : 0;
        }
        return n;
    }

    std::string directory;
    FileSourceConfig config;
    InstantRing ring{any_ring()};
    std::unique_ptr<BlockPool> pool;
    std::unique_ptr<Payloads> payloads;
    Events events;
    sim::MemoryCheckpoints checkpoints;
    std::unique_ptr<PartitionSlots> slots;
    std::unique_ptr<Source> source;
    std::vector<std::pair<Level, std::string>> logged;
    std::vector<Got> got;
    std::vector<PartitionLead> leads;
    int standard_input = -1;  ///< Set: a StdinSource over it instead of a FileSource.
    std::uint32_t partitions_max = 64;
    std::uint32_t pulls_max = 2;
    std::uint32_t max_records = UINT32_MAX;
    std::uint32_t max_bytes = 64 << 10;
    bool commit = true;   ///< Each batch is committed when it comes.
    bool pulling = true;  ///< Answers are followed by the next pull.
    bool keep = false;    ///< Batches are not released.
    std::uint32_t ended = 0;
    std::uint32_t idles = 0;
    std::uint32_t readies = 0;
    std::uint32_t revoked = 0;
    std::uint32_t assigned = 0;

    void pull(std::uint32_t index) {
        idle_.erase(index);
        waiting_[index] = {index, ++generation_};
        source->pull({waiting_[index], config.id, max_records, max_bytes});
    }

private:
    struct Open {
        Epoch epoch;
        std::int64_t position;
        bool read = false;
        std::vector<std::int64_t> leads;
    };

    void retry_idle() {
        const auto copy = idle_;
        for (const auto& [index, at] : copy) {
            if (pulling && at <= ring.now()) pull(index);
        }
    }

    void take(const Event& event) {
        std::visit([this](const auto& e) { on(e); }, event);
    }
    void answered(BatchId batch) {
        REQUIRE(waiting_.contains(batch.index));
        REQUIRE(waiting_[batch.index] == batch);
        waiting_.erase(batch.index);
    }
    void on(const PartitionAssigned& e) {
        REQUIRE_FALSE(open_.contains(e.partition.index));
        open_[e.partition.index] = {e.epoch, e.position.value};
        ++assigned;
    }
    void on(const PartitionLead& e) {
        auto& open = open_.at(e.partition.index);
        REQUIRE(open.epoch == e.epoch);
        REQUIRE_FALSE(open.read);
        REQUIRE(e.position.value > open.position);
        open.leads.push_back(e.position.value);
        leads.push_back(e);
    }
    void on(const BatchPulled& e) {
        answered(e.batch);
        REQUIRE(open_.contains(e.partition.index));
        auto& open = open_.at(e.partition.index);
        REQUIRE(open.epoch == e.epoch);
        REQUIRE(e.first.value == open.position);
        REQUIRE(e.next.value > e.first.value);
        REQUIRE(e.records >= 1);
        REQUIRE(e.held >= e.bytes);
        REQUIRE((e.held <= std::max(max_bytes, 4096u) || e.records == 1));
        REQUIRE(e.records <= max_records);
        for (auto lead : open.leads) {
            REQUIRE((lead <= e.first.value || lead >= e.next.value));
        }
        open.position = e.next.value;
        open.read = true;
        const Payload& payload = payloads->at(e.batch);
        REQUIRE(payload.bytes.size() == e.bytes);
        const std::string bytes(reinterpret_cast<const char*>(payload.bytes.data()), e.bytes);
        const bool lines = config.stream.framing == Framing::lines;
        REQUIRE((!lines || payload.terminated == (bytes.back() == '\n')));
        REQUIRE(payload.first.value >= e.first.value);
        got.push_back({bytes, e.records, payload.terminated, e.fate, e.partition, e.epoch,
                       e.first.value, e.next.value, e.held, payload.first.value});
        if (commit) checkpoints.stage(StagePosition{e.partition, e.epoch, e.next});
        if (!keep) payloads->release(e.batch);
        if (pulling && !keep) pull(e.batch.index);
        if (!pulling) idle_[e.batch.index] = ring.now();
    }
    void on(const SourceIdle& e) {
        answered(e.batch);
        ++idles;
        idle_[e.batch.index] = ring.now() + e.retry_after;
    }
    void on(const SourceEnded& e) {
        answered(e.batch);
        ++ended;
    }
    void on(const SourceReady&) {
        ++readies;
        for (auto& [index, at] : idle_) at = ring.now();
    }
    void on(const PartitionRevoked& e) {
        REQUIRE(open_.at(e.partition.index).epoch == e.epoch);
        open_.erase(e.partition.index);
        ++revoked;
        source->revoke_done({SourceId{0}, e.partition, e.epoch});
    }
    template <class T>
    void on(const T&) {
        FAIL("an event that no source may send");
    }

    std::uint64_t pool_bytes_;
    std::uint32_t block_max_;
    std::map<std::uint32_t, Open> open_;
    std::map<std::uint32_t, BatchId> waiting_;
    std::map<std::uint32_t, Instant> idle_;
    std::uint32_t generation_ = 0;
};

using Lines = std::vector<std::string>;

}  // namespace holdfast::io::test
