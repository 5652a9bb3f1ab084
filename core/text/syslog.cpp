// Lines of syslog: RFC 5424 where a version follows the priority, else RFC 3164 as it is found.
//
// Rule 1: what a line doesn't have, and what RFC 5424 writes as `-`, is no member.
// Rule 2: times stand as they were written: RFC 3164 has neither year nor zone.
// Rule 3: of RFC 3164 as files have it: the priority may be missing, the time may be that of RFC 3339,
//         the host may be missing before a tag. A tag ends with `:`, or with a number in brackets.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "core/base/mutant.hpp"
#include "core/text/scanner.hpp"

namespace holdfast::text {
namespace {

constexpr auto npos = std::string_view::npos;

constexpr std::array<std::string_view, 24> facilities{
    "kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",    "news",
    "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "audit",  "alert",  "clock",
    "local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7"};
constexpr std::array<std::string_view, 8> severities{"emerg",   "alert",  "crit", "err",
                                                     "warning", "notice", "info", "debug"};

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Whether a text has the form, in which 0 stands for a digit.
bool has_form(std::string_view text, std::string_view form) {
    if (text.size() < form.size()) return false;
    for (std::size_t i = 0; i < form.size(); ++i)
        if (form[i] == '0' ? !is_digit(text[i]) : text[i] != form[i]) return false;
    return true;
}

/// The size of a time of RFC 3339 at the head; 0: there is none.
std::size_t time_size(std::string_view text) {
    constexpr std::string_view form = "0000-00-00T00:00:00";
    if (!has_form(text, form)) return 0;
    std::size_t at = form.size();
    if (at < text.size() && text[at] == '.') {
        const std::size_t first = ++at;
        while (at < text.size() && is_digit(text[at])) ++at;
        if (at == first) return 0;
    }
    if (at == text.size()) return 0;
    if (text[at] == 'Z') return at + 1;
    const bool is_offset = text[at] == '+' || text[at] == '-';
    return is_offset && has_form(text.substr(at + 1), "00:00") ? at + 6 : 0;
}

/// The same of `Jan  5 14:32:01`.
std::size_t short_time_size(std::string_view text) {
    constexpr std::string_view months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec ";
    if (text.size() < 15 || text[3] != ' ') return 0;
    const std::size_t month = months.find(text.substr(0, 4));
    if (month == npos || month % 4 != 0) return 0;
    const bool day = has_form(text.substr(4), "00 ") || has_form(text.substr(4), " 0 ");
    return day && has_form(text.substr(7), "00:00:00") ? 15 : 0;
}

class Syslog final : public Scanner {
public:
    explicit Syslog(const ParseSettings& settings) : settings_(settings) {}

    Found scan(std::string_view text, Members& out, Wrong& wrong) override {
        text_ = text;
        at_ = 0;
        wrong_ = &wrong;
        unescaped_.begin(text.size());
        const bool has_priority = text.starts_with('<');
        if (has_priority && !priority(out)) return Found::wrong;
        const std::string_view rest = text.substr(at_);
        const bool good = has_priority && begins_with_version(rest)
                              ? with_version(out)
                              : without_version(has_priority, out);
        return good ? Found::members : Found::wrong;
    }
    void limit_outputs(std::size_t bytes) override { bytes_max_ = bytes; }
    void trim() override {
        unescaped_.trim();
        text::trim(data_);
        text::trim(object_);
        params_.trim();
        elements_.trim();
        if (places_.capacity() * sizeof(Place) > kept_bytes) std::vector<Place>().swap(places_);
    }
    std::unique_ptr<Scanner> clone() const override { return std::make_unique<Syslog>(settings_); }

private:
    struct Place {
        std::string_view id;
        std::size_t begin = 0, end = 0;  ///< In data_.
    };

    /// Version 1, or another one with a time of RFC 3339, or none, behind it: `<13>5 errors` has none.
    static bool begins_with_version(std::string_view rest) {
        if (rest.starts_with("1 ")) return true;
        const std::size_t blank = rest.substr(0, 4).find(' ');
        if (blank == npos || blank == 0 || rest[0] == '0') return false;
        if (rest.substr(0, blank).find_first_not_of("0123456789") != npos) return false;
        const std::string_view next = rest.substr(blank + 1);
        const std::size_t size = next.starts_with("- ") ? 1 : time_size(next);
        return size > 0 && size < next.size() && next[size] == ' ';
    }

