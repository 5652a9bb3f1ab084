#include "io/jq/outside.hpp"

#include <oniguruma.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <mutex>
#include <utility>

#include "core/base/mutant.hpp"

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

struct FreeParameters {
    void operator()(OnigMatchParam* one) const { onig_free_match_param(one); }
};

using OwnedRegex = std::unique_ptr<regex_t, FreeRegex>;

constexpr std::size_t retries_most = 1'000'000;

/// Of the run that searches.
class Clock {
public:
    void begin(Duration time) {
        began_ = std::chrono::steady_clock::now();
        time_ = time;
    }
    void heed(const Hurry& hurry, Duration may) {
        hurry_ = &hurry;
        may_ = may;
    }
    const char* stop() const {
        const Duration gone = taken();
        if (hurry_ != nullptr && hurry_->ends(gone, may_)) return "ended";
        return gone > time_ ? "program_time" : nullptr;
    }
    /// Whether so much more may be taken.
    bool has(std::chrono::nanoseconds more) const {
        if (time_ == Duration{}) return true;
        return stop() == nullptr && taken().ns + more.count() <= time_.ns;
    }

private:
    Duration taken() const {
        return Duration{
            std::chrono::nanoseconds(std::chrono::steady_clock::now() - began_).count()};
    }

    std::chrono::steady_clock::time_point began_;
    Duration time_{};
    const Hurry* hurry_ = nullptr;
    Duration may_{};
};

/// `(?-i)`: what Oniguruma 6.9.8 takes for a call by number.
bool takes_options_away(std::string_view pattern) {
    for (std::size_t at = pattern.find("(?-"); at != pattern.npos;
         at = pattern.find("(?-", at + 1)) {
        if (at + 3 < pattern.size() && pattern[at + 3] >= 'a' && pattern[at + 3] <= 'z')
            return true;
    }
    return false;
}

/// nullptr: the status says why.
OwnedRegex compiled(std::string_view pattern, OnigOptionType options, OnigErrorInfo& info,
                    int& status) {
    regex_t* made = nullptr;
    const OnigUChar* begin = bytes_of(pattern);
    OnigSyntaxType syntax = *ONIG_SYNTAX_PERL_NG;
    if (takes_options_away(pattern)) syntax.op2 &= ~ONIG_SYN_OP2_QMARK_PERL_SUBEXP_CALL;
    status =
        onig_new(&made, begin, begin + pattern.size(), options, ONIG_ENCODING_UTF8, &syntax, &info);
    return OwnedRegex(status == ONIG_NORMAL ? made : nullptr);  // Else Oniguruma freed it.
}

/// Compiled twice: once as it is, for short texts; and with a call out at its beginning, so once for
/// each place where a match is tried, for long ones. (A search cannot be cut into pieces: Oniguruma
/// wants the match within its range, not only the match's beginning.)
///
/// One try at one place is not looked into, only its retries are counted, and each may go over the
/// whole text. So a long text is searched with few retries first; where they are used up the clock
/// is asked, and the search begins anew with twice as many, if that can end in time.
class OnigRegex final : public Regex {
public:
    OnigRegex(OwnedRegex regex, std::string_view pattern, OnigOptionType options, Clock& clock)
        : regex_(std::move(regex)), pattern_(pattern), options_(options), clock_(clock) {
        names_.resize(static_cast<std::size_t>(onig_number_of_captures(regex_.get())));
        onig_foreach_name(regex_.get(), name_of, &names_);
    }

    Found search(std::string_view text, std::size_t from, std::vector<Span>& spans,
                 Watch& watch) override {
        onig_region_clear(region_.get());
        const OnigUChar* begin = bytes_of(text);
        const OnigUChar* end = begin + text.size();
        int found = 0;
        if (text.size() - from > unwatched_max && can_watch()) {
            found = search_watched(text, from, watch);
        } else {
            found = onig_search(regex_.get(), begin, end, begin + from, end, region_.get(),
                                ONIG_OPTION_NONE);
        }
        if (found == ONIG_MISMATCH) return Found::no;
        if (found == ONIG_ABORT) return Found::ended;
        if (found < 0) return Found::gave_up;
        spans.clear();
        for (int i = 0; i < region_->num_regs; ++i) {
            spans.push_back({region_->beg[i], region_->end[i]});
        }
        return Found::yes;
    }

    const std::vector<std::string>& names() const override { return names_; }

private:
    /// Bytes of which a search takes no time, with all its places.
    static constexpr std::size_t unwatched_max = 512;
    /// So many bytes may a first search go over, a tenth of a second of them.
    static constexpr std::size_t bytes_of_tries = 300'000'000;
    static constexpr std::size_t retries_least = 1000;

