// The kind `file` of a sink: its keys, its words, and how one is made.
#include <fmt/core.h>
#include <sys/stat.h>

#include "io/component/kind.hpp"
#include "io/sinks/file/settings.hpp"

namespace holdfast::io {
namespace {

using T = KeyType;
using S = FileSinkSettings;
using Fsync = FileSinkConfig::Fsync;
using Delivery = FileSinkConfig::Delivery;

class FileSinkKind final : public SinkKind {
public:
    std::string_view name() const override { return "file"; }
    std::string_view doc() const override { return "one file"; }
    std::span<const Row> rows() const override;
    std::shared_ptr<KindSettings> settings(const Values* values,
                                           const std::filesystem::path& folder) const override {
        return settings_from<S>(rows(), values, folder);
    }
    SinkTraits traits(const SinkSettings& sink) const override {
        // Also without fsync: a sync asks whether the path still names what was written.
        return {.has_mark = true,
                .needs_sync = true,
                .syncs_data = own<S>(sink).fsync == Fsync::batch,
                .repeats = own<S>(sink).delivery == Delivery::at_least_once};
    }
    std::string identity(const SinkSettings& sink) const override {
        return "file " + own<S>(sink).path;
    }
    std::string words(const SinkSettings& sink) const override {
        return "file " + own<S>(sink).path;
    }
    std::string output_words(const SinkSettings& sink) const override {
        return fmt::format("the output of sink \"{}\" ({})", sink.name, own<S>(sink).path);
    }
    std::optional<PathClaim> writes(const SinkSettings& sink) const override {
        if (own<S>(sink).path.empty()) return std::nullopt;
        return PathClaim{"path", own<S>(sink).path};
    }
    std::string promise(const SinkSettings& sink, const std::string& window) const override;
    std::string durability(const SinkSettings& sink) const override {
        return own<S>(sink).fsync == Fsync::batch ? "; on the disk before the checkpoint says so"
                                                  : "; not after a power loss (fsync = \"never\")";
    }
    std::vector<std::string> warnings(const SinkSettings& sink) const override;
    std::vector<Weakness> weaknesses(const SinkSettings& sink) const override;
    void weaken(SinkSettings& sink, const Values& values, std::string_view once,
                const Complain& complain) const override;
    void check(const SinkSettings&, const Values& values, const Complain& complain) const override {
        check_permissions(values.at("mode"), complain);
    }
    std::unique_ptr<Sink> make(SinkContext context) const override;
};

// Tables: a key stands together with its text.
// clang-format off

std::span<const Row> FileSinkKind::rows() const {
    static const std::vector<Row> rows{
        row({"path", T::path, required, "The file; its folders are created."}, &S::path),
        permissions_row({"mode", T::text, "0640",
             "Who may use a file that is made, as for chmod; the umask is taken off. A file that "
             "is there keeps its own."},
            &S::mode),
        row({"fsync", T::choice, "batch",
             "`batch`: data is on the disk before the checkpoint says so. `never`: survives a "
             "killed process, but not a power loss.",
             "batch|never"},
            &S::fsync),
        row({"delivery", T::choice, "exactly_once",
             "`exactly_once`: a restart goes on where the checkpoint says; what stands behind that "
             "stays until it comes again, or is set aside in data_dir. `at_least_once`: it writes "
             "behind what is there, so some records may be there twice. With `stdin` among its "
             "inputs a sink can only do the latter.",
             "exactly_once|at_least_once"},
            &S::delivery),
    };
    return rows;
}

// clang-format on

/// A pipe or a device: what stands at the path now, as far as anybody can tell.
bool is_stream(const S& settings) {
    struct stat there{};
    return ::stat(settings.path.c_str(), &there) == 0 && !S_ISREG(there.st_mode) &&
           !S_ISDIR(there.st_mode);
}

std::string FileSinkKind::promise(const SinkSettings& sink, const std::string& window) const {
    if (is_stream(own<S>(sink)))
        return own<S>(sink).delivery == Delivery::exactly_once
                   ? "nothing: the path is no regular file, so run refuses delivery = "
                     "\"exactly_once\"; expected \"at_least_once\""
                   : "as much as its reader reads: the path is no regular file, and what is in a "
                     "pipe or a device when its reader ends is lost";
    if (own<S>(sink).delivery == Delivery::exactly_once)
        return "exactly once, even if the process is killed at any moment";
    return fmt::format(
        "at least once: after a crash, what was written since the last checkpoint ({}) may be in "
        "the file twice",
        window);
}

std::vector<std::string> FileSinkKind::warnings(const SinkSettings& sink) const {
    if (own<S>(sink).fsync != Fsync::never) return {};
    return {"fsync = \"never\" survives a killed process, but not a power loss"};
}

std::vector<Weakness> FileSinkKind::weaknesses(const SinkSettings& sink) const {
    std::vector<Weakness> out;
    if (is_stream(own<S>(sink)))
        out.push_back({Promise::at_least_once, "path",
                       "it is no regular file: what is in a pipe or a device when its reader ends "
                       "is lost"});
    if (own<S>(sink).delivery == Delivery::at_least_once)
        out.push_back({Promise::exactly_once, "delivery",
                       "what was written since the last checkpoint may be in the file twice"});
    if (own<S>(sink).fsync == Fsync::never)
        out.push_back({Promise::power_loss, "fsync",
                       "what the system had not written yet is lost when the power fails"});
    return out;
}

void FileSinkKind::weaken(SinkSettings& sink, const Values& values, std::string_view once,
                          const Complain& complain) const {
    const Value& delivery = values.at("delivery");
    if (!delivery.given) {
        S weaker = own<S>(sink);
        weaker.delivery = Delivery::at_least_once;
        sink.own = std::make_shared<S>(std::move(weaker));
    } else if (own<S>(sink).delivery == Delivery::exactly_once) {
        complain(delivery.place,
                 fmt::format("delivery is \"exactly_once\", but {0} cannot be read again after a "
                             "crash; expected \"at_least_once\" for a sink with {0} among its "
                             "inputs",
                             once));
    }
}

std::unique_ptr<Sink> FileSinkKind::make(SinkContext context) const {
    const S& settings = own<S>(context.settings);
    FileSinkConfig config;
    config.name = context.settings.name;
    config.id = context.id;
    config.path = settings.path;
    config.mode = settings.mode;
    config.fsync = settings.fsync;
    config.delivery = settings.delivery;
    config.framing = codec::bytes_of(context.settings.framing);
    config.mark = context.mark;
    if (context.known != nullptr) config.known = context.known->file;
    config.turn = &context.look_turn;
    config.set_aside = context.set_aside;
    config.words = &context.words;
    return std::make_unique<FileSink>(context.ring, context.payloads, context.answers,
                                      std::move(context.log), std::move(config));
}

}  // namespace

const SinkKind& file_sink_kind() {
    static const FileSinkKind kind;
    return kind;
}

}  // namespace holdfast::io
