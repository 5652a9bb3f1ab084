// See terminal.hpp.
#include "io/cli/terminal.hpp"

#include <fmt/chrono.h>
#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>

#include "io/json.hpp"
#include "io/printable.hpp"

namespace holdfast::cli {
namespace {

using io::Level;

const char* name_of(Level level) {
    switch (level) {
        case Level::debug: return "debug";
        case Level::info: return "info";
        case Level::warn: return "warn";
        case Level::error: return "error";
    }
    return "error";
}

const char* color_of(Level level) {
    switch (level) {
        case Level::debug: return "2";
        case Level::info: return "32";
        case Level::warn: return "33";
        case Level::error: return "1;31";
    }
    return "0";
}

std::string timestamp() {
    using namespace std::chrono;
    const auto now = system_clock::now();
    const auto ms = duration_cast<milliseconds>(now.time_since_epoch()).count() % 1000;
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(system_clock::to_time_t(now)),
                       ms);
}

const std::string wiped = "\r\x1b[K";  ///< To the line's beginning, and nothing after it.

}  // namespace

bool wants_color(const std::string& choice, int fd) {
    if (choice == "always") return true;
    if (choice == "never") return false;
    const char* no_color = std::getenv("NO_COLOR");
    const char* term = std::getenv("TERM");
    return ::isatty(fd) == 1 && !(no_color && *no_color) &&
           !(term && std::string_view(term) == "dumb");
}

Terminal::Terminal(const Options& options)
    : fd_(options.fd),
      terminal_(::isatty(fd_) == 1),
      json_(options.log_format == "json"),
      color_(!json_ && wants_color(options.color, fd_)),
      verbosity_(options.verbosity) {}

io::Log Terminal::logger() {
    return [this](Level level, const std::string& line) { log(level, line); };
}

void Terminal::log(Level level, const std::string& line) {
    const Level least = verbosity_ < 0 ? Level::warn : verbosity_ == 0 ? Level::info : Level::debug;
    if (level >= least) put_line(level, line);
}

void Terminal::tell(const std::string& line) { put_line(Level::info, line); }

void Terminal::put_line(Level level, const std::string& line) {
    std::string text;
    if (json_)
        text = fmt::format("{{\"time\": \"{}\", \"level\": \"{}\", \"message\": {}}}\n",
                           timestamp(), name_of(level), io::json_quote(line));
    else
        text = fmt::format("{} {} {}\n", timestamp(),
                           paint(color_of(level), fmt::format("{:<5}", name_of(level))),
                           io::printable(line));
    write(text);
}

void Terminal::redraw(const std::string& line) {
    const std::string wipe = bottom_.empty() ? "" : wiped;
    bottom_ = io::cut(io::printable(line), static_cast<std::size_t>(columns() - 1));
    put(wipe + bottom_);
}

void Terminal::print(const std::string& line) { write(io::printable(line) + "\n"); }

void Terminal::write(const std::string& text) {
    put((bottom_.empty() ? "" : wiped) + text + bottom_);
}

void Terminal::put(const std::string& out) {
    // One write, so that lines of several processes don't mix. Nobody to tell if it fails.
    if (!out.empty() && ::write(fd_, out.data(), out.size()) < 0) return;
}

int Terminal::columns() const {
    winsize size{};
    if (::ioctl(fd_, TIOCGWINSZ, &size) != 0 || size.ws_col < 20) return 80;
    return size.ws_col;
}

std::string Terminal::paint(const char* code, const std::string& text) const {
    return color_ ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
}

}  // namespace holdfast::cli
