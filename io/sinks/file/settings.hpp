// What the config says of a file sink, beside what all sinks have.
#pragma once

#include <string>

#include "io/component/settings.hpp"
#include "io/sinks/file/file_sink.hpp"

namespace holdfast::io {

struct FileSinkSettings : KindSettings {
    std::string path;           ///< Absolute.
    std::uint32_t mode = 0640;  ///< Of a file that is made, under the umask.
    FileSinkConfig::Fsync fsync = FileSinkConfig::Fsync::batch;
    FileSinkConfig::Delivery delivery = FileSinkConfig::Delivery::exactly_once;
};

}  // namespace holdfast::io
