#include "core/codec/envelope_programs.hpp"

#include <array>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"
#include "core/codec/document.hpp"
#include "core/codec/envelope.hpp"
#include "core/codec/json_text.hpp"
#include "core/codec/record_programs.hpp"

namespace holdfast::codec {
namespace {

// Of each text: memory that stays for the next record.
constexpr std::size_t kept_bytes = std::size_t{256} << 10;

template <class T>
void trim(T& bytes) {
    if (bytes.capacity() > kept_bytes) T().swap(bytes);
}

void append(std::string_view text, std::vector<std::byte>& out) {
    const auto bytes = std::as_bytes(std::span(text));
    out.insert(out.end(), bytes.begin(), bytes.end());
}

class EnvelopeReader final : public Program {
public:
    ProgramResult run(std::span<const std::byte> record, std::vector<std::byte>& out,
                      std::string& error) override {
        trim(read_.payload);
        trim(read_.headers);
        trim(read_.key);
        const bool is_read = read_envelope(record, payload_max_, document_, read_, error);
        document_.trim();
        if (!is_read) return {Verdict::fail, 0, true};
        append(read_.payload, out);
        return {Verdict::change, 1};
    }
    bool gives_extras() const override { return true; }
    const packing::Extras* extras() const override { return &read_.extras; }
    void limit_outputs(std::size_t bytes) override { payload_max_ = bytes; }
    std::unique_ptr<Program> clone() const override { return std::make_unique<EnvelopeReader>(); }
    std::string engine() const override { return "native"; }

private:
    Parser parser_;
    Document document_{parser_};
    FromEnvelope read_;
    std::size_t payload_max_ = std::size_t{1} << 20;
};

class EnvelopeWriter final : public Program {
public:
    ProgramResult run(std::span<const std::byte> record, std::vector<std::byte>& out,
                      std::string&) override {
        packing::Extras extras;
        if (meta_.extras != nullptr) extras = *meta_.extras;
        extras.position = meta_.position;
        text_.clear();
        append_envelope({meta_.source, meta_.partition}, extras, record, document_, text_);
        text_ += '\n';
        append(text_, out);
        trim(text_);
        return {Verdict::change, 1};
    }
    bool asks_meta() const override { return true; }
    void bind(const RecordMeta& meta) override { meta_ = meta; }
    std::unique_ptr<Program> clone() const override { return std::make_unique<EnvelopeWriter>(); }
    std::string engine() const override { return "native"; }

private:
    Parser parser_;
    Document document_{parser_};
    RecordMeta meta_;
    std::string text_;
};

class LineEncoder final : public Program {
public:
    ProgramResult run(std::span<const std::byte> record, std::vector<std::byte>& out,
                      std::string& error) override {
        const bool one = std::memchr(record.data(), '\n', record.size()) == nullptr;
        if (record.empty() || one || mutant(525)) return {};
        document_.reset(record, Format::json);
        const bool is_json = document_.root().has_value();
        document_.trim();
        if (!is_json) {
            error =
                "a newline stands in it, and it is no JSON that could stand on one line; "
                "framing = \"json\" or \"length\" of a sink takes any bytes";
            return {Verdict::fail, 0, true};
        }
        append_compact(record, out);
        out.push_back(std::byte{'\n'});
        return {Verdict::change, 1};
    }
    std::unique_ptr<Program> clone() const override { return std::make_unique<LineEncoder>(); }
    std::string engine() const override { return "native"; }

private:
    Parser parser_;
    Document document_{parser_};
};

class LengthEncoder final : public Program {
public:
    ProgramResult run(std::span<const std::byte> record, std::vector<std::byte>& out,
                      std::string&) override {
        const std::size_t size = record.size();
        HF_ASSERT(size <= UINT32_MAX);
        for (const unsigned shift : {24u, 16u, 8u, 0u})
            out.push_back(static_cast<std::byte>(size >> shift & 255));
        out.insert(out.end(), record.begin(), record.end());
        return {Verdict::change, 1};
    }
    std::unique_ptr<Program> clone() const override { return std::make_unique<LengthEncoder>(); }
    std::string engine() const override { return "native"; }
};

class LengthDecoder final : public Program {
public:
    ProgramResult run(std::span<const std::byte> record, std::vector<std::byte>& out,
                      std::string&) override {
        const auto payload = payload_in(Framing::length, record);
        out.insert(out.end(), payload.begin(), payload.end());
        return {Verdict::change, 1};
    }
    std::unique_ptr<Program> clone() const override { return std::make_unique<LengthDecoder>(); }
    std::string engine() const override { return "native"; }
};

class MetaProgram final : public Program {
public:
    explicit MetaProgram(MetaPrograms programs) : programs_(std::move(programs)) {}

