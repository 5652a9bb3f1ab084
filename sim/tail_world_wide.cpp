// What only the wide world of the tailer has: see tail_world.hpp.
#include <algorithm>
#include <charconv>

#include "sim/tail_world.hpp"

namespace holdfast::sim {
namespace {

enum What : std::uint64_t {
    has_births = 100,
    watching,
    is_mounted,
    is_exact,
    has_header,
    ends,
    from_end,
    has_archive,
    has_input,
    strange_deed,
    comes_back,
    which_late,
    is_fresh,
    down_deeds,
    down_deed,
    down_time,
    reboots,
    queue_is_short,
    looks_cost,
};

}  // namespace

void TailWorld::widen() {
    const bool lines = config_.stream.framing == io::Framing::lines;
    disk_.options().keeps_births = pick(has_births, 3) != 2;
    disk_.options().watching = static_cast<Watching>(pick(watching, 3));
    disk_.options().changes_max = pick(queue_is_short, 2) == 1 ? 1 : 16;
    // As though there were thousands of files.
    if (pick(looks_cost, 2) == 1) config_.look_cost = seconds(1);
    if (faulty_) disk_.options().faults.stat = 30;
    exact_ = lines && pick(is_exact, 2) == 1;
    mounted_ = pick(is_mounted, 3) == 2;
    if (mounted_) disk_.mount("/mnt");
    config_.include = {exact_ ? "/logs/*.log" : "/logs/*.log*"};
    if (mounted_) config_.include.push_back(exact_ ? "/mnt/*.log" : "/mnt/*.log*");
    if (lines) {
        header_ = pick(has_header, 3) == 2 ? 300 : 0;
        if (header_ > 0) max_records_ = UINT32_MAX;
        const bool eof = pick(ends, 4) == 3;
        if (eof) config_.end = io::EndAt::eof;
        if (!eof && pick(from_end, 4) == 3) config_.read_from = io::ReadFrom::end;
    }
    disk_.set_wall(clock_.wall_ns());
    if (pick(has_archive, 2) == 1) {
        append("/logs/a.log.1");
        lives_[at_.at("/logs/a.log.1")].foreign = exact_;
        clock_.advance(clock_.now + seconds(3));
        disk_.set_wall(clock_.wall_ns());
    }
    if (pick(has_input, 2) == 1) {
        append("/logs/a.log");
        clock_.advance(clock_.now + seconds(1));  // It is older than the process.
        disk_.set_wall(clock_.wall_ns());
    }
}

/// "file found ... path=P position=N": from there on it owes the user all of it.
void TailWorld::hear(const std::string& line) {
    if (config_.read_from != io::ReadFrom::end || line.find("file found") == std::string::npos)
        return;
    const auto value = [&line](const std::string& name) {
        const std::size_t at = line.find(name + "=") + name.size() + 1;
        return line.substr(at, line.find(' ', at) - at);
    };
    const auto life = at_.find(value("path"));
    if (life == at_.end()) return;
    const std::string position = value("position");
    std::size_t from = 0;
    std::from_chars(position.data(), position.data() + position.size(), from);
    Life& of = lives_[life->second];
    if (from > of.text.size()) return;  // Its name is another file's by now.
    of.owed_from = std::min(of.owed_from, from);
}

// ---- deeds -----------------------------------------------------------------------------------

void TailWorld::strange() {
    if (ended_) restart();
    const bool lines = config_.stream.framing == io::Framing::lines;
    switch (pick(strange_deed, 10)) {
        case 4: come_and_go(); break;
        case 5: remove(some_path()); break;
        case 6:
            if (lines) write_late();
            break;
        case 7:
            if (lines && config_.end == io::EndAt::never && !faulty_) demand_promptness();
            break;
        case 8: restart(); break;
        default: break;
    }
}

std::string TailWorld::fresh_name() { return "/logs/n" + std::to_string(names_++) + ".log"; }

/// A name that nobody has seen, rotated away at once.
void TailWorld::come_and_go() {
    const std::string path = fresh_name();
    append(path);
    rotate(path);
    if (pick(comes_back, 2) == 1) append(path);
    if (pick(comes_back, 4) == 3) rotate(path);
}

void TailWorld::remove(const std::string& path) {
    if (!disk_.exists(path)) return;
    if (at_.contains(path)) lives_[at_[path]].lossy = true;
    at_.erase(path);
    rest_.erase(path);
    disk_.remove(path);
    append(path);
}

/// A program goes on in the file that it has open, whatever that is called now.
void TailWorld::write_late() {
    std::vector<std::string> rotated;
    for (const auto& [path, life] : at_) {
        if (path.find(".log.") != std::string::npos && !lives_[life].foreign)
            rotated.push_back(path);
    }
    if (!rotated.empty()) append(rotated[pick(which_late, rotated.size())]);
}

/// What is written after a long silence is noticed soon.
void TailWorld::demand_promptness() {
    hanging_ = false;
    run(seconds(12));
    const std::size_t before = emitted_;
    const std::string path = pick(is_fresh, 2) == 1 ? fresh_name() : some_path();
    disk_.append("/logs/of_others", "and of no concern");
    append(path);
    // Whatever else stands there now, a line of it is whole.
    std::string more = rest_[path] + "<" + std::to_string(serial_++) + "> soon\n";
    rest_[path].clear();
    lives_[at_[path]].text += more;
    disk_.append(path, more);
    const bool is_told = disk_.options().watching == Watching::works;
    const bool is_cheap = config_.look_cost < milliseconds(10);
    const bool at_once = ring_.options().latency_us_max == 0;
    run(at_once && (is_told || is_cheap) ? milliseconds(300) : seconds(7));
    check(emitted_ > before, "not noticed in time: " + path);
}

/// The process ends as it should, and comes back.
void TailWorld::restart() {
    while (!events_.empty()) std::visit([this](const auto& e) { on(e); }, events_.pop());
    while (!pending_.empty()) settle_oldest();
    checkpoints_.saved();
    ring_.kill();
    source_.reset();
    while (!events_.empty()) events_.pop();
    idle_.clear();
    rest_a_while();
    start();
}

void TailWorld::rest_a_while() {
    clock_.advance(clock_.now + milliseconds(static_cast<std::int64_t>(pick(down_time, 8000))));
    disk_.set_wall(clock_.wall_ns());
    for (std::uint64_t n = pick(down_deeds, 4); n > 0; --n) {
        switch (pick(down_deed, 4)) {
            case 2: come_and_go(); break;
            case 3: remove(some_path()); break;
            default: deed(some_path());
        }
    }
    // Where births are not kept, a file that was rotated out of the pattern meanwhile is not known on
    // another device.
    const bool is_known = disk_.options().keeps_births || !exact_;
    if (!is_known || pick(reboots, 2) != 1) return;
    disk_.number_devices(1 + ++boots_);
    // And what was rotated may take a record of which less is known, and come again.
    if (!disk_.options().keeps_births) crashed_ = true;
}

/// Inputs that end do end, though something failed on the way.
void TailWorld::end_all() {
    if (config_.end != io::EndAt::eof) return;
    run(seconds(200));
    check(ended_, "it never ends");
    if (!problem_.empty()) return;
    restart();
    run(seconds(200));
    check(ended_, "it never ends");
}

}  // namespace holdfast::sim
