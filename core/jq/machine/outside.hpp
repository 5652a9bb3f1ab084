// What the machine asks the outside for: the clock, regular expressions, when to stop.
//
// Rule: the machine is pure; what differs from run to run comes through here.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.hpp"
#include "core/data/hurry.hpp"

namespace holdfast::jq::machine {

/// Where a match or a group of it stands, in bytes.
struct Span {
    std::int64_t begin = -1;  ///< -1: the group takes no part.
    std::int64_t end = -1;
};

/// Who is asked whether a search goes on.
class Watch {
public:
    /// Before each place where a match is tried, with the bytes from there to the text's end.
    virtual bool goes_on(std::size_t bytes) = 0;

protected:
    ~Watch() = default;
};

/// A compiled regular expression.
class Regex {
public:
    enum class Found : std::uint8_t { yes, no, gave_up, ended };
    virtual ~Regex() = default;
    /// The first match at or behind `from`; spans[0] is the whole, then its groups. Of long texts
    /// `watch` is asked, and may end it.
    virtual Found search(std::string_view text, std::size_t from, std::vector<Span>& spans,
                         Watch& watch) = 0;
    /// The names of the groups from 1 on; empty where one has none.
    virtual const std::vector<std::string>& names() const = 0;
};

struct RegexFlags {
    bool ignore_case = false;
    bool extended = false;
    bool single_line = false;
    bool dot_all = false;
    bool longest = false;
    bool not_empty = false;
    bool operator==(const RegexFlags&) const = default;
};

class Outside {
public:
    virtual ~Outside() = default;
    /// Seconds since 1970.
    virtual double now() = 0;
    /// Seconds east of UTC at a time, and what the zone is called then.
    virtual std::int64_t zone(std::int64_t seconds, std::string& name) = 0;
    /// nullptr: `error` says why.
    virtual std::unique_ptr<Regex> regex(std::string_view pattern, RegexFlags flags,
                                         std::string& error) = 0;
    /// Whether a run that takes long shall end; nullptr: it may go on, else the bound's name.
    virtual const char* stop() = 0;
    /// From now on stop() says "ended" where somebody is in a hurry. Lives: as long as this.
    virtual void heed(const Hurry&, Duration may) { (void)may; }
    /// A run begins, which may take so long.
    virtual void begin(Duration time) = 0;
    /// `$ENV`: names and values in turn.
    virtual std::vector<std::string> environment() = 0;
    /// The next input, for `input`. False: `error` says why there is none. Lives: until the next
    /// call, with Program::padding bytes behind it that may be read.
    virtual bool input(std::string_view&, std::string& error) {
        error = "No more inputs";
        return false;
    }
    /// For `input_filename`: empty where the input has none. Null: `null`, too.
    virtual const std::string* input_file() const { return nullptr; }
    /// For `input_line_number`; -1: not known.
    virtual std::int64_t input_lines() const { return -1; }
    /// What `modulemeta` gives of a module, as JSON. False: `said` is why it gives nothing.
    virtual bool module_metadata(std::string_view, std::string& said) {
        said = "modulemeta reads files, which programs over records do not: see holdfast jq";
        return false;
    }
    /// Whether somebody hears what `debug` and `stderr` say.
    virtual bool listens() const { return false; }
    virtual void say(std::string_view) {}
    /// For another thread.
    virtual std::unique_ptr<Outside> clone() const = 0;
};

}  // namespace holdfast::jq::machine
