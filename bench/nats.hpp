#pragma once

#include "contender.hpp"

namespace bench {

/// NATS JetStream: a stream in a file, one replica, asynchronous publishing, a durable push consumer with
/// explicit acks, its clients a queue group.
[[nodiscard]] contender nats_durable();

}  // namespace bench
