// The kind `exec` of a source: a command's standard output.
#include <fmt/core.h>

#include "io/component/kind.hpp"
#include "io/sources/exec/exec_source.hpp"

namespace holdfast::io {
namespace {

using T = KeyType;

constexpr std::int64_t ms = 1'000'000, hour = 3'600'000'000'000;
// Between SIGTERM and SIGKILL, at the end.
constexpr Duration grace = seconds(1);
constexpr std::uint64_t error_bytes = 64u << 10;

struct ExecSettings : KindSettings {
    std::vector<std::string> command;
    std::string working_dir;
    Restart restart = Restart::always;
    Duration initial_backoff{};
    Duration max_backoff{};
};

using S = ExecSettings;

class ExecSourceKind final : public SourceKind {
public:
    std::string_view name() const override { return "exec"; }
    std::string_view doc() const override {
        return "the output of a command, which cannot be read again after a crash";
    }
    std::span<const Row> rows() const override;
    std::shared_ptr<KindSettings> settings(const Values* values,
                                           const std::filesystem::path& folder) const override {
        return settings_from<S>(rows(), values, folder);
    }
    // Its output, its errors and its end; and the other ends of these while it is started.
    int descriptors(const KindSettings&) const override { return 6; }
    std::string_view once() const override { return "a command's output"; }
    std::string words(const SourceSettings& source) const override;
    void check(const SourceSettings& source, const Values& values,
               const Complain& complain) const override;
    SourceMemory memory(const SourceSettings&, std::uint64_t block) const override {
        return {.carried = 3 * block + error_bytes, .unpacked = 0};
    }
    std::unique_ptr<Source> make(SourceContext context) const override;
};

// Tables: a key stands together with its text.
// clang-format off

std::span<const Row> ExecSourceKind::rows() const {
    static const std::vector<Row> rows{
        row({"command", T::words, required,
             "The program and its arguments, for example `[\"journalctl\", \"-f\", \"-o\", \"json\"]`. No "
             "shell reads them. Each line that it prints is a record; what it says on standard error "
             "goes to the log."},
            &S::command),
        row({"working_dir", T::path, "",
             "The folder that it runs in; without it that of holdfast."},
            &S::working_dir),
        row({"restart", T::choice, "always",
             "What follows when the command has ended. `on_failure`: it is started again if its exit "
             "code is not 0, or a signal ended it. Where it is not started again the source ends, and if "
             "it failed, the run ends with exit code 74 once all is delivered.",
             "always|on_failure|never"},
            &S::restart),
        row({"initial_backoff", T::duration, "1s",
             "How long it is not started again after its end; twice as long each time.",
             {}, ms, hour},
            &S::initial_backoff),
        row({"max_backoff", T::duration, "1m",
             "At most so long. After a run of this length it is `initial_backoff` again.",
             {}, ms, hour},
            &S::max_backoff),
    };
    return rows;
}

// clang-format on

std::string ExecSourceKind::words(const SourceSettings& source) const {
    const S& settings = own<S>(source);
    std::string out = "the output of the command";
    for (const std::string& word : settings.command) out += " " + word;
    if (settings.restart == Restart::always) out += ", started again whenever it ends";
    if (settings.restart == Restart::on_failure) out += ", started again when it fails";
    return out;
}

void ExecSourceKind::check(const SourceSettings& source, const Values& values,
                           const Complain& complain) const {
    const S& settings = own<S>(source);
    if (settings.max_backoff < settings.initial_backoff)
        complain(values.at("max_backoff").place,
                 "max_backoff is shorter than initial_backoff; expected at least that");
    if (codec::bytes_of(source.framing) != Framing::lines)
        complain(values.at("framing").place,
                 fmt::format("framing is \"{}\", but a command's output is lines; expected "
                             "\"lines\"",
                             codec::framing_name(source.framing)));
}

std::unique_ptr<Source> ExecSourceKind::make(SourceContext context) const {
    const S& settings = own<S>(context.settings);
    ExecSourceConfig config;
    config.name = context.settings.name;
    config.id = context.id;
    config.command = {.argv = settings.command, .working_dir = settings.working_dir};
    config.restart = settings.restart;
    config.backoff_first = settings.initial_backoff;
    config.backoff_max = settings.max_backoff;
    config.limits = {context.line_max, context.settings.on_oversized};
    config.refuse = std::move(context.refuse);
    return std::make_unique<ExecSource>(std::move(config), make_children(grace), context.ring,
                                        context.payloads, context.events, context.checkpoints,
                                        context.slots, std::move(context.log));
}

}  // namespace

const SourceKind& exec_source_kind() {
    static const ExecSourceKind kind;
    return kind;
}

}  // namespace holdfast::io
