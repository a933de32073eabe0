#pragma once

#include "options.hpp"

namespace leat::command {

// The subcommands of `leat queue`; `chosen` becomes what to do when the command line names one.
void declare_queue_serve(CLI::App& queue, action& chosen);
void declare_queue_looks(CLI::App& queue, action& chosen);    ///< stat, peek, dead
void declare_queue_changes(CLI::App& queue, action& chosen);  ///< redrive, purge, pause, resume

}  // namespace leat::command
