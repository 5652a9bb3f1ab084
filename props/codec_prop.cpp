// JSON and MsgPack: one answer in both formats, whole or on demand, alone or among others.
#include <rapidcheck/catch.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/codec/convert.hpp"
#include "core/codec/find.hpp"
#include "core/codec/lines.hpp"
#include "core/codec/parsed_batch.hpp"
#include "core/codec/raw_filter.hpp"
#include "core/codec/stream_framing.hpp"
#include "fuzz/made_value.hpp"
#include "tests/core/codec_help.hpp"

using namespace holdfast;
using namespace holdfast::codec;

namespace {

using Seed = std::vector<std::uint8_t>;

/// More bytes than rapidcheck's usual sizes give, so that values are not all empty.
Seed any_seed() {
    return *rc::gen::resize(400, rc::gen::container<Seed>(rc::gen::arbitrary<std::uint8_t>()));
}

Path any_path(fuzz::Bytes& bytes) {
    Path path;
    fuzz::ValueMaker maker(bytes);
    for (std::uint64_t n = bytes.below(4); n > 0; --n) {
        PathStep step;
        step.by_index = bytes.below(3) == 0;
        step.index = static_cast<std::int64_t>(bytes.below(7)) - 3;
        if (!step.by_index) step.key = maker.key();
        path.steps.push_back(step);
    }
    return path;
}

RawRule any_rule(fuzz::Bytes& bytes) {
    static constexpr std::array<std::string_view, 6> literals{"0",     "\"level\"", "null",
                                                              "false", "-99.5",     "\"\\u0078\""};
    return {.when = static_cast<RawRule::When>(bytes.below(3)),
            .path = any_path(bytes),
            .literal = Literal::parse(literals[bytes.below(literals.size())]).value()};
}

/// One or two bytes are changed, or the end is cut off.
std::string broken(std::string text, fuzz::Bytes& bytes) {
    static constexpr std::string_view instead = "\"\\{}[]:, \t0a\x01\xff\xc1\x91";
    if (bytes.below(3) == 0) text.resize(bytes.below(text.size() + 1));
    for (std::uint64_t n = bytes.below(3); n > 0 && !text.empty(); --n) {
        text[bytes.below(text.size())] = instead[bytes.below(instead.size())];
    }
    return text;
}

/// Lines, some of them broken.
std::string any_lines(fuzz::Bytes& bytes) {
    std::string text;
    fuzz::ValueMaker maker(bytes);
    for (std::uint64_t n = bytes.below(12); n > 0; --n) {
        const std::string record = maker.make().json;
        text += bytes.below(3) == 0 ? broken(record, bytes) : record;
        text += bytes.below(4) == 0 ? "\r\n" : "\n";
    }
    return text;
}

}  // namespace

TEST_CASE("a record has the same fields in JSON and in MsgPack") {
    rc::prop("values and paths", [] {
        const Seed seed = any_seed();
        fuzz::Bytes bytes(seed);
        const fuzz::MadeValue made = fuzz::ValueMaker(bytes).make();
        Owned json(made.json), packed(made.packed, Format::msgpack);
        RC_ASSERT(json.good());
        RC_ASSERT(packed.good());
        RC_ASSERT(equal(json.root(), packed.root()));
        for (int i = 0; i < 8; ++i) {
            const Path path = any_path(bytes);
            const Value a = json.root().at(path), b = packed.root().at(path);
            RC_ASSERT(a.kind() == b.kind());
            RC_ASSERT(equal(a, b));
        }
    });
}

TEST_CASE("a record is equal to itself after it was converted") {
    rc::prop("there and back", [] {
        const Seed seed = any_seed();
        fuzz::Bytes bytes(seed);
        const fuzz::MadeValue made = fuzz::ValueMaker(bytes).make();
        Owned json(made.json), packed(made.packed, Format::msgpack);
        std::string to_packed, to_json, back;
        append_msgpack(json.root(), to_packed);
        append_json(packed.root(), to_json);
        Owned second(to_packed, Format::msgpack), third(to_json);
        RC_ASSERT(second.good() && third.good());
        RC_ASSERT(equal(json.root(), second.root()));
        RC_ASSERT(equal(packed.root(), third.root()));
        append_json(second.root(), back);
        RC_ASSERT(equal(Owned(back).root(), json.root()));
        RC_ASSERT(equal(third.root(), json.root()));
    });
}

TEST_CASE("a field found on demand is that of the parsed record") {
    rc::prop("in both formats", [] {
        const Seed seed = any_seed();
        fuzz::Bytes bytes(seed);
        const fuzz::MadeValue made = fuzz::ValueMaker(bytes).make();
        Owned json(made.json), packed(made.packed, Format::msgpack);
        JsonIndex index;
        for (int i = 0; i < 8; ++i) {
            const Path path = any_path(bytes);
            const auto a = find_json(*index.index(bytes_of(made.json)), path);
            const auto b = find_msgpack(bytes_of(made.packed), path);
            RC_ASSERT(a.has_value() && b.has_value());
            const Value x = json.root().at(path), y = packed.root().at(path);
            RC_ASSERT(a->node.kind == x.kind() && b->node.kind == y.kind());
            RC_ASSERT(std::ranges::equal(a->value().raw(), x.raw()));
            RC_ASSERT(std::ranges::equal(b->value().raw(), y.raw()));
        }
    });
}