    bool is_wrong(std::string_view what) {
        *wrong_ = {what, at_};
        return false;
    }

    bool priority(Members& out) {
        std::size_t end = 1;
        unsigned value = 0;
        while (end < text_.size() && end < 4 && is_digit(text_[end]))
            value = value * 10 + static_cast<unsigned>(text_[end++] - '0');
        if (end == 1 || end == text_.size() || text_[end] != '>' || value >= 24 * 8)
            return is_wrong("no priority of syslog");
        out.add("facility", facilities[value / 8], Shape::text);
        out.add("severity", severities[value % 8], Shape::text);
        at_ = end + 1;
        return true;
    }

    // ---- RFC 5424 ------------------------------------------------------------------------------

    /// The next word and the blank behind it; empty: there is none.
    std::string_view word() {
        const std::size_t end = std::min(text_.find(' ', at_), text_.size());
        const std::string_view out = text_.substr(at_, end - at_);
        at_ = std::min(end + 1, text_.size());
        return out;
    }

    bool with_version(Members& out) {
        word();
        constexpr std::array<std::string_view, 5> names{"timestamp", "hostname", "appname",
                                                        "procid", "msgid"};
        for (const std::string_view name : names) {
            const std::size_t begin = at_;
            const std::string_view value = word();
            if (value.empty()) return is_wrong("the header of RFC 5424 ends early");
            if (value == "-") continue;
            if (name == "timestamp" && time_size(value) != value.size()) {
                at_ = begin;
                return is_wrong("no time of RFC 3339");
            }
            name == "procid" ? add_value(name, value, settings_, out)
                             : out.add(name, value, Shape::text);
        }
        if (!structured_data(out)) return false;
        if (at_ == text_.size()) return true;
        if (text_[at_] != ' ') return is_wrong("text behind the structured data");
        std::string_view words = text_.substr(at_ + 1);
        if (words.starts_with("\xef\xbb\xbf")) words.remove_prefix(3);
        out.add("message", words, Shape::text);
        return true;
    }

    bool structured_data(Members& out) {
        if (at_ < text_.size() && text_[at_] == '-') return ++at_, true;
        if (at_ == text_.size() || text_[at_] != '[') return is_wrong("no structured data");
        data_.clear();
        places_.clear();
        std::size_t keys = 0;
        while (at_ < text_.size() && text_[at_] == '[')
            if (!element(keys)) return false;
        elements_.clear();
        for (const Place& place : places_)
            elements_.add(place.id,
                          std::string_view(data_).substr(place.begin, place.end - place.begin),
                          Shape::json);
        object_.clear();
        if (!elements_.write(object_, bytes_max_)) return is_wrong("too much structured data");
        out.add("structured_data", object_, Shape::json);
        return true;
    }

    bool element(std::size_t& keys) {
        const std::size_t id_end = text_.find_first_of(" ]=\"", ++at_);
        const std::string_view id = text_.substr(at_, id_end - at_);
        if (id_end == npos || id.empty() || text_[id_end] == '=' || text_[id_end] == '"')
            return is_wrong("no name of structured data");
        at_ = id_end;
        params_.clear();
        while (at_ < text_.size() && text_[at_] == ' ') {
            if (++keys > settings_.keys_max) return is_wrong("more keys than max_keys");
            ++at_;
            if (!param()) return false;
        }
        if (at_ == text_.size() || text_[at_] != ']')
            return is_wrong("structured data is not closed");
        ++at_;
        if (++keys > settings_.keys_max) return is_wrong("more keys than max_keys");
        const std::size_t begin = data_.size();
        if (!params_.write(data_, bytes_max_ - std::min(bytes_max_, begin)))
            return is_wrong("too much structured data");
        places_.push_back({id, begin, data_.size()});
        return true;
    }

