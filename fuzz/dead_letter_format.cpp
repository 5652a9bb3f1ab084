// The dead-letter line against a reader of its own, which knows nothing of the writer.
//
// Property 1: a line is one line of JSON in valid UTF-8, with the members of docs/formats.md in
//             their order, whatever the names and the payload are.
// Property 2: the payload's bytes come back, in whatever pieces they were appended; names that are
//             UTF-8 come back too.
// Property 3: a piece of n bytes takes at most 6 n bytes of text, in base64 4/3 n.
// Property 4: the time is the one that <chrono> reads.
#include "core/data/dead_letter_format.hpp"

#include <chrono>
#include <vector>

#include "core/base/assert.hpp"
#include "fuzz/bytes.hpp"

namespace {

using namespace holdfast;

/// The length of the UTF-8 sequence at the head of the text; traps if there is none.
std::size_t sequence(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text.at(i)); };
    if (byte(0) < 0x80) return 1;
    const std::size_t length = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
    HF_ASSERT(byte(0) >= 0xc0);
    std::uint32_t point = byte(0) & (0xffu >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        HF_ASSERT(byte(i) >> 6 == 2);
        point = point << 6 | (byte(i) & 0x3f);
    }
    const std::uint32_t least = length == 4 ? 0x10000 : length == 3 ? 0x800 : 0x80;
    HF_ASSERT(point >= least && point <= 0x10ffff);
    HF_ASSERT(point < 0xd800 || point > 0xdfff);
    return length;
}

class Line {
public:
    explicit Line(std::string_view text) : rest_(text) {}

