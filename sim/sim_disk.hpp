// A simulated disk with a file system: names, descriptors, faults, and what a power loss leaves.
//
// Calls answer as the kernel does: >= 0, or a negated errno. All chance comes from Choices.
// Rule 1: what is written is durable after a sync of its file; a name after a sync of its
//         directory. A rename is atomic also in a crash.
// Rule 2: unsynced changes of directories may each be kept or dropped at a crash, in no order,
//         save that what depends on a synced one is synced with it.
// Rule 3: two kinds of death: close_all() is a killed process (all that was written stays), crash()
//         a power loss.
// Rule 4: host-side calls (put, append, ...) are another program's, or a test's: they never fail by
//         chance and are durable at once.
// Bound: cheap to make (no file, no allocation but the root); all bytes are held twice.
// Doesn't know: time (set_wall), the ring, links and permissions.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/ring.hpp"
#include "sim/choices.hpp"
#include "sim/sim_file.hpp"

namespace holdfast::sim {

/// How often a call fails by chance, of 1000.
struct DiskFaults {
    std::uint32_t open = 0;  ///< EIO
    std::uint32_t name = 0;  ///< rename, unlink, mkdir: EIO, nothing done
    std::uint32_t stat = 0;  ///< Of an open file: EIO
    std::uint32_t read = 0;  ///< EIO
    std::uint32_t read_short = 0;
    std::uint32_t write = 0;  ///< EIO; none, all or a part was written
    std::uint32_t write_short = 0;
    std::uint32_t full = 0;        ///< ENOSPC though there is room
    std::uint32_t sync = 0;        ///< EIO; durable, lost or partly lost: see SimFile rule 3
    std::uint32_t sector_bad = 0;  ///< Of a sector at its first read since its last write: EIO for
                                   ///< ever, until it is written again.
    std::uint32_t writeback = 0;   ///< See SimFile::write.
    std::uint32_t inode_reused = 0;  ///< A new file gets the inode number of a removed one.
};

/// What becomes of watched directories.
enum class Watching : std::uint8_t {
    works,
    absent,  ///< ENOSYS
    deaf,    ///< Nothing is ever told, as of what other machines do in a network file system.
};

struct DiskOptions {
    std::uint32_t sector = 512;
    std::uint64_t capacity = UINT64_MAX;  ///< Bytes in files.
    bool keeps_births = true;             ///< stat says when a file was made.
    Watching watching = Watching::works;
    std::size_t changes_max = 16;  ///< Told and not read yet; beyond them all are lost.
    DiskFaults faults;
};

class SimDisk {
    struct Node;

public:
    /// An open file: stays usable by operations in flight when its descriptor is closed.
    struct OpenFile {
        std::uint32_t node = 0;  ///< 0: of a queue of changes.
        int flags = 0;
        std::uint64_t position = 0;
        std::map<std::uint32_t, std::int64_t> watched = {};  ///< By node: its number.
        std::vector<io::Change> changes = {};
    };
    using File = std::shared_ptr<OpenFile>;

    /// Lives: `choices` as long as this.
    explicit SimDisk(Choices& choices, DiskOptions options = {});

    // ---- the calls of the process under test ----
    std::int64_t open(std::string_view path, int flags, std::uint32_t mode);
    std::int64_t close(int fd);
    /// Null for a descriptor that is not open.
    File file(int fd) const;
    /// Descriptor `fd` of every process from now on is this file, as a shell's `<` and `>>` make it: who
    /// reads it goes on where the last process ended. It is made if it is not there.
    /// Requires: fd is 1 (written), 0 or below -1 (read).
    void redirect(int fd, std::string_view path);
    /// Offset -1: the file's own position.
    std::int64_t read(const File& file, std::span<std::byte> into, std::int64_t offset);
    std::int64_t write(const File& file, std::span<const std::byte> bytes, std::int64_t offset);
    std::int64_t sync(const File& file);
    std::int64_t truncate(const File& file, std::int64_t size);
    std::int64_t stat(std::string_view path, io::FileStat& out) const;
    std::int64_t stat(const File& file, io::FileStat& out) const;
    std::int64_t rename(std::string_view from, std::string_view to);
    std::int64_t unlink(std::string_view path);
    std::int64_t mkdir(std::string_view path, std::uint32_t mode);
    std::int64_t list(std::string_view path, std::vector<std::string>& names);
    std::int64_t watch_open();
    std::int64_t watch(const File& queue, std::string_view path);
    std::int64_t watch_read(const File& queue, std::vector<io::Change>& changes) const;

    // ---- for the ring: what a choice is about, and for the how-manieth time ----
    static std::uint64_t entity(std::string_view path);
    std::uint64_t entity(const File& file) const { return node(file->node).key; }
    std::uint64_t turn(std::uint64_t entity) { return state_.turns[entity]++; }

    // ---- death, and what it leaves ----
    void close_all();
    void crash();
    /// The whole disk as a value, unsynced changes included: restore, crash with other choices, and
    /// so visit all images that a crash may leave. Descriptors are not part of it.
    struct Image;
    Image image() const;
    void restore(const Image& image);
    void set_choices(Choices& choices) { choices_ = &choices; }
    std::uint64_t crashes() const { return state_.crashes; }

