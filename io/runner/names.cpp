// See names.hpp.
#include "io/runner/names.hpp"

#include "core/base/hash128.hpp"
#include "core/base/mix.hpp"
#include "core/data/flow/evaluate.hpp"
#include "io/devices/file_identity.hpp"

namespace holdfast::io {

std::string_view Names::source(SourceId source) const {
    if (source.index >= pipeline_.sources.size()) return {};
    return pipeline_.sources[source.index].name;
}

std::string_view Names::partition(SourceId, PartitionId partition) const {
    if (partition.index >= partitions_.size()) return {};
    return partitions_[partition.index];
}

std::string_view Names::sink(SinkId sink) const {
    if (sink.index >= pipeline_.sinks.size()) return {};
    return pipeline_.sinks[sink.index].name;
}

std::uint64_t Names::number(SourceId, PartitionId partition) const {
    return partition.index < numbers_.size() ? numbers_[partition.index] : 0;
}

std::string Names::id(SourceId source, PartitionId partition, std::int64_t position) const {
    const std::string text = flow::partition_text(number(source, partition));
    return record_id({this->source(source), text, position});
}

std::uint64_t partition_number(std::string_view source, const std::string& key) {
    const auto file = decode_key(key);
    // The checkpoint, too, knows a source by its name.
    const std::uint64_t name = hash_bytes(std::as_bytes(std::span(source))).low;
    if (!file) return mix(0, 0, 0, name);
    // Not of the fingerprint and the path, which change while a file is read, nor of the device, which
    // may be called otherwise after a reboot, where the birth is known.
    const FileIdentity& of = file->identity;
    const std::uint64_t place = of.born_ns > 0 ? static_cast<std::uint64_t>(of.born_ns) : of.device;
    return mix(place, of.inode, file->generation, name);
}

void Names::bind(SourceId source, PartitionId partition, Epoch epoch, std::string key) {
    if (partition.index >= partitions_.size()) {
        partitions_.resize(partition.index + 1);
        numbers_.resize(partition.index + 1);
    }
    const auto file = decode_key(key);
    numbers_[partition.index] = partition_number(this->source(source), key);
    partitions_[partition.index] = file ? file->path : key;
    store_->bind(source, partition, epoch, std::move(key));
}

bool Names::are_envelopes(SourceId source, SinkId sink) const {
    const codec::Framing framing = sink == no_sink ? pipeline_.sources[source.index].framing
                                                   : pipeline_.sinks[sink.index].framing;
    return framing == codec::Framing::json;
}

}  // namespace holdfast::io
