// Modules: which file an import means, what it brings into scope, and what stops it.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "core/jq/machine/compiler.hpp"
#include "core/jq/machine/constants.hpp"
#include "core/jq/machine/program.hpp"
#include "io/jq/compile.hpp"
#include "io/jq/module_files.hpp"
#include "io/jq/outside.hpp"
#include "tests/jq/both.hpp"

namespace {

using namespace holdfast;
using namespace holdfast::jq;
namespace fs = std::filesystem;

/// Outputs with two spaces between them, `! ` and the error, or `? ` and why it does not compile.
std::string made_of(const std::string& program, machine::ModuleLoader* modules) {
    auto code = machine::compile(program, {.modules = modules});
    if (!code) return "? " + code.error().reason;
    machine::MachineProgram made(std::make_shared<const machine::Code>(std::move(*code)),
                                 Use::program, make_outside(), {});
    const test::Outcome is = test::run(made, "null");
    if (is.verdict == Verdict::fail) return "! " + is.error;
    if (is.verdict == Verdict::keep) return "null";
    std::string all;
    for (const std::string& one : is.outputs) all += (all.empty() ? "" : "  ") + one;
    return all;
}

/// Modules that stand in a map, by the very path of the import.
class Shelf final : public machine::ModuleLoader {
public:
    std::map<std::string, std::string> texts;
    std::map<std::string, int> reads;

