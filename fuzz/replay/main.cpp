// Runs a fuzz target over files and folders of inputs, where there is no libFuzzer.
// An input that breaks a promise traps, as it does in the fuzzer. No input at all is a failure too.
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;

std::size_t replay(const fs::path& path) {
    if (fs::is_directory(path)) {
        std::size_t inputs = 0;
        for (const auto& entry : fs::directory_iterator(path)) inputs += replay(entry.path());
        return inputs;
    }
    std::ifstream in(path, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    if (!in) {
        std::fprintf(stderr, "%s: cannot be read\n", path.c_str());
        return 0;
    }
    std::printf("%s\n", path.c_str());
    std::fflush(stdout);  // The last name that is printed is the input that trapped.
    // A copy of exactly this size, so that a sanitizer sees a read beyond its end.
    const std::vector<std::uint8_t> exact(bytes.begin(), bytes.end());
    LLVMFuzzerTestOneInput(exact.data(), exact.size());
    return 1;
}

}  // namespace

int main(int count, char** arguments) try {
    std::size_t inputs = 0;
    for (int i = 1; i < count; ++i) inputs += replay(arguments[i]);
    std::printf("%zu inputs replayed\n", inputs);
    return inputs == 0 ? 1 : 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
