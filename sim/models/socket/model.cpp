// A peer in the simulated network, which reads lines, breaks its connections and is away at times.
#include "io/component/kind.hpp"
#include "io/sinks/socket/make_on.hpp"
#include "sim/joint_process.hpp"
#include "sim/models/models.hpp"

namespace holdfast::sim {
namespace {

/// The kind as it is, but for the network.
class PlayedSocketSink final : public io::SinkKind {
public:
    std::string_view name() const override { return of().name(); }
    std::string_view doc() const override { return of().doc(); }
    std::span<const io::Row> rows() const override { return of().rows(); }
    std::shared_ptr<io::KindSettings> settings(const io::Values* values,
                                               const std::filesystem::path& folder) const override {
        return of().settings(values, folder);
    }
    int descriptors(const io::KindSettings& settings) const override {
        return of().descriptors(settings);
    }
    io::SinkTraits traits(const io::SinkSettings& sink) const override { return of().traits(sink); }
    std::string identity(const io::SinkSettings& sink) const override {
        return of().identity(sink);
    }
    std::string words(const io::SinkSettings& sink) const override { return of().words(sink); }
    std::string promise(const io::SinkSettings& sink, const std::string& window) const override {
        return of().promise(sink, window);
    }
    std::vector<io::Weakness> weaknesses(const io::SinkSettings& sink) const override {
        return of().weaknesses(sink);
    }
    std::unique_ptr<io::Sink> make(io::SinkContext context) const override {
        auto& host = dynamic_cast<NetHost&>(context.ring);
        io::Network& network = host.network(context.settings.name);
        return io::make_socket_sink_on(network, std::move(context));
    }

private:
    static const io::SinkKind& of() { return io::socket_sink_kind(); }
};

}  // namespace

PlayedSink play_socket(const io::SinkSettings& settings) {
    static const PlayedSocketSink kind;
    PlayedSink out{.settings = settings, .path = {}, .fd = -1, .not_played = {}};
    out.settings.kind = &kind;
    out.is_peer = true;
    return out;
}

}  // namespace holdfast::sim
