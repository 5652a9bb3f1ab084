// The table of keys. See keys.hpp.
#include "io/cli/keys.hpp"

#include <fmt/core.h>

#include <deque>
#include <string>
#include <utility>

#include "io/component/registry.hpp"

namespace holdfast::cli {
namespace {

constexpr std::int64_t kib = 1024, mib = 1024 * kib, gib = 1024 * mib, tib = 1024 * gib;
constexpr std::int64_t ms = 1'000'000, second = 1000 * ms, hour = 3600 * second, day = 24 * hour;

using T = KeyType;
using io::sink_kinds;
using io::source_kinds;

// Tables: a key stands together with its text.
// clang-format off

std::vector<Key> retry_keys(std::string_view attempts, std::string_view doc_of_attempts) {
    return {
        {"max_attempts", T::count, attempts, doc_of_attempts, {}, 0, UINT32_MAX},
        {"initial_backoff", T::duration, "100ms", "The wait after the first attempt.", {}, ms,
         hour},
        {"max_backoff", T::duration, "2s", "The longest wait between two attempts.", {}, ms, day},
    };
}

const Section& retry_section() {
    static const Section section{
        "retry",
        "How failed writes are repeated: attempt n is followed after `initial_backoff` times "
        "2^(n-1), at most `max_backoff`, plus up to a quarter of it by chance.",
        retry_keys("0", "Attempts in all; then the records become dead letters. 0: for ever.")};
    return section;
}

const Section& dead_letters_retry_section() {
    static const Section section{
        "dead_letters.retry",
        "As a sink's. When the attempts are used up the pipeline halts: a dead letter is never "
        "lost.",
        retry_keys("8", "Attempts in all; then halt. 0: for ever.")};
    return section;
}

const Section& batch_section() {
    static const Section section{
        "batch",
        "How many records one write takes. A write goes out when any of the three is reached.",
        {
            {"max_records", T::count, "65536", "Records in one write.", {}, 1, 1 << 20},
            {"max_bytes", T::size, "8MiB", "Bytes in one write; one record may be larger.", {}, 1,
             gib},
            {"timeout", T::duration, "0s", "How long a smaller write waits for more.", {}, 0, hour},
        }};
    return section;
}

const Section& inject_section() {
    static const Section section{
        "inject",
        "Faults on purpose, for demonstrations and tests; seeded, so that a run repeats itself.",
        {
            {"fail_percent", T::percent, "0", "Writes that fail for the moment (then retried).",
             {}, 0, 1000},
            {"throttle_percent", T::percent, "0", "Writes that are told to come again later.",
             {}, 0, 1000},
            {"ambiguous_percent", T::percent, "0",
             "Writes answered with \"unknown\"; every other one was carried out.", {}, 0, 1000},
            {"refuse_percent", T::percent, "0",
             "Records that are refused for good (then dead letters).", {}, 0, 1000},
            {"sync_fail_percent", T::percent, "0",
             "Syncs that fail: the pipeline then begins again from its checkpoint. Only where a "
             "sink syncs (`file` with `fsync = \"batch\"`).",
             {}, 0, 1000},
            {"latency", T::duration, "0s", "A wait before each write.", {}, 0, hour},
            {"seed", T::count, "1", "Another seed, other faults."},
        }};
    return section;
}

const Section& fields_section() {
    static const Section section{
        "fields",
        "Which fields make two records the same, by their values. Without it: the whole record, byte by "
        "byte.",
        {
            {"match", T::fields, "", "Fields, for example `[\"id\", \"user.name\"]`."},
        }};
    return section;
}

const Section& cache_section() {
    static const Section section{
        "cache",
        "What `dedupe` and `throttle` remember; it begins anew with each start.",
        {
            {"num_events", T::count, "5000",
             "Different keys that are remembered; the one that was not seen for longest is "
             "forgotten first.",
             {}, 1, 10'000'000},
        }};
    return section;
}

/// Keeps a text for as long as the process: keys are views.
std::string_view kept(std::string text) {
    static std::deque<std::string> all;
    return all.emplace_back(std::move(text));
}

/// "file|stdin"
template <class Kinds>
std::string_view type_names(const Kinds& kinds) {
    std::string out;
    for (const auto* kind : kinds) out += (out.empty() ? "" : "|") + std::string(kind->name());
    return kept(out);
}

/// "`file`: files, tailed or read once. `stdin`: ..."
template <class Kinds>
std::string_view type_doc(const Kinds& kinds) {
    std::string out;
    for (const auto* kind : kinds)
        out += fmt::format("{}`{}`: {}.", out.empty() ? "" : " ", kind->name(), kind->doc());
    return kept(out);
}

/// What kinds have of their own.
template <class Kinds>
std::vector<const Section*> kind_sections(std::string_view name, const Kinds& kinds) {
    static std::deque<Section> all;
    std::vector<const Section*> out;
    for (const auto* kind : kinds) {
        if (kind->rows().empty()) continue;
        Section& section = all.emplace_back();
        section.name = name;
        section.type = kind->name();
        for (const io::Row& row : kind->rows()) section.keys.push_back(row.key);
        out.push_back(&section);
    }
    return out;
}

}  // namespace

const Section& root_section() {
    static const Section section{
        "",
        "At the head of the file, before the first `[section]`.",
        {
            {"data_dir", T::path, ".holdfast/<name of this file>",
             "Where the checkpoint lives. One pipeline each; locked while it runs."},
            {"engine", T::section, "", "", {}, 0, 0, &engine_section()},
            {"sources", T::section, required, ""},
            {"transforms", T::section, "", ""},
            {"sinks", T::section, required, ""},
            {"dead_letters", T::section, "", "", {}, 0, 0, &dead_letters_section()},
            {"tests", T::tables, "", "", {}, 0, 0, &tests_section()},
        }};
    return section;
}

const Section& engine_section() {
    static const Section section{
        "engine",
        "Limits of the whole pipeline.",
        {
            {"memory_limit", T::size, "64MiB",
             "Bytes that records may occupy in memory. `holdfast validate` says what comes on top. "
             "Left out: less where the process may not have so much.",
             {}, mib, tib},
            {"transform_threads", T::count, "0",
             "Threads that transforms may have beside the one that does all else; fewer work where "
             "memory is short. 0: none. `throttle` and `dedupe` and what leads to them stay on the "
             "one.",
             {}, 0, 64},
            {"governor", T::choice, "balanced",
             "How much one pull and one slice may bring, with `mode = \"governed\"`: see "
             "regulation.md. `off`: as `whole`.",
             "off|throughput|balanced|low_latency"},
            {"process_limit", T::size, "0B",
             "Memory that the whole process may have; what is near it pauses reading. 0B: what its "
             "cgroup leaves it, or the machine.",
             {}, 0, tib},
            {"pause_percent", T::percent, "80",
             "Reading pauses when so much of `process_limit` is used.", {}, 1, 1000},
            {"resume_percent", T::percent, "65", "And goes on when it is so little again.", {}, 0,
             1000},
            {"max_hold", T::duration, "10s",
             "After so long a pause each source may read once, so that no pause is for ever.", {},
             ms, hour},
            {"commit_interval", T::duration, "1s",
             "How often progress is made durable. What is written twice after a crash is bounded by "
             "`commit_records` and `commit_bytes`.",
             {}, ms, hour},
            {"commit_records", T::count, "0",
             "At most so many records may be given to a sink again after a crash (or one batch, where "
             "a transform makes more of it): a sink that has got so many since the last commit waits "
             "for the next one, which begins at once. 0: what a `commit_interval` brings.",
             {}, 0, 1'000'000'000},
            {"commit_bytes", T::size, "0B",
             "The same in bytes; less than 4KiB is as 4KiB. 0B: no bound.",
             {}, 0, tib},
            {"commit_attempts", T::count, "0",
             "How often the checkpoint is tried before the pipeline stops (exit code 74). 0: for "
             "ever; meanwhile records are delivered, and after a crash they are delivered again.",
             {}, 0, UINT32_MAX},
            {"shutdown_timeout", T::duration, "30s",
             "After SIGINT or SIGTERM: how long to finish what was read. The rest is read again "
             "at the next start.",
             {}, 0, day},
            {"on_crash", T::choice, "stop",
             "A record on which a transform has ended the process three times. `stop`: the pipeline "
             "ends before it with exit code 70 and names it. `dead_letter`: it is set aside. See "
             "docs/transforms.md.",
             "stop|dead_letter"},
            {"mode", T::choice, "whole",
             "How what is transformed goes through: `whole`, or in slices (`streaming`; `governed`: "
             "by the governor); `parsed`: whole, and each record is parsed before all else. See "
             "docs/modes.md.",
             "whole|streaming|governed|parsed"},
            {"slice_bytes", T::size, "256KiB",
             "Of the input, for one slice when streaming; 0: a record each.", {}, 0, gib},
        }};
    return section;
}

const Section& source_section() {
    static const Section section{
        "sources.NAME",
        "Where records come from. `NAME` is letters, digits, `_` and `-`.",
        {
            {"type", T::choice, required, type_doc(source_kinds()), type_names(source_kinds())},
            {"framing", T::choice, "lines",
             "What a record is. `lines`: a line. `json_array`: an element of the one array that the "
             "file is. `msgpack`: one of the values that stand side by side. Transforms and sinks "
             "get both as lines of JSON. `json`: what a sink of `json` writes, a line for each record; "
             "its payload, which may be any bytes, key, headers and timestamp are taken out. "
             "`length`: a payload of any bytes, behind its size in 4 bytes, big endian. See docs/data.md.",
             "lines|json_array|msgpack|json|length"},
            {"on_parse_error", T::choice, "dead_letter",
             "A record that is no JSON, MsgPack or envelope, where `framing` isn't `lines` or the mode is "
             "`parsed`. `dead_letter`: is "
             "set aside as it came. `drop`: is dropped and counted. `stop`: stops the pipeline "
             "before it. Where records cannot be told apart any more (a bracket too many, a file "
             "that ends too early), `dead_letter` sets the rest aside, the others stop.",
             "dead_letter|drop|stop"},
            {"max_line", T::size, "1MiB",
             "A longer line (element, value) is treated as `on_oversized` says.", {}, 16, gib},
            {"on_oversized", T::choice, "dead_letter",
             "`dead_letter`: in pieces, to the dead letters. `split`: in pieces, as records (lines "
             "only). `stop`: halt before it.",
             "dead_letter|split|stop"},
        },
        {},
        kind_sections("sources.NAME", source_kinds())};
    return section;
}

/// What may run a program.
constexpr std::string_view programs = "filter|route|sample|throttle|dedupe|jq|format|meta";
constexpr std::string_view readers = "filter|route|sample|throttle|dedupe|jq|format|parse|meta";

const Section& transform_section() {
    static const Section section{
        "transforms.NAME",
        "What happens to records on their way: see docs/transforms.md. `NAME` is as a source's, "
        "and no source has it.",
        {
            {"type", T::choice, required,
             "`filter`: keeps what a condition holds for. `route`: an output for each condition. "
             "`sample`: one of `rate`. `throttle`: at most `threshold` in a `window`. `dedupe`: "
             "drops repeats. `jq`: a program that changes records. `raw_filter`: drops or rejects by "
             "one field, before anything is parsed. `parse`: makes JSON of text. `format`: "
             "makes text of JSON. `meta`: sets key, headers and timestamp, and leaves the payload.",
             "filter|route|sample|throttle|dedupe|jq|raw_filter|parse|format|meta"},
            {"inputs", T::names, required,
             "Names of sources, of transforms, and of outputs of transforms: `[\"in\"]`, "
             "`[\"by_level.errors\"]`."},
            {"condition", T::text, required,
             "A jq expression; the record is kept if it gives neither `false` nor `null`.", {}, 0,
             0, nullptr, "filter"},
            {"route", T::routes, required,
             "Conditions by name; each is an output `NAME.name`, and a record goes to every one "
             "whose condition holds.",
             {}, 0, 0, nullptr, "route"},
            {"program", T::text, required,
             "A jq program; each of its outputs is a record. It may have none.", {}, 0, 0,
             nullptr, "jq"},
            {"key", T::text, "",
             "A jq program over the record that gives its key: text as it is, null for no key, all else "
             "as JSON. What gives nothing leaves the key as it is; so with the next two.",
             {}, 0, 0, nullptr, "meta"},
            {"headers", T::text, "",
             "A jq program that gives all headers: an object of texts, such as "
             "`'$meta.headers + {trace: .trace}'`, or a list of `{name, value}`; null for none.",
             {}, 0, 0, nullptr, "meta"},
            {"timestamp", T::text, "",
             "A jq program that gives milliseconds since 1970, such as `'.seconds * 1000'`; null "
             "for none.",
             {}, 0, 0, nullptr, "meta"},
            {"rate", T::count, required, "One of so many records is kept.", {}, 1, 1'000'000'000,
             nullptr, "sample"},
            {"threshold", T::count, required, "Records that pass in one `window`.", {}, 1,
             1'000'000'000, nullptr, "throttle"},
            {"window", T::duration, "1s", "The time that `threshold` is about.", {}, ms, day,
             nullptr, "throttle"},
            {"key_field", T::text, "",
             "A field (or any jq program); `sample` keeps all records of a value or none, "
             "`throttle` counts each value on its own.",
             {}, 0, 0, nullptr, "sample|throttle"},
            {"fields", T::section, "", "", {}, 0, 0, &fields_section(), "dedupe"},
            {"on_missing_key", T::choice, "null",
             "A record without the key: one of its fields isn't there (null is there), or its "
             "program gives nothing. `null`: as if it were null, so all such records are alike. "
             "`keep`: it passes, compared with none. `dead_letter`: is set aside as it came. `drop`: "
             "is dropped and counted. `stop`: stops the pipeline before it.",
             "null|keep|dead_letter|drop|stop", 0, 0, nullptr, "sample|throttle|dedupe"},
            {"cache", T::section, "", "", {}, 0, 0, &cache_section(), "dedupe|throttle"},
            {"on_error", T::choice, "dead_letter",
             "A record that cannot be read, or on which a program fails. `dead_letter`: is set aside "
             "as it came. `drop`: is dropped and counted. `stop`: stops the pipeline "
             "before it.",
             "dead_letter|drop|stop", 0, 0, nullptr,
             readers},
            {"args", T::values, "",
             "Values by name, of any kind but dates: programs, conditions and keys see each as "
             "`$name`, and all of them in `$ARGS.named`, as with jq's `--arg` and `--argjson`.",
             {}, 0, 0, nullptr, programs},
            {"jq_path", T::folders, "",
             "Folders of jq modules: where `import` and `include` of the transform's programs, "
             "conditions and keys look, behind the config file's own folder. See docs/jq.md.",
             {}, 0, 0, nullptr, programs},
            {"program_memory", T::size, "16MiB",
             "What a program may take of memory for one record, and four times the record's size on "
             "top. This, `program_time`, `program_string` and `program_depth` are bounds of a record: "
             "what is beyond one is an error of that record, as `on_error` says, with the bound's "
             "name as the reason. They hold for conditions, keys and programs; see docs/jq.md.",
             {}, mib, 16 * gib, nullptr, programs},
            {"program_time", T::duration, "5s",
             "How long a program may take for one record.", {}, ms, hour, nullptr, programs},
            {"program_string", T::size, "8MiB",
             "How long a text may be that a program makes, and the record's size on top.",
             {}, 4096, gib, nullptr, programs},
            {"program_depth", T::count, "1000",
             "How deep arrays and objects may lie within each other while a program runs. What is "
             "in the record, and not looked into, counts as 64. (Outputs have at most 64.)",
             {}, 128, 1000, nullptr, programs},
            {"skip_blank", T::flag, "true",
             "A line of nothing but white space is dropped and counted as blank, where the transform "
             "parses (`sample`, `throttle` and `dedupe` do with a key; without one this key is refused). "
             "`false`: it is no JSON, and goes where `on_error` says.",
             {}, 0, 0, nullptr, readers},
            {"format", T::choice, required,
             "How the text is written: see docs/text.md. `template` is for `format` only, which has "
             "`logfmt` and `csv` besides; all others are for `parse`.",
             "json|logfmt|key_value|csv|regex|syslog|template", 0, 0, nullptr, "parse|format"},
            {"template", T::text, "",
             "A jq program: each text that it gives is a line, such as "
             "`'\"\\(.time) \\(.message)\"'`.",
             {}, 0, 0, nullptr, "format"},
            {"field", T::text, "",
             "The field of a JSON record that holds the text, such as `log` or `kubernetes.log`; it "
             "is taken out of the record. Without it the whole line is the text.",
             {}, 0, 0, nullptr, "parse"},
            {"keep_text", T::flag, "false", "`field` stays in the record.", {}, 0, 0, nullptr,
             "parse"},
            {"into", T::verbatim, "",
             "The key of the record under which the result stands. Without it the record is "
             "the result, or with `field` has its members, which take the place of equal ones.",
             {}, 0, 0, nullptr, "parse"},
            {"pair_separator", T::verbatim, " ", "What stands between pairs of `key_value`.", {}, 0,
             0, nullptr, "parse"},
            {"key_separator", T::verbatim, "=",
             "What stands between key and value of `key_value`.", {}, 0, 0, nullptr, "parse"},
            {"columns", T::fields, "",
             "The names of the values of `csv`, in their order; of `format` fields such as "
             "`[\"id\", \"user.name\"]`.",
             {}, 0, 0, nullptr, "parse|format"},
            {"separator", T::verbatim, ",", "What stands between values of `csv`.", {}, 0, 0, nullptr,
             "parse|format"},
            {"skip_header", T::flag, "false",
             "A line of `csv` whose values are the names of the columns is dropped and counted.", {}, 0,
             0, nullptr, "parse"},
            {"pattern", T::verbatim, "",
             "The pattern of `regex`, as jq's `capture` has it: each named group, `(?<name>...)`, is a "
             "key.",
             {}, 0, 0, nullptr, "parse"},
            {"numbers", T::flag, "false",
             "A value that is a number of JSON, and not in quotes, becomes one. Else all values are "
             "text.",
             {}, 0, 0, nullptr, "parse"},
            {"max_keys", T::count, "1000",
             "A text with more keys (each counted, also of equal names) is an error of its record.",
             {}, 1, 65536, nullptr, "parse"},
            {"rules", T::rules, required,
             "The first one that matches decides; what matches none is kept. A rule has `missing`, "
             "`present` or `field` (a path) with `equals`; and `then = \"drop\"` or "
             "`\"dead_letter\"` (which rejects it, the default but of `missing`).",
             {}, 0, 0, nullptr, "raw_filter"},
            {"on_reject", T::choice, "",
             "A record that a rule rejects. `dead_letter` (default): is set aside as it came; without "
             "`[dead_letters]` the pipeline halts before it. `drop`: is dropped and counted. `route`: "
             "goes to the output `NAME._rejected` (the default where that is somebody's input). "
             "`stop`: stops the pipeline before it.",
             "dead_letter|drop|route|stop", 0, 0, nullptr, "raw_filter"},
            {"unrouted", T::choice, "",
             "A record that no condition holds for. `dead_letter`: is set aside as it came. `drop`: is "
             "dropped and counted (the default of `filter`). `route`: goes to the output "
             "`NAME._unmatched` (the default where that is somebody's input). `stop`: stops the "
             "pipeline before it. The default of `route` is what `on_error` says.",
             "dead_letter|drop|route|stop", 0, 0, nullptr, "filter|route"},
        }};
    return section;
}

const Section& sink_section() {
    static const Section section{
        "sinks.NAME",
        "Where records go. Each sink gets all records of its `inputs`.",
        {
            {"type", T::choice, required, type_doc(sink_kinds()), type_names(sink_kinds())},
            {"inputs", T::names, required,
             "Names of sources, transforms and their outputs, for example `[\"in\"]`."},
            {"framing", T::choice, "",
             "How records stand there. `lines`: each with its newline. `msgpack`: as MsgPack values "
             "side by side; those of a source that has them keep their very bytes, lines of JSON "
             "are converted. `json`: a line of JSON with all that the record has: payload, key, headers, "
             "timestamp, source, partition, position; see docs/formats.md. `length`: each payload behind "
             "its size in 4 bytes, big endian. Default: `msgpack` if all inputs are such sources, else "
             "`lines`.",
             "lines|msgpack|json|length"},
            {"on_parse_error", T::choice, "dead_letter",
             "What cannot be made so: a line that is no JSON, where `framing` is `msgpack`; a payload "
             "that has a newline and is no JSON, for `lines`: as a transform's `on_error`.",
             "dead_letter|drop|stop"},
            {"when_full", T::choice, "block",
             "When the sink cannot keep up. `block`: its sources wait. `drop_newest`: records are "
             "dropped for this sink, and counted.",
             "block|drop_newest"},
            {"on_transient", T::choice, "retry",
             "When a write fails for the moment. `retry`: it is held and repeated, as `retry` says. "
             "`stop`: the pipeline halts, and nothing later is read or committed.",
             "retry|stop"},
            {"timeout", T::duration, "0s",
             "How long one attempt may take; then its outcome is unknown and it is repeated. 0s: "
             "no limit.",
             {}, 0, day},
            {"batch", T::section, "", "", {}, 0, 0, &batch_section()},
            {"retry", T::section, "", "", {}, 0, 0, &retry_section()},
            {"inject", T::section, "", "", {}, 0, 0, &inject_section()},
        },
        {},
        kind_sections("sinks.NAME", sink_kinds())};
    return section;
}

const Section& dead_letters_section() {
    static const Section section{
        "dead_letters",
        "Where records go that a sink refuses for good, or that are too long: a JSON line each. "
        "Without this section such a record halts the pipeline.",
        {
            {"type", T::choice, required, "`file`: one file.", "file"},
            {"path", T::path, required, "The file; its folders are created."},
            {"mode", T::text, "0600", "As a sink's; what is wrong is often what is secret."},
            {"retry", T::section, "", "", {}, 0, 0, &dead_letters_retry_section()},
        }};
    return section;
}

std::vector<const Section*> all_sections() {
    std::vector<const Section*> out{&root_section(), &engine_section(), &source_section()};
    out.insert(out.end(), source_section().kinds.begin(), source_section().kinds.end());
    out.insert(out.end(), {&transform_section(), &fields_section(), &cache_section(),
                           &sink_section()});
    out.insert(out.end(), sink_section().kinds.begin(), sink_section().kinds.end());
    out.insert(out.end(), {&batch_section(), &retry_section(), &inject_section(),
                           &dead_letters_section(), &dead_letters_retry_section(),
                           &tests_section(), &tests_inputs_section(), &tests_outputs_section(),
                           &tests_dead_letters_section()});
    return out;
}

// clang-format on

}  // namespace holdfast::cli
