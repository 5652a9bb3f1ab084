// Who else is there: programs that write inputs, rotate and remove them, and strangers who append
// to outputs.
#include <algorithm>
#include <array>
#include <cstring>

#include "sim/joint_world.hpp"
#include "sim/known_files.hpp"

namespace holdfast::sim {
namespace {

enum What : std::uint64_t {
    which_source = 100,
    which_name,
    deed,
    lines_many,
    lines_count,
    line_is_bad,
    line_is_long,
    line_length,
    line_digit,
    is_written_whole,
    is_written_to,
    shifts_names,
    writes_anew,
    compresses,
    which_gone,
    which_output,
};

}  // namespace

void JointWorld::others_act() {
    disk_.set_wall(clock_.wall_ns());
    const auto source = static_cast<std::uint32_t>(pick(which_source, plan_.sources));
    const std::string path = joint_folder(source) + "/" +
                             std::array{"a", "b", "c", "d"}[pick(which_name, plan_.names)] + ".log";
    switch (pick(deed, 12)) {
        case 8:
        case 9:
            rotate(path, pick(shifts_names, 2) == 0);
            if (pick(writes_anew, 2) == 0) append(path, source);
            return;
        case 10: return destroy(source);
        case 11: return process_ == nullptr ? append_to_output() : append(path, source);
        default: append(path, source);
    }
}

// ---- inputs ----------------------------------------------------------------------------------

void JointWorld::append(const std::string& path, std::uint32_t source) {
    const auto [place, is_new] = at_.try_emplace(path, static_cast<std::uint32_t>(files_.size()));
    if (is_new) {
        files_.emplace_back();
        files_.back().source = source;
        files_.back().path = path;
        disk_.append(path, "");
    }
    JointFile& file = files_[place->second];
    const std::uint64_t most = pick(lines_many, 8) == 7 ? 80 : 8;
    for (std::uint64_t n = pick(lines_count, most); n > 0; --n)
        file.rest += next_line(place->second) + "\n";
    const std::size_t all = file.rest.size();
    const bool whole = (process_ && sessions_.back().eof) || pick(is_written_whole, 3) != 2;
    write_some(file, whole ? all : pick(is_written_to, all + 1));
}

std::string JointWorld::next_line(std::uint32_t index) {
    JointFile& file = files_[index];
    JointLine line;
    line.file = index;
    line.serial = static_cast<std::uint32_t>(file.lines.size() + file.pending.size());
    line.k = static_cast<std::uint32_t>(pick(line_digit, 10));
    line.bad = plan_.bad_lines && pick(line_is_bad, 12) == 11;
    const std::string name = std::to_string(index) + "-" + std::to_string(line.serial);
    const std::uint64_t length =
        pick(line_is_long, 30) == 29 ? pick(line_length, 6000) : pick(line_length, 60);
    const std::string filler(length, static_cast<char>('a' + line.serial % 26));
    line.text = line.bad ? "!" + name + " " + filler
                         : "{\"id\":\"" + name + "\",\"k\":" + std::to_string(line.k) +
                               ",\"w\":\"" + filler + "\"}";
    line.offset = file.end;
    file.end += static_cast<std::int64_t>(line.text.size()) + 1;
    file.pending.push_back(static_cast<std::uint32_t>(lines_.size()));
    lines_.push_back(std::move(line));
    return lines_.back().text;
}

/// The next bytes of what is to be written. A line is one when its newline is there.
void JointWorld::write_some(JointFile& file, std::size_t count) {
    const std::string now = file.rest.substr(0, count);
    file.rest.erase(0, count);
    for (auto n = std::count(now.begin(), now.end(), '\n'); n > 0; --n) {
        JointLine& line = lines_[file.pending.front()];
        line.session = static_cast<std::uint32_t>(sessions_.size() - (process_ ? 1 : 0));
        file.lines.push_back(file.pending.front());
        file.pending.pop_front();
    }
    disk_.append(file.path, now);
    say("written to " + file.path + ": " + std::to_string(count));
}

void JointWorld::finish_lines(JointFile& file) {
    if (!file.rest.empty() && !file.gone) write_some(file, file.rest.size());
}

/// As logrotate does it: .1 becomes .2, and so on; or each gets a number that no other has.
void JointWorld::rotate(const std::string& path, bool shifts) {
    const auto found = at_.find(path);
    if (found == at_.end()) return;
    JointFile& file = files_[found->second];
    finish_lines(file);
    file.known_to = who_knows(disk_, joint_data_dir, path);
    file.rotated = true;
    const auto numbered = [&](std::size_t n) { return path + "." + std::to_string(n); };
    if (!shifts) return move(path, numbered(1000 + files_.size()));
    std::size_t last = 1;
    while (at_.contains(numbered(last))) ++last;
    for (; last > 1; --last) move(numbered(last - 1), numbered(last));
    move(path, numbered(1));
}

void JointWorld::move(const std::string& from, const std::string& to) {
    const std::uint32_t index = at_.at(from);
    at_.erase(from);
    at_[to] = index;
    files_[index].path = to;
    disk_.move(from, to);
    say("moved " + from + " to " + to);
}

void JointWorld::destroy(std::uint32_t source) {
    std::vector<std::uint32_t> rotated;
    for (const auto& [path, index] : at_)
        if (files_[index].source == source && files_[index].rotated) rotated.push_back(index);
    if (rotated.empty()) return;
    JointFile& file = files_[rotated[pick(which_gone, rotated.size())]];
    if (pick(compresses, 2) == 1) disk_.put(file.path + ".gz", "\x1f\x8b\x08 compressed\nbytes\n");
    disk_.remove(file.path);
    at_.erase(file.path);
    file.gone = true;
    say("removed " + file.path);
}

// ---- outputs ---------------------------------------------------------------------------------

void JointWorld::append_to_output() {
    const auto sink = static_cast<std::uint32_t>(pick(which_output, plan_.sinks.size()));
    const bool is_first = sessions_.empty();  // Then it stands there when the sink begins.
    if (!is_first && (plan_.sinks[sink].exact() || !disk_.exists(joint_output(sink)))) return;
    const std::string line = "#foreign " + std::to_string(foreign_[sink].size()) + "#";
    foreign_[sink].push_back(line);
    disk_.append(joint_output(sink), line + "\n");
    say("a stranger appends to " + joint_output(sink));
}

}  // namespace holdfast::sim
