#include "core/codec/envelope.hpp"

#include <array>
#include <cstring>

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"
#include "core/codec/convert.hpp"
#include "core/codec/json_text.hpp"
#include "core/codec/utf8.hpp"

namespace holdfast::codec {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::string_view digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string_view text_of(Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
Bytes bytes_of(std::string_view text) {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

constexpr std::uint8_t no_digit = 64;

constexpr std::array<std::uint8_t, 256> values_of_digits() {
    std::array<std::uint8_t, 256> out{};
    out.fill(no_digit);
    for (std::size_t i = 0; i < digits.size(); ++i)
        out[static_cast<unsigned char>(digits[i])] = static_cast<std::uint8_t>(i);
    return out;
}
constexpr std::array<std::uint8_t, 256> digit_values = values_of_digits();

std::uint32_t digit_value(char c) { return digit_values[static_cast<unsigned char>(c)]; }

/// Valid JSON that stands in a line by itself, and is so flat that an envelope around it can be read.
bool stands_as_json(Bytes payload, Document& scratch) {
    if (payload.empty()) return false;
    if (std::memchr(payload.data(), '\n', payload.size()) != nullptr && !mutant(535)) return false;
    const auto edge = [](std::byte b) { return is_space(static_cast<char>(b)); };
    if (edge(payload.front()) || edge(payload.back())) return false;
    std::size_t depth = 0, deepest = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < payload.size(); ++i) {
        const char c = static_cast<char>(payload[i]);
        if (quoted) {
            if (c == '\\') ++i;
            quoted = c != '"';
            continue;
        }
        quoted = c == '"';
        if (c == '{' || c == '[') deepest = ++depth > deepest ? depth : deepest;
        if ((c == '}' || c == ']') && depth > 0) --depth;
    }
    if (deepest >= depth_max) return false;
    scratch.reset(payload, Format::json);
    const bool valid = scratch.root().has_value();
    scratch.trim();
    return valid;
}

void append_headers(Bytes headers, std::string& out) {
    packing::HeaderWalk walk(headers);
    bool first = true;
    out += '[';
    for (packing::Header header; walk.next(header); first = false) {
        out += first ? "{\"name\":" : ",{\"name\":";
        append_bytes(header.name, out);
        out += ",\"value\":";
        header.value ? append_bytes(*header.value, out) : void(out += "null");
        out += '}';
    }
    out += ']';
}

std::string_view kind_name(const Value& value) {
    switch (value.kind()) {
        case Kind::missing: return "not there";
        case Kind::null: return "null";
        case Kind::boolean: return "a boolean";
        case Kind::string: return "a string";
        case Kind::array: return "an array";
        case Kind::object: return "an object";
        default: return "a number";
    }
}

}  // namespace

void append_base64(Bytes bytes, std::string& out) {
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t here = bytes.size() - i < 3 ? bytes.size() - i : 3;
        std::uint32_t group = 0;
        for (std::size_t n = 0; n < 3; ++n)
            group = group << 8 | (n < here ? std::to_integer<std::uint32_t>(bytes[i + n]) : 0);
        for (std::size_t n = 0; n < 4; ++n)
            out += n <= here ? digits[group >> (18 - 6 * n) & 63] : '=';
    }
}

void append_bytes(Bytes bytes, std::string& out) {
    if (valid_utf8(text_of(bytes))) return append_quoted(text_of(bytes), out);
    out += "{\"base64\":\"";
    append_base64(bytes, out);
    out += "\"}";
}

bool append_decoded(std::string_view base64, std::string& out) {
    if (base64.size() % 4 != 0) return false;
    const std::size_t before = out.size();
    for (std::size_t i = 0; i < base64.size(); i += 4) {
        const bool last = i + 4 == base64.size();
        const std::size_t pad = !last || base64[i + 3] != '=' ? 0 : base64[i + 2] != '=' ? 1 : 2;
        std::uint32_t group = 0;
        bool good = true;
        for (std::size_t n = 0; n < 4; ++n) {
            const std::uint32_t value = n < 4 - pad ? digit_value(base64[i + n]) : 0;
            good = good && value != no_digit;
            group = group << 6 | (value & 63);
        }
        // What lies behind the last byte is nothing: there is one base64 for each text.
        if (!good || (group & ((1u << (8 * pad)) - 1)) != 0) {
            out.resize(before);
            return false;
        }
        for (std::size_t n = 0; n + pad < 3; ++n) out += static_cast<char>(group >> (16 - 8 * n));
    }
    return true;
}

bool bytes_of_value(const Value& value, std::string& out) {
    HF_ASSERT(!value.missing() && !value.null());
    std::string scratch;
    if (value.kind() == Kind::string) {
        out += value.string(scratch);
        return true;
    }
    if (value.kind() == Kind::object && value.size() == 1) {
        const Value base64 = value.member("base64");
        if (base64.kind() == Kind::string && !mutant(533))
            return append_decoded(base64.string(scratch), out);
    }
    append_json(value, out);
    return true;
}

namespace {

bool append_one_header(std::string_view name, const Value& value, std::vector<std::byte>& headers) {
    packing::Header header{bytes_of(name), {}};
    std::string text;
    if (!value.missing() && !value.null()) {
        if (!bytes_of_value(value, text)) return false;
        header.value = bytes_of(text);
    }
    packing::append_header(header, headers);
    return true;
}

bool append_named_header(const Value& element, std::vector<std::byte>& headers) {
    const Value name = element.member("name");
    if (name.missing() || name.null()) return false;
    std::string text;
    return bytes_of_value(name, text) && append_one_header(text, element.member("value"), headers);
}

}  // namespace

