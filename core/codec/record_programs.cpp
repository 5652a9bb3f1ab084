#include "core/codec/record_programs.hpp"

#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "core/base/assert.hpp"
#include "core/codec/convert.hpp"
#include "core/codec/document.hpp"
#include "core/codec/lines.hpp"
#include "core/codec/parsed_batch.hpp"

namespace holdfast::codec {
namespace {

bool is_space(std::byte b) {
    return b == std::byte{' '} || b == std::byte{'\n'} || b == std::byte{'\t'} ||
           b == std::byte{'\r'};
}

/// Valid JSON without the white space between its tokens.
void append_compact(std::span<const std::byte> json, std::vector<std::byte>& out) {
    bool quoted = false, escaped = false;
    for (const std::byte b : json) {
        if (!quoted && is_space(b)) continue;
        out.push_back(b);
        if (escaped) {
            escaped = false;
        } else if (quoted && b == std::byte{'\\'}) {
            escaped = true;
        } else if (b == std::byte{'"'}) {
            quoted = !quoted;
        }
    }
}

/// What both need: one record parsed.
class FormatProgram : public Program {
protected:
    explicit FormatProgram(Format format) : format_(format), document_(parser_) {}

    /// Missing: `error` says why not.
    Value parse(std::span<const std::byte> record, std::string& error) {
        document_.reset(record, format_);
        const auto value = document_.root();
        if (value) return *value;
        error = fault_name(value.error().fault);
        error += " at byte " + std::to_string(value.error().offset);
        return {};
    }
    static ProgramResult unreadable() { return {Verdict::fail, 0, true}; }
    ProgramResult append_text(std::vector<std::byte>& out) {
        const auto bytes = std::as_bytes(std::span(text_));
        out.insert(out.end(), bytes.begin(), bytes.end());
        return {Verdict::change, 1};
    }

    Format format_;
    Parser parser_;
    Document document_;
    std::string text_;
};

class ArrayDecoder final : public FormatProgram {
public:
    ArrayDecoder() : FormatProgram(Format::json) {}

    ProgramResult run(std::span<const std::byte> record, std::vector<std::byte>& out,
                      std::string& error) override {
        if (parse(record, error).missing()) return unreadable();
        if (std::memchr(record.data(), '\n', record.size()) == nullptr) return {};
        append_compact(record, out);
        out.push_back(std::byte{'\n'});
        return {Verdict::change, 1};
    }
    std::unique_ptr<Program> clone() const override { return std::make_unique<ArrayDecoder>(); }
    std::string engine() const override { return "native"; }
};

class MsgpackDecoder final : public FormatProgram {
public:
    MsgpackDecoder() : FormatProgram(Format::msgpack) {}

    ProgramResult run(std::span<const std::byte> record, std::vector<std::byte>& out,
                      std::string& error) override {
        const Value value = parse(record, error);
        if (value.missing()) return unreadable();
        text_.clear();
        append_json(value, text_);
        text_ += '\n';
        return append_text(out);
    }
    std::unique_ptr<Program> clone() const override { return std::make_unique<MsgpackDecoder>(); }
    std::string engine() const override { return "native"; }
};

/// Run mode `parsed`: the parsed values stand beside the records, one to one.
class LineParser final : public Program {
public:
    LineParser() { batch_.emplace(parser_); }

    void look_ahead(std::span<const std::byte> batch, std::uint32_t records) override {
        if (is_large_) batch_.emplace(parser_);  // Gives its memory back.
        is_large_ = batch.size() > large;
        extents_.clear();
        values_of_lines(batch, Blank::keep, extents_);
        HF_ASSERT(extents_.size() >= records);
        extents_.resize(records);
        batch_->parse(batch, extents_, Format::json, Between::newlines);
        HF_ASSERT(batch_->size() == records);
        next_ = 0;
    }

    ProgramResult run(std::span<const std::byte> record, std::vector<std::byte>&,
                      std::string& error) override {
        if (next_ == batch_->size()) {
            batch_->clear();
            batch_->add(record, Format::json);
            next_ = 0;
        }
        const auto value = batch_->at(next_++);
        if (value) return {Verdict::keep, 1};
        error = fault_name(value.error().fault);
        error += " at byte " + std::to_string(value.error().offset);
        return {Verdict::fail, 0, true};
    }
    std::unique_ptr<Program> clone() const override { return std::make_unique<LineParser>(); }
    std::string engine() const override { return "native"; }

private:
    static constexpr std::size_t large = std::size_t{1} << 20;

    Parser parser_;
    std::optional<ParsedBatch> batch_;
    std::vector<Extent> extents_;
    std::size_t next_ = 0;
    bool is_large_ = false;
};

class MsgpackEncoder final : public FormatProgram {
public:
    MsgpackEncoder() : FormatProgram(Format::json) {}

    ProgramResult run(std::span<const std::byte> record, std::vector<std::byte>& out,
                      std::string& error) override {
        const Value value = parse(record, error);
        if (value.missing()) return unreadable();
        text_.clear();
        append_msgpack(value, text_);
        return append_text(out);
    }
    std::unique_ptr<Program> clone() const override { return std::make_unique<MsgpackEncoder>(); }
    std::string engine() const override { return "native"; }
};

}  // namespace

std::unique_ptr<Program> make_decoder(Framing framing) {
    if (framing == Framing::lines) return std::make_unique<LineParser>();
    if (framing == Framing::json_array) return std::make_unique<ArrayDecoder>();
    HF_ASSERT(framing == Framing::msgpack);
    return std::make_unique<MsgpackDecoder>();
}

std::unique_ptr<Program> make_encoder() { return std::make_unique<MsgpackEncoder>(); }

}  // namespace holdfast::codec
