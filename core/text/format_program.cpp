#include "core/text/format_program.hpp"

#include <cstring>
#include <string_view>

#include "core/base/assert.hpp"
#include "core/codec/document.hpp"
#include "core/codec/json_text.hpp"
#include "core/codec/members.hpp"
#include "core/text/members.hpp"

namespace holdfast::text {
namespace {

using codec::Kind;
using codec::Value;

std::string_view text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool looks_like_number(std::string_view text) {
    return !text.empty() && codec::number_shape(text).size == text.size();
}

/// What both need: a record as JSON, and a line of text.
class TextProgram : public Program {
public:
    void limit_outputs(std::size_t bytes) override { bytes_max_ = bytes; }

protected:
    TextProgram() : document_(parser_) {}

    Value read(std::span<const std::byte> json, std::string& error) {
        document_.reset(json, codec::Format::json);
        const auto value = document_.root();
        if (value) return *value;
        error = fault_name(value.error().fault);
        error += " at byte " + std::to_string(value.error().offset);
        return {};
    }

    /// Whether the line may be appended; else `error` says why not.
    bool is_line(std::string& error) const {
        const std::size_t newline = line_.find('\n');
        if (newline != line_.npos) {
            error = "the text has a newline at byte " + std::to_string(newline);
            return false;
        }
        if (line_.size() < bytes_max_) return true;
        error = "outputs of a record exceed " + std::to_string(bytes_max_) + " bytes";
        return false;
    }
    void append_line(std::vector<std::byte>& out) {
        line_ += '\n';
        const auto bytes = std::as_bytes(std::span(line_));
        out.insert(out.end(), bytes.begin(), bytes.end());
        line_.clear();
    }
    void trim_all() {
        document_.trim();
        trim(line_);
        trim(scratch_);
    }

    codec::Parser parser_;
    codec::Document document_;
    std::string line_;
    std::string scratch_;
    std::size_t bytes_max_ = SIZE_MAX;
};

/// The members of a record, or some of its fields.
class FormatProgram final : public TextProgram {
public:
    explicit FormatProgram(const FormatSettings& settings) : settings_(settings) {}

    ProgramResult run(std::span<const std::byte> record, std::vector<std::byte>& out,
                      std::string& error) override {
        const ProgramResult result = judge(record, error);
        if (result.verdict == Verdict::change) append_line(out);
        trim_all();
        trim(json_);
        return result;
    }
    std::unique_ptr<Program> clone() const override {
        return std::make_unique<FormatProgram>(settings_);
    }
    std::string engine() const override { return "native"; }

private:
    ProgramResult judge(std::span<const std::byte> record, std::string& error) {
        line_.clear();
        const Value root = read(record, error);
        if (root.missing()) return {Verdict::fail, 0, true};
        if (root.kind() != Kind::object) {
            error = "the record is no object";
            return {Verdict::fail, 0};
        }
        settings_.layout == Layout::csv ? csv(root) : logfmt(root);
        if (!is_line(error)) return {Verdict::fail, 0};
        return {Verdict::change, 1};
    }

    void logfmt(const Value& root) {
        for (const Value& member : codec::members_of(root)) {
            if (!line_.empty()) line_ += ' ';
            word(member.key(scratch_), false);
            line_ += '=';
            const Characters value = characters_of(member);
            word(value.text, value.quoted);
        }
    }

    void csv(const Value& root) {
        bool first = true;
        for (const codec::Path& path : settings_.paths) {
            if (!first) line_ += settings_.separator;
            first = false;
            const Value value = root.at(path);
            if (!value.missing() && !value.null()) cell(characters_of(value));
        }
    }

    struct Characters {
        std::string_view text;
        bool quoted = false;  ///< A string that would be read as something else, or as nothing.
    };

    /// Of any value. Lives: until the next one.
    Characters characters_of(const Value& value) {
        if (value.kind() == Kind::string) {
            const std::string_view text = value.string(scratch_);
            return {text, text.empty() || looks_like_number(text)};
        }
        if (value.kind() != Kind::array && value.kind() != Kind::object)
            return {text_of(value.raw())};
        json_.clear();
        append_compact(text_of(value.raw()), json_);
        return {json_};
    }

