#include "sim/known_files.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "io/devices/file_identity.hpp"

namespace holdfast::sim {

std::optional<Checkpoint> durable_checkpoint(const SimDisk& disk, const std::string& data_dir) {
    std::optional<Checkpoint> newest;
    for (const char* slot : {"/checkpoint.a", "/checkpoint.b"}) {
        const std::string bytes = disk.durable_contents(data_dir + slot).value_or("");
        auto found = decode(std::as_bytes(std::span(bytes)));
        if (found && (!newest || found->sequence > newest->sequence)) newest = std::move(*found);
    }
    return newest;
}

std::set<std::string> who_knows(const SimDisk& disk, const std::string& data_dir,
                                const std::string& path) {
    std::set<std::string> out;
    const std::optional<Checkpoint> newest = durable_checkpoint(disk, data_dir);
    io::FileStat stat;
    if (!newest || disk.stat(path, stat) < 0) return out;
    const std::string head = disk.contents(path)->substr(0, io::fingerprint_max);
    for (const CheckpointPartition& known : newest->partitions) {
        const auto key = io::decode_key(known.key);
        if (!key || key->identity.inode != stat.inode || key->identity.length == 0) continue;
        const std::size_t length = std::min<std::size_t>(key->identity.length, head.size());
        if (key->identity.begins(std::as_bytes(std::span(head)).first(length)))
            out.insert(known.source);
    }
    return out;
}

}  // namespace holdfast::sim
