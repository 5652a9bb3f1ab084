// The checkpoint's bytes. The layout is in docs/formats.md; integers are little-endian and of fixed
// width, so that there is one encoding of each value.
#include "core/data/checkpoint.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"

namespace holdfast {
namespace {

constexpr std::string_view magic = "HFCKPT\r\n";
constexpr std::uint32_t version_newest = 2;
constexpr std::size_t checksum_at = 8;
constexpr std::size_t version_at = 12;
constexpr std::size_t length_at = 16;
constexpr std::size_t header_size = 24;
// The least that one entry of each list takes: what bounds a hostile count.
constexpr std::size_t partition_size_min = 4 + 4 + 8 + 4;
constexpr std::size_t lead_size_min = 4 + 8;
constexpr std::size_t sink_size_min = 4 + 8;  // Of version 1; see file_size.
constexpr std::size_t file_size = 8 + 8 + 4 + 8 + 1;

template <class T>
void store(std::byte* at, T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i) at[i] = static_cast<std::byte>(value >> (8 * i));
}

template <class T>
T load(const std::byte* at) {
    T value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i)
        value |= static_cast<T>(std::to_integer<T>(at[i]) << (8 * i));
    return value;
}

template <class T>
void append(std::vector<std::byte>& out, T value) {
    const std::size_t at = out.size();
    out.resize(at + sizeof(T));
    store(out.data() + at, value);
}

/// Reads until the first thing that cannot be; then good() is false and all else is zero or empty.
class Reader {
public:
    explicit Reader(std::span<const std::byte> bytes) : rest_(bytes) {}

    template <class T>
    T number() {
        if (!take(sizeof(T))) return 0;
        return load<T>(taken_.data());
    }
    /// A number of entries that each take at least `size_min` bytes of what follows.
    std::uint32_t count(std::size_t size_min) {
        const auto n = number<std::uint32_t>();
        if (n > rest_.size() / size_min) good_ = false;
        return good_ ? n : 0;
    }
    std::string text() {
        if (!take(number<std::uint32_t>())) return {};
        return {reinterpret_cast<const char*>(taken_.data()), taken_.size()};
    }
    std::int64_t position() {
        const auto value = static_cast<std::int64_t>(number<std::uint64_t>());
        if (value < 0) good_ = false;
        return value;
    }
    void fail() { good_ = false; }
    bool good() const { return good_; }
    bool at_end() const { return rest_.empty(); }

private:
    bool take(std::size_t n) {
        if (n > rest_.size()) good_ = false;
        if (!good_) return false;
        taken_ = rest_.first(n);
        rest_ = rest_.subspan(n);
        return true;
    }

    std::span<const std::byte> rest_;
    std::span<const std::byte> taken_;
    bool good_ = true;
};

std::uint32_t checksum_of(std::span<const std::byte> bytes) {
    const std::uint32_t before = crc32c(bytes.first(checksum_at));
    if (mutant(30)) {  // The sequence number is left out.
        const std::size_t behind = std::min(header_size + sizeof(std::uint64_t), bytes.size());
        return crc32c(bytes.subspan(behind),
                      crc32c(bytes.first(header_size).subspan(version_at), before));
    }
    return crc32c(bytes.subspan(version_at), before);
}

CheckpointFile read_file(Reader& reader, std::int64_t mark) {
    CheckpointFile file;
    file.inode = reader.number<std::uint64_t>();
    file.born_ns = reader.position();
    file.before_length = reader.number<std::uint32_t>();
    file.before_hash = reader.number<std::uint64_t>();
    const auto clean = reader.number<std::uint8_t>();
    file.clean = clean == 1;
    const bool is_possible = clean <= 1 && file.before_length <= bytes_before_mark_max &&
                             static_cast<std::int64_t>(file.before_length) <= mark;
    if (!is_possible) reader.fail();
    return file;
}

CheckpointPartition read_partition(Reader& reader) {
    CheckpointPartition partition;
    partition.source = reader.text();
    partition.key = reader.text();
    partition.position = reader.position();
    const std::uint32_t leads = reader.count(lead_size_min);
    for (std::uint32_t i = 0; i < leads && reader.good(); ++i) {
        CheckpointLead lead;
        lead.sink = reader.text();
        lead.position = reader.position();
        partition.leads.push_back(std::move(lead));
    }
    return partition;
}

}  // namespace

CheckpointEncoder::CheckpointEncoder(std::vector<std::byte>& out, std::uint64_t sequence,
                                     std::string_view pipeline, std::size_t partitions)
    : out_(out), begin_(out.size()) {
    out_.resize(begin_ + header_size);
    std::memcpy(out_.data() + begin_, magic.data(), magic.size());
    store(out_.data() + begin_ + version_at, version_newest);
    append(out_, sequence);
    text(pipeline);
    count(partitions);
}

