// The inputs of `holdfast jq` as its flags want them: values, lines, events of values, or all of them
// as one.
//
// Bound: the longest value; with --slurp all of them.
// Doesn't know: programs.
#pragma once

#include <string>
#include <string_view>

#include "io/cli/jq_options.hpp"
#include "io/cli/json_events.hpp"
#include "io/cli/json_values.hpp"

namespace holdfast::cli {

class JqFeed {
public:
    explicit JqFeed(const JqOptions& options);

    /// unfinished: problem() says what is wrong.
    /// Lives: until the next call, with bytes behind it that may be read.
    JsonInputs::Got next(std::string_view& text);
    JsonInputs& inputs() { return inputs_; }
    const std::string& problem() const { return problem_; }

private:
    JsonInputs::Got piece(std::string_view& text);
    JsonInputs::Got event(std::string_view& text);
    JsonInputs::Got all_values();
    void make_readable(std::string_view& text);

    const JqOptions& options_;
    JsonInputs inputs_;
    JsonEvents events_;
    bool has_events_ = false;
    std::string event_;
    std::string text_;
    std::string problem_;
    bool is_over_ = false;
};

}  // namespace holdfast::cli
