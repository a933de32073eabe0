#pragma once

#include "measure.hpp"

#include <vector>

namespace bench {

/// A queue in memory with confirms and acks, over TCP, each of its parts in a process of its own, against
/// Redis streams with `appendfsync everysec`, pipelined, with a group, its window 1,000: messages a second in
/// frames of many and of one, and the time from put to delivery. And four producers and consumers against one
/// of each.
[[nodiscard]] std::vector<pair_case> queue_cases();

}  // namespace bench
