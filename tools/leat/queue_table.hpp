#pragma once

#include "config_endpoints.hpp"
#include "config_table.hpp"

#include <leat/queue/queue_options.hpp>

namespace leat::command {

/// Reads a [[queue]]. What is wrong with it becomes a fault of `from`.
[[nodiscard]] queue_options read_queue(config_table& from, config_endpoints& bound);

}  // namespace leat::command
