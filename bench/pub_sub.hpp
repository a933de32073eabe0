#pragma once

#include "measure.hpp"

#include <vector>

namespace bench {

/// Publishers to subscribers, beside raw libzmq that sends as many frames, and matching of many patterns.
[[nodiscard]] std::vector<pair_case> pub_sub_cases();

}  // namespace bench