    bool param() {
        const std::size_t sign = text_.find_first_of(" ]=\"", at_);
        if (sign == npos || sign == at_ || !text_.substr(sign).starts_with("=\""))
            return is_wrong("no name and value of structured data");
        const std::string_view name = text_.substr(at_, sign - at_);
        const std::size_t end = closing_quote(text_, sign + 2);
        at_ = sign + 1;
        if (end == npos) return is_wrong("a quote is not closed");
        const std::string_view value = text_.substr(sign + 2, end - sign - 2);
        params_.add(name, unescaped_.of_escaped(value, "\"\\]"), Shape::text);
        at_ = end + 1;
        return true;
    }

    // ---- RFC 3164 ------------------------------------------------------------------------------

    bool without_version(bool has_priority, Members& out) {
        const std::string_view rest = text_.substr(at_);
        std::size_t size = short_time_size(rest);
        if (size == 0) size = time_size(rest);
        const bool has_time = size > 0 && (size == rest.size() || rest[size] == ' ');
        if (!has_time && !has_priority) return is_wrong("neither a priority nor a time of syslog");
        if (!has_time) {
            out.add("message", rest, Shape::text);
            return true;
        }
        out.add("timestamp", rest.substr(0, size), Shape::text);
        at_ += std::min(size + 1, rest.size());
        if (tag_size(text_.substr(at_)) == 0) {
            const std::string_view host = word();
            if (!host.empty()) out.add("hostname", host, Shape::text);
        }
        words(out);
        return true;
    }

    /// The size of a tag with its colon or number at the head; 0: there is none.
    static std::size_t tag_size(std::string_view text) {
        const std::size_t end = text.find_first_of(" [:");
        if (end == npos || end == 0 || text[end] == ' ') return 0;
        if (text[end] == ':') {
            if (end + 1 == text.size() || text[end + 1] == ' ') return end + 1;
            // Without a blank behind it, a tag is a name; the rest may be an address of IPv6: a host.
            return is_glued_tag(text.substr(0, end), text.substr(end + 1)) ? end + 1 : 0;
        }
        const std::size_t close = text.find_first_of(" ]", end);
        if (close == npos || text[close] == ' ') return 0;
        const bool has_colon = close + 1 < text.size() && text[close + 1] == ':';
        return close + 1 + (has_colon ? 1 : 0);
    }

    static bool is_glued_tag(std::string_view name, std::string_view rest) {
        const auto is_of_address = [](char c) {
            return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') ||
                   c == ':' || c == '.' || c == '%';
        };
        const std::string_view next = rest.substr(0, rest.find(' '));
        return !next.starts_with('/') && (!std::ranges::all_of(name, is_of_address) ||
                                          !std::ranges::all_of(next, is_of_address));
    }

    void words(Members& out) {
        const std::string_view rest = text_.substr(at_);
        const std::size_t size = tag_size(rest);
        if (size == 0) {
            out.add("message", rest, Shape::text);
            return;
        }
        std::string_view tag = rest.substr(0, size);
        if (tag.ends_with(':')) tag.remove_suffix(1);
        const std::size_t open = tag.find('[');
        out.add("appname", tag.substr(0, open), Shape::text);
        if (open != npos) {
            const std::string_view number = tag.substr(open + 1, tag.size() - open - 2);
            if (!number.empty()) add_value("procid", number, settings_, out);
        }
        std::string_view text = rest.substr(size);
        if (text.starts_with(' ')) text.remove_prefix(1);
        out.add("message", text, Shape::text);
    }

    ParseSettings settings_;
    std::size_t bytes_max_ = SIZE_MAX;
    Unescaped unescaped_;
    std::string_view text_;
    std::size_t at_ = 0;
    Wrong* wrong_ = nullptr;
    Members params_;
    Members elements_;
    std::vector<Place> places_;
    std::string data_;    ///< The elements' objects, one behind the other.
    std::string object_;  ///< All of them.
};

}  // namespace

std::unique_ptr<Scanner> make_syslog(const ParseSettings& settings) {
    return std::make_unique<Syslog>(settings);
}

}  // namespace holdfast::text
