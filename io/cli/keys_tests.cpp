// The keys of [[tests]]. See keys.hpp.
#include "io/cli/keys.hpp"

namespace holdfast::cli {
namespace {

using T = KeyType;

constexpr std::int64_t records_most = 1'000'000;

/// The three ways in which records are written.
Key records_key(std::string_view doc) { return {"records", T::records, "", doc}; }
Key text_key(std::string_view doc) { return {"text", T::verbatim, "", doc}; }
Key hex_key(std::string_view doc) { return {"hex", T::verbatim, "", doc}; }

}  // namespace

const Section& tests_section() {
    static const Section section{
        "[tests]",
        "Transforms tested without running the pipeline, by `holdfast test`: see docs/tests.md.",
        {
            {"name", T::verbatim, required, "What it shows, as a sentence."},
            {"at", T::time, "2000-01-01T00:00:00Z",
             "The time that `throttle` and jq's `now` see, as TOML's time or as text."},
            {"inputs",
             T::tables,
             required,
             "What is put in, in this order; `[[tests.inputs]]`.",
             {},
             0,
             0,
             &tests_inputs_section()},
            {"outputs",
             T::tables,
             "",
             "What must come out where; `[[tests.outputs]]`. What is not "
             "named is not looked at.",
             {},
             0,
             0,
             &tests_outputs_section()},
            {"dead_letters",
             T::tables,
             "",
             "What must be set aside, in this order; "
             "`[[tests.dead_letters]]`. Any other dead letter makes the test fail.",
             {},
             0,
             0,
             &tests_dead_letters_section()},
            {"dropped", T::records, "",
             "The records of the inputs that must come to no sink and become no dead letter, in "
             "order, and no others. `[]`: none is."},
            {"halts", T::verbatim, "",
             "The pipeline must halt (`on_error = \"stop\"`), with a reason that holds this."},
        }};
    return section;
}

const Section& tests_inputs_section() {
    static const Section section{
        "[tests.inputs]",
        "Records that go in. One of `records`, `text` and `hex`.",
        {
            {"to", T::text, "",
             "A source, or a transform, which gets them as its input. Default: "
             "the only source."},
            {"at", T::time, "", "Another time from here on. Default: the test's."},
            records_key("Each text is a record as it stands; anything else stands for its JSON: "
                        "`{id = 1}`."),
            text_key("What stands in the source; of lines, each is a record."),
            hex_key("The same in hexadecimal digits, for what is no text."),
        }};
    return section;
}

const Section& tests_outputs_section() {
    static const Section section{
        "[tests.outputs]",
        "What must come out at one place: these records in this order, and no others.",
        {
            {"from", T::text, "",
             "A sink; or a transform or an output of one, such as "
             "`\"by_level.errors\"`. Default: the only sink."},
            records_key("As in `[[tests.inputs]]`. `[]`: nothing comes out there."),
            text_key("Each line is a record."),
            hex_key("All of their bytes, in hexadecimal digits."),
            {"compare", T::choice, "values",
             "`values`: JSON by its value, however it is written; what is no JSON by its bytes. "
             "`bytes`: all by its bytes.",
             "values|bytes"},
            {"count", T::count, "", "So many records come out.", {}, 0, records_most},
            {"every", T::text, "", "A jq condition that holds for each of them."},
        }};
    return section;
}

const Section& tests_dead_letters_section() {
    static const Section section{
        "[tests.dead_letters]",
        "A record that must be set aside.",
        {
            {"record", T::verbatim, "", "As it was put in. Compared by its bytes."},
            {"transform", T::text, "", "By which transform."},
            {"reason", T::text, "",
             "The reason's name, such as `\"parse_error\"`: docs/formats.md."},
            {"error", T::verbatim, "", "Its words hold this."},
        }};
    return section;
}

}  // namespace holdfast::cli