    /// A key or value of logfmt.
    void word(std::string_view text, bool quoted) {
        bool plain = !text.empty() && !quoted;
        for (const char c : text)
            plain =
                plain && static_cast<unsigned char>(c) > ' ' && c != '"' && c != '=' && c != 0x7f;
        if (plain)
            line_.append(text);
        else
            append_string(text, line_);
    }

    /// A value of CSV.
    void cell(const Characters& value) {
        const bool plain = !value.quoted && value.text.find('"') == value.text.npos &&
                           value.text.find('\r') == value.text.npos &&
                           value.text.find(settings_.separator) == value.text.npos &&
                           !overlaps(value.text);
        if (plain) {
            line_.append(value.text);
            return;
        }
        line_ += '"';
        for (const char c : value.text) {
            if (c == '"') line_ += '"';
            line_ += c;
        }
        line_ += '"';
    }

    /// Whether the end of the text and the separator behind it hold another separator.
    bool overlaps(std::string_view text) const {
        return settings_.separator.size() > 1 && !text.empty() &&
               settings_.separator.find(text.back()) != std::string::npos;
    }

    FormatSettings settings_;
    std::string json_;
};

class TemplateProgram final : public TextProgram {
public:
    explicit TemplateProgram(std::unique_ptr<Program> inner) : inner_(std::move(inner)) {}

    ProgramResult run(std::span<const std::byte> record, std::vector<std::byte>& out,
                      std::string& error) override {
        given_.clear();
        ProgramResult result = inner_->run(record, given_, error);
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
                const void* newline = std::memchr(rest.data(), '\n', rest.size());
                HF_ASSERT(newline != nullptr);
                const auto length =
                    static_cast<std::size_t>(static_cast<const std::byte*>(newline) - rest.data());
                right = take(rest.first(length), out, error);
                rest = rest.subspan(length + 1);
            }
        }
        trim_all();
        if (given_.capacity() > kept_bytes) std::vector<std::byte>().swap(given_);
        if (right) return {Verdict::change, result.outputs};
        out.resize(before);
        return {Verdict::fail, 0};
    }
    bool asks_meta() const override { return inner_->asks_meta(); }
    void bind(const RecordMeta& meta) override { inner_->bind(meta); }
    void limit_outputs(std::size_t bytes) override {
        TextProgram::limit_outputs(bytes);
        inner_->limit_outputs(bytes);
    }
    void expect_lines() override { inner_->expect_lines(); }
    void heed(const Hurry& hurry, Duration may) override { inner_->heed(hurry, may); }
    std::unique_ptr<Program> clone() const override {
        return std::make_unique<TemplateProgram>(inner_->clone());
    }
    std::string engine() const override { return inner_->engine(); }

private:
    bool take(std::span<const std::byte> json, std::vector<std::byte>& out, std::string& error) {
        const Value value = read(json, error);
        if (value.missing()) return false;
        line_.assign(value.kind() == Kind::string ? value.string(scratch_) : text_of(value.raw()));
        if (!is_line(error)) return false;
        append_line(out);
        return true;
    }

    std::unique_ptr<Program> inner_;
    std::vector<std::byte> given_;
};

}  // namespace

const char* layout_name(Layout layout) {
    switch (layout) {
        case Layout::logfmt: return "logfmt";
        case Layout::csv: return "csv";
        case Layout::program: break;
    }
    return "template";
}

std::string text_of(const FormatSettings& settings) {
    std::string out = layout_name(settings.layout);
    for (const std::string& column : settings.columns) {
        out += &column == &settings.columns.front() ? " " : settings.separator;
        append_string(column, out);
    }
    return out;
}

std::unique_ptr<Program> make_format_program(const FormatSettings& settings) {
    HF_ASSERT(settings.layout != Layout::program);
    return std::make_unique<FormatProgram>(settings);
}

std::unique_ptr<Program> make_template_program(std::unique_ptr<Program> program) {
    return std::make_unique<TemplateProgram>(std::move(program));
}

}  // namespace holdfast::text
