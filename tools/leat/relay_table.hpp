#pragma once

#include "config_endpoints.hpp"
#include "config_table.hpp"

#include <leat/forwarder/relay_options.hpp>

namespace leat::command {

/// Reads a [[relay]]. What is wrong with it becomes a fault of `from`.
[[nodiscard]] relay_options read_relay(config_table& from, config_endpoints& bound);

}  // namespace leat::command
