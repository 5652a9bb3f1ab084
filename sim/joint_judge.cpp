// What the disk must hold at the end.
//
// J1: each complete line of an input is in each sink that it goes to, as it should be there.
// J2: exactly_once: once for each name that its source had. at_least_once: so, where nothing
//     crashed and nothing failed.
// J3: in the order of its file.
// J4: nothing else is there: no torn or glued line, none of another sink or transform. What
//     strangers wrote still is.
// J5: an end that nobody asked for is explained by a fault.
// J6: what transforms set aside is among the dead letters, whole, and nothing else is.
#include <algorithm>
#include <cstdlib>
#include <optional>
#include <span>
#include <unordered_map>

#include "sim/joint_world.hpp"
#include "sim/known_files.hpp"

namespace holdfast::sim {
namespace {

struct Wanted {
    const JointLine* line = nullptr;
    std::uint32_t each = 0;   ///< How often it stands there if its source had one name.
    std::uint32_t count = 0;  ///< How often it does.
    bool required = false;
};

using Wants = std::unordered_map<std::string, Wanted>;

std::vector<std::string> lines_of(const std::string& text, bool& torn) {
    std::vector<std::string> out;
    std::size_t begin = 0;
    for (std::size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
        out.push_back(text.substr(begin, end - begin));
    torn = begin < text.size();
    return out;
}

/// Between the quotes behind "payload": of a dead letter, with \" and \\ undone.
std::string payload_of(const std::string& letter) {
    const std::string head = "\"payload\":\"";
    const std::size_t at = letter.find(head);
    std::string out;
    if (at == std::string::npos) return out;
    for (std::size_t i = at + head.size(); i < letter.size() && letter[i] != '"'; ++i) {
        if (letter[i] == '\\') ++i;
        if (i < letter.size()) out += letter[i];
    }
    return out;
}

std::int64_t position_of(const std::string& letter) {
    const std::string head = "\"position\":";
    const std::size_t at = letter.find(head);
    return at == std::string::npos ? -1 : std::atoll(letter.c_str() + at + head.size());
}

}  // namespace

void JointWorld::judge() const {
    for (std::uint32_t i = 0; i < plan_.sinks.size(); ++i) judge_sink(i);
    judge_dead_letters();
}

std::uint32_t JointWorld::names_of(std::uint32_t source) const {
    std::set<std::string> names;
    for (const JointSession& session : sessions_) names.insert(session.variant.sources[source]);
    return static_cast<std::uint32_t>(names.size());
}

bool JointWorld::always_there(std::uint32_t sink, std::uint32_t session) const {
    return std::all_of(sessions_.begin() + session, sessions_.end(), [&](const auto& each) {
        const auto& sinks = each.variant.sinks;
        return std::find(sinks.begin(), sinks.end(), sink) != sinks.end();
    });
}

/// Whether the source, as it was called last, was bound to read the line.
bool JointWorld::must_be_read(const JointLine& line) const {
    const JointFile& file = files_[line.file];
    if (file.gone) return false;
    return !file.rotated || file.known_to.contains(sessions_.back().variant.sources[file.source]);
}

/// Read once more from its beginning: for another name of its source; or where a start adopts a
/// rotated file that was read to its end (not mended yet).
bool JointWorld::may_come_anew(const JointFile& file) const {
    return file.rotated || names_of(file.source) > 1;
}

/// Of the newest checkpoint; without one there is none.
std::size_t JointWorld::mark_of(const JointSink& sink) const {
    const std::optional<Checkpoint> newest = durable_checkpoint(disk_, joint_data_dir);
    const std::string name = sink.settings.name + " ";
    if (newest)
        for (const CheckpointSink& known : newest->sinks)
            if (known.sink.starts_with(name)) return static_cast<std::size_t>(known.mark);
    return SIZE_MAX;
}

void JointWorld::judge_sink(std::uint32_t index) const {
    const JointSink& sink = plan_.sinks[index];
    const std::string who = sink.settings.name;
    const bool last = always_there(index, static_cast<std::uint32_t>(sessions_.size() - 1));
    const bool synced = last && sink.is_synced();
    const std::string path = joint_output(index);
    std::string text = disk_.contents(path).value_or("");
    // Behind the mark stands what an earlier life wrote and did not come again: it may be anything.
    if (sink.exact()) text.resize(std::min(text.size(), mark_of(sink)));
    // Beyond it a power loss leaves what it likes: it stays until something else comes.
    const std::string safe = disk_.durable_contents(path).value_or("").substr(0, text.size());
    demand(!synced || safe == text, "J7", who + ": all is committed, and not all of it durable");
    const auto any = [&](auto&& holds) {
        return std::any_of(sessions_.begin(), sessions_.end(), holds);
    };
    const bool calm = !any([](const auto& s) {
        const HaltReason reason = s.report.halt.reason;
        return s.died || s.faulty || reason == HaltReason::stopped ||
               reason == HaltReason::drain_deadline;
    });
    // Who was not opened since a power loss has not cut what it left.
    const bool vague = (!sink.exact() || !last) && any([](const auto& s) { return s.powerless; });

    Wants wants;
    for (const JointFile& file : files_)
        for (const std::uint32_t at : file.lines) {
            const JointLine& line = lines_[at];
            const bool required =
                must_be_read(line) && !sink.drops() && always_there(index, line.session);
            for (const std::string& wanted : plan_.outcome(file.source, line).texts[index]) {
                Wanted& want = wants[wanted];
                want.line = &line;
                want.each += 1;
                want.required = required;
            }
        }

    bool torn = false;
    std::map<std::uint32_t, std::uint32_t> reached;  // By file: the serial that came last.
    for (const std::string& line : lines_of(text, torn)) {
        if (line.find("#foreign ") != std::string::npos && !foreign_[index].empty()) continue;
        const auto found = wants.find(line);
        demand(found != wants.end() || vague, "J4", who + ": nobody wrote this line: " + line);
        if (found == wants.end()) continue;
        Wanted& want = found->second;
        const std::uint32_t file = want.line->file;
        const bool in_order =
            want.count > 0 || !reached.contains(file) || reached[file] <= want.line->serial;
        demand(in_order || may_come_anew(files_[file]), "J3",
               who + ": after a later line of its file: " + line);
        reached[file] = want.line->serial;
        want.count += 1;
    }
    demand(!torn || !last, "J4", who + ": the last line is torn");
    for (const auto& [line, want] : wants) {
        demand(!want.required || want.count >= want.each, "J1", who + ": lost: " + line);
        const JointFile& file = files_[want.line->file];
        const std::uint32_t most = want.each * names_of(file.source);
        demand(want.count <= most || file.rotated || (!sink.exact() && !calm), "J2",
               who + ": " + std::to_string(want.count) + " times: " + line);
    }
    // A power loss leaves holes, and what stands behind one is cut.
    for (const std::string& line : foreign_[index])
        demand(vague || text.find(line) != std::string::npos, "J4",
               who + ": what a stranger wrote is gone: " + line);
}

void JointWorld::judge_dead_letters() const {
    if (!plan_.base.dead_letters.present) return;
    const std::string text = disk_.durable_contents(joint_dead_letters).value_or("");
    bool torn = false;
    std::map<std::string, std::set<std::int64_t>> there;
    // A power loss leaves holes in what was not synced, and the file is only appended to.
    const bool holed = std::any_of(sessions_.begin(), sessions_.end(),
                                   [](const JointSession& each) { return each.powerless; });
    for (const std::string& letter : lines_of(text, torn))
        if (!holed || letter.find('\0') == std::string::npos)
            there[payload_of(letter)].insert(position_of(letter));
    demand(!torn, "J6", "the last dead letter is torn");
    for (const JointFile& file : files_)
        for (const std::uint32_t at : file.lines) {
            const JointLine& line = lines_[at];
            if (!plan_.outcome(file.source, line).dead) continue;
            const auto found = there.find(line.text);
            demand(found != there.end() || !must_be_read(line), "J6",
                   "no dead letter: " + line.text);
            if (found == there.end()) continue;
            demand(found->second == std::set<std::int64_t>{line.offset}, "J6",
                   "a dead letter with another place than its record: " + line.text);
            there.erase(found);
        }
    demand(there.empty(), "J6",
           "a dead letter that is none: " + (there.empty() ? "" : there.begin()->first));
}

}  // namespace holdfast::sim
