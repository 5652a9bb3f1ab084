// Standard input: a file that every process goes on reading where the last one ended, as a pipe is.
// And the same on other descriptors, in the place of sources that have no model.
#include "io/component/kind.hpp"
#include "io/sources/stdin/stdin_source.hpp"
#include "sim/models/models.hpp"

namespace holdfast::sim {
namespace {

struct StreamSettings : io::KindSettings {
    int fd = -1;
};

class StreamKind final : public io::SourceKind {
public:
    std::string_view name() const override { return "stream"; }
    std::string_view doc() const override { return "a stream that can be read once"; }
    std::span<const io::Row> rows() const override { return {}; }
    std::shared_ptr<io::KindSettings> settings(const io::Values*,
                                               const std::filesystem::path&) const override {
        return std::make_shared<StreamSettings>();
    }
    std::string_view once() const override { return "a stream"; }
    std::string words(const io::SourceSettings&) const override { return "a stream"; }
    io::SourceMemory memory(const io::SourceSettings&, std::uint64_t block) const override {
        return {.carried = 3 * block, .unpacked = 0};
    }
    std::unique_ptr<io::Source> make(io::SourceContext context) const override {
        io::StdinSourceConfig config;
        config.name = context.settings.name;
        config.id = context.id;
        config.fd = io::own<StreamSettings>(context.settings).fd;
        config.line_max = context.line_max;
        config.oversize = context.settings.on_oversized;
        config.stream = context.stream;
        return std::make_unique<io::StdinSource>(std::move(config), context.ring, context.payloads,
                                                 context.events, context.checkpoints, context.slots,
                                                 std::move(context.log));
    }
};

PlayedSource stream_of(const io::SourceSettings& settings, const std::string& path, int fd) {
    PlayedSource out{.settings = settings};
    out.paths = {path};
    out.fd = fd;
    // What is at its end is over: so all of it is there from the start.
    out.ends = true;
    out.grows = false;
    return out;
}

}  // namespace

PlayedSource play_stdin(const io::SourceSettings& settings) {
    return stream_of(settings, "/standard/input", 0);
}

PlayedSource give_stream(io::SourceSettings settings, int fd) {
    static const StreamKind kind;
    auto own = std::make_shared<StreamSettings>();
    own->fd = fd;
    settings.kind = &kind;
    settings.own = std::move(own);
    return stream_of(settings, "/standard/of_" + settings.name, fd);
}

}  // namespace holdfast::sim
