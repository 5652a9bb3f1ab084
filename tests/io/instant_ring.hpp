// A ring for tests: plain calls on real files, carried out in run(), under a virtual clock that
// jumps to the next timeout when nothing else is left to do.
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "io/posix/open_files.hpp"
#include "io/posix/plain_calls.hpp"
#include "io/ring.hpp"
#include "tests/io/any_ring.hpp"

namespace holdfast::io::test {

class InstantRing final : public Ring {
public:
    /// With `inner` the calls are made by that ring, one after the other.
    explicit InstantRing(std::unique_ptr<Ring> inner = nullptr) : inner_(std::move(inner)) {}

    void start(Op& op) override {
        if (op.kind == OpKind::timeout) {
            timers_.push_back(&op);
        } else if (op.kind == OpKind::poll_in) {
            polls_.push_back(&op);
        } else {
            started_.push_back(&op);
        }
    }
    void cancel(Op&) override {}
    std::size_t run(Instant until) override {
        std::erase_if(polls_, [this](Op* op) {
            pollfd one{.fd = op->fd, .events = POLLIN, .revents = 0};
            if (::poll(&one, 1, 0) <= 0) return false;
            started_.push_back(op);
            return true;
        });
        if (!started_.empty()) {
            std::vector<Op*> now;
            now.swap(started_);
            for (Op* op : now) {
                ++calls;
                if (inner_ != nullptr) {
                    op->result = perform_on(*inner_, *op);
                } else {
                    const auto result = carry_out(*op);
                    op->result = result < 0 ? -errno : result;
                    files_.ended(*op);
                }
                if (on_call) on_call(*op);
                op->done(*op);
            }
            return now.size();
        }
        const auto next = std::min_element(timers_.begin(), timers_.end(),
                                           [](Op* a, Op* b) { return a->at < b->at; });
        if (next == timers_.end() || (*next)->at > until) {
            now_ = std::max(now_, until);
            return 0;
        }
        Op* op = *next;
        timers_.erase(next);
        now_ = std::max(now_, op->at);
        op->result = -ETIME;
        op->done(*op);
        return 1;
    }
    Instant now() override { return now_; }
    std::int64_t wall_ns() override {
        return std::chrono::duration_cast<std::chrono::nanoseconds>(
                   std::chrono::system_clock::now().time_since_epoch())
            .count();
    }
    void abandon() override {
        started_.clear();
        timers_.clear();
        polls_.clear();
        files_.close_all();
        if (inner_ != nullptr) inner_->abandon();
    }
    const char* name() const override { return "instant"; }

    std::size_t calls = 0;
    std::function<void(Op&)> on_call;  ///< May change the world between a call and its answer.

private:
    static std::int64_t carry_out(Op& op) {
        switch (op.kind) {
            case OpKind::open: return ::open(op.path, op.flags, op.mode);
            case OpKind::close: return ::close(op.fd);
            case OpKind::read:
                if (op.offset < 0) return ::read(op.fd, op.buffer.data(), op.buffer.size());
                return ::pread(op.fd, op.buffer.data(), op.buffer.size(), op.offset);
            case OpKind::poll_in: return POLLIN;
            case OpKind::stat: return perform_file(op);
            case OpKind::list: return list_of(op);
            case OpKind::watch_open:
            case OpKind::watch:
            case OpKind::watch_read: return perform_file(op);
            default: errno = ENOSYS; return -1;
        }
    }
    static std::int64_t list_of(Op& op) {
        DIR* directory = ::opendir(op.path);
        if (directory == nullptr) return -1;
        while (const dirent* entry = ::readdir(directory)) {
            const std::string name = entry->d_name;
            if (name != "." && name != "..") op.names->push_back(name);
        }
        ::closedir(directory);
        return 0;
    }

    std::unique_ptr<Ring> inner_;
    OpenFiles files_;
    Instant now_{1'000'000'000};
    std::vector<Op*> started_;
    std::vector<Op*> timers_;
    std::vector<Op*> polls_;
};

}  // namespace holdfast::io::test
