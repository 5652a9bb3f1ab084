// Packed records and envelopes from any bytes.
//
// Property 1: reading is total; what is read as a packed record is packed again to the same bytes.
// Property 2: headers are walked to their end, and packed again to the bytes that were walked.
// Property 3: what is read as an envelope is written, and read again, as the same record.
// Property 4: sized payloads are found alike however the bytes are cut.
#include <cstdint>
#include <string>
#include <vector>

#include "core/base/assert.hpp"
#include "core/codec/envelope.hpp"
#include "core/codec/stream_framing.hpp"
#include "core/record/packed.hpp"

namespace {

using namespace holdfast;
using packing::Bytes;

bool same(Bytes a, Bytes b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

void check_headers(Bytes headers) {
    std::vector<std::byte> again;
    packing::HeaderWalk walk(headers);
    for (packing::Header header; walk.next(header);) packing::append_header(header, again);
    HF_ASSERT(again.size() <= headers.size() && same(again, headers.first(again.size())));
    HF_ASSERT(walk.ended_well() == (again.size() == headers.size()));
}

void check_packed(Bytes bytes) {
    const auto view = packing::view_of(bytes);
    if (!view) return;
    HF_ASSERT(view->size <= bytes.size());
    check_headers(view->extras.headers);
    std::vector<std::byte> again;
    packing::Extras extras = view->extras;
    packing::append_packed(extras, view->payload, again);
    // A timestamp that is not there may stand as any number.
    if (!extras.timestamp) std::copy_n(bytes.data() + 24, 8, again.data() + 24);
    HF_ASSERT(same(again, bytes.first(view->size)));
}

void check_envelope(Bytes bytes) {
    static codec::Parser parser;
    static codec::Document document(parser);
    codec::FromEnvelope record, again;
    std::string error, line;
    if (!codec::read_envelope(bytes, 4096, document, record, error))
        return HF_ASSERT(!error.empty());
    check_headers(record.headers);
    codec::append_envelope({"in", "p"}, record.extras, std::as_bytes(std::span(record.payload)),
                           document, line);
    HF_ASSERT(line.find('\n') == std::string::npos);
    const std::size_t size = line.size();
    line.append(64, ' ');
    const bool is_read = codec::read_envelope(std::as_bytes(std::span(line)).first(size), 4096,
                                              document, again, error);
    HF_ASSERT(is_read);
    HF_ASSERT(again.payload == record.payload && again.headers == record.headers);
    HF_ASSERT(again.extras.key.has_value() == record.extras.key.has_value());
    HF_ASSERT(again.key == record.key && again.extras.timestamp == record.extras.timestamp);
}

std::vector<codec::StreamExtent> sized(Bytes bytes, std::size_t piece, bool& good) {
    codec::LengthFraming framing(4096);
    std::vector<codec::StreamExtent> out;
    good = true;
    for (std::size_t at = 0; at < bytes.size() && good; at += piece)
        good = framing.feed(bytes.subspan(at, std::min(piece, bytes.size() - at)), out).has_value();
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes bytes = std::as_bytes(std::span(data, size));
    check_packed(bytes);
    check_headers(bytes);
    check_envelope(bytes);
    bool whole = false, pieces = false;
    const auto found = sized(bytes, size + 1, whole);
    HF_ASSERT(found == sized(bytes, 3, pieces) && whole == pieces);
    return 0;
}
