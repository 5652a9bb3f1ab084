#include "io/sources/file/unpacker.hpp"

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <bit>

#include "core/base/assert.hpp"

namespace holdfast::io {
namespace {

constexpr std::size_t bytes_at_once = std::size_t{1} << 30;  // zlib counts in 32 bits.

bool is_zero(std::byte b) { return b == std::byte{0}; }

class Gzip final : public Unpacker {
public:
    Gzip() {
        // 15 bits of window, and gzip's header.
        const int made = inflateInit2(&stream_, 15 + 16);
        HF_ASSERT(made == Z_OK);
    }
    ~Gzip() override { inflateEnd(&stream_); }

    Step step(std::span<const std::byte> in, std::span<std::byte> out) override {
        if (between_) {
            const auto* padding_end = std::find_if_not(in.data(), in.data() + in.size(), is_zero);
            const auto padding = static_cast<std::size_t>(padding_end - in.data());
            if (began_ && padding > 0) {
                padded_ = true;
                return {padding, 0};
            }
            if (in.empty()) return {};
            if (padded_) return {.good = false};
            began_ = true;
            between_ = false;
            inflateReset(&stream_);
        }
        in = in.first(std::min(in.size(), bytes_at_once));
        out = out.first(std::min(out.size(), bytes_at_once));
        // zlib takes its input as not const, and does not write to it.
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));
        stream_.avail_in = static_cast<uInt>(in.size());
        stream_.next_out = reinterpret_cast<Bytef*>(out.data());
        stream_.avail_out = static_cast<uInt>(out.size());
        const int result = inflate(&stream_, Z_NO_FLUSH);
        between_ = result == Z_STREAM_END;
        return {in.size() - stream_.avail_in, out.size() - stream_.avail_out,
                result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR};
    }
    bool complete() const override { return between_ && began_; }

private:
    z_stream stream_{};
    bool between_ = true;  ///< Members.
    bool began_ = false;
    bool padded_ = false;
};

class Zstd final : public Unpacker {
public:
    Zstd() : stream_(ZSTD_createDCtx()) {
        HF_ASSERT(stream_ != nullptr);
        ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, std::bit_width(window_max) - 1);
    }
    ~Zstd() override { ZSTD_freeDCtx(stream_); }

    Step step(std::span<const std::byte> in, std::span<std::byte> out) override {
        if (complete()) {
            const auto* padding_end = std::find_if_not(in.data(), in.data() + in.size(), is_zero);
            const auto padding = static_cast<std::size_t>(padding_end - in.data());
            if (padding > 0) {
                padded_ = true;
                return {padding, 0};
            }
            if (padded_ && !in.empty()) return {.good = false};
        }
        if (in.empty() && !holds_) return {};
        ZSTD_inBuffer from{in.data(), in.size(), 0};
        ZSTD_outBuffer to{out.data(), out.size(), 0};
        const std::size_t result = ZSTD_decompressStream(stream_, &to, &from);
        if (ZSTD_isError(result))
            return {from.pos, to.pos, false,
                    ZSTD_getErrorCode(result) == ZSTD_error_frameParameter_windowTooLarge};
        between_ = result == 0;
        began_ = true;
        // With no room left some may be waiting inside.
        holds_ = !between_ && to.pos == to.size;
        return {from.pos, to.pos, true};
    }
    bool complete() const override { return between_ && began_; }

private:
    ZSTD_DCtx* stream_;
    bool between_ = true;
    bool began_ = false;
    bool padded_ = false;
    bool holds_ = false;
};

}  // namespace

std::unique_ptr<Unpacker> make_unpacker(Archive archive) {
    if (archive == Archive::gzip) return std::make_unique<Gzip>();
    if (archive == Archive::zstd) return std::make_unique<Zstd>();
    return nullptr;
}

}  // namespace holdfast::io
