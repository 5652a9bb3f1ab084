// Of SimDisk: names, what a crash leaves of them, and the host's side.
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "core/base/assert.hpp"
#include "sim/sim_disk.hpp"

namespace holdfast::sim {

namespace {

constexpr std::uint32_t root = 1;

std::string text_of(const Bytes& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

void SimDisk::unname(const Place& place) {
    tell(place.directory, place.name, io::Change::Kind::names);
    node(place.directory).entries.erase(place.name);
    node(place.directory).modified_ns = wall_ns_;
    node(place.node).linked = false;
    free_if_unused(place.node);
}

bool SimDisk::holds(std::uint32_t top, std::uint32_t wanted) const {
    const Entries& entries = node(top).entries;
    return top == wanted || std::any_of(entries.begin(), entries.end(), [&](const auto& entry) {
               return holds(entry.second, wanted);
           });
}

std::int64_t SimDisk::rename(std::string_view from, std::string_view to) {
    const Place source = find(from);
    const Place target = find(to);
    if (source.error != 0) return -source.error;
    if (target.error != 0) return -target.error;
    if (source.node == 0) return -ENOENT;
    if (source.directory == 0 || target.directory == 0) return -EBUSY;
    if (read_only_) return -EROFS;
    if (source.node == target.node) return 0;
    if (holds(source.node, target.directory)) return -EINVAL;
    if (target.node != 0) {
        if (holds(target.node, source.directory)) return -ENOTEMPTY;
        const Node& replaced = node(target.node);
        if (replaced.directory && !node(source.node).directory) return -EISDIR;
        if (!replaced.directory && node(source.node).directory) return -ENOTDIR;
        if (!replaced.entries.empty()) return -ENOTEMPTY;
    }
    if (path_fails(Site::disk_name_fails, from, options_.faults.name)) return -EIO;
    if (target.node != 0) unname(target);
    node(source.directory).entries.erase(source.name);
    node(target.directory).entries[target.name] = source.node;
    node(source.directory).modified_ns = node(target.directory).modified_ns = wall_ns_;
    tell(source.directory, source.name, io::Change::Kind::names);
    tell(target.directory, target.name, io::Change::Kind::names);
    state_.changes.push_back(
        {source.node, source.directory, target.directory, source.name, target.name});
    return 0;
}

std::int64_t SimDisk::unlink(std::string_view path) {
    const Place place = find(path);
    if (place.error != 0) return -place.error;
    if (place.node == 0) return -ENOENT;
    if (node(place.node).directory) return -EISDIR;
    if (read_only_) return -EROFS;
    if (path_fails(Site::disk_name_fails, path, options_.faults.name)) return -EIO;
    unname(place);
    state_.changes.push_back({place.node, place.directory, 0, place.name, {}});
    return 0;
}

std::int64_t SimDisk::mkdir(std::string_view path, std::uint32_t mode) {
    const Place place = find(path);
    if (place.error != 0) return -place.error;
    if (place.node != 0) return -EEXIST;
    if (read_only_) return -EROFS;
    if (path_fails(Site::disk_name_fails, path, options_.faults.name)) return -EIO;
    make_node(place, path, mode & 0777, true);
    return 0;
}

void SimDisk::deny(std::string_view path, int error) {
    denied_.insert_or_assign(std::string(path), error);
}

int SimDisk::denied(std::string_view path) const {
    const auto found = denied_.find(path);
    return found == denied_.end() ? 0 : found->second;
}

std::int64_t SimDisk::list(std::string_view path, std::vector<std::string>& names) {
    const Place place = find(path);
    if (place.error != 0) return -place.error;
    if (place.node == 0) return -ENOENT;
    Node& about = node(place.node);
    if (!about.directory) return -ENOTDIR;
    if (denied(path) != 0) return -denied(path);
    names.clear();
    for (const auto& [name, unused] : about.entries) names.push_back(name);
    if (names.size() > 1) {
        const auto first =
            choices_->choose(Site::disk_list_order, about.key, about.turns++, names.size());
        std::rotate(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(first), names.end());
    }
    return 0;
}

// ---- what is durable of names ------------------------------------------------------------------

void SimDisk::apply(const NameChange& change) {
    if (change.from != 0) {
        Entries& entries = node(change.from).durable;
        const auto found = entries.find(change.old_name);
        if (found != entries.end() && found->second == change.node) entries.erase(found);
    }
    if (change.to == 0) return;
    // A change before this one may have been dropped: a node has one name nevertheless.
    for (auto& [number, each] : state_.nodes) {
        std::erase_if(each.durable, [&](const auto& entry) { return entry.second == change.node; });
    }
    node(change.to).durable[change.new_name] = change.node;
}

// Makes durable what the directory needs: its changes, and those before them that touch a directory
// which one of these touches.
void SimDisk::sync_names(std::uint32_t directory) {
    std::set<std::uint32_t> touched{directory};
    std::vector<bool> needed(state_.changes.size());
    for (std::size_t i = state_.changes.size(); i-- > 0;) {
        const NameChange& change = state_.changes[i];
        needed[i] = touched.contains(change.from) || touched.contains(change.to);
        if (!needed[i]) continue;
        if (change.from != 0) touched.insert(change.from);
        if (change.to != 0) touched.insert(change.to);
    }
    std::vector<NameChange> left;
    for (std::size_t i = 0; i < state_.changes.size(); ++i) {
        if (needed[i]) {
            apply(state_.changes[i]);
        } else {
            left.push_back(std::move(state_.changes[i]));
        }
    }
    state_.changes = std::move(left);
}

void SimDisk::crash_names() {
    for (std::size_t i = 0; i < state_.changes.size(); ++i) {
        const NameChange& change = state_.changes[i];
        const std::uint64_t n = (state_.crashes << 32) | i;
        if (choices_->choose(Site::disk_crash_name, node(change.node).key, n, 2) == 0) {
            apply(change);
        }
    }
    state_.changes.clear();
    for (auto& [number, each] : state_.nodes) each.entries = each.durable;
}

void SimDisk::drop_unreachable() {
    std::set<std::uint32_t> reached{root};
    std::vector<std::uint32_t> open_ends{root};
    while (!open_ends.empty()) {
        const Node& about = node(open_ends.back());
        open_ends.pop_back();
        for (const auto& [name, number] : about.entries) {
            if (reached.insert(number).second) open_ends.push_back(number);
        }
    }
    state_.used = 0;
    std::erase_if(state_.nodes, [&](auto& entry) {
        auto& [number, about] = entry;
        const bool dead = !reached.contains(number);
        if (dead && !about.freed) state_.inodes_free.emplace_back(about.device, about.inode);
        if (!dead) state_.used += about.file.size();
        return dead;
    });
    std::set<std::pair<std::uint64_t, std::uint64_t>> in_use;
    for (auto& [number, about] : state_.nodes) {
        about.linked = true;
        about.freed = false;
        // A number that was given to another file while this one seemed to be gone.
        if (!in_use.emplace(about.device, about.inode).second) {
            about.inode = new_inode(about.device);
        }
        std::erase(state_.inodes_free, std::pair(about.device, about.inode));
    }
}

void SimDisk::crash() {
    ++state_.crashes;
    files_.clear();
    for (auto& [number, about] : state_.nodes) {
        if (!about.directory) about.file.crash(*choices_, state_.crashes);
    }
    crash_names();
    drop_unreachable();
}

SimDisk::Image SimDisk::image() const { return {state_}; }

void SimDisk::restore(const Image& image) {
    files_.clear();
    state_ = image.state;
}

// ---- watched directories -----------------------------------------------------------------------

std::int64_t SimDisk::watch_open() {
    if (options_.watching == Watching::absent) return -ENOSYS;
    return open_as(O_RDONLY, 0);
}

std::int64_t SimDisk::watch(const File& queue, std::string_view path) {
    if (queue == nullptr || queue->node != 0) return -EBADF;
    const Place place = find(path);
    if (place.error != 0) return -place.error;
    if (place.node == 0) return -ENOENT;
    if (!node(place.node).directory) return -ENOTDIR;
    const auto number = static_cast<std::int64_t>(queue->watched.size()) + 1;
    return queue->watched.emplace(place.node, number).first->second;
}

std::int64_t SimDisk::watch_read(const File& queue, std::vector<io::Change>& changes) const {
    if (queue == nullptr || queue->node != 0) return -EBADF;
    changes = std::exchange(queue->changes, {});
    return 0;
}

void SimDisk::tell(std::uint32_t directory, std::string_view name, io::Change::Kind kind) {
    if (options_.watching != Watching::works) return;
    for (const File& each : files_) {
        if (each == nullptr || each->node != 0) continue;
        const auto watched = each->watched.find(directory);
        if (watched == each->watched.end()) continue;
        if (each->changes.size() < options_.changes_max) {
            each->changes.push_back({kind, watched->second, std::string(name)});
        } else if (each->changes.back().kind != io::Change::Kind::lost) {
            each->changes.push_back({.kind = io::Change::Kind::lost, .name = {}});
        }
    }
}

void SimDisk::tell_written(std::uint32_t number) {
    for (const auto& [above, each] : state_.nodes) {
        for (const auto& [name, child] : each.entries) {
            if (child == number) tell(above, name, io::Change::Kind::bytes);
        }
    }
}

// ---- the host's side ---------------------------------------------------------------------------

void SimDisk::make_directories(std::string_view path) {
    for (std::size_t at = 0; at < path.size(); ++at) {
        at = std::min(path.find('/', at + 1), path.size());
        const std::string_view part = path.substr(0, at);
        const Place place = find(part);
        if (place.error != 0 || place.node != 0) continue;
        make_node(place, part, 0755, true);
        sync_names(place.directory);
    }
}

void SimDisk::put(std::string_view path, std::string_view bytes) {
    if (exists(path)) cut(path, 0);
    append(path, bytes);
}

void SimDisk::append(std::string_view path, std::string_view bytes) {
    const std::size_t slash = path.rfind('/');
    if (slash != std::string_view::npos && slash > 0) make_directories(path.substr(0, slash));
    Place place = find(path);
    HF_ASSERT(place.directory != 0);
    if (place.node == 0) {
        place.node = make_node(place, path, 0644, false);
        sync_names(place.directory);
    }
    Node& about = node(place.node);
    HF_ASSERT(!about.directory);
    const std::uint64_t before = about.file.size();
    about.file.write(before, std::as_bytes(std::span(bytes)), *choices_, 0);
    about.file.sync();
    about.modified_ns = wall_ns_;
    resize_used(about, before);
    tell_written(find(path).node);
}

void SimDisk::cut(std::string_view path, std::uint64_t size) {
    Node& about = node(find(path).node);
    const std::uint64_t before = about.file.size();
    about.file.truncate(size);
    about.file.sync();
    about.modified_ns = wall_ns_;
    resize_used(about, before);
    tell_written(find(path).node);
}

void SimDisk::mount(std::string_view path) {
    make_directories(path);
    Node& top = node(find(path).node);
    HF_ASSERT(top.directory && top.entries.empty());
    top.device = state_.inode_next.size();
    state_.inode_next.push_back(2);
    top.inode = 1;
}

void SimDisk::move(std::string_view from, std::string_view to) {
    const Place source = find(from);
    const Place target = find(to);
    HF_ASSERT(source.node != 0);
    HF_ASSERT(target.directory != 0);
    if (target.node != 0) unname(target);
    node(source.directory).entries.erase(source.name);
    node(target.directory).entries[target.name] = source.node;
    node(source.directory).modified_ns = node(target.directory).modified_ns = wall_ns_;
    tell(source.directory, source.name, io::Change::Kind::names);
    tell(target.directory, target.name, io::Change::Kind::names);
    state_.changes.push_back(
        {source.node, source.directory, target.directory, source.name, target.name});
    sync_names(target.directory);
}

void SimDisk::remove(std::string_view path) {
    const Place place = find(path);
    if (place.error != 0 || place.node == 0) return;
    unname(place);
    state_.changes.push_back({place.node, place.directory, 0, place.name, {}});
    sync_names(place.directory);
}

bool SimDisk::exists(std::string_view path) const {
    const Place place = find(path);
    return place.error == 0 && place.node != 0;
}

std::optional<std::string> SimDisk::contents(std::string_view path) const {
    const Place place = find(path);
    if (place.error != 0 || place.node == 0 || node(place.node).directory) return {};
    return text_of(node(place.node).file.seen());
}

std::optional<std::string> SimDisk::durable_contents(std::string_view path) const {
    const Place place = find(path, true);
    if (place.error != 0 || place.node == 0 || node(place.node).directory) return {};
    return text_of(node(place.node).file.durable());
}

std::vector<std::string> SimDisk::paths() const {
    std::vector<std::string> found;
    std::vector<std::pair<std::string, std::uint32_t>> open_ends{{"", root}};
    while (!open_ends.empty()) {
        const auto [prefix, number] = std::move(open_ends.back());
        open_ends.pop_back();
        for (const auto& [name, child] : node(number).entries) {
            const std::string path = prefix + "/" + name;
            if (node(child).directory) {
                open_ends.emplace_back(path, child);
            } else {
                found.push_back(path);
            }
        }
    }
    std::sort(found.begin(), found.end());
    return found;
}

void SimDisk::break_sector(std::string_view path, std::uint64_t sector) {
    const Place place = find(path);
    HF_ASSERT(place.node != 0);
    node(place.node).bad[sector] = true;
}

void SimDisk::flip_bit(std::string_view path, std::uint64_t offset, unsigned bit) {
    const Place place = find(path);
    HF_ASSERT(place.node != 0);
    node(place.node).file.flip_bit(offset, bit);
}

}  // namespace holdfast::sim
