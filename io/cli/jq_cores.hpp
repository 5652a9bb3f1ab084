// `holdfast jq` on several cores: lines are run in blocks, and printed in their order.
//
// Rule 1: who has nothing to do reads the next block; one reads at a time.
// Rule 2: what a block gives is printed once all before it is; who brings the next one prints.
// Rule 3: where a line is no value, the run ends before it: what comes is taken back by the inputs.
// Rule 4: a file begins once all of the one before it is printed.
// Bound: twice as many blocks as threads, and outputs of 16 MiB each; who has more waits for its turn.
// Doesn't know: values over several lines.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "io/cli/jq_run.hpp"
#include "io/cli/json_values.hpp"

namespace holdfast::cli {

/// What all values came to.
struct JqTotal {
    int exit = jq_done;
    int last = jq_nothing;
    bool is_over = false;  ///< Whatever comes is not read.
    bool halted = false;
};

class JqCores {
public:
    JqCores(const JqProgram& program, JsonInputs& inputs, std::size_t threads);
    /// Until all inputs are over, or a line is no value; then it is the next thing that the inputs give.
    void run(JqTotal& total);

private:
    struct Done {
        JsonInputs::Block block;
        std::size_t left = 0;  ///< From here on it was not run.
        std::uint64_t left_line = 0;
        JqPrinted printed;
        int exit = jq_done;
        int last = jq_nothing;
        bool is_over = false;
        bool halted = false;
    };

    void work();
    bool claim(Done& done, std::uint64_t& index);
    bool next_file(std::unique_lock<std::mutex>& lock);
    void run_block(JqRun& run, Done& done);
    void wait_for_turn(JqRun& run, std::uint64_t index);
    void bring(std::uint64_t index, Done&& done);
    bool take(Done& done, std::uint64_t index);
    void take_back();
    void say_troubles();

    const JqProgram& program_;
    JsonInputs& inputs_;
    std::size_t threads_most_;
    JqTotal* total_ = nullptr;

    std::mutex reading_;  ///< Of the inputs; taken before mutex_.
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::uint64_t, Done> done_;  ///< By their number in order.
    std::vector<Done> spare_;             ///< Their memory.
    std::vector<std::thread> threads_;
    std::string name_;           ///< The file's.
    std::uint64_t claimed_ = 0;  ///< So many blocks were read,
    std::uint64_t printed_ = 0;  ///< so many of them printed.
    std::size_t bytes_ = 0;
    bool is_printing_ = false;
    bool ends_ = false;
};

}  // namespace holdfast::cli