bool headers_of_value(const Value& value, std::vector<std::byte>& headers, std::string& error) {
    headers.clear();
    bool good = true;
    std::string scratch;
    if (value.kind() == Kind::object) {
        for (const Value member : value.children())
            good = good && append_one_header(member.key(scratch), member, headers);
    } else if (value.kind() == Kind::array) {
        for (const Value element : value.children())
            good = good && append_named_header(element, headers);
    } else if (!value.null() && !value.missing()) {
        error = "headers are " + std::string(kind_name(value)) + "; expected an object";
        return false;
    }
    if (!good) error = R"(headers hold what is none; expected {"name":"...","value":"..."})";
    if (!good) headers.clear();
    return good;
}

bool timestamp_of_value(const Value& value, std::int64_t& timestamp) {
    constexpr double most = 9.2e18;
    if (value.kind() == Kind::int64) {
        timestamp = value.int64();
        return true;
    }
    if (value.kind() != Kind::real) return false;
    const double real = value.real();
    if (!(real > -most && real < most)) return false;
    timestamp = static_cast<std::int64_t>(real);
    return true;
}

void append_beside(const packing::Extras& extras, std::string& out) {
    out += "\"timestamp\":";
    extras.timestamp ? append_int64(*extras.timestamp, out) : void(out += "null");
    out += ",\"key\":";
    // An empty key is none.
    const bool is_null = !extras.key || (mutant(523) && extras.key->empty());
    !is_null ? append_bytes(*extras.key, out) : void(out += mutant(524) ? "\"\"" : "null");
    out += ",\"headers\":";
    append_headers(extras.headers, out);
}

void append_envelope(const EnvelopePlace& place, const packing::Extras& extras, Bytes payload,
                     Document& scratch, std::string& out) {
    out += "{\"source\":";
    append_quoted(place.source, out);
    out += ",\"partition\":";
    append_quoted(place.partition, out);
    out += ",\"position\":";
    append_int64(extras.position, out);
    out += ',';
    append_beside(extras, out);
    out += ",\"encoding\":";
    if (stands_as_json(payload, scratch)) {
        out += "\"json\",\"payload\":";
        out += text_of(payload);
    } else if (valid_utf8(text_of(payload))) {
        out += "\"utf8\",\"payload\":";
        append_quoted(text_of(payload), out);
    } else {
        out += "\"base64\",\"payload\":\"";
        append_base64(payload, out);
        out += '"';
    }
    out += '}';
}

namespace {

bool no_envelope(std::string_view what, std::string& error) {
    error = "no envelope: ";
    error += what;
    error += R"(; framing = "json" reads lines as {"key":"k","payload":{"id":1}}, and )";
    error += R"("lines" reads any)";
    return false;
}

bool payload_of(const Value& payload, std::string_view encoding, std::size_t payload_max,
                std::string& out) {
    std::string scratch;
    if (encoding == "json") {
        out = text_of(payload.raw());
        return true;
    }
    if (payload.kind() != Kind::string) return false;
    const std::string_view text = payload.string(scratch);
    if (encoding == "utf8") {
        out = text;
        return true;
    }
    if (encoding == "base64") return append_decoded(text, out);
    const NumberShape shape = number_shape(text);
    if (encoding != "zeros" || shape.kind != Kind::int64 || shape.size != text.size()) return false;
    const std::int64_t zeros = int64_of(text);
    if (zeros < 0 || static_cast<std::uint64_t>(zeros) > payload_max) return false;
    out.assign(static_cast<std::size_t>(zeros), '\0');
    return true;
}

}  // namespace

bool read_envelope(Bytes line, std::size_t payload_max, Document& scratch, FromEnvelope& out,
                   std::string& error) {
    out.extras = {};
    out.key.clear();
    out.headers.clear();
    out.payload.clear();
    scratch.reset(line, Format::json);
    const auto root = scratch.root();
    if (!root) {
        error = fault_name(root.error().fault);
        error += " at byte " + std::to_string(root.error().offset);
        return false;
    }
    if (root->kind() != Kind::object)
        return no_envelope("it is " + std::string(kind_name(*root)), error);
    const Value payload = root->member("payload");
    if (payload.missing()) return no_envelope("it has no \"payload\"", error);
    const Value encoding = root->member("encoding");
    std::string text;
    const std::string_view word =
        encoding.kind() == Kind::string ? encoding.string(text) : std::string_view("json");
    if (!payload_of(payload, word, payload_max, out.payload))
        return no_envelope("its payload is not of its \"encoding\"", error);
    const Value key = root->member("key");
    if (!key.missing() && !key.null()) {
        if (!bytes_of_value(key, out.key)) return no_envelope("its key is no base64", error);
        out.extras.key = bytes_of(out.key);
    }
    std::string why;
    if (!headers_of_value(root->member("headers"), out.headers, why))
        return no_envelope("its " + why, error);
    out.extras.headers = out.headers;
    const Value timestamp = root->member("timestamp");
    if (timestamp.missing() || timestamp.null()) return true;
    std::int64_t time = 0;
    if (!timestamp_of_value(timestamp, time))
        return no_envelope("its timestamp is no number of milliseconds", error);
    out.extras.timestamp = time;
    return true;
}

}  // namespace holdfast::codec
