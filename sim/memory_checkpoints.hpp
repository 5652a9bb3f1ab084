// Checkpoints that are kept in memory, for tests of sources.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/base/assert.hpp"
#include "core/data/checkpoint.hpp"
#include "io/device.hpp"

namespace holdfast::sim {

/// A checkpoint in memory: what a restart would load if everything was committed at once.
class MemoryCheckpoints final : public io::Checkpoints {
public:
    void bind(SourceId, PartitionId partition, Epoch epoch, std::string key) override {
        auto& bound = bound_[partition.index];
        if (bound.first == epoch && bound.second != key) {
            auto node = records.extract(bound.second);
            records.erase(key);
            if (!node.empty()) {
                node.key() = key;
                node.mapped().key = key;
                records.insert(std::move(node));
            }
        }
        bound = {epoch, key};
    }
    void unbind(PartitionId partition, Epoch epoch) override {
        auto& bound = bound_[partition.index];
        HF_ASSERT(bound.first == epoch);
        records.erase(bound.second);
        bound = {};
    }
    void stage(const StageSink&) override {}
    void stage(const StagePosition& stage) override {
        auto& record = at(stage.partition, stage.epoch);
        record.position = stage.position.value;
        std::erase_if(record.leads, [&](auto& l) { return l.position <= record.position; });
    }
    void stage(const StageLead& stage) override {
        at(stage.partition, stage.epoch)
            .leads.push_back({"sink" + std::to_string(stage.sink.index), stage.position.value});
    }
    Position staged(PartitionId partition, Epoch epoch) const override {
        const auto bound = bound_.find(partition.index);
        if (bound == bound_.end() || bound->second.first != epoch) return {0};
        const auto record = records.find(bound->second.second);
        return {record == records.end() ? 0 : record->second.position};
    }
    void write(const WriteCheckpoint&) override {}
    void sync(const SyncCheckpoint&) override {}

    CheckpointPartition& at(PartitionId partition, Epoch epoch) {
        auto& bound = bound_[partition.index];
        HF_ASSERT(bound.first == epoch);
        auto& record = records[bound.second];
        record.source = "in";
        record.key = bound.second;
        return record;
    }
    std::vector<CheckpointPartition> all() const {
        std::vector<CheckpointPartition> list;
        for (const auto& [key, record] : records) list.push_back(record);
        return list;
    }
    /// The next process: what was bound is forgotten, what was stored is not.
    void restart() { bound_.clear(); }

    std::map<std::string, CheckpointPartition> records;

private:
    std::map<std::uint32_t, std::pair<Epoch, std::string>> bound_;
};

}  // namespace holdfast::sim