TEST_CASE("a record is parsed among others as alone") {
    rc::prop("lines, some broken", [] {
        const Seed seed = any_seed();
        fuzz::Bytes bytes(seed);
        const std::string text = any_lines(bytes);
        std::vector<Extent> records;
        values_of_lines(bytes_of(text), bytes.below(2) == 0 ? Blank::keep : Blank::skip, records);
        Parser parser;
        ParsedBatch batch(parser);
        batch.parse(bytes_of(text), records, Format::json, Between::newlines);
        RC_ASSERT(batch.size() == records.size());
        for (std::size_t i = 0; i < records.size(); ++i) {
            Owned alone(std::string_view(text).substr(records[i].begin, records[i].size));
            RC_ASSERT(alone.good() == batch.at(i).has_value());
            if (!alone.good()) {
                RC_ASSERT(alone.error() == batch.at(i).error());
                continue;
            }
            RC_ASSERT(equal(alone.root(), *batch.at(i)));
            const Value level = alone.root().member("level");
            const NameId name = batch.names().find("level");
            RC_ASSERT(equal(level, batch.member(*batch.at(i), name)));
        }
    });
}

TEST_CASE("a raw filter never disagrees with the parsed record") {
    rc::prop("also of broken records", [] {
        const Seed seed = any_seed();
        fuzz::Bytes bytes(seed);
        std::vector<RawRule> rules;
        for (std::uint64_t n = 1 + bytes.below(3); n > 0; --n) rules.push_back(any_rule(bytes));
        RawFilter filter(rules);
        const fuzz::MadeValue made = fuzz::ValueMaker(bytes).make();
        std::string packed = made.packed, lines = made.json + "\n" + any_lines(bytes);
        if (bytes.below(2) == 0) packed = broken(packed, bytes);
        Owned owned(packed, Format::msgpack);
        RC_ASSERT(filter.judge(bytes_of(packed), Format::msgpack) ==
                  exact_verdict(rules, owned.document()));
        std::vector<Extent> records;
        values_of_lines(bytes_of(lines), Blank::keep, records);
        std::vector<RawAnswer> answers;
        filter.judge_lines(bytes_of(lines), records, answers);
        RC_ASSERT(answers.size() == records.size());
        for (std::size_t i = 0; i < records.size(); ++i) {
            const auto line = std::string_view(lines).substr(records[i].begin, records[i].size);
            Owned alone(line);
            RC_ASSERT(answers[i] == exact_verdict(rules, alone.document()));
            RC_ASSERT(answers[i] == filter.judge(bytes_of(line), Format::json));
        }
    });
}

TEST_CASE("streams are cut into the records that they were made of") {
    rc::prop("arrays and msgpack, in pieces", [] {
        const Seed seed = any_seed();
        fuzz::Bytes bytes(seed);
        std::string array = "[", packed;
        std::vector<std::size_t> ends;
        const std::uint64_t count = bytes.below(6);
        fuzz::ValueMaker maker(bytes);
        for (std::uint64_t i = 0; i < count; ++i) {
            const fuzz::MadeValue made = maker.make();
            array += (i > 0 ? "," : "") + made.json;
            packed += made.packed;
            ends.push_back(packed.size());
        }
        array += "]";
        const std::size_t piece = 1 + bytes.below(40);
        std::vector<StreamExtent> elements, values;
        ArrayFraming arrays(UINT32_MAX);
        MsgpackFraming packs(UINT32_MAX);
        for (std::size_t at = 0; at < array.size(); at += piece) {
            RC_ASSERT(arrays.feed(bytes_of(array.substr(at, piece)), elements).has_value());
        }
        for (std::size_t at = 0; at < packed.size(); at += piece) {
            RC_ASSERT(packs.feed(bytes_of(packed.substr(at, piece)), values).has_value());
        }
        RC_ASSERT(arrays.finish().has_value() && packs.finish().has_value());
        RC_ASSERT(elements.size() == count && values.size() == count);
        for (std::size_t i = 0; i < count; ++i) {
            RC_ASSERT(values[i].end == ends[i]);
            const StreamExtent e = elements[i];
            Owned json(array.substr(e.begin, e.end - e.begin));
            Owned pack(packed.substr(values[i].begin, values[i].end - values[i].begin),
                       Format::msgpack);
            RC_ASSERT(json.good() && pack.good());
            RC_ASSERT(equal(json.root(), pack.root()));
        }
    });
}