    std::expected<std::string, Failure> find(const Asked& asked) override {
        const std::string name(asked.path);
        if (!texts.contains(name)) return std::unexpected(Failure{"no " + name, true});
        return name;
    }
    std::expected<std::string, Failure> read(const std::string& name, std::size_t) override {
        ++reads[name];
        return texts[name];
    }
    std::vector<std::string> search_list() const override { return {"/shelf"}; }
};

struct Folder {
    Folder() {
        std::string name = (fs::temp_directory_path() / "hf_modules_XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path = fs::canonical(name);
    }
    ~Folder() { fs::remove_all(path); }
    Folder(const Folder&) = delete;
    fs::path path;
};

void write(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
}

bool has(const std::string& text, std::string_view part) {
    INFO(text);
    CHECK(text.find(part) != std::string::npos);
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a program with modules gives what jq 1.8 gives") {
    const std::string folder = HF_SOURCE_DIR "/tests/jq/modules";
    std::ifstream in(HF_SOURCE_DIR "/tests/jq/module_cases.txt");
    std::size_t cases = 0;
    const auto placed = [&](std::string text) {
        for (std::size_t at; (at = text.find('@')) != text.npos;) text.replace(at, 1, folder);
        return text;
    };
    for (std::string line; std::getline(in, line);) {
        if (line.empty() || line[0] == '#') continue;
        const std::size_t tab = line.find('\t');
        REQUIRE(tab != std::string::npos);
        const std::string program = placed(line.substr(0, tab));
        ModuleFiles files("/nowhere", {});
        const std::string made = made_of(program, &files);
        INFO(program);
        CHECK((made[0] == '?' ? "?" : made) == placed(line.substr(tab + 1)));
        ++cases;
    }
    CHECK(cases > 100);
}

TEST_CASE("a file is read once however often and under whatever names it is imported") {
    Shelf shelf;
    shelf.texts = {{"a", "include \"c\"; def f: c;"},
                   {"b", "import \"c\" as x; import \"d\" as $d; def g: x::c + $d[0];"},
                   {"c", "def c: 1;"},
                   {"d", "5"}};
    CHECK(made_of("import \"a\" as a; include \"b\"; import \"c\" as c; import \"d\" as $e;"
                  " [a::f, g, c::c, $e]",
                  &shelf) == "[1,6,1,[5]]");
    CHECK(shelf.reads == std::map<std::string, int>{{"a", 1}, {"b", 1}, {"c", 1}, {"d", 1}});
}

TEST_CASE("modules that import each other in a circle are an error that names the chain") {
    Shelf shelf;
    shelf.texts = {{"a", "include \"b\";"},
                   {"b", "\n include \"c\";"},
                   {"c", "include \"a\";"},
                   {"s", "import \"s\" as s; def f: s::f;"}};
    CHECK(made_of("include \"a\"; 1", &shelf) ==
          "? circular import: a imports b, which imports c, which imports a (in c, line 1, column "
          "9)");
    CHECK(made_of("include \"s\"; 1", &shelf) ==
          "? circular import: s imports s (in s, line 1, column 8)");
}

TEST_CASE("chains, numbers and lengths of modules are bounded") {
    Shelf shelf;
    for (int i = 0; i < 300; ++i) {
        shelf.texts["deep" + std::to_string(i)] = "include \"deep" + std::to_string(i + 1) + "\";";
        shelf.texts["flat" + std::to_string(i)] = "def f: 1;";
        shelf.texts["all"] += "include \"flat" + std::to_string(i) + "\";";
    }
    has(made_of("include \"deep0\"; 1", &shelf), "over more than 32 levels");
    has(made_of("include \"all\"; 1", &shelf), "more than 256 files are imported");

    shelf.texts["long"] = std::string(machine::Modules::code_max + 1, ' ');
    has(made_of("include \"long\"; 1", &shelf), "at most 1 MiB together, with long they have more");
    shelf.texts["half"] = shelf.texts["other"] = std::string(machine::Modules::code_max / 2, ' ');
    CHECK(made_of("include \"half\"; include \"other\"; 1", &shelf) == "1");
    shelf.texts["flat0"] += " ";
    has(made_of("include \"half\"; include \"other\"; include \"flat0\"; 1", &shelf),
        "at most 1 MiB");
    shelf.texts["data"] = std::string(machine::Modules::data_max + 1, ' ');
    has(made_of("import \"data\" as $d; 1", &shelf), "at most 8 MiB together");

    shelf.texts["names"].clear();
    for (int i = 0; i < 101; ++i) shelf.texts["names"] += "def f" + std::to_string(i) + ": 1;";
    std::string many;
    for (int i = 0; i < 100; ++i) many += "import \"names\" as m" + std::to_string(i) + ";";
    has(made_of(many + "1", &shelf), "modules bring more than 10000 names");
    shelf.texts["nested"] = "def f: " + std::string(5000, '(') + "1" + std::string(5000, ')') + ";";
    has(made_of("include \"nested\"; 1", &shelf), "nests too deep (in nested, line 1, column");
}

TEST_CASE("an error in a module names its file, line and column, and stands at the import") {
    Shelf shelf;
    shelf.texts = {{"bad", "def f: 1;\n\ndef g: (;"},
                   {"uses", "def ok: 1;\ninclude \"bad\";"},
                   {"deep", "include \"bad\";"},
                   {"name", "def f:\n  nope;"},
                   {"bytes", "def f: \"\xff\";"},
                   {"data", "{\"a\":1}\n{\"b\":}"},
                   {"text", "\xff"},
                   {"levels", std::string(64, '[') + std::string(64, ']')},
                   {"comma", "1,2"}};
    const auto wrong = [&](const std::string& program) {
        const auto code = machine::compile(program, {.modules = &shelf});
        REQUIRE_FALSE(code.has_value());
        return std::to_string(code.error().offset) + ": " + code.error().reason;
    };
    CHECK(wrong("include \"deep\"; 1") ==
          "8: syntax error: unexpected `;` (in bad, line 3, column 9)");
    CHECK(wrong("import \"deep\" as x; import \"uses\" as y; 1") ==
          "7: syntax error: unexpected `;` (in bad, line 3, column 9)");
    CHECK(wrong("include \"uses\"; 1") ==
          "8: a module has definitions only (in uses, line 2, column 1)");
    CHECK(wrong("def g: 1; \n nope") == "12: nope/0 is not defined");
    CHECK(wrong("import \"name\" as n; \n 1 + n::f") ==
          "7: nope/0 is not defined (in name, line 2, column 3)");
    CHECK(wrong("import \"name\" as n; n::g") == "20: n::g/0 is not defined");
    has(wrong("include \"bytes\"; 1"), "8: the module is not UTF-8 (in bytes");
    has(wrong("import \"data\" as $d; 1"), "(in data, line 2, column 6)");
    has(wrong("import \"comma\" as $d; 1"), "(in comma, line 1, column 2)");
    has(wrong("import \"levels\" as $d; 1"), "more than 64 levels");
    has(wrong("import \"text\" as $d; 1"), "(in text, line 1, column 1)");
    has(wrong("import \"text\" as $d {raw: true}; 1"), "not UTF-8");
    CHECK(wrong("include \"none\"; 1") == "8: no none");
    const auto alone = machine::compile("include \"a\"; 1");
    REQUIRE_FALSE(alone.has_value());
    CHECK(alone.error().reason == "this program has no folder to import from");
}

TEST_CASE("a module sees its own imports and what stands before, and nothing of who imports it") {
    Shelf shelf;
    shelf.texts = {{"a", "def f: map(. + 1); def map(g): 0; def h: map(1); def n: $named;"},
                   {"b", "include \"a\"; def deep: h;"}};
    CHECK(made_of("include \"a\"; [[1] | f, h, map(2)]", &shelf) == "[[2],0,0]");
    CHECK(made_of("include \"b\"; [deep, ([1] | map(. + 3))]", &shelf) == "[0,[4]]");
    CHECK(made_of("include \"b\"; h", &shelf) == "? h/0 is not defined");
    CHECK(made_of("import \"a\" as a; def map(g): 9; [([1] | a::f), map(1)]", &shelf) == "[[2],9]");
    const std::vector<machine::NamedValue> named{{"named", "[7]"}};
    CHECK(machine::compile("include \"a\"; n", {.named = named, .modules = &shelf}).has_value());
    CHECK(made_of("get_search_list", &shelf) == "[\"/shelf\"]");
    CHECK(made_of("get_search_list", nullptr) == "[]");
}

TEST_CASE("an import that may be missing brings nothing where no folder has it") {
    Shelf shelf;
    shelf.texts["bad"] = "def";
    CHECK(made_of("import \"x\" as x {optional: true}; 1", &shelf) == "1");
    has(made_of("import \"x\" as $x {optional: true}; $x", &shelf), "$x is not defined");
    has(made_of("import \"bad\" as x {optional: true}; 1", &shelf), "syntax error");
}

TEST_CASE("data files are the array of their values, with their digits") {
    const auto array = [](std::string_view text) {
        const auto made = machine::array_of_values(text);
        return made ? *made : "? " + std::to_string(made.error().offset);
    };
    CHECK(array("") == "[]");
    CHECK(array("\xef\xbb\xbf 1.0 1e2\n\"a\\\"]\"null") == "[1.0,1e2,\"a\\\"]\",null]");
    CHECK(array("{\"a\":\"}\"}[[]]{}") == "[{\"a\":\"}\"},[[]],{}]");
    for (const char* wrong :
         {"]", "[1", "\"a", "{", "truefalse", "1 nan", "\"\\ud800\"", "[1}", "\\"}) {
        INFO(wrong);
        CHECK(array(wrong).starts_with("? "));
    }
}

TEST_CASE("metadata of a module tells what it imports and defines") {
    Shelf shelf;
    shelf.texts["m"] =
        "module {name: \"m\", n: .5, l: [1, \"x\", {y: null}], big: 007.e1};\n"
        "import \"a\" as foo {search: \"./\", x: true}; import \"d\" as $d; include \"b\";\n"
        "def one: 1; def two(f; $g): 2;";
    const auto made = machine::module_metadata(shelf, "m");
    REQUIRE(made.has_value());
    CHECK(*made == R"({"name":"m","n":0.5,"l":[1,"x",{"y":null}],"big":7e1,"deps":[)"
                   R"({"search":"./","x":true,"as":"foo","is_data":false,"relpath":"a"},)"
                   R"({"as":"d","is_data":true,"relpath":"d"},{"is_data":false,"relpath":"b"}],)"
                   R"("defs":["one/0","two/2"]})");
    CHECK(machine::module_metadata(shelf, "x").error() == "no x");
    has(machine::module_metadata(shelf, "../m").error(), "parent directories");
    has(made_of("\"m\" | modulemeta", &shelf), "! modulemeta reads files");
}

TEST_CASE("an import is looked for where jq's manual says") {
    const Folder dir;
    const fs::path top = dir.path;
    write(top / "own/a.jq", "def f: \"own\";");
    write(top / "first/b.jq", "def f: \"b.jq\";");
    write(top / "first/b/b.jq", "def f: \"b/b.jq\";");
    write(top / "second/a.jq", "def f: \"second\";");
    write(top / "second/c/c.jq", "def f: \"c/c.jq\";");
    write(top / "second/c/jq/main.jq", "def f: \"main\";");
    write(top / "second/x/y/y.jq", "import \"z\" as z {search: \".\"}; def f: z::f;");
    write(top / "second/x/y/z.jq", "def f: \"z\";");
    write(top / "second/e.json", "1 2");
    fs::create_directories(top / "first/pipe.jq");
    ModuleFiles files((top / "own").string(),
                      {(top / "first").string(), (top / "second").string()});
    const auto made = [&](const std::string& program) { return made_of(program, &files); };
    CHECK(made("import \"a\" as m; m::f") == "\"own\"");
    CHECK(made("import \"b\" as m; m::f") == "\"b.jq\"");
    CHECK(made("import \"c\" as m; m::f") == "\"main\"");
    CHECK(made("import \"x/y\" as m; m::f") == "\"z\"");
    CHECK(made("import \"e\" as $e; $e::e") == "[1,2]");
    CHECK(made("import \"a\" as m {search: \"../second\"}; m::f") == "\"second\"");
    CHECK(made("import \"b\" as m {search: [\"./\", \"../second\", \"../first/b\"]}; m::f") ==
          "\"b/b.jq\"");
    has(made("import \"b\" as m {search: \"../second\"}; m::f"),
        "module not found: b (neither b.jq nor b/b.jq is in " + (top / "second").string() + ")");
    has(made("import \"pipe\" as m; m::f"), "pipe.jq cannot be imported: it is no regular file");
    CHECK(made("get_search_list | length") == "2");

    // Whoever asks later gets what was there at first.
    write(top / "own/a.jq", "def f: \"new\";");
    fs::remove(top / "first/b.jq");
    CHECK(made("import \"a\" as m; import \"b\" as n; m::f, n::f") == "\"own\"  \"b.jq\"");
    CHECK(files.texts().at((top / "own/a.jq").string()) == "def f: \"own\";");

    const std::string home = std::getenv("HOME") == nullptr ? "" : std::getenv("HOME");
    ::setenv("HOME", (top / "second").c_str(), 1);
    CHECK(made("import \"a\" as m {search: \"~/\"}; m::f") == "\"second\"");
    CHECK(made("import \"y\" as m {search: \"~/x\"}; m::f") == "\"z\"");
    ::setenv("HOME", home.c_str(), 1);
    has(made("import \"a\" as m {search: \"$ORIGIN/../lib\"}; m::f"), "module not found: a");
}

TEST_CASE("programs of transforms import, and clones share what was read") {
    const Folder dir;
    write(dir.path / "lib/tidy.jq", "def tidy: .env = \"prod\";");
    ProgramSettings settings;
    settings.modules = module_files(dir.path.string(), {(dir.path / "lib").string()});
    const auto program = compile_program("import \"tidy\" as t; t::tidy", settings);
    REQUIRE(program);
    CHECK((*program)->engine() == "machine");
    fs::remove(dir.path / "lib/tidy.jq");
    const auto copy = (*program)->clone();
    CHECK(test::run(*copy, R"({"a":1.0})").outputs ==
          std::vector<std::string>{R"({"a":1.0,"env":"prod"})"});
    CHECK(compile_condition("include \"tidy\"; tidy | .env", settings).has_value());
    CHECK(settings.modules->bytes() > 0);
    const auto none = compile_program("import \"tidy\" as t; 1");
    REQUIRE_FALSE(none.has_value());
    CHECK(none.error().message.find("no folder to import from") != std::string::npos);
}

TEST_CASE(
    "values of 64 levels that a program is given are an error where all of them are asked for") {
    const std::string deep = std::string(64, '[') + std::string(64, ']');
    const std::vector<machine::NamedValue> named{{"a", deep}};
    CHECK(machine::compile("$a", {.named = named}).has_value());
    const auto all = machine::compile("$ARGS", {.named = named});
    REQUIRE_FALSE(all.has_value());
    has(all.error().reason, "more than 64 levels");
}
