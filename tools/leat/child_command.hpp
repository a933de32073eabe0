#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <stop_token>
#include <string>

namespace leat::command {

/// How a command that was run has ended.
struct command_end {
    int status = 0;  ///< Its exit status, or 128 + the signal that ended it.
    std::string output = {};
    bool stopped = false;   ///< It was killed: the time was up, or a stop requested.
    bool too_long = false;  ///< It was killed: it wrote more than allowed.
};

/// Runs `command` with /bin/sh: `input` is its standard input, its standard output is kept, up to `most`
/// bytes, and its standard error is this program's. Waits for its end; kills it and its children at a stop or
/// when `time` is up.
/// @throws failure when it cannot be started
[[nodiscard]] command_end run_command(const std::string& command, std::span<const std::byte> input,
                                      std::size_t most, std::optional<std::chrono::nanoseconds> time,
                                      std::stop_token stop);

}  // namespace leat::command
