// See process.hpp.
#include "tests/real/process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace holdfast::real {

namespace fs = std::filesystem;

TempDir::TempDir() {
    std::string name = (fs::temp_directory_path() / "holdfast-test-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
}

TempDir::~TempDir() {
    std::error_code error;
    fs::remove_all(path_, error);
}

std::string TempDir::write(const std::string& name, const std::string& contents) const {
    const fs::path path = at(name);
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << contents;
    return path.string();
}

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    if (in) text << in.rdbuf();
    return text.str();
}

void append_file(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary | std::ios::app) << text;
}

bool contains(const std::string& text, const std::string& what) {
    return text.find(what) != std::string::npos;
}

bool exists(const std::string& path) { return fs::exists(path); }

std::string lines(std::uint64_t first, std::uint64_t count, std::size_t padding) {
    std::string out;
    const std::string rest = ",\"text\":\"" + std::string(padding, 'x') + "\"}\n";
    for (std::uint64_t n = first; n < first + count; ++n)
        out += "{\"n\":" + std::to_string(n) + rest;
    return out;
}

void sleep_ms(int ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

Process::Process(std::vector<std::string> arguments) : Process(std::move(arguments), Options{}) {}

Process::Process(std::vector<std::string> arguments, Options options) {
    int in[2] = {-1, -1};
    if (options.in_open) REQUIRE(::pipe2(in, O_CLOEXEC) == 0);
    const std::string in_path = said_.write("in", options.in_text);
    const std::string out_path = said_.at("out"), err_path = said_.at("err");
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    // A signal that comes before the program runs must not run the functions of the test program:
    // after a fork they may wait for ever. It is held back until nothing of them is left.
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_ = ::fork();
    if (pid_ != 0) ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
        for (const int number : {SIGINT, SIGTERM}) ::signal(number, SIG_DFL);
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
        ::dup2(options.in_open ? in[0] : ::open(in_path.c_str(), O_RDONLY), 0);
        ::dup2(::open(out_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 1);
        const int err = ::open(err_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        ::dup2(options.err >= 0 ? options.err : err, 2);
        for (const auto& [name, value] : options.environment)
            ::setenv(name.c_str(), value.c_str(), 1);
        ::execv(argv[0], argv.data());
        ::_exit(127);
    }
    if (options.in_open) {
        ::close(in[0]);
        in_ = in[1];
    }
}

Process::~Process() {
    close_in();
    kill();
}

void Process::kill() {
    if (ended_) return;
    ::kill(pid_, SIGKILL);
    int status = 0;
    if (::waitpid(pid_, &status, 0) == pid_) collect(status);
}

void Process::send(int signal) const { ::kill(pid_, signal); }

void Process::write_in(const std::string& text) const {
    REQUIRE(::write(in_, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

void Process::close_in() {
    if (in_ >= 0) ::close(in_);
    in_ = -1;
}

bool Process::running() {
    if (ended_) return false;
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) collect(status);
    return !ended_;
}

bool Process::wait(std::chrono::milliseconds limit) {
    return eventually([this] { return !running(); }, limit);
}

void Process::collect(int status) {
    ended_ = true;
    signaled_ = WIFSIGNALED(status);
    code_ = signaled_ ? WTERMSIG(status) : WEXITSTATUS(status);
}

Exited Process::result() const {
    return {signaled_, code_, read_file(said_.at("out")), read_file(said_.at("err"))};
}

bool says(const Process& process, const std::string& what) {
    return eventually([&] { return contains(process.result().err, what); });
}

bool is_quiet(const std::string& folder) {
    const auto contents = [&] {
        std::map<std::string, std::string> out;
        std::error_code error;
        for (const auto& entry : fs::directory_iterator(folder, error))
            out[entry.path().string()] = read_file(entry.path().string());
        return out;
    };
    return eventually([&] {
        const auto before = contents();
        sleep_ms(300);
        return !before.empty() && contents() == before;
    });
}

std::vector<std::string> program(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), HF_BINARY_DIR "/holdfast");
    return arguments;
}

Exited run(std::vector<std::string> arguments, Process::Options options,
           std::chrono::milliseconds limit) {
    Process process(program(std::move(arguments)), std::move(options));
    const bool ended = process.wait(limit);
    const Exited exited = process.result();
    INFO("stdout: " << exited.out << "\nstderr: " << exited.err);
    REQUIRE(ended);
    return exited;
}

}  // namespace holdfast::real
