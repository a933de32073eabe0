#pragma once

#include "console.hpp"

#include <stop_token>

namespace leat::command {

/// What a subcommand works with beside its options. Owned by the caller of `run`.
struct environment {
    int in = 0;                 ///< Standard input.
    int out = 1;                ///< Standard output.
    console& err;               ///< Standard error.
    std::stop_token stop = {};  ///< SIGINT and SIGTERM.
};

}  // namespace leat::command
