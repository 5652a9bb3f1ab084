// What of the style a machine can check. Each finding names file and line, and what to do.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

struct File {
    std::string path;  ///< From the root of the repository.
    std::vector<std::string> lines;
};

std::vector<File> read_files(const std::set<std::string>& folders,
                             const std::set<std::string>& extensions) {
    std::vector<File> out;
    const fs::path root(HF_SOURCE_DIR);
    for (const std::string& folder : folders) {
        if (!fs::exists(root / folder)) continue;
        for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
            if (!entry.is_regular_file() || !extensions.contains(entry.path().extension()))
                continue;
            File file{fs::relative(entry.path(), root).string(), {}};
            std::ifstream in(entry.path());
            for (std::string line; std::getline(in, line);) file.lines.push_back(line);
            out.push_back(std::move(file));
        }
    }
    std::sort(out.begin(), out.end(), [](auto& a, auto& b) { return a.path < b.path; });
    return out;
}

std::vector<File> sources() {
    return read_files({"core", "io", "sim", "props", "tests", "fuzz", "bench"}, {".cpp", ".hpp"});
}

std::string at(const File& file, std::size_t line) {
    return file.path + ":" + std::to_string(line + 1) + ": ";
}

/// What stands between the quotes or brackets of an #include, or nothing.
std::string included(const std::string& line) {
    if (!line.starts_with("#include")) return "";
    const std::size_t begin = line.find_first_of("\"<");
    const std::size_t end = line.find_last_of("\">");
    if (begin == std::string::npos || end <= begin) return "";
    return line.substr(begin + 1, end - begin - 1);
}

/// The line without comments and without what stands between quotes.
std::string code_of(const std::string& line) {
    std::string out;
    char quote = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (quote) {
            if (line[i] == '\\') {
                ++i;
            } else if (line[i] == quote) {
                quote = 0;
            }
            continue;
        }
        if (line.compare(i, 2, "//") == 0) break;
        const bool separator =
            line[i] == '\'' && i > 0 && std::isxdigit(static_cast<unsigned char>(line[i - 1]));
        if (line[i] == '"' || (line[i] == '\'' && !separator)) {
            quote = line[i];
            continue;
        }
        out += line[i];
    }
    return out;
}

/// The words of the identifiers: `commit_handler` and `CommitHandler` give commit and handler.
std::vector<std::string> words_of(const std::string& code) {
    std::vector<std::string> out(1);
    for (const char raw : code) {
        const auto c = static_cast<unsigned char>(raw);
        if (std::isupper(c) || !std::isalpha(c)) out.emplace_back();
        if (std::isalpha(c)) out.back() += static_cast<char>(std::tolower(c));
    }
    return out;
}

void report(const std::vector<std::string>& findings) {
    std::string all;
    for (const std::string& finding : findings) all += finding + "\n";
    INFO(all);
    CHECK(findings.empty());
}

}  // namespace

TEST_CASE("files are shorter than 500 lines") {
    const std::vector<File> files = sources();
    REQUIRE(files.size() > 50);
    std::vector<std::string> findings;
    for (const File& file : files) {
        if (file.lines.size() < 500) continue;
        findings.push_back(file.path + " has " + std::to_string(file.lines.size()) + " lines");
    }
    report(findings);
}

TEST_CASE("headers and the engine's files begin by saying what they are") {
    std::vector<std::string> findings;
    for (const File& file : sources()) {
        if (!file.path.ends_with(".hpp") && !file.path.starts_with("core/engine/")) continue;
        if (!file.lines.empty() && file.lines[0].starts_with("// ")) continue;
        findings.push_back(file.path + ": begin with a comment that says what it is");
    }
    report(findings);
}

TEST_CASE("core includes only core and headers without clocks, files, threads or allocation") {
    const std::set<std::string> everywhere{"algorithm", "array",       "bit",      "compare",
                                           "concepts",  "cstddef",     "cstdint",  "cstring",
                                           "limits",    "new",         "optional", "span",
                                           "utility",   "type_traits", "variant"};
    const std::set<std::string> data{"charconv", "expected",    "memory", "nmmintrin.h",
                                     "string",   "string_view", "vector"};
    const std::set<std::string> codec{"expected", "memory",   "string",    "string_view",
                                      "vector",   "charconv", "simdjson.h"};
    const std::set<std::string> jq{"charconv", "expected",    "memory",
                                   "string",   "string_view", "vector"};
    const std::set<std::string> text{"memory", "string", "string_view", "vector"};
    // An engine together with its memory is for those who may allocate.
    const std::map<std::string, std::set<std::string>> own{
        {"core/engine/owned.hpp", {"memory", "vector"}},
        {"core/codec/msgpack_write.cpp", {"msgpack.hpp"}},
        {"core/jq/machine/natives_math.cpp", {"cmath"}},
        {"core/jq/tape.cpp", {"simdjson.h"}}};
    std::vector<std::string> findings;
    for (const File& file : read_files({"core"}, {".cpp", ".hpp"})) {
        for (std::size_t i = 0; i < file.lines.size(); ++i) {
            const std::string name = included(file.lines[i]);
            if (name.empty() || name.starts_with("core/") || everywhere.contains(name)) continue;
            if (file.path.starts_with("core/data/") && data.contains(name)) continue;
            if (file.path.starts_with("core/record/") && name == "vector") continue;
            if (file.path.starts_with("core/codec/") && codec.contains(name)) continue;
            if (file.path.starts_with("core/jq/") && jq.contains(name)) continue;
            if (file.path.starts_with("core/text/") && text.contains(name)) continue;
            const auto exception = own.find(file.path);
            if (exception != own.end() && exception->second.contains(name)) continue;
            findings.push_back(at(file, i) + name + " is not for core/");
        }
    }
    report(findings);
}

