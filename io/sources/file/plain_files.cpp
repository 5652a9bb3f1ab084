#include "io/sources/file/plain_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"

namespace holdfast::io {
namespace {

constexpr std::size_t input_max = 64u << 10;
constexpr std::size_t step_max = 64u << 10;
constexpr std::size_t magic_max = 16;

void complete(Op& op, std::int64_t result) {
    op.result = result;
    op.done(op);
}

bool is_same(const FileStat& a, const FileStat& b) {
    return a.device == b.device && a.inode == b.inode && a.size == b.size &&
           a.modified_ns == b.modified_ns;
}

}  // namespace

void PlainFiles::start(Op& op) {
    if (!unpacks_) return inner_.start(op);
    const auto file = files_.find(op.fd);
    const bool is_packed = op.path == nullptr && file != files_.end();
    switch (op.kind) {
        case OpKind::open:
            if ((op.flags & O_ACCMODE) == O_RDONLY) return scope_.spawn(open_file(op));
            break;
        case OpKind::stat:
            if (is_packed) return scope_.spawn(stat_file(op, file->second));
            if (op.path != nullptr && !files_.empty()) return scope_.spawn(stat_path(op));
            break;
        case OpKind::read:
            if (is_packed) return scope_.spawn(read_file(op, file->second));
            break;
        case OpKind::close:
            if (is_packed) files_.erase(file);
            break;
        default: break;
    }
    inner_.start(op);
}

std::uint32_t PlainFiles::healthy() const {
    return static_cast<std::uint32_t>(std::count_if(
        files_.begin(), files_.end(), [](const auto& file) { return file.second->error == 0; }));
}

Task<> PlainFiles::open_file(Op& op) {
    const auto opened = co_await RingOp(inner_, op);
    if (opened < 0) {
        complete(op, opened);
        co_return;
    }
    auto file = std::make_shared<File>();
    file->fd = static_cast<int>(opened);
    std::array<std::byte, magic_max> magic;
    const auto seen = co_await stat(inner_, file->fd, file->raw);
    std::int64_t got = 0;
    if (seen >= 0 && S_ISREG(file->raw.mode)) got = co_await read(inner_, file->fd, magic, 0);
    if (got > 0) {
        const auto bytes = std::span<const std::byte>(magic).first(static_cast<std::size_t>(got));
        file->archive = archive_of(bytes);
    }
    if (!is_unpacked(file->archive)) {
        complete(op, opened);
        co_return;
    }
    if (healthy() >= open_max) {
        co_await close(inner_, file->fd);
        complete(op, -EMFILE);
        co_return;
    }
    begin(*file);
    files_[file->fd] = file;
    complete(op, opened);
}

/// Of a file that is open as plain text its size is the text's, whatever asks.
Task<> PlainFiles::stat_path(Op& op) {
    const auto result = co_await RingOp(inner_, op);
    if (result >= 0) {
        for (const auto& [fd, file] : files_)
            if (file->raw.device == op.stat->device && file->raw.inode == op.stat->inode)
                op.stat->size = file->text_end();
    }
    complete(op, result);
}

Task<> PlainFiles::stat_file(Op& op, Shared file) {
    auto result = co_await RingOp(inner_, op);
    if (result >= 0 && !file->busy) {
        file->busy = true;
        const bool all_read = file->read_end >= file->text_end();
        if (all_read) co_await begin_anew_if_changed(*file);
        if (all_read) co_await unpack(*file, file->text_end() + static_cast<std::int64_t>(ahead));
        file->busy = false;
        if (file->error != 0 && file->read_end >= file->text_end()) result = -file->error;
    }
    op.stat->size = file->text_end();
    complete(op, result);
}

Task<> PlainFiles::lock(File& file) {
    while (file.busy) {
        co_await sleep_until(inner_, inner_.now() + milliseconds(1));
    }
    file.busy = true;
}

Task<> PlainFiles::read_file(Op& op, Shared shared) {
    File& file = *shared;
    // Never completes at once.
    co_await sleep_until(inner_, inner_.now());
    co_await lock(file);
    const std::int64_t offset = op.offset;
    const auto size = static_cast<std::int64_t>(op.buffer.size());
    const bool is_head = offset + size <= static_cast<std::int64_t>(file.head.size());
    if (!is_head) {
        if (offset < file.text_begin) begin(file);
        if (offset > file.read_begin) file.read_begin = offset;
        co_await unpack(file, offset + size);
    }
    file.busy = false;
    const std::vector<std::byte>& from = is_head ? file.head : file.text;
    const std::int64_t begin_of = is_head ? 0 : file.text_begin;
    const std::int64_t there = begin_of + static_cast<std::int64_t>(from.size()) - offset;
    const std::int64_t got = std::clamp<std::int64_t>(there, 0, size);
    if (got > 0)
        std::memcpy(op.buffer.data(), from.data() + (offset - begin_of),
                    static_cast<std::size_t>(got));
    file.read_end = std::max(file.read_end, offset + got);
    complete(op, got == 0 && file.error != 0 && size > 0 ? -file.error : got);
}

/// From the beginning on.
void PlainFiles::begin(File& file) {
    file.unpacker = make_unpacker(file.archive);
    HF_ASSERT(file.unpacker != nullptr);
    file.raw_offset = 0;
    file.input.clear();
    file.input_at = 0;
    file.text.clear();
    file.text_begin = 0;
    file.head.clear();
    file.read_begin = 0;
    file.ended = false;
    file.error = 0;
}

/// What was damaged or cut short may have been completed; it is unpacked again up to where it was.
Task<> PlainFiles::begin_anew_if_changed(File& file) {
    if (file.error == 0) co_return;
    FileStat now;
    const auto seen = co_await stat(inner_, file.fd, now);
    if (seen < 0 || is_same(now, file.raw)) co_return;
    const std::int64_t read_begin = file.read_begin;
    const std::int64_t known = file.text_end();
    begin(file);
    file.raw = now;
    file.read_begin = read_begin;
    co_await unpack(file, known);
}

/// Until so much of the text is there, or all of it, or an error.
Task<> PlainFiles::unpack(File& file, std::int64_t until) {
    while (file.text_end() < until && !file.ended && file.error == 0) {
        const std::int64_t before = file.text_end();
        const std::size_t at = file.input_at;
        unpack_some(file, until);
        if (file.error != 0) break;
        if (file.text_end() > before || file.input_at > at) continue;
        const bool more = co_await more_input(file);
        if (more) continue;
        if (file.error == 0 && (file.unpacker->complete() || mutant(157))) file.ended = true;
        if (!file.ended && file.error == 0) file.error = ENODATA;
    }
    if (file.ended || file.error != 0) {
        file.unpacker.reset();
        file.input = {};
        file.input_at = 0;
    }
}

/// One piece, and what is not needed any more goes.
void PlainFiles::unpack_some(File& file, std::int64_t until) {
    trim(file);
    const auto wanted = static_cast<std::size_t>(until - file.text_end());
    const std::size_t size = file.text.size();
    file.text.resize(size + std::min(wanted, step_max));
    const auto input = std::span<const std::byte>(file.input).subspan(file.input_at);
    const Unpacker::Step step = file.unpacker->step(input, std::span(file.text).subspan(size));
    file.input_at += step.taken;
    file.text.resize(size + step.made);
    made_ += step.made;
    if (!step.good) file.error = step.too_large ? EOVERFLOW : EBADMSG;
    if (file.head.size() >= head_max || file.text_begin > 0) return;
    const std::size_t head = std::min(file.text.size(), head_max);
    file.head.assign(file.text.begin(), file.text.begin() + static_cast<std::ptrdiff_t>(head));
}

void PlainFiles::trim(File& file) {
    const std::int64_t keep =
        std::min(file.read_begin - static_cast<std::int64_t>(behind), file.text_end());
    const std::int64_t excess = keep - file.text_begin;
    // Not at each step, since what is kept moves.
    if (excess < static_cast<std::int64_t>(step_max)) return;
    file.text.erase(file.text.begin(), file.text.begin() + static_cast<std::ptrdiff_t>(excess));
    file.text_begin = keep;
}

/// false: there is no more, or an error.
Task<bool> PlainFiles::more_input(File& file) {
    file.input.resize(input_max);
    file.input_at = 0;
    std::int64_t got = 0;
    do {
        got = co_await read(inner_, file.fd, file.input, file.raw_offset);
    } while (got == -EINTR || got == -EAGAIN);
    file.input.resize(static_cast<std::size_t>(std::max<std::int64_t>(got, 0)));
    if (got < 0) {
        // A read that fails is no damage: the next one may succeed, from its beginning.
        file.error = static_cast<int>(-got);
        file.raw.modified_ns = -1;
    }
    if (got > 0) file.raw_offset += got;
    co_return got > 0;
}

}  // namespace holdfast::io
