// Folders of files around a file source that ends: what is asked for, what is excluded, what cannot
// be read for some time or for ever.
//
// I50: with `end = "eof"` each file that a pattern includes and none excludes is given away once and
// whole, nothing else is; the source ends; and it says that it gave up, and of how much, exactly
// where something of it could not be read or listed for give_up_after.
// Rule: what is asked for is worked out here, by trying all ways, not by the source's own code.
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "sim/device_worlds.hpp"
#include "sim/memory_checkpoints.hpp"
#include "sim/packed.hpp"
#include "sim/sim_ring.hpp"

namespace holdfast::sim {
namespace {

// What a choice is about; the answer 0 is the plain course of things.
enum What : std::uint64_t {
    base_name,
    patterns,
    which_include,
    excludes,
    which_exclude,
    has_file,
    lines,
    is_denied,
    heals,
    heals_at,
    patience,
    has_folder,
    folder_denied,
    packs,
    is_packed,
    is_cut,
};

constexpr const char* bases[] = {"/in", "/svc[prod]", "/a*b{c}?", "/p[!x]q"};
constexpr const char* folders[] = {"", "/d", "/d/e", "/d/e/d", "/f*", "/f*/d"};
constexpr const char* names[] = {"a.log", "a.log.1", "b.log", "b.txt"};
// Behind the base; none matches by its base alone.
constexpr const char* include_ways[] = {"/**/*.log",    "/*.log",   "/d/**/?.*",   "/**/d/**/*",
                                        "/*/[ab].log*", "/d/a.log", "/**/e/**/d/*"};
constexpr const char* exclude_ways[] = {"/**/*.1", "/d/e", "/**/b.*", "/f\\*/**", "/x"};

using Parts = std::vector<std::string>;

Parts split(const std::string& path) {
    Parts parts;
    for (const char c : path) {
        if (c == '/') parts.emplace_back();
        if (c != '/') parts.back() += c;
    }
    return parts;
}

bool name_fits(const char* pattern, const char* name) {
    if (*pattern == 0) return *name == 0;
    if (*pattern == '*')
        return name_fits(pattern + 1, name) || (*name && name_fits(pattern, name + 1));
    if (*name == 0) return false;
    if (*pattern == '\\') return pattern[1] == *name && name_fits(pattern + 2, name + 1);
    if (*pattern == '[') return (*name == 'a' || *name == 'b') && name_fits(pattern + 4, name + 1);
    return (*pattern == '?' || *pattern == *name) && name_fits(pattern + 1, name + 1);
}

/// Does the pattern match the path; with `below`: may it match something in that folder?
bool fits(const Parts& pattern, std::size_t p, const Parts& path, std::size_t n, bool below) {
    if (n == path.size() && below) return p < pattern.size();
    if (p == pattern.size()) return n == path.size();
    if (pattern[p] == "**")
        return fits(pattern, p + 1, path, n, below) ||
               (n < path.size() && fits(pattern, p, path, n + 1, below));
    return n < path.size() && name_fits(pattern[p].c_str(), path[n].c_str()) &&
           fits(pattern, p + 1, path, n + 1, below);
}

class ReadWorld {
public:
    explicit ReadWorld(Choices& choices)
        : choices_(choices), disk_(choices), ring_(disk_, clock_, choices) {
        base_ = bases[pick(base_name, 4)];
        for (std::uint64_t k = 1 + pick(patterns, 2); k > 0; --k)
            add(include_ways[pick(which_include, 7)], include_, config_.include);
        for (std::uint64_t k = pick(excludes, 3); k > 0; --k)
            add(exclude_ways[pick(which_exclude, 5)], exclude_, config_.exclude);
        config_.name = "in";
        config_.end = io::EndAt::eof;
        if (pick(packs, 2) == 1) config_.decompress = io::Decompress::automatic;
        config_.give_up_after = seconds(1 + static_cast<std::int64_t>(pick(patience, 20)));
        fill();
    }
    ~ReadWorld() {
        ring_.abandon();
        source_.reset();
    }
    ReadWorld(const ReadWorld&) = delete;