TEST_CASE("layers include only what stands above them") {
    const std::map<std::string, std::vector<std::string>> never{
        {"io/sources/", {"liburing", "io/uring/", "io/posix/", "io/runner/", "io/cli/", "sim/"}},
        {"io/sinks/", {"liburing", "io/uring/", "io/posix/", "io/runner/", "io/cli/", "sim/"}},
        {"io/component/", {"liburing", "io/uring/", "io/posix/", "io/runner/", "io/cli/", "sim/"}},
        {"io/devices/", {"liburing", "io/uring/", "io/posix/", "io/runner/", "io/cli/", "sim/"}},
        {"io/runner/", {"io/cli/", "sim/"}},
        {"io/uring/", {"io/cli/", "io/runner/", "sim/"}},
        {"io/posix/", {"io/cli/", "io/runner/", "sim/", "liburing"}},
        {"io/embed/",
         {"liburing", "io/devices/", "io/uring/", "io/posix/", "io/runner/", "io/cli/", "io/jq/",
          "io/ring.hpp", "io/task.hpp", "io/device.hpp", "io/payloads.hpp", "io/log.hpp", "sim/"}},
        {"io/embed_c/",
         {"liburing", "io/devices/", "io/uring/", "io/posix/", "io/runner/", "io/cli/", "sim/"}},
        {"sim/kit/", {"io/devices/", "io/ring.hpp", "io/task.hpp", "io/device.hpp", "io/jq/"}},
        // The joint world drives the runner itself (io/runner/process.hpp), and that of records the
        // graph that the runner makes of a config; nothing else does.
        {"sim/record_world", {"liburing", "io/uring/", "io/posix/", "io/cli/"}},
        {"sim/joint_", {"liburing", "io/uring/", "io/posix/", "io/cli/"}},
        {"sim/trial/", {"liburing", "io/uring/", "io/posix/", "io/cli/"}},
        {"sim/models/", {"liburing", "io/uring/", "io/posix/", "io/cli/", "io/runner/"}},
        {"sim/", {"liburing", "io/uring/", "io/posix/", "io/runner/", "io/cli/"}},
    };
    std::vector<std::string> findings;
    for (const File& file : sources()) {
        for (const auto& [folder, forbidden] : never) {
            if (!file.path.starts_with(folder)) continue;
            const bool drives = file.path.starts_with("sim/joint_") ||
                                file.path.starts_with("sim/trial/") ||
                                file.path.starts_with("sim/record_world");
            if (folder == "sim/" && drives) continue;
            for (std::size_t i = 0; i < file.lines.size(); ++i) {
                for (const std::string& name : forbidden) {
                    if (!included(file.lines[i]).starts_with(name)) continue;
                    findings.push_back(at(file, i) + folder + " must not include " + name);
                }
            }
        }
    }
    report(findings);
}

/// The kinds of sources and sinks, by their folders: "io/sources/file/".
std::vector<std::string> kind_folders() {
    std::vector<std::string> out;
    for (const char* group : {"io/sources", "io/sinks"})
        for (const auto& entry :
             std::filesystem::directory_iterator(std::string(HF_SOURCE_DIR "/") + group))
            if (entry.is_directory())
                out.push_back(std::string(group) + "/" + entry.path().filename().string() + "/");
    return out;
}

TEST_CASE("a kind of source or sink is named by its own folder and the list of kinds only") {
    std::vector<std::string> findings;
    const std::vector<std::string> folders = kind_folders();
    CHECK(folders.size() >= 5);
    for (const File& file :
         read_files({"core", "io", "sim/trial", "sim/models"}, {".cpp", ".hpp"})) {
        if (file.path == "io/component/registry.cpp" || file.path == "sim/models/models.cpp")
            continue;
        for (const std::string& folder : folders) {
            const std::string path = folder.substr(0, folder.size() - 1);
            const std::string kind = path.substr(path.rfind('/') + 1);
            // A source and a sink of one name may speak of each other.
            if (file.path.contains("/" + kind + "/")) continue;
            for (std::size_t i = 0; i < file.lines.size(); ++i) {
                const std::string code = code_of(file.lines[i]);
                const bool includes = included(file.lines[i]).starts_with(folder);
                const bool calls =
                    code.contains(kind + "_source_kind(") || code.contains(kind + "_sink_kind(");
                // "file" is a word of other things, too.
                const bool is_code = code.find_first_not_of(' ') != std::string::npos;
                const bool says =
                    kind != "file" && is_code && file.lines[i].contains("\"" + kind + "\"");
                if (includes || calls || says)
                    findings.push_back(at(file, i) + "names the kind " + kind);
            }
        }
    }
    report(findings);
}

