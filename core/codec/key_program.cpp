#include "core/codec/key_program.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"
#include "core/codec/document.hpp"

namespace holdfast::codec {
namespace {

void append(std::string_view text, std::vector<std::byte>& out) {
    const auto bytes = std::as_bytes(std::span(text));
    out.insert(out.end(), bytes.begin(), bytes.end());
}

std::string_view text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// With its length before it, so that it ends where it ends.
void append_text(char type, std::string_view text, std::vector<std::byte>& out) {
    append(type + std::to_string(text.size()) + ":", out);
    append(text, out);
}

constexpr std::int64_t exponent_most = 1'000'000'000'000'000;

/// Of the digits behind the `e`, at most exponent_most.
std::int64_t exponent_of(std::string_view text) {
    if (text.empty()) return 0;
    const bool negative = text.front() == '-';
    if (negative || text.front() == '+') text.remove_prefix(1);
    std::int64_t value = 0;
    for (const char c : text) value = std::min(value * 10 + (c - '0'), exponent_most);
    return negative ? -value : value;
}

/// The digits without zeros at either end, and the power of ten of the last one.
void append_number(std::string_view text, std::vector<std::byte>& out) {
    if (mutant(188)) return append_text('n', text, out);
    const bool negative = text.front() == '-';
    if (negative) text.remove_prefix(1);
    const std::size_t e = text.find_first_of("eE");
    std::int64_t exponent = e == std::string_view::npos ? 0 : exponent_of(text.substr(e + 1));
    text = text.substr(0, e);
    std::string digits;
    bool fraction = false;
    for (const char c : text) {
        if (c == '.') {
            fraction = true;
            continue;
        }
        if (fraction) --exponent;
        if (c != '0' || !digits.empty()) digits += c;
    }
    while (!digits.empty() && digits.back() == '0') {
        digits.pop_back();
        ++exponent;
    }
    if (digits.empty()) return append("n0;", out);
    append((negative ? "n-" : "n") + digits + "e" + std::to_string(exponent) + ";", out);
}

/// Its members by name, of equal ones the last.
void append_object(const Value& object, std::vector<std::byte>& out) {
    std::vector<std::pair<std::string, Value>> members;
    std::string scratch;
    for (const Value value : object.children())
        members.emplace_back(std::string(value.key(scratch)), value);
    if (!mutant(189))
        std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) {
            return a.first != b.first ? a.first < b.first : a.second.offset() < b.second.offset();
        });
    append("{", out);
    for (std::size_t i = 0; i < members.size(); ++i) {
        const std::size_t other = mutant(190) ? i - 1 : i + 1;
        if (other < members.size() && members[other].first == members[i].first) continue;
        append_text('k', members[i].first, out);
        append_key(members[i].second, out);
    }
    append("}", out);
}

/// What jq says of a step into such a value.
std::string cannot_index(const Value& value, const PathStep& step) {
    const char* type = "null";
    switch (value.kind()) {
        case Kind::boolean: type = "boolean"; break;
        case Kind::string: type = "string"; break;
        case Kind::array: type = "array"; break;
        case Kind::object: type = "object"; break;
        default: type = "number"; break;
    }
    return std::string("Cannot index ") + type + " with " +
           (step.by_index ? "number" : "\"" + step.key + "\"");
}

class FieldKey final : public Program {
public:
    FieldKey(std::vector<Path> fields, Missing missing)
        : fields_(std::move(fields)), missing_(missing), document_(parser_) {}

