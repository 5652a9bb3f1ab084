// The config file against any text. Comment lines `#--set KEY=VALUE` at its head are flags.
//
// Property 1: it is read without a crash, and twice alike.
// Property 2: each problem is one line of printable text with its place: file(line,column), or the
//             flag; only what is wrong with the whole has the file alone.
// Property 3: what has no problem is accepted by the engine.
#include "io/cli/config.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "core/base/assert.hpp"
#include "core/engine/engine.hpp"
#include "io/printable.hpp"
#include "io/runner/engine_config.hpp"

namespace {

using namespace holdfast;

constexpr std::string_view flag_head = "#--set ";
constexpr std::size_t text_max = 1 << 16;

std::vector<std::string> flags_of(std::string_view text) {
    std::vector<std::string> flags;
    while (text.starts_with(flag_head)) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        flags.emplace_back(text.substr(flag_head.size(), end - flag_head.size()));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return flags;
}

bool is_number(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool has_place(std::string_view problem) {
    if (problem.starts_with("--set ")) return true;
    if (!problem.starts_with("p.toml")) return false;
    problem.remove_prefix(6);
    if (problem.starts_with(": ")) return true;
    const std::size_t comma = problem.find(',');
    const std::size_t end = problem.find("): ");
    return problem.starts_with("(") && comma < end && end != problem.npos &&
           is_number(problem.substr(1, comma - 1)) &&
           is_number(problem.substr(comma + 1, end - comma - 1));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > text_max) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::vector<std::string> flags = flags_of(text);
    const cli::ConfigResult result = cli::parse_config(text, "p.toml", flags);
    for (const std::string& problem : result.problems) {
        HF_ASSERT(has_place(problem));
        HF_ASSERT(io::printable(problem) == problem);
    }
    HF_ASSERT(cli::parse_config(text, "p.toml", flags).problems == result.problems);
    if (!result.problems.empty()) return 0;
    HF_ASSERT(Engine::check(io::engine_config(result.config)).what == nullptr);
    return 0;
}
