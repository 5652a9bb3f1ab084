// The socket sink over a network that somebody else gives: the simulator's model of it.
#pragma once

#include <memory>

#include "io/component/kind.hpp"
#include "io/devices/network.hpp"

namespace holdfast::io {

const SinkKind& socket_sink_kind();

/// As the kind makes it. Requires: the settings are its own. Lives: `network` as long as the device.
std::unique_ptr<Sink> make_socket_sink_on(Network& network, SinkContext context);

}  // namespace holdfast::io
