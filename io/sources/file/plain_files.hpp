// A ring through which compressed files are read as the text that is in them.
//
// Rule 1: offsets and sizes of a compressed file are those of its plain text. Its size is what is
//         known of it: it grows when all that was known has been read and its size is asked for.
// Rule 2: it is unpacked once, from its beginning on; some bytes before the last read are kept. Who
//         reads farther back, or begins in its midst after a restart, makes it unpack again.
// Rule 3: what stands before damage, or before the file ends too early, is read as any text. Behind
//         it -EBADMSG or -ENODATA is answered (-EOVERFLOW: a window of zstd that is too large), until
//         the file has changed: then it is unpacked again.
// Rule 4: at most `open_max` are open and undamaged; for more, open answers -EMFILE.
// Bound: a window (Unpacker), 64 KiB of input, and the text since the last read and `ahead` bytes, for
//        each of them.
// All other operations are the inner ring's.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "io/ring.hpp"
#include "io/sources/file/unpacker.hpp"
#include "io/task.hpp"

namespace holdfast::io {

class PlainFiles final : public Ring {
public:
    static constexpr std::uint32_t open_max = 4;
    static constexpr std::size_t ahead = 256u << 10;
    static constexpr std::size_t behind = 4096;
    static constexpr std::size_t head_max = 256;

    /// `unpacks` false: it is the inner ring. Lives: that one as long as this.
    PlainFiles(Ring& inner, bool unpacks) : inner_(inner), unpacks_(unpacks) {}

    void start(Op& op) override;
    void cancel(Op& op) override { inner_.cancel(op); }
    std::size_t run(Instant until) override { return inner_.run(until); }
    Instant now() override { return inner_.now(); }
    std::int64_t wall_ns() override { return inner_.wall_ns(); }
    void abandon() override { inner_.abandon(); }
    const char* name() const override { return inner_.name(); }

    bool is_packed(int fd) const { return files_.contains(fd); }
    /// The compressed file as it is on disk. Requires is_packed(fd).
    const FileStat& raw(int fd) const { return files_.at(fd)->raw; }
    /// Bytes of plain text ever made. For tests of what reading costs.
    std::uint64_t made() const { return made_; }

private:
    struct File {
        int fd = -1;
        Archive archive = Archive::none;
        FileStat raw;  ///< As it was when it was opened, or found damaged.
        std::unique_ptr<Unpacker> unpacker;
        std::int64_t raw_offset = 0;
        std::vector<std::byte> input;
        std::size_t input_at = 0;
        std::vector<std::byte> text;  ///< From text_begin on.
        std::int64_t text_begin = 0;
        std::vector<std::byte> head;
        std::int64_t read_begin = 0;  ///< Of the read farthest on.
        std::int64_t read_end = 0;
        bool ended = false;
        int error = 0;
        bool busy = false;
        std::int64_t text_end() const {
            return text_begin + static_cast<std::int64_t>(text.size());
        }
    };
    using Shared = std::shared_ptr<File>;

    Task<> open_file(Op& op);
    Task<> stat_path(Op& op);
    Task<> stat_file(Op& op, Shared file);
    Task<> read_file(Op& op, Shared file);
    Task<> unpack(File& file, std::int64_t until);
    Task<bool> more_input(File& file);
    Task<> begin_anew_if_changed(File& file);
    Task<> lock(File& file);
    void begin(File& file);
    void unpack_some(File& file, std::int64_t until);
    void trim(File& file);
    std::uint32_t healthy() const;

    Ring& inner_;
    bool unpacks_;
    std::map<int, Shared> files_;
    std::uint64_t made_ = 0;
    Scope scope_;  ///< Last: its coroutines use all of the above.
};

}  // namespace holdfast::io
