// Invariant I25 on a simulated disk: whatever writers, rotations, truncations, faults and crashes
// do, each complete line is emitted at least once (exactly once without a crash), no position lies
// inside an unemitted line, and nothing is attributed to another life of a file.
#include <algorithm>
#include <catch2/catch.hpp>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "core/base/mix.hpp"
#include "io/devices/file_source.hpp"
#include "sim/sim_ring.hpp"
#include "tests/io/memory_checkpoints.hpp"

using namespace holdfast;
using namespace holdfast::io;
using namespace holdfast::sim;

namespace {

/// What was ever in a file between two truncations.
struct Life {
    std::string text;
    std::vector<std::uint8_t> emitted;  ///< By byte: how often.
    bool lossy = false;                 ///< Was truncated: what was unread is gone.
    bool twin = false;                  ///< Shares its beginning with another life.
};

struct Claim {
    std::vector<std::size_t> lives;  ///< Those that all of its batches agree with.
    std::vector<std::pair<std::int64_t, std::int64_t>> ranges;
    std::int64_t position = 0;
};

class TailWorld {
public:
    explicit TailWorld(std::uint64_t seed)
        : seed_(seed), choices_(seed), disk_(choices_), ring_(disk_, clock_, choices_) {
        faulty_ = pick(1, 0, 2) == 1;
        crashing_ = pick(2, 0, 3) == 0;
        if (faulty_) {
            auto& f = disk_.options().faults;
            f.read = 20;
            f.read_short = 200;
            f.open = 30;
            f.inode_reused = 500;
            ring_.options().interrupted = 30;
            ring_.options().again = 30;
        }
        if (pick(3, 0, 2) == 1) ring_.options().latency_us_max = 3000;
        disk_.make_directories("/logs");
        config_.name = "in";
        config_.include = {"/logs/*.log*"};
        config_.line_max = 64 + static_cast<std::uint32_t>(pick(4, 0, 4)) * 50;
        max_bytes_ = 4096u << pick(5, 0, 3);
        max_records_ =
            pick(6, 0, 2) == 0 ? UINT32_MAX : 1 + static_cast<std::uint32_t>(pick(7, 0, 9));
        start();
    }
    ~TailWorld() {
        ring_.abandon();
        source_.reset();
    }

    void live(std::uint64_t actions) {
        for (std::uint64_t i = 0; i < actions; ++i) {
            act(i);
            const std::uint64_t pause = pick(10, i, 4) == 0 ? pick(11, i, 9000) : pick(12, i, 300);
            run(milliseconds(static_cast<std::int64_t>(pause)));
            if (crashing_ && pick(13, i, 12) == 0) crash();
        }
        heal();
    }

    void judge() {
        for (const auto& line : said_) UNSCOPED_INFO(line);
        for (const auto& [name, claim] : claims_) {
            REQUIRE_FALSE(claim.lives.empty());
            Life& life = lives_[claim.lives.back()];
            life.emitted.resize(life.text.size());
            for (const auto& [begin, end] : claim.ranges) {
                for (auto i = begin; i < end; ++i) ++life.emitted[static_cast<std::size_t>(i)];
            }
        }
        for (Life& life : lives_) {
            life.emitted.resize(life.text.size());
            const std::size_t complete = life.text.rfind('\n') + 1;
            for (std::size_t i = 0; i < complete; ++i) {
                if (!life.lossy) REQUIRE(life.emitted[i] >= 1);
                INFO("life " << (&life - lives_.data()) << " byte " << i << ": "
                             << life.text.substr(0, 40));
                if (!crashed_ && !life.twin) REQUIRE(life.emitted[i] <= 1);
            }
        }
    }

    std::size_t emitted = 0;

private:
    std::uint64_t pick(std::uint64_t what, std::uint64_t n, std::uint64_t bound) const {
        return scale(mix(seed_, what, 99, n), bound);
    }

    // ---- the writers ----

