// What a transform of a file must be compared with: a bare loop with simdjson that does just this.
//
// bare_transform IN OUT: select(.level != "debug") | .env = "prod", whole records validated, what
// isn't changed spliced. One thread, plain reads and writes, nothing durable, no restart.
#include <fcntl.h>
#include <simdjson.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t chunk = std::size_t{1} << 20;

bool write_all(int fd, const char* data, std::size_t size) {
    while (size > 0) {
        const ssize_t n = ::write(fd, data, size);
        if (n <= 0) return false;
        data += n;
        size -= static_cast<std::size_t>(n);
    }
    return true;
}

/// Appends what becomes of one line, which has padding behind it.
void transform(simdjson::dom::parser& parser, std::string_view line, std::vector<char>& out) {
    simdjson::dom::element record;
    if (parser.parse(line.data(), line.size(), false).get(record) != simdjson::SUCCESS) return;
    std::string_view level;
    if (record["level"].get(level) == simdjson::SUCCESS && level == "debug") return;
    constexpr std::string_view added = ",\"env\":\"prod\"}\n";
    const std::size_t brace = line.rfind('}');
    out.insert(out.end(), line.begin(), line.begin() + static_cast<std::ptrdiff_t>(brace));
    out.insert(out.end(), added.begin(), added.end());
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 64;
    const int in = ::open(argv[1], O_RDONLY);
    const int to = ::open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (in < 0 || to < 0) return 66;
    simdjson::dom::parser parser;
    std::vector<char> buffer(2 * chunk + simdjson::SIMDJSON_PADDING);
    std::vector<char> out;
    std::size_t kept = 0;
    while (true) {
        const ssize_t n = ::read(in, buffer.data() + kept, chunk);
        if (n <= 0) break;
        const std::size_t size = kept + static_cast<std::size_t>(n);
        std::size_t at = 0;
        out.clear();
        while (at < size) {
            const void* newline = std::memchr(buffer.data() + at, '\n', size - at);
            if (newline == nullptr) break;
            const auto length =
                static_cast<std::size_t>(static_cast<const char*>(newline) - buffer.data()) - at;
            transform(parser, {buffer.data() + at, length}, out);
            at += length + 1;
        }
        kept = size - at;
        std::memmove(buffer.data(), buffer.data() + at, kept);
        if (!write_all(to, out.data(), out.size())) return 74;
    }
    return 0;
}