    ProgramResult run(std::span<const std::byte> record, std::vector<std::byte>&,
                      std::string& error) override {
        extras_ = {};
        if (meta_.extras != nullptr) extras_ = *meta_.extras;
        ProgramResult result{Verdict::keep, 1};
        Value value;
        if (programs_.key && run_one(*programs_.key, "key", record, value, result, error))
            take_key(value, result, error);
        if (result.verdict == Verdict::keep && programs_.headers &&
            run_one(*programs_.headers, "headers", record, value, result, error))
            take_headers(value, result, error);
        if (result.verdict == Verdict::keep && programs_.timestamp &&
            run_one(*programs_.timestamp, "timestamp", record, value, result, error))
            take_timestamp(value, result, error);
        document_.trim();
        trim(out_);
        return result;
    }
    bool asks_meta() const override { return true; }
    void bind(const RecordMeta& meta) override {
        meta_ = meta;
        each([&](Program& program) { program.bind(meta); });
    }
    void limit_outputs(std::size_t bytes) override {
        each([&](Program& program) { program.limit_outputs(bytes); });
    }
    void expect_lines() override {
        each([](Program& program) { program.expect_lines(); });
    }
    void heed(const Hurry& hurry, Duration may) override {
        each([&](Program& program) { program.heed(hurry, may); });
    }
    bool gives_extras() const override { return true; }
    const packing::Extras* extras() const override { return &extras_; }
    std::unique_ptr<Program> clone() const override {
        const auto one = [](const std::unique_ptr<Program>& program) {
            return program ? program->clone() : nullptr;
        };
        return std::make_unique<MetaProgram>(
            MetaPrograms{one(programs_.key), one(programs_.headers), one(programs_.timestamp)});
    }
    std::string engine() const override {
        std::string all = "native";
        for (const auto* program : {&programs_.key, &programs_.headers, &programs_.timestamp})
            if (*program && (*program)->engine() != all) return (*program)->engine();
        return all;
    }

private:
    template <class F>
    void each(F f) {
        for (auto* program : {&programs_.key, &programs_.headers, &programs_.timestamp})
            if (*program) f(**program);
    }

    static void refuse(ProgramResult& result, std::string& error, std::string text) {
        error = std::move(text);
        result = {Verdict::fail, 0};
    }

    /// False: it gives nothing, or fails.
    bool run_one(Program& program, std::string_view name, std::span<const std::byte> record,
                 Value& value, ProgramResult& result, std::string& error) {
        out_.clear();
        const ProgramResult one = program.run(record, out_, error);
        if (one.verdict == Verdict::drop) return false;
        if (one.verdict == Verdict::fail) {
            if (!one.unreadable) error = std::string(name) + ": " + error;
            result = one;
            return false;
        }
        if (one.outputs > 1) {
            refuse(
                result, error,
                std::string(name) + ": " + std::to_string(one.outputs) + " values; expected one");
            return false;
        }
        const bool same = one.verdict == Verdict::keep;
        // Without the newline that ends an output, and with bytes behind it that may be read.
        const std::size_t size = out_.empty() ? 0 : out_.size() - 1;
        out_.resize(size + padding);
        document_.reset(same ? record : std::span<const std::byte>(out_).first(size), Format::json);
        const auto root = document_.root();
        if (!root) {
            refuse(result, error, std::string(name) + ": its value is no JSON");
            return false;
        }
        value = *root;
        return true;
    }

    void take_key(const Value& value, ProgramResult& result, std::string& error) {
        trim(key_);
        key_.clear();
        extras_.key.reset();
        if (value.null()) return;
        if (!bytes_of_value(value, key_)) return refuse(result, error, "key: it is no base64");
        extras_.key = std::as_bytes(std::span(key_));
        if (mutant(531)) extras_.headers = {};
    }
    void take_headers(const Value& value, ProgramResult& result, std::string& error) {
        trim(headers_);
        std::string why;
        if (!headers_of_value(value, headers_, why)) return refuse(result, error, std::move(why));
        extras_.headers = headers_;
    }
    void take_timestamp(const Value& value, ProgramResult& result, std::string& error) {
        extras_.timestamp.reset();
        if (value.null()) return;
        std::int64_t time = 0;
        if (!timestamp_of_value(value, time))
            return refuse(result, error,
                          "timestamp: it is no number; expected milliseconds since 1970, as in "
                          ".time | fromdate * 1000");
        extras_.timestamp = time;
    }

    MetaPrograms programs_;
    RecordMeta meta_;
    packing::Extras extras_;
    std::string key_;
    std::vector<std::byte> headers_;
    std::vector<std::byte> out_;
    Parser parser_;
    Document document_{parser_};
};

}  // namespace

std::unique_ptr<Program> make_envelope_reader() { return std::make_unique<EnvelopeReader>(); }
std::unique_ptr<Program> make_envelope_writer() { return std::make_unique<EnvelopeWriter>(); }
std::unique_ptr<Program> make_line_encoder() { return std::make_unique<LineEncoder>(); }
std::unique_ptr<Program> make_length_encoder() { return std::make_unique<LengthEncoder>(); }
std::unique_ptr<Program> make_length_decoder() { return std::make_unique<LengthDecoder>(); }
std::unique_ptr<Program> make_meta_program(MetaPrograms programs) {
    return std::make_unique<MetaProgram>(std::move(programs));
}

}  // namespace holdfast::codec