    void act(std::uint64_t i) {
        disk_.set_wall(clock_.wall_ns());
        const std::string path = pick(20, i, 3) == 0 ? "/logs/b.log" : "/logs/a.log";
        switch (pick(21, i, 10)) {
            case 0:
                rotate(path);
                break;
            case 1:
                rotate(path);
                append(path, i);
                rotate(path);
                append(path, i + 1000);
                break;
            case 2:
                if (disk_.exists(path)) {
                    lives_[at_[path]].lossy = true;
                    at_.erase(path);
                    rest_.erase(path);
                    disk_.cut(path, 0);
                    if (pick(22, i, 2) == 0) append(path, i);
                }
                break;
            case 3:
                if (!faulty_ && !crashing_ && disk_.exists(path)) cut_short(path, i);
                break;
            default:
                append(path, i);
        }
    }
    void append(const std::string& path, std::uint64_t i) {
        if (!at_.contains(path)) {
            at_[path] = lives_.size();
            lives_.push_back({});
        }
        Life& life = lives_[at_[path]];
        std::string more;
        for (std::uint64_t k = pick(30, i, 12); k > 0; --k) {
            more += "<" + std::to_string(at_[path]) + ":" + std::to_string(serial_++) + "> ";
            more +=
                std::string(pick(31, serial_, 20) == 0 ? 300 : pick(32, serial_, 40), 'x') + "\n";
        }
        // Writers stop wherever they like; what is left comes with the next append.
        more = rest_[path] + more;
        const std::size_t now = pick(33, i, 2) == 0 ? more.size() : pick(34, i, more.size() + 1);
        rest_[path] = more.substr(now);
        more.resize(now);
        life.text += more;
        disk_.append(path, more);
    }
    void rotate(const std::string& path) {
        if (!disk_.exists(path)) return;
        int last = 1;
        while (disk_.exists(path + "." + std::to_string(last))) ++last;
        for (; last > 1; --last) {
            disk_.move(path + "." + std::to_string(last - 1), path + "." + std::to_string(last));
        }
        disk_.move(path, path + ".1");
        at_.erase(path);
        rest_.erase(path);
    }
    /// Truncated to more than nothing: a new life that begins as the old one did.
    void cut_short(const std::string& path, std::uint64_t i) {
        if (!at_.contains(path)) return;
        const std::size_t before = at_[path];
        Life& old = lives_[before];
        const std::size_t size = pick(40, i, old.text.size() + 1);
        if (size == old.text.size()) return;
        old.lossy = true;
        Life fresh{.text = old.text.substr(0, size)};
        // Nobody can see a truncation that was outgrown before the next look; and what was unread
        // of the old life may be taken for the new one's.
        fresh.lossy = fresh.twin = old.twin = true;
        at_[path] = lives_.size();
        lives_.push_back(std::move(fresh));
        disk_.cut(path, size);
        rest_.erase(path);
        // Where nothing beyond the cut was read, nobody can tell the two lives apart.
        for (auto& [name, claim] : claims_) {
            const bool has = std::count(claim.lives.begin(), claim.lives.end(), before) > 0;
            if (has && claim.position <= static_cast<std::int64_t>(size)) {
                claim.lives.push_back(at_[path]);
            }
        }
        run(seconds(30));
    }

    // ---- the process ----

    void start() {
        ++process_;
        config_.records = checkpoints_.all();
        checkpoints_.restart();
        pool_ = std::make_unique<BlockPool>(256 << 10, 32 << 10);
        payloads_ = std::make_unique<Payloads>(*pool_, 16);
        slots_ = std::make_unique<PartitionSlots>(256);
        source_ = std::make_unique<FileSource>(
            config_, ring_, *payloads_, events_, checkpoints_, *slots_,
            [this](Level, const std::string& line) {
                said_.push_back(std::to_string(clock_.now.ns / 1'000'000) + " " + line);
            });
        source_->start();
        for (std::uint32_t i = 0; i < 3; ++i) pull(i);
    }
    void pull(std::uint32_t index) {
        idle_.erase(index);
        source_->pull({{index, ++generation_}, config_.id, max_records_, max_bytes_});
    }
    void crash() {
        crashed_ = true;
        ring_.kill();
        source_.reset();
        while (!events_.empty()) events_.pop();
        idle_.clear();
        pending_.clear();
        checkpoints_.records = durable_;
        start();
    }
    void run(Duration time) {
        const Instant until = clock_.now + time;
        while (true) {
            disk_.set_wall(clock_.wall_ns());
            while (!events_.empty()) std::visit([this](const auto& e) { on(e); }, events_.pop());
            const auto idle = idle_;
            for (const auto& [index, at] : idle) {
                if (at <= clock_.now) pull(index);
            }
            settle();
            if (clock_.now >= until) return;
            ring_.run(until);
        }
    }
    /// Batches are committed late and now and then; the checkpoint is durable even later.
    void settle() {
        ++turn_;
        while (!pending_.empty() && pick(50, turn_ + pending_.size(), 3) > 0) {
            const StagePosition stage = pending_.front();
            pending_.pop_front();
            if (!closed_.contains({stage.partition.index, stage.epoch.value})) {
                checkpoints_.stage(stage);
            }
        }
        if (pick(51, turn_, 8) == 0) durable_ = checkpoints_.records;
    }
    void heal() {
        disk_.options().faults = {};
        ring_.options().interrupted = ring_.options().again = 0;
        crashing_ = false;
        run(seconds(120));
    }

