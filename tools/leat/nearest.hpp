#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace leat::command {

/// The one of `names` that `typed` was most likely meant to be, or nothing when none is near: at most a third
/// of its letters, and at least two, are missing, too many, changed or swapped; or it begins with `typed`.
[[nodiscard]] std::string nearest(std::string_view typed, const std::vector<std::string>& names);

}  // namespace leat::command
