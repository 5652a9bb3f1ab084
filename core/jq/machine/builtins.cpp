#include "core/jq/machine/builtins.hpp"

#include <algorithm>

#include "core/jq/machine/defined.hpp"

namespace holdfast::jq::machine {
namespace {

bool error(Bench& bench, const Value* v, Value&) {
    bench.error = v[0];
    return false;
}

bool error_with(Bench& bench, const Value* v, Value&) {
    bench.error = v[1];
    return false;
}

bool halt(Bench& bench, const Value*, Value&) {
    bench.halts = bench.silent = true;
    bench.exit_code = 0;
    return bench.fail("the program halts");
}

bool halt_with(Bench& bench, const Value* v, Value&) {
    if (!v[1].is(Kind::number)) return bench.fail("halt_error/1: number required");
    bench.halts = true;
    bench.silent = false;
    const double code = number_of(v[1]);
    // A process has eight bits to say it.
    bench.exit_code = code > -2e9 && code < 2e9 ? static_cast<int>(code) & 0xFF : 5;
    bench.error = v[0];
    return false;
}

bool now(Bench& bench, const Value*, Value& out) {
    out = Value::of(bench.outside.now());
    return true;
}

bool input(Bench& bench, const Value*, Value& out) {
    std::string_view text;
    std::string error;
    if (!bench.outside.input(text, error)) return bench.fail(error);
    return read_value(bench, text, out);
}
bool line_number(Bench& bench, const Value*, Value& out) {
    const std::int64_t lines = bench.outside.input_lines();
    if (lines < 0) return bench.fail("Unknown input line number");
    out = Value::of(static_cast<double>(lines));
    return true;
}
bool file_name(Bench& bench, const Value*, Value& out) {
    const std::string* file = bench.outside.input_file();
    out = file == nullptr || file->empty() ? Value() : make_string(bench.heap, *file);
    return true;
}

bool debug(Bench& bench, const Value* v, Value& out) {
    out = v[0];
    if (!bench.outside.listens()) return true;
    const std::string_view json = to_json(bench.heap, v[0]).bytes();
    bench.outside.say("[\"DEBUG:\"," + std::string(json) + "]\n");
    return true;
}
bool to_stderr(Bench& bench, const Value* v, Value& out) {
    out = v[0];
    if (!bench.outside.listens()) return true;
    const bool is_text = v[0].is(Kind::string);
    bench.outside.say(is_text ? text_of(bench.heap, v[0]) : to_json(bench.heap, v[0]).bytes());
    return true;
}
bool yes(Bench&, const Value*, Value& out) {
    out = Value::of(true);
    return true;
}

bool builtins(Bench& bench, const Value*, Value& out) {
    ArrayBuilder names(bench.heap);
    for (const std::string& name : builtin_names()) names.add(make_string(bench.heap, name));
    out = names.value();
    return true;
}

bool module_metadata(Bench& bench, const Value* v, Value& out) {
    if (!v[0].is(Kind::string)) {
        return bench.fail("modulemeta input module name must be a string");
    }
    std::string said;
    if (!bench.outside.module_metadata(text_of(bench.heap, v[0]), said)) return bench.fail(said);
    return read_value(bench, said, out);
}

std::vector<NativeEntry> other_natives() {
    return {{"error", 0, error},
            {"error", 1, error_with},
            {"halt", 0, halt},
            {"halt_error", 1, halt_with},
            {"now", 0, now},
            {"input", 0, input},
            {"input_line_number", 0, line_number},
            {"input_filename", 0, file_name},
            {"debug", 0, debug},
            {"stderr", 0, to_stderr},
            {"have_literal_numbers", 0, yes},
            {"have_decnum", 0, yes},
            {"modulemeta", 0, module_metadata},
            {"builtins", 0, builtins}};
}

std::vector<NativeEntry> all_natives() {
    std::vector<NativeEntry> all;
    for (const auto& part :
         {arithmetic_natives(), container_natives(), text_natives(), format_natives(),
          math_natives(), date_natives(), path_natives(), regex_natives(), other_natives()}) {
        all.insert(all.end(), part.begin(), part.end());
    }
    return all;
}

}  // namespace

bool Bench::fail(std::string_view words) {
    error = make_string(heap, words);
    return false;
}

const std::vector<NativeEntry>& natives() {
    static const std::vector<NativeEntry> all = all_natives();
    return all;
}

std::optional<std::uint32_t> find_native(std::string_view name, std::uint32_t arity) {
    const std::vector<NativeEntry>& all = natives();
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (all[i].arity == arity && all[i].name == name) return static_cast<std::uint32_t>(i);
    }
    return std::nullopt;
}

/// "def NAME" and behind it `:` or `(`, with so many parameters.
std::string_view find_defined(std::string_view name, std::uint32_t arity) {
    for (const std::string_view text : defined) {
        const std::size_t end = text.find_first_of(":(", 4);
        if (text.substr(4, end - 4) != name) continue;
        const std::size_t close = text[end] == '(' ? text.find(')', end) : end;
        const auto semicolons = std::count(text.begin() + static_cast<std::ptrdiff_t>(end),
                                           text.begin() + static_cast<std::ptrdiff_t>(close), ';');
        if ((close == end ? 0 : semicolons + 1) == static_cast<std::ptrdiff_t>(arity)) return text;
    }
    return {};
}

std::vector<std::string> builtin_names() {
    std::vector<std::string> names{"empty/0", "path/1",  "range/2",
                                   "env/0",   "last/1",  "null/0",
                                   "true/0",  "false/0", "get_search_list/0"};
    for (const NativeEntry& one : natives()) {
        if (one.name[0] != '_') {
            names.push_back(std::string(one.name) + "/" + std::to_string(one.arity));
        }
    }
    for (const std::string_view text : defined) {
        const std::size_t end = text.find_first_of(":(", 4);
        std::size_t arity = 0;
        while (find_defined(text.substr(4, end - 4), static_cast<std::uint32_t>(arity)) != text) {
            ++arity;
        }
        if (text[4] == '_') continue;
        names.push_back(std::string(text.substr(4, end - 4)) + "/" + std::to_string(arity));
    }
    return names;
}

}  // namespace holdfast::jq::machine
