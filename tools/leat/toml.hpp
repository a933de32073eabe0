#pragma once

#include "config_faults.hpp"
#include "config_value.hpp"

#include <optional>
#include <string_view>

namespace leat::command {

/// Reads TOML 1.0 into a table; nothing when it is not TOML, which is then the fault that is added. The one
/// place that knows the library behind it.
[[nodiscard]] std::optional<config_value> parse_toml(std::string_view text, config_faults& faults);

}  // namespace leat::command
