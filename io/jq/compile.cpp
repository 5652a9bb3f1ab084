#include "io/jq/compile.hpp"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "core/jq/machine/compiler.hpp"
#include "core/jq/machine/program.hpp"
#include "core/jq/native.hpp"
#include "core/jq/plan.hpp"
#include "io/jq/module_files.hpp"
#include "io/jq/outside.hpp"

namespace holdfast {
namespace {

using namespace jq;

/// A step takes two nanoseconds and more; so the clock is what ends a run, but where it stands.
constexpr std::uint64_t steps_a_microsecond = 400;

machine::Limits limits_of(const ProgramBounds& bounds) {
    machine::Limits out;
    out.memory = bounds.memory;
    out.time = bounds.time;
    out.steps = static_cast<std::uint64_t>(bounds.time.ns) / 1000 * steps_a_microsecond;
    out.text = bounds.text;
    out.depth = static_cast<std::uint16_t>(
        std::min<std::uint32_t>(bounds.depth, machine::Limits::depth_most));
    return out;
}

std::unique_ptr<Program> on_machine(const std::shared_ptr<const machine::Code>& code, Use use,
                                    const ProgramSettings& settings) {
    return std::make_unique<machine::MachineProgram>(code, use, make_outside(),
                                                     limits_of(settings.bounds));
}

CompiledProgram compile(std::string_view text, Use use, const ProgramSettings& settings) {
    const std::string program(text);
    if (program.find('\0') != std::string::npos) {
        return std::unexpected(CompileError{"a zero byte", program.find('\0')});
    }
    std::vector<machine::NamedValue> named;
    for (const ProgramArgument& one : settings.args) {
        if (!is_json(one.json)) {
            return std::unexpected(CompileError{"the value of $" + one.name + " is no JSON"});
        }
        named.push_back({one.name, one.json});
    }
    auto made = machine::compile(
        program, {.named = named, .positional = {}, .modules = settings.modules.get()});
    if (!made) return std::unexpected(CompileError{made.error().reason, made.error().offset});
    const auto code = std::make_shared<const machine::Code>(std::move(*made));
    auto plan = make_plan(program);
    if (!plan) return on_machine(code, use, settings);
    return std::make_unique<NativeProgram>(std::make_shared<const Plan>(std::move(*plan)), use,
                                           on_machine(code, use, settings));
}

}  // namespace

std::shared_ptr<ModuleFiles> module_files(std::string folder, std::vector<std::string> jq_path) {
    return std::make_shared<ModuleFiles>(std::move(folder), std::move(jq_path));
}

CompiledProgram compile_program(std::string_view jq, const ProgramSettings& settings) {
    return compile(jq, Use::program, settings);
}
CompiledProgram compile_condition(std::string_view jq, const ProgramSettings& settings) {
    return compile(jq, Use::condition, settings);
}

}  // namespace holdfast