    std::string run();
    /// What was asked for and what was in the way, for who reads of a breach.
    std::string shown() const;

private:
    std::uint64_t pick(std::uint64_t what, std::uint64_t bound) {
        return choices_.choose(Site::read_world, what, asked_[what]++, bound);
    }
    void add(const char* way, std::vector<Parts>& ours, std::vector<std::string>& theirs) {
        ours.push_back(split(way));
        theirs.push_back(io::escape_glob(base_) + way);
    }
    bool is_excluded(const Parts& path) const {
        for (std::size_t n = 1; n <= path.size(); ++n)
            for (const Parts& pattern : exclude_)
                if (fits(pattern, 0, Parts(path.begin(), path.begin() + static_cast<long>(n)), 0,
                         false))
                    return true;
        return false;
    }
    bool is_asked(const Parts& path) const {
        return !is_excluded(path) &&
               std::any_of(include_.begin(), include_.end(),
                           [&](const Parts& p) { return fits(p, 0, path, 0, false); });
    }
    /// Must this folder be listed? A pattern that names one file needs no list.
    bool is_listed(const Parts& path) const {
        return !is_excluded(path) &&
               std::any_of(include_.begin(), include_.end(), [&](const Parts& p) {
                   return p.back() != "a.log" && fits(p, 0, path, 0, true);
               });
    }
    void fill();
    std::string packed(const std::string& path, const std::string& text);
    void deny(const std::string& path);
    void take(const Event& event);
    std::string judge() const;

