#include "core/data/dead_letter_format.hpp"

#include <array>

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"

namespace holdfast {
namespace {

// What a record may grow by before it is better said in another way than as text.
constexpr std::size_t few_bytes = 64;
constexpr std::string_view hex_digits = "0123456789abcdef";
constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD

unsigned at(std::span<const std::byte> bytes, std::size_t i) {
    return std::to_integer<unsigned>(bytes[i]);
}

/// The length of the valid UTF-8 sequence that the bytes begin with (RFC 3629), or 0.
std::size_t sequence_length(std::span<const std::byte> bytes) {
    const unsigned lead = at(bytes, 0);
    if (lead < 0x80) return 1;
    if (lead < 0xc2 || lead > 0xf4) return 0;
    const std::size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (bytes.size() < length) return 0;
    // The second byte excludes overlong forms, surrogates and what is beyond U+10FFFF.
    const unsigned second = at(bytes, 1);
    const unsigned low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (second < low || second > high) return 0;
    for (std::size_t i = 2; i < length; ++i) {
        if ((at(bytes, i) & 0xc0) != 0x80) return 0;
    }
    return length;
}

void append_escaped(unsigned char c, std::string& out) {
    switch (c) {
        case '"': out += "\\\""; return;
        case '\\': out += "\\\\"; return;
        case '\n': out += "\\n"; return;
        case '\r': out += "\\r"; return;
        case '\t': out += "\\t"; return;
        default: break;
    }
    if (c >= 0x20 || mutant(322)) {
        out += static_cast<char>(c);
        return;
    }
    out += "\\u00";
    out += hex_digits[c >> 4];
    out += hex_digits[c & 15];
}

std::size_t escaped_size(unsigned char c) {
    if (c == '"' || c == '\\' || c == '\n' || c == '\r' || c == '\t') return 2;
    return c < 0x20 ? 6 : 1;
}

/// Appends the first bytes that are below `limit` and stand as they are; how many they are.
std::size_t append_plain(std::span<const std::byte> bytes, unsigned limit, std::string& out) {
    std::size_t n = 0;
    while (n < bytes.size() && at(bytes, n) < limit &&
           escaped_size(static_cast<unsigned char>(at(bytes, n))) == 1)
        ++n;
    out.append(reinterpret_cast<const char*>(bytes.data()), n);
    return n;
}

/// Any bytes as the inside of a JSON string; those that are not UTF-8 stand as U+FFFD.
void append_text(std::string_view text, std::string& out) {
    std::span<const std::byte> rest(reinterpret_cast<const std::byte*>(text.data()), text.size());
    while (true) {
        rest = rest.subspan(append_plain(rest, 0x80, out));
        if (rest.empty()) return;
        const std::size_t length = sequence_length(rest);
        if (length == 0) out += replacement;
        for (std::size_t i = 0; i < length; ++i) {
            append_escaped(std::to_integer<unsigned char>(rest[i]), out);
        }
        rest = rest.subspan(length == 0 ? 1 : length);
    }
}

void append_base64(std::span<const std::byte> bytes, std::string& out) {
    constexpr std::string_view digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    while (!bytes.empty()) {
        const std::size_t n = bytes.size() < 3 ? bytes.size() : 3;
        unsigned group = at(bytes, 0) << 16;
        if (n > 1) group |= at(bytes, 1) << 8;
        if (n > 2) group |= at(bytes, 2);
        out += digits[group >> 18];
        out += digits[(group >> 12) & 63];
        out += n > 1 ? digits[(group >> 6) & 63] : '=';
        out += n > 2 ? digits[group & 63] : '=';
        bytes = bytes.subspan(n);
    }
}

void append_number(std::uint64_t value, std::size_t width, std::string& out) {
    std::string text = std::to_string(value);
    if (text.size() < width) out.append(width - text.size(), '0');
    out += text;
}

}  // namespace

PayloadEncoding encoding_of(std::span<const std::byte> bytes) {
    const std::size_t most = bytes.size() + bytes.size() / 3 + few_bytes;
    std::size_t size = 0;
    bool only_zeros = true;
    std::span<const std::byte> rest = bytes;
    while (!rest.empty() && (size <= most || only_zeros)) {
        const std::size_t length = sequence_length(rest);
        if (length == 0) return PayloadEncoding::base64;
        only_zeros = only_zeros && rest[0] == std::byte{0};
        size += escaped_size(std::to_integer<unsigned char>(rest[0])) + length - 1;
        rest = rest.subspan(length);
    }
    if (size <= most) return PayloadEncoding::utf8;
    return only_zeros ? PayloadEncoding::zeros : PayloadEncoding::base64;
}

std::string_view reason_name(Reason reason) {
    switch (reason) {
        case Reason::none: return "none";
        case Reason::refused: return "refused";
        case Reason::exhausted: return "exhausted";
        case Reason::parse_error: return "parse_error";
        case Reason::oversized: return "oversized";
        case Reason::failed: return "failed";
        case Reason::rejected: return "rejected";
    }
    return "unknown";
}

std::string utc_text(std::int64_t wall_ns) {
    HF_ASSERT(wall_ns >= 0);
    const std::uint64_t seconds_total = static_cast<std::uint64_t>(wall_ns) / 1'000'000'000;
    const std::uint64_t of_day = seconds_total % 86'400;
    // Days to a date: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days,
    // for days after 1970 only. A year begins in March here.
    const std::uint64_t days = seconds_total / 86'400 + 719'468;
    const std::uint64_t era = days / 146'097;
    const std::uint64_t day_of_era = days % 146'097;
    const std::uint64_t year_of_era =
        (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
    const std::uint64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const std::uint64_t month_from_march = (5 * day_of_year + 2) / 153;
    const std::uint64_t day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    const std::uint64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    const std::uint64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
    std::string out;
    append_number(year, 4, out);
    append_number(month, 2, out += '-');
    append_number(day, 2, out += '-');
    append_number(of_day / 3'600, 2, out += 'T');
    append_number(of_day / 60 % 60, 2, out += ':');
    append_number(of_day % 60, 2, out += ':');
    append_number(static_cast<std::uint64_t>(wall_ns) % 1'000'000'000, 9, out += '.');
    return out += 'Z';
}

void begin_dead_letter(const DeadLetterHead& head, std::string& out) {
    out += "{\"time\":\"";
    out += utc_text(head.time_ns);
    out += "\",\"source\":\"";
    append_text(head.source, out);
    out += "\",\"partition\":\"";
    append_text(head.partition, out);
    out += "\",\"position\":";
    out += std::to_string(head.position);
    if (!head.id.empty()) {
        out += ",\"id\":\"";
        append_text(head.id, out);
        out += '"';
    }
    out += ",\"sink\":";
    if (head.sink) {
        out += '"';
        append_text(*head.sink, out);
        out += '"';
    } else {
        out += "null";
    }
    out += ",\"reason\":\"";
    out += reason_name(head.reason);
    out += "\",\"attempts\":";
    out += std::to_string(head.attempts);
    if (head.transform) {
        out += ",\"transform\":\"";
        append_text(*head.transform, out);
        out += '"';
    }
    if (!head.error.empty() || head.transform) {
        out += ",\"error\":\"";
        append_text(head.error, out);
        out += '"';
    }
    if (!head.beside.empty()) {
        out += ',';
        out += head.beside;
    }
    out += ",\"encoding\":\"";
    out += head.encoding == PayloadEncoding::utf8    ? "utf8"
           : head.encoding == PayloadEncoding::zeros ? "zeros"
                                                     : "base64";
    out += "\",\"payload\":\"";
}

void append_payload(PayloadEncoding encoding, std::span<const std::byte> piece, std::string& out) {
    if (encoding == PayloadEncoding::zeros) {
        out += std::to_string(piece.size());
    } else if (encoding == PayloadEncoding::base64) {
        append_base64(mutant(323) ? piece.first(piece.size() / 3 * 3) : piece, out);
    } else {
        while (true) {
            piece = piece.subspan(append_plain(piece, 0x100, out));
            if (piece.empty()) return;
            append_escaped(std::to_integer<unsigned char>(piece[0]), out);
            piece = piece.subspan(1);
        }
    }
}

void end_dead_letter(std::string& out) { out += "\"}\n"; }

}  // namespace holdfast
