#include "sim/text.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace holdfast::sim {
namespace {

constexpr Site all_sites[] = {
#define HF_SITE_LISTED(name, number) Site::name,
    HF_SITES(HF_SITE_LISTED)
#undef HF_SITE_LISTED
};

std::optional<Site> site_of(std::string_view name) {
    for (const Site site : all_sites) {
        if (name_of(site) == name) return site;
    }
    return {};
}

std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> words;
    while (!line.empty()) {
        const std::size_t end = std::min(line.find(' '), line.size());
        if (end > 0) words.push_back(line.substr(0, end));
        line.remove_prefix(std::min(end + 1, line.size()));
    }
    return words;
}

bool number_of(std::string_view word, std::uint64_t& value) {
    const bool hex = word.starts_with("0x");
    if (hex) word.remove_prefix(2);
    const auto [end, error] =
        std::from_chars(word.data(), word.data() + word.size(), value, hex ? 16 : 10);
    return error == std::errc{} && end == word.data() + word.size();
}

bool read_choice(const std::vector<std::string_view>& words, Choice& choice) {
    if (words.size() != 5) return false;
    const std::optional<Site> site = site_of(words[1]);
    if (!site) return false;
    choice.site = *site;
    return number_of(words[2], choice.entity) && number_of(words[3], choice.n) &&
           number_of(words[4], choice.value);
}

}  // namespace

std::string write_scenario(const Scenario& scenario) {
    std::string text;
    for (const std::string& remark : scenario.remarks) text += "# " + remark + "\n";
    text += fmt::format("seed {:#x}\nexpect {}\n", scenario.seed, scenario.expect);
    if (scenario.lies > 0) text += fmt::format("lies {}\n", scenario.lies);
    for (const Choice& c : scenario.choices) {
        text += fmt::format("choice {} {} {} {}\n", name_of(c.site), c.entity, c.n, c.value);
    }
    return text;
}

std::expected<Scenario, std::string> read_scenario(std::string_view text) {
    Scenario scenario;
    for (std::uint32_t line_number = 1; !text.empty(); ++line_number) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.starts_with('#')) {
            line.remove_prefix(std::min<std::size_t>(2, line.size()));
            scenario.remarks.emplace_back(line);
            continue;
        }
        const std::vector<std::string_view> words = words_of(line);
        if (words.empty()) continue;
        Choice choice;
        if (words[0] == "seed" && words.size() == 2 && number_of(words[1], scenario.seed)) continue;
        if (std::uint64_t lies = 0;
            words[0] == "lies" && words.size() == 2 && number_of(words[1], lies) && lies <= 1000) {
            scenario.lies = static_cast<std::uint16_t>(lies);
            continue;
        }
        if (words[0] == "expect" && words.size() == 2) {
            scenario.expect = words[1];
            continue;
        }
        if (words[0] == "choice" && read_choice(words, choice)) {
            scenario.choices.push_back(choice);
            continue;
        }
        return std::unexpected(fmt::format("line {}: not understood: {}", line_number, line));
    }
    return scenario;
}

}  // namespace holdfast::sim
