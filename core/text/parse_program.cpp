#include "core/text/parse_program.hpp"

#include <string>
#include <string_view>
#include <vector>

#include "core/base/assert.hpp"
#include "core/codec/document.hpp"
#include "core/codec/members.hpp"
#include "core/codec/utf8.hpp"
#include "core/text/members.hpp"
#include "core/text/scanner.hpp"

namespace holdfast::text {

namespace {

using codec::Kind;
using codec::Value;

std::string_view text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string_view without_line_end(std::string_view text) {
    if (text.ends_with('\n')) text.remove_suffix(1);
    if (text.ends_with('\r')) text.remove_suffix(1);
    return text;
}

/// Appends the value without what stands at the end of the path.
void append_without(const Value& value, std::span<const codec::PathStep> steps, std::string& out) {
    std::string scratch;
    bool first = true;
    out += '{';
    for (const Value& member : codec::members_of(value)) {
        const bool is_way = member.key_is(steps.front().key);
        if (is_way && steps.size() == 1) continue;
        if (!first) out += ',';
        first = false;
        append_string(member.key(scratch), out);
        out += ':';
        if (is_way && member.kind() == Kind::object)
            append_without(member, steps.subspan(1), out);
        else
            append_compact(text_of(member.raw()), out);
    }
    out += '}';
}

class ParseProgram final : public Program {
public:
    /// `scanner`: null for JSON.
    ParseProgram(const ParseSettings& settings, std::unique_ptr<Scanner> scanner)
        : settings_(settings), scanner_(std::move(scanner)), document_(parser_) {}

    ProgramResult run(std::span<const std::byte> record, std::vector<std::byte>& out,
                      std::string& error) override {
        const ProgramResult result = judge(record, error);
        if (result.verdict == Verdict::change) {
            made_ += '\n';
            const auto bytes = std::as_bytes(std::span(made_));
            out.insert(out.end(), bytes.begin(), bytes.end());
        }
        trim_all();
        return result;
    }
    void limit_outputs(std::size_t bytes) override {
        bytes_max_ = bytes;
        if (scanner_) scanner_->limit_outputs(bytes);
    }
    void heed(const Hurry& hurry, Duration may) override {
        if (scanner_) scanner_->heed(hurry, may);
    }
    std::unique_ptr<Program> clone() const override {
        return std::make_unique<ParseProgram>(settings_, scanner_ ? scanner_->clone() : nullptr);
    }
    std::string engine() const override { return "native"; }

private:
    ProgramResult judge(std::span<const std::byte> record, std::string& error) {
        members_.clear();
        made_.clear();
        if (!settings_.field) return of_line(record, error);
        if (!take_record(record, error)) return {Verdict::fail, 0, true};
        return of_text(error);
    }

    ProgramResult of_line(std::span<const std::byte> record, std::string& error) {
        if (settings_.format == Format::json) return json_line(record, error);
        const Scanner::Found found = scan(without_line_end(text_of(record)), error);
        if (found != Scanner::Found::members) return without_members(found);
        return settings_.into.empty() ? write(inner_, error) : put_into(error);
    }

    ProgramResult json_line(std::span<const std::byte> record, std::string& error) {
        if (read_json(record, error).missing()) return {Verdict::fail, 0, true};
        if (!settings_.into.empty()) return put_json(text_of(record), error);
        append_compact(text_of(record), made_);
        return {made_.size() == record.size() ? Verdict::keep : Verdict::change, 1};
    }

    /// The text of the field, which was taken out of the record.
    ProgramResult of_text(std::string& error) {
        const std::string_view text = without_line_end(std::string_view(text_).substr(0, size_));
        if (settings_.format == Format::json) {
            const auto bytes = std::as_bytes(std::span(text));
            const Value value = read_json(bytes, error);
            if (value.missing()) return in_field(error);
            if (!settings_.into.empty()) return put_json(text, error);
            if (value.kind() != Kind::object) {
                error = "no object, which is needed where there is no `into`";
                return in_field(error);
            }
            members_.reserve(members_.size() + value.size());
            add_members(value);
            return write(members_, error);
        }
        const Scanner::Found found = scan(text, error);
        if (found == Scanner::Found::wrong) return in_field(error);
        if (found != Scanner::Found::members) return without_members(found);
        if (!settings_.into.empty()) return put_into(error);
        members_.add_all(inner_);
        return write(members_, error);
    }

    static ProgramResult without_members(Scanner::Found found) {
        if (found == Scanner::Found::nothing) return {Verdict::drop, 0};
        return {Verdict::fail, 0, found == Scanner::Found::wrong, found == Scanner::Found::ended};
    }

    ProgramResult in_field(std::string& error) const {
        error.insert(0, settings_.field_name + ": ");
        return {Verdict::fail, 0, true};
    }

