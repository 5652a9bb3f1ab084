// Who writes the inputs: records in pieces or whole, one file after the other begun and renamed.
#include <algorithm>

#include "sim/known_files.hpp"
#include "sim/trial/world.hpp"

namespace holdfast::sim {
namespace {

enum What : std::uint64_t {
    which_input = 100,
    records_count,
    is_written_whole,
    is_written_to,
    is_rotated,
    how_it_is_rotated,
};

}  // namespace

void TrialWorld::write_some() {
    if (writers_.empty()) return;
    const auto input = static_cast<std::uint32_t>(pick(which_input, writers_.size()));
    const TrialInput& of = plan_.inputs[input];
    if (!of.grows) return write_whole(input);
    if (of.rotates && faults_.has(TrialFault::rotation) && pick(is_rotated, 6) == 5) rotate(input);
    // A piece of a record at an end is a record.
    write_next(input, 1 + pick(records_count, squeezed_ ? 150 : 8),
               !of.ends && pick(is_written_whole, 3) == 2);
}

void TrialWorld::write_next(std::uint32_t input, std::uint64_t records, bool in_pieces) {
    Writer& writer = writers_[input];
    const std::string& path = plan_.inputs[input].path;
    std::string now;
    now.swap(writer.rest);
    for (; records > 0 && !writer.left.empty(); --records) {
        const std::uint32_t record = writer.left.back();
        writer.left.pop_back();
        life_[record] = writer.life;
        now += plan_.records[record].bytes;
    }
    if (now.empty()) return;
    if (in_pieces) {
        const std::size_t to = pick(is_written_to, now.size());
        writer.rest = now.substr(to);
        now.resize(to);
    }
    disk_.append(path, now);
    if (!calm_) say("written to " + path + ": " + std::to_string(now.size()) + " bytes");
}

void TrialWorld::finish_record(std::uint32_t input) { write_next(input, 0, false); }

/// What must not be read before all of it is there.
void TrialWorld::write_whole(std::uint32_t input) {
    Writer& writer = writers_[input];
    if (writer.whole) return;
    writer.whole = true;
    if (plan_.inputs[input].framing != io::Framing::json_array) {
        write_next(input, writer.left.size(), false);
        return;
    }
    std::string all;
    while (!writer.left.empty()) {
        all += (all.empty() ? "[" : ",\n ") + plan_.records[writer.left.back()].bytes;
        writer.left.pop_back();
    }
    disk_.append(plan_.inputs[input].path, all.empty() ? "[]\n" : all + "]\n");
}

void TrialWorld::write_all() {
    for (std::uint32_t i = 0; i < writers_.size(); ++i) {
        if (calm_ && writers_[i].left.empty()) continue;
        if (!plan_.inputs[i].grows)
            write_whole(i);
        else
            write_next(i, writers_[i].left.size(), false);
    }
}

/// Only what those who read it know already: else nobody is bound to read it under another name.
void TrialWorld::rotate(std::uint32_t input) {
    const std::string path = plan_.inputs[input].path;
    if (!disk_.exists(path)) return;
    const auto known = who_knows(disk_, plan_.config.data_dir, path);
    const auto all = std::ranges::all_of(plan_.inputs[input].sources, [&](std::uint32_t source) {
        return known.contains(plan_.config.sources[source].name);
    });
    if (!all) return;
    finish_record(input);
    Writer& writer = writers_[input];
    for (std::uint32_t i = 0; i < plan_.records.size(); ++i) {
        const bool is_left = std::ranges::count(writer.left, i) > 0;
        if (plan_.records[i].input == input && !is_left && life_[i] == writer.life)
            rotated_[i] = true;
    }
    writer.life += 1;
    const auto numbered = [&](std::uint32_t n) { return path + "." + std::to_string(n); };
    writer.rotations += 1;
    std::string to = numbered(1000 + writer.rotations);
    if (pick(how_it_is_rotated, 2) == 0) {
        std::uint32_t last = 1;
        while (disk_.exists(numbered(last))) ++last;
        for (; last > 1; --last) disk_.move(numbered(last - 1), numbered(last));
        to = numbered(1);
    }
    disk_.move(path, to);
    say("moved " + path + " to " + to);
}

}  // namespace holdfast::sim
