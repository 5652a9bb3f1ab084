#include "io/devices/checkpoint_store.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "core/base/assert.hpp"
#include "core/base/mutant.hpp"

namespace holdfast::io {
namespace {

constexpr std::uint32_t file_mode = 0600;

}  // namespace

CheckpointStore::CheckpointStore(Ring& ring, Events& events, Log log, Config config)
    : ring_(ring), events_(events), log_(std::move(log)), config_(std::move(config)) {
    slots_[0].path = config_.data_dir + "/checkpoint.a";
    slots_[1].path = config_.data_dir + "/checkpoint.b";
    replacement_.path = config_.data_dir + "/checkpoint.new";
    for (const std::string& name : config_.sinks) sinks_.push_back({name, std::nullopt});
}

// ---- staging ---------------------------------------------------------------------------------

void CheckpointStore::bind(SourceId source, PartitionId partition, Epoch epoch, std::string key) {
    HF_ASSERT(source.index < config_.sources.size());
    if (bindings_.size() <= partition.index) bindings_.resize(partition.index + std::size_t{1});
    if (Binding& old = bindings_[partition.index]; mutant(298) && old.bound && old.epoch != epoch) {
        old.epoch = epoch;
        return;
    }
    const auto entry =
        partitions_.try_emplace({config_.sources[source.index], std::move(key)}).first;
    const Binding* before = find(partition, epoch);
    if (before != nullptr && before->entry != entry) {
        // The same partition under a new key (its fingerprint has grown): what is known moves.
        const auto old = before->entry;
        entry->second = std::move(old->second);
        for (Binding& other : bindings_) {
            if (other.bound && other.entry == old) other.bound = false;
        }
        partitions_.erase(old);
    }
    bindings_[partition.index] = {epoch, entry, true};
}

void CheckpointStore::unbind(PartitionId partition, Epoch epoch) {
    Binding* binding = find(partition, epoch);
    if (binding == nullptr) return;
    const auto gone = binding->entry;
    for (Binding& other : bindings_) {
        if (other.bound && other.entry == gone) other.bound = false;
    }
    partitions_.erase(gone);
}

CheckpointStore::Binding* CheckpointStore::find(PartitionId partition, Epoch epoch) {
    if (partition.index >= bindings_.size()) return nullptr;
    Binding& binding = bindings_[partition.index];
    return binding.bound && binding.epoch == epoch ? &binding : nullptr;
}

void CheckpointStore::seal(PartitionId partition, Epoch epoch, Position position,
                           std::string words) {
    const Binding* binding = find(partition, epoch);
    if (binding == nullptr) return;
    Partition& entry = binding->entry->second;
    if (!entry.seals.empty() && position.value <= entry.seals.back().position) return;
    entry.seals.push_back({position.value, std::move(words)});
    reached(entry);
}

void CheckpointStore::looked(SourceId source, std::int64_t begun_ns) {
    HF_ASSERT(source.index < config_.sources.size());
    Partition& look = partitions_[{config_.sources[source.index], std::string(look_key)}];
    look.position = std::max<std::int64_t>(0, begun_ns);
    look.known = true;
}

/// Up to where something was delivered.
std::int64_t CheckpointStore::reach(const Partition& partition) {
    std::int64_t most = partition.position;
    for (const Lead& lead : partition.leads) most = std::max(most, lead.position);
    return most;
}

void CheckpointStore::reached(Partition& partition) {
    auto& seals = partition.seals;
    if (seals.size() < 2) return;
    const std::int64_t most = reach(partition);
    std::size_t below = 0;
    while (below < seals.size() && seals[below].position <= most) ++below;
    if (below > 1)
        seals.erase(seals.begin(), seals.begin() + static_cast<std::ptrdiff_t>(below - 1));
}

void CheckpointStore::stage(const StageSink& stage) {
    HF_ASSERT(stage.sink.index < config_.sinks.size());
    HF_ASSERT(stage.mark >= 0);
    NamedMark& sink = sinks_[stage.sink.index];
    sink.mark = stage.mark;
    sink.file = {};
}

void CheckpointStore::know(SinkId sink, const CheckpointFile& file) {
    HF_ASSERT(sink.index < config_.sinks.size());
    HF_ASSERT(sinks_[sink.index].mark.has_value());
    sinks_[sink.index].file = file;
}

void CheckpointStore::stage(const StagePosition& stage) {
    HF_ASSERT(stage.position.value >= 0);
    const Binding* binding = find(stage.partition, stage.epoch);
    if (binding == nullptr) return;
    Partition& partition = binding->entry->second;
    // A position that goes back means other contents, for which no sink is ahead.
    if (stage.position.value < partition.position) {
        partition.leads.clear();
        partition.seals.clear();
    }
    partition.position = stage.position.value;
    partition.known = true;
    reached(partition);
}

Position CheckpointStore::staged(PartitionId partition, Epoch epoch) const {
    const Binding* binding = const_cast<CheckpointStore*>(this)->find(partition, epoch);
    HF_ASSERT(binding != nullptr);
    return {binding->entry->second.position};
}

void CheckpointStore::stage(const StageLead& stage) {
    HF_ASSERT(stage.sink.index < config_.sinks.size());
    HF_ASSERT(stage.position.value >= 0);
    const Binding* binding = find(stage.partition, stage.epoch);
    if (binding == nullptr) return;
    Partition& partition = binding->entry->second;
    partition.known = true;
    for (Lead& lead : partition.leads) {
        if (lead.sink != stage.sink.index) continue;
        lead.position = stage.position.value;
        reached(partition);
        return;
    }
    partition.leads.push_back({stage.sink.index, stage.position.value});
    reached(partition);
}

void CheckpointStore::encode_staged(std::vector<std::byte>& out) const {
    const auto is_known = [](const auto& entry) { return entry.second.known; };
    const auto is_marked = [](const NamedMark& sink) { return sink.mark.has_value(); };
    CheckpointEncoder encoder(
        out, sequence_, config_.pipeline,
        static_cast<std::size_t>(std::count_if(partitions_.begin(), partitions_.end(), is_known)));
    for (const auto& [name, partition] : partitions_) {
        if (!partition.known) continue;
        const auto is_ahead = [&](const Lead& lead) { return lead.position > partition.position; };
        const auto& leads = partition.leads;
        const bool sealed =
            !partition.seals.empty() && partition.seals.front().position <= reach(partition);
        const std::string key = sealed ? partition.seals.front().words + name.second : name.second;
        encoder.partition(
            name.first, key, partition.position,
            static_cast<std::size_t>(std::count_if(leads.begin(), leads.end(), is_ahead)));
        for (const Lead& lead : leads) {
            if (is_ahead(lead)) encoder.lead(sinks_[lead.sink].name, lead.position);
        }
    }
    encoder.sinks(static_cast<std::size_t>(std::count_if(sinks_.begin(), sinks_.end(), is_marked)));
    for (const NamedMark& sink : sinks_) {
        if (sink.mark) encoder.sink(sink.name, *sink.mark, sink.file);
    }
    encoder.finish();
}

Checkpoint CheckpointStore::staged() const {
    std::vector<std::byte> bytes;
    encode_staged(bytes);
    return *decode(bytes);
}

std::vector<std::byte> CheckpointStore::next_bytes() {
    ++sequence_;
    std::vector<std::byte> bytes;
    bytes.reserve(encoded_ + encoded_ / 8);
    encode_staged(bytes);
    encoded_ = bytes.size();
    return bytes;
}

// ---- orders ----------------------------------------------------------------------------------

void CheckpointStore::write(const WriteCheckpoint& write) { order({write.sequence, next_bytes()}); }

void CheckpointStore::sync(const SyncCheckpoint& sync) { order({sync.sequence, {}}); }

void CheckpointStore::order(Order order) {
    orders_.push_back(std::move(order));
    if (!busy_) scope_.spawn(serve());
}

Task<> CheckpointStore::serve() {
    busy_ = true;
    while (!orders_.empty()) {
        const Order now = std::move(orders_.front());
        orders_.pop_front();
        if (now.bytes.empty()) {
            const std::int64_t result = co_await make_durable();
            events_.push(CheckpointSynced{now.sequence, store_outcome(result)});
        } else {
            const std::int64_t result = co_await write_bytes(now.bytes);
            events_.push(CheckpointWritten{now.sequence, store_outcome(result)});
        }
    }
    busy_ = false;
    if (written_ == no_slot) idle_.notify();
}

Task<StoreOutcome> CheckpointStore::save() {
    while (busy_ || written_ != no_slot) co_await idle_.wait();
    busy_ = true;
    const std::vector<std::byte> bytes = next_bytes();
    std::int64_t result = co_await write_bytes(bytes);
    if (result >= 0) result = co_await make_durable();
    busy_ = false;
    if (!orders_.empty()) {
        scope_.spawn(serve());
    } else {
        idle_.notify();
    }
    co_return store_outcome(result);
}

// ---- slots -----------------------------------------------------------------------------------

Task<std::int64_t> CheckpointStore::write_bytes(std::span<const std::byte> bytes) {
    const std::size_t target = keep_ == no_slot ? 0 : mutant(123) ? keep_ : 1 - keep_;
    Slot& slot = slots_[target];
    written_ = no_slot;
    if (slot.in_place) {
        // A slot that was moved away or deleted is no slot.
        FileStat named;
        FileStat opened;
        const std::int64_t by_name = co_await io::stat(ring_, slot.path.c_str(), named);
        const std::int64_t by_fd = co_await io::stat(ring_, slot.fd, opened);
        slot.in_place = by_name == 0 && by_fd == 0 && is_same_file(named, opened);
    }
    std::int64_t result = 0;
    if (slot.in_place && keep_is_durable_) {
        co_await discard_replacement();
        result = co_await write_in_place(slot, bytes);
    } else {
        result = co_await write_replacement(bytes);
    }
    if (result >= 0) written_ = target;
    if (result < 0) say_failed("the checkpoint can't be written, it is tried again", result);
    co_return result;
}

Task<std::int64_t> CheckpointStore::write_in_place(Slot& slot, std::span<const std::byte> bytes) {
    std::vector<iovec> vectors{vector_of(bytes)};
    std::int64_t progress = 0;
    const std::int64_t result = co_await write_all(ring_, slot.fd, vectors, 0, progress);
    slot.size = std::max(slot.size, static_cast<std::int64_t>(bytes.size()));
    if (result < 0) co_return result;
    if (slot.size == progress) co_return 0;
    const std::int64_t cut = co_await io::truncate(ring_, slot.fd, progress);
    if (cut == 0) slot.size = progress;
    co_return cut;
}

Task<std::int64_t> CheckpointStore::write_replacement(std::span<const std::byte> bytes) {
    co_await discard_replacement();
    const std::int64_t gone = co_await io::unlink(ring_, replacement_.path.c_str());
    if (gone < 0 && gone != -ENOENT && gone != -ENOTDIR) co_return gone;
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
    std::int64_t fd = co_await open_retried(ring_, replacement_.path, flags, file_mode);
    if ((fd == -ENOENT || fd == -ENOTDIR) && config_.make_again && config_.make_again()) {
        fd = co_await open_retried(ring_, replacement_.path, flags, file_mode);
    }
    if (fd < 0) co_return fd;
    replacement_.fd = static_cast<int>(fd);
    replacement_.size = static_cast<std::int64_t>(bytes.size());
    std::vector<iovec> vectors{vector_of(bytes)};
    std::int64_t progress = 0;
    const std::int64_t result = co_await write_all(ring_, replacement_.fd, vectors, 0, progress);
    co_return result;
}

Task<> CheckpointStore::discard_replacement() {
    if (replacement_.fd < 0) co_return;
    const int fd = std::exchange(replacement_.fd, -1);
    co_await io::close(ring_, fd);
}

Task<std::int64_t> CheckpointStore::make_durable() {
    if (written_ == no_slot) co_return -EIO;
    const std::size_t target = std::exchange(written_, no_slot);
    Slot& slot = slots_[target];
    std::int64_t result = 0;
    if (replacement_.fd >= 0) {
        result = co_await put_in_place(slot);
    } else {
        result = co_await io::sync(ring_, slot.fd);
    }
    slot.in_place = result >= 0;
    if (mutant(121)) result = std::max<std::int64_t>(result, 0);
    if (result < 0) {
        say_failed("the checkpoint can't be synced, it is written again", result);
        co_return result;
    }
    keep_ = target;
    keep_is_durable_ = true;
    say_healed();
    co_return 0;
}

Task<std::int64_t> CheckpointStore::put_in_place(Slot& slot) {
    std::int64_t result = co_await io::sync_all(ring_, replacement_.fd);
    if (result >= 0) {
        result = co_await io::rename(ring_, replacement_.path.c_str(), slot.path.c_str());
    }
    if (result < 0) {
        co_await discard_replacement();
        co_return result;
    }
    const int old = std::exchange(slot.fd, std::exchange(replacement_.fd, -1));
    slot.size = replacement_.size;
    if (old >= 0) co_await io::close(ring_, old);
    if (mutant(31)) co_return 0;
    result = co_await sync_directory(ring_, config_.data_dir);
    co_return result;
}

void CheckpointStore::say_failed(std::string_view what, std::int64_t result) {
    if (failing_) return;
    failing_ = true;
    log_(Level::warn,
         LogLine(what).with("data_dir", config_.data_dir).with("error", error_text(result)).text());
}

void CheckpointStore::say_healed() {
    if (!failing_) return;
    failing_ = false;
    log_(Level::info,
         LogLine("the checkpoint is written again").with("data_dir", config_.data_dir).text());
}

}  // namespace holdfast::io
