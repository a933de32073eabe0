#pragma once

#include "contender.hpp"

namespace bench {

/// A stream of Redis with a group, its append-only file synced as `append_fsync` says: `always` or
/// `everysec`. What is acked stays in the stream, which is the cheapest for Redis.
[[nodiscard]] contender redis_durable(const std::string& append_fsync);

}  // namespace bench
