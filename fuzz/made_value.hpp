// A value written in JSON and in MsgPack at once, by writers that know nothing of core/codec.
//
// Numbers, white space, escapes and the widths of heads are chosen by the bytes given. Keys come
// from a few short ones, so that equal keys and paths that lead somewhere are common.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "fuzz/bytes.hpp"

namespace holdfast::fuzz {

struct MadeValue {
    std::string json;
    std::string packed;
};

class ValueMaker {
public:
    explicit ValueMaker(Bytes& bytes) : bytes_(bytes) {}

    MadeValue make() {
        out_ = {};
        space();
        value(0);
        space();
        return out_;
    }
    /// One of the keys that make() uses.
    std::string key() {
        static constexpr std::array<std::string_view, 8> keys{"a", "b",  "level",  "",
                                                              "c", "\"", "\u00e9", "id\n"};
        return std::string(keys[bytes_.below(keys.size())]);
    }

private:
    static constexpr int depth_max = 6;

    void space() {
        static constexpr std::array<std::string_view, 8> spaces{"", "",  "",   "",
                                                                "", " ", "\t", "\r "};
        out_.json += spaces[bytes_.below(spaces.size())];
    }
    void big_endian(std::uint64_t number, int width) {
        for (int i = width - 1; i >= 0; --i) {
            out_.packed += static_cast<char>(number >> (8 * i) & 0xff);
        }
    }
    void head(unsigned type, std::uint64_t number, int width) {
        out_.packed += static_cast<char>(type);
        big_endian(number, width);
    }
    /// A length in one of the forms that hold it; `fixed` for small ones, `first` the type byte of
    /// the narrowest other form, which has `narrowest` bytes.
    void length(std::size_t size, unsigned fixed, std::size_t fixed_max, unsigned first,
                int narrowest) {
        const std::uint64_t form = bytes_.below(4);
        if (form == 0 && size <= fixed_max) {
            out_.packed += static_cast<char>(fixed | size);
        } else if (form == 1 && narrowest == 1) {
            head(first, size, 1);
        } else if (form <= 2) {
            head(first + (narrowest == 1 ? 1 : 0), size, 2);
        } else {
            head(first + (narrowest == 1 ? 2 : 1), size, 4);
        }
    }
    void integer(bool negative, std::uint64_t magnitude) {
        out_.json += (negative ? "-" : "") + std::to_string(magnitude);
        const std::uint64_t bits = negative ? -magnitude : magnitude;
        if (!negative && magnitude < 128 && bytes_.below(2) == 0) {
            out_.packed += static_cast<char>(magnitude);
        } else if (negative && magnitude <= 32 && bytes_.below(2) == 0) {
            out_.packed += static_cast<char>(bits & 0xff);
        } else if (negative || (magnitude >> 63 == 0 && bytes_.below(2) == 0)) {
            const std::uint64_t limit = magnitude - (negative ? 1 : 0);
            int power = 0;
            while (power < 3 && (limit >> ((8 << power) - 1) != 0 || bytes_.below(3) == 0)) ++power;
            head(0xd0 + static_cast<unsigned>(power), bits, 1 << power);
        } else {
            int power = 0;
            while (power < 3 && (magnitude >> (8 << power) != 0 || bytes_.below(3) == 0)) ++power;
            head(0xcc + static_cast<unsigned>(power), bits, 1 << power);
        }
    }
    void real(double number) {
        if (!std::isfinite(number)) number = 0.5;
        std::array<char, 64> text;
        std::snprintf(text.data(), text.size(), "%.17g", number);
        out_.json += text.data();
        if (std::string_view(text.data()).find_first_of(".e") == std::string_view::npos) {
            out_.json += ".0";
        }
        head(0xcb, std::bit_cast<std::uint64_t>(number), 8);
    }
    void large_integer() {
        std::string digits = "9";
        for (std::uint64_t n = 20 + bytes_.below(20); n > 0; --n) {
            digits += static_cast<char>('0' + bytes_.below(10));
        }
        out_.json += digits;
        head(0xcb, std::bit_cast<std::uint64_t>(std::strtod(digits.c_str(), nullptr)), 8);
    }
    void string(const std::string& text) {
        out_.json += '"';
        for (const char c : text) {
            const auto byte = static_cast<unsigned char>(c);
            const bool must = byte < 0x20 || c == '"' || c == '\\';
            if (must || (byte < 0x80 && bytes_.below(8) == 1)) {
                std::array<char, 8> escape;
                std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(byte));
                out_.json += escape.data();
            } else {
                out_.json += c;
            }
        }
        out_.json += '"';
        length(text.size(), 0xa0, 31, 0xd9, 1);
        out_.packed += text;
    }
    std::string any_text() {
        static constexpr std::array<std::string_view, 12> parts{
            "x", "y", "level", "\"",     "\\",         "\n",
            "{", "]", ",",     "\u00e9", "\U0001f600", "0123456789"};
        std::string text;
        for (std::uint64_t n = bytes_.below(6); n > 0; --n)
            text += parts[bytes_.below(parts.size())];
        return text;
    }
    void array(int depth) {
        const std::uint64_t count = bytes_.below(4);
        length(count, 0x90, 15, 0xdc, 2);
        out_.json += '[';
        for (std::uint64_t i = 0; i < count; ++i) {
            if (i > 0) out_.json += ',';
            space();
            value(depth + 1);
            space();
        }
        out_.json += ']';
    }
    void object(int depth) {
        const std::uint64_t count = bytes_.below(5);
        length(count, 0x80, 15, 0xde, 2);
        out_.json += '{';
        for (std::uint64_t i = 0; i < count; ++i) {
            if (i > 0) out_.json += ',';
            space();
            string(key());
            space();
            out_.json += ':';
            space();
            value(depth + 1);
            space();
        }
        out_.json += '}';
    }
    void value(int depth) {
        const std::uint64_t kinds = depth == 0 ? 12 : depth < depth_max ? 10 : 8;
        switch (bytes_.below(kinds)) {
            case 0:
                out_.json += "null";
                out_.packed += '\xc0';
                return;
            case 1:
                out_.json += "true";
                out_.packed += '\xc3';
                return;
            case 2:
                out_.json += "false";
                out_.packed += '\xc2';
                return;
            case 3: return integer(false, bytes_.number(1));
            case 4: return any_integer();
            case 5: return real(static_cast<double>(bytes_.number(2)) / 8 - 100);
            case 6: return any_real();
            case 7: return string(any_text());
            case 8: return array(depth);
            default: return object(depth);
        }
    }
    void any_integer() {
        const std::uint64_t number = bytes_.number(8) >> bytes_.below(64);
        const bool negative = bytes_.below(2) == 1 && number > 0;
        if (negative && number > std::uint64_t{1} << 63) return large_integer();
        integer(negative, number);
    }
    void any_real() {
        if (bytes_.below(4) == 0) return large_integer();
        real(std::bit_cast<double>(bytes_.number(8)));
    }

    Bytes& bytes_;
    MadeValue out_;
};

}  // namespace holdfast::fuzz
