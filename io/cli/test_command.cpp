// `holdfast test`: runs the [[tests]] of configs, and says what differs. See docs/tests.md.
#include <fmt/core.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <set>

#include "io/cli/commands.hpp"
#include "io/cli/config.hpp"
#include "io/cli/report_file.hpp"
#include "io/cli/test_judge.hpp"
#include "io/cli/test_run.hpp"
#include "io/printable.hpp"

namespace holdfast::cli {
namespace {

struct Ran {
    std::string name;
    std::uint32_t line = 0;
    std::vector<std::string> differences;  ///< Empty: it passed.
};

struct RanFile {
    std::string file;
    std::vector<std::string> problems;
    std::vector<Ran> tests;
};

std::size_t failed_of(const RanFile& file) {
    std::size_t failed = 0;
    for (const Ran& ran : file.tests) failed += ran.differences.empty() ? 0 : 1;
    return failed;
}

RanFile run_file(const std::string& file, const std::vector<std::string>& set,
                 const std::string& only) {
    const ConfigResult loaded = load_config_of_elsewhere(file, set);
    RanFile out{file, loaded.problems, {}};
    if (!loaded.problems.empty()) return out;
    for (const TestCase& test : loaded.tests) {
        if (test.name.find(only) == std::string::npos) continue;
        out.tests.push_back(
            {test.name, test.line, differences(test, run_test(loaded.config, test))});
    }
    return out;
}

// ---- for people --------------------------------------------------------------------------------

class Report {
public:
    Report(const std::string& color, bool quiet)
        : color_(wants_color(color, STDOUT_FILENO)), quiet_(quiet) {}

    void file(const RanFile& file) const {
        for (const std::string& problem : file.problems) {
            const std::vector<std::string> lines = lines_of_problem(problem);
            line("31", "x", lines.front());
            for (std::size_t i = 1; i < lines.size(); ++i)
                fmt::print("  {}\n", io::printable(lines[i]));
        }
        for (const Ran& ran : file.tests) {
            const std::string what = fmt::format("{}({}): {}", file.file, ran.line, ran.name);
            if (!ran.differences.empty())
                line("31", "x", what);
            else if (!quiet_)
                line("32", "\u221a", what);
            for (const std::string& text : ran.differences)
                fmt::print("    {}\n", io::printable(text));
        }
    }
    void good(const std::string& text) const {
        if (!quiet_) line("32", "\u221a", text);
    }
    void warn(const std::string& text) const { line("33", "~", text); }
    void bad(const std::string& text) const { line("31", "x", text); }

private:
    void line(const char* code, const char* sign, const std::string& text) const {
        const std::string plain = io::printable(text);
        if (color_)
            fmt::print("\x1b[{}m{}\x1b[0m {}\n", code, sign, plain);
        else
            fmt::print("{} {}\n", sign, plain);
    }
    bool color_;
    bool quiet_;
};

// ---- JUnit -------------------------------------------------------------------------------------

std::string junit(const std::vector<RanFile>& files) {
    std::string suites;
    std::size_t tests = 0, failures = 0, errors = 0;
    for (const RanFile& file : files) {
        const std::size_t failed = failed_of(file);
        const std::size_t broken = file.problems.empty() ? 0 : 1;
        suites +=
            fmt::format("  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\">\n",
                        xml(file.file), file.tests.size() + broken, failed, broken);
        if (broken == 1) {
            suites += "    <testcase name=\"the config is good\" classname=\"" + xml(file.file) +
                      "\"><error message=\"" +
                      xml(lines_of_problem(file.problems.front()).front()) + "\">";
            for (const std::string& problem : file.problems)
                for (const std::string& text : lines_of_problem(problem))
                    suites += xml(text) + "\n";
            suites += "</error></testcase>\n";
        }
        for (const Ran& ran : file.tests) {
            suites +=
                fmt::format("    <testcase name=\"{}\" classname=\"{}\" file=\"{}\" line=\"{}\"",
                            xml(ran.name), xml(file.file), xml(file.file), ran.line);
            if (ran.differences.empty()) {
                suites += "/>\n";
                continue;
            }
            suites += "><failure message=\"" + xml(ran.differences.front()) + "\">";
            for (const std::string& text : ran.differences) suites += xml(text) + "\n";
            suites += "</failure></testcase>\n";
        }
        suites += "  </testsuite>\n";
        tests += file.tests.size() + broken;
        failures += failed;
        errors += broken;
    }
    return fmt::format(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<testsuites tests=\"{}\" failures=\"{}\" errors=\"{}\">\n{}</testsuites>\n",
        tests, failures, errors, suites);
}

}  // namespace

int test_command(const TestCommand& command) {
    // What localtime says may not depend on the machine.
    ::setenv("TZ", "UTC", 1);
    ::tzset();
    if (!command.junit.empty()) {
        const std::string problem = report_problem(command.junit, command.files);
        if (!problem.empty()) {
            fmt::print(stderr, "holdfast: {}\n", problem);
            return exit_usage;
        }
    }
    const Report report(command.color, command.quiet);
    std::vector<RanFile> files;
    std::size_t ran = 0, failed = 0, wrong = 0;
    for (const std::string& file : command.files) {
        files.push_back(run_file(file, command.set, command.only));
        report.file(files.back());
        ran += files.back().tests.size();
        failed += failed_of(files.back());
        wrong += files.back().problems.empty() ? 0 : 1;
        if (files.back().problems.empty() && files.back().tests.empty() && command.only.empty())
            report.warn(file + ": has no [[tests]]");
    }
    if (!command.junit.empty() && !write_file(command.junit, junit(files))) {
        fmt::print(stderr, "holdfast: {} cannot be written\n", io::printable(command.junit));
        return exit_io;
    }
    if (wrong > 0) return exit_config;
    if (ran == 0) {
        report.bad(command.only.empty() ? "there are no [[tests]]; expected some: see docs/tests.md"
                                        : "no test has \"" + command.only + "\" in its name");
        return exit_config;
    }
    const std::string sum = fmt::format("{} test{}, {} failed", ran, ran == 1 ? "" : "s", failed);
    if (failed > 0) {
        report.bad(sum);
        return exit_failed;
    }
    report.good(sum);
    std::fflush(stdout);
    return std::ferror(stdout) != 0 ? exit_io : exit_done;
}

}  // namespace holdfast::cli
