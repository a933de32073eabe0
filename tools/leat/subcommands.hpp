#pragma once

#include "options.hpp"

#include <string>

namespace leat::command {

// Each declares one subcommand and its options; `chosen` becomes what to do when the command line names it.
void declare_push(CLI::App& app, action& chosen);
void declare_pull(CLI::App& app, action& chosen);
void declare_pub(CLI::App& app, action& chosen);
void declare_sub(CLI::App& app, action& chosen);
void declare_req(CLI::App& app, action& chosen);
void declare_rep(CLI::App& app, action& chosen);
void declare_ping(CLI::App& app, action& chosen);
void declare_put(CLI::App& app, action& chosen);
void declare_take(CLI::App& app, action& chosen);
void declare_queue(CLI::App& app, action& chosen);
void declare_transfer(CLI::App& app, action& chosen);
void declare_store(CLI::App& app, action& chosen);
void declare_forward(CLI::App& app, action& chosen);
void declare_check(CLI::App& app, action& chosen);
void declare_version(CLI::App& app, action& chosen);

/// "leat 0.1.0"
[[nodiscard]] std::string version_line();

}  // namespace leat::command
