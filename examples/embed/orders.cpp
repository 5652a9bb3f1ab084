// A pipeline of one's own: a source that remembers how far it is, a transform that adds a field and
// sets broken orders aside, two sinks, a dead-letter queue.
//
//   orders FOLDER     1,000 orders into FOLDER; run it again for the next 1,000, or after a kill.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <holdfast/io/embed/pipeline.hpp>

using namespace holdfast;
using namespace holdfast::embed;

namespace {

/// Makes orders up. What was committed stands in a file, so that the next run goes on there.
class Orders : public Source {
public:
    explicit Orders(std::string file) : file_(std::move(file)) {
        std::ifstream(file_) >> next_;
        end_ = next_ + 1000;
    }
    std::expected<Pulled, Failure> pull(const PullLimits& limits) override {
        if (next_ == end_) return Pulled::ended();
        Batch batch;
        for (; next_ < end_ && batch.records.size() < std::min(limits.records, 64u); ++next_) {
            Record order;
            order.id.position = static_cast<std::int64_t>(next_);
            order.payload =
                next_ % 10 == 3 ? "{\"order\":" : "{\"order\":" + std::to_string(next_) + "}";
            batch.records.push_back(std::move(order));
            batch.tokens.push_back(next_ + 1);  // "Everything below this number is done."
        }
        return Pulled::some(std::move(batch));
    }
    std::expected<void, Failure> commit(std::uint32_t, std::span<const Token> tokens) override {
        std::ofstream(file_ + ".new") << tokens.back();
        if (std::rename((file_ + ".new").c_str(), file_.c_str()) != 0)
            return std::unexpected(Failure{std::strerror(errno), false});
        return {};
    }

private:
    std::string file_;
    Token next_ = 0;
    Token end_ = 0;
};

class AddField : public Transformer {
public:
    std::expected<Output, Failure> process(Input input) override {
        Output out;
        for (Record& r : input.records) {
            if (!r.payload.ends_with('}')) {
                out.dead_letters.push_back(
                    {std::move(r), "parse error: it is cut off", "", Reason::parse_error, 0});
                continue;
            }
            r.payload.insert(r.payload.size() - 1, ",\"shop\":\"north\"");
            out.records.push_back(std::move(r));
        }
        return out;
    }
};

/// Appends lines to a file; durable after sync().
class Lines : public Sink {
public:
    explicit Lines(const std::string& file)
        : fd_(::open(file.c_str(), O_RDWR | O_CREAT | O_APPEND, 0644)) {
        // A kill in the middle of a write may have left half a line.
        off_t end = ::lseek(fd_, 0, SEEK_END);
        for (char last = 0; end > 0 && ::pread(fd_, &last, 1, end - 1) == 1 && last != '\n';) --end;
        if (::ftruncate(fd_, end) != 0) std::perror(file.c_str());
    }
    ~Lines() override { ::close(fd_); }

    Answer write(const Records& records) override {
        std::string text;
        for (const Record& r : records) text += r.payload + "\n";
        const ssize_t n = ::write(fd_, text.data(), text.size());
        if (n == static_cast<ssize_t>(text.size())) return Answer::delivered();
        if (n <= 0) return Answer::retriable(std::strerror(errno));
        return Answer::ambiguous("a part was written");
    }
    bool needs_sync() const override { return true; }
    std::expected<void, Failure> sync() override {
        if (::fdatasync(fd_) != 0) return std::unexpected(Failure{std::strerror(errno), true});
        return {};
    }

private:
    int fd_;
};

class Count : public Sink {
public:
    ~Count() override { std::printf("%zu orders\n", count_); }
    Answer write(const Records& records) override {
        count_ += records.size();
        return Answer::delivered();
    }

private:
    std::size_t count_ = 0;
};

class DeadLetterFile : public DeadLetterQueue {
public:
    explicit DeadLetterFile(std::string file) : file_(std::move(file)) {}
    std::expected<void, Failure> store(std::span<const DeadLetter> letters) override {
        std::ofstream out(file_, std::ios::app);
        for (const DeadLetter& letter : letters)
            out << letter.why << ": " << letter.record.payload << "\n";
        if (!out.flush()) return std::unexpected(Failure{"cannot write " + file_, false});
        return {};
    }

private:
    std::string file_;
};

}  // namespace

int main(int argc, char** argv) {
    const std::string folder = argc > 1 ? argv[1] : ".";
    Options options;
    options.engine.mode = RunMode::streaming;  // In slices: less in memory at once.
    options.engine.slice_bytes = 1024;
    options.log = [](std::string_view line) {
        std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
    };
    Pipeline pipeline(std::move(options));
    pipeline.add_source("orders", std::make_unique<Orders>(folder + "/committed"));
    pipeline.set_transform(std::make_unique<AddField>());
    pipeline.add_sink("file", std::make_unique<Lines>(folder + "/orders.jsonl"));
    pipeline.add_sink("count", std::make_unique<Count>());
    pipeline.set_dead_letters(std::make_unique<DeadLetterFile>(folder + "/dead.txt"));

    const auto report = pipeline.run();
    if (!report) {
        std::fprintf(stderr, "cannot begin: %s\n", report.error().what.c_str());
        return 78;
    }
    std::printf("%s: %llu in, %llu dead letters\n", name_of(report->halt),
                static_cast<unsigned long long>(report->stats.source[0].records),
                static_cast<unsigned long long>(report->stats.dead_letters));
    return report->complete() ? 0 : 75;
}
