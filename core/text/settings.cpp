#include "core/text/settings.hpp"

#include "core/text/members.hpp"

namespace holdfast::text {

const char* format_name(Format format) {
    switch (format) {
        case Format::json: return "json";
        case Format::logfmt: return "logfmt";
        case Format::key_value: return "key_value";
        case Format::csv: return "csv";
        case Format::regex: return "regex";
        case Format::syslog: break;
    }
    return "syslog";
}

std::string text_of(const ParseSettings& settings) {
    std::string out = format_name(settings.format);
    if (settings.format == Format::key_value) {
        out += " with ";
        append_string(settings.pair_separator, out);
        out += " and ";
        append_string(settings.key_separator, out);
    }
    if (settings.format == Format::csv) {
        for (const std::string& column : settings.columns) {
            out += &column == &settings.columns.front() ? " " : settings.separator;
            append_string(column, out);
        }
        if (settings.skip_header) out += " without its header";
    }
    if (settings.format == Format::regex) {
        out += ' ';
        append_string(settings.pattern, out);
    }
    if (settings.field) out += " of " + settings.field_name;
    if (settings.keep_text) out += ", which stays";
    if (!settings.into.empty()) {
        out += ", into ";
        append_string(settings.into, out);
    }
    if (settings.numbers) out += ", with numbers";
    if (has_keys_max(settings.format))
        out += ", at most " + std::to_string(settings.keys_max) + " keys";
    return out;
}

}  // namespace holdfast::text
