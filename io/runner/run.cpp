// See run.hpp.
#include "io/runner/run.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <poll.h>

#include "io/devices/data_dir.hpp"
#include "io/runner/pipeline.hpp"

namespace holdfast::io {
namespace {

// Thousands of tailed files are open at once; the soft limit of most systems is 1,024.
void raise_open_files_limit(const Log& log) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    const rlim_t wanted = std::min<rlim_t>(limit.rlim_max, 1u << 20);
    if (limit.rlim_cur >= wanted) return;
    limit.rlim_cur = wanted;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log(Level::debug, "the limit of open files stays as it is");
}

// True if the wait was over; false if a signal came first.
bool wait(Signals& signals, Duration duration) {
    pollfd readable{.fd = signals.fd(), .events = POLLIN, .revents = 0};
    const int came = ::poll(&readable, 1, static_cast<int>(duration.ns / 1'000'000));
    return came == 0;
}

bool may_begin_again(const PipelineConfig& pipeline, const RunReport& report) {
    return report.end == End::halted && report.halt.reason == HaltReason::sink_sync_failed &&
           std::all_of(pipeline.sources.begin(), pipeline.sources.end(), replayable);
}

}  // namespace

RunReport run_pipeline(const PipelineConfig& pipeline, const RunOptions& options,
                       Signals& signals) {
    raise_open_files_limit(options.log);
    RunReport report;
    const auto data_dir = DataDir::open(pipeline.data_dir);
    if (!data_dir) {
        report.end = End::refused;
        report.problem = data_dir.error();
        return report;
    }
    Duration backoff = seconds(1);
    std::uint32_t restarts = 0;
    while (true) {
        report = {};
        Pipeline(pipeline, options, signals).run(report);
        report.restarts = restarts;
        if (!may_begin_again(pipeline, report)) return report;
        options.log(Level::warn,
                    LogLine("a sink could not make its data durable; beginning again from the "
                            "last checkpoint")
                        .with("sink", pipeline.sinks[report.halt.sink.index].name)
                        .with("wait_ms", backoff.ns / 1'000'000)
                        .text());
        if (!wait(signals, backoff)) {
            report.end = End::stopped;
            return report;
        }
        backoff = std::min(Duration{backoff.ns * 2}, seconds(30));
        ++restarts;
    }
}

}  // namespace holdfast::io
