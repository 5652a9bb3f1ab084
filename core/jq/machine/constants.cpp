#include "core/jq/machine/constants.hpp"

#include <algorithm>
#include <span>

#include "core/base/mutant.hpp"
#include "core/jq/tape.hpp"
#include "core/jq/text.hpp"

namespace holdfast::jq::machine {
namespace {

/// What a number of a program is in JSON: `.5` is one there, and `1.`.
std::string json_number(std::string digits) {
    if (digits.front() == '.') digits.insert(0, "0");
    const std::size_t point = digits.find('.');
    const bool is_bare =
        point != digits.npos &&
        (point + 1 == digits.size() || digits[point + 1] < '0' || digits[point + 1] > '9');
    if (is_bare) digits.insert(point + 1, "0");
    const std::size_t first = std::min(digits.find_first_not_of('0'), digits.size() - 1);
    const bool is_small = digits[first] == '.' || digits[first] == 'e' || digits[first] == 'E';
    return digits.substr(is_small ? first - 1 : first);
}

bool add_json(const Syntax& syntax, ExprId id, std::string& out);

bool add_items(const Syntax& syntax, ExprId id, std::string& out) {
    const Expr& e = syntax.exprs[id];
    if (e.op != Op::comma) return add_json(syntax, id, out);
    if (!add_items(syntax, e.a, out)) return false;
    out += ',';
    return add_items(syntax, e.b, out);
}

bool add_members(const Syntax& syntax, const Expr& object, std::string& out) {
    for (std::uint32_t i = 0; i < object.count; i += 2) {
        const auto key = constant_text(syntax, syntax.lists[object.items + i]);
        if (!key) return false;
        out += (i == 0 ? "" : ",") + quoted(*key) + ":";
        if (!add_json(syntax, syntax.lists[object.items + i + 1], out)) return false;
    }
    return true;
}

bool add_json(const Syntax& syntax, ExprId id, std::string& out) {
    const Expr& e = syntax.exprs[id];
    if (const auto text = constant_text(syntax, id)) return out += quoted(*text), true;
    switch (e.op) {
        case Op::number: out += json_number(syntax.text(e.text)); return true;
        case Op::call: {
            const std::string& name = syntax.text(e.text);
            out += name;
            return e.count == 0 && (name == "null" || name == "true" || name == "false");
        }
        case Op::array:
            out += '[';
            if (e.a != none && !add_items(syntax, e.a, out)) return false;
            out += ']';
            return true;
        case Op::object:
            out += '{';
            if (!add_members(syntax, e, out)) return false;
            out += '}';
            return true;
        default: return false;
    }
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// Where the string that begins at `at` ends.
std::size_t end_of_string(std::string_view text, std::size_t at) {
    for (++at; at < text.size() && text[at] != '"'; ++at) at += text[at] == '\\';
    return std::min(at + 1, text.size());
}

/// Where the value that begins at `at` ends, if it is one.
std::size_t end_of_value(std::string_view text, std::size_t at) {
    if (text[at] == '"') return end_of_string(text, at);
    if (text[at] != '[' && text[at] != '{') {
        const std::size_t end = text.find_first_of(" \t\r\n[]{}\",:", at + 1);
        return std::min(end, text.size());
    }
    std::size_t depth = 0;
    while (at < text.size()) {
        const char c = text[at];
        at = c == '"' ? end_of_string(text, at) : at + 1;
        depth += c == '[' || c == '{';
        if ((c == ']' || c == '}') && --depth == 0) return at;
    }
    return text.size();
}

class Reading {
public:
    bool read(std::string_view text) {
        nodes_.trim(0, 0);
        return tape_.read(std::as_bytes(std::span(text.data(), text.size())), nodes_);
    }
    const Tape& tape() const { return tape_; }

private:
    Tape tape_;
    Nodes nodes_;
};

}  // namespace

std::optional<std::string> constant_text(const Syntax& syntax, ExprId id) {
    const Expr& e = syntax.exprs[id];
    if (e.op == Op::string && e.count == 1) return syntax.text(syntax.lists[e.items]);
    if (e.op != Op::binary || syntax.text(e.text) != "+") return std::nullopt;
    auto left = constant_text(syntax, e.a);
    const auto right = constant_text(syntax, e.b);
    if (!left || !right) return std::nullopt;
    return *left + *right;
}

std::optional<std::string> constant_json(const Syntax& syntax, ExprId id) {
    std::string out;
    if (!add_json(syntax, id, out)) return std::nullopt;
    return out;
}

std::vector<std::string> constant_texts(const Syntax& syntax, ExprId id) {
    if (auto one = constant_text(syntax, id)) return {std::move(*one)};
    std::vector<std::string> out;
    const Expr& e = syntax.exprs[id];
    if (e.op != Op::array || e.a == none) return out;
    ExprId left = e.a;
    for (; syntax.exprs[left].op == Op::comma; left = syntax.exprs[left].a) {
        if (auto one = constant_text(syntax, syntax.exprs[left].b)) out.push_back(std::move(*one));
    }
    if (auto one = constant_text(syntax, left)) out.push_back(std::move(*one));
    std::reverse(out.begin(), out.end());
    return out;
}

ExprId constant_member(const Syntax& syntax, ExprId object, std::string_view key) {
    ExprId found = none;
    if (object == none) return found;
    const Expr& e = syntax.exprs[object];
    for (std::uint32_t i = 0; e.op == Op::object && i < e.count; i += 2) {
        const auto name = constant_text(syntax, syntax.lists[e.items + i]);
        if (name && *name == key) found = syntax.lists[e.items + i + 1];
    }
    return found;
}

bool is_true(const Syntax& syntax, ExprId id) {
    return id != none && constant_json(syntax, id) == "true";
}

std::expected<std::string, SyntaxError> array_of_values(std::string_view text) {
    constexpr std::size_t readable_behind = 64;
    const std::string padded = std::string(text) + std::string(readable_behind, ' ');
    const std::string_view all = std::string_view(padded).substr(0, text.size());
    Reading reading;
    std::string out = "[";
    std::size_t at = all.starts_with("\xef\xbb\xbf") ? 3 : 0;
    while (true) {
        while (at < all.size() && is_space(all[at])) ++at;
        if (at == all.size()) break;
        const std::size_t end = end_of_value(all, at);
        if (!reading.read(all.substr(at, end - at))) {
            return std::unexpected(
                SyntaxError{reading.tape().error(), at + reading.tape().error_offset()});
        }
        out += (out.size() > 1 ? "," : "") + std::string(all.substr(at, end - at));
        at = mutant(433) ? all.size() : end;
    }
    out += ']';
    const std::string readable = out + std::string(readable_behind, ' ');
    if (!reading.read(std::string_view(readable).substr(0, out.size()))) {
        return std::unexpected(SyntaxError{"the array of its values has more than 64 levels", 0});
    }
    return out;
}

}  // namespace holdfast::jq::machine
