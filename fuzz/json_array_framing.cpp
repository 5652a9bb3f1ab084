// Array framing against a reader that has the whole text before it and looks at one byte at a time.
//
// Property 1: the same records and the same error, however the stream is cut.
// Property 2: a stream that is taken up again after any record goes on with the same records.
#include <algorithm>

#include "core/base/assert.hpp"
#include "core/codec/stream_framing.hpp"
#include "fuzz/bytes.hpp"

namespace {

using namespace holdfast::codec;
using Bytes = std::span<const std::byte>;

struct Framed {
    std::vector<StreamExtent> records;
    FramingResult result;
};

class Naive {
public:
    Naive(Bytes bytes, std::uint64_t record_max) : bytes_(bytes), record_max_(record_max) {}

    Framed run() {
        const std::string_view mark = "\xef\xbb\xbf";
        while (!ended() && at_ < mark.size() && here() == mark[at_]) ++at_;
        const bool is_half = at_ > 0 && at_ < mark.size();
        blanks();
        if (ended()) return fail(FramingFault::unexpected_end, at_);
        if (here() != '[' || is_half) return fail(FramingFault::not_an_array, at_);
        ++at_;
        blanks();
        if (!ended() && here() == ']') return rest();
        while (true) {
            blanks();
            if (ended()) return fail(FramingFault::unexpected_end, at_);
            if (here() == ',' || here() == ']') return fail(FramingFault::empty_element, at_);
            if (!element()) return out_;
            if (here() == ']') return rest();
            ++at_;
        }
    }

private:
    bool ended() const { return at_ == bytes_.size(); }
    char here() const { return static_cast<char>(bytes_[at_]); }
    bool blank() const {
        return std::string_view(" \t\r\n").find(here()) != std::string_view::npos;
    }
    void blanks() {
        while (!ended() && blank()) ++at_;
    }
    Framed fail(FramingFault fault, std::uint64_t offset) {
        out_.result = std::unexpected(FramingError{fault, offset});
        return out_;
    }
    Framed rest() {
        ++at_;
        blanks();
        return ended() ? out_ : fail(FramingFault::trailing_garbage, at_);
    }
    bool refuse(FramingFault fault, std::uint64_t offset) {
        fail(fault, offset);
        return false;
    }
    /// A string from its quote on; false: too long or not ended.
    bool string(std::size_t begin) {
        bool escaped = false;
        for (++at_; !ended(); ++at_) {
            const char c = here();
            if (at_ + 1 - begin > record_max_) return refuse(FramingFault::too_long, begin);
            if (!escaped && c == '"') return true;
            escaped = !escaped && c == '\\';
        }
        return refuse(FramingFault::unexpected_end, at_);
    }
    /// Up to the comma or bracket behind the element.
    bool element() {
        const std::size_t begin = at_;
        std::size_t end = at_;
        std::string open;
        for (; !ended(); ++at_) {
            const char c = here();
            if (blank() && at_ + 1 - begin > record_max_) {
                return refuse(FramingFault::too_long, begin);
            }
            if (blank()) continue;
            if (open.empty() && (c == ',' || c == ']')) {
                out_.records.push_back({begin, end});
                return true;
            }
            if (c == '{' || c == '[') open += c;
            if (c == '}' || c == ']') {
                if (open.empty()) return refuse(FramingFault::unbalanced, at_);
                const bool fits = open.back() == (c == '}' ? '{' : '[');
                if (!fits && open.size() <= 64) return refuse(FramingFault::unbalanced, at_);
                open.pop_back();
            }
            if (at_ + 1 - begin > record_max_) return refuse(FramingFault::too_long, begin);
            if (c == '"' && !string(begin)) return false;
            end = at_ + 1;
        }
        return refuse(FramingFault::unexpected_end, at_);
    }

    Bytes bytes_;
    std::uint64_t record_max_;
    std::size_t at_ = 0;
    Framed out_;
};

Framed cut(ArrayFraming framing, Bytes bytes, std::size_t piece) {
    Framed out;
    for (std::size_t at = 0; at < bytes.size() && out.result; at += piece) {
        out.result =
            framing.feed(bytes.subspan(at, std::min(piece, bytes.size() - at)), out.records);
        HF_ASSERT(framing.waiting_from() <= framing.offset());
    }
    if (out.result) out.result = framing.finish();
    return out;
}

void check_equal(const Framed& a, const Framed& b) {
    HF_ASSERT(a.records == b.records);
    HF_ASSERT(a.result.has_value() == b.result.has_value());
    if (!a.result) HF_ASSERT(a.result.error() == b.result.error());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    holdfast::fuzz::Bytes numbers({data, size});
    const std::size_t piece = 1 + numbers.below(256);
    const std::uint64_t limit = numbers.number(1);
    const std::uint64_t record_max = limit < 128 ? 1 + limit : UINT32_MAX;
    const Bytes bytes = std::as_bytes(numbers.rest());
    const Framed wanted = Naive(bytes, record_max).run();
    check_equal(cut(ArrayFraming(record_max), bytes, piece), wanted);
    check_equal(cut(ArrayFraming(record_max), bytes, bytes.size() + 1), wanted);
    if (wanted.records.empty()) return 0;
    const std::size_t n = numbers.rest().size() % wanted.records.size();
    const std::uint64_t position = wanted.records[n].end;
    Framed rest =
        cut(ArrayFraming::after_record(position, record_max), bytes.subspan(position), piece);
    rest.records.insert(rest.records.begin(), wanted.records.begin(),
                        wanted.records.begin() + static_cast<std::ptrdiff_t>(n) + 1);
    check_equal(rest, wanted);
    return 0;
}
