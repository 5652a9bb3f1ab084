#include "core/codec/stream_cut.hpp"

#include <catch2/catch.hpp>

#include "core/base/mix.hpp"
#include "tests/core/codec_help.hpp"

using namespace holdfast;
using namespace holdfast::codec;

namespace {

/// A device in a few lines: blocks that grow, batches, restarts from any of them, leads.
class Reader {
public:
    Reader(Framing how, std::string_view stream, std::size_t longest)
        : framing(how), text(stream), place(how), record_max(longest), covered(stream.size(), 0) {}

    void read_all() {
        std::size_t block = block_first;
        while (position() < text.size() && !stopped) {
            const std::size_t there = std::min(block, text.size() - position());
            const bool whole = there == text.size() - position();
            StreamCutRule rule{.record_max = record_max, .records_max = records_max};
            rule.stop_oversized = rule.stop_broken = stops;
            rule.closed = whole;
            rule.full = !whole;
            for (const std::size_t lead : leads)
                if (lead > position()) rule.bytes_max = std::min(rule.bytes_max, lead - position());
            const auto bytes = bytes_of(text.substr(position(), there));
            const StreamCut cut = cut_stream(bytes, place, rule);
            REQUIRE(cut.end + cut.waiting <= there);
            REQUIRE(cut.end <= rule.bytes_max);
            REQUIRE(cut.next.position() == position() + cut.end);
            if (cut.end == 0) {
                REQUIRE_FALSE(whole);
                REQUIRE(block < 2 * record_max + 64);  // It gets there.
                block *= 2;
                continue;
            }
            block = block_first;
            take(cut);
        }
    }

    std::size_t position() const { return place.position(); }

    Framing framing;
    std::string_view text;
    StreamPlace place;
    std::size_t record_max;
    std::uint32_t records_max = UINT32_MAX;
    std::size_t block_first = 64;
    bool stops = false;
    std::uint64_t restarts_seed = 0;
    std::vector<std::size_t> leads;

    std::vector<int> covered;
    std::vector<std::string> records, pieces;
    std::vector<std::size_t> ends;
    std::string error;
    bool stopped = false;

private:
    void take(const StreamCut& cut) {
        using Stage = StreamPlace::Stage;
        if (cut.next.stage() != Stage::between) oversized_at = cut.next.clean();
        if (cut.breaks) error = error_text(*cut.next.error());
        const auto batch = text.substr(position() + cut.begin, cut.end - cut.begin);
        if (cut.fate == Fate::stop) {
            stopped = true;
            return;
        }
        if (cut.records == 0) {
            place = cut.next;
            return;
        }
        for (std::size_t i = 0; i < batch.size(); ++i) ++covered[position() + cut.begin + i];
        RecordScan scan(cut.fate == Fate::deliver ? framing : Framing::one, bytes_of(batch));
        StreamExtent extent;
        std::uint32_t found = 0;
        for (; scan.next(extent); ++found)
            (cut.fate == Fate::deliver ? records : pieces)
                .emplace_back(batch.substr(extent.begin, extent.end - extent.begin));
        REQUIRE(found == cut.records);
        if (cut.fate != Fate::deliver) REQUIRE(batch.size() <= record_max);
        place = cut.next;
        ends.push_back(position());
        if (restarts_seed != 0 && mix(restarts_seed, 1, 2, ends.size()) % 3 == 0) restart();
    }
    /// What a checkpoint holds is the position and oversized_at.
    void restart() {
        const std::size_t end = position();
        const bool resumes = oversized_at && *oversized_at < end;
        place = StreamPlace(framing, resumes ? *oversized_at : end);
        if (!resumes) return;
        bool more = true;
        for (std::size_t at = place.position(); more; at += 7)
            more = place.resume(bytes_of(text.substr(at, std::min<std::size_t>(7, end - at))), end);
        REQUIRE(position() == end);
    }

