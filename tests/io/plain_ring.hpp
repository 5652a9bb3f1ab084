// A ring for device tests: plain calls on real files, one operation after the other, with faults.
//
// Time is a number that moves only when nothing but timeouts is left.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "io/posix/open_files.hpp"
#include "io/posix/plain_calls.hpp"
#include "io/ring.hpp"
#include "io/task.hpp"
#include "tests/io/any_ring.hpp"

namespace holdfast::io::test {

class PlainRing : public Ring {
public:
    /// With `inner` the calls are made by that ring, one after the other.
    explicit PlainRing(std::unique_ptr<Ring> inner = nullptr) : inner_(std::move(inner)) {}

    /// Asked before each operation: a result instead of the kernel's, or nothing.
    std::function<std::optional<std::int64_t>(const Op&)> fault;
    /// Told after each operation.
    std::function<void(const Op&)> after;
    /// No write writes more.
    std::size_t write_max = SIZE_MAX;
    std::map<OpKind, int> count;

    void start(Op& op) override { pending_.push_back(&op); }
    void cancel(Op&) override {}
    std::size_t run(Instant) override {
        const auto ready = std::find_if(pending_.begin(), pending_.end(), [&](const Op* op) {
            return op->kind != OpKind::timeout || op->at <= now_;
        });
        if (ready == pending_.end()) {
            if (pending_.empty()) return 0;
            for (const Op* op : pending_) earliest_ = std::min(earliest_, op->at);
            now_ = std::max(now_, std::exchange(earliest_, never));
            return run(now_);
        }
        Op& op = **ready;
        pending_.erase(ready);
        ++count[op.kind];
        const auto instead = fault ? fault(op) : std::nullopt;
        op.result = instead ? *instead : call(op);
        if (inner_ == nullptr) files_.ended(op);
        if (after) after(op);
        op.done(op);
        return 1;
    }
    /// Until nothing is left to do, or only timeouts are.
    void settle() {
        while (std::any_of(pending_.begin(), pending_.end(),
                           [](const Op* op) { return op->kind != OpKind::timeout; }))
            run(now_);
    }
    Instant now() override { return now_; }
    std::int64_t wall_ns() override { return 1'769'903'999'123'456'789; }
    void abandon() override {
        pending_.clear();
        files_.close_all();
        if (inner_ != nullptr) inner_->abandon();
    }
    const char* name() const override { return "plain"; }
    ~PlainRing() override { files_.close_all(); }

    /// Runs a task to its end.
    template <class T>
    T complete(Task<T> task) {
        T result{};
        bool done = false;
        Scope scope;
        scope.spawn(take(std::move(task), result, done));
        while (!done && run(now_) > 0) {
        }
        return result;
    }

private:
    template <class T>
    static Task<> take(Task<T> task, T& result, bool& done) {
        result = co_await std::move(task);
        done = true;
    }

    static std::int64_t checked(std::int64_t result) { return result < 0 ? -errno : result; }

    std::int64_t call(Op& op) {
        if (op.kind == OpKind::write) return write(op);
        if (inner_ != nullptr && op.kind != OpKind::timeout) return perform_on(*inner_, op);
        switch (op.kind) {
            case OpKind::open: return checked(::open(op.path, op.flags, op.mode));
            case OpKind::close: return checked(::close(op.fd));
            case OpKind::read:
                return checked(pread(op.fd, op.buffer.data(), op.buffer.size(), op.offset));
            case OpKind::sync: return checked(fdatasync(op.fd));
            case OpKind::sync_all: return checked(fsync(op.fd));
            case OpKind::truncate: return checked(ftruncate(op.fd, op.offset));
            case OpKind::stat: return perform_file(op);
            case OpKind::rename: return checked(::rename(op.path, op.path2));
            case OpKind::unlink: return checked(::unlink(op.path));
            case OpKind::mkdir: return checked(::mkdir(op.path, op.mode));
            case OpKind::timeout: return -ETIME;
            case OpKind::lock:
            case OpKind::list: return perform_file(op);
            default: return -ENOSYS;
        }
    }
    std::int64_t write(Op& op) {
        std::vector<iovec> vectors(op.vectors.begin(), op.vectors.end());
        std::size_t left = write_max;
        for (iovec& v : vectors) {
            v.iov_len = std::min(v.iov_len, left);
            left -= v.iov_len;
        }
        if (inner_ != nullptr) {
            Op some = op;
            some.vectors = vectors;
            return perform_on(*inner_, some);
        }
        const int n = static_cast<int>(vectors.size());
        if (op.offset < 0) return checked(::writev(op.fd, vectors.data(), n));
        return checked(::pwritev(op.fd, vectors.data(), n, op.offset));
    }
    std::unique_ptr<Ring> inner_;
    OpenFiles files_;
    std::list<Op*> pending_;
    Instant now_{1};
    Instant earliest_ = never;
};

}  // namespace holdfast::io::test
