// Bytes that may not stay in an output, kept in data_dir/set_aside: what an earlier life delivered
// and its sources did not bring again, and what somebody else wrote.
//
// Rule 1: they are durable there, under a name of their own, before keep() answers; only then may
//         they leave the file that they stood in.
// Rule 2: nothing there is written over, and no link is followed. `NAME.new` is a copy under way:
//         what it copies is still where it was, so one that a crash left is removed.
// Rule 3: a name says whose they were, where they stood, and which it is: `SINK.OFFSET.NUMBER`. The
//         bytes are as they stood.
// Bound: a buffer of 256 KiB while it copies; the directory grows until a person empties it.
#pragma once

#include <string>
#include <vector>

#include "core/codec/record_scan.hpp"
#include "io/devices/files.hpp"

namespace holdfast::io {

struct SetAsideFile {
    std::string path;
    std::int64_t offset = 0;  ///< Where it stood.
    std::int64_t bytes = 0;
    std::uint64_t records = 0;  ///< The last may be torn. Only of what keep() made.
};

class SetAside {
public:
    /// `directory` is made when it is needed; empty: keep() answers -EROFS.
    SetAside(Ring& ring, std::string directory, std::string sink, codec::Framing framing);

    /// Copies [begin, end) of an open file. Result: 0, or an error, and then nothing is there.
    Task<std::int64_t> keep(int fd, std::int64_t begin, std::int64_t end, SetAsideFile& made);
    /// What is there of this sink, lowest number first. Result: 0 or an error.
    Task<std::int64_t> find(std::vector<SetAsideFile>& found);
    /// Requires: all of it stands, durable, somewhere else.
    Task<std::int64_t> remove(const SetAsideFile& file);

private:
    Task<std::int64_t> make_directory();
    Task<std::int64_t> copy(int from, int to, const SetAsideFile& file, std::uint64_t& records);
    Task<std::int64_t> put_in_place(int fd, const std::string& made, const std::string& name);

    Ring& ring_;
    std::string directory_;
    std::string sink_;
    codec::Framing framing_;
    std::uint64_t number_ = 0;  ///< The highest that is there.
};

}  // namespace holdfast::io
