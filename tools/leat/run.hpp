#pragma once

#include "environment.hpp"
#include "exit_code.hpp"

#include <string>
#include <vector>

namespace leat::command {

/// Runs the `leat` command with the words that follow its name. Throws nothing: what goes wrong is said on
/// standard error in one line, and told by the status.
[[nodiscard]] exit_code run(std::vector<std::string> words, environment& env) noexcept;

}  // namespace leat::command
