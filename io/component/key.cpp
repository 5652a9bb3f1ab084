// See key.hpp.
#include "io/component/key.hpp"

#include <algorithm>

namespace holdfast::io {

std::vector<std::string_view> words_of(std::string_view text) {
    std::vector<std::string_view> words;
    while (!text.empty()) {
        const std::size_t bar = text.find('|');
        words.push_back(text.substr(0, bar));
        text = bar == std::string_view::npos ? std::string_view{} : text.substr(bar + 1);
    }
    return words;
}

bool applies(const Key& key, std::string_view type) {
    const auto words = words_of(key.only);
    return words.empty() || std::find(words.begin(), words.end(), type) != words.end();
}

}  // namespace holdfast::io
