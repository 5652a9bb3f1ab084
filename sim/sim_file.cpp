#include "sim/sim_file.hpp"

#include <algorithm>

#include "core/base/assert.hpp"
#include "core/base/mix.hpp"

namespace holdfast::sim {

namespace {

enum Style : std::uint64_t { all_kept = 0, all_dropped = 1, each_by_itself = 2, styles = 3 };
enum Fate : std::uint64_t {
    kept = 0,
    dropped = 1,
    torn_left = 2,
    torn_right = 3,
    garbage = 4,
    fates = 5
};

void copy_into(Bytes& to, std::uint64_t offset, std::span<const std::byte> bytes) {
    HF_ASSERT(offset + bytes.size() <= to.size());
    std::copy(bytes.begin(), bytes.end(), to.begin() + static_cast<std::ptrdiff_t>(offset));
}

}  // namespace

std::span<const std::byte> SimFile::piece(const Bytes& bytes, std::uint64_t index) const {
    const std::uint64_t begin = index * sector_;
    if (begin >= bytes.size()) return {};
    return std::span(bytes).subspan(begin, std::min(sector_, bytes.size() - begin));
}

void SimFile::mark(std::uint64_t begin, std::uint64_t end) {
    if (begin >= end) return;
    if (dirty_.size() < end) dirty_.resize(end);
    std::fill(dirty_.begin() + static_cast<std::ptrdiff_t>(begin),
              dirty_.begin() + static_cast<std::ptrdiff_t>(end), true);
    dirty_begin_ = std::min(dirty_begin_, begin);
    dirty_end_ = std::max(dirty_end_, end);
}

void SimFile::clean() {
    for (std::uint64_t i = dirty_begin_; i < dirty_end_; ++i) dirty_[i] = false;
    dirty_begin_ = UINT64_MAX;
    dirty_end_ = 0;
    lowest_ = seen_.size();
}

void SimFile::make_durable(std::uint64_t index) {
    const auto bytes = piece(seen_, index);
    const std::uint64_t end = index * sector_ + bytes.size();
    if (!bytes.empty() && durable_.size() < end) durable_.resize(end);
    copy_into(durable_, bytes.empty() ? 0 : index * sector_, bytes);
}

void SimFile::write(std::uint64_t offset, std::span<const std::byte> bytes, Choices& choices,
                    std::uint32_t writeback) {
    if (bytes.empty()) return;
    const std::uint64_t end = offset + bytes.size();
    const std::uint64_t first = sector_of(std::min<std::uint64_t>(offset, seen_.size()));
    const std::uint64_t last = sector_of(end - 1) + 1;
    if (writeback != 0) {
        for (std::uint64_t i = first; i < std::min<std::uint64_t>(last, dirty_.size()); ++i) {
            if (!dirty_[i]) continue;
            if (choices.chance(Site::disk_writeback, key_, writebacks_++, writeback)) {
                make_durable(i);
            }
        }
    }
    if (seen_.size() < end) seen_.resize(end);
    copy_into(seen_, offset, bytes);
    mark(first, last);
}

void SimFile::truncate(std::uint64_t size) {
    const std::uint64_t before = seen_.size();
    if (size == before) return;
    seen_.resize(size);
    mark(sector_of(std::min(size, before)), sector_of(std::max(size, before) - 1) + 1);
    lowest_ = std::min(lowest_, size);
}

void SimFile::sync() {
    durable_.resize(seen_.size());
    for (std::uint64_t i = dirty_begin_; i < dirty_end_; ++i) {
        if (dirty_[i]) make_durable(i);
    }
    clean();
}

void SimFile::lose_some(Choices& choices, std::uint64_t n) {
    for (std::uint64_t i = dirty_begin_; i < dirty_end_; ++i) {
        if (!dirty_[i]) continue;
        if (choices.choose(Site::disk_sync_sector, key_, (n << 32) | i, 2) == 1) make_durable(i);
    }
    clean();
}

void SimFile::lose_all() { clean(); }

std::uint64_t SimFile::size_after_crash(Choices& choices, std::uint64_t n) const {
    const std::uint64_t now = seen_.size();
    const std::uint64_t then = durable_.size();
    const std::uint64_t low = std::min({lowest_, now, then});
    if (now == then && low == now) return now;
    switch (choices.choose(Site::disk_crash_size, key_, n, 4)) {
        case 0: return now;
        case 1: return then;
        case 2: return low;
        default: {
            const std::uint64_t high = std::max(now, then);
            return low + choices.choose(Site::disk_crash_between, key_, n, high - low + 1);
        }
    }
}

// Decides what the medium holds of one dirty sector. Both sides are as long as the longer one, and
// zero where they have no bytes.
void SimFile::tear(std::uint64_t index, Choices& choices, std::uint64_t n) {
    const std::uint64_t asked = (n << 32) | index;
    const std::uint64_t fate = choices.choose(Site::disk_crash_sector, key_, asked, fates);
    if (fate == dropped) return;
    const auto after = piece(seen_, index);
    const std::uint64_t begin = index * sector_;
    if (!after.empty() && durable_.size() < begin + after.size()) {
        durable_.resize(begin + after.size());
    }
    const std::uint64_t length = piece(durable_, index).size();
    std::uint64_t from = 0;
    std::uint64_t to = length;
    if (fate == torn_left || fate == torn_right) {
        const auto cut = choices.choose(Site::disk_crash_cut, key_, asked, length + 1);
        (fate == torn_left ? to : from) = cut;
    }
    const auto noise =
        fate == garbage ? choices.choose(Site::disk_crash_garbage, key_, asked, 256) : 0;
    for (std::uint64_t i = from; i < to; ++i) {
        std::byte& byte = durable_[begin + i];
        const std::byte wanted = i < after.size() ? after[i] : std::byte{0};
        if (byte == wanted) continue;
        byte = fate == garbage ? static_cast<std::byte>(mix(noise, key_, asked, i)) : wanted;
    }
}

void SimFile::crash(Choices& choices, std::uint64_t n) {
    const bool changed = dirty_begin_ < dirty_end_;
    const auto style = changed ? choices.choose(Site::disk_crash_style, key_, n, styles) : 0;
    if (changed && style == all_kept) sync();
    if (changed && style == each_by_itself) {
        const std::uint64_t size = size_after_crash(choices, n);
        for (std::uint64_t i = dirty_begin_; i < dirty_end_; ++i) {
            if (dirty_[i]) tear(i, choices, n);
        }
        durable_.resize(size);
    }
    seen_ = durable_;
    clean();
}

void SimFile::flip_bit(std::uint64_t offset, unsigned bit) {
    HF_ASSERT(offset < seen_.size());
    const std::byte mask{static_cast<unsigned char>(1U << (bit % 8))};
    seen_[offset] ^= mask;
    if (offset < durable_.size()) durable_[offset] ^= mask;
}

}  // namespace holdfast::sim
