#pragma once

#include "measure.hpp"

#include <vector>

namespace bench {

/// requester and replier against raw REQ/REP, one call at a time, and against a hand-written DEALER and
/// ROUTER with 1,000 requests in flight. 100 bytes each way, TCP over loopback, two processes.
[[nodiscard]] std::vector<pair_case> request_reply_cases();

}  // namespace bench