    std::optional<std::size_t> oversized_at;
};

using Strings = std::vector<std::string>;

Reader read(Framing framing, std::string_view text, std::size_t record_max = 100) {
    Reader reader(framing, text, record_max);
    reader.read_all();
    return reader;
}

std::string joined(const Strings& pieces) {
    std::string out;
    for (const std::string& piece : pieces) out += piece;
    return out;
}

/// What stands between records may go with the pieces of the next one, or of the last.
std::string without_space(const Strings& pieces) {
    std::string out = joined(pieces);
    std::erase_if(out, [](char c) { return std::string_view("[], \n").find(c) < 5; });
    return out;
}

/// A text of many elements or values, some too long, perhaps broken somewhere.
std::string random_stream(Framing framing, std::uint64_t seed) {
    std::uint64_t asked = 0;
    const auto below = [&](std::uint64_t n) { return mix(seed, 7, 7, ++asked) % n; };
    const bool array = framing == Framing::json_array;
    const auto space = [&] {
        return std::string(array ? below(9) == 8 ? 300 : below(3) : 0, below(2) == 0 ? ' ' : '\n');
    };
    std::string out = array ? space() + "[" + space() : "";
    const std::uint64_t count = below(12);
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::size_t size = below(6) == 5 ? 90 + below(300) : below(40);
        if (!array) {
            const std::string body(size, static_cast<char>('a' + i));
            out += size < 32 ? static_cast<char>(0xa0 + size) : '\xda';
            if (size >= 32) out += {static_cast<char>(size >> 8), static_cast<char>(size & 0xff)};
            out += body;
            continue;
        }
        const char* const kinds[] = {"\"", "{\"a\": [", "[", ""};
        const char* const ends[] = {"\"", " ]}", "]", "1"};
        const std::uint64_t kind = below(4);
        out += kinds[kind] + std::string(size, kind == 0 ? ',' : '5') + ends[kind] + space();
        if (i + 1 < count) out += "," + space();
    }
    if (array) out += "]" + space();
    const std::uint64_t fault = below(4);
    if (fault == 1) out.resize(below(out.size() + 1));
    if (fault == 2) out.insert(below(out.size() + 1), array ? "}" : "\xdb\x7f");
    if (fault == 3) out += array ? "[1]" : "\xdc\xff\xff";
    return out;
}

}  // namespace

TEST_CASE("a batch of an array begins and ends with an element") {
    const auto reader = read(Framing::json_array, " [ 1 , \"a,]\" ,{\"b\":[ ]}\n]\n");
    CHECK(reader.records == Strings{"1", "\"a,]\"", "{\"b\":[ ]}"});
    CHECK(reader.pieces.empty());
    CHECK(reader.error.empty());
    CHECK(read(Framing::json_array, "[]").records.empty());
    CHECK(read(Framing::json_array, "[]").error.empty());
}

TEST_CASE("msgpack values are cut side by side") {
    const auto reader = read(Framing::msgpack, std::string_view("\x01\xa1x\xc1\x92\x01\x02", 7));
    CHECK(reader.records == Strings{"\x01", "\xa1x", "\xc1", "\x92\x01\x02"});
}

TEST_CASE("what follows an error of the stream is given away in pieces, all of it") {
    const auto garbage = read(Framing::json_array, "[1,2] x" + std::string(250, 'y'));
    CHECK(garbage.records == Strings{"1", "2"});
    CHECK(garbage.error == "trailing garbage at byte 6");
    CHECK(joined(garbage.pieces) == "] x" + std::string(250, 'y'));
    const auto cut_off = read(Framing::json_array, "[1, {\"a\":");
    CHECK(cut_off.records == Strings{"1"});
    CHECK(cut_off.error == "unexpected end at byte 9");
    CHECK(joined(cut_off.pieces) == ", {\"a\":");
    CHECK(read(Framing::json_array, "{}").error == "not an array at byte 0");
    CHECK(read(Framing::json_array, "[1,,2]").error == "empty element at byte 3");
    CHECK(read(Framing::json_array, "[1,{]").error == "unbalanced at byte 4");
    const auto value = read(Framing::msgpack, "\x01\xa5xy");
    CHECK(value.records == Strings{"\x01"});
    CHECK(value.error == "unexpected end at byte 4");
    CHECK(joined(value.pieces) == "\xa5xy");
}

