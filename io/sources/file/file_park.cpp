// Rotated files that somebody may still write: a program goes on in the file that it has open until
// it is told to open its log anew.
//
// Law: a file that stands in its folder is read as long as it does, whatever it is called there.
// After rotate_wait its descriptor is closed and its partition given back; the checkpoint keeps its
// record. It is looked at by its name, as rarely as an idle file, and read on when it has grown.
// When it is not in its folder any more (deleted, compressed, moved away) it is forgotten.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"
#include "io/sources/file/file_source.hpp"
#include "io/sources/file/rotated_names.hpp"

namespace holdfast::io {
namespace {

// Names that are not like the file's own are tried only where they are few.
constexpr std::size_t strangers_max = 1000;

}  // namespace

/// All of it was read, and it has been without a name and still for long enough.
Task<> FileSource::leave(TailedFile& file) {
    HF_ASSERT(!file.busy && !is_parked(file));
    if (file.assigned) {
        // Where it is parked at is what the checkpoint says of it.
        const Position settled =
            checkpoints_.staged(file.assigned->partition, file.assigned->epoch);
        if (settled.value < file.position) co_return;
    }
    // A compressed one doesn't grow.
    std::string place;
    const bool may_grow = !plain_.is_packed(file.fd) && config_.end == EndAt::never;
    if (may_grow) place = co_await place_of(file);
    // Names that move on while they are listed hide one: it is gone where it is missed twice.
    if (may_grow && place.empty() && !std::exchange(file.missed, true) && !mutant(387)) co_return;
    file.missed = false;
    if (place.empty() || mutant(139)) {
        co_await close_file(file);
        co_return;
    }
    if (file.assigned) {
        rebind(file, true);
        file.loaded_key = encode_key(file.key);
        file.key.seal = {file.position, file.ending.fingerprint()};
        revoke(file, true);
    }
    file.parked_at = place;
    parked_.push_back(&file);
    let_others(file);
    log(lost_, Level::info,
        LogLine("file was rotated and is still; its descriptor is closed, it is "
                "looked at as long as it stands in its folder")
            .with("source", config_.name)
            .with("path", place)
            .with("position", file.position));
    const int fd = std::exchange(file.fd, -1);
    co_await let_go(fd);
    if (parked_.size() > parked_kept) co_await close_file(*parked_.front());
}

Task<> FileSource::look_at_parked(TailedFile& file, std::int64_t result, const FileStat& st) {
    const bool here = result >= 0 && Inode{st.device, st.inode} == inode_of(file);
    if (!here && (result >= 0 || is_gone(result))) {
        const std::string place = co_await place_of(file);
        if (place.empty() && (std::exchange(file.missed, true) || mutant(387))) {
            co_await close_file(file);
            co_return;
        }
        if (!place.empty()) {
            file.parked_at = place;
            file.missed = false;
        }
    } else if (here && (st.size != file.size || st.modified_ns != file.modified_ns)) {
        co_await unpark(file, file.parked_at);
    }
    schedule(file, ring_.now() + poll_after(file));
}

/// False: it cannot be opened now, or is another file.
Task<bool> FileSource::unpark(TailedFile& file, std::string path) {
    HF_ASSERT(is_parked(file) && file.fd < 0);
    constexpr int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    const auto opened = co_await open(ring_, path.c_str(), flags);
    if (opened < 0) co_return false;
    FileStat st;
    const int fd = static_cast<int>(opened);
    const auto seen = co_await stat(ring_, fd, st);
    if (seen < 0 || Inode{st.device, st.inode} != inode_of(file) || fd >= config_.fd_limit) {
        co_await let_go(fd);
        co_return false;
    }
    std::erase(parked_, &file);
    file.parked_at.clear();
    file.missed = false;
    file.fd = fd;
    file.gone_at = ring_.now();
    // Nobody held it: it may as well be another file on the same inode.
    file.verify = true;
    co_await resized(file, st);
    make_ready(file);
    co_return true;
}

/// Where in its folder it stands; "" if it doesn't. Names like its own are tried first.
Task<std::string> FileSource::place_of(const TailedFile& file) {
    const std::string folder = directory_of(file.key.path);
    const std::string stem(stem_of(name_of(file.key.path)));
    const std::vector<std::string> names = co_await names_in(folder);
    for (const bool alike : {true, false}) {
        if (!alike && names.size() > strangers_max) break;
        for (const std::string& name : names) {
            if (name.starts_with(stem) != alike) continue;
            const std::string path = join(folder, name);
            const bool here = co_await stands_at(file, path);
            if (here) co_return path;
        }
    }
    co_return std::string();
}

Task<bool> FileSource::stands_at(const TailedFile& file, std::string path) {
    FileStat st;
    const auto result = co_await stat(ring_, path.c_str(), st);
    if (result < 0 || !S_ISREG(st.mode)) co_return false;
    const FileIdentity found{.device = st.device, .inode = st.inode, .born_ns = st.born_ns};
    co_return Inode{st.device, st.inode} == inode_of(file) &&
        found.may_be_born_with(file.key.identity);
}

/// The file that we follow and that this is. One that was parked may be gone, and its inode used
/// again: then it is forgotten here.
Task<TailedFile*> FileSource::followed(const FileStat& st) {
    const auto known = files_.find({st.device, st.inode});
    if (known == files_.end()) co_return nullptr;
    TailedFile* file = known->second.get();
    const FileIdentity found{.device = st.device, .inode = st.inode, .born_ns = st.born_ns};
    if (!is_parked(*file) || found.may_be_born_with(file->key.identity)) co_return file;
    co_await close_file(*file);
    co_return nullptr;
}

}  // namespace holdfast::io
