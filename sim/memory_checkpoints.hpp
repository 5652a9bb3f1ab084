// Checkpoints that are kept in memory, for tests of sources.
#pragma once

#include <algorithm>
#include <functional>
#include <iterator>
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
            auto seals = seals_.extract(bound.second);
            seals_.erase(key);
            if (!seals.empty()) {
                seals.key() = key;
                seals_.insert(std::move(seals));
                reached(key);
            }
        }
        bound = {epoch, key};
    }
    void seal(PartitionId partition, Epoch epoch, Position position, std::string words) override {
        const auto& bound = bound_[partition.index];
        if (bound.first != epoch) return;
        seals_[bound.second].emplace(position.value, std::move(words));
        reached(bound.second);
    }
    void looked(SourceId, std::int64_t begun_ns) override { looked_ns = begun_ns; }
    void unbind(PartitionId partition, Epoch epoch) override {
        auto& bound = bound_[partition.index];
        HF_ASSERT(bound.first == epoch);
        records.erase(bound.second);
        seals_.erase(bound.second);
        bound = {};
    }
    void stage(const StageSink&) override {}
    void stage(const StagePosition& stage) override {
        auto& record = at(stage.partition, stage.epoch);
        record.position = stage.position.value;
        std::erase_if(record.leads, [&](auto& l) { return l.position <= record.position; });
        reached(bound_[stage.partition.index].second);
    }
    void stage(const StageLead& stage) override {
        at(stage.partition, stage.epoch)
            .leads.push_back({"sink" + std::to_string(stage.sink.index), stage.position.value});
        reached(bound_[stage.partition.index].second);
    }
    Position staged(PartitionId partition, Epoch epoch) const override {
        const auto bound = bound_.find(partition.index);
        if (bound == bound_.end() || bound->second.first != epoch) return {0};
        const auto record = records.find(bound->second.second);
        return {record == records.end() ? 0 : record->second.position};
    }
    void write(const WriteCheckpoint&) override {}
    void sync(const SyncCheckpoint&) override {}
    io::Task<StoreOutcome> save() override {
        if (saved) saved();
        co_return StoreOutcome::ok;
    }

    CheckpointPartition& at(PartitionId partition, Epoch epoch) {
        auto& bound = bound_[partition.index];
        HF_ASSERT(bound.first == epoch);
        auto& record = records[bound.second];
        record.source = "in";
        if (record.key.empty()) record.key = bound.second;
        return record;
    }
    std::vector<CheckpointPartition> all() const {
        std::vector<CheckpointPartition> list;
        for (const auto& [key, record] : records) list.push_back(record);
        return list;
    }
    /// The next process: what was bound is forgotten, what was stored is not.
    void restart() {
        bound_.clear();
        seals_.clear();
        std::map<std::string, CheckpointPartition> loaded;
        for (auto& [key, record] : records) loaded[record.key] = std::move(record);
        records = std::move(loaded);
    }

    std::int64_t looked_ns = INT64_MAX;                  ///< INT64_MAX: never.
    std::function<void()> saved;                         ///< Told that all is to be durable now.
    std::map<std::string, CheckpointPartition> records;  ///< By key without its seal.

private:
    /// The key that a restart finds begins with the highest seal that something has reached.
    void reached(const std::string& key) {
        const auto record = records.find(key);
        const auto seals = seals_.find(key);
        if (record == records.end() || seals == seals_.end()) return;
        std::int64_t most = record->second.position;
        for (const auto& lead : record->second.leads) most = std::max(most, lead.position);
        const auto above = seals->second.upper_bound(most);
        if (above == seals->second.begin()) return;
        seals->second.erase(seals->second.begin(), std::prev(above));
        record->second.key = seals->second.begin()->second + key;
    }

    std::map<std::string, std::map<std::int64_t, std::string>> seals_;  ///< By key and position.
    std::map<std::uint32_t, std::pair<Epoch, std::string>> bound_;
};

}  // namespace holdfast::sim
