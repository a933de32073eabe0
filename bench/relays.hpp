#pragma once

#include "measure.hpp"

#include <vector>

namespace bench {

/// leat's relay against zmq_proxy between the same raw peers: throughput, latency, and fan-in with
/// coalescing.
[[nodiscard]] std::vector<pair_case> relay_cases();

}  // namespace bench
