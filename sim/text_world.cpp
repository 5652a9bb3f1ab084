// Lines as people's files have them (blank ones, a byte order mark, zero bytes) through nodes that
// parse and nodes that don't.
//
// I51: who parses gets each line that is not blank, without the mark at the partition's head, and
// counts the blank ones; who doesn't, and a sink without transforms, gets every byte.
// Rule: what is expected is worked out here, line by line, not by the graph's own code.
#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/data/flow/evaluate.hpp"
#include "sim/choices.hpp"
#include "sim/device_worlds.hpp"

namespace holdfast::sim {
namespace {

enum What : std::uint64_t { line_kind = 1, line_count, batch_lines, has_end, skips, begins_at };

constexpr const char* mark = "\xef\xbb\xbf";

/// Keeps all that it can read: what has a brace in it.
class Reads final : public Program {
public:
    ProgramResult run(std::span<const std::byte> record, std::vector<std::byte>&,
                      std::string& error) override {
        const bool good = !record.empty() && record.front() == std::byte{'{'};
        if (good) return {Verdict::keep, 1};
        error = "no brace";
        return {Verdict::fail, 0, true};
    }
    std::unique_ptr<Program> clone() const override { return std::make_unique<Reads>(); }
    std::string engine() const override { return "native"; }
};

/// Keeps everything.
class Looks final : public Program {
public:
    ProgramResult run(std::span<const std::byte>, std::vector<std::byte>&, std::string&) override {
        return {Verdict::keep, 1};
    }
    std::unique_ptr<Program> clone() const override { return std::make_unique<Looks>(); }
    std::string engine() const override { return "native"; }
};

flow::NodeSpec node(const char* name, flow::NodeType type, bool skip_blank) {
    flow::NodeSpec spec;
    spec.name = name;
    spec.type = type;
    spec.inputs = {{true, 0, 0}};
    spec.skip_blank = skip_blank;
    spec.entries = 1000;
    return spec;
}

struct Expected {
    std::string direct, parsed, deduped, raw, dead;
    std::uint64_t blank = 0;
};

class TextWorld {
public:
    explicit TextWorld(Choices& choices) : choices_(choices) {
        skip_ = pick(skips, 4) != 3;
        position_ = pick(begins_at, 3) == 2 ? 100 : 0;
        flow::Spec spec{.sources = 1};
        spec.nodes = {node("parse", flow::NodeType::filter, skip_),
                      node("dedupe", flow::NodeType::dedupe, true),
                      node("raw", flow::NodeType::raw_filter, true)};
        spec.sinks = {{{true, 0, 0}}, {{false, 0, 0}}, {{false, 1, 0}}, {{false, 2, 0}}};
        plan_ = std::make_unique<flow::Plan>(spec);
        memory_ = std::make_unique<flow::Memory>(*plan_);
        std::vector<flow::NodePrograms> programs(3);
        programs[0].programs.push_back(std::make_unique<Reads>());
        programs[2].programs.push_back(std::make_unique<Looks>());
        evaluator_ = std::make_unique<flow::Evaluator>(*plan_, *memory_, std::move(programs),
                                                       flow::Limits{});
    }
    std::string run();

private:
    std::uint64_t pick(std::uint64_t what, std::uint64_t bound) {
        return choices_.choose(Site::text_world, what, asked_++, bound);
    }
    std::string line();
    void expect(const std::string& line, Expected& out);
    std::string of(std::uint32_t sink, const std::string& text) const;
    std::string judge(const std::string& text, const Expected& expected) const;

