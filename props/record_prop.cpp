// Promise: records keep their bytes, keys, headers, timestamps and positions, packed side by side, and
// in an envelope and back.
#include <rapidcheck/catch.h>

#include <optional>
#include <string>
#include <vector>

#include "core/codec/envelope.hpp"
#include "core/codec/record_scan.hpp"
#include "core/record/packed.hpp"

using namespace holdfast;

namespace {

struct Plain {
    std::optional<std::string> key;
    std::vector<std::pair<std::string, std::optional<std::string>>> headers;
    std::optional<std::int64_t> timestamp;
    std::int64_t position = 0;
    std::string payload;
    bool operator==(const Plain&) const = default;
};

packing::Bytes bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}
std::string text_of(packing::Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string any_text() {
    if (*rc::gen::inRange(0, 3) == 0) return *rc::gen::string<std::string>();
    return *rc::gen::element<std::string>("", "k", "\xff", "{\"a\":1}", " {} ", "two\nlines",
                                          "{\n}", "\"text\"", "\xed\xa0\x80", "[1, 2]");
}

std::optional<std::string> perhaps() {
    if (*rc::gen::inRange(0, 3) == 0) return std::nullopt;
    return any_text();
}

Plain any_record() {
    Plain out;
    out.key = perhaps();
    for (int left = *rc::gen::inRange(0, 4); left > 0; --left)
        out.headers.emplace_back(any_text(), perhaps());
    if (*rc::gen::inRange(0, 2) == 0) out.timestamp = *rc::gen::arbitrary<std::int64_t>();
    out.position = *rc::gen::arbitrary<std::int64_t>();
    out.payload = any_text();
    return out;
}

/// Calls with what is packed of it.
template <class F>
void with(const Plain& plain, F f) {
    std::vector<std::byte> headers;
    for (const auto& [name, value] : plain.headers) {
        packing::Header header{bytes_of(name), {}};
        if (value) header.value = bytes_of(*value);
        packing::append_header(header, headers);
    }
    packing::Extras extras{
        .headers = headers, .timestamp = plain.timestamp, .position = plain.position};
    if (plain.key) extras.key = bytes_of(*plain.key);
    f(extras);
}

Plain plain_of(const packing::Extras& extras, std::string payload) {
    Plain out;
    if (extras.key) out.key = text_of(*extras.key);
    packing::HeaderWalk walk(extras.headers);
    for (packing::Header header; walk.next(header);) {
        out.headers.emplace_back(text_of(header.name), std::nullopt);
        if (header.value) out.headers.back().second = text_of(*header.value);
    }
    RC_ASSERT(walk.ended_well());
    out.timestamp = extras.timestamp;
    out.position = extras.position;
    out.payload = std::move(payload);
    return out;
}

}  // namespace

TEST_CASE("packed records are found again as they were, each by its number") {
    rc::prop("random records side by side", [] {
        std::vector<Plain> records;
        std::vector<std::byte> all;
        for (int left = *rc::gen::inRange(1, 8); left > 0; --left) {
            records.push_back(any_record());
            with(records.back(), [&](const packing::Extras& extras) {
                packing::append_packed(extras, bytes_of(records.back().payload), all);
            });
        }
        codec::RecordScan scan(codec::Framing::packed, all);
        codec::StreamExtent extent;
        for (std::size_t i = 0; i < records.size(); ++i) {
            RC_ASSERT(scan.next(extent));
            RC_ASSERT(codec::begin_of_record(codec::Framing::packed, all, i) == extent.begin);
            const auto view = packing::view_of(std::span(all).subspan(extent.begin));
            RC_ASSERT(view.has_value());
            RC_ASSERT(view->size == extent.end - extent.begin);
            RC_ASSERT(plain_of(view->extras, text_of(view->payload)) == records[i]);
        }
        RC_ASSERT(!scan.next(extent));
    });
}

TEST_CASE("a record comes back from its envelope byte for byte") {
    codec::Parser parser;
    codec::Document document(parser);
    rc::prop("a random record", [&] {
        Plain record = any_record();
        std::string line;
        with(record, [&](const packing::Extras& extras) {
            codec::append_envelope({"in", "p"}, extras, bytes_of(record.payload), document, line);
        });
        RC_ASSERT(line.find('\n') == std::string::npos);
        codec::FromEnvelope read;
        std::string error;
        RC_ASSERT(codec::read_envelope(bytes_of(line), 1000, document, read, error));
        // Where it stood is the affair of who reads it.
        record.position = 0;
        RC_ASSERT(plain_of(read.extras, read.payload) == record);
    });
}