    /// The members of the record, and the text of its field.
    bool take_record(std::span<const std::byte> record, std::string& error) {
        const Value root = read_json(record, error);
        if (root.missing()) return false;
        const Value value = root.at(*settings_.field);
        if (root.kind() != Kind::object || value.kind() != Kind::string) {
            error = settings_.field_name + (value.missing() ? " is not there" : " is no text");
            return false;
        }
        std::string_view text = value.string(scratch_);
        text_.assign(text);
        size_ = text_.size();
        text_.resize(size_ + padding);
        keys_.clear();
        keys_.reserve(record.size());
        members_.reserve(root.size() + 1);
        const auto& steps = settings_.field->steps;
        if (settings_.keep_text) {
            add_members(root);
            return true;
        }
        for (const Value member : root.children()) {
            const bool is_way = member.key_is(steps.front().key);
            if (is_way && steps.size() == 1) continue;
            if (!is_way || member.kind() != Kind::object) {
                add_member(member);
                continue;
            }
            holder_.clear();
            append_without(member, std::span(steps).subspan(1), holder_);
            members_.add(kept(member.key(scratch_)), holder_, Shape::json);
        }
        return true;
    }

    void add_members(const Value& object) {
        for (const Value member : object.children()) add_member(member);
    }
    void add_member(const Value& member) {
        members_.add(kept(member.key(scratch_)), text_of(member.raw()), Shape::raw);
    }
    /// The same characters, which stay until the record is done.
    std::string_view kept(std::string_view key) {
        if (key.data() != scratch_.data()) return key;
        HF_ASSERT(keys_.size() + key.size() <= keys_.capacity());
        const std::size_t begin = keys_.size();
        keys_.append(key);
        return std::string_view(keys_).substr(begin);
    }

    Value read_json(std::span<const std::byte> json, std::string& error) {
        document_.reset(json, codec::Format::json);
        const auto value = document_.root();
        if (value) return *value;
        error = fault_name(value.error().fault);
        error += " at byte " + std::to_string(value.error().offset);
        return {};
    }

    /// The text's own members.
    Scanner::Found scan(std::string_view text, std::string& error) {
        inner_.clear();
        Wrong wrong{"invalid UTF-8", 0};
        Scanner::Found found = Scanner::Found::wrong;
        if (!codec::valid_utf8(text))
            wrong.at = codec::valid_utf8_prefix(text);
        else if (!text.empty())
            found = scanner_->scan(text, inner_, wrong);
        if (text.empty() || (found == Scanner::Found::members && inner_.size() == 0)) {
            found = Scanner::Found::wrong;
            wrong = {"empty", 0};
        }
        if (found != Scanner::Found::wrong) return found;
        error = wrong.what;
        if (wrong.at != Wrong::nowhere) error += " at byte " + std::to_string(wrong.at);
        return found;
    }

    ProgramResult put_into(std::string& error) {
        value_.clear();
        if (!inner_.write(value_, bytes_max_)) return too_large(error);
        members_.add(settings_.into, value_, Shape::json);
        return write(members_, error);
    }

    /// A JSON value under the key, one level deeper than it was.
    ProgramResult put_json(std::string_view json, std::string& error) {
        value_.clear();
        if (append_compact(json, value_) >= codec::depth_max) {
            error = "too deep to stand in ." + settings_.into;
            return {Verdict::fail, 0, true};
        }
        members_.add(settings_.into, value_, Shape::json);
        return write(members_, error);
    }

    ProgramResult write(Members& members, std::string& error) {
        // With its newline.
        if (members.write(made_, bytes_max_ - 1)) return {Verdict::change, 1};
        return too_large(error);
    }
    ProgramResult too_large(std::string& error) const {
        error = "outputs of a record exceed " + std::to_string(bytes_max_) + " bytes";
        return {Verdict::fail, 0};
    }

    void trim_all() {
        document_.trim();
        members_.trim();
        inner_.trim();
        if (scanner_) scanner_->trim();
        for (std::string* text : {&made_, &value_, &text_, &keys_, &holder_, &scratch_})
            trim(*text);
    }

    ParseSettings settings_;
    std::unique_ptr<Scanner> scanner_;
    std::size_t bytes_max_ = SIZE_MAX;
    codec::Parser parser_;
    codec::Document document_;
    Members members_;       ///< Of the record that is made.
    Members inner_;         ///< Of the text.
    std::string made_;      ///< The record.
    std::string value_;     ///< What stands in `into`.
    std::string text_;      ///< The field's, and bytes that may be read.
    std::size_t size_ = 0;  ///< Of the text in it.
    std::string keys_;      ///< Of the record, where they had escapes.
    std::string holder_;    ///< What the field was taken out of.
    std::string scratch_;
};

}  // namespace

std::unique_ptr<Program> make_parse_program(const ParseSettings& settings) {
    std::unique_ptr<Scanner> scanner;
    switch (settings.format) {
        case Format::json: break;
        case Format::logfmt:
        case Format::key_value: scanner = make_pairs(settings); break;
        case Format::csv: scanner = make_csv(settings); break;
        case Format::syslog: scanner = make_syslog(settings); break;
        case Format::regex: HF_ASSERT(false);
    }
    return std::make_unique<ParseProgram>(settings, std::move(scanner));
}

std::unique_ptr<Program> make_regex_program(const ParseSettings& settings,
                                            std::unique_ptr<jq::machine::Outside> outside,
                                            std::string& error) {
    auto scanner = make_regex(settings, std::move(outside), error);
    if (scanner == nullptr) return nullptr;
    return std::make_unique<ParseProgram>(settings, std::move(scanner));
}

}  // namespace holdfast::text
