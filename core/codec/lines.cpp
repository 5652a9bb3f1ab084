#include "core/codec/lines.hpp"

#include <cstring>

#include "core/base/assert.hpp"

namespace holdfast::codec {

std::span<const std::byte> value_of_line(std::span<const std::byte> line) {
    if (!line.empty() && line.back() == std::byte{'\n'}) line = line.first(line.size() - 1);
    if (!line.empty() && line.back() == std::byte{'\r'}) line = line.first(line.size() - 1);
    return line;
}

bool is_blank(std::span<const std::byte> line) {
    for (const std::byte b : line) {
        const char c = static_cast<char>(b);
        if (c != ' ' && c != '\t' && c != '\r' && c != '\n') return false;
    }
    return true;
}

void values_of_lines(std::span<const std::byte> bytes, Blank blank, std::vector<Extent>& out) {
    HF_ASSERT(bytes.size() < UINT32_MAX);
    std::size_t begin = 0;
    while (begin < bytes.size()) {
        const void* next = std::memchr(bytes.data() + begin, '\n', bytes.size() - begin);
        const std::size_t end =
            next == nullptr
                ? bytes.size()
                : static_cast<std::size_t>(static_cast<const std::byte*>(next) - bytes.data()) + 1;
        const auto value = value_of_line(bytes.subspan(begin, end - begin));
        if (blank == Blank::keep || !is_blank(value)) {
            out.push_back(
                {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(value.size())});
        }
        begin = end;
    }
}

}  // namespace holdfast::codec
