#include "io/sinks/file/set_aside.hpp"

#include <fcntl.h>
#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <utility>

#include "core/base/mutant.hpp"
#include "core/codec/stream_framing.hpp"
#include "core/data/framing.hpp"

namespace holdfast::io {
namespace {

constexpr std::size_t piece = std::size_t{256} * 1024;
constexpr std::string_view under_way = ".new";

/// The number at the end of "TEXT.NUMBER"; what is left is TEXT. False: there is none.
bool take_number(std::string_view& text, std::uint64_t& number) {
    const std::size_t dot = text.rfind('.');
    if (dot == std::string_view::npos) return false;
    const char* const begin = text.data() + dot + 1;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(begin, end, number);
    if (error != std::errc{} || stop != end || number > INT64_MAX) return false;
    text = text.substr(0, dot);
    return true;
}

}  // namespace

SetAside::SetAside(Ring& ring, std::string directory, std::string sink, codec::Framing framing)
    : ring_(ring), directory_(std::move(directory)), sink_(std::move(sink)), framing_(framing) {}

Task<std::int64_t> SetAside::keep(int fd, std::int64_t begin, std::int64_t end,
                                  SetAsideFile& made) {
    if (directory_.empty()) co_return -EROFS;
    std::int64_t result = co_await make_directory();
    if (result < 0) co_return result;
    std::vector<SetAsideFile> there;
    result = co_await find(there);
    if (result < 0) co_return result;
    const std::string name = fmt::format("{}/{}.{}.{}", directory_, sink_, begin, ++number_);
    const std::string copied = name + std::string(under_way);
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
    const std::int64_t to = co_await open_retried(ring_, copied, flags, 0600);
    if (to < 0) co_return to;
    made = {.path = name, .offset = begin, .bytes = end - begin};
    result = co_await copy(fd, static_cast<int>(to), made, made.records);
    if (result >= 0) result = co_await put_in_place(static_cast<int>(to), copied, name);
    co_await io::close(ring_, static_cast<int>(to));
    if (result < 0) {
        co_await io::unlink(ring_, copied.c_str());
        co_await io::unlink(ring_, name.c_str());
    }
    co_return result;
}

Task<std::int64_t> SetAside::make_directory() {
    std::int64_t result = co_await io::mkdir(ring_, directory_.c_str(), 0700);
    if (result < 0 && result != -EEXIST) co_return result;
    // Also if it was there: who made it may have died before its name was durable.
    result = co_await sync_directory(ring_, parent_of(directory_));
    if (result < 0) co_return result;
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    const std::int64_t fd = co_await open_retried(ring_, directory_, flags);
    if (fd < 0) co_return fd;
    co_await io::close(ring_, static_cast<int>(fd));
    co_return 0;
}

Task<std::int64_t> SetAside::copy(int from, int to, const SetAsideFile& file,
                                  std::uint64_t& records) {
    std::vector<std::byte> buffer(piece);
    codec::SideBySide values(framing_, UINT32_MAX);
    std::vector<codec::StreamExtent> found;
    bool ended = true;
    bool good = framing_ != codec::Framing::lines;
    for (std::int64_t done = 0; done < file.bytes;) {
        const auto some = std::span(buffer).first(static_cast<std::size_t>(
            std::min(file.bytes - done, static_cast<std::int64_t>(piece))));
        const std::int64_t n = co_await read_all(ring_, from, some, file.offset + done);
        if (n < 0) co_return n;
        if (n < static_cast<std::int64_t>(some.size())) co_return -EIO;  // It shrinks meanwhile.
        found.clear();
        if (good) good = values.feed(some, found).has_value();
        records += framing_ != codec::Framing::lines ? found.size() : count_newlines(some);
        ended = framing_ != codec::Framing::lines || some.back() == std::byte{'\n'};
        std::vector<iovec> vectors{vector_of(some)};
        std::int64_t progress = 0;
        const std::int64_t written = co_await write_all(ring_, to, vectors, done, progress);
        if (written < 0) co_return written;
        done += n;
    }
    if (!ended) ++records;
    co_return 0;
}

Task<std::int64_t> SetAside::put_in_place(int fd, const std::string& made,
                                          const std::string& name) {
    std::int64_t result = 0;
    if (!mutant(161)) result = co_await io::sync_all(ring_, fd);
    if (result >= 0) result = co_await io::rename(ring_, made.c_str(), name.c_str());
    if (result >= 0 && !mutant(164)) result = co_await sync_directory(ring_, directory_);
    co_return result;
}

Task<std::int64_t> SetAside::find(std::vector<SetAsideFile>& found) {
    std::vector<std::string> names;
    const std::int64_t result = co_await io::list(ring_, directory_.c_str(), names);
    if (result == -ENOENT || directory_.empty()) co_return 0;
    if (result < 0) co_return result;
    std::vector<std::pair<std::uint64_t, SetAsideFile>> numbered;
    for (const std::string& name : names) {
        const bool is_copy = name.ends_with(under_way);
        std::string_view left = name;
        if (is_copy) left.remove_suffix(under_way.size());
        std::uint64_t number = 0;
        std::uint64_t offset = 0;
        const bool is_ours =
            take_number(left, number) && take_number(left, offset) && left == sink_;
        if (!is_ours) continue;
        number_ = std::max(number_, number);
        const std::string path = directory_ + "/" + name;
        FileStat file;
        if (is_copy) {
            co_await io::unlink(ring_, path.c_str());
        } else {
            const std::int64_t known = co_await io::stat(ring_, path.c_str(), file);
            if (known < 0) continue;
            numbered.push_back(
                {number,
                 {.path = path, .offset = static_cast<std::int64_t>(offset), .bytes = file.size}});
        }
    }
    std::sort(numbered.begin(), numbered.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    for (auto& [number, file] : numbered) found.push_back(std::move(file));
    co_return 0;
}

Task<std::int64_t> SetAside::remove(const SetAsideFile& file) {
    const std::int64_t result = co_await io::unlink(ring_, file.path.c_str());
    co_return result;
}

}  // namespace holdfast::io
