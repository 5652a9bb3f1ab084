// Promise: keys are compared by value, whether a field is looked up, or a program runs natively, on the
// machine or in libjq.
#include <rapidcheck/catch.h>

#include "core/codec/key_program.hpp"
#include "sim/key_world.hpp"
#include "tests/jq/libjq/program.hpp"

using namespace holdfast;

namespace {

std::string key_of(Program& program, const std::string& value) {
    std::string record = "{\"a\":" + value + "}";
    const std::size_t size = record.size();
    record += std::string(Program::padding, ' ');
    std::vector<std::byte> out;
    std::string error;
    const auto bytes = std::as_bytes(std::span(record)).first(size);
    RC_ASSERT(program.run(bytes, out, error).verdict == Verdict::change);
    return {reinterpret_cast<const char*>(out.data()), out.size()};
}

}  // namespace

TEST_CASE(
    "the same value is the same key in a field, a native program, the machine and libjq, and only "
    "it") {
    const auto field =
        codec::make_field_key({codec::parse_path(".a").value()}, codec::Missing::is_null);
    const auto native = codec::make_program_key(std::move(*compile_program(".a")));
    const auto library =
        codec::make_program_key(std::move(*jq::LibjqProgram::compile(".a", jq::Use::program)));
    const auto machine = codec::make_program_key(std::move(*compile_program(". as $x | $x.a")));
    REQUIRE(native->engine() == "native");
    REQUIRE(machine->engine() == "machine");
    rc::prop("keys of a random value", [&](std::uint64_t seed) {
        // As many digits as a double keeps.
        const auto [one, again, another] = sim::spellings(seed, 14);
        const std::string key = key_of(*field, one);
        for (Program* program : {field.get(), native.get(), machine.get(), library.get()}) {
            RC_ASSERT(key_of(*program, one) == key);
            RC_ASSERT(key_of(*program, again) == key);
            RC_ASSERT(key_of(*program, another) != key);
        }
    });
}
