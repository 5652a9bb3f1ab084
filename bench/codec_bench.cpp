// Parsing records of 500 bytes and reading one field of each, beside bare loops with simdjson and
// msgpack-cxx that do the same. Items are records; `bytes_per_second` counts their bytes.
//
// Two shapes: `few` has 3 fields (one long string), `many` has 21, nested ones among them.
#include <benchmark/benchmark.h>
#include <simdjson.h>

#include <cstdio>
#include <msgpack.hpp>
#include <string>
#include <vector>

#include "core/codec/document.hpp"
#include "core/codec/find.hpp"
#include "core/codec/json_parse.hpp"
#include "core/codec/lines.hpp"
#include "core/codec/msgpack_parse.hpp"
#include "core/codec/parsed_batch.hpp"
#include "core/codec/raw_filter.hpp"

using namespace holdfast::codec;

namespace {

constexpr std::size_t record_size = 500;
constexpr std::size_t records_count = 2000;

enum class Shape { few, many };

std::string json_record(Shape shape, std::size_t i) {
    static constexpr const char* levels[] = {"debug", "info", "warn", "error"};
    char head[512];
    if (shape == Shape::few) {
        std::snprintf(head, sizeof head, R"({"id":%09zu,"level":"%s","m":")", 100000000 + i,
                      levels[i % 4]);
    } else {
        std::snprintf(
            head, sizeof head,
            R"({"ts":"2026-01-31T23:59:%02zu.%06zuZ","level":"%s","service":"checkout",)"
            R"("host":"node-%02zu.eu","pid":%zu,"status":%zu,"latency_ms":%zu.%03zu,)"
            R"("ok":%s,"error":null,"method":"POST","path":"/api/v1/orders/%zu","bytes":%zu,)"
            R"("user":{"id":%zu,"name":"u%zu","tags":["a","b"]},"geo":{"lat":52.%04zu,)"
            R"("lon":13.%04zu},"trace":"%016zx","msg":")",
            i % 60, i * 7919 % 1000000, levels[i % 4], i % 32, 1000 + i % 5000, 200 + i % 300,
            i % 900, i * 31 % 1000, i % 3 ? "true" : "false", i * 104729, i * 37 % 65536, i * 17,
            i % 1000, i * 13 % 10000, i * 11 % 10000, i * 0x9e3779b97f4a7c15u);
    }
    std::string out(head);
    out.append(record_size - 3 - out.size(), 'x');
    out += "\"}\n";
    return out;
}

void pack(const Value& value, msgpack::packer<msgpack::sbuffer>& out) {
    std::string scratch;
    switch (value.kind()) {
        case Kind::boolean: out.pack(value.boolean()); return;
        case Kind::int64: out.pack(value.int64()); return;
        case Kind::real: out.pack(value.real()); return;
        case Kind::string: out.pack(std::string(value.string(scratch))); return;
        case Kind::array:
            out.pack_array(static_cast<std::uint32_t>(value.size()));
            for (const Value v : value.children()) pack(v, out);
            return;
        case Kind::object:
            out.pack_map(static_cast<std::uint32_t>(value.size()));
            for (const Value v : value.children()) {
                out.pack(std::string(v.key(scratch)));
                pack(v, out);
            }
            return;
        default: out.pack_nil();
    }
}

/// Records with padding behind the last.
struct Batch {
    explicit Batch(Shape shape) {
        for (std::size_t i = 0; i < records_count; ++i) text += json_record(shape, i);
        values_of_lines(bytes(), Blank::skip, records);
        Parser parser;
        Document document(parser);
        for (const Extent& r : records) {
            document.reset(bytes().subspan(r.begin, r.size), Format::json);
            msgpack::sbuffer buffer;
            msgpack::packer<msgpack::sbuffer> packer(buffer);
            pack(document.root().value(), packer);
            packed_records.push_back({static_cast<std::uint32_t>(packed.size()),
                                      static_cast<std::uint32_t>(buffer.size())});
            packed.append(buffer.data(), buffer.size());
        }
        text.reserve(text.size() + simdjson::SIMDJSON_PADDING);
    }
    std::span<const std::byte> bytes() const { return std::as_bytes(std::span(text)); }
    std::span<const std::byte> packed_record(const Extent& r) const {
        return std::as_bytes(std::span(packed)).subspan(r.begin, r.size);
    }

    std::string text;
    std::vector<Extent> records;
    std::string packed;
    std::vector<Extent> packed_records;
};

const Batch& batch_of(const benchmark::State& state) {
    static const Batch few(Shape::few), many(Shape::many);
    return state.range(0) == 0 ? few : many;
}

void finish(benchmark::State& state, std::size_t errors, std::size_t bytes) {
    if (state.iterations() == 0 || errors > 0) state.SkipWithError("a record has no level");
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(records_count));
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
    state.SetLabel(state.range(0) == 0 ? "few" : "many");
}

const Path level{{{.key = "level"}}};

void json_validated(benchmark::State& state) {
    const Batch& batch = batch_of(state);
    JsonIndex index;
    Tape tape;
    std::size_t errors = 0;
    for (auto _ : state) {
        index.begin(batch.bytes(), batch.records);
        for (const Extent& r : batch.records) {
            tape.clear();
            const auto indexed = index.next();
            if (!indexed || !parse_json(*indexed, tape)) {
                ++errors;
                continue;
            }
            const Value root(tape.at(0), batch.bytes().data() + r.begin, Format::json);
            errors += root.member("level").kind() != Kind::string;
        }
    }
    finish(state, errors, batch.text.size());
}

