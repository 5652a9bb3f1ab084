#include "io/sinks/file/came_again.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "core/base/mix.hpp"
#include "core/codec/stream_framing.hpp"
#include "io/devices/files.hpp"

namespace holdfast::io {
namespace {

constexpr std::size_t piece = std::size_t{256} * 1024;
constexpr std::size_t places = std::size_t{1} << 17;
constexpr std::uint64_t records_max = places / 4 * 3;  // Of one pass.

struct Torn {
    std::uint64_t bytes = 0;  ///< 0: there is none.
    std::uint64_t hash = 0;
};

/// A hash that grows with each byte of a record; never 0 at its end.
class Growing {
public:
    void add(std::span<const std::byte> bytes) {
        for (const std::byte b : bytes)
            hash_ = (hash_ ^ static_cast<std::uint8_t>(b)) * 0x100000001b3ULL;
        bytes_ += bytes.size();
    }
    std::uint64_t hash() const { return mix64(hash_ ^ bytes_) | 1; }
    std::uint64_t bytes() const { return bytes_; }
    void clear() { *this = {}; }

private:
    std::uint64_t hash_ = 0xcbf29ce484222325ULL;
    std::uint64_t bytes_ = 0;
};

/// How often each hash is still to be met.
class Table {
public:
    Table() : hashes_(places), counts_(places) {}
    void clear() { std::fill(hashes_.begin(), hashes_.end(), 0); }
    void add(std::uint64_t hash) {
        const std::size_t at = place(hash);
        if (hashes_[at] == 0) counts_[at] = 0;
        hashes_[at] = hash;
        ++counts_[at];
    }
    bool meet(std::uint64_t hash) {
        const std::size_t at = place(hash);
        if (hashes_[at] == 0 || counts_[at] == 0) return false;
        --counts_[at];
        return true;
    }

private:
    std::size_t place(std::uint64_t hash) const {
        std::size_t at = (hash >> 40) % places;
        while (hashes_[at] != 0 && hashes_[at] != hash) at = (at + 1) % places;
        return at;
    }
    std::vector<std::uint64_t> hashes_;
    std::vector<std::uint32_t> counts_;
};

/// Tells each record of a range to `visit`, as its hash; what is torn at the end is left in `torn`.
class Walk {
public:
    Walk(Ring& ring, FileRange range, codec::Framing framing)
        : ring_(ring),
          range_(range),
          framing_(framing),
          buffer_(piece),
          values_(framing, UINT32_MAX) {}

    /// Also told: whether a record begins with this.
    void look_for(const Torn& torn) { wanted_ = torn; }
    bool met_torn() const { return met_torn_; }
    Torn torn() const { return {growing_.bytes(), growing_.hash()}; }

    template <class Visit>
    Task<std::int64_t> run(Visit& visit) {
        for (std::int64_t at = range_.begin; at < range_.end;) {
            const auto some = std::span(buffer_).first(static_cast<std::size_t>(
                std::min(range_.end - at, static_cast<std::int64_t>(piece))));
            const std::int64_t n = co_await read_all(ring_, range_.fd, some, at);
            if (n <= 0) co_return n < 0 ? n : -EIO;  // It shrinks meanwhile.
            take(some.first(static_cast<std::size_t>(n)), visit);
            at += n;
        }
        co_return 0;
    }

private:
    template <class Visit>
    void take(std::span<const std::byte> some, Visit& visit) {
        ends_of(some);
        std::size_t begin = 0;
        for (const std::size_t end : ends_) {
            grow(some.subspan(begin, end - begin));
            visit(growing_.hash());
            growing_.clear();
            begin = end;
        }
        grow(some.subspan(begin));
    }
    void grow(std::span<const std::byte> bytes) {
        const std::uint64_t before = growing_.bytes();
        const bool passes = wanted_.bytes > before && wanted_.bytes <= before + bytes.size();
        const std::size_t first = passes ? static_cast<std::size_t>(wanted_.bytes - before) : 0;
        growing_.add(bytes.first(first));
        if (passes && growing_.hash() == wanted_.hash) met_torn_ = true;
        growing_.add(bytes.subspan(first));
    }
    void ends_of(std::span<const std::byte> some) {
        ends_.clear();
        if (framing_ == codec::Framing::lines) {
            for (std::size_t at = 0; at < some.size();) {
                const void* found = std::memchr(some.data() + at, '\n', some.size() - at);
                if (found == nullptr) break;
                at = static_cast<std::size_t>(static_cast<const std::byte*>(found) - some.data()) +
                     1;
                ends_.push_back(at);
            }
            return;
        }
        const std::uint64_t base = values_.offset();
        extents_.clear();
        // Behind what is no value there are no more records, only a torn one.
        if (!good_ || !(good_ = values_.feed(some, extents_).has_value())) extents_.clear();
        for (const codec::StreamExtent& value : extents_)
            ends_.push_back(static_cast<std::size_t>(value.end - base));
    }

    Ring& ring_;
    FileRange range_;
    codec::Framing framing_;
    std::vector<std::byte> buffer_;
    std::vector<std::size_t> ends_;
    codec::SideBySide values_;
    std::vector<codec::StreamExtent> extents_;
    bool good_ = true;
    Growing growing_;
    Torn wanted_;
    bool met_torn_ = false;
};

}  // namespace

Task<std::int64_t> came_again(Ring& ring, FileRange of, FileRange in, codec::Framing framing,
                              CameAgain& out) {
    out = {};
    const auto count = [&](std::uint64_t) { ++out.records; };
    Walk first(ring, of, framing);
    std::int64_t result = co_await first.run(count);
    if (result < 0) co_return result;
    const Torn torn = first.torn();
    const std::uint64_t passes = std::max<std::uint64_t>(1, out.records / records_max + 1);
    if (torn.bytes > 0) ++out.records;
    if (passes > came_again_passes_max) co_return -EFBIG;
    const auto table = std::make_unique<Table>();
    for (std::uint64_t pass = 0; pass < passes; ++pass) {
        table->clear();
        const auto add = [&](std::uint64_t hash) {
            if (hash / 2 % passes == pass) table->add(hash);
        };
        Walk from(ring, of, framing);
        result = co_await from.run(add);
        if (result < 0) co_return result;
        const auto meet = [&](std::uint64_t hash) {
            if (hash / 2 % passes == pass && table->meet(hash)) ++out.found;
        };
        Walk to(ring, in, framing);
        if (pass == 0) to.look_for(torn);
        result = co_await to.run(meet);
        if (result < 0) co_return result;
        if (to.met_torn()) ++out.found;
    }
    co_return 0;
}

}  // namespace holdfast::io
