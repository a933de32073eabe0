#pragma once

#include "config_endpoints.hpp"
#include "config_table.hpp"

#include <leat/queue/edge.hpp>
#include <leat/queue/queue_options.hpp>

#include <vector>

namespace leat::command {

/// A queue, and what plain peers find beside it. The edges do not know yet where it is.
struct queue_config : queue_options {
    std::vector<edge_options> edges = {};
};

/// Reads a [[queue]]. What is wrong with it becomes a fault of `from`.
[[nodiscard]] queue_config read_queue(config_table& from, config_endpoints& bound);

}  // namespace leat::command
