#pragma once

#include "redis.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace bench::redis {

/// Makes the stream and the group that the other two use.
void make_stream(int port);

/// XADD, pipelined, never more than `window` of them without an answer; returns when all have theirs.
void add_all(int port, std::string_view body, std::size_t count, std::size_t window);

/// XREADGROUP and XACK until `count` messages have come, all acks answered. `each` sees the bodies.
void take_all(int port, std::size_t count, const std::function<void(std::string_view)>& each);

/// XADD, and XACK of all these, into the client's buffer.
void append_add(client& to, std::string_view body);
void append_acks(client& to, const std::vector<std::string>& ids);

/// One XADD; returns when it is answered.
void add(client& to, std::string_view body);

}  // namespace bench::redis