    // ---- events ----

    void on(const PartitionAssigned& e) {
        closed_.erase({e.partition.index, e.epoch.value});
        Claim& claim = claims_[{process_, e.partition.index, e.epoch.value}];
        claim.position = e.position.value;
        for (std::size_t i = 0; i < lives_.size(); ++i) claim.lives.push_back(i);
    }
    void on(const BatchPulled& e) {
        Claim& claim = claims_.at({process_, e.partition.index, e.epoch.value});
        REQUIRE(claim.position == e.first.value);
        const auto bytes = payloads_->at(e.batch).bytes;
        const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        const auto first = static_cast<std::size_t>(e.first.value);
        std::erase_if(claim.lives, [&](std::size_t i) {
            const std::string& all = lives_[i].text;
            return first > all.size() || all.compare(first, text.size(), text) != 0;
        });
        INFO("partition " << e.partition.index << " at " << first << ": " << text);
        REQUIRE_FALSE(claim.lives.empty());
        if (e.fate == Fate::deliver) REQUIRE(text.back() == '\n');
        claim.position = e.next.value;
        claim.ranges.emplace_back(e.first.value, e.next.value);
        pending_.push_back({e.partition, e.epoch, e.next});
        payloads_->release(e.batch);
        emitted += e.records;
        pull(e.batch.index);
    }
    void on(const PartitionRevoked& e) {
        // All that was pulled of it is settled before the engine answers.
        while (!pending_.empty()) {
            const StagePosition stage = pending_.front();
            pending_.pop_front();
            if (!closed_.contains({stage.partition.index, stage.epoch.value})) {
                checkpoints_.stage(stage);
            }
        }
        closed_.insert({e.partition.index, e.epoch.value});
        source_->revoke_done({e.partition, e.epoch});
    }
    void on(const SourceIdle& e) { idle_[e.batch.index] = clock_.now + e.retry_after; }
    void on(const SourceReady&) {
        for (auto& [index, at] : idle_) at = clock_.now;
    }
    template <class T>
    void on(const T&) {
        FAIL("an event that a file source may not send here");
    }

    std::uint64_t seed_;
    Seeded choices_;
    SimClock clock_;
    SimDisk disk_;
    SimRing ring_;
    FileSourceConfig config_;
    std::uint32_t max_bytes_ = 4096, max_records_ = 1;
    bool faulty_ = false, crashing_ = false, crashed_ = false;
    std::vector<Life> lives_;
    std::map<std::string, std::size_t> at_;
    std::map<std::string, std::string> rest_;
    std::uint64_t serial_ = 0, turn_ = 0;
    std::unique_ptr<BlockPool> pool_;
    std::unique_ptr<Payloads> payloads_;
    Events events_;
    io::test::MemoryCheckpoints checkpoints_;
    std::map<std::string, CheckpointPartition> durable_;
    std::unique_ptr<PartitionSlots> slots_;
    std::unique_ptr<FileSource> source_;
    std::vector<std::string> said_;
    std::uint32_t process_ = 0, generation_ = 0;
    std::map<std::uint32_t, Instant> idle_;
    std::deque<StagePosition> pending_;
    std::set<std::pair<std::uint32_t, std::uint32_t>> closed_;
    std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>, Claim> claims_;
};

}  // namespace

TEST_CASE("I25: the tailer emits each complete line, from the file that it is of") {
    std::size_t emitted = 0;
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        INFO("seed " << seed);
        TailWorld world(seed);
        world.live(40);
        world.judge();
        emitted += world.emitted;
    }
    CHECK(emitted > 300 * 50);
}
