// A jq program as the transform of a pipeline, and the codec by itself.
//
//   shape 'select(.level != "debug") | .id = $meta.id' <in.jsonl
//
// Lines of stdin go through the program to stdout. What it fails on goes to stderr, and at the end
// stands how many records had a field `level`.
#include <cstdio>
#include <iostream>
#include <string>

#include <holdfast/core/codec/find.hpp>
#include <holdfast/io/embed/pipeline.hpp>
#include <holdfast/io/embed_jq/jq_transform.hpp>

using namespace holdfast;
using namespace holdfast::embed;

namespace {

/// Each line a record; its position is the number of the line.
class Stdin : public Source {
public:
    std::expected<Pulled, Failure> pull(const PullLimits& limits) override {
        Batch batch;
        std::string line;
        while (batch.records.size() < limits.records && std::getline(std::cin, line)) {
            Record& record = batch.records.emplace_back();
            record.payload = line;
            record.id.position = lines_++;
        }
        if (batch.records.empty()) return Pulled::ended();
        return Pulled::some(std::move(batch));
    }
    std::expected<void, Failure> commit(std::uint32_t, std::span<const Token>) override {
        return {};  // What was read from a pipe can't be read again.
    }

private:
    std::int64_t lines_ = 0;
};

class Stdout : public Sink {
public:
    explicit Stdout(std::size_t& with_level) : with_level_(with_level) {}
    Answer write(const Records& records) override {
        for (const Record& record : records) {
            std::printf("%s\n", record.payload.c_str());
            with_level_ += has_level(record.payload) ? 1 : 0;
        }
        std::fflush(stdout);
        return Answer::delivered();
    }

private:
    /// Finds one field without parsing the rest.
    bool has_level(const std::string& payload) {
        const auto indexed = index_.index(std::as_bytes(std::span(payload)));
        if (!indexed) return false;
        const auto found = codec::find_json(*indexed, path_);
        return found && !found->value().missing();
    }

    std::size_t& with_level_;
    codec::JsonIndex index_;
    codec::Path path_ = codec::parse_path(".level").value();
};

class Stderr : public DeadLetterQueue {
public:
    std::expected<void, Failure> store(std::span<const DeadLetter> letters) override {
        for (const DeadLetter& letter : letters)
            std::fprintf(stderr, "%s: %s\n", letter.why.c_str(), letter.record.payload.c_str());
        return {};
    }
};

}  // namespace

int main(int argc, char** argv) {
    auto program = jq_transform(argc > 1 ? argv[1] : ".");
    if (!program) {
        std::fprintf(stderr, "not a jq program: %s\n", program.error().what.c_str());
        return 78;
    }
    std::size_t with_level = 0;
    Pipeline pipeline;
    pipeline.add_source("in", std::make_unique<Stdin>());
    pipeline.set_transform(std::move(*program));
    pipeline.add_sink("out", std::make_unique<Stdout>(with_level));
    pipeline.set_dead_letters(std::make_unique<Stderr>());
    const auto report = pipeline.run();
    if (!report || !report->complete()) return 75;
    std::fprintf(stderr, "%zu with a level\n", with_level);
    return 0;
}