void json_validated_alone(benchmark::State& state) {
    const Batch& batch = batch_of(state);
    Parser parser;
    Document document(parser);
    std::size_t errors = 0;
    for (auto _ : state) {
        for (const Extent& r : batch.records) {
            document.reset(batch.bytes().subspan(r.begin, r.size), Format::json);
            const auto value = document.at(level);
            errors += !value || value->kind() != Kind::string;
        }
    }
    finish(state, errors, batch.text.size());
}

void json_on_demand(benchmark::State& state) {
    const Batch& batch = batch_of(state);
    JsonIndex index;
    std::size_t errors = 0;
    for (auto _ : state) {
        index.begin(batch.bytes(), batch.records);
        for (std::size_t i = 0; i < batch.records.size(); ++i) {
            const auto found = find_json(*index.next(), level);
            errors += !found || found->node.kind != Kind::string;
        }
    }
    finish(state, errors, batch.text.size());
}

void json_parsed_batch(benchmark::State& state) {
    const Batch& batch = batch_of(state);
    Parser parser;
    const std::vector<std::string> known{"level"};
    ParsedBatch parsed(parser, known);
    std::size_t errors = 0;
    for (auto _ : state) {
        parsed.parse(batch.bytes(), batch.records, Format::json, Between::newlines);
        for (std::size_t i = 0; i < parsed.size(); ++i) {
            errors += parsed.member(*parsed.at(i), NameId{0}).kind() != Kind::string;
        }
    }
    finish(state, errors, batch.text.size());
}

/// Two rules that look at each record and take none, as most rules do.
void raw_filter(benchmark::State& state) {
    const Batch& batch = batch_of(state);
    RawFilter filter({{.when = RawRule::When::missing, .path = level},
                      {.when = RawRule::When::equal,
                       .path = level,
                       .literal = Literal::parse("\"fatal\"").value()}});
    std::vector<RawAnswer> answers;
    std::size_t errors = 0;
    for (auto _ : state) {
        answers.clear();
        filter.judge_lines(batch.bytes(), batch.records, answers);
        for (const RawAnswer& answer : answers) errors += answer.verdict != RawVerdict::keep;
    }
    finish(state, errors, batch.text.size());
}

void json_index_only(benchmark::State& state) {
    const Batch& batch = batch_of(state);
    JsonIndex index;
    std::size_t errors = 0;
    for (auto _ : state) {
        index.begin(batch.bytes(), batch.records);
        for (std::size_t i = 0; i < batch.records.size(); ++i) errors += !index.next();
    }
    finish(state, errors, batch.text.size());
}

void simdjson_dom(benchmark::State& state) {
    const Batch& batch = batch_of(state);
    simdjson::dom::parser parser;
    std::size_t errors = 0;
    for (auto _ : state) {
        for (const Extent& r : batch.records) {
            std::string_view text;
            const auto error =
                parser.parse(batch.text.data() + r.begin, r.size, false)["level"].get(text);
            errors += error != simdjson::SUCCESS;
        }
    }
    finish(state, errors, batch.text.size());
}

void simdjson_on_demand(benchmark::State& state) {
    const Batch& batch = batch_of(state);
    simdjson::ondemand::parser parser;
    std::size_t errors = 0;
    for (auto _ : state) {
        for (const Extent& r : batch.records) {
            simdjson::ondemand::document document;
            std::string_view text;
            errors += parser
                          .iterate(batch.text.data() + r.begin, r.size,
                                   r.size + simdjson::SIMDJSON_PADDING)
                          .get(document) != simdjson::SUCCESS;
            errors += document["level"].get_string().get(text) != simdjson::SUCCESS;
        }
    }
    finish(state, errors, batch.text.size());
}

void msgpack_validated(benchmark::State& state) {
    const Batch& batch = batch_of(state);
    Tape tape;
    std::size_t errors = 0;
    for (auto _ : state) {
        for (const Extent& r : batch.packed_records) {
            tape.clear();
            const auto record = batch.packed_record(r);
            errors += !parse_msgpack(record, tape);
            const Value root(tape.at(0), record.data(), Format::msgpack);
            errors += root.member("level").kind() != Kind::string;
        }
    }
    finish(state, errors, batch.packed.size());
}

void msgpack_on_demand(benchmark::State& state) {
    const Batch& batch = batch_of(state);
    std::size_t errors = 0;
    for (auto _ : state) {
        for (const Extent& r : batch.packed_records) {
            const auto found = find_msgpack(batch.packed_record(r), level);
            errors += !found || found->node.kind != Kind::string;
        }
    }
    finish(state, errors, batch.packed.size());
}

void msgpack_cxx(benchmark::State& state) {
    const Batch& batch = batch_of(state);
    std::size_t errors = 0;
    for (auto _ : state) {
        for (const Extent& r : batch.packed_records) {
            msgpack::zone zone;
            const msgpack::object root =
                msgpack::unpack(zone, batch.packed.data() + r.begin, r.size);
            bool found = false;
            for (std::uint32_t i = 0; i < root.via.map.size; ++i) {
                const auto& key = root.via.map.ptr[i].key;
                found |= std::string_view(key.via.str.ptr, key.via.str.size) == "level";
            }
            errors += !found;
        }
    }
    finish(state, errors, batch.packed.size());
}

#define HF_BOTH(name) BENCHMARK(name)->Arg(0)->Arg(1)->MinTime(0.2)
HF_BOTH(json_validated);
HF_BOTH(json_validated_alone);
HF_BOTH(json_parsed_batch);
HF_BOTH(json_on_demand);
HF_BOTH(raw_filter);
HF_BOTH(json_index_only);
HF_BOTH(simdjson_dom);
HF_BOTH(simdjson_on_demand);
HF_BOTH(msgpack_validated);
HF_BOTH(msgpack_on_demand);
HF_BOTH(msgpack_cxx);

}  // namespace

BENCHMARK_MAIN();
