// What a person sees on stderr: log lines, and under them one line of progress that is redrawn.
//
// Rule 1: a log line never tears the progress line: it is wiped, and drawn again below.
// Rule 2: colours and redrawing only on a terminal, or where the user insists.
// Rule 3: whatever is said goes through printable(): names and data of others never reach a terminal
//         as more than text. JSON escapes the same characters as JSON does.
// Doesn't know: what is logged or counted.
#pragma once

#include <string>

#include "io/log.hpp"

namespace holdfast::cli {

class Terminal {
public:
    struct Options {
        std::string log_format = "text";  ///< text or json.
        std::string color = "auto";       ///< auto, always or never.
        int verbosity = 0;                ///< -1: warnings only, 0: what changes, 1: everything.
        int fd = 2;                       ///< stderr.
    };

    explicit Terminal(const Options& options);

    void log(io::Level level, const std::string& line);
    /// As a log line, whatever the verbosity: somebody asked for it.
    void tell(const std::string& line);
    /// A function that logs here. Lives: as long as the terminal.
    io::Log logger();

    /// Replaces the line at the bottom; empty: none. Only if is_terminal().
    void redraw(const std::string& line);
    /// One line that stays, whatever the verbosity.
    void print(const std::string& line);

    bool is_terminal() const { return terminal_; }
    bool json() const { return json_; }
    /// Wraps in an escape sequence ("1" bold, "32" green, ...) where colours are on.
    std::string paint(const char* code, const std::string& text) const;

private:
    void put_line(io::Level level, const std::string& line);
    void write(const std::string& text);
    void put(const std::string& out);
    int columns() const;

    int fd_;
    bool terminal_;
    bool json_;
    bool color_;
    int verbosity_;
    std::string bottom_;
};

/// Whether to write colours to this stream. `choice`: auto, always or never.
bool wants_color(const std::string& choice, int fd);

}  // namespace holdfast::cli
