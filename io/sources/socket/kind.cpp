// The kind `socket` of a source: lines of TCP and Unix streams, datagrams of UDP.
#include <fmt/core.h>

#include <algorithm>

#include "io/component/kind.hpp"
#include "io/sources/socket/datagram_source.hpp"
#include "io/sources/socket/stream_source.hpp"

namespace holdfast::io {
namespace {

using T = KeyType;

constexpr std::int64_t day = 86'400'000'000'000;
// Of unfinished lines for each connection, on average; and what else one takes.
constexpr std::uint64_t unfinished_bytes = 8u << 10;
constexpr std::uint64_t connection_bytes = 4u << 10;
constexpr std::uint64_t datagram_bytes = 64u << 10;
// Descriptors that others open meanwhile.
constexpr int spare_descriptors = 16;

enum class Mode : std::uint8_t { tcp, udp, unix_stream };

struct SocketSettings : KindSettings {
    Mode mode = Mode::tcp;
    std::string address;
    std::string path;
    std::uint32_t max_connections = 1024;
    Unfinished on_unfinished = Unfinished::record;
    Duration idle_timeout{};
};

using S = SocketSettings;

/// Of all connections together. `line` is the longest.
std::uint64_t unfinished_max(const S& settings, std::uint64_t line) {
    return std::max(unfinished_bytes * settings.max_connections, 2 * line);
}

class SocketSourceKind final : public SourceKind {
public:
    std::string_view name() const override { return "socket"; }
    std::string_view doc() const override {
        return "lines of TCP or Unix streams, or datagrams of UDP, which cannot be read again";
    }
    std::span<const Row> rows() const override;
    std::shared_ptr<KindSettings> settings(const Values* values,
                                           const std::filesystem::path& folder) const override {
        return settings_from<S>(rows(), values, folder);
    }
    // The socket, a connection, one that is looked for behind a socket's file, and the lock beside it.
    int descriptors(const KindSettings&) const override { return 4; }
    std::string_view once() const override { return "a socket"; }
    std::string words(const SourceSettings& source) const override;
    std::vector<std::string> warnings(const SourceSettings& source,
                                      bool dead_letters) const override;
    void check(const SourceSettings& source, const Values& values,
               const Complain& complain) const override;
    std::optional<AddressClaim> listens(const SourceSettings& source) const override {
        const S& settings = own<S>(source);
        const bool local = settings.mode == Mode::unix_stream;
        const auto address = local ? unix_address(settings.path) : parse_address(settings.address);
        if (!address) return std::nullopt;
        return AddressClaim{local ? "path" : "address", *address, settings.mode == Mode::udp};
    }
    SourceMemory memory(const SourceSettings& source, std::uint64_t block) const override;
    std::unique_ptr<Source> make(SourceContext context) const override;
};

// Tables: a key stands together with its text.
// clang-format off

std::span<const Row> SocketSourceKind::rows() const {
    static const std::vector<Row> rows{
        row({"mode", T::choice, "tcp",
             "`tcp` and `unix_stream`: each line of a connection is a record, and keeps its place among "
             "those of its connection. `udp`: each datagram is a record; a newline at its end is taken "
             "off, one with a newline inside becomes a dead letter.",
             "tcp|udp|unix_stream"},
            &S::mode),
        row({"address", T::text, "",
             "Where to listen, with `tcp` and `udp`: `127.0.0.1:9000`, `[::1]:9000`; `0.0.0.0` or `[::]` "
             "is every address of this machine. With port 0 the system chooses one, which the log says."},
            &S::address),
        row({"path", T::path, "",
             "With `unix_stream`: the socket's file. One that nobody listens on is replaced. A lock beside it "
             "(`PATH.lock`, which stays there) keeps two processes from doing so at once."},
            &S::path),
        row({"max_connections", T::count, "1024",
             "So many at the same time, save with `udp`; further peers wait until one has ended.",
             {}, 1, 65536},
            &S::max_connections),
        row({"on_unfinished", T::choice, "record",
             "What becomes of a line that has no newline when its connection ends, by its peer or since "
             "the pipeline stops: a record, a dead letter, or dropped and counted (the pipeline's last "
             "line says how many). Whether the peer was cut off nobody can tell.",
             "record|dead_letter|drop"},
            &S::on_unfinished),
        row({"idle_timeout", T::duration, "0s",
             "A peer that says nothing for so long is left; `0s`: never. What it had not ended goes by "
             "`on_unfinished`.",
             {}, 0, day},
            &S::idle_timeout),
    };
    return rows;
}

// clang-format on

std::string SocketSourceKind::words(const SourceSettings& source) const {
    const S& settings = own<S>(source);
    switch (settings.mode) {
        case Mode::tcp: return "lines of TCP peers at " + settings.address;
        case Mode::udp: return "UDP datagrams at " + settings.address;
        case Mode::unix_stream: break;
    }
    return "lines of peers at the socket " + settings.path;
}

std::vector<std::string> SocketSourceKind::warnings(const SourceSettings& source,
                                                    bool dead_letters) const {
    const S& settings = own<S>(source);
    std::vector<std::string> out;
    if (settings.mode == Mode::udp)
        out.push_back("datagrams that come faster than they are delivered are lost, and counted");
    if (dead_letters) return out;
    if (settings.mode == Mode::udp)
        out.push_back(
            "a datagram that holds a newline halts the pipeline, since there is no [dead_letters]");
    else if (settings.on_unfinished == Unfinished::dead_letter)
        out.push_back(
            "a line without its end halts the pipeline, since there is no [dead_letters]");
    return out;
}

void SocketSourceKind::check(const SourceSettings& source, const Values& values,
                             const Complain& complain) const {
    const S& settings = own<S>(source);
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
    }
    for (const char* const key : {"max_connections", "on_unfinished", "idle_timeout"})
        if (settings.mode == Mode::udp && values.at(key).given)
            complain(values.at(key).place,
                     fmt::format("{} is about connections, and mode \"udp\" has none; expected it "
                                 "with tcp or unix_stream",
                                 key));
    if (codec::bytes_of(source.framing) != Framing::lines)
        complain(values.at("framing").place,
                 fmt::format("framing is \"{}\", but a socket has lines or datagrams; expected "
                             "\"lines\"",
                             codec::framing_name(source.framing)));
}

SourceMemory SocketSourceKind::memory(const SourceSettings& source, std::uint64_t block) const {
    const S& settings = own<S>(source);
    if (settings.mode == Mode::udp) return {.carried = datagram_bytes, .unpacked = 0};
    const std::uint64_t line = std::min(source.max_line, block);
    return {.carried = unfinished_max(settings, line) + line + 3 * block +
                       settings.max_connections * connection_bytes,
            .unpacked = 0};
}

std::unique_ptr<Source> SocketSourceKind::make(SourceContext context) const {
    const S& settings = own<S>(context.settings);
    const bool local = settings.mode == Mode::unix_stream;
    const auto address = local ? unix_address(settings.path) : parse_address(settings.address);
    if (settings.mode == Mode::udp) {
        DatagramSourceConfig config;
        config.name = context.settings.name;
        config.id = context.id;
        config.address = *address;
        config.limits = {context.line_max, context.settings.on_oversized};
        config.refuse = std::move(context.refuse);
        return std::make_unique<DatagramSource>(
            std::move(config), system_network(), context.ring, context.payloads, context.events,
            context.checkpoints, context.slots, std::move(context.log));
    }
    StreamSourceConfig config;
    config.name = context.settings.name;
    config.id = context.id;
    config.address = *address;
    config.limits = {context.line_max, context.settings.on_oversized};
    const int room = std::max(context.fd_limit - spare_descriptors, 1);
    config.connections_max = std::min(settings.max_connections, static_cast<std::uint32_t>(room));
    config.unfinished_bytes_max = unfinished_max(settings, context.line_max);
    config.on_unfinished = settings.on_unfinished;
    config.idle_timeout = settings.idle_timeout;
    config.refuse = std::move(context.refuse);
    return std::make_unique<StreamSource>(std::move(config), system_network(), context.ring,
                                          context.payloads, context.events, context.checkpoints,
                                          context.slots, std::move(context.log));
}

}  // namespace

const SourceKind& socket_source_kind() {
    static const SocketSourceKind kind;
    return kind;
}

}  // namespace holdfast::io