    int search_watched(std::string_view text, std::size_t from, Watch& watch) {
        const OnigUChar* begin = bytes_of(text);
        const OnigUChar* end = begin + text.size();
        onig_set_callout_user_data_of_match_param(parameters_.get(), &watch);
        const std::size_t few = bytes_of_tries / (text.size() - from);
        unsigned long retries = std::clamp(few, retries_least, retries_most);
        for (;; retries = std::min<unsigned long>(2 * retries, retries_most)) {
            onig_set_retry_limit_in_match_of_match_param(parameters_.get(), retries);
            onig_set_retry_limit_in_search_of_match_param(parameters_.get(), retries);
            const auto began = std::chrono::steady_clock::now();
            const int found =
                onig_search_with_param(watched_.get(), begin, end, begin + from, end, region_.get(),
                                       ONIG_OPTION_NONE, parameters_.get());
            const bool used_up = found == ONIGERR_RETRY_LIMIT_IN_MATCH_OVER ||
                                 found == ONIGERR_RETRY_LIMIT_IN_SEARCH_OVER;
            if (!used_up || retries == retries_most) return found;
            if (!clock_.has(2 * (std::chrono::steady_clock::now() - began))) return ONIG_ABORT;
        }
    }

    /// A comment or a quotation at the pattern's end would take the bracket.
    bool can_watch() {
        if (parameters_ != nullptr) return watched_ != nullptr;
        parameters_.reset(onig_new_match_param());
        onig_initialize_match_param(parameters_.get());
        onig_set_progress_callout_of_match_param(parameters_.get(), at_place);
        const OnigOptionType options = mutant(452) ? ONIG_OPTION_CAPTURE_GROUP : options_;
        for (const char* closes : {")", "\n)", "\\E)"}) {
            OnigErrorInfo info;
            int status = 0;
            watched_ = compiled("(?{.})(?:" + pattern_ + closes, options, info, status);
            if (watched_ != nullptr) return true;
        }
        return false;
    }

    /// A pattern may call out, too; that does nothing here.
    static int at_place(OnigCalloutArgs* at, void* watch) {
        const OnigUChar* here = onig_get_current_by_callout_args(at);
        const OnigUChar* end = onig_get_string_end_by_callout_args(at);
        const bool goes_on =
            static_cast<Watch*>(watch)->goes_on(static_cast<std::size_t>(end - here));
        return goes_on ? ONIG_CALLOUT_SUCCESS : ONIG_ABORT;
    }

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

    OwnedRegex regex_;
    std::string pattern_;
    OnigOptionType options_;
    Clock& clock_;
    OwnedRegex watched_;
    std::unique_ptr<OnigMatchParam, FreeParameters> parameters_;
    std::unique_ptr<OnigRegion, FreeRegion> region_{onig_region_new()};
    std::vector<std::string> names_;
};

/// Its limits are the process's.
void start_onig() {
    static std::once_flag once;
    std::call_once(once, [] {
        OnigEncoding encodings[] = {ONIG_ENCODING_UTF8};
        onig_initialize(encodings, 1);
        onig_set_retry_limit_in_search(retries_most);
        onig_set_retry_limit_in_match(retries_most);
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
    if (flags.not_empty) options |= ONIG_OPTION_FIND_NOT_EMPTY;
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
        int status = 0;
        OwnedRegex made = compiled(pattern, options_of(flags), info, status);
        if (made != nullptr) {
            return std::make_unique<OnigRegex>(std::move(made), pattern, options_of(flags), clock_);
        }
        OnigUChar words[ONIG_MAX_ERROR_MESSAGE_LEN];
        const int size = onig_error_code_to_str(words, status, &info);
        error.assign(reinterpret_cast<const char*>(words), static_cast<std::size_t>(size));
        return nullptr;
    }

    const char* stop() override { return clock_.stop(); }
    void begin(Duration time) override { clock_.begin(time); }
    void heed(const Hurry& hurry, Duration may) override { clock_.heed(hurry, may); }

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

    std::unique_ptr<Outside> clone() const override { return std::make_unique<ProcessOutside>(); }

private:
    Clock clock_;
};

}  // namespace

void stand_still(double seconds) { standing_at.store(seconds, std::memory_order_relaxed); }
void go_on() { stand_still(std::numeric_limits<double>::quiet_NaN()); }

std::unique_ptr<Outside> make_outside() { return std::make_unique<ProcessOutside>(); }

}  // namespace holdfast::jq
