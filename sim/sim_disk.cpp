#include "sim/sim_disk.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "core/base/assert.hpp"
#include "core/base/mix.hpp"

namespace holdfast::sim {

namespace {

constexpr std::uint32_t root = 1;
constexpr int fd_first = 3;
constexpr std::size_t name_max = 255;

bool readable(int flags) { return (flags & O_ACCMODE) != O_WRONLY; }
bool writable(int flags) { return (flags & O_ACCMODE) != O_RDONLY; }

}  // namespace

std::uint64_t SimDisk::entity(std::string_view path) {
    std::uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a
    for (const char c : path) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    return hash;
}

SimDisk::SimDisk(Choices& choices, DiskOptions options) : choices_(&choices), options_(options) {
    HF_ASSERT(options.sector > 0);
    Node top(entity("/"), options.sector);
    top.inode = 1;
    top.mode = 0755;
    top.directory = true;
    state_.nodes.emplace(root, std::move(top));
}

// Walks by the names that are seen, or by those that are durable. "." and ".." are not known.
SimDisk::Place SimDisk::find(std::string_view path, bool durable) const {
    Place place{.directory = 0, .node = root, .name = {}, .error = 0};
    if (path.empty()) return {.error = ENOENT};
    std::size_t at = 0;
    while (at < path.size()) {
        const std::size_t end = std::min(path.find('/', at), path.size());
        const std::string_view part = path.substr(at, end - at);
        at = end + 1;
        if (part.empty() || part == ".") continue;
        if (part.size() > name_max) return {.error = ENAMETOOLONG};
        if (place.node == 0) return {.error = ENOENT};
        const Node& directory = node(place.node);
        if (!directory.directory) return {.error = ENOTDIR};
        const Entries& entries = durable ? directory.durable : directory.entries;
        place.directory = place.node;
        place.name = part;
        const auto found = entries.find(part);
        place.node = found == entries.end() ? 0 : found->second;
    }
    return place;
}

bool SimDisk::fails(Site site, Node& about, std::uint32_t permille) {
    if (permille == 0) return false;
    return choices_->chance(site, about.key, about.turns++, permille);
}

bool SimDisk::path_fails(Site site, std::string_view path, std::uint32_t permille) {
    if (permille == 0) return false;
    return choices_->chance(site, entity(path), turn(entity(path)), permille);
}

void SimDisk::resize_used(const Node& about, std::uint64_t before) {
    if (about.freed) return;
    state_.used += about.file.size();
    HF_ASSERT(state_.used >= before);
    state_.used -= before;
}

// ---- descriptors -------------------------------------------------------------------------------

std::uint32_t SimDisk::make_node(const Place& place, std::string_view path, std::uint32_t mode,
                                 bool directory) {
    const std::uint32_t number = state_.node_next++;
    Node fresh(mix(0, entity(path), turn(entity(path)), 0), options_.sector);
    fresh.device = node(place.directory).device;
    const auto free =
        std::find_if(state_.inodes_free.rbegin(), state_.inodes_free.rend(),
                     [&fresh](const auto& inode) { return inode.first == fresh.device; });
    const bool reuse =
        free != state_.inodes_free.rend() && options_.faults.inode_reused != 0 &&
        choices_->chance(Site::disk_inode_reused, fresh.key, 0, options_.faults.inode_reused);
    if (reuse) {
        fresh.inode = free->second;
        state_.inodes_free.erase(std::next(free).base());
    } else {
        fresh.inode = new_inode(fresh.device);
    }
    fresh.mode = mode;
    fresh.directory = directory;
    fresh.modified_ns = wall_ns_;
    // Two devices never make files with one number in the same instant.
    fresh.born_ns = wall_ns_ + static_cast<std::int64_t>(fresh.device);
    state_.nodes.emplace(number, std::move(fresh));
    node(place.directory).entries[place.name] = number;
    node(place.directory).modified_ns = wall_ns_;
    state_.changes.push_back({number, 0, place.directory, {}, place.name});
    tell(place.directory, place.name, io::Change::Kind::names);
    return number;
}

int SimDisk::open_as(int flags, std::uint32_t number) {
    auto made = std::make_shared<OpenFile>(OpenFile{number, flags, 0});
    const auto free = std::find(files_.begin(), files_.end(), nullptr);
    const auto index = free - files_.begin();
    if (free == files_.end()) {
        files_.push_back(std::move(made));
    } else {
        *free = std::move(made);
    }
    return fd_first + static_cast<int>(index);
}

std::int64_t SimDisk::open(std::string_view path, int flags, std::uint32_t mode) {
    Place place = find(path);
    if (place.error != 0) return -place.error;
    if (path_fails(Site::disk_open_fails, path, options_.faults.open)) return -EIO;
    if (denied(path) != 0) return -denied(path);
    if (place.node == 0) {
        if ((flags & O_CREAT) == 0) return -ENOENT;
        if (read_only_) return -EROFS;
        place.node = make_node(place, path, mode & 0777, false);
        return open_as(flags, place.node);
    }
    if ((flags & O_CREAT) != 0 && (flags & O_EXCL) != 0) return -EEXIST;
    Node& found = node(place.node);
    if (found.directory && (writable(flags) || (flags & O_CREAT) != 0)) return -EISDIR;
    if (!found.directory && (flags & O_DIRECTORY) != 0) return -ENOTDIR;
    if (read_only_ && writable(flags)) return -EROFS;
    if ((flags & O_TRUNC) != 0 && writable(flags)) {
        const std::uint64_t before = found.file.size();
        found.file.truncate(0);
        found.modified_ns = wall_ns_;
        resize_used(found, before);
        tell_written(place.node);
    }
    return open_as(flags, place.node);
}

SimDisk::File SimDisk::file(int fd) const {
    if (const auto standard = standard_.find(fd); standard != standard_.end())
        return standard->second;
    const auto index = static_cast<std::size_t>(fd - fd_first);
    return fd >= fd_first && index < files_.size() ? files_[index] : nullptr;
}

void SimDisk::redirect(int fd, std::string_view path) {
    HF_ASSERT(fd < fd_first && fd != -1);
    append(path, "");
    const int flags = fd == 1 ? O_WRONLY | O_APPEND : O_RDONLY;
    standard_[fd] = std::make_shared<OpenFile>(OpenFile{find(path).node, flags, 0});
}

std::int64_t SimDisk::close(int fd) {
    const File open_file = file(fd);
    if (open_file == nullptr) return -EBADF;
    files_[static_cast<std::size_t>(fd - fd_first)] = nullptr;
    if (open_file->node != 0) free_if_unused(open_file->node);
    return 0;
}

std::size_t SimDisk::open_files() const {
    return files_.size() -
           static_cast<std::size_t>(std::count(files_.begin(), files_.end(), nullptr));
}

void SimDisk::close_all() {
    std::vector<File> dead;
    dead.swap(files_);
    for (const File& each : dead) {
        if (each != nullptr && each->node != 0) free_if_unused(each->node);
    }
}

// A file without a name and without a descriptor gives back its room and its inode number. Its node
// stays until the next crash: a name of it may still be durable.
void SimDisk::free_if_unused(std::uint32_t number) {
    Node& about = node(number);
    if (about.linked || about.freed) return;
    const bool is_open = std::any_of(files_.begin(), files_.end(), [&](const File& each) {
        return each != nullptr && each->node == number;
    });
    if (is_open) return;
    state_.used -= about.file.size();
    about.freed = true;
    state_.inodes_free.emplace_back(about.device, about.inode);
}

// ---- bytes -------------------------------------------------------------------------------------

bool SimDisk::sector_is_bad(Node& about, std::uint64_t sector) {
    const auto known = about.bad.find(sector);
    if (known != about.bad.end()) return known->second;
    if (options_.faults.sector_bad == 0) return false;
    const bool bad =
        choices_->chance(Site::disk_sector_bad, about.key, sector, options_.faults.sector_bad);
    about.bad.emplace(sector, bad);
    return bad;
}

std::int64_t SimDisk::read(const File& from, std::span<std::byte> into, std::int64_t offset) {
    if (from == nullptr || !readable(from->flags)) return -EBADF;
    Node& about = node(from->node);
    if (about.directory) return -EISDIR;
    const std::uint64_t begin = offset < 0 ? from->position : static_cast<std::uint64_t>(offset);
    if (begin >= about.file.size() || into.empty()) return 0;
    if (fails(Site::disk_read_fails, about, options_.faults.read)) return -EIO;
    std::uint64_t count = std::min<std::uint64_t>(into.size(), about.file.size() - begin);
    if (count > 1 && fails(Site::disk_read_short, about, options_.faults.read_short)) {
        count -= choices_->between(Site::disk_read_short, about.key, about.turns++, 1, count - 1);
    }
    if (!about.bad.empty() || options_.faults.sector_bad != 0) {
        // As the kernel: what can be read before the bad sector is a short read.
        for (std::uint64_t s = begin / options_.sector; s * options_.sector < begin + count; ++s) {
            if (!sector_is_bad(about, s)) continue;
            if (s * options_.sector <= begin) return -EIO;
            count = s * options_.sector - begin;
        }
    }
    const auto source = std::span(about.file.seen()).subspan(begin, count);
    std::copy(source.begin(), source.end(), into.begin());
    if (offset < 0) from->position = begin + count;
    return static_cast<std::int64_t>(count);
}

std::int64_t SimDisk::write(const File& to, std::span<const std::byte> bytes, std::int64_t offset) {
    if (to == nullptr || !writable(to->flags)) return -EBADF;
    Node& about = node(to->node);
    if (read_only_) return -EROFS;
    if (bytes.empty()) return 0;
    const std::uint64_t before = about.file.size();
    std::uint64_t begin = offset < 0 ? to->position : static_cast<std::uint64_t>(offset);
    if ((to->flags & O_APPEND) != 0) begin = before;
    if (fails(Site::disk_full, about, options_.faults.full)) return -ENOSPC;
    const std::uint64_t room = options_.capacity - std::min(options_.capacity, state_.used);
    std::uint64_t count = bytes.size();
    if (begin + count > before) {
        const std::uint64_t grow = std::min(begin + count - before, room);
        count = begin >= before + grow ? 0 : before + grow - begin;
    }
    if (count == 0) return -ENOSPC;
    const bool failed = fails(Site::disk_write_fails, about, options_.faults.write);
    if (failed) {
        const auto how = choices_->choose(Site::disk_write_applied, about.key, about.turns++, 3);
        if (how == 0) return -EIO;
        if (how == 2) {
            count = choices_->choose(Site::disk_write_applied, about.key, about.turns++, count);
        }
    } else if (count > 1 && fails(Site::disk_write_short, about, options_.faults.write_short)) {
        count -= choices_->between(Site::disk_write_short, about.key, about.turns++, 1, count - 1);
    }
    about.file.write(begin, bytes.first(count), *choices_, options_.faults.writeback);
    about.modified_ns = wall_ns_;
    tell_written(to->node);
    resize_used(about, before);
    if (!about.bad.empty() || options_.faults.sector_bad != 0) {
        const std::uint64_t last = count == 0 ? 0 : (begin + count - 1) / options_.sector + 1;
        for (std::uint64_t s = begin / options_.sector; s < last; ++s) about.bad[s] = false;
    }
    if (failed) return -EIO;
    if (offset < 0) to->position = begin + count;
    return static_cast<std::int64_t>(count);
}

std::int64_t SimDisk::sync(const File& open_file) {
    if (open_file == nullptr) return -EBADF;
    Node& about = node(open_file->node);
    if (read_only_) return -EROFS;
    const bool failed = fails(Site::disk_sync_fails, about, options_.faults.sync);
    if (!failed) {
        about.directory ? sync_names(open_file->node) : about.file.sync();
        return 0;
    }
    const std::uint64_t turn = about.turns++;
    const auto kind = choices_->choose(Site::disk_sync_kind, about.key, turn, 3);
    if (kind == 0) {
        about.directory ? sync_names(open_file->node) : about.file.sync();
    } else if (!about.directory) {
        // A directory's changes stay unsynced instead: the journal holds them.
        kind == 1 ? about.file.lose_all() : about.file.lose_some(*choices_, turn);
    }
    return -EIO;
}

std::int64_t SimDisk::truncate(const File& open_file, std::int64_t size) {
    if (open_file == nullptr) return -EBADF;
    Node& about = node(open_file->node);
    if (about.directory || size < 0 || !writable(open_file->flags)) return -EINVAL;
    if (read_only_) return -EROFS;
    if (fails(Site::disk_write_fails, about, options_.faults.write)) return -EIO;
    const std::uint64_t before = about.file.size();
    const auto wanted = static_cast<std::uint64_t>(size);
    const std::uint64_t room = options_.capacity - std::min(options_.capacity, state_.used);
    if (wanted > before && wanted - before > room) return -ENOSPC;
    about.file.truncate(wanted);
    about.modified_ns = wall_ns_;
    tell_written(open_file->node);
    resize_used(about, before);
    return 0;
}

std::int64_t SimDisk::stat(const File& open_file, io::FileStat& out) const {
    if (open_file == nullptr) return -EBADF;
    const Node& about = node(open_file->node);
    out = {.device = state_.device_first + about.device,
           .inode = about.inode,
           .size = static_cast<std::int64_t>(about.file.size()),
           .modified_ns = about.modified_ns,
           .born_ns = options_.keeps_births ? about.born_ns : 0,
           .links = about.linked ? 1U : 0U,
           .mode = about.mode | (about.directory ? S_IFDIR : S_IFREG)};
    return 0;
}

std::int64_t SimDisk::stat(std::string_view path, io::FileStat& out) const {
    const Place place = find(path);
    if (place.error != 0) return -place.error;
    if (place.node == 0) return -ENOENT;
    return stat(std::make_shared<OpenFile>(OpenFile{place.node, 0, 0}), out);
}

}  // namespace holdfast::sim
