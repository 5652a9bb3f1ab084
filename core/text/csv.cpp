// A line of values with a separator between, as RFC 4180 has it, which become members by their order.
//
// Rule 1: a value that begins with a quote ends at the next one that isn't doubled; behind it the
//         separator comes, or the end. Any other value is what stands there, blanks and quotes too.
// Rule 2: there are as many values as columns.
#include <algorithm>

#include "core/base/mutant.hpp"
#include "core/text/scanner.hpp"

namespace holdfast::text {
namespace {

constexpr auto npos = std::string_view::npos;

class Csv final : public Scanner {
public:
    explicit Csv(const ParseSettings& settings) : settings_(settings) {}

    Found scan(std::string_view text, Members& out, Wrong& wrong) override {
        unescaped_.begin(text.size());
        const auto& columns = settings_.columns;
        std::size_t at = 0;
        bool is_header = settings_.skip_header;
        for (std::size_t column = 0;; ++column) {
            if (column == columns.size()) {
                wrong = {"more values than columns", at};
                return Found::wrong;
            }
            std::string_view value;
            const bool is_quoted = at < text.size() && text[at] == '"' && !mutant(446);
            const bool good = is_quoted ? quoted(text, at, value, wrong) : plain(text, at, value);
            if (!good) return Found::wrong;
            is_header = is_header && value == columns[column];
            const bool is_last = at == text.size();
            if (!(mutant(441) && is_last)) add(columns[column], value, is_quoted, out);
            if (!is_last) {
                at += settings_.separator.size();
                continue;
            }
            if (column + 1 == columns.size()) return is_header ? Found::nothing : Found::members;
            wrong = {"fewer values than columns", at};
            return Found::wrong;
        }
    }
    void trim() override { unescaped_.trim(); }
    std::unique_ptr<Scanner> clone() const override { return std::make_unique<Csv>(settings_); }

private:
    void add(const std::string& key, std::string_view value, bool is_quoted, Members& out) const {
        if (mutant(444) && value.empty()) return;
        if (is_quoted && !mutant(445)) return out.add(key, value, Shape::text);
        add_value(key, value, settings_, out);
    }

    /// Up to the separator or the end, where `at` stands then.
    bool plain(std::string_view text, std::size_t& at, std::string_view& value) const {
        const std::size_t end = std::min(text.find(settings_.separator, at), text.size());
        value = text.substr(at, end - at);
        at = end;
        return true;
    }

    bool quoted(std::string_view text, std::size_t& at, std::string_view& value, Wrong& wrong) {
        const std::size_t begin = at + 1;
        std::size_t end = text.find('"', begin);
        while (end != npos && end + 1 < text.size() && text[end + 1] == '"')
            end = text.find('"', end + 2);
        if (end == npos) {
            if (!mutant(440)) {
                wrong = {"a quote is not closed", at};
                return false;
            }
            end = text.size();
        }
        value = unescaped_.of_doubled(text.substr(begin, end - begin));
        at = std::min(end + 1, text.size());
        if (at == text.size() || text.substr(at).starts_with(settings_.separator)) return true;
        wrong = {"text behind a quote", at};
        return false;
    }

    ParseSettings settings_;
    Unescaped unescaped_;
};

}  // namespace

std::unique_ptr<Scanner> make_csv(const ParseSettings& settings) {
    return std::make_unique<Csv>(settings);
}

}  // namespace holdfast::text
