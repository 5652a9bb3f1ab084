// jq programs: compiled ones and libjq's agree, and what isn't changed keeps its bytes.
#include <rapidcheck/catch.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/jq/both.hpp"
#include "tests/jq/random_jq.hpp"

namespace {

using namespace holdfast;

/// libjq takes long to compile a program, so each is run over many records.
constexpr int records_max = 40;

std::vector<std::uint8_t> choices(std::size_t size) {
    return *rc::gen::container<std::vector<std::uint8_t>>(size, rc::gen::arbitrary<std::uint8_t>());
}

}  // namespace

TEST_CASE("compiled jq programs and libjq agree on every record") {
    rc::prop("for any program of the compiled part", [] {
        const std::vector<std::uint8_t> all = choices(2000);
        fuzz::Bytes bytes(all);
        const auto use = bytes.below(8) == 7 ? jq::Use::condition : jq::Use::program;
        test::Both both(test::random_program(bytes), use);
        for (int i = 0; i < records_max && !bytes.used_up(); ++i) {
            const auto found = both.difference(test::random_record(bytes));
            if (found) RC_FAIL(*found);
        }
    });
}

TEST_CASE("key that is set and deleted again leaves the record's bytes as they were") {
    rc::prop("for any record", [] {
        const std::vector<std::uint8_t> all = choices(200);
        fuzz::Bytes bytes(all);
        const std::string record = test::random_record(bytes);
        const auto set = test::native(".new_one = {a: [1, \"x\"]} | del(.new_one)");
        const test::Outcome is = test::run(*set, record);
        if (is.verdict == Verdict::fail || set->left() > 0) return;
        RC_ASSERT(is.outputs.size() == 1U);
        if (is.verdict == Verdict::change && is.outputs[0] != "{}") {
            RC_ASSERT(record.find(is.outputs[0]) != std::string::npos);
        }
    });
}
