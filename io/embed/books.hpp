// The records behind the engine's handles: what was pulled, what became of it, who gets what.
//
// Rule 1: everything here is the engine's thread's own. What other threads use is held by the
//         shared pointers that they were given, also after the engine has released it.
// Rule 2: outputs never change once they are known.
// Bound: Config::batches_max entries.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/assert.hpp"
#include "core/model/effect.hpp"
#include "io/embed/ports.hpp"

namespace holdfast::embed {

/// What a slice became: the outputs of each sink by index, and the records set aside.
struct Outputs {
    std::vector<Record> records;
    std::vector<DeadLetter> dead_letters;
    /// By sink; empty if each sink gets all records.
    std::vector<std::vector<std::uint32_t>> by_sink;
    std::uint64_t bytes = 0;  ///< Of payloads.
    std::uint64_t held = 0;   ///< In memory.

    const Record& of_sink(std::uint32_t sink, std::uint32_t n) const {
        return by_sink.empty() ? records[n] : records[by_sink[sink][n]];
    }
};

/// The records of one write, and what keeps them alive.
struct Load {
    std::vector<const Record*> records;
    std::vector<std::shared_ptr<const Outputs>> alive;
    std::vector<Part> parts;  ///< Which they are, in order.
};

class Books {
public:
    explicit Books(std::uint32_t batches_max) : entries_(batches_max) {}

    /// A batch that came; its records wait for their transform.
    void put(BatchId id, std::uint16_t source, Batch batch, std::int64_t first) {
        Entry& e = entry(id);
        e = {};
        e.generation = id.generation;
        e.batch = std::make_shared<Batch>(std::move(batch));
        e.first = first;
        e.source = source;
    }
    Batch& batch(BatchId id) {
        HF_ASSERT(entry(id).generation == id.generation && entry(id).batch);
        return *entry(id).batch;
    }
    /// Its position in the partition.
    std::int64_t first(BatchId id) const { return entries_[id.index].first; }
    std::uint16_t source(BatchId id) const { return entries_[id.index].source; }
    /// For a task that uses what is in it.
    std::shared_ptr<const Batch> share(BatchId id) const { return entries_[id.index].batch; }
    /// A slice of a batch may be the batch itself.
    void put_outputs(BatchId slice, std::shared_ptr<const Outputs> outputs) {
        Entry& e = entry(slice);
        if (e.generation != slice.generation) e = {};
        e.generation = slice.generation;
        e.outputs = std::move(outputs);
    }
    std::shared_ptr<const Outputs> outputs(BatchId slice) const {
        const Entry& e = entries_[slice.index];
        HF_ASSERT(e.generation == slice.generation && e.outputs);
        return e.outputs;
    }
    void release(BatchId id) {
        if (entry(id).generation == id.generation) entry(id) = {};
    }

    /// What these parts of a sink's write stand for.
    Load load(std::span<const Part> parts, SinkId sink) const {
        Load out;
        out.parts.assign(parts.begin(), parts.end());
        for (const Part& part : parts) {
            out.alive.push_back(outputs(part.batch));
            for (std::uint32_t n = part.begin; n < part.end; ++n)
                out.records.push_back(&out.alive.back()->of_sink(sink.index, n));
        }
        return out;
    }

    /// What the sink said last of its record n of a write. Nothing where the slice is gone.
    void say(const Load& load, SinkId sink, std::size_t n, std::shared_ptr<const std::string> why) {
        for (const Part& part : load.parts) {
            const std::size_t size = part.end - part.begin;
            if (n >= size) {
                n -= size;
                continue;
            }
            Entry& e = entry(part.batch);
            if (e.generation == part.batch.generation)
                e.words[{sink.index, part.begin + static_cast<std::uint32_t>(n)}] = std::move(why);
            return;
        }
    }
    std::string why(BatchId slice, SinkId sink, std::uint32_t output) const {
        const Entry& e = entries_[slice.index];
        const auto at = e.words.find({sink.index, output});
        return at == e.words.end() ? std::string() : *at->second;
    }

private:
    struct Entry {
        std::uint32_t generation = 0;
        std::int64_t first = 0;
        std::uint16_t source = 0;
        std::shared_ptr<Batch> batch;
        std::shared_ptr<const Outputs> outputs;
        /// By sink and output, where a sink did not take it: its words.
        std::map<std::pair<std::uint16_t, std::uint32_t>, std::shared_ptr<const std::string>> words;
    };
    Entry& entry(BatchId id) {
        HF_ASSERT(id.index < entries_.size());
        return entries_[id.index];
    }

    std::vector<Entry> entries_;
};

}  // namespace holdfast::embed
