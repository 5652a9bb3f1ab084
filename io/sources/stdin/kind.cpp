// The kind `stdin` of a source: standard input.
#include <sys/stat.h>
#include <unistd.h>

#include "io/component/kind.hpp"
#include "io/sources/stdin/stdin_source.hpp"

namespace holdfast::io {
namespace {

class StdinSourceKind final : public SourceKind {
public:
    std::string_view name() const override { return "stdin"; }
    std::string_view doc() const override {
        return "standard input, which cannot be read again after a crash";
    }
    std::span<const Row> rows() const override { return {}; }
    std::shared_ptr<KindSettings> settings(const Values*,
                                           const std::filesystem::path&) const override {
        return std::make_shared<KindSettings>();
    }
    bool is_single() const override { return true; }
    int descriptors(const KindSettings&) const override { return 2; }
    std::string_view once() const override { return "stdin"; }
    std::string words(const SourceSettings&) const override { return "standard input"; }
    SourceMemory memory(const SourceSettings&, std::uint64_t block) const override {
        return {.carried = 3 * block, .unpacked = 0};
    }
    std::unique_ptr<Source> make(SourceContext context) const override;
};

std::unique_ptr<Source> StdinSourceKind::make(SourceContext context) const {
    StdinSourceConfig config;
    config.name = context.settings.name;
    config.id = context.id;
    config.line_max = context.line_max;
    config.oversize = context.settings.on_oversized;
    config.stream = context.stream;
    struct stat in{};
    if (::fstat(STDIN_FILENO, &in) == 0 && S_ISREG(in.st_mode)) {
        config.file.emplace();
        config.file->device = in.st_dev;
        config.file->inode = in.st_ino;
    }
    return std::make_unique<StdinSource>(std::move(config), context.ring, context.payloads,
                                         context.events, context.checkpoints, context.slots,
                                         std::move(context.log));
}

}  // namespace

const SourceKind& stdin_source_kind() {
    static const StdinSourceKind kind;
    return kind;
}

}  // namespace holdfast::io
