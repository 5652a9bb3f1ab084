// Compiled jq programs against libjq.
//
// Property: a program of the compiled part over a record gives in both engines the same outputs as
//           JSON values, or the same error in the same words; as a program and as a condition.
#include <algorithm>
#include <cstdio>
#include <string>

#include "core/base/assert.hpp"
#include "fuzz/bytes.hpp"
#include "tests/jq/both.hpp"
#include "tests/jq/random_jq.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace holdfast;
    fuzz::Bytes bytes({data, size});
    const auto use = bytes.below(8) == 7 ? jq::Use::condition : jq::Use::program;
    test::Both both(test::random_program(bytes), use);
    for (int records = 0; records < 64 && !bytes.used_up(); ++records) {
        const auto found = both.difference(test::random_record(bytes));
        if (found) std::fprintf(stderr, "%s\n", found->c_str());
        HF_ASSERT(!found);
    }
    return 0;
}
