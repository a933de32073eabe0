#pragma once

#include "measure.hpp"

#include <vector>

namespace bench {

/// pusher to puller against raw PUSH to PULL: untouched bytes at four sizes, leat's defaults, and records in
/// batches.
[[nodiscard]] std::vector<pair_case> push_pull_cases();

}  // namespace bench
