// A dead letter as one line of JSON. The members are described in docs/formats.md.
//
// Rule 1: the payload's bytes come back exactly: as a JSON string if they are valid UTF-8 and that is
//         no longer than base64 would be (NUL and other control characters escaped); as their number
//         if they are nothing but zero bytes, as a hole in a file is; else as base64. No newline
//         within a line.
// Rule 2: a line is written in pieces, so that a caller's buffer need not hold a whole record:
//         begin, payload pieces, end.
// Bound: n bytes take at most 4/3 n and 64, or 20 where they are zero bytes; one piece of them may take
//        6 n (control characters).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/model/outcomes.hpp"

namespace holdfast {

enum class PayloadEncoding : std::uint8_t { utf8, base64, zeros };

struct DeadLetterHead {
    std::int64_t time_ns = 0;  ///< Wall time, since 1970.
    std::string_view source;
    std::string_view partition;
    std::int64_t position = 0;  ///< Where the record begins.
    std::string id = {};        ///< As `$meta.id`; empty: left out.
    std::optional<std::string_view> sink;
    Reason reason = Reason::none;
    std::uint32_t attempts = 0;
    std::optional<std::string_view> transform;  ///< The one that made it a dead letter,
    std::string_view error;  ///< and why, in its words; or a source's. Empty: nobody said.
    PayloadEncoding encoding = PayloadEncoding::utf8;
    /// What the record has beside its payload, as members of JSON; empty: nothing.
    std::string beside = {};
};

/// What the bytes need, as rule 1 has it. Valid: no surrogates, no overlong forms. Few zero bytes are
/// text like others.
PayloadEncoding encoding_of(std::span<const std::byte> bytes);

/// Appends all that precedes the payload's text.
void begin_dead_letter(const DeadLetterHead& head, std::string& out);
/// Appends a piece; with `zeros` all of it at once. Requires for base64: every piece but the last has a multiple of 3 bytes.
void append_payload(PayloadEncoding encoding, std::span<const std::byte> piece, std::string& out);
/// Appends what follows the payload's text, and the newline.
void end_dead_letter(std::string& out);

/// "2026-01-31T23:59:59.123456789Z". For years 1970 to 9999.
std::string utc_text(std::int64_t wall_ns);

std::string_view reason_name(Reason reason);

}  // namespace holdfast
