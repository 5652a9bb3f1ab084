// JSON records against simdjson's own document parser.
//
// Property 1: what we accept simdjson accepts, save numbers that fit no double or no 64 bits, and
//             escapes of half a surrogate pair; what we refuse it refuses, save depth and those.
// Property 2: the values are the same.
// Property 3: a line among others is parsed as alone, and raw filters agree with the parsed record.
// Property 4: the record is equal to itself after it was MsgPack.
#include <simdjson.h>

#include "core/base/assert.hpp"
#include "core/codec/convert.hpp"
#include "core/codec/find.hpp"
#include "core/codec/lines.hpp"
#include "core/codec/parsed_batch.hpp"
#include "core/codec/raw_filter.hpp"

namespace {

using namespace holdfast::codec;
using Element = simdjson::dom::element;
using Bytes = std::span<const std::byte>;

void same(const Value& value, Element element);

void same_members(const Value& value, simdjson::dom::object object) {
    std::string scratch;
    auto mine = value.children().begin();
    for (const auto& field : object) {
        HF_ASSERT(mine != value.children().end());
        HF_ASSERT((*mine).key(scratch) == field.key);
        HF_ASSERT((*mine).key_is(field.key));
        same(*mine, field.value);
        ++mine;
    }
    HF_ASSERT(mine == value.children().end());
}

void same(const Value& value, Element element) {
    std::string scratch;
    switch (element.type()) {
        case simdjson::dom::element_type::ARRAY: {
            const simdjson::dom::array items = element.get_array().value_unsafe();
            auto mine = value.children().begin();
            for (const Element item : items) {
                same(*mine, item);
                ++mine;
            }
            HF_ASSERT(value.kind() == Kind::array && mine == value.children().end());
            return;
        }
        case simdjson::dom::element_type::OBJECT:
            HF_ASSERT(value.kind() == Kind::object);
            return same_members(value, element.get_object().value_unsafe());
        case simdjson::dom::element_type::INT64:
            // -0 is an integer there.
            if (value.kind() == Kind::real) return HF_ASSERT(value.real() == 0.0);
            return HF_ASSERT(value.int64() == element.get_int64().value_unsafe());
        case simdjson::dom::element_type::UINT64:
            return HF_ASSERT(value.uint64() == element.get_uint64().value_unsafe());
        case simdjson::dom::element_type::DOUBLE:
            return HF_ASSERT(value.real() == element.get_double().value_unsafe());
        case simdjson::dom::element_type::STRING:
            return HF_ASSERT(value.string(scratch) == element.get_string().value_unsafe());
        case simdjson::dom::element_type::BOOL:
            return HF_ASSERT(value.boolean() == element.get_bool().value_unsafe());
        case simdjson::dom::element_type::NULL_VALUE: return HF_ASSERT(value.null());
    }
}

void check_alone(Bytes record, Document& document) {
    static simdjson::dom::parser judge;
    const std::string_view text(reinterpret_cast<const char*>(record.data()), record.size());
    const simdjson::padded_string padded(text);
    Element element;
    const auto error = judge.parse(padded).get(element);
    document.reset(record, Format::json);
    const auto root = document.root();
    const bool surrogate =
        text.find("\\ud") != std::string_view::npos || text.find("\\uD") != std::string_view::npos;
    if (!root) {
        HF_ASSERT(root.error().offset <= record.size());
        const Fault fault = root.error().fault;
        if (fault == Fault::too_deep || (fault == Fault::invalid_escape && surrogate)) return;
        HF_ASSERT(error != simdjson::SUCCESS);
        return;
    }
    if (error == simdjson::SUCCESS) {
        if (!surrogate) same(*root, element);
    } else {
        HF_ASSERT(error == simdjson::NUMBER_ERROR ||
                  (error == simdjson::STRING_ERROR && surrogate));
    }
    std::string packed;
    append_msgpack(*root, packed);
    Parser parser;
    Document second(parser);
    second.reset(std::as_bytes(std::span(packed)), Format::msgpack);
    HF_ASSERT(second.root().has_value());
    HF_ASSERT(equal(*root, *second.root()));
}

std::vector<RawRule> rules() {
    return {{.when = RawRule::When::equal,
             .path = parse_path(".a").value(),
             .literal = Literal::parse("1").value()},
            {.when = RawRule::When::missing, .path = parse_path(".b[-1]").value()},
            {.when = RawRule::When::present, .path = parse_path(".c.a").value()}};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static Parser parser, batch_parser;
    static Document document(parser);
    static ParsedBatch batch(batch_parser);
    static RawFilter filter(rules());
    const Bytes bytes = std::as_bytes(std::span(data, size));
    check_alone(bytes, document);
    std::vector<Extent> records;
    values_of_lines(bytes, Blank::keep, records);
    std::vector<RawAnswer> answers;
    filter.judge_lines(bytes, records, answers);
    batch.parse(bytes, records, Format::json, Between::newlines);
    HF_ASSERT(batch.size() == records.size() && answers.size() == records.size());
    for (std::size_t i = 0; i < records.size(); ++i) {
        document.reset(bytes.subspan(records[i].begin, records[i].size), Format::json);
        const auto alone = document.root();
        const auto among = batch.at(i);
        HF_ASSERT(alone.has_value() == among.has_value());
        HF_ASSERT(answers[i] == exact_verdict(filter.rules(), document));
        if (alone) {
            // Of equal bytes, so node by node; NaN cannot occur.
            HF_ASSERT(equal(*alone, *among));
        } else {
            HF_ASSERT(alone.error() == among.error());
        }
    }
    return 0;
}
