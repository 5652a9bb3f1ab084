// A text against a pattern: its named groups become members, in the order of the pattern.
//
// Rule 1: the first match counts, wherever it stands. Of groups of one name the last one that takes part
//         counts; where none does the member is null.
// Rule 2: the engine is the one of jq programs, with its limits; a search that would take too many steps
//         is an error of the record.
#include <algorithm>
#include <string>
#include <vector>

#include "core/base/assert.hpp"
#include "core/text/scanner.hpp"

namespace holdfast::text {
namespace {

using jq::machine::Outside;
using jq::machine::Regex;

/// A search may take so long, all of its places together.
constexpr Duration search_time = seconds(5);

/// Asks the clock, and whether somebody is in a hurry, at every few places of a long text.
class SearchWatch final : public jq::machine::Watch {
public:
    explicit SearchWatch(Outside& outside) : outside_(outside) {}
    bool goes_on(std::size_t) override {
        if (++places_ % places_a_look != 0) return true;
        why_ = outside_.stop();
        return why_ == nullptr;
    }
    /// Why it did not go on: "ended" where somebody is in a hurry, else the time is up.
    bool is_ended() const { return why_ != nullptr && std::string_view(why_) == "ended"; }

private:
    static constexpr std::uint32_t places_a_look = 16;
    Outside& outside_;
    std::uint32_t places_ = 0;
    const char* why_ = nullptr;
};

class Pattern final : public Scanner {
public:
    Pattern(const ParseSettings& settings, std::unique_ptr<Outside> outside,
            std::unique_ptr<Regex> regex)
        : settings_(settings), outside_(std::move(outside)), regex_(std::move(regex)) {}

    Found scan(std::string_view text, Members& out, Wrong& wrong) override {
        outside_->begin(search_time);
        if (outside_->stop() != nullptr) return Found::ended;
        SearchWatch watch(*outside_);
        switch (regex_->search(text, 0, spans_, watch)) {
            case Regex::Found::yes: break;
            case Regex::Found::no:
                wrong = {"the pattern does not match", Wrong::nowhere};
                return Found::wrong;
            case Regex::Found::ended:
                if (watch.is_ended()) return Found::ended;
                [[fallthrough]];
            case Regex::Found::gave_up:
                wrong = {"the regular expression takes too many steps on this text",
                         Wrong::nowhere};
                return Found::wrong;
        }
        const auto& names = regex_->names();
        for (std::size_t i = 0; i < names.size(); ++i) {
            if (names[i].empty()) continue;
            const jq::machine::Span span = spans_[i + 1];
            if (span.begin >= 0)
                add_value(names[i],
                          text.substr(static_cast<std::size_t>(span.begin),
                                      static_cast<std::size_t>(span.end - span.begin)),
                          settings_, out);
            else if (!other_takes_part(i))
                out.add(names[i], "null", Shape::json);
        }
        return Found::members;
    }
    void heed(const Hurry& hurry, Duration may) override { outside_->heed(hurry, may); }
    std::unique_ptr<Scanner> clone() const override {
        std::string error;
        auto made = make_regex(settings_, outside_->clone(), error);
        HF_ASSERT(made != nullptr);
        return made;
    }

private:
    /// Another group of the name.
    bool other_takes_part(std::size_t group) const {
        const auto& names = regex_->names();
        for (std::size_t i = 0; i < names.size(); ++i)
            if (names[i] == names[group] && spans_[i + 1].begin >= 0) return true;
        return false;
    }

    ParseSettings settings_;
    std::unique_ptr<Outside> outside_;
    std::unique_ptr<Regex> regex_;
    std::vector<jq::machine::Span> spans_;
};

}  // namespace

std::unique_ptr<Scanner> make_regex(const ParseSettings& settings, std::unique_ptr<Outside> outside,
                                    std::string& error) {
    auto regex = outside->regex(settings.pattern, {}, error);
    if (regex == nullptr) return nullptr;
    const auto& names = regex->names();
    if (std::all_of(names.begin(), names.end(), [](const auto& name) { return name.empty(); })) {
        error = "no group has a name";
        return nullptr;
    }
    return std::make_unique<Pattern>(settings, std::move(outside), std::move(regex));
}

}  // namespace holdfast::text