    Choices& choices_;
    std::map<std::uint64_t, std::uint64_t> asked_;
    SimClock clock_;
    SimDisk disk_;
    SimRing ring_;
    std::string base_;
    std::vector<Parts> include_, exclude_;
    std::map<std::string, std::string> files_;  ///< Path below the base, bytes.
    std::set<std::string> packed_, cut_;
    std::map<std::string, std::int64_t> denied_;  ///< By path; until when, in ms; -1: for ever.
    io::FileSourceConfig config_;
    io::BlockPool pool_{1u << 20, 64u << 10};
    io::Payloads payloads_{pool_, 16};
    io::PartitionSlots slots_{64};
    io::Events events_;
    MemoryCheckpoints checkpoints_;
    std::unique_ptr<io::FileSource> source_;
    std::multiset<std::string> got_;
    std::map<std::uint32_t, Instant> idle_;
    std::uint32_t ended_ = 0, generation_ = 0;
    std::vector<std::string> said_;
};

void ReadWorld::deny(const std::string& path) {
    denied_[path] =
        pick(heals, 2) == 1 ? 100 + static_cast<std::int64_t>(pick(heals_at, 8000)) : -1;
    disk_.deny(base_ + path, EACCES);
}

/// Some files are compressed, whatever their names, and some of those are cut short.
std::string ReadWorld::packed(const std::string& path, const std::string& text) {
    if (pick(is_packed, 4) != 3) return text;
    packed_.insert(path);
    std::string bytes = path.size() % 2 == 0 ? gzip(text) : zstd(text);
    if (pick(is_cut, 4) != 3) return bytes;
    cut_.insert(path);
    bytes.resize(bytes.size() - 3);
    return bytes;
}

void ReadWorld::fill() {
    disk_.make_directories(base_);
    for (const std::string folder : folders) {
        if (!folder.empty() && pick(has_folder, 4) == 3) continue;
        disk_.make_directories(base_ + folder);
        if (!folder.empty() && pick(folder_denied, 8) == 7) deny(folder);
        for (const std::string name : names) {
            if (pick(has_file, 2) == 1) continue;
            const std::string path = folder + "/" + name;
            std::string text;
            for (std::uint64_t k = 1 + pick(lines, 3); k > 0; --k) text += path + "\n";
            files_[path] = text;
            disk_.put(base_ + path, packed(path, text));
            if (pick(is_denied, 8) == 7) deny(path);
        }
    }
    // What a base matches when it is taken for a pattern is not what was asked for.
    for (const char* decoy : {"/svcp/d/a.log", "/svcp/a.log", "/aXb{c}Y/a.log", "/p1q/a.log"})
        disk_.put(decoy, "decoy\n");
}

void ReadWorld::take(const Event& event) {
    if (const auto* batch = std::get_if<BatchPulled>(&event)) {
        const auto bytes = payloads_.at(batch->batch).bytes;
        std::string line;
        for (const std::byte b : bytes) {
            line += static_cast<char>(b);
            if (b == std::byte{'\n'}) got_.insert(std::exchange(line, {}));
        }
        payloads_.release(batch->batch);
        idle_[batch->batch.index] = clock_.now;
    } else if (const auto* idle = std::get_if<SourceIdle>(&event)) {
        idle_[idle->batch.index] = clock_.now + idle->retry_after;
    } else if (std::holds_alternative<SourceReady>(event)) {
        for (auto& [index, at] : idle_) at = clock_.now;
    } else if (std::holds_alternative<SourceEnded>(event)) {
        ++ended_;
    } else if (const auto* revoked = std::get_if<PartitionRevoked>(&event)) {
        source_->revoke_done({SourceId{0}, revoked->partition, revoked->epoch});
    }
}

std::string ReadWorld::run() {
    source_ = std::make_unique<io::FileSource>(
        config_, ring_, payloads_, events_, checkpoints_, slots_,
        [this](io::Level, const std::string& line) { said_.push_back(line); });
    source_->start();
    const Instant began = clock_.now;
    idle_ = {{0, began}, {1, began}};
    const Instant until = began + seconds(300);
    while (ended_ < 2 && clock_.now < until) {
        disk_.set_wall(clock_.wall_ns());
        for (const auto& [path, heal] : denied_)
            if (heal >= 0 && clock_.now >= began + milliseconds(heal)) disk_.deny(base_ + path, 0);
        while (!events_.empty()) take(events_.pop());
        for (auto it = idle_.begin(); it != idle_.end();) {
            if (it->second > clock_.now) {
                ++it;
                continue;
            }
            source_->pull({{it->first, ++generation_}, config_.id, 100, 32u << 10});
            it = idle_.erase(it);
        }
        if (events_.empty()) ring_.run(std::min(until, clock_.now + milliseconds(50)));
    }
    return judge();
}

std::string ReadWorld::shown() const {
    std::string out = "\ngive_up_after " + std::to_string(config_.give_up_after.ns / 1'000'000);
    for (const std::string& pattern : config_.include) out += "\ninclude " + pattern;
    for (const std::string& pattern : config_.exclude) out += "\nexclude " + pattern;
    for (const auto& [path, until] : denied_)
        out += "\ndenied " + path + " until " + std::to_string(until);
    for (const std::string& line : said_) out += "\n" + line;
    return out;
}

std::string ReadWorld::judge() const {
    if (ended_ < 2) return "the source does not end";
    std::multiset<std::string> rest = got_;
    const auto was_denied = [&](const std::string& path) {
        const auto found = denied_.find(path);
        return found == denied_.end() ? std::int64_t{0} : found->second;
    };
    const std::int64_t patience_ms = config_.give_up_after.ns / 1'000'000;
    std::uint64_t unread = 0, must_unread = 0;
    for (const auto& [path, heal] : denied_) {
        const bool is_folder = !files_.contains(path);
        if (is_folder && is_listed(split(path)) && heal < 0) ++must_unread;
    }
    // What is named, or what a pattern begins with, and is not there.
    for (const Parts& pattern : include_) {
        const bool is_named = pattern.back() == "a.log";
        const std::string wanted = is_named ? "/d/a.log" : pattern[0] == "d" ? "/d" : "";
        if (!disk_.exists(base_ + wanted) && !is_excluded(split(wanted))) ++must_unread;
    }
    for (const auto& [path, text] : files_) {
        const bool is_asked_for = is_asked(split(path));
        const auto found = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
        const auto came = rest.count(path + "\n");
        rest.erase(path + "\n");
        if (!is_asked_for && came > 0) return "read, and not asked for: " + path;
        const bool is_cut_short = cut_.contains(path);
        const bool unpacks = config_.decompress == io::Decompress::automatic;
        if (is_asked_for && is_cut_short && unpacks) ++must_unread;
        if (!is_asked_for || came == found) continue;
        if (packed_.contains(path) && !unpacks) {
            if (came > 0) return "compressed, and read: " + path;
            continue;
        }
        if (came > found || (came > 0 && !is_cut_short)) return "read in part, or twice: " + path;
        ++unread;
        if (is_cut_short) continue;
        // A folder above it, or the file itself, must have been in the way for long enough.
        bool excused = false;
        for (std::size_t at = path.size(); at != std::string::npos && at > 0;
             at = path.rfind('/', at - 1)) {
            const std::int64_t heal = was_denied(path.substr(0, at));
            excused = excused || heal < 0 || heal >= patience_ms;
        }
        if (!excused) return "asked for, and not read: " + path;
        if (was_denied(path) < 0) ++must_unread;
    }
    if (!rest.empty()) return "bytes of nowhere: " + *rest.begin();
    const io::LeftOut left = source_->left_out();
    if (unread > 0 && !left.gave_up) return "not all was read, and it says that it was";
    // Those within folders that cannot be listed are not known to it.
    if (must_unread > 0 && left.unreadable == 0) return "what cannot be read is not counted";
    if (must_unread == 0 && unread == 0 && left.gave_up && denied_.empty())
        return "all was read, and it says that it gave up";
    return {};
}

}  // namespace

std::optional<Breach> run_reads(std::uint64_t seed) {
    Seeded choices(seed);
    ReadWorld world(choices);
    const std::string problem = world.run();
    if (!problem.empty()) return Breach{"I50", problem + world.shown()};
    return {};
}

}  // namespace holdfast::sim
