// The kind `blackhole` of a sink: counts and forgets.
#include "io/component/kind.hpp"
#include "io/sinks/blackhole/blackhole_sink.hpp"

namespace holdfast::io {
namespace {

struct BlackholeSettings : KindSettings {
    std::uint32_t max_in_flight = 1;
};

class BlackholeSinkKind final : public SinkKind {
public:
    std::string_view name() const override { return "blackhole"; }
    std::string_view doc() const override { return "counts and forgets"; }
    std::span<const Row> rows() const override {
        static const std::vector<Row> rows{
            row({.name = "max_in_flight",
                 .type = KeyType::count,
                 .fallback = "1",
                 .doc = "Writes at the same time. 1 keeps the order.",
                 .min = 1,
                 .max = 64},
                &BlackholeSettings::max_in_flight),
        };
        return rows;
    }
    std::shared_ptr<KindSettings> settings(const Values* values,
                                           const std::filesystem::path& folder) const override {
        return settings_from<BlackholeSettings>(rows(), values, folder);
    }
    SinkTraits traits(const SinkSettings& sink) const override {
        return {.keeps = false,
                .repeats = false,
                .writes_max = own<BlackholeSettings>(sink).max_in_flight};
    }
    std::string identity(const SinkSettings&) const override { return "blackhole"; }
    std::string words(const SinkSettings&) const override { return "counts and forgets"; }
    std::string promise(const SinkSettings&, const std::string&) const override {
        return "counted, kept nowhere";
    }
    std::vector<Weakness> weaknesses(const SinkSettings&) const override {
        return {{Promise::at_least_once, "type", "it keeps nothing"}};
    }
    std::unique_ptr<Sink> make(SinkContext context) const override {
        return std::make_unique<BlackholeSink>(context.answers);
    }
};

}  // namespace

const SinkKind& blackhole_sink_kind() {
    static const BlackholeSinkKind kind;
    return kind;
}

}  // namespace holdfast::io
