#include "core/text/settings.hpp"

#include "core/text/members.hpp"

namespace holdfast::text {

const char* format_name(Format format) {
    switch (format) {
        case Format::json: return "json";
        case Format::logfmt: return "logfmt";
        case Format::key_value: break;
    }
    return "key_value";
}

std::string text_of(const ParseSettings& settings) {
    std::string out = format_name(settings.format);
    if (settings.format == Format::key_value) {
        out += " with ";
        append_string(settings.pair_separator, out);
        out += " and ";
        append_string(settings.key_separator, out);
    }
    if (settings.field) out += " of " + settings.field_name;
    if (settings.keep_text) out += ", which stays";
    if (!settings.into.empty()) {
        out += ", into ";
        append_string(settings.into, out);
    }
    if (settings.numbers) out += ", with numbers";
    if (settings.format != Format::json)
        out += ", at most " + std::to_string(settings.keys_max) + " keys";
    return out;
}

}  // namespace holdfast::text