/// The rows of docs/glossary.md below the table head that begins so: first column to second.
std::map<std::string, std::string> glossary(const std::string& head) {
    std::map<std::string, std::string> out;
    std::ifstream in(fs::path(HF_SOURCE_DIR) / "docs/glossary.md");
    bool inside = false;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("| " + head + " |")) {
            inside = true;
        } else if (inside && line.starts_with("| ")) {
            const std::size_t middle = line.find(" | ");
            REQUIRE(middle != std::string::npos);
            REQUIRE(line.ends_with(" |"));
            out[line.substr(2, middle - 2)] = line.substr(middle + 3, line.size() - middle - 3 - 2);
        } else if (!line.starts_with("|")) {
            inside = false;
        }
    }
    return out;
}

TEST_CASE("core speaks the glossary") {
    const std::map<std::string, std::string> instead = glossary("not this word");
    CHECK(instead.size() >= 8);
    std::vector<std::string> findings;
    for (const File& file : read_files({"core"}, {".cpp", ".hpp"})) {
        for (std::size_t i = 0; i < file.lines.size(); ++i) {
            for (std::string word : words_of(code_of(file.lines[i]))) {
                if (word.ends_with("s")) word.pop_back();
                const auto found = instead.find(word);
                if (found == instead.end()) continue;
                findings.push_back(at(file, i) + found->first + ": say " + found->second);
            }
        }
    }
    report(findings);
}

TEST_CASE("each word of the glossary stands in code or on another page, and no word twice") {
    std::string all;
    for (const File& file : read_files({"core", "io", "sim"}, {".cpp", ".hpp"}))
        for (const std::string& line : file.lines) all += line + "\n";
    std::set<std::string> seen;
    std::vector<std::string> findings;
    const auto rows = glossary("word");
    CHECK(rows.size() >= 30);
    for (const auto& [words, what] : rows) {
        std::istringstream each(words);
        for (std::string word; std::getline(each >> std::ws, word, ',');) {
            if (!seen.insert(word).second) findings.push_back(word + " stands twice");
            std::string code = word;
            std::ranges::replace(code, ' ', '_');
            if (all.find(word) == std::string::npos && all.find(code) == std::string::npos)
                findings.push_back(word + " stands nowhere in the code");
        }
        if (what.size() < 10) findings.push_back(words + ": what is it?");
    }
    report(findings);
}

TEST_CASE("code has no notes to do things later") {
    // Written in two halves, so that this file is no finding.
    const std::vector<std::string> marks{std::string("TO") + "DO", std::string("FIX") + "ME"};
    std::vector<std::string> findings;
    for (const File& file : sources()) {
        for (std::size_t i = 0; i < file.lines.size(); ++i) {
            for (const std::string& mark : marks) {
                if (file.lines[i].find(mark) == std::string::npos) continue;
                findings.push_back(at(file, i) + mark + ": do it, or say why it is as it is");
            }
        }
    }
    report(findings);
}

TEST_CASE("documents and code name no path of one machine") {
    std::vector<File> files = read_files({"docs", "examples"}, {".md", ".toml", ".txt"});
    for (const char* name : {"README.md", "CMakeLists.txt", "CMakePresets.json", "dev"}) {
        File file{name, {}};
        std::ifstream in(fs::path(HF_SOURCE_DIR) / name);
        for (std::string line; std::getline(in, line);) file.lines.push_back(line);
        files.push_back(file);
    }
    for (const File& file : sources()) {
        if (!file.path.starts_with("tests/tidy/")) files.push_back(file);
    }
    std::vector<std::string> findings;
    for (const File& file : files) {
        for (std::size_t i = 0; i < file.lines.size(); ++i) {
            for (const char* folder : {"work", "home", "root", "Users", "shared"}) {
                const std::string path = "/" + std::string(folder) + "/";
                if (file.lines[i].find(path) == std::string::npos) continue;
                findings.push_back(at(file, i) + path + " is a path of one machine");
            }
        }
    }
    report(findings);
}

TEST_CASE("engine asserts what it promises") {
    std::size_t asserts = 0;
    for (const File& file : read_files({"core/engine"}, {".cpp", ".hpp"})) {
        for (const std::string& line : file.lines) {
            asserts += line.find("HF_ASSERT(") != std::string::npos;
        }
    }
    CHECK(asserts >= 15);
}
