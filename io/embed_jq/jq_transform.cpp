// See jq_transform.hpp.
#include "io/embed_jq/jq_transform.hpp"

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/codec/convert.hpp"
#include "core/codec/document.hpp"
#include "core/data/program.hpp"
#include "io/jq/compile.hpp"

namespace holdfast::embed {
namespace {

class JqTransform final : public Transformer {
public:
    JqTransform(std::unique_ptr<Program> program, OnFailure on_failure)
        : program_(std::move(program)), on_failure_(on_failure) {}

    std::expected<Output, Failure> process(Input input) override {
        Output output;
        for (Record& record : input.records) {
            std::optional<DeadLetter> dead = run(record, input.source, output);
            if (!dead) continue;
            if (on_failure_ == OnFailure::stop) return std::unexpected(Failure{dead->why, true});
            output.dead_letters.push_back(std::move(*dead));
        }
        return output;
    }

private:
    /// Its outputs go to `output`; a dead letter if there are none because it failed.
    std::optional<DeadLetter> run(Record& record, std::string_view source, Output& output) {
        if (std::string why = read(record); !why.empty())
            return DeadLetter{std::move(record), why, "", Reason::parse_error, 0};
        const std::string partition = std::to_string(record.id.partition);
        if (program_->asks_meta()) program_->bind({source, partition, record.id.position});
        out_.clear();
        const std::size_t size = text_.size();
        text_.append(Program::padding, ' ');
        const ProgramResult result =
            program_->run(std::as_bytes(std::span(text_)).first(size), out_, error_);
        switch (result.verdict) {
            case Verdict::drop: return std::nullopt;
            case Verdict::keep: output.records.push_back(std::move(record)); return std::nullopt;
            case Verdict::change: spread(record, result.outputs, output); return std::nullopt;
            case Verdict::fail: break;
        }
        const Reason reason = result.unreadable ? Reason::parse_error : Reason::failed;
        error_.insert(0, result.unreadable ? "parse error: " : "program error: ");
        return DeadLetter{std::move(record), error_, "", reason, 0};
    }

    /// The record as JSON in text_; else what is wrong with it.
    std::string read(const Record& record) {
        if (record.format == Format::json) {
            text_ = record.payload;
            return {};
        }
        document_.reset(std::as_bytes(std::span(record.payload)), codec::Format::msgpack);
        const auto value = document_.root();
        if (!value) return codec::error_text(value.error());
        text_.clear();
        codec::append_json(*value, text_);
        return {};
    }

    void spread(const Record& record, std::uint32_t outputs, Output& output) {
        std::string_view rest(reinterpret_cast<const char*>(out_.data()), out_.size());
        for (std::uint32_t i = 0; i < outputs; ++i) {
            const std::size_t end = rest.find('\n');
            Record& made = output.records.emplace_back(record);
            made.payload = rest.substr(0, end);
            made.format = Format::json;
            rest.remove_prefix(end + 1);
        }
    }

    std::unique_ptr<Program> program_;
    OnFailure on_failure_;
    codec::Parser parser_;
    codec::Document document_{parser_};
    std::string text_;
    std::string error_;
    std::vector<std::byte> out_;
};

std::expected<std::unique_ptr<Transformer>, Failure> made(CompiledProgram compiled,
                                                          OnFailure on_failure) {
    if (!compiled) return std::unexpected(Failure{compiled.error().message, true});
    return std::make_unique<JqTransform>(std::move(*compiled), on_failure);
}

}  // namespace

std::expected<std::unique_ptr<Transformer>, Failure> jq_transform(std::string_view program,
                                                                  OnFailure on_failure,
                                                                  const ProgramSettings& settings) {
    return made(compile_program(program, settings), on_failure);
}

std::expected<std::unique_ptr<Transformer>, Failure> jq_filter(std::string_view condition,
                                                               OnFailure on_failure,
                                                               const ProgramSettings& settings) {
    return made(compile_condition(condition, settings), on_failure);
}

}  // namespace holdfast::embed
