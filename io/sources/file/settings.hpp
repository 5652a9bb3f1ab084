// What the config says of a file source, beside what all sources have.
#pragma once

#include <string>
#include <vector>

#include "io/component/settings.hpp"
#include "io/sources/file/file_source.hpp"

namespace holdfast::io {

struct FileSourceSettings : KindSettings {
    std::vector<std::string> include;  ///< Absolute patterns, see glob.hpp.
    std::vector<std::string> exclude;  ///< The same, of what is not read.
    ReadFrom read_from = ReadFrom::beginning;
    EndAt end = EndAt::never;
    Duration poll_interval{};
    Duration give_up_after{};
    Decompress decompress = Decompress::refuse;
    Duration rotate_wait{};
};

}  // namespace holdfast::io
