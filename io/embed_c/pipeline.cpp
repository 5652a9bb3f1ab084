// Pipelines of the C library. See holdfast.h.
#include "io/embed/pipeline.hpp"

#include <optional>

#include "io/embed/inlet.hpp"
#include "io/embed_c/lent.hpp"
#include "io/embed_c/ports.hpp"

using namespace holdfast;
using namespace holdfast::embed;

struct holdfast_pipeline {
    explicit holdfast_pipeline(Options options) : pipeline(std::move(options)) {}
    Pipeline pipeline;
    bool began = false;
    std::string problem;

    holdfast_status refuse(std::string why) {
        problem = std::move(why);
        return HOLDFAST_INVALID;
    }
};

struct holdfast_inlet {
    explicit holdfast_inlet(Inlet::Limits limits) : inlet(limits) {}
    Inlet inlet;
};

namespace {

Options options_of(const holdfast_options& from) {
    Options out;
    Config& engine = out.engine;
    if (from.memory_limit > 0) engine.memory_limit = from.memory_limit;
    out.process_limit = from.process_limit;
    if (from.slice_bytes > 0) {
        engine.mode = RunMode::streaming;
        engine.slice_bytes = from.slice_bytes;
    }
    if (from.commit_ms > 0) engine.commit.interval = duration_of(from.commit_ms);
    engine.commit.records = from.commit_records;
    if (from.shutdown_ms > 0) out.shutdown_timeout = duration_of(from.shutdown_ms);
    if (from.log != nullptr)
        out.log = [log = from.log, user = from.user](std::string_view line) {
            log(user, std::string(line).c_str());
        };
    return out;
}

SinkConfig config_of(const holdfast_sink& from) {
    SinkConfig out;
    if (from.queue_records > 0) out.queue_records_max = from.queue_records;
    if (from.queue_bytes > 0) out.queue_bytes_max = from.queue_bytes;
    if (from.write_records > 0) out.write_records_max = from.write_records;
    if (from.write_bytes > 0) out.write_bytes_max = from.write_bytes;
    out.linger = duration_of(from.linger_ms);
    out.attempt_timeout = duration_of(from.timeout_ms);
    out.retry.attempts_max = from.attempts;
    return out;
}

/// What all that is added has in common. `missing`: which callback is not there; null: none.
template <class Struct, class Add>
holdfast_status add(holdfast_pipeline* p, const char* name, const Struct* from, const char* what,
                    const char* (*missing)(const Struct&), Add take) {
    if (p == nullptr) return HOLDFAST_INVALID;
    try {
        p->problem.clear();
        Struct calls;
        if (p->began) return p->refuse(std::string(what) + ": the pipeline has begun already");
        if (name == nullptr || *name == 0) return p->refuse(std::string(what) + " has no name");
        if (!read_struct(from, calls))
            return p->refuse(std::string(what) + " " + name +
                             ": no struct, or its `size` is not set to its sizeof");
        if (const char* callback = missing(calls))
            return p->refuse(std::string(what) + " " + name + " has no " + callback);
        take(calls);
        return HOLDFAST_OK;
    } catch (...) {
        return HOLDFAST_INVALID;
    }
}

}  // namespace

uint32_t holdfast_api_version(void) { return HOLDFAST_API_VERSION; }

holdfast_pipeline* holdfast_new(uint32_t api_version, const holdfast_options* options) try {
    if (api_version == 0 || api_version > HOLDFAST_API_VERSION) return nullptr;
    holdfast_options known{};
    if (options != nullptr && !read_struct(options, known)) return nullptr;
    return new holdfast_pipeline(options_of(known));
} catch (...) {
    return nullptr;
}

void holdfast_free(holdfast_pipeline* pipeline) { delete pipeline; }

holdfast_status holdfast_add_source(holdfast_pipeline* p, const char* name,
                                    const holdfast_source* source) {
    return add<holdfast_source>(
        p, name, source, "source",
        [](const holdfast_source& s) -> const char* {
            return s.pull == nullptr ? "pull" : s.commit == nullptr ? "commit" : nullptr;
        },
        [&](const holdfast_source& s) { p->pipeline.add_source(name, source_of(s)); });
}

