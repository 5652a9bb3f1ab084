#include "io/jq/compile.hpp"

#include <utility>

#include "core/jq/native.hpp"
#include "core/jq/plan.hpp"
#include "io/jq/libjq_program.hpp"

namespace holdfast {
namespace {

using namespace jq;

/// libjq compiles every program, so that it has the last word on what is one.
CompiledProgram compile(std::string_view text, Use use) {
    const std::string program(text);
    auto plan = make_plan(program);
    const std::string why =
        plan ? "for odd records"
             : plan.error().reason + " (at byte " + std::to_string(plan.error().offset) + ")";
    auto twin = LibjqProgram::compile(program, use, why);
    if (!twin) {
        CompileError error = twin.error();
        if (!plan) error.offset = plan.error().offset;
        return std::unexpected(error);
    }
    if (!plan) return std::move(*twin);
    const auto make_twin = [program, use, why]() -> std::unique_ptr<Program> {
        auto made = LibjqProgram::compile(program, use, why);
        return made ? std::move(*made) : nullptr;
    };
    return std::make_unique<NativeProgram>(std::make_shared<const Plan>(std::move(*plan)), use,
                                           make_twin);
}

}  // namespace

CompiledProgram compile_program(std::string_view jq) { return compile(jq, Use::program); }
CompiledProgram compile_condition(std::string_view jq) { return compile(jq, Use::condition); }

}  // namespace holdfast
