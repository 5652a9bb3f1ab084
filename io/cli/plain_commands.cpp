// `holdfast version` and `holdfast keys`.
#include <fmt/core.h>

#include "io/cli/commands.hpp"
#include "io/cli/keys.hpp"
#include "io/json.hpp"

namespace holdfast::cli {
namespace {

constexpr const char* version = "0.1.0";

#if defined(__clang__)
constexpr const char* compiler = "clang " __clang_version__;
#else
constexpr const char* compiler = "gcc " __VERSION__;
#endif

}  // namespace

int version_command(bool as_json) {
    if (!as_json) {
        fmt::print("holdfast {}\n", version);
        return exit_done;
    }
    io::Json json;
    json.begin_object();
    json.field("version", version);
    json.field("compiler", compiler);
    json.end_object();
    fmt::print("{}\n", json.text());
    return exit_done;
}

int keys_command(bool as_json) {
    fmt::print("{}\n", as_json ? keys_as_json() : keys_as_markdown());
    return exit_done;
}

}  // namespace holdfast::cli
