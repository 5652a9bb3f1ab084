// How many records one slice takes: at least one, then more as long as they fit.
//
//   SliceCut cut(bytes_max);
//   while (end < records && cut.takes(size_of(end))) ++end;
//
// 5 records of 10 bytes with 25 give 2, 2 and 1; with 0 one each; with UINT32_MAX all that a batch
// can have. A record that is larger than the target goes alone.
#pragma once

#include <cstdint>

namespace holdfast {

class SliceCut {
public:
    explicit constexpr SliceCut(std::uint32_t bytes_max) : left_(bytes_max) {}

    /// Whether the next record, of so many bytes, belongs to this slice. After a false: no more.
    constexpr bool takes(std::uint64_t bytes) {
        if (begun_ && bytes > left_) return false;
        left_ = bytes < left_ ? left_ - bytes : 0;
        begun_ = true;
        return true;
    }

private:
    std::uint64_t left_;
    bool begun_ = false;
};

}  // namespace holdfast