    ProgramResult run(std::span<const std::byte> record, std::vector<std::byte>& out,
                      std::string& error) override {
        document_.reset(record, Format::json);
        const auto root = document_.root();
        if (!root) {
            error = std::string(fault_name(root.error().fault)) + " at byte " +
                    std::to_string(root.error().offset);
            return {Verdict::fail, 0, true};
        }
        const std::size_t before = out.size();
        for (const Path& field : fields_) {
            error.clear();
            const Value value = at(*root, field, error);
            if (!error.empty() || (value.missing() && missing_ == Missing::drops)) {
                out.resize(before);
                return {error.empty() ? Verdict::drop : Verdict::fail, 0};
            }
            value.missing() ? append("z", out) : append_key(value, out);
        }
        return {Verdict::change, 1};
    }
    std::unique_ptr<Program> clone() const override {
        return std::make_unique<FieldKey>(fields_, missing_);
    }
    std::string engine() const override { return "native"; }

private:
    static Value at(Value value, const Path& path, std::string& error) {
        for (const PathStep& step : path.steps) {
            if (value.missing() || value.null()) return {};
            if (value.kind() != (step.by_index ? Kind::array : Kind::object)) {
                error = cannot_index(value, step);
                return {};
            }
            value = step.by_index ? value.element(step.index) : value.member(step.key);
        }
        return value;
    }

    std::vector<Path> fields_;
    Missing missing_;
    Parser parser_;
    Document document_;
};

class ProgramKey final : public Program {
public:
    explicit ProgramKey(std::unique_ptr<Program> inner)
        : inner_(std::move(inner)), document_(parser_) {}

    ProgramResult run(std::span<const std::byte> record, std::vector<std::byte>& out,
                      std::string& error) override {
        given_.clear();
        const ProgramResult result = inner_->run(record, given_, error);
        if (result.verdict == Verdict::fail || result.verdict == Verdict::drop) return result;
        const std::size_t before = out.size();
        bool right = true;
        if (result.verdict == Verdict::keep) {
            right = take(record, out, error);
        } else {
            const std::size_t size = given_.size();
            given_.resize(size + padding);
            std::span<const std::byte> rest = std::span<const std::byte>(given_).first(size);
            while (right && !rest.empty()) {
                const std::size_t length = text_of(rest).find('\n');
                HF_ASSERT(length != std::string_view::npos);
                right = take(rest.first(length), out, error);
                rest = rest.subspan(length + 1);
            }
        }
        if (right) return {Verdict::change, 1};
        out.resize(before);
        return {Verdict::fail, 0};
    }
    bool asks_meta() const override { return inner_->asks_meta(); }
    void bind(const RecordMeta& meta) override { inner_->bind(meta); }
    void limit_outputs(std::size_t bytes) override { inner_->limit_outputs(bytes); }
    void expect_lines() override { inner_->expect_lines(); }
    void heed(const Hurry& hurry, Duration may) override { inner_->heed(hurry, may); }
    std::unique_ptr<Program> clone() const override {
        return std::make_unique<ProgramKey>(inner_->clone());
    }
    std::string engine() const override { return inner_->engine(); }

private:
    bool take(std::span<const std::byte> json, std::vector<std::byte>& out, std::string& error) {
        document_.reset(json, Format::json);
        const auto value = document_.root();
        if (!value) {
            error = "its key cannot be read: " + std::string(fault_name(value.error().fault));
            return false;
        }
        append_key(*value, out);
        return true;
    }

    std::unique_ptr<Program> inner_;
    std::vector<std::byte> given_;
    Parser parser_;
    Document document_;
};

}  // namespace

void append_key(const Value& value, std::vector<std::byte>& out) {
    switch (value.kind()) {
        case Kind::null: return append("z", out);
        case Kind::boolean: return append(value.boolean() ? "t" : "f", out);
        case Kind::int64:
        case Kind::uint64:
        case Kind::real: return append_number(text_of(value.raw()), out);
        case Kind::string: {
            if (mutant(191)) return append_text('s', text_of(value.raw()), out);
            std::string scratch;
            return append_text('s', value.string(scratch), out);
        }
        case Kind::array:
            append("[", out);
            for (const Value element : value.children()) append_key(element, out);
            return append("]", out);
        case Kind::object: return append_object(value, out);
        default: HF_ASSERT(false);
    }
}

std::unique_ptr<Program> make_field_key(std::vector<Path> fields, Missing missing) {
    return std::make_unique<FieldKey>(std::move(fields), missing);
}

std::unique_ptr<Program> make_program_key(std::unique_ptr<Program> program) {
    return std::make_unique<ProgramKey>(std::move(program));
}

}  // namespace holdfast::codec