holdfast_status holdfast_add_sink(holdfast_pipeline* p, const char* name,
                                  const holdfast_sink* sink) {
    return add<holdfast_sink>(
        p, name, sink, "sink",
        [](const holdfast_sink& s) { return s.write == nullptr ? "write" : nullptr; },
        [&](const holdfast_sink& s) { p->pipeline.add_sink(name, sink_of(s), config_of(s)); });
}

holdfast_status holdfast_set_transform(holdfast_pipeline* p, const holdfast_transform* transform) {
    return add<holdfast_transform>(
        p, "of the pipeline", transform, "transform",
        [](const holdfast_transform& t) { return t.process == nullptr ? "process" : nullptr; },
        [&](const holdfast_transform& t) { p->pipeline.set_transform(transformer_of(t)); });
}

holdfast_status holdfast_set_dead_letters(holdfast_pipeline* p,
                                          const holdfast_dead_letters* letters) {
    return add<holdfast_dead_letters>(
        p, "of the pipeline", letters, "dead-letter queue",
        [](const holdfast_dead_letters& q) { return q.store == nullptr ? "store" : nullptr; },
        [&](const holdfast_dead_letters& q) { p->pipeline.set_dead_letters(queue_of(q)); });
}

holdfast_inlet* holdfast_add_inlet(holdfast_pipeline* p, const char* name, uint64_t bytes,
                                   uint32_t records) try {
    if (p == nullptr) return nullptr;
    p->problem.clear();
    if (p->began || name == nullptr || *name == 0) {
        p->refuse(p->began ? "inlet: the pipeline has begun already" : "inlet has no name");
        return nullptr;
    }
    Inlet::Limits limits;
    if (bytes > 0) limits.bytes = bytes;
    if (records > 0) limits.records = records;
    auto inlet = std::make_unique<holdfast_inlet>(limits);
    p->pipeline.add_source(name, inlet->inlet.source());
    return inlet.release();
} catch (...) {
    return nullptr;
}

holdfast_status holdfast_push(holdfast_inlet* inlet, const holdfast_record* record,
                              void (*settled)(void* user, int32_t is_settled), void* user) try {
    Record copy;
    if (inlet == nullptr || !read_record(record, copy)) return HOLDFAST_INVALID;
    Inlet::Settled told;
    if (settled != nullptr) told = [settled, user](bool is) { settled(user, is ? 1 : 0); };
    switch (inlet->inlet.try_push(std::move(copy), std::move(told))) {
        case Inlet::Pushed::taken: return HOLDFAST_OK;
        case Inlet::Pushed::full: return HOLDFAST_FULL;
        case Inlet::Pushed::closed: break;
    }
    return HOLDFAST_CLOSED;
} catch (...) {
    return HOLDFAST_INVALID;
}

void holdfast_inlet_close(holdfast_inlet* inlet) {
    if (inlet) inlet->inlet.close();
}

void holdfast_inlet_free(holdfast_inlet* inlet) { delete inlet; }

holdfast_status holdfast_run(holdfast_pipeline* p, holdfast_report* report) try {
    if (p == nullptr) return HOLDFAST_INVALID;
    p->problem.clear();
    if (report != nullptr && report->size < sizeof report->size)
        return p->refuse("the report's `size` is not set to its sizeof");
    if (p->began) return p->refuse("a pipeline runs once");
    p->began = true;
    const auto ended = p->pipeline.run();
    if (!ended) {
        p->began = false;  // What is wrong can be mended.
        return p->refuse(ended.error().what);
    }
    p->problem = ended->problem;
    holdfast_report out{};
    out.complete = ended->complete() ? 1 : 0;
    out.halt = static_cast<int32_t>(ended->halt);
    for (const SourceStats& source : ended->stats.source) out.records += source.records;
    for (const SinkStats& sink : ended->stats.sink) out.delivered += sink.delivered;
    out.dead_letters = ended->stats.dead_letters;
    for (const Report::Left& left : ended->left) out.left += left.records;
    if (report != nullptr) write_struct(out, report);
    return HOLDFAST_OK;
} catch (...) {
    return HOLDFAST_INVALID;
}

void holdfast_stop(holdfast_pipeline* p) {
    if (p) p->pipeline.stop();
}

const char* holdfast_problem(const holdfast_pipeline* p) { return p ? p->problem.c_str() : ""; }

const char* holdfast_halt_name(int32_t halt) { return name_of(static_cast<HaltReason>(halt)); }
