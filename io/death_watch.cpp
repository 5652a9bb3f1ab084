// See death_watch.hpp.
#include "io/death_watch.hpp"

#include <signal.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <string_view>

namespace holdfast::io {
namespace {

constexpr int faults[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGTRAP};
constexpr std::size_t stack_size = 32u << 10;

thread_local const flow::Place* here = nullptr;
volatile sig_atomic_t fd_of_deaths = -1;
volatile long offset_of_deaths = 0;

/// Appends to a line; knows nothing of locales, memory or errors.
class Writer {
public:
    explicit Writer(SpotLine& line) : line_(line) {
        line_.fill(' ');
        line_.back() = '\n';
    }
    void text(const char* s) {
        for (; *s != 0; ++s) put(*s);
    }
    void number(std::uint64_t value, unsigned base = 10) {
        char digits[24];
        std::size_t n = 0;
        do {
            digits[n++] = "0123456789abcdef"[value % base];
            value /= base;
        } while (value != 0);
        while (n > 0) put(digits[--n]);
    }

private:
    void put(char c) {
        if (at_ + 1 < line_.size()) line_[at_++] = c;
    }
    SpotLine& line_;
    std::size_t at_ = 0;
};

void on_fault(int signal) {
    const flow::Place* place = here;
    if (place != nullptr && fd_of_deaths >= 0) {
        const flow::Spot spot = place->spot();
        if (spot.node != flow::no_node) {
            const SpotLine line = spot_line(spot, signal);
            [[maybe_unused]] const auto n =
                ::pwrite(fd_of_deaths, line.data(), line.size(), offset_of_deaths);
        }
    }
    // Its default action is back; it comes when this returns.
    ::raise(signal);
}

template <class T>
bool take(std::string_view& rest, std::string_view name, T& out, int base = 10) {
    if (!rest.starts_with(name)) return false;
    rest.remove_prefix(name.size());
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), out, base);
    if (error != std::errc()) return false;
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    return true;
}

}  // namespace

SpotLine spot_line(const flow::Spot& spot, int signal) {
    SpotLine line;
    Writer out(line);
    out.text("source=");
    out.number(spot.source);
    out.text(" node=");
    out.number(spot.node);
    out.text(" partition=");
    out.number(spot.partition, 16);
    out.text(" position=");
    out.number(static_cast<std::uint64_t>(spot.position));
    out.text(" signal=");
    out.number(static_cast<std::uint64_t>(signal));
    return line;
}

bool read_spot_line(const SpotLine& line, flow::Spot& spot, int& signal) {
    std::string_view rest(line.data(), line.size());
    return take(rest, "source=", spot.source) && take(rest, " node=", spot.node) &&
           take(rest, " partition=", spot.partition, 16) &&
           take(rest, " position=", spot.position) && take(rest, " signal=", signal);
}

void write_deaths_to(int fd, long offset) {
    offset_of_deaths = offset;
    fd_of_deaths = fd;
    struct sigaction action{};
    action.sa_handler = on_fault;
    action.sa_flags = SA_ONSTACK | static_cast<int>(SA_RESETHAND);
    ::sigemptyset(&action.sa_mask);
    for (const int fault : faults) ::sigaction(fault, &action, nullptr);
}

void forget_deaths() {
    fd_of_deaths = -1;
    struct sigaction action{};
    action.sa_handler = SIG_DFL;
    for (const int fault : faults) ::sigaction(fault, &action, nullptr);
}

DeathWatch::DeathWatch(std::shared_ptr<const flow::Place> place)
    : place_(std::move(place)), stack_(std::make_unique<std::byte[]>(stack_size)) {
    here = place_.get();
    stack_t stack{};
    stack.ss_sp = stack_.get();
    stack.ss_size = stack_size;
    ::sigaltstack(&stack, nullptr);
    // A fault that is blocked kills without a word.
    sigset_t set;
    ::sigemptyset(&set);
    for (const int fault : faults) ::sigaddset(&set, fault);
    ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

DeathWatch::~DeathWatch() {
    here = nullptr;
    stack_t stack{};
    stack.ss_flags = SS_DISABLE;
    ::sigaltstack(&stack, nullptr);
}

}  // namespace holdfast::io
