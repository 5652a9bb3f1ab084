#include "io/jq/outside.hpp"

#include <oniguruma.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <mutex>
#include <utility>

extern "C" char** environ;

namespace holdfast::jq {
namespace {

using namespace machine;

struct FreeRegex {
    void operator()(regex_t* regex) const { onig_free(regex); }
};
struct FreeRegion {
    void operator()(OnigRegion* region) const { onig_region_free(region, 1); }
};

const OnigUChar* bytes_of(std::string_view text) {
    return reinterpret_cast<const OnigUChar*>(text.data());
}

class OnigRegex final : public Regex {
public:
    OnigRegex(std::unique_ptr<regex_t, FreeRegex> regex) : regex_(std::move(regex)) {
        names_.resize(static_cast<std::size_t>(onig_number_of_captures(regex_.get())));
        onig_foreach_name(regex_.get(), name_of, &names_);
    }

    Found search(std::string_view text, std::size_t from, std::vector<Span>& spans) override {
        onig_region_clear(region_.get());
        const OnigUChar* begin = bytes_of(text);
        const OnigUChar* end = begin + text.size();
        const int found = onig_search(regex_.get(), begin, end, begin + from, end, region_.get(),
                                      ONIG_OPTION_NONE);
        if (found == ONIG_MISMATCH) return Found::no;
        if (found < 0) return Found::gave_up;
        spans.clear();
        for (int i = 0; i < region_->num_regs; ++i) {
            spans.push_back({region_->beg[i], region_->end[i]});
        }
        return Found::yes;
    }

    const std::vector<std::string>& names() const override { return names_; }

private:
    static int name_of(const OnigUChar* name, const OnigUChar* end, int count, int* groups,
                       regex_t*, void* names) {
        auto& all = *static_cast<std::vector<std::string>*>(names);
        for (int i = 0; i < count; ++i) {
            const auto group = static_cast<std::size_t>(groups[i]);
            if (group == 0 || group > all.size()) continue;
            all[group - 1].assign(reinterpret_cast<const char*>(name),
                                  reinterpret_cast<const char*>(end));
        }
        return 0;
    }

    std::unique_ptr<regex_t, FreeRegex> regex_;
    std::unique_ptr<OnigRegion, FreeRegion> region_{onig_region_new()};
    std::vector<std::string> names_;
};

/// Its limits are the process's.
void start_onig() {
    static std::once_flag once;
    std::call_once(once, [] {
        OnigEncoding encodings[] = {ONIG_ENCODING_UTF8};
        onig_initialize(encodings, 1);
        onig_set_retry_limit_in_search(1'000'000);
        onig_set_retry_limit_in_match(1'000'000);
        onig_set_match_stack_limit_size(100'000);
        onig_set_parse_depth_limit(250);
    });
}

OnigOptionType options_of(RegexFlags flags) {
    OnigOptionType options = ONIG_OPTION_CAPTURE_GROUP;
    if (flags.ignore_case) options |= ONIG_OPTION_IGNORECASE;
    if (flags.extended) options |= ONIG_OPTION_EXTEND;
    if (flags.single_line) options |= ONIG_OPTION_SINGLELINE;
    if (flags.dot_all) options |= ONIG_OPTION_MULTILINE;
    if (flags.longest) options |= ONIG_OPTION_FIND_LONGEST;
    return options;
}

/// Where the clock stands; NaN: it goes.
std::atomic<double> standing_at{std::numeric_limits<double>::quiet_NaN()};

class ProcessOutside final : public Outside {
public:
    ProcessOutside() { start_onig(); }

    double now() override {
        const double stands = standing_at.load(std::memory_order_relaxed);
        if (!std::isnan(stands)) return stands;
        return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch())
            .count();
    }

    std::int64_t zone(std::int64_t seconds, std::string& name) override {
        const auto time = static_cast<std::time_t>(seconds);
        std::tm local{};
        if (localtime_r(&time, &local) == nullptr) return 0;
        name = local.tm_zone == nullptr ? "" : local.tm_zone;
        return local.tm_gmtoff;
    }

    std::unique_ptr<Regex> regex(std::string_view pattern, RegexFlags flags,
                                 std::string& error) override {
        OnigErrorInfo info;
        regex_t* made = nullptr;
        const OnigUChar* begin = bytes_of(pattern);
        const int status = onig_new(&made, begin, begin + pattern.size(), options_of(flags),
                                    ONIG_ENCODING_UTF8, ONIG_SYNTAX_PERL_NG, &info);
        std::unique_ptr<regex_t, FreeRegex> owned(made);
        if (status == ONIG_NORMAL) return std::make_unique<OnigRegex>(std::move(owned));
        owned.release();  // Oniguruma freed it.
        OnigUChar words[ONIG_MAX_ERROR_MESSAGE_LEN];
        const int size = onig_error_code_to_str(words, status, &info);
        error.assign(reinterpret_cast<const char*>(words), static_cast<std::size_t>(size));
        return nullptr;
    }

    const char* stop() override {
        const Duration taken{
            std::chrono::nanoseconds(std::chrono::steady_clock::now() - began_).count()};
        if (hurry_ != nullptr && hurry_->ends(taken, may_)) return "ended";
        return taken > time_ ? "program_time" : nullptr;
    }

    void begin(Duration time) override {
        began_ = std::chrono::steady_clock::now();
        time_ = time;
    }

    void heed(const Hurry& hurry, Duration may) override {
        hurry_ = &hurry;
        may_ = may;
    }

    std::vector<std::string> environment() override {
        std::vector<std::string> all;
        for (char** one = environ; one != nullptr && *one != nullptr; ++one) {
            const std::string_view text(*one);
            const std::size_t sign = text.find('=');
            if (sign == text.npos) continue;
            all.emplace_back(text.substr(0, sign));
            all.emplace_back(text.substr(sign + 1));
        }
        return all;
    }

    std::unique_ptr<Outside> clone() const override {
        return std::make_unique<ProcessOutside>();
    }

private:
    std::chrono::steady_clock::time_point began_;
    Duration time_{};
    const Hurry* hurry_ = nullptr;
    Duration may_{};
};

}  // namespace

void stand_still(double seconds) { standing_at.store(seconds, std::memory_order_relaxed); }
void go_on() { stand_still(std::numeric_limits<double>::quiet_NaN()); }

std::unique_ptr<Outside> make_outside() { return std::make_unique<ProcessOutside>(); }

}  // namespace holdfast::jq
