// Framing: which bytes are a record doesn't depend on how they were read.
#include <rapidcheck/catch.h>

#include <span>
#include <string>
#include <vector>

#include "core/data/framing.hpp"
#include "core/data/line_cut.hpp"

using namespace holdfast;

namespace {

std::span<const std::byte> bytes_of(const std::string& s) {
    return std::as_bytes(std::span(s.data(), s.size()));
}

/// Text with many newlines.
std::string any_text() {
    return *rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab\n\r\n\0x", 7)));
}

/// Where records end: after each newline, and inside long lines every line_max bytes.
std::vector<std::size_t> naive_ends(const std::string& text, std::size_t line_max) {
    std::vector<std::size_t> ends;
    std::size_t from = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\n' && i + 1 - from < line_max) continue;
        ends.push_back(i + 1);
        from = i + 1;
    }
    if (from < text.size()) ends.push_back(text.size());
    return ends;
}

}  // namespace

TEST_CASE("newlines are counted as one by one") {
    rc::prop("over any split", [] {
        const std::string a = any_text();
        const std::string b = any_text();
        RC_ASSERT(count_newlines(bytes_of(a)) + count_newlines(bytes_of(b)) ==
                  count_newlines(bytes_of(a + b)));
        RC_ASSERT(count_newlines(bytes_of(a)) ==
                  static_cast<std::uint64_t>(std::count(a.begin(), a.end(), '\n')));
    });
    rc::prop("complete_lines ends after the last newline", [] {
        const std::string text = any_text();
        const std::size_t last = text.rfind('\n');
        const std::size_t expected = last == std::string::npos ? 0 : last + 1;
        RC_ASSERT(complete_lines(bytes_of(text)) == expected);
    });
    rc::prop("after_newlines(n) holds n newlines, or all", [](std::uint8_t n) {
        const std::string text = any_text();
        const std::size_t at = after_newlines(bytes_of(text), n);
        const std::uint64_t all = count_newlines(bytes_of(text));
        RC_ASSERT(count_newlines(bytes_of(text.substr(0, at))) == std::min<std::uint64_t>(n, all));
        if (n > 0 && n <= all) RC_ASSERT(text[at - 1] == '\n');
        if (n > all) RC_ASSERT(at == text.size());
    });
}

TEST_CASE("records are the same however the bytes were read") {
    rc::prop("cut as one by one", [] {
        const std::string text = any_text();
        CutRule rule;
        rule.line_max = *rc::gen::inRange<std::size_t>(1, 9);
        rule.oversize = *rc::gen::element(Oversize::split, Oversize::dead_letter);
        rule.records_max = *rc::gen::inRange<std::uint32_t>(1, 6);
        const auto reads =
            *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(1, 12));
        const std::vector<std::size_t> ends = naive_ends(text, rule.line_max);
        std::size_t at = 0, known = 0, read = 0, record = 0;
        while (at < text.size()) {
            if (known < text.size()) {
                known = std::min(text.size(),
                                 known + (reads.empty() ? 1 : reads[read++ % reads.size()]));
            }
            rule.closed = known == text.size();
            const Cut cut = cut_lines(bytes_of(text).subspan(at, known - at), rule);
            if (cut.bytes == 0) {
                RC_ASSERT(!rule.closed);
                continue;
            }
            RC_ASSERT(cut.records > 0u && cut.records <= rule.records_max);
            RC_ASSERT(record + cut.records <= ends.size());
            record += cut.records;
            at += cut.bytes;
            RC_ASSERT(at == ends[record - 1]);
            rule.mid_line = cut.mid_line;
        }
        RC_ASSERT(record == ends.size());
    });
}
