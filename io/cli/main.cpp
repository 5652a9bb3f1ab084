// The program's entry: flags to commands.
#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <sstream>
#include <string>
#include <string_view>

#include "io/cli/commands.hpp"
#include "io/printable.hpp"
#include "sim/command.hpp"
#include "sim/habitats.hpp"

namespace {

using namespace holdfast::cli;

CLI::App* command(CLI::App& app, const char* name, const char* what, const char* example) {
    CLI::App* sub = app.add_subcommand(name, what);
    sub->footer(std::string("Example:\n  ") + example);
    return sub;
}

struct Verbosity {
    int more = 0;
    bool quiet = false;
};

void add_terminal_flags(CLI::App& sub, Terminal::Options& options, Verbosity& verbosity) {
    sub.add_option("--color", options.color, "auto, always or never")
        ->check(CLI::IsMember({"auto", "always", "never"}))
        ->envname("HOLDFAST_COLOR")
        ->capture_default_str();
    sub.add_option("--log-format", options.log_format, "text or json")
        ->check(CLI::IsMember({"text", "json"}))
        ->envname("HOLDFAST_LOG_FORMAT")
        ->capture_default_str();
    auto* verbose =
        sub.add_flag("-v,--verbose", verbosity.more, "Log everything")->envname("HOLDFAST_VERBOSE");
    sub.add_flag("-q,--quiet", verbosity.quiet, "Log only warnings and errors; no balance")
        ->envname("HOLDFAST_QUIET")
        ->excludes(verbose);
}

void add_set(CLI::App& sub, std::vector<std::string>& set) {
    sub.add_option("--set", set, "KEY=VALUE: replaces a value of the file; may be repeated")
        ->type_size(1)
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->envname("HOLDFAST_SET");
}

void add_config(CLI::App& sub, std::string& file, std::vector<std::string>& set) {
    sub.add_option("FILE", file, "The config file")->required()->envname("HOLDFAST_CONFIG");
    add_set(sub, set);
}

void add_test(CLI::App& app, TestCommand& test, int& exit) {
    auto* sub =
        command(app, "test", "Run the [[tests]] of configs: transforms without a pipeline",
                "holdfast test pipeline.toml\n"
                "  holdfast test --junit report.xml pipelines/*.toml\n"
                "A test in pipeline.toml:\n"
                "  [[tests]]\n"
                "  name = \"debug lines are dropped\"\n"
                "  [[tests.inputs]]\n"
                "  to = \"in\"\n"
                "  records = ['{\"level\":\"debug\"}', '{\"level\":\"error\"}']\n"
                "  [[tests.outputs]]\n"
                "  from = \"out\"\n"
                "  records = ['{\"level\":\"error\"}']\n"
                "Exit codes:\n"
                "  0 all passed, 1 some failed, 78 a config is wrong or there are no tests");
    sub->add_option("FILE", test.files, "Config files")->required();
    add_set(*sub, test.set);
    sub->add_option("--junit", test.junit, "Also write the results to this file, as JUnit XML");
    sub->add_option("--only", test.only, "Only tests with this text in their names");
    sub->add_flag("-q,--quiet", test.quiet, "Say only what failed");
    sub->add_option("--color", test.color, "auto, always or never")
        ->check(CLI::IsMember({"auto", "always", "never"}))
        ->envname("HOLDFAST_COLOR")
        ->capture_default_str();
    sub->callback([&test, &exit] { exit = test_command(test); });
}

void add_guarantee(CLI::App& app, GuaranteeCommand& guarantee, int& exit) {
    auto* sub = command(app, "guarantee", "Say for each path what holds when something fails",
                        "holdfast guarantee pipeline.toml\n"
                        "  holdfast guarantee --require at-least-once,order pipeline.toml\n"
                        "Exit codes:\n"
                        "  0 all that is required holds, 1 it does not, 78 the config is wrong");
    add_config(*sub, guarantee.file, guarantee.set);
    sub->add_option("--require", guarantee.required,
                    "What must hold on every path: at-least-once, exactly-once, power-loss, order, "
                    "bounded-memory")
        ->delimiter(',')
        ->check(CLI::IsMember(
            {"at-least-once", "exactly-once", "power-loss", "order", "bounded-memory"}));
    sub->add_flag("--json", guarantee.json, "As JSON");
    sub->callback([&guarantee, &exit] { exit = guarantee_command(guarantee); });
}

int verbosity_of(const Verbosity& verbosity) { return verbosity.quiet ? -1 : verbosity.more > 0; }

/// The flags of a trial of the user's own pipeline; `config`: the one that asks for it.
CLI::Option* add_trial(CLI::App& sub, SimPipelineCommand& trial) {
    auto* config = sub.add_option("-c,--config", trial.file,
                                  "Try this pipeline, whole, instead of the engine alone");
    sub.add_option("--faults", trial.faults,
                   "With -c, which: all, none, crash, power-loss, torn-write, lost-fsync, enospc, "
                   "slow-disk, sink-down, throttle, ack-lost, clock-jump, signals, rotation")
        ->delimiter(',')
        ->needs(config);
    sub.add_option("--accept", trial.accepted,
                   "With -c: a key whose findings are known and do not count, such as "
                   "sinks.out.fsync; may be repeated")
        ->delimiter(',')
        ->needs(config);
    sub.add_option("--records", trial.records,
                   "With -c: a file of records, one a line, instead of those of the config's "
                   "[[tests]], of its inputs, or made")
        ->needs(config);
    sub.add_option("--junit", trial.junit, "With -c: also write the results to this file")
        ->needs(config);
    add_set(sub, trial.set);
    return config;
}

void add_sim(CLI::App& app, holdfast::sim::SimOptions& sim, SimPipelineCommand& trial, int& exit) {
    auto* sub = command(
        app, "sim", "Break everything around the engine, or around a pipeline, seed by seed",
        "holdfast sim -c pipeline.toml --seeds 500\n"
        "  holdfast sim -c pipeline.toml --faults crash,power-loss --junit sim.xml\n"
        "  holdfast sim --seeds 20000 --jobs 2\n  holdfast sim --seed 4711\n"
        "Exit codes with -c:\n"
        "  0 nothing is lost, 1 something is, or stops or hangs, 2 the config is wrong or nothing "
        "of it\n  can be simulated");
    auto* one =
        sub->add_option("--seed", sim.first_seed, "Only this seed; its failure is told whole");
    sub->add_option(
           "--world", sim.world,
           "engine; joint: the whole pipeline on a simulated disk; or one device: tailer, "
           "streams, reads, text, checkpoints, file_sink, dead_letters, tokens, graphs, "
           "keys, memory, programs, sockets, exec, records, lines; trial: drawn pipelines, as "
           "with -c")
        ->check([](const std::string& name) {
            const bool known = name == "engine" || holdfast::sim::habitat_of(name);
            return known ? std::string() : "there is no world of that name";
        });
    auto* seeds = sub->add_option("--seeds", sim.seeds, "How many seeds; with -c 200 unless said")
                      ->envname("HOLDFAST_SEEDS")
                      ->capture_default_str()
                      ->excludes(one);
    sub->add_option("--first", sim.first_seed, "The first of them")->excludes(one);
    sub->add_option("--jobs", sim.jobs, "Threads; 0: one a core")
        ->envname("HOLDFAST_JOBS")
        ->capture_default_str();
    sub->add_option("--until", sim.until, "Stop each seed after so many events");
    sub->add_option("--lies", sim.lies,
                    "Sinks lie about so many of a thousand records: to see the judge notice it");
    sub->add_option("--scenario", sim.scenario, "Replay this file instead");
    sub->add_option("--out", sim.out, "The folder for shrunk failures");
    sub->add_flag("--json", sim.json, "As JSON");
    sub->add_flag("--twice", sim.twice, "Run each seed twice and compare the traces");
    sub->add_flag("!--no-shrink", sim.shrink, "Leave the first failure as it is");
    sub->add_flag("--log", sim.log_full, "Print every event and effect of the seed");
    sub->add_flag("--golden", sim.golden, "Print the traces' hashes, nothing else");
    sub->add_flag("--probes", sim.probes, "List the probes; fail if one was not hit");
    const auto* config = add_trial(*sub, trial);
    sub->callback([&sim, &trial, &exit, one, seeds, config] {
        sim.one_seed = one->count() > 0;
        if (config->count() == 0) {
            exit = holdfast::sim::sim_command(sim);
            return;
        }
        if (seeds->count() > 0) trial.seeds = sim.seeds;
        trial.first_seed = sim.first_seed;
        trial.one_seed = sim.one_seed;
        trial.jobs = sim.jobs;
        trial.json = sim.json;
        exit = sim_pipeline_command(trial);
    });
}

/// Line by line: what was typed may be in it.
void say(std::FILE* to, const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        std::fprintf(to, "%s\n", holdfast::io::printable(line).c_str());
}

int run(int argc, char** argv) {
    // Its arguments are jq's: also --arg NAME VALUE and -cr.
    if (argc > 1 && std::string_view(argv[1]) == "jq") return jq_command({argv + 2, argv + argc});

    CLI::App app{"holdfast takes records from sources and delivers each one to every sink"};
    app.name("holdfast");
    app.require_subcommand(1);
    app.footer("Example:\n  holdfast run examples/demo.toml");
    app.set_version_flag("--version", "holdfast 0.1.0");

    int exit = exit_done;
    Verbosity verbosity;
    RunCommand run;
    auto* run_sub =
        command(app, "run", "Run a pipeline until its sources end or a signal comes",
                "holdfast run --set engine.memory_limit=32MiB pipeline.toml\n"
                "Signals:\n  INT or TERM finishes what was read, the second one stops now, "
                "as QUIT does;\n  USR1 logs the state: what it waits for");
    add_config(*run_sub, run.file, run.set);
    run_sub->add_option("--progress", run.progress, "auto, plain (a line every 5s) or off")
        ->check(CLI::IsMember({"auto", "plain", "off"}))
        ->envname("HOLDFAST_PROGRESS")
        ->capture_default_str();
    run_sub->add_option("--ring", run.ring, "auto, uring or posix: how to speak to the kernel")
        ->check(CLI::IsMember({"auto", "uring", "posix"}))
        ->envname("HOLDFAST_RING")
        ->capture_default_str();
    add_terminal_flags(*run_sub, run.terminal, verbosity);
    run_sub->callback([&] {
        run.terminal.verbosity = verbosity_of(verbosity);
        exit = run_command(run);
    });

    ValidateCommand validate;
    auto* validate_sub = command(app, "validate", "Check a config and say what it promises",
                                 "holdfast validate pipeline.toml");
    add_config(*validate_sub, validate.file, validate.set);
    validate_sub->add_flag("--json", validate.json, "The effective config, as JSON");
    validate_sub->add_option("--color", validate.terminal.color, "auto, always or never")
        ->check(CLI::IsMember({"auto", "always", "never"}))
        ->envname("HOLDFAST_COLOR")
        ->capture_default_str();
    validate_sub->callback([&] { exit = validate_command(validate); });

    GuaranteeCommand guarantee;
    add_guarantee(app, guarantee, exit);

    TestCommand test;
    add_test(app, test, exit);
    // Flags as jq's own are read by jq_command (below).
    command(app, "jq", "Run a jq program over JSON, as the jq command does",
            "holdfast jq -c '.msg' app.log");
    holdfast::sim::SimOptions sim;
    SimPipelineCommand trial;
    add_sim(app, sim, trial, exit);

    bool json = false;
    auto* keys_sub =
        command(app, "keys", "List every key of the config file", "holdfast keys | less");
    keys_sub->add_flag("--json", json, "As JSON");
    keys_sub->callback([&] { exit = keys_command(json); });
    auto* version_sub = command(app, "version", "Print the version", "holdfast version --json");
    version_sub->add_flag("--json", json, "As JSON");
    version_sub->callback([&] { exit = version_command(json); });

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        std::ostringstream said;
        std::ostringstream complaint;
        const int code = app.exit(error, said, complaint);
        say(stdout, said.str());
        say(stderr, complaint.str());
        return code == 0 ? exit_done : exit_usage;
    }
    return exit;
}

/// What is large goes back to the kernel when it is freed. By default the first large block that is
/// freed teaches malloc to keep such blocks.
void give_memory_back() {
    ::mallopt(M_MMAP_THRESHOLD, 256 << 10);
    ::mallopt(M_TRIM_THRESHOLD, 1 << 20);
}

/// A standard stream that is closed would be taken by the next file that is opened: what is logged
/// would go into the checkpoint. Without stdin there is no input; without stdout, its sink fails.
void hold_standard_streams() {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::fcntl(fd, F_GETFD) >= 0) continue;
        const int opened = ::open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY);
        if (opened != fd) std::abort();
    }
}

}  // namespace

int main(int argc, char** argv) {
    hold_standard_streams();
    give_memory_back();
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "holdfast: %s\n", holdfast::io::printable(error.what()).c_str());
        return exit_internal;
    }
}
