// A record with all that it has as one line of JSON, and back; and what of it JSON says elsewhere.
//
//   {"source":"in","partition":"5f0c1b2a99d04e17","position":1200,"timestamp":1767225600000,
//    "key":"k","headers":[{"name":"trace","value":"abc"}],"encoding":"json","payload":{"id":1}}
//
// Rule 1: key, headers, timestamp and payload come back byte for byte. A payload that is JSON, without
//         a newline and white space around it, stands as it is (`json`); else what is UTF-8 is a string
//         (`utf8`), and all else its base64 (`base64`). Read as well: `zeros`, so many zero bytes.
// Rule 2: bytes within (keys, names and values of headers) are a string, or {"base64":"..."} where they
//         are no UTF-8; null is no key, or a value that is null.
// Rule 3: from a value that is neither (a number, an object) its JSON is taken, so that one may write
//         it by hand, and as a program gives it.
// Rule 4: a line that is no envelope is told so in words that say what to do.
// Bound: one pass over the record; scratch memory of one record.
// Doesn't know: files, policies.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/codec/document.hpp"
#include "core/codec/value.hpp"
#include "core/record/packed.hpp"

namespace holdfast::codec {

/// Rule 2.
void append_bytes(std::span<const std::byte> bytes, std::string& out);
/// RFC 4648, padded.
void append_base64(std::span<const std::byte> bytes, std::string& out);
/// Rules 2 and 3: appends the bytes. False: a base64 that is none. Requires: not missing, not null.
bool bytes_of_value(const Value& value, std::string& out);
/// Appends what the base64 says; false if it is none: then `out` is as it was.
bool append_decoded(std::string_view base64, std::string& out);

/// Replaces packed headers by what an object, or an array of {"name", "value"}, says; null: none.
/// False: it is neither; `error` says so.
bool headers_of_value(const Value& value, std::vector<std::byte>& headers, std::string& error);
/// Milliseconds since 1970 from a number. False: it is none.
bool timestamp_of_value(const Value& value, std::int64_t& timestamp);

/// Where a record came from, for an envelope.
struct EnvelopePlace {
    std::string_view source;
    std::string_view partition;
};

/// Appends `"timestamp":...,"key":...,"headers":[...]`: as in an envelope, and in a dead letter.
void append_beside(const packing::Extras& extras, std::string& out);
/// Appends the envelope, without a newline.
void append_envelope(const EnvelopePlace& place, const packing::Extras& extras,
                     std::span<const std::byte> payload, Document& scratch, std::string& out);

/// A record that was read from an envelope: it owns its bytes.
struct FromEnvelope {
    packing::Extras extras;  ///< Points into what follows. Without a position.
    std::string key;
    std::vector<std::byte> headers;
    std::string payload;
};

/// `payload_max`: of zeros, which are few bytes in the line.
/// False: it is none; `error` says why.
bool read_envelope(std::span<const std::byte> line, std::size_t payload_max, Document& scratch,
                   FromEnvelope& out, std::string& error);

}  // namespace holdfast::codec
