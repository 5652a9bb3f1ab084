// The parser of jq programs: any text, and words of jq in any order.
//
// Property: what is compiled is a program for libjq too, and gives the same on a record.
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
    std::string program;
    if (bytes.below(2) == 0) {
        program = test::random_words(bytes);
    } else {
        program.assign(bytes.rest().begin(), bytes.rest().end());
    }
    // White space since jq 1.7, while the library is 1.6's.
    std::ranges::replace(program, '\r', ' ');
    test::Both both(program);
    const auto found = both.difference(R"({"a":{"b":1},"b":[1,"x"],"c":"a"})");
    if (found) std::fprintf(stderr, "%s\n", found->c_str());
    HF_ASSERT(!found);
    return 0;
}