    Choices& choices_;
    std::uint64_t asked_ = 0;
    bool skip_ = true;
    std::int64_t position_ = 0;
    std::unique_ptr<flow::Plan> plan_;
    std::unique_ptr<flow::Memory> memory_;
    std::unique_ptr<flow::Evaluator> evaluator_;
    flow::Result result_;
    std::set<std::string> seen_;
};

std::string TextWorld::line() {
    switch (pick(line_kind, 9)) {
        case 1: return "";
        case 2: return " \t \r";
        case 3: return mark + std::string("{\"m\":1}");
        case 4: return mark;
        case 5: return std::string("\0\0", 2) + "{}";
        case 6: return "bad";
        case 7: return std::string(mark) + "  ";
        default: return "{\"n\":" + std::to_string(pick(line_kind, 5)) + "}";
    }
}

void TextWorld::expect(const std::string& whole, Expected& out) {
    const bool is_head = position_ == 0;
    position_ += static_cast<std::int64_t>(whole.size());
    out.direct += whole;
    out.raw += whole;
    std::string text = whole;
    if (text.ends_with('\n')) text.pop_back();
    if (seen_.insert(text).second) out.deduped += text + "\n";
    if (is_head && text.starts_with(mark)) text = text.substr(3);
    if (skip_ && text.find_first_not_of(" \t\r") == std::string::npos) {
        ++out.blank;
    } else if (text.starts_with("{")) {
        out.parsed += text + "\n";
    } else {
        out.dead += whole.ends_with('\n') ? whole : whole + "\n";
    }
}

std::string TextWorld::of(std::uint32_t sink, const std::string& text) const {
    for (std::uint32_t i = 0; i < plan_->streams().size(); ++i) {
        if ((plan_->streams()[i] >> sink & 1) == 0) continue;
        const flow::Stream& stream = result_.streams[i];
        if (stream.whole()) return text;
        return {reinterpret_cast<const char*>(stream.bytes().data()), stream.bytes().size()};
    }
    return "no stream";
}

std::string TextWorld::judge(const std::string& text, const Expected& expected) const {
    const auto ended = [](std::string bytes) {
        if (!bytes.empty() && !bytes.ends_with('\n')) bytes += '\n';
        return bytes;
    };
    const auto differs = [&](const char* what, const std::string& got, const std::string& want) {
        if (ended(got) == ended(want)) return std::string{};
        return std::string(what) + " got [" + got + "], expected [" + want + "]";
    };
    std::string wrong = differs("a sink without transforms", of(0, text), expected.direct);
    if (wrong.empty()) wrong = differs("who parses", of(1, text), expected.parsed);
    if (wrong.empty()) wrong = differs("who compares whole lines", of(2, text), expected.deduped);
    if (wrong.empty()) wrong = differs("who looks at raw bytes", of(3, text), expected.raw);
    if (wrong.empty() && result_.counts[0].blank != expected.blank)
        wrong = "blank: " + std::to_string(result_.counts[0].blank) + " of " +
                std::to_string(expected.blank);
    if (wrong.empty()) {
        const std::string dead(reinterpret_cast<const char*>(result_.dead.bytes().data()),
                               result_.dead.whole() ? 0 : result_.dead.bytes().size());
        if (!result_.dead.whole()) wrong = differs("the dead letters", dead, expected.dead);
    }
    return wrong;
}

std::string TextWorld::run() {
    for (std::uint64_t batches = 1 + pick(line_count, 4); batches > 0; --batches) {
        std::string text;
        Expected expected;
        const std::int64_t position = position_;
        const auto count = static_cast<std::uint32_t>(1 + pick(batch_lines, 6));
        for (std::uint32_t i = 0; i < count; ++i) {
            std::string one = line();
            // The last line of all may have no newline.
            const bool is_last = batches == 1 && i + 1 == count;
            if (!is_last || pick(has_end, 2) == 0 || one.empty()) one += '\n';
            expect(one, expected);
            text += one;
        }
        std::vector<std::byte> padded(text.size() + Program::padding);
        std::transform(text.begin(), text.end(), padded.begin(),
                       [](char c) { return static_cast<std::byte>(c); });
        flow::Input input;
        input.bytes = std::span<const std::byte>(padded).first(text.size());
        input.readable = padded;
        input.records = count;
        input.position = position;
        evaluator_->run(input, result_);
        const std::string wrong = judge(text, expected);
        if (!wrong.empty()) return wrong;
    }
    return {};
}

}  // namespace

std::optional<Breach> run_text(std::uint64_t seed) {
    Seeded choices(seed);
    const std::string wrong = TextWorld(choices).run();
    if (!wrong.empty()) return Breach{"I51", wrong};
    return {};
}

}  // namespace holdfast::sim
