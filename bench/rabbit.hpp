#pragma once

#include "contender.hpp"

namespace bench {

[[nodiscard]] bool rabbit_available();

/// RabbitMQ with a durable queue of one replica: `kind` is "classic" or "quorum". Persistent messages,
/// publisher confirms, acks of many.
[[nodiscard]] contender rabbit_durable(const std::string& kind);

}  // namespace bench
