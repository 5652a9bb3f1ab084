// See jq_options.hpp.
#include "io/cli/jq_options.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "core/data/program.hpp"
#include "core/jq/machine/constants.hpp"
#include "core/jq/tape.hpp"
#include "core/jq/text.hpp"
#include "io/cli/json_print.hpp"
#include "io/printable.hpp"

namespace holdfast::cli {

const char* const jq_help =
    "Run a jq program over JSON, as the jq command does\n"
    "Usage: holdfast jq [FLAGS] PROGRAM [FILE...]\n"
    "\n"
    "  -c, --compact-output   A line for each output\n"
    "  -r, --raw-output       Texts as they are, without quotes\n"
    "  -j, --join-output      As -r, without newlines\n"
    "  -a, --ascii-output     What is not ASCII as \\u escapes\n"
    "  -S, --sort-keys        Members of objects in order of their keys\n"
    "  --tab, --indent N      Indent by tabs, or by N spaces (0 to 7)\n"
    "  -n, --null-input       One run over null; `input` and `inputs` read\n"
    "  -s, --slurp            One run over a list of all values\n"
    "  -R, --raw-input        Each line is a text; with -s all of them are one\n"
    "  --stream               Each value as events: a path and a leaf, or a path that ends\n"
    "  --seq                  RS before each output, and as white space between inputs\n"
    "  --raw-output0          As -r, and NUL behind each output instead of a newline\n"
    "  -e, --exit-status      1 if the last output is false or null, 4 if there is none\n"
    "  -f, --from-file FILE   The program stands in this file\n"
    "  -L, --library-path DIR Modules are looked for here, too; may stand several times\n"
    "  --arg NAME VALUE       $NAME is this text; --argjson NAME JSON: this value\n"
    "  --slurpfile NAME FILE  $NAME is a list of the values in the file\n"
    "  --rawfile NAME FILE    $NAME is the file's text\n"
    "  --args, --jsonargs     What follows the program are not files, but $ARGS.positional\n"
    "\n"
    "Exit codes: 0 done, 2 the flags, a file or the JSON, 3 the program, 5 it failed on a value\n"
    "Example:\n"
    "  holdfast jq -c 'select(.level == \"error\") | .msg' app.log\n";

namespace {

bool is_utf8(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const io::Character character = io::character_at(text, at);
        if (!character.valid) return false;
        at += character.size;
    }
    return true;
}

class OptionReader {
public:
    OptionReader(const std::vector<std::string>& arguments, JqOptions& out)
        : arguments_(arguments), out_(out) {}

    std::string read();

private:
    enum class Rest { files, texts, json };
    bool flag(std::string_view name);
    bool with_value(const std::string& name);
    void positional(const std::string& text);
    bool file_value(const std::string& option, const std::string& name, std::string& value);
    void argument(const std::string& option);
    bool next(std::string& value, const std::string& option);
    void from_file(const std::string& file);
    void wrong(std::string what) {
        if (problem_.empty()) problem_ = std::move(what);
    }

