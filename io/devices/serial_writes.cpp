#include "io/devices/serial_writes.hpp"

#include <algorithm>

#include "io/devices/gather.hpp"

namespace holdfast::io {

void SerialWrites::write(const WriteToSink& write, std::span<const Part> parts) {
    hold_all(payloads_, parts);
    orders_.push_back({write, {parts.begin(), parts.end()}});
    if (!busy_) scope_.spawn(serve());
}

Task<> SerialWrites::serve() {
    busy_ = true;
    while (!orders_.empty()) {
        const SinkOutcome outcome = co_await write_now_(orders_.front());
        const Order done = std::move(orders_.front());
        orders_.pop_front();
        answer(done, outcome);
    }
    busy_ = false;
}

void SerialWrites::answer(const Order& order, SinkOutcome outcome) {
    events_.push(SinkAnswered{.delivery = order.write.delivery,
                              .attempt = order.write.attempt,
                              .outcome = outcome,
                              .retry_after = Duration{0},
                              .mark = 0});
    drop_all(payloads_, order.parts);
}

void SerialWrites::cancel(const CancelWrite& cancel) {
    const auto at = std::find_if(orders_.begin(), orders_.end(), [&](const Order& order) {
        return order.write.delivery == cancel.delivery && order.write.attempt == cancel.attempt;
    });
    if (at == orders_.end()) return;
    if (busy_ && at == orders_.begin()) {
        at->cancelled = true;
        if (interrupt_) interrupt_();
        return;
    }
    const Order order = std::move(*at);
    orders_.erase(at);
    answer(order, SinkOutcome::retriable);
}

}  // namespace holdfast::io
