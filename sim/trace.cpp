#include "sim/trace.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <type_traits>
#include <variant>

#include "sim/fields.hpp"

namespace holdfast::sim {
namespace {

constexpr std::array<const char*, 21> event_names{"PartitionAssigned",
                                                  "PartitionLead",
                                                  "PartitionRevoked",
                                                  "BatchPulled",
                                                  "SourceIdle",
                                                  "SourceEnded",
                                                  "SourceFailed",
                                                  "SourceReady",
                                                  "SinkShare",
                                                  "SliceTransformed",
                                                  "SinkToldRange",
                                                  "SinkAnswered",
                                                  "SinkSynced",
                                                  "SinkBroken",
                                                  "DeadLettersStored",
                                                  "CommitAnswered",
                                                  "CheckpointWritten",
                                                  "CheckpointSynced",
                                                  "PressureSampled",
                                                  "Stop",
                                                  "Tick"};
static_assert(event_names.size() == std::variant_size_v<Event>);

constexpr std::array<const char*, 17> effect_names{
    "Pull",           "Transform",  "ReleaseBatch",     "WriteToSink",
    "CancelWrite",    "SyncSink",   "WriteDeadLetters", "StageSink",
    "StagePosition",  "StageLead",  "WriteCheckpoint",  "SyncCheckpoint",
    "CommitPosition", "RevokeDone", "SetGate",          "Halt",
    "RunTicker"};
static_assert(effect_names.size() == std::variant_size_v<Effect>);

struct Hasher {
    TraceHash& hash;
    template <class T>
    void operator()(const char*, T value) {
        hash.add(static_cast<std::uint64_t>(value));
    }
};

struct Writer {
    std::string& text;
    template <class T>
    void operator()(const char* name, T value) {
        fmt::format_to(std::back_inserter(text), " {}={}", name, value);
    }
};

template <class T>
std::span<const Part> parts_of(const T& effect, const Effects& all) {
    if constexpr (requires { effect.parts; }) {
        return all.parts(effect.parts);
    } else {
        return {};
    }
}

}  // namespace

std::string TraceHash::text() const { return fmt::format("{:016x}{:016x}", high, low); }

void Trace::event(Instant now, const Event& event) {
    hash_.add(static_cast<std::uint64_t>(now.ns));
    hash_.add(event.index());
    Hasher hasher{hash_};
    std::visit([&](const auto& e) { fields(e, hasher); }, event);
    if (with_text_) lines_.push_back(text_of(now) + "  " + text_of(event));
}

void Trace::effect(const Effect& effect, const Effects& all) {
    hash_.add(0x100 + effect.index());
    Hasher hasher{hash_};
    std::visit(
        [&](const auto& e) {
            fields(e, hasher);
            for (const Part& part : parts_of(e, all)) fields(part, hasher);
        },
        effect);
    if (with_text_) lines_.push_back("               -> " + text_of(effect, all));
}

void Trace::note(Instant now, const std::string& what) {
    if (with_text_) lines_.push_back(text_of(now) + "  ** " + what);
}

std::string text_of(const Event& event) {
    std::string text = event_names[event.index()];
    Writer writer{text};
    std::visit([&](const auto& e) { fields(e, writer); }, event);
    return text;
}

std::string text_of(const Effect& effect, const Effects& all) {
    std::string text = effect_names[effect.index()];
    Writer writer{text};
    std::visit(
        [&](const auto& e) {
            fields(e, writer);
            for (const Part& part : parts_of(e, all)) {
                fmt::format_to(std::back_inserter(text), " [{}#{} {}..{}", part.batch.index,
                               part.batch.generation, part.begin, part.end);
                if (part.reason != Reason::none) {
                    fmt::format_to(std::back_inserter(text), " sink {} reason {} attempts {}",
                                   part.sink.index, static_cast<int>(part.reason), part.attempts);
                }
                text += ']';
            }
        },
        effect);
    return text;
}

std::string text_of(Instant at) {
    if (at == never) return "never";
    return fmt::format("{}.{:06}s", at.ns / 1'000'000'000, at.ns % 1'000'000'000 / 1000);
}

}  // namespace holdfast::sim
