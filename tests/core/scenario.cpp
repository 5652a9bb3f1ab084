// Reading a scenario, running it, and writing it anew.
#include "tests/core/scenario.hpp"

#include <fmt/format.h>

#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>

#include "core/engine/owned.hpp"

namespace holdfast::scenario {

Fields::Fields(const std::vector<std::string>& words) {
    for (const std::string& word : words) {
        const std::size_t equals = word.find('=');
        if (equals == std::string::npos) throw std::runtime_error(word + " is not key=value");
        values_[word.substr(0, equals)] = word.substr(equals + 1);
    }
}

std::string Fields::text(const std::string& key, const std::string& otherwise) {
    used_.insert(key);
    const auto found = values_.find(key);
    return found == values_.end() ? otherwise : found->second;
}

std::int64_t Fields::number(const std::string& key, std::int64_t otherwise) {
    const std::string t = text(key, "");
    return t.empty() ? otherwise : std::stoll(t);
}

Duration Fields::duration(const std::string& key, Duration otherwise) {
    const std::string t = text(key, "");
    return t.empty() ? otherwise : parse_duration(t);
}

Instant Fields::instant(const std::string& key, Instant otherwise) {
    const std::string t = text(key, "");
    if (t.empty()) return otherwise;
    return t == "never" ? never : Instant{parse_duration(t).ns};
}

void Fields::all_used() const {
    for (const auto& [key, value] : values_) {
        if (!used_.contains(key)) throw std::runtime_error("unknown field: " + key);
    }
}

Duration parse_duration(const std::string& text) {
    if (text == "max") return Duration{INT64_MAX};
    std::size_t end = 0;
    const std::int64_t n = std::stoll(text, &end);
    const std::string unit = text.substr(end);
    if (unit == "ns") return Duration{n};
    if (unit == "us") return microseconds(n);
    if (unit == "ms") return milliseconds(n);
    if (unit == "s") return seconds(n);
    throw std::runtime_error(text + " is not a duration");
}

std::string text_of(Instant at) {
    if (at == never) return "never";
    if (at.ns % 1'000'000'000 == 0) return fmt::format("{}s", at.ns / 1'000'000'000);
    if (at.ns % 1'000'000 == 0) return fmt::format("{}ms", at.ns / 1'000'000);
    return fmt::format("{}ns", at.ns);
}

namespace {

class Runner {
public:
    Runner() {
        Fields plain({});
        add_to_config(config_, "config", plain);
        config_.commit.retry.jitter_permille = 0;
        config_.dead_letters.retry.jitter_permille = 0;
    }

    /// Takes one line of the file that isn't an expectation.
    void take(const std::string& line) {
        std::istringstream in(line);
        std::vector<std::string> words;
        for (std::string word; in >> word;) words.push_back(word);
        if (words.empty() || words[0][0] == '#') return;
        if (words[0] == ">") return event({words.begin() + 1, words.end()});
        Fields fields({words.begin() + 1, words.end()});
        if (engine_ || !add_to_config(config_, words[0], fields)) {
            throw std::runtime_error("not a line of config: " + line);
        }
        fields.all_used();
    }

    std::vector<std::string> lines;  ///< What the last event gave.
    std::set<std::string> outcomes;

private:
    void event(std::vector<std::string> words) {
        if (!engine_) begin();
        lines.clear();
        if (!words.empty() && words[0][0] == '@') {
            const Instant at{parse_duration(words[0].substr(1)).ns};
            if (at < now_) throw std::runtime_error("time goes back");
            now_ = at;
            words.erase(words.begin());
        }
        if (words.empty()) throw std::runtime_error("no event");
        Fields fields({words.begin() + 1, words.end()});
        if (words[0] == "stats") return show_stats(fields);
        const Event e = parse_event(words[0], fields);
        fields.all_used();
        collect_outcomes(e, outcomes);
        const std::uint64_t stale = engine_->engine().stats().stale;
        const Effects& effects = engine_->step(now_, e);
        for (const Effect& effect : effects.items()) {
            collect_outcomes(effect, effects, outcomes);
            lines.push_back(text_of(effect, effects));
        }
        if (lines.empty()) lines.push_back("nothing");
        if (engine_->engine().stats().stale != stale) lines.push_back("stale");
        if (engine_->engine().deadline() != deadline_) {
            deadline_ = engine_->engine().deadline();
            lines.push_back("deadline=" + text_of(deadline_));
        }
        if (!engine_->engine().audit()) throw std::runtime_error("the audit fails");
    }

    void begin() {
        if (config_.sources == 0) add("source");
        if (config_.sinks == 0) add("sink");
        const ConfigError error = Engine::check(config_);
        if (error.what) throw std::runtime_error(error.what);
        engine_ = std::make_unique<OwnedEngine>(config_);
    }

    void add(const std::string& kind) {
        Fields plain({});
        add_to_config(config_, kind, plain);
    }

    void show_stats(Fields& fields) {
        const Stats& s = engine_->engine().stats();
        if (fields.has("sink")) {
            const SinkStats& k = s.sink.at(static_cast<std::size_t>(fields.number("sink", 0)));
            lines.push_back(fmt::format(
                "admitted={} delivered={} parked={} dropped={} forgotten={} owed={} writes={} "
                "retries={} ambiguous={}",
                k.admitted, k.delivered, k.parked, k.dropped, k.forgotten, k.owed, k.writes,
                k.retries, k.ambiguous));
        } else if (fields.has("source")) {
            const auto index = static_cast<std::size_t>(fields.number("source", 0));
            const SourceStats& k = s.source.at(index);
            lines.push_back(fmt::format("batches={} records={} settled={} forgotten={}", k.batches,
                                        k.records, k.settled, k.forgotten));
        } else {
            lines.push_back(fmt::format("dead_letters={} filtered={} commits={} commit_failures={}",
                                        s.dead_letters, s.filtered, s.commits, s.commit_failures));
        }
        fields.all_used();
    }

    Config config_;
    std::unique_ptr<OwnedEngine> engine_;
    Instant now_{0};
    Instant deadline_ = never;
};

bool is_expectation(const std::string& line) {
    return !line.empty() && line[0] != '#' && line[0] != '>';
}

}  // namespace

Result run(const std::string& path) {
    Result result;
    std::ifstream in(path);
    if (!in) {
        result.error = "cannot be read: " + path;
        return result;
    }
    Runner runner;
    bool after_event = false;
    int number = 0;
    for (std::string line; std::getline(in, line);) {
        ++number;
        result.expected += line + "\n";
        if (after_event && is_expectation(line)) continue;
        result.actual += line + "\n";
        if (!result.error.empty()) continue;
        const bool is_event = line.starts_with(">");
        after_event = after_event || is_event;
        try {
            runner.take(line);
        } catch (const std::exception& e) {
            result.error = fmt::format("{}:{}: {}", path, number, e.what());
        }
        if (is_event) {
            for (const std::string& effect : runner.lines) result.actual += effect + "\n";
        }
    }
    result.outcomes = runner.outcomes;
    return result;
}

}  // namespace holdfast::scenario
