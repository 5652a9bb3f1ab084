// The kind `socket` of a sink: lines to a TCP or Unix peer.
#include <fmt/core.h>

#include "io/component/kind.hpp"
#include "io/sinks/socket/make_on.hpp"
#include "io/sinks/socket/socket_sink.hpp"

namespace holdfast::io {
namespace {

using T = KeyType;

enum class Mode : std::uint8_t { tcp, unix_stream };

struct SocketSettings : KindSettings {
    Mode mode = Mode::tcp;
    std::string address;
    std::string path;
};

using S = SocketSettings;

class SocketSinkKind final : public SinkKind {
public:
    std::string_view name() const override { return "socket"; }
    std::string_view doc() const override { return "a TCP or Unix peer, one line a record"; }
    std::span<const Row> rows() const override;
    std::shared_ptr<KindSettings> settings(const Values* values,
                                           const std::filesystem::path& folder) const override {
        return settings_from<S>(rows(), values, folder);
    }
    SinkTraits traits(const SinkSettings&) const override { return {}; }
    std::string identity(const SinkSettings& sink) const override { return words(sink); }
    std::optional<AddressClaim> connects(const SinkSettings& sink) const override {
        const S& settings = own<S>(sink);
        const bool local = settings.mode == Mode::unix_stream;
        const auto address = local ? unix_address(settings.path) : parse_address(settings.address);
        if (!address) return std::nullopt;
        return AddressClaim{local ? "path" : "address", *address};
    }
    std::string words(const SinkSettings& sink) const override {
        const S& settings = own<S>(sink);
        return settings.mode == Mode::tcp ? "TCP peer " + settings.address
                                          : "socket " + settings.path;
    }
    std::string promise(const SinkSettings&, const std::string& window) const override {
        return fmt::format(
            "at least once: after a crash, what was written since the last checkpoint ({}) is "
            "written again",
            window);
    }
    std::string reach(const SinkSettings&) const override {
        return "; delivered is what is in this system's buffer for the connection: what was there "
               "when a connection breaks is lost, since a stream has no word of the peer for what "
               "it has read";
    }
    std::vector<Weakness> weaknesses(const SinkSettings&) const override {
        return {{Promise::at_least_once, "mode",
                 "what the peer had not read when the connection or the peer broke is lost"}};
    }
    void check(const SinkSettings& sink, const Values& values,
               const Complain& complain) const override;
    std::unique_ptr<Sink> make(SinkContext context) const override;
};

// Tables: a key stands together with its text.
// clang-format off

std::span<const Row> SocketSinkKind::rows() const {
    static const std::vector<Row> rows{
        row({"mode", T::choice, "tcp", "What kind of stream.", "tcp|unix_stream"}, &S::mode),
        row({"address", T::text, "",
             "The peer, with `tcp`: `127.0.0.1:9000` or `[::1]:9000`. It is connected to when there is "
             "something to write, and again after `retry` says so."},
            &S::address),
        row({"path", T::path, "", "With `unix_stream`: the socket's file."}, &S::path),
    };
    return rows;
}

// clang-format on

void SocketSinkKind::check(const SinkSettings& sink, const Values& values,
                           const Complain& complain) const {
    const S& settings = own<S>(sink);
    const bool local = settings.mode == Mode::unix_stream;
    const char* const wanted = local ? "path" : "address";
    const char* const other = local ? "address" : "path";
    const std::string mode = values.text("mode");
    if (!values.at(wanted).given)
        complain(values.place, fmt::format("mode \"{}\" has no {}; expected one", mode, wanted));
    if (values.at(other).given)
        complain(values.at(other).place,
                 fmt::format("mode \"{}\" takes no {}; expected {}", mode, other, wanted));
    if (values.at(wanted).given) {
        const auto address = local ? unix_address(settings.path) : parse_address(settings.address);
        if (!address) complain(values.at(wanted).place, address.error());
        if (address && !local && address->port() == 0)
            complain(values.at(wanted).place, "nobody listens on port 0; expected another one");
    }
    if (codec::bytes_of(sink.framing) != Framing::lines)
        complain(values.at("framing").place,
                 fmt::format("framing is \"{}\", but this sink writes lines; expected \"lines\"",
                             codec::framing_name(sink.framing)));
}

std::unique_ptr<Sink> SocketSinkKind::make(SinkContext context) const {
    return make_socket_sink_on(system_network(), std::move(context));
}

}  // namespace

std::unique_ptr<Sink> make_socket_sink_on(Network& network, SinkContext context) {
    const S& settings = own<S>(context.settings);
    SocketSinkConfig config;
    config.name = context.settings.name;
    config.id = context.id;
    config.address = settings.mode == Mode::unix_stream ? *unix_address(settings.path)
                                                        : *parse_address(settings.address);
    config.words = &context.words;
    return std::make_unique<SocketSink>(std::move(config), network, context.ring, context.payloads,
                                        context.answers, std::move(context.log));
}

const SinkKind& socket_sink_kind() {
    static const SocketSinkKind kind;
    return kind;
}

}  // namespace holdfast::io
