#include "io/devices/faulty_sink.hpp"

#include <algorithm>
#include <cstring>

#include "core/base/mix.hpp"
#include "core/base/mutant.hpp"
#include "io/devices/gather.hpp"

namespace holdfast::io {
namespace {

// What a choice is about, so that equal numbers of different choices have nothing in common.
enum Site : std::uint64_t {
    site_fail = 1,
    site_throttle,
    site_ambiguous,
    site_applied,
    site_refuse,
    site_sync,
};

bool falls(std::uint64_t bits, std::uint32_t permille) { return scale(bits, 1000) < permille; }

std::uint64_t hash_of(std::uint64_t seed, std::span<const std::byte> bytes) {
    std::uint64_t hash = mix(seed, site_refuse, bytes.size(), 0);
    while (!bytes.empty()) {
        const std::size_t n = std::min<std::size_t>(bytes.size(), 8);
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data(), n);
        hash = mix64(hash ^ word);
        bytes = bytes.subspan(n);
    }
    return hash;
}

}  // namespace

FaultySink::FaultySink(Ring& ring, Payloads& payloads, Events& events,
                       const FaultySinkConfig& config,
                       const std::function<std::unique_ptr<Sink>(Events&)>& make)
    : ring_(ring), payloads_(payloads), events_(events), config_(config), inner_(make(answers_)) {}

void FaultySink::write(const WriteToSink& write, std::span<const Part> parts) {
    hold_all(payloads_, parts);
    Order order{write, {parts.begin(), parts.end()}, ring_.now() + config_.latency};
    if (config_.latency == Duration{0}) return decide(order);
    orders_.push_back(std::move(order));
    if (!busy_) scope_.spawn(serve());
}

Task<> FaultySink::serve() {
    busy_ = true;
    while (!orders_.empty()) {
        const Instant due = orders_.front().due;
        if (due > ring_.now()) {
            co_await sleep_until(ring_, due);
            continue;  // It may have been cancelled meanwhile.
        }
        const Order order = std::move(orders_.front());
        orders_.pop_front();
        decide(order);
    }
    busy_ = false;
}

void FaultySink::decide(const Order& order) {
    switch (fault_of(order)) {
        case Fault::fail: return answer(order, SinkOutcome::retriable, "injected: failed");
        case Fault::throttle:
            if (mutant(494)) return answer(order, SinkOutcome::delivered, {});
            return answer(order, SinkOutcome::throttled, "injected: throttled");
        case Fault::refuse: return answer(order, SinkOutcome::refused, "injected: refused");
        case Fault::lose:
            if (mutant(495)) return answer(order, SinkOutcome::delivered, {});
            return answer(order, SinkOutcome::ambiguous, "injected: ambiguous");
        case Fault::apply: applied_.push_back({order.write.delivery, order.write.attempt}); break;
        case Fault::none: break;
    }
    inner_->write(order.write, order.parts);
    drop_all(payloads_, order.parts);  // The inner sink holds them now.
}

FaultySink::Fault FaultySink::fault_of(const Order& order) const {
    const WriteToSink& write = order.write;
    if (rolls(site_fail, write, config_.fail_permille)) return Fault::fail;
    if (rolls(site_throttle, write, config_.throttle_permille)) return Fault::throttle;
    if (config_.refuse_permille > 0 && refuses_any(order.parts)) return Fault::refuse;
    if (!rolls(site_ambiguous, write, config_.ambiguous_permille)) return Fault::none;
    return rolls(site_applied, write, 500) ? Fault::apply : Fault::lose;
}

bool FaultySink::rolls(std::uint64_t site, const WriteToSink& write, std::uint32_t permille) const {
    const std::uint64_t about =
        (std::uint64_t{write.delivery.generation} << 32) | write.delivery.index;
    return falls(mix(config_.seed, site, about, write.attempt), permille);
}

bool FaultySink::refuses_any(std::span<const Part> parts) const {
    for (const Part& part : parts) {
        RecordWalk walk = payloads_.walk(part);
        for (RecordView record; walk.next(record);)
            if (falls(hash_of(config_.seed, record.bytes), config_.refuse_permille)) return true;
    }
    return false;
}

void FaultySink::answer(const Order& order, SinkOutcome outcome, std::string_view why) {
    if (config_.words && !why.empty()) config_.words->say(config_.id, order.parts, why);
    events_.push(SinkAnswered{.delivery = order.write.delivery,
                              .attempt = order.write.attempt,
                              .outcome = outcome,
                              .retry_after = config_.retry_after,
                              .mark = 0});
    drop_all(payloads_, order.parts);
}

void FaultySink::cancel(const CancelWrite& cancel) {
    const auto at = std::find_if(orders_.begin(), orders_.end(), [&](const Order& order) {
        return order.write.delivery == cancel.delivery && order.write.attempt == cancel.attempt;
    });
    if (at == orders_.end()) return inner_->cancel(cancel);
    const Order order = std::move(*at);
    orders_.erase(at);
    answer(order, SinkOutcome::retriable, {});
}

void FaultySink::sync(const SyncSink& sync) {
    const std::uint64_t bits = mix(config_.seed, site_sync, config_.life, sync.sync);
    if (!falls(bits, config_.sync_fail_permille)) return inner_->sync(sync);
    const StoreOutcome outcome = mutant(496) ? StoreOutcome::ok : StoreOutcome::failed;
    events_.push(SinkSynced{sync.sink, sync.sync, outcome});
}

void FaultySink::answered(const Event& event) {
    const auto* answer = std::get_if<SinkAnswered>(&event);
    const auto at = answer == nullptr
                        ? applied_.end()
                        : std::find_if(applied_.begin(), applied_.end(), [&](const Applied& a) {
                              return a.delivery == answer->delivery && a.attempt == answer->attempt;
                          });
    if (at == applied_.end()) return events_.push(event);
    applied_.erase(at);
    SinkAnswered changed = *answer;
    if (changed.outcome == SinkOutcome::delivered) {
        if (!mutant(493)) inner_->cancel({changed.delivery, config_.id, changed.attempt});
        changed.outcome = SinkOutcome::ambiguous;
    }
    events_.push(changed);
}

}  // namespace holdfast::io
