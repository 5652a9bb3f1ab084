#include "sim/joint_process.hpp"

#include "core/model/names.hpp"

#include <algorithm>
#include <utility>

#include "core/base/assert.hpp"

namespace holdfast::sim {

/// The simulated ring, as one life of a pipeline has it.
class JointRing final : public io::Ring, public NetHost {
public:
    explicit JointRing(JointProcess& process) : process_(process), ring_(process.ring_) {}

    void start(io::Op& op) override {
        if (op.kind != io::OpKind::poll_in || op.fd != JointStops::descriptor)
            return ring_.start(op);
        HF_ASSERT(poll_ == nullptr);
        poll_ = &op;
    }
    void cancel(io::Op& op) override { ring_.cancel(op); }
    std::size_t run(Instant until) override {
        process_.around_.act();
        if (poll_ != nullptr && process_.stops_.waits()) {
            io::Op& op = *std::exchange(poll_, nullptr);
            op.result = 1;
            op.done(op);
            return 1;
        }
        return ring_.run(std::min(until, process_.around_.next()));
    }
    Instant now() override { return ring_.now(); }
    std::int64_t wall_ns() override { return ring_.wall_ns(); }
    void abandon() override {
        poll_ = nullptr;
        ring_.abandon();
    }
    const char* name() const override { return ring_.name(); }
    io::Network& network(const std::string& of) override {
        HF_ASSERT(process_.net_ != nullptr);
        return process_.net_->network(of);
    }

private:
    JointProcess& process_;
    SimRing& ring_;
    io::Op* poll_ = nullptr;  ///< Waits for a request to stop.
};

std::unique_ptr<io::Ring> JointProcess::make_ring(std::string&) {
    ++lives_;
    return std::make_unique<JointRing>(*this);
}

std::string JointProcess::take_data_dir(const std::string& path) {
    disk_.make_directories(path);
    return {};
}

// By the ledger alone: what the kernel says of memory is of this process, not of that one.
io::MemoryGuard JointProcess::memory_guard(std::uint64_t) {
    return io::MemoryGuard(
        {.bytes = memory_limit_, .origin = io::LimitOrigin::config, .folder = {}}, "/nowhere");
}

bool JointProcess::wait(Duration duration) {
    const Instant until = ring_.now() + duration;
    while (ring_.now() < until) {
        around_.act();
        if (stops_.wants_end()) return false;
        ring_.run(std::min(until, around_.next()));
    }
    return true;
}

std::string text_of(const io::RunReport& report) {
    switch (report.end) {
        case io::End::halted: return std::string("halted: ") + name_of(report.halt.reason);
        case io::End::refused: return "refused: " + report.problem;
        case io::End::foreign: return "foreign: " + report.problem;
        case io::End::stopped: return "stopped";
    }
    return {};
}

}  // namespace holdfast::sim
