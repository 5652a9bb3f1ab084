// The commands of the program; each returns its exit code.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/cli/terminal.hpp"

namespace holdfast::cli {

/// As in sysexits.h.
enum Exit : int {
    exit_done = 0,
    exit_failed = 1,  ///< Of `test`: some failed. Of `guarantee`: what is required does not hold.
    exit_not_simulated = 2,  ///< Of `sim -c`: the config is wrong, or nothing of it is simulated.
    exit_usage = 64,
    exit_internal = 70,
    exit_io = 74,
    exit_unfinished = 75,  ///< Work is left; the same command resumes.
    exit_config = 78,
};

struct RunCommand {
    std::string file;
    std::vector<std::string> set;
    std::string progress = "auto";
    std::string ring = "auto";
    Terminal::Options terminal;
};

struct ValidateCommand {
    std::string file;
    std::vector<std::string> set;
    bool json = false;
    Terminal::Options terminal;
};

struct GuaranteeCommand {
    std::string file;
    std::vector<std::string> set;
    std::vector<std::string> required;  ///< Names of promises.
    bool json = false;
};

struct TestCommand {
    std::vector<std::string> files;
    std::vector<std::string> set;
    std::string junit;  ///< The file for the report; empty: none.
    std::string only;   ///< Tests with this in their names.
    std::string color = "auto";
    bool quiet = false;
};

struct SimPipelineCommand {
    std::string file;  ///< Empty: it is not meant.
    std::vector<std::string> set;
    std::uint64_t seeds = 200;
    std::uint64_t first_seed = 1;
    bool one_seed = false;              ///< Only first_seed, with its story.
    std::uint32_t jobs = 0;             ///< Threads; 0: one a core.
    std::vector<std::string> faults;    ///< Names; empty: all.
    std::vector<std::string> accepted;  ///< Keys whose findings do not count.
    std::string junit;
    std::string records;            ///< A file of them; empty: the config's own.
    std::size_t records_max = 120;  ///< Of a seed.
    bool json = false;
};

int run_command(const RunCommand& command);
int validate_command(const ValidateCommand& command);
int guarantee_command(const GuaranteeCommand& command);
int test_command(const TestCommand& command);
int sim_pipeline_command(const SimPipelineCommand& command);
/// What stands behind `holdfast jq`; its exit codes are jq's.
int jq_command(const std::vector<std::string>& arguments);
int keys_command(bool json);
int version_command(bool json);

}  // namespace holdfast::cli