    void skip(std::string_view expected) {
        HF_ASSERT(rest_.starts_with(expected));
        rest_.remove_prefix(expected.size());
    }
    std::uint64_t number() {
        HF_ASSERT(!rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9');
        std::uint64_t value = 0;
        while (!rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9') {
            value = value * 10 + static_cast<std::uint64_t>(rest_[0] - '0');
            rest_.remove_prefix(1);
        }
        return value;
    }
    /// What a JSON string stands for; its opening quote first.
    std::string string() {
        skip("\"");
        std::string out;
        while (rest_.at(0) != '"') {
            HF_ASSERT(static_cast<unsigned char>(rest_[0]) >= 0x20);
            if (rest_[0] == '\\') {
                out += escaped();
                continue;
            }
            const std::size_t length = sequence(rest_);
            out += rest_.substr(0, length);
            rest_.remove_prefix(length);
        }
        skip("\"");
        return out;
    }
    bool begins(std::string_view text) const { return rest_.starts_with(text); }
    std::string_view rest() const { return rest_; }

private:
    char escaped() {
        const char kind = rest_.at(1);
        rest_.remove_prefix(2);
        switch (kind) {
            case 'n': return '\n';
            case 'r': return '\r';
            case 't': return '\t';
            case '"':
            case '\\': return kind;
            default: break;
        }
        HF_ASSERT(kind == 'u');
        skip("00");
        int value = 0;
        for (int i = 0; i < 2; ++i) {
            const std::size_t digit = std::string_view("0123456789abcdef").find(rest_.at(0));
            HF_ASSERT(digit < 16);
            value = value * 16 + static_cast<int>(digit);
            rest_.remove_prefix(1);
        }
        HF_ASSERT(value < 0x20);
        return static_cast<char>(value);
    }

    std::string_view rest_;
};

std::string from_base64(std::string_view text) {
    constexpr std::string_view digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    HF_ASSERT(text.size() % 4 == 0);
    std::string out;
    while (!text.empty()) {
        const std::size_t pads = text.substr(0, 4).ends_with("==") ? 2 : text[3] == '=' ? 1 : 0;
        HF_ASSERT(pads == 0 || text.size() == 4);
        std::uint32_t group = 0;
        for (std::size_t i = 0; i < 4; ++i) {
            const std::size_t digit = i < 4 - pads ? digits.find(text[i]) : 0;
            HF_ASSERT(digit < 64);
            group = group << 6 | static_cast<std::uint32_t>(digit);
        }
        for (std::size_t i = 0; i < 3 - pads; ++i) out += static_cast<char>(group >> (16 - 8 * i));
        text.remove_prefix(4);
    }
    return out;
}

bool is_utf8(std::string_view text) {
    return encoding_of(std::as_bytes(std::span(text))) == PayloadEncoding::utf8;
}

void check_name(const std::string& read, std::string_view written) {
    if (is_utf8(written)) HF_ASSERT(read == written);
}

void check_time(std::string_view text, std::int64_t wall_ns) {
    using namespace std::chrono;
    const sys_time<nanoseconds> at{nanoseconds(wall_ns)};
    const auto day = floor<days>(at);
    const year_month_day date(day);
    const hh_mm_ss time(at - day);
    Line line(text);
    HF_ASSERT(line.number() == static_cast<std::uint64_t>(int(date.year())));
    line.skip("-");
    HF_ASSERT(line.number() == unsigned(date.month()));
    line.skip("-");
    HF_ASSERT(line.number() == unsigned(date.day()));
    line.skip("T");
    HF_ASSERT(line.number() == static_cast<std::uint64_t>(time.hours().count()));
    line.skip(":");
    HF_ASSERT(line.number() == static_cast<std::uint64_t>(time.minutes().count()));
    line.skip(":");
    HF_ASSERT(line.number() == static_cast<std::uint64_t>(time.seconds().count()));
    line.skip(".");
    HF_ASSERT(line.rest().size() == 10);
    HF_ASSERT(line.number() == static_cast<std::uint64_t>(time.subseconds().count()));
    line.skip("Z");
}

std::string text_of(fuzz::Bytes& bytes) {
    std::string out(bytes.below(12), '\0');
    for (char& c : out) c = static_cast<char>(bytes.number(1));
    return out;
}

void check_line(std::string_view text, const DeadLetterHead& head, std::string_view payload) {
    Line line(text);
    line.skip("{\"time\":");
    check_time(line.string(), head.time_ns);
    line.skip(",\"source\":");
    check_name(line.string(), head.source);
    line.skip(",\"partition\":");
    check_name(line.string(), head.partition);
    line.skip(",\"position\":");
    HF_ASSERT(line.number() == static_cast<std::uint64_t>(head.position));
    line.skip(",\"sink\":");
    HF_ASSERT(line.begins("null") == !head.sink.has_value());
    if (head.sink) {
        check_name(line.string(), *head.sink);
    } else {
        line.skip("null");
    }
    line.skip(",\"reason\":");
    HF_ASSERT(line.string() == reason_name(head.reason));
    line.skip(",\"attempts\":");
    HF_ASSERT(line.number() == head.attempts);
    line.skip(",\"encoding\":");
    const std::string encoding = line.string();
    line.skip(",\"payload\":");
    // No longer than a third more, whatever it holds.
    HF_ASSERT(line.rest().size() <= payload.size() + payload.size() / 3 + 80);
    const std::string read = line.string();
    HF_ASSERT((encoding == "utf8"    ? read
               : encoding == "zeros" ? std::string(std::stoul(read), '\0')
                                     : from_base64(read)) == payload);
    line.skip("}\n");
    HF_ASSERT(line.rest().empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Bytes bytes({data, size});
    const std::string source = text_of(bytes), partition = text_of(bytes), sink = text_of(bytes);
    DeadLetterHead head;
    head.time_ns = static_cast<std::int64_t>(bytes.number(8) >> 1);
    head.source = source;
    head.partition = partition;
    head.position = static_cast<std::int64_t>(bytes.number(1 + bytes.below(8)) >> 1);
    if (bytes.below(4) != 0) head.sink = sink;
    head.reason = static_cast<Reason>(bytes.below(6));
    head.attempts = static_cast<std::uint32_t>(bytes.number(4));
    const std::size_t piece_max = 3 * (1 + bytes.below(32));
    const std::string_view payload(reinterpret_cast<const char*>(bytes.rest().data()),
                                   bytes.rest().size());
    head.encoding = encoding_of(std::as_bytes(std::span(payload)));
    std::string line;
    begin_dead_letter(head, line);
    const bool at_once = head.encoding == PayloadEncoding::zeros;
    for (std::string_view rest = payload; !rest.empty();) {
        const std::string_view piece = at_once ? rest : rest.substr(0, piece_max);
        const std::size_t before = line.size();
        append_payload(head.encoding, std::as_bytes(std::span(piece)), line);
        const std::size_t most = head.encoding == PayloadEncoding::utf8 ? 6 * piece.size()
                                 : at_once                              ? 20
                                           : (piece.size() + 2) / 3 * 4;
        HF_ASSERT(line.size() - before <= most);
        rest.remove_prefix(piece.size());
    }
    end_dead_letter(line);
    check_line(line, head, payload);
    return 0;
}
