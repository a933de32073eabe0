#pragma once

#include "queue_table.hpp"

#include <leat/forwarder/relay_options.hpp>
#include <leat/queue/transfer.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace leat::command {

/// What a configuration file asks `leat forward` for. docs/forwarder.md has its keys.
struct forwarder_config {
    std::vector<relay_options> relays = {};  ///< Each with a name of its own.
    std::vector<queue_config> queues = {};   ///< Of one endpoint the one with the largest messages first.
    std::vector<transfer_options> transfers = {};
    std::optional<std::chrono::microseconds> stats = {};
};

/// Reads the text of a file in TOML. `file` is its name, for faults.
/// @throws usage_error with a line for each thing that is wrong: "forwarder.toml:12: unknown key ..."
[[nodiscard]] forwarder_config parse_forwarder_config(std::string_view text, const std::string& file);

/// @throws failure when the file cannot be read; else as above
[[nodiscard]] forwarder_config read_forwarder_config(const std::string& path);

/// "2 relays, 1 queue and 1 transfer"
[[nodiscard]] std::string summary(const forwarder_config& all);

}  // namespace leat::command