TEST_CASE("an element over the limit goes in pieces, and the next one is a record again") {
    const std::string large = "{\"a\":\"" + std::string(250, ']') + "\"}";
    const auto reader = read(Framing::json_array, "[1, " + large + ", 2]");
    CHECK(reader.records == Strings{"1", "2"});
    CHECK(joined(reader.pieces) == large);
    CHECK(reader.pieces.size() == 3);
    CHECK(reader.error.empty());
    const std::string value = "\xda\x01\x2c" + std::string(300, 'x');
    const auto packed = read(Framing::msgpack, "\x01" + value + "\x02");
    CHECK(packed.records == Strings{"\x01", "\x02"});
    CHECK(joined(packed.pieces) == value);
}

TEST_CASE("white space without end inside an element is over the limit too") {
    const auto reader = read(Framing::json_array, "[1" + std::string(500, ' ') + ", {" +
                                                      std::string(500, ' ') + "}, 3]");
    CHECK(reader.records == Strings{"3"});
    CHECK(reader.error.empty());
    const auto between = read(Framing::json_array, "[" + std::string(5000, ' ') + "[7]]");
    CHECK(between.records == Strings{"[7]"});
}

TEST_CASE("a policy of stop stops before the record, or before what is broken") {
    for (const std::string& text :
         {"[1,\"" + std::string(200, 'x') + "\",2]", std::string("[1}")}) {
        Reader reader(Framing::json_array, text, 100);
        reader.stops = true;
        reader.read_all();
        CHECK(reader.stopped);
        CHECK(reader.pieces.empty());
        CHECK(reader.position() <= 3);
    }
}

TEST_CASE("a stream is cut alike whatever the blocks, with restarts after any batch") {
    const auto framing = GENERATE(Framing::json_array, Framing::msgpack);
    for (std::uint64_t seed = 0; seed < 3000; ++seed) {
        const std::string text = random_stream(framing, seed);
        INFO("seed " << seed << ": " << text);
        Reader whole(framing, text, 100);
        whole.block_first = text.size() + 1;
        whole.read_all();
        CHECK(whole.position() == text.size());
        for (const std::uint64_t way : {1u, 2u, 3u, 4u}) {
            Reader other(framing, text, 100);
            other.block_first = 1 + mix(seed, way, 3, 0) % 130;
            other.records_max = way == 2 ? 1 : UINT32_MAX;
            other.restarts_seed = way == 3 ? 0 : seed + way;
            other.leads = way == 4 ? whole.ends : std::vector<std::size_t>{};
            other.read_all();
            CHECK(other.records == whole.records);
            CHECK(without_space(other.pieces) == without_space(whole.pieces));
            CHECK(other.position() == text.size());
            for (const int times : other.covered) REQUIRE(times <= 1);
        }
        // Nothing but separators is left out.
        for (std::size_t i = 0; i < text.size(); ++i)
            if (whole.covered[i] == 0) CHECK(std::string_view("[], \n").find(text[i]) < 5);
    }
}

TEST_CASE("records are found in a batch's bytes by number") {
    const std::string_view array = "1 , [2],\n{\"a\":3}";
    const auto text_of = [](std::span<const std::byte> bytes) {
        return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    };
    CHECK(begin_of_record(Framing::json_array, bytes_of(array), 0) == 0);
    CHECK(begin_of_record(Framing::json_array, bytes_of(array), 1) == 4);
    CHECK(begin_of_record(Framing::json_array, bytes_of(array), 3) == array.size());
    CHECK(text_of(records_of(Framing::json_array, bytes_of(array), 1, 3)) == "[2],\n{\"a\":3}");
    CHECK(text_of(records_of(Framing::json_array, bytes_of("1,2,"), 1, 2)) == "2");
    CHECK(text_of(records_of(Framing::msgpack, bytes_of("\x01\xa2xy\x02"), 1, 2)) == "\xa2xy");
    CHECK(text_of(records_of(Framing::one, bytes_of("[\n"), 0, 1)) == "[\n");
}
