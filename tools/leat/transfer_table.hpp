#pragma once

#include "config_table.hpp"

#include <leat/queue/transfer.hpp>

namespace leat::command {

/// Reads a [[transfer]]. What is wrong with it becomes a fault of `from`.
[[nodiscard]] transfer_options read_transfer(config_table& from);

}  // namespace leat::command
