// See jq_feed.hpp.
#include "io/cli/jq_feed.hpp"

#include "core/data/program.hpp"
#include "core/jq/text.hpp"
#include "io/cli/json_print.hpp"

namespace holdfast::cli {
namespace {

using Got = JsonInputs::Got;

}  // namespace

JqFeed::JqFeed(const JqOptions& options) : options_(options), inputs_(options.files) {
    if (options.sequence && !options.raw_input) inputs_.take_separators();
}

Got JqFeed::event(std::string_view& text) {
    while (!has_events_ || !events_.next(event_)) {
        std::string_view value;
        const Got got = inputs_.value(value);
        has_events_ = got == Got::text;
        if (got == Got::unfinished) problem_ = "the JSON ends within a value";
        if (!has_events_) return got;
        if (events_.begin(value)) continue;
        problem_ = events_.problem();
        return Got::unfinished;
    }
    text_.assign(event_);
    make_readable(text);
    return Got::text;
}

Got JqFeed::piece(std::string_view& text) {
    if (options_.stream) return event(text);
    const Got got = inputs_.value(text);
    if (got == Got::unfinished) problem_ = "the JSON ends within a value";
    return got;
}

/// A list of them, in text_.
Got JqFeed::all_values() {
    std::string all = "[";
    std::string_view one;
    Got got = Got::text;
    while ((got = piece(one)) == Got::text) {
        if (all.size() > 1) all += ',';
        all += one;
    }
    text_ = std::move(all) + ']';
    return got == Got::end ? Got::text : got;
}

void JqFeed::make_readable(std::string_view& text) {
    const std::size_t size = text_.size();
    text_.append(Program::padding, ' ');
    text = std::string_view(text_).substr(0, size);
}

Got JqFeed::next(std::string_view& text) {
    if (!options_.slurp && !options_.raw_input) return piece(text);
    if (options_.slurp && is_over_) return Got::end;
    is_over_ = options_.slurp;
    if (!options_.raw_input) {
        const Got got = all_values();
        if (got != Got::text) return got;
    } else {
        std::string_view line;
        if (!options_.slurp) {
            const Got got = inputs_.line(line);
            if (got == Got::unfinished) problem_ = "a line has more than 64 MiB";
            if (got != Got::text) return got;
        }
        text_ = jq::quoted(readable(options_.slurp ? inputs_.rest() : line));
    }
    make_readable(text);
    return Got::text;
}

}  // namespace holdfast::cli
