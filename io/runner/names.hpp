// What things are called, for dead letters. Stands between the sources and the checkpoint store to
// see which partition is which file; changes nothing.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/device.hpp"
#include "io/devices/dead_letter_file.hpp"
#include "io/devices/transform_stage.hpp"
#include "io/runner/pipeline_config.hpp"
#include "io/sink_words.hpp"

namespace holdfast::io {

/// The number that stands for a partition for ever, of its key in the checkpoint.
std::uint64_t partition_number(std::string_view source, const std::string& key);

class Names final : public RecordNames, public PartitionNumbers, public Checkpoints {
public:
    explicit Names(const PipelineConfig& pipeline) : pipeline_(pipeline) {}

    /// Where everything goes on to. Required before the first bind().
    void forward_to(Checkpoints& store) { store_ = &store; }

    std::string_view source(SourceId source) const override;
    std::string_view partition(SourceId source, PartitionId partition) const override;
    std::string_view sink(SinkId sink) const override;
    std::uint64_t number(SourceId source, PartitionId partition) const override;
    std::string id(SourceId source, PartitionId partition, std::int64_t position) const override;
    std::string_view why(SinkId sink, BatchId batch, std::uint32_t output) const override {
        return words_.of(sink, batch, output);
    }
    bool are_envelopes(SourceId source, SinkId sink) const override;
    /// Where sinks say it.
    SinkWords& words() { return words_; }

    void bind(SourceId source, PartitionId partition, Epoch epoch, std::string key) override;
    void unbind(PartitionId partition, Epoch epoch) override { store_->unbind(partition, epoch); }
    void seal(PartitionId partition, Epoch epoch, Position position, std::string words) override {
        store_->seal(partition, epoch, position, std::move(words));
    }
    void looked(SourceId source, std::int64_t begun_ns) override {
        store_->looked(source, begun_ns);
    }
    void stage(const StageSink& stage) override { store_->stage(stage); }
    void stage(const StagePosition& stage) override { store_->stage(stage); }
    void stage(const StageLead& stage) override { store_->stage(stage); }
    Position staged(PartitionId partition, Epoch epoch) const override {
        return store_->staged(partition, epoch);
    }
    void write(const WriteCheckpoint& write) override { store_->write(write); }
    void sync(const SyncCheckpoint& sync) override { store_->sync(sync); }
    Task<StoreOutcome> save() override { return store_->save(); }

private:
    const PipelineConfig& pipeline_;
    Checkpoints* store_ = nullptr;
    std::vector<std::string> partitions_;
    std::vector<std::uint64_t> numbers_;
    SinkWords words_;
};

}  // namespace holdfast::io
