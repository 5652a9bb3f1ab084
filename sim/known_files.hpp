// What the durable checkpoint of a simulated pipeline knows of its inputs.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "core/data/checkpoint.hpp"
#include "sim/sim_disk.hpp"

namespace holdfast::sim {

/// The newest that would survive a crash now.
std::optional<Checkpoint> durable_checkpoint(const SimDisk& disk, const std::string& data_dir);
/// The sources in it that know the file that stands at `path`: they follow it wherever it is moved.
std::set<std::string> who_knows(const SimDisk& disk, const std::string& data_dir,
                                const std::string& path);

}  // namespace holdfast::sim
