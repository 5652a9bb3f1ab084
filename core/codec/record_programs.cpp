#include "core/codec/record_programs.hpp"

#include <cstring>
#include <string>
#include <vector>

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"
#include "core/codec/convert.hpp"
#include "core/codec/document.hpp"
#include "core/codec/json_parse.hpp"
#include "core/codec/json_text.hpp"
#include "core/codec/lines.hpp"
#include "core/record/packed.hpp"

namespace holdfast::codec {

void append_compact(std::span<const std::byte> json, std::vector<std::byte>& out) {
    bool quoted = false, escaped = false;
    for (const std::byte b : json) {
        if (!quoted && is_space(static_cast<char>(b))) continue;
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

namespace {

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
    ProgramResult unreadable() {
        document_.trim();
        return {Verdict::fail, 0, true};
    }
    ProgramResult append_text(std::vector<std::byte>& out) {
        if (!mutant(198)) document_.trim();
        const auto bytes = std::as_bytes(std::span(text_));
        out.insert(out.end(), bytes.begin(), bytes.end());
        // An assignment would keep the room.
        if (text_.capacity() > text_kept) std::string().swap(text_);
        return {Verdict::change, 1};
    }
    // Memory that stays for the next record.
    static constexpr std::size_t text_kept = std::size_t{1} << 20;

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
        document_.trim();
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

/// Run mode `parsed`: keeps lines that are JSON.
class LineParser final : public Program {
public:
    void look_ahead(std::span<const std::byte> batch, std::uint32_t records) override {
        extents_.clear();
        values_of_lines(batch, Blank::keep, extents_);
        HF_ASSERT(extents_.size() >= records);
        extents_.resize(records);
        index_.begin(batch, extents_);
        next_ = 0;
    }

    ProgramResult run(std::span<const std::byte> record, std::vector<std::byte>&,
                      std::string& error) override {
        const bool ahead = next_ < extents_.size();
        const auto indexed = ahead ? index_.next() : index_.index(record);
        next_ += ahead ? 1 : 0;
        const auto parsed =
            indexed ? parse_json(*indexed, tape_) : std::unexpected(indexed.error());
        tape_.trim();
        index_.trim();
        if (parsed) return {Verdict::keep, 1};
        error = fault_name(parsed.error().fault);
        error += " at byte " + std::to_string(parsed.error().offset);
        return {Verdict::fail, 0, true};
    }
    std::unique_ptr<Program> clone() const override { return std::make_unique<LineParser>(); }
    std::string engine() const override { return "native"; }

private:
    JsonIndex index_;
    Tape tape_;
    std::vector<Extent> extents_;
    std::size_t next_ = 0;
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

std::string shown_record(Framing framing, std::span<const std::byte> record) {
    const auto as_text = [](std::span<const std::byte> bytes) {
        return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    };
    if (framing == Framing::packed) return as_text(packing::view_of(record)->payload);
    if (framing != Framing::msgpack) return as_text(payload_in(framing, record));
    std::vector<std::byte> readable(record.begin(), record.end());
    readable.resize(readable.size() + Program::padding);
    std::vector<std::byte> out;
    std::string error;
    const auto result =
        make_decoder(framing)->run(std::span(readable).first(record.size()), out, error);
    if (result.verdict != Verdict::change || out.empty()) return as_text(record);
    return as_text(std::span(out).first(out.size() - 1));
}

}  // namespace holdfast::codec