void CheckpointEncoder::count(std::size_t n) {
    HF_ASSERT(n <= UINT32_MAX);
    append(out_, static_cast<std::uint32_t>(n));
}

void CheckpointEncoder::text(std::string_view s) {
    count(s.size());
    const auto* bytes = reinterpret_cast<const std::byte*>(s.data());
    out_.insert(out_.end(), bytes, bytes + s.size());
}

void CheckpointEncoder::position(std::int64_t value) {
    HF_ASSERT(value >= 0);
    append(out_, static_cast<std::uint64_t>(value));
}

void CheckpointEncoder::partition(std::string_view source, std::string_view key, std::int64_t at,
                                  std::size_t leads) {
    text(source);
    text(key);
    position(at);
    count(leads);
}

void CheckpointEncoder::lead(std::string_view sink, std::int64_t at) {
    text(sink);
    position(at);
}

void CheckpointEncoder::sinks(std::size_t n) { count(n); }

void CheckpointEncoder::sink(std::string_view name, std::int64_t mark, const CheckpointFile& file) {
    HF_ASSERT(file.before_length <= bytes_before_mark_max);
    HF_ASSERT(static_cast<std::int64_t>(file.before_length) <= mark);
    text(name);
    position(mark);
    append(out_, file.inode);
    position(file.born_ns);
    append(out_, file.before_length);
    append(out_, file.before_hash);
    append(out_, static_cast<std::uint8_t>(file.clean));
}

void CheckpointEncoder::finish() {
    const std::span<const std::byte> bytes = std::span(out_).subspan(begin_);
    store(out_.data() + begin_ + length_at, std::uint64_t{bytes.size()});
    store(out_.data() + begin_ + checksum_at, checksum_of(bytes));
}

void encode(const Checkpoint& checkpoint, std::vector<std::byte>& out) {
    CheckpointEncoder encoder(out, checkpoint.sequence, checkpoint.pipeline,
                              checkpoint.partitions.size());
    for (const CheckpointPartition& partition : checkpoint.partitions) {
        encoder.partition(partition.source, partition.key, partition.position,
                          partition.leads.size());
        for (const CheckpointLead& lead : partition.leads) encoder.lead(lead.sink, lead.position);
    }
    encoder.sinks(checkpoint.sinks.size());
    for (const CheckpointSink& sink : checkpoint.sinks)
        encoder.sink(sink.sink, sink.mark, sink.file);
    encoder.finish();
}

std::expected<Checkpoint, CheckpointFault> decode(std::span<const std::byte> bytes) {
    if (bytes.empty()) return std::unexpected(CheckpointFault::empty);
    if (bytes.size() < header_size) return std::unexpected(CheckpointFault::truncated);
    // The length is looked at first only to tell a cut file from a changed one.
    if (load<std::uint64_t>(bytes.data() + length_at) > bytes.size())
        return std::unexpected(CheckpointFault::truncated);
    if (load<std::uint32_t>(bytes.data() + checksum_at) != checksum_of(bytes))
        return std::unexpected(CheckpointFault::checksum);
    if (std::memcmp(bytes.data(), magic.data(), magic.size()) != 0)
        return std::unexpected(CheckpointFault::malformed);
    const auto version = load<std::uint32_t>(bytes.data() + version_at);
    if (version > version_newest) return std::unexpected(CheckpointFault::version);
    if (version == 0 || load<std::uint64_t>(bytes.data() + length_at) != bytes.size())
        return std::unexpected(CheckpointFault::malformed);

    Reader reader(bytes.subspan(header_size));
    Checkpoint checkpoint;
    checkpoint.sequence = reader.number<std::uint64_t>();
    checkpoint.pipeline = reader.text();
    const std::uint32_t partitions = reader.count(partition_size_min);
    for (std::uint32_t i = 0; i < partitions && reader.good(); ++i)
        checkpoint.partitions.push_back(read_partition(reader));
    const std::uint32_t sinks =
        reader.count(version == 1 ? sink_size_min : sink_size_min + file_size);
    for (std::uint32_t i = 0; i < sinks && reader.good(); ++i) {
        CheckpointSink sink;
        sink.sink = reader.text();
        sink.mark = reader.position();
        if (version > 1) sink.file = read_file(reader, sink.mark);
        checkpoint.sinks.push_back(std::move(sink));
    }
    if (!reader.good() || !reader.at_end()) return std::unexpected(CheckpointFault::malformed);
    return checkpoint;
}

}  // namespace holdfast