    // ---- faults that the world decides ----
    DiskOptions& options() { return options_; }
    void set_read_only(bool read_only) { read_only_ = read_only; }
    /// What is at this path cannot be opened or listed: so it answers. 0: it can be again.
    void deny(std::string_view path, int error);
    /// The sector cannot be read until it is written. Requires: the file exists.
    void break_sector(std::string_view path, std::uint64_t sector);
    /// Bit rot. Requires: the file exists and is longer than `offset`.
    void flip_bit(std::string_view path, std::uint64_t offset, unsigned bit);

    // ---- the host's side ----
    void set_wall(std::int64_t wall_ns) { wall_ns_ = wall_ns; }
    /// From here on the path is on a device of its own. Requires: it is an empty directory.
    void mount(std::string_view path);
    /// Each device is called otherwise, as after a reboot; they may change their numbers.
    void number_devices(std::uint64_t first) { state_.device_first = first; }
    /// Makes or replaces a file's bytes, with the directories on its path.
    void put(std::string_view path, std::string_view bytes);
    void append(std::string_view path, std::string_view bytes);
    void cut(std::string_view path, std::uint64_t size);
    void move(std::string_view from, std::string_view to);
    void remove(std::string_view path);
    void make_directories(std::string_view path);
    bool exists(std::string_view path) const;
    /// What a reader would see; nothing if there is no such file.
    std::optional<std::string> contents(std::string_view path) const;
    /// What is left after a crash that drops all it may.
    std::optional<std::string> durable_contents(std::string_view path) const;
    /// Of all files, sorted.
    std::vector<std::string> paths() const;
    std::uint64_t bytes_used() const { return state_.used; }
    std::size_t open_files() const;

private:
    using Entries = std::map<std::string, std::uint32_t, std::less<>>;
    struct Node {
        Node(std::uint64_t k, std::uint32_t sector) : key(k), file(k, sector) {}
        std::uint64_t key;  ///< Entity of its choices: from its first path, not its number.
        std::uint64_t inode = 0;
        std::uint32_t mode = 0;
        bool directory = false;
        bool linked = true;
        bool freed = false;
        std::int64_t modified_ns = 0;
        std::int64_t born_ns = 0;
        std::uint64_t device = 0;
        std::uint64_t turns = 0;
        SimFile file;
        std::map<std::uint64_t, bool> bad;  ///< By sector: what reads found.
        Entries entries;
        Entries durable;
    };
    /// An unsynced change of names. A name is removed if it still stands for the node.
    struct NameChange {
        std::uint32_t node = 0;
        std::uint32_t from = 0;  ///< The directory that loses `old_name`; 0 is none.
        std::uint32_t to = 0;    ///< The directory that gets `new_name`; 0 is none.
        std::string old_name;
        std::string new_name;
    };
    struct State {
        std::map<std::uint32_t, Node> nodes;  ///< Nodes without a name stay until the next crash.
        std::vector<NameChange> changes;
        std::vector<std::pair<std::uint64_t, std::uint64_t>> inodes_free;  ///< With their device.
        std::map<std::uint64_t, std::uint64_t> turns;  ///< Questions asked, by entity.
        std::vector<std::uint64_t> inode_next{2};      ///< By device.
        std::uint64_t device_first = 1;
        std::uint32_t node_next = 2;
        std::uint64_t used = 0;
        std::uint64_t crashes = 0;
    };
    struct Place {
        std::uint32_t directory = 0;  ///< 0: there is no such directory.
        std::uint32_t node = 0;       ///< 0: no such entry.
        std::string name;
        int error = 0;
    };

    Place find(std::string_view path, bool durable = false) const;
    Node& node(std::uint32_t number) { return state_.nodes.at(number); }
    const Node& node(std::uint32_t number) const { return state_.nodes.at(number); }
    bool fails(Site site, Node& node, std::uint32_t permille);
    int denied(std::string_view path) const;
    bool path_fails(Site site, std::string_view path, std::uint32_t permille);
    std::uint32_t make_node(const Place& place, std::string_view path, std::uint32_t mode,
                            bool directory);
    int open_as(int flags, std::uint32_t number);
    bool sector_is_bad(Node& node, std::uint64_t sector);
    void resize_used(const Node& node, std::uint64_t before);
    /// Is `wanted` the node `top` or somewhere below it?
    bool holds(std::uint32_t top, std::uint32_t wanted) const;
    void unname(const Place& place);
    void free_if_unused(std::uint32_t number);
    void apply(const NameChange& change);
    std::uint64_t new_inode(std::uint64_t device) { return state_.inode_next[device]++; }
    void tell(std::uint32_t directory, std::string_view name, io::Change::Kind kind);
    void tell_written(std::uint32_t number);
    void sync_names(std::uint32_t directory);
    void crash_names();
    void drop_unreachable();

    Choices* choices_;
    DiskOptions options_;
    State state_;
    std::vector<File> files_;       ///< By descriptor - fd_first.
    std::map<int, File> standard_;  ///< See redirect.
    std::int64_t wall_ns_ = 0;
    bool read_only_ = false;
    std::map<std::string, int, std::less<>> denied_;  ///< By path.
};

struct SimDisk::Image {
    SimDisk::State state;
};

}  // namespace holdfast::sim