    const std::vector<std::string>& arguments_;
    JqOptions& out_;
    std::size_t at_ = 0;
    Rest rest_ = Rest::files;
    bool has_program_ = false;
    std::string problem_;
};

/// Flags that stand alone; by their letter or their name.
bool OptionReader::flag(std::string_view name) {
    const auto is = [&](std::string_view letter, std::string_view whole) {
        return name == letter || name == whole;
    };
    if (is("c", "compact-output")) return out_.compact = true;
    if (is("r", "raw-output")) return out_.raw = true;
    if (is("j", "join-output")) return out_.raw = out_.join = true;
    if (is("a", "ascii-output")) return out_.ascii = true;
    if (is("S", "sort-keys")) return out_.sort_keys = true;
    if (is("n", "null-input")) return out_.null_input = true;
    if (is("s", "slurp")) return out_.slurp = true;
    if (is("R", "raw-input")) return out_.raw_input = true;
    if (is("e", "exit-status")) return out_.exit_status = true;
    if (is("h", "help")) return out_.help = true;
    if (name == "tab") return out_.tabs = true;
    if (name == "stream") return out_.stream = true;
    if (name == "seq") return out_.sequence = true;
    if (name == "raw-output0") return out_.raw = out_.zero = true;
    // Output has no colours, is written as soon as there is no input at hand, and is binary.
    return is("M", "monochrome-output") || is("b", "binary") || name == "unbuffered";
}

bool OptionReader::next(std::string& value, const std::string& option) {
    if (at_ == arguments_.size()) {
        wrong(fmt::format("{} takes one more argument than there is", option));
        return false;
    }
    value = arguments_[at_++];
    return true;
}

/// In place of a file's name what stands in it, as JSON.
bool OptionReader::file_value(const std::string& option, const std::string& name,
                              std::string& value) {
    const std::string file = value;
    std::ifstream in(file, std::ios::binary);
    std::string text;
    if (in) text.assign(std::istreambuf_iterator<char>(in), {});
    if (!in || in.bad()) {
        wrong(fmt::format("{} {}: {} cannot be read", option, name, file));
        return false;
    }
    if (option == "--rawfile") {
        value = jq::quoted(readable(text));
        return true;
    }
    auto list = jq::machine::array_of_values(text);
    if (!list) {
        wrong(fmt::format("--slurpfile {}: {} is no JSON: {} at byte {}", name, file,
                          list.error().reason, list.error().offset));
        return false;
    }
    value = std::move(*list);
    return true;
}

void OptionReader::argument(const std::string& option) {
    std::string name, value;
    if (!next(name, option) || !next(value, option)) return;
    if (!is_utf8(name)) return wrong(fmt::format("{}: a name that is not UTF-8", option));
    if (option == "--slurpfile" || option == "--rawfile") {
        if (!file_value(option, name, value)) return;
    } else if (option == "--argjson") {
        if (!jq::is_json(value)) return wrong(fmt::format("--argjson {}: this is no JSON", name));
    } else if (!is_utf8(value)) {
        return wrong(fmt::format("--arg {}: this is not UTF-8", name));
    } else {
        value = jq::quoted(value);
    }
    const auto same = [&](const auto& one) { return one.name == name; };
    if (std::ranges::none_of(out_.named, same)) out_.named.push_back({name, value});
}

void OptionReader::from_file(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    if (!in) return wrong(fmt::format("{} cannot be read", file));
    out_.program.assign(std::istreambuf_iterator<char>(in), {});
    out_.program_file = file;
    has_program_ = true;
}

/// Flags that take what follows.
bool OptionReader::with_value(const std::string& name) {
    if (name == "--arg" || name == "--argjson" || name == "--slurpfile" || name == "--rawfile") {
        argument(name);
    } else if (name == "--indent") {
        std::string value;
        if (!next(value, name)) return true;
        if (value.size() != 1 || value[0] < '0' || value[0] > '7')
            wrong(fmt::format("--indent is {}; expected a number from 0 to 7", value));
        else
            out_.indent = value[0] - '0';
    } else if (name == "-f" || name == "--from-file") {
        std::string file;
        if (next(file, name)) from_file(file);
    } else if (name == "-L" || name == "--library-path") {
        std::string folder;
        if (next(folder, name)) out_.jq_path.push_back(folder);
    } else if (name.starts_with("-L")) {
        out_.jq_path.push_back(name.substr(2));
    } else if (name == "--args") {
        rest_ = Rest::texts;
    } else if (name == "--jsonargs") {
        rest_ = Rest::json;
    } else {
        return false;
    }
    return true;
}

void OptionReader::positional(const std::string& text) {
    if (!has_program_) {
        out_.program = text;
        has_program_ = true;
    } else if (rest_ == Rest::files) {
        out_.files.push_back(text);
    } else if (rest_ == Rest::texts) {
        if (!is_utf8(text)) return wrong("--args: an argument is not UTF-8");
        out_.positional.push_back(jq::quoted(text));
    } else {
        if (!jq::is_json(text)) return wrong(fmt::format("--jsonargs: {} is no JSON", text));
        out_.positional.push_back(text);
    }
}

std::string OptionReader::read() {
    bool flags = true;
    while (at_ < arguments_.size() && problem_.empty()) {
        const std::string text = arguments_[at_++];
        if (!flags || text.size() < 2 || text[0] != '-') {
            positional(text);
        } else if (text == "--") {
            flags = false;
        } else if (text.starts_with("--")) {
            if (!with_value(text) && (text.size() == 3 || !flag(text.substr(2))))
                wrong(fmt::format("unknown option: {}", text));
        } else if (!with_value(text)) {
            for (const char letter : text.substr(1))
                if (!flag({&letter, 1})) wrong(fmt::format("unknown option: {}", text));
        }
    }
    if (problem_.empty() && !has_program_ && !out_.help) wrong("there is no program");
    return problem_;
}

}  // namespace

std::string read_jq_options(const std::vector<std::string>& arguments, JqOptions& out) {
    return OptionReader(arguments, out).read();
}

}  // namespace holdfast::cli
