#include "sim/tail_world.hpp"
#include "core/base/assert.hpp"

#include <algorithm>
#include <stdexcept>

#include "core/base/mix.hpp"
#include "sim/device_worlds.hpp"

namespace holdfast::sim {
namespace {

// What a choice is about; the answer 0 is the plain course of things.
enum What : std::uint64_t {
    is_faulty = 1,
    is_crashing,
    has_latency,
    line_max,
    pull_bytes,
    limits_records,
    pull_records,
    pauses_long,
    pause,
    short_pause,
    crashes,
    which_path,
    which_deed,
    appends_after,
    lines,
    long_line,
    line_length,
    whole,
    part,
    cut_size,
    commits_late,
    stays_volatile,
    clock_jumps,
    jump_seconds,
    sinks_hang,
    which_folder,
    long_often,
};

constexpr int acts_max = 40;

}  // namespace

TailWorld::TailWorld(Choices& choices, io::Framing framing, bool wide)
    : choices_(choices), disk_(choices_), ring_(disk_, clock_, choices_), wide_(wide) {
    faulty_ = pick(is_faulty, 2) == 1;
    crashing_ = pick(is_crashing, 3) == 2;
    if (faulty_) {
        auto& f = disk_.options().faults;
        f.read = 20;
        f.read_short = 200;
        f.open = 30;
        f.inode_reused = 500;
        ring_.options().interrupted = 30;
        ring_.options().again = 30;
    }
    if (pick(has_latency, 2) == 1) ring_.options().latency_us_max = 3000;
    disk_.make_directories("/logs");
    config_.name = "in";
    config_.stream.framing = framing;
    config_.include = {"/logs/*.log*"};
    config_.line_max = 64 + static_cast<std::uint32_t>(pick(line_max, 4)) * 50;
    // What finds its way again within pieces of records that are too long: where they are many.
    if (framing != io::Framing::lines && pick(long_often, 3) == 2) long_each_ = 3;
    max_bytes_ = 4096u << pick(pull_bytes, 3);
    max_records_ = pick(limits_records, 2) == 0
                       ? UINT32_MAX
                       : 1 + static_cast<std::uint32_t>(pick(pull_records, 9));
    checkpoints_.saved = [this] {
        durable_ = checkpoints_.records;
        durable_ns_ = clock_.wall_ns();
        durable_look_ns_ = checkpoints_.looked_ns;
    };
    if (wide_) widen();
    const std::int64_t begun = clock_.wall_ns();
    start();
    // As the runner does: what a start knows of the sinks is durable before anything is read.
    if (wide_) durable_ns_ = begun;
    if (wide_) run(milliseconds(500));  // The first look: what was rotated before it is old.
}

TailWorld::~TailWorld() {
    ring_.abandon();
    source_.reset();
}

std::uint64_t TailWorld::pick(std::uint64_t what, std::uint64_t bound) {
    return choices_.choose(Site::tail_world, what, asked_[what]++, bound);
}

void TailWorld::check(bool holds, const std::string& what) {
    if (holds || !problem_.empty()) return;
    for (const std::string& line : said_) problem_ += line + "\n";
    problem_ += std::to_string(clock_.now.ns / 1'000'000) + " " + what;
}

void TailWorld::tell(const std::string& what) {
    said_.push_back(std::to_string(clock_.now.ns / 1'000'000) + " " + what);
}

std::uint64_t TailWorld::digest() const {
    std::uint64_t hash = mix64(emitted_);
    for (const std::string& line : said_) {
        for (const char c : line) hash = mix64(hash ^ static_cast<unsigned char>(c));
    }
    return hash;
}

void TailWorld::act() {
    disk_.set_wall(clock_.wall_ns());
    // Somebody sets the clock ahead. (Back: which of two files is newer cannot be told then.)
    if (pick(clock_jumps, 8) == 7) {
        clock_.wall_offset_ns +=
            static_cast<std::int64_t>(pick(jump_seconds, 100'000)) * 1'000'000'000;
    }
    deed(some_path());
    if (wide_) strange();
    hanging_ = crashing_ && pick(sinks_hang, 4) == 3;
    const std::uint64_t ms = pick(pauses_long, 4) == 3 ? pick(pause, 9000) : pick(short_pause, 300);
    run(milliseconds(static_cast<std::int64_t>(ms)));
    if (crashing_ && pick(crashes, 12) == 11) crash();
}

std::string TailWorld::some_path() {
    const std::string folder = mounted_ && pick(which_folder, 2) == 1 ? "/mnt" : "/logs";
    return folder + (pick(which_path, 3) == 1 ? "/b.log" : "/a.log");
}

void TailWorld::deed(const std::string& path) {
    switch (pick(which_deed, 10)) {
        case 6: rotate(path); break;
        case 7:
            rotate(path);
            append(path);
            rotate(path);
            append(path);
            break;
        case 8: empty(path); break;
        case 9:
            if (!faulty_ && !crashing_) cut_short(path);
            break;
        default: append(path);
    }
}

void TailWorld::end() {
    disk_.options().faults = {};
    ring_.options().interrupted = ring_.options().again = 0;
    crashing_ = hanging_ = false;
    if (wide_) end_all();
    run(seconds(120));
    while (!pending_.empty()) settle_oldest();
    judge();
}

/// A piece of a line that is too long may be of several lives: then it counts for each of them.
void TailWorld::credit(const Claim& claim) {
    const bool open =
        claim.lives.size() > 1 && !std::all_of(claim.lives.begin(), claim.lives.end(),
                                               [&](std::size_t i) { return lives_[i].twin; });
    for (const std::size_t of : claim.lives) {
        if (!open && of != claim.lives.back()) continue;
        Life& life = lives_[of];
        if (open && life.foreign) continue;
        life.shared = life.shared || open;
        life.emitted.resize(life.text.size());
        for (const auto& [begin, end] : claim.ranges) {
            const auto last = std::min(static_cast<std::size_t>(end), life.text.size());
            HF_ASSERT(open || last == static_cast<std::size_t>(end));
            for (auto i = static_cast<std::size_t>(begin); i < last; ++i) ++life.emitted[i];
        }
    }
}

void TailWorld::judge() {
    for (const auto& [name, claim] : claims_) {
        if (claim.lives.empty()) return check(false, "bytes that are of no file");
        credit(claim);
    }
    // What files begin with alike, and may have been given away as a fragment, tells none from
    // another: "<1" of an input that ended where "<12:..." stands later, and `["<`, as all arrays begin.
    const bool array = config_.stream.framing == io::Framing::json_array;
    const std::size_t alike = header_ + (array || config_.end == io::EndAt::eof ? 3 : 0);
    for (Life& life : lives_) {
        life.emitted.resize(life.text.size());
        const bool all =
            config_.end == io::EndAt::eof && config_.stream.framing == io::Framing::lines;
        const std::size_t end = all ? life.text.size() : complete(life.text);
        for (std::size_t i = 0; i < end; ++i) {
            if (life.foreign) {
                check(i < alike || life.emitted[i] == 0, "of no concern, and read: " + life.text);
                continue;
            }
            const std::string what = "life " + std::to_string(&life - lives_.data()) + " byte " +
                                     std::to_string(i) + ": " + life.text.substr(0, 40);
            check(life.lossy || i < life.owed_from || i < alike || life.emitted[i] >= 1,
                  "not read: " + what);
            check(crashed_ || life.twin || life.shared || i < alike || life.emitted[i] <= 1,
                  "read twice: " + what);
        }
    }
}

// ---- the writers -----------------------------------------------------------------------------

void TailWorld::append(const std::string& path) {
    if (!at_.contains(path)) {
        at_[path] = lives_.size();
        lives_.push_back({});
        if (config_.read_from == io::ReadFrom::end) {
            lives_.back().owed_from = SIZE_MAX;
            // A file may be assigned before anything stands in it.
            begins_as(at_[path], 0, 0);
        }
        // Emptied and written anew, it is the same as far as all files are.
        if (header_ > 0) begins_as(at_[path], 1, header_);
    }
    Life& life = lives_[at_[path]];
    std::string more;
    if (header_ > 0 && life.text.empty() && rest_[path].empty()) {
        for (std::size_t at = 0; at < header_; at += 50) more += std::string(49, 'h') + "\n";
    }
    // Nobody can tell files apart of which no more was read than what all begin with.
    const bool begins = !more.empty();
    for (std::uint64_t k = pick(lines, 12) + (begins ? 1 : 0); k > 0; --k) {
        const std::string head =
            "<" + std::to_string(at_[path]) + ":" + std::to_string(serial_++) + "> ";
        const std::uint64_t length =
            pick(long_line, long_each_) == long_each_ - 1 ? 300 : pick(line_length, 40);
        more += record(head + std::string(length, 'x'), life.text + rest_[path] + more);
    }
    // Writers stop wherever they like; what is left comes with the next append.
    more = rest_[path] + more;
    const std::size_t now =
        pick(whole, 2) == 0 || begins ? more.size() : pick(part, more.size() + 1);
    rest_[path] = more.substr(now);
    more.resize(now);
    life.text += more;
    tell("* " + path + " grows to " + std::to_string(life.text.size()) + ", life " +
         std::to_string(at_[path]));
    disk_.append(path, more);
}

/// Whoever stands between these places may go on in this life as well.
void TailWorld::begins_as(std::size_t life, std::size_t first, std::size_t last) {
    for (auto& [name, claim] : claims_) {
        const auto at = static_cast<std::size_t>(claim.position);
        if (at >= first && at <= last) claim.lives.push_back(life);
    }
}

/// A record with this line in it, as it stands in a file behind `before`.
std::string TailWorld::record(std::string line, const std::string& before) const {
    switch (config_.stream.framing) {
        case io::Framing::json_array: return (before.empty() ? "[\"" : "\"") + line + "\",\n";
        case io::Framing::msgpack: {
            if ((line.size() + 1) % 256 == '\n') line += 'x';  // A line has one end.
            line += '\n';
            return "\xda" +
                   std::string{static_cast<char>(line.size() >> 8),
                               static_cast<char>(line.size() & 0xff)} +
                   line;
        }
        case io::Framing::length: {
            if ((line.size() + 1) % 256 == '\n') line += 'x';
            line += '\n';
            return std::string{'\0', '\0', static_cast<char>(line.size() >> 8),
                               static_cast<char>(line.size() & 0xff)} +
                   line;
        }
        default: return line + "\n";
    }
}

/// Up to where a file's records are all there.
std::size_t TailWorld::complete(const std::string& text) const {
    if (config_.stream.framing != io::Framing::json_array) return text.rfind('\n') + 1;
    const std::size_t end = text.rfind("\",");
    return end == std::string::npos ? 0 : end + 1;
}

void TailWorld::rotate(const std::string& path) {
    if (!disk_.exists(path)) return;
    int last = 1;
    while (disk_.exists(path + "." + std::to_string(last))) ++last;
    for (; last > 1; --last) {
        follow_name(path + "." + std::to_string(last - 1), path + "." + std::to_string(last));
    }
    follow_name(path, path + ".1");
}

void TailWorld::follow_name(const std::string& from, const std::string& to) {
    tell("* " + from + " -> " + to);
    disk_.move(from, to);
    const auto life = at_.find(from);
    if (life != at_.end()) at_[to] = life->second;
    rest_[to] = rest_[from];
    at_.erase(from);
    rest_.erase(from);
}

void TailWorld::empty(const std::string& path) {
    if (!disk_.exists(path)) return;
    if (at_.contains(path)) lives_[at_[path]].lossy = true;
    at_.erase(path);
    rest_.erase(path);
    tell("* " + path + " emptied");
    disk_.cut(path, 0);
    if (pick(appends_after, 2) == 0) append(path);
}

/// Truncated to more than nothing: a new life that begins as the old one did.
void TailWorld::cut_short(const std::string& path) {
    if (!at_.contains(path) || source_ == nullptr) return;
    const std::size_t before = at_[path];
    Life& old = lives_[before];
    const std::size_t size = pick(cut_size, old.text.size() + 1);
    if (size == old.text.size()) return;
    old.lossy = true;
    Life fresh{.text = old.text.substr(0, size), .emitted = {}};
    // Nobody can see a truncation that was outgrown before the next look; and what was unread of
    // the old life may be taken for the new one's.
    fresh.lossy = fresh.twin = old.twin = true;
    at_[path] = lives_.size();
    lives_.push_back(std::move(fresh));
    tell("* " + path + " cut to " + std::to_string(size) + ", life " + std::to_string(at_[path]));
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

// ---- the process -----------------------------------------------------------------------------

void TailWorld::start() {
    ++process_;
    config_.records = checkpoints_.all();
    config_.recorded_ns = durable_ns_;
    config_.looked_ns = durable_look_ns_;
    ended_ = false;
    tell("--- a process starts");
    checkpoints_.restart();
    pool_ = std::make_unique<io::BlockPool>(256 << 10, 32 << 10);
    payloads_ = std::make_unique<io::Payloads>(*pool_, 16);
    slots_ = std::make_unique<io::PartitionSlots>(256);
    source_ = std::make_unique<io::FileSource>(config_, ring_, *payloads_, events_, checkpoints_,
                                               *slots_, [this](io::Level, const std::string& line) {
                                                   tell(line);
                                                   hear(line);
                                               });
    source_->start();
    for (std::uint32_t i = 0; i < 3; ++i) pull(i);
}

void TailWorld::pull(std::uint32_t index) {
    idle_.erase(index);
    source_->pull({{index, ++generation_}, config_.id, max_records_, max_bytes_});
}

void TailWorld::crash() {
    crashed_ = true;
    ring_.kill();
    source_.reset();
    while (!events_.empty()) events_.pop();
    idle_.clear();
    pending_.clear();
    checkpoints_.records = durable_;
    checkpoints_.looked_ns = durable_look_ns_;
    if (wide_) rest_a_while();
    start();
}

void TailWorld::run(Duration time) {
    const Instant until = clock_.now + time;
    while (problem_.empty()) {
        disk_.set_wall(clock_.wall_ns());
        while (!events_.empty()) std::visit([this](const auto& e) { on(e); }, events_.pop());
        const auto idle = idle_;
        for (const auto& [index, at] : idle) {
            if (at <= clock_.now) pull(index);
        }
        settle();
        if (clock_.now >= until) return;
        Instant wake = until;
        for (const auto& [index, at] : idle_) wake = std::min(wake, std::max(at, clock_.now));
        ring_.run(wake);
    }
}

/// Batches are settled late and now and then; the checkpoint is durable even later.
void TailWorld::settle() {
    while (!hanging_ && !pending_.empty() && pick(commits_late, 3) < 2) settle_oldest();
    if (crashing_ && pick(stays_volatile, 8) == 0) checkpoints_.saved();
}

void TailWorld::settle_oldest() {
    const Unsettled batch = pending_.front();
    pending_.pop_front();
    batch.claim->ranges.emplace_back(batch.first.value, batch.stage.position.value);
    if (!closed_.contains({batch.stage.partition.index, batch.stage.epoch.value})) {
        checkpoints_.stage(batch.stage);
    }
}

// ---- events ----------------------------------------------------------------------------------

void TailWorld::on(const PartitionAssigned& e) {
    closed_.erase({e.partition.index, e.epoch.value});
    Claim& claim = claims_[{process_, e.partition.index, e.epoch.value}];
    claim.position = e.position.value;
    for (std::size_t i = 0; i < lives_.size(); ++i) claim.lives.push_back(i);
}

void TailWorld::on(const BatchPulled& e) {
    Claim& claim = claims_.at({process_, e.partition.index, e.epoch.value});
    check(claim.position == e.first.value, "a batch that doesn't begin where the last one ended");
    const auto bytes = payloads_->at(e.batch).bytes;
    const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const auto first = static_cast<std::size_t>(payloads_->at(e.batch).first.value);
    check(first >= static_cast<std::size_t>(e.first.value), "a record before its batch");
    std::erase_if(claim.lives, [&](std::size_t i) {
        const std::string& all = lives_[i].text;
        return first > all.size() || all.compare(first, text.size(), text) != 0;
    });
    check(!claim.lives.empty(), "partition " + std::to_string(e.partition.index) + " at " +
                                    std::to_string(first) + ", bytes of no file: " + text);
    const char last = config_.stream.framing == io::Framing::json_array ? '"' : '\n';
    const bool cut = std::any_of(claim.lives.begin(), claim.lives.end(),
                                 [&](std::size_t i) { return lives_[i].twin; });
    const bool lines = config_.stream.framing == io::Framing::lines;
    const bool ends = wide_;  // What ends for good, or is rotated away, may end within a line.
    check(e.fate != Fate::deliver || text.back() == last || ((cut || ends) && !lines) ||
              (lines && ends),
          "a record without an end: " + std::to_string(first) + " [" + text + "]");
    claim.position = e.next.value;
    pending_.push_back({{e.partition, e.epoch, e.next}, e.first, &claim});
    payloads_->release(e.batch);
    emitted_ += e.records;
    pull(e.batch.index);
}

void TailWorld::on(const PartitionRevoked& e) {
    // All that was pulled of a partition is settled before the engine answers its revocation.
    while (!pending_.empty()) settle_oldest();
    closed_.insert({e.partition.index, e.epoch.value});
    source_->revoke_done({SourceId{0}, e.partition, e.epoch});
}

void TailWorld::on(const SourceIdle& e) { idle_[e.batch.index] = clock_.now + e.retry_after; }

void TailWorld::on(const SourceReady&) {
    for (auto& [index, at] : idle_) at = clock_.now;
}

void TailWorld::on(const SourceEnded&) {
    check(config_.end == io::EndAt::eof, "an end, though it waits for more");
    ended_ = true;
}

std::optional<Breach> run_tailer(std::uint64_t seed, io::Framing framing) {
    Seeded choices(seed);
    try {
        TailWorld world(choices, framing, seed % 2 == 1);
        for (int i = 0; i < acts_max && world.problem().empty(); ++i) world.act();
        world.end();
        if (!world.problem().empty()) return Breach{"I25", world.problem()};
    } catch (const std::out_of_range&) {
        return Breach{"I21", "an event names what was never assigned or pulled"};
    }
    return {};
}

}  // namespace holdfast::sim
