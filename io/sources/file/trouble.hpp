// Something that was asked for and cannot be read or listed: why, since when, and when it is tried
// again.
//
// Rule 1: it is tried again after half a second, then after twice as long each time, at most 30 s;
//         and once when it has been so for `give_up_after`.
// Rule 2: it is given up when a try fails that long after the first one. It is tried nevertheless
//         as long as somebody waits for something else: what heals was not given up.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "core/base/mutant.hpp"
#include "core/base/time.hpp"

namespace holdfast::io {

class Trouble {
public:
    /// A try failed. Is the reason another than the last time?
    bool failed(int error, Instant now, Duration give_up_after) {
        const bool is_news = error_ != error;
        if (error_ == 0) since_ = now;
        error_ = error;
        backoff_ =
            backoff_.ns == 0 ? backoff_first : std::min(Duration{2 * backoff_.ns}, backoff_max);
        const Instant over = since_ + give_up_after;
        given_up_ = now >= over || mutant(155);
        retry_at_ = now + backoff_;
        if (!given_up_) retry_at_ = std::min(retry_at_, over);
        return is_news;
    }
    /// What was in the way is this process's own doing, and is not over yet: it waits from now on.
    void begin_anew(Instant now) { since_ = now; }

    /// 0: there is no trouble.
    int error() const { return error_; }
    bool given_up() const { return given_up_; }
    Instant retry_at() const { return retry_at_; }

private:
    static constexpr Duration backoff_first = milliseconds(500);
    static constexpr Duration backoff_max = seconds(30);

    int error_ = 0;
    bool given_up_ = false;
    Instant since_{};
    Instant retry_at_{};
    Duration backoff_{};
};

}  // namespace holdfast::io
