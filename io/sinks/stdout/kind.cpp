// The kind `stdout` of a sink: standard output.
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/component/kind.hpp"
#include "io/sinks/stdout/stdout_sink.hpp"

namespace holdfast::io {
namespace {

class StdoutSinkKind final : public SinkKind {
public:
    std::string_view name() const override { return "stdout"; }
    std::string_view doc() const override { return "standard output"; }
    std::span<const Row> rows() const override { return {}; }
    std::shared_ptr<KindSettings> settings(const Values*,
                                           const std::filesystem::path&) const override {
        return std::make_shared<KindSettings>();
    }
    bool is_single() const override { return true; }
    SinkTraits traits(const SinkSettings&) const override { return {}; }
    std::string identity(const SinkSettings&) const override { return "stdout"; }
    std::string words(const SinkSettings&) const override { return "standard output"; }
    std::string output_words(const SinkSettings& sink) const override {
        return fmt::format("standard output, where sink \"{}\" writes", sink.name);
    }
    std::string promise(const SinkSettings&, const std::string& window) const override {
        return fmt::format(
            "at least once as far as its reader has read: after a crash, what was written since "
            "the "
            "last checkpoint ({}) is written again; what a reader that ends had not read is lost",
            window);
    }
    std::vector<std::string> warnings(const SinkSettings& sink) const override {
        if (sink.when_full != WhenFull::drop_newest) return {};
        return {"a slow reader of stdout means dropped records"};
    }
    std::vector<Weakness> weaknesses(const SinkSettings&) const override {
        return {{Promise::at_least_once, "type",
                 "what the reader of standard output had not read when it ended is lost"}};
    }
    std::unique_ptr<Sink> make(SinkContext context) const override {
        std::optional<FileStat> file;
        struct stat out{};
        if (::fstat(STDOUT_FILENO, &out) == 0) {
            file.emplace();
            file->device = out.st_dev;
            file->inode = out.st_ino;
        }
        return std::make_unique<StdoutSink>(context.ring, context.payloads, context.answers,
                                            std::move(context.log), STDOUT_FILENO, file,
                                            context.settings.framing == Framing::lines);
    }
};

}  // namespace

const SinkKind& stdout_sink_kind() {
    static const StdoutSinkKind kind;
    return kind;
}

}  // namespace holdfast::io
