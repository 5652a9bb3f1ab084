// Keys of records: the same random value, written in two ways, and one that differs in one place.
// What is demanded (I83): the same value gives the same key, another value another one.
#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "core/base/mix.hpp"
#include "core/codec/key_program.hpp"
#include "sim/breach.hpp"
#include "sim/device_worlds.hpp"
#include "sim/key_world.hpp"

namespace holdfast::sim {
namespace {

/// A value, apart from how it is written.
struct Model {
    enum class Kind : std::uint8_t { null, boolean, number, string, array, object };
    Kind kind = Kind::null;
    bool boolean = false;
    std::string digits;  ///< number: no zero at either end; empty: 0.
    bool negative = false;
    int exponent = 0;           ///< number: of the last digit.
    std::string text;           ///< string.
    std::vector<Model> inside;  ///< array, object.
    std::vector<std::string> names;
};

class Draw {
public:
    Draw(std::uint64_t seed, std::uint64_t digits_max) : seed_(seed), digits_max_(digits_max) {}
    std::uint64_t below(std::uint64_t n) { return scale(mix(seed_, 0x6b6579, 0, ++asked_), n); }

    Model model(int levels) {
        Model out;
        out.kind = static_cast<Model::Kind>(below(levels > 0 ? 6 : 4));
        switch (out.kind) {
            case Model::Kind::null: break;
            case Model::Kind::boolean: out.boolean = below(2) == 1; break;
            case Model::Kind::number: number(out); break;
            case Model::Kind::string: out.text = text(); break;
            case Model::Kind::array:
                for (std::uint64_t n = below(4); n > 0; --n)
                    out.inside.push_back(model(levels - 1));
                break;
            case Model::Kind::object:
                for (std::uint64_t n = below(4); n > 0; --n) {
                    const std::string name = text();
                    if (std::find(out.names.begin(), out.names.end(), name) != out.names.end())
                        continue;
                    out.names.push_back(name);
                    out.inside.push_back(model(levels - 1));
                }
                break;
        }
        return out;
    }

    /// One of its spellings.
    std::string write(const Model& m) {
        switch (m.kind) {
            case Model::Kind::null: return "null";
            case Model::Kind::boolean: return m.boolean ? "true" : "false";
            case Model::Kind::number: return write_number(m);
            case Model::Kind::string: return write_text(m.text);
            case Model::Kind::array: {
                std::string out = "[";
                for (const Model& one : m.inside) out += (out.size() > 1 ? "," : "") + write(one);
                return out + "]";
            }
            case Model::Kind::object: break;
        }
        return write_object(m);
    }

    /// Another value: differs in one place.
    Model other(const Model& m) {
        Model out = m;
        if (!out.inside.empty() && below(4) > 0) {
            Model& one = out.inside[below(out.inside.size())];
            one = other(one);
        } else if (m.kind == Model::Kind::number) {
            out.digits += "1";
            if (below(2) == 0) out.exponent -= 1;
        } else if (m.kind == Model::Kind::string) {
            out.text += "x";
        } else if (m.kind == Model::Kind::boolean) {
            out.boolean = !out.boolean;
        } else {
            out = {};
            out.kind = Model::Kind::string;
            out.text = write(m);
        }
        return out;
    }

private:
    void number(Model& out) {
        out.negative = below(2) == 0;
        for (std::uint64_t n = below(digits_max_); n > 0; --n)
            out.digits += static_cast<char>('0' + below(10));
        const auto first = out.digits.find_first_not_of('0');
        out.digits = first == std::string::npos ? "" : out.digits.substr(first);
        while (!out.digits.empty() && out.digits.back() == '0') out.digits.pop_back();
        out.exponent = static_cast<int>(below(9)) - 4;
    }

    std::string text() {
        std::string out;
        for (std::uint64_t n = below(4); n > 0; --n) out += "ab\"\\\n/k1:"[below(9)];
        return out;
    }

    std::string write_number(const Model& m) {
        const std::string sign = m.negative ? "-" : "";
        if (m.digits.empty()) {
            constexpr std::array<const char*, 4> zeros{"0", "0.0", "0e5", "-0"};
            return zeros[below(zeros.size())];
        }
        // The point after the first so many digits, and zeros that change nothing.
        const std::string digits = m.digits + std::string(below(3), '0');
        const int exponent = m.exponent - static_cast<int>(digits.size() - m.digits.size());
        const auto whole = 1 + below(digits.size());
        std::string out = sign + digits.substr(0, whole);
        const std::string rest = digits.substr(whole);
        if (!rest.empty()) out += "." + rest;
        const int e = exponent + static_cast<int>(rest.size());
        if (e != 0 || below(2) == 0)
            out += std::string(below(2) ? "e" : "E") + (e >= 0 && below(2) ? "+" : "") +
                   std::to_string(e);
        return out;
    }

    std::string write_text(const std::string& text) {
        std::string out = "\"";
        for (const char c : text) {
            const bool must = c == '"' || c == '\\' || c == '\n';
            std::array<char, 8> escape{};
            std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(c));
            if (must || below(3) == 0)
                out += escape.data();
            else
                out += c;
        }
        return out + "\"";
    }

    std::string write_object(const Model& m) {
        std::vector<std::string> members;
        for (std::size_t i = 0; i < m.names.size(); ++i)
            members.push_back(write_text(m.names[i]) + ":" + write(m.inside[i]));
        for (std::size_t i = members.size(); i > 1; --i)
            std::swap(members[i - 1], members[below(i)]);
        // An earlier one of the same name counts for nothing.
        if (!m.names.empty() && below(3) == 0)
            members.insert(members.begin(),
                           write_text(m.names[below(m.names.size())]) + ":" + write(model(0)));
        std::string out = "{";
        for (const std::string& member : members) out += (out.size() > 1 ? ", " : " ") + member;
        return out + "}";
    }

    std::uint64_t seed_;
    std::uint64_t digits_max_;
    std::uint64_t asked_ = 0;
};

std::vector<std::byte> key_of(Program& program, const std::string& json) {
    const std::string padded = json + std::string(Program::padding, ' ');
    std::vector<std::byte> out;
    std::string error;
    const auto bytes = std::as_bytes(std::span(padded)).first(json.size());
    const ProgramResult result = program.run(bytes, out, error);
    demand(result.verdict == Verdict::change, "I83", "no key of " + json + ": " + error);
    return out;
}

void compare(std::uint64_t seed) {
    const auto [one, again, another] = spellings(seed, 22);
    const auto program = codec::make_field_key({codec::Path{}}, codec::Missing::is_null);
    const auto key = key_of(*program, one);
    demand(key == key_of(*program, again), "I83", one + " and " + again + " have different keys");
    demand(key != key_of(*program, another), "I83", one + " and " + another + " have the same key");
}

}  // namespace

Spellings spellings(std::uint64_t seed, std::uint64_t digits_max) {
    Draw draw(seed, digits_max);
    const Model model = draw.model(3);
    const Model other = draw.other(model);
    Spellings out;
    out.one = draw.write(model);
    out.again = draw.write(model);
    out.another = draw.write(other);
    return out;
}

std::optional<Breach> run_keys(std::uint64_t seed) {
    try {
        compare(seed);
    } catch (const Breach& breach) {
        return breach;
    }
    return std::nullopt;
}

}  // namespace holdfast::sim
