// MsgPack records against msgpack-cxx.
//
// Property 1: what we accept msgpack-cxx accepts, to the last byte; what we refuse it refuses, save
//             depth, UTF-8, keys without a text, and bytes behind the value.
// Property 2: the values are the same.
// Property 3: raw filters agree with the parsed record; so does a search on demand.
// Property 4: what it becomes in JSON is JSON; equal, if it has only what JSON has.
// Property 5: framing gives an accepted record whole, and any bytes alike however they are cut.
#include <cmath>
#include <msgpack.hpp>

#include "core/base/assert.hpp"
#include "core/codec/convert.hpp"
#include "core/codec/raw_filter.hpp"
#include "core/codec/stream_framing.hpp"

namespace {

using namespace holdfast::codec;
using Bytes = std::span<const std::byte>;

std::string_view text_of(const msgpack::object& object) {
    return {object.via.str.ptr, object.via.str.size};
}

bool same_number(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

void same(const Value& value, const msgpack::object& object) {
    std::string scratch;
    switch (object.type) {
        case msgpack::type::NIL: return HF_ASSERT(value.null());
        case msgpack::type::BOOLEAN: return HF_ASSERT(value.boolean() == object.via.boolean);
        case msgpack::type::POSITIVE_INTEGER:
            if (value.kind() == Kind::uint64) return HF_ASSERT(value.uint64() == object.via.u64);
            return HF_ASSERT(value.int64() == static_cast<std::int64_t>(object.via.u64));
        case msgpack::type::NEGATIVE_INTEGER: return HF_ASSERT(value.int64() == object.via.i64);
        case msgpack::type::FLOAT32:
        case msgpack::type::FLOAT64: return HF_ASSERT(same_number(value.real(), object.via.f64));
        case msgpack::type::STR: return HF_ASSERT(value.string(scratch) == text_of(object));
        case msgpack::type::BIN:
            return HF_ASSERT(value.kind() == Kind::binary &&
                             value.binary().size() == object.via.bin.size);
        case msgpack::type::EXT:
            return HF_ASSERT(value.kind() == Kind::timestamp ||
                             value.extension_type() == object.via.ext.type());
        case msgpack::type::ARRAY: {
            HF_ASSERT(value.kind() == Kind::array && value.size() == object.via.array.size);
            std::size_t i = 0;
            for (const Value item : value.children()) same(item, object.via.array.ptr[i++]);
            return;
        }
        case msgpack::type::MAP: {
            HF_ASSERT(value.kind() == Kind::object && value.size() == object.via.map.size);
            std::size_t i = 0;
            for (const Value item : value.children()) {
                const msgpack::object_kv& member = object.via.map.ptr[i++];
                if (member.key.type == msgpack::type::STR) {
                    HF_ASSERT(item.key(scratch) == text_of(member.key));
                }
                same(item, member.val);
            }
            return;
        }
    }
}

/// Nothing that JSON has no word for: binary, extensions, numbers that are not finite.
bool plain(const Value& value) {
    if (value.kind() == Kind::real) return std::isfinite(value.real());
    for (const Value item : value.children()) {
        if (!plain(item)) return false;
    }
    return value.kind() < Kind::binary;
}

std::vector<RawRule> rules() {
    return {{.when = RawRule::When::equal,
             .path = parse_path(".a").value(),
             .literal = Literal::parse("1").value()},
            {.when = RawRule::When::missing, .path = parse_path("[\"1\"][-1]").value()},
            {.when = RawRule::When::present, .path = parse_path(".b.a").value()}};
}

void check_value(Bytes record, Document& document) {
    document.reset(record, Format::msgpack);
    const auto root = document.root();
    const std::size_t limit = record.size();
    std::size_t used = 0;
    bool accepted = false;
    msgpack::zone zone;
    msgpack::object object;
    try {
        object = msgpack::unpack(zone, reinterpret_cast<const char*>(record.data()), limit, used,
                                 nullptr, nullptr,
                                 msgpack::unpack_limit(limit, limit, limit, limit, limit, 4096));
        accepted = used == record.size();
    } catch (const msgpack::unpack_error&) {
        accepted = false;
    }
    if (!root) {
        const Fault fault = root.error().fault;
        HF_ASSERT(root.error().offset <= record.size());
        HF_ASSERT(!accepted || fault == Fault::too_deep || fault == Fault::invalid_utf8 ||
                  fault == Fault::invalid_key);
        return;
    }
    HF_ASSERT(accepted);
    same(*root, object);
    std::string json;
    append_json(*root, json);
    Parser parser;
    Document second(parser);
    second.reset(std::as_bytes(std::span(json)), Format::json);
    // An extension that was 64 levels deep is an object at level 65 there.
    if (!second.root()) return HF_ASSERT(second.root().error().fault == Fault::too_deep);
    HF_ASSERT(!plain(*root) || equal(*root, *second.root()));
}

struct Cut {
    std::vector<StreamExtent> records;
    FramingResult result;
};

Cut cut(Bytes bytes, std::size_t piece) {
    MsgpackFraming framing(4096);
    Cut out;
    for (std::size_t at = 0; at < bytes.size() && out.result; at += piece) {
        out.result =
            framing.feed(bytes.subspan(at, std::min(piece, bytes.size() - at)), out.records);
    }
    if (out.result) out.result = framing.finish();
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static Parser parser;
    static Document document(parser);
    static RawFilter filter(rules());
    const Bytes bytes = std::as_bytes(std::span(data, size));
    check_value(bytes, document);
    HF_ASSERT(filter.judge(bytes, Format::msgpack) == exact_verdict(filter.rules(), document));
    const Cut whole = cut(bytes, size + 1);
    for (const std::size_t piece : {std::size_t{1}, std::size_t{3}}) {
        const Cut pieces = cut(bytes, piece);
        HF_ASSERT(pieces.records == whole.records);
        HF_ASSERT(pieces.result.has_value() == whole.result.has_value());
        if (!whole.result) HF_ASSERT(pieces.result.error() == whole.result.error());
    }
    if (document.root() && size <= 4096) {
        HF_ASSERT(whole.result.has_value());
        HF_ASSERT(whole.records == std::vector<StreamExtent>({{0, size}}));
    }
    return 0;
}
