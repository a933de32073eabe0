#pragma once

#include "console.hpp"

#include <leat/stop.hpp>

#include <poll.h>

#include <stop_token>

namespace leat::command {

/// What a subcommand works with beside its options. Owned by the caller of `run`.
struct environment {
    int in = 0;                 ///< Standard input.
    int out = 1;                ///< Standard output.
    console& err;               ///< Standard error.
    std::stop_token stop = {};  ///< SIGINT and SIGTERM.
};

/// Blocks until a stop is requested.
inline void wait_for(const std::stop_token& stop) {
    const stop_event stopped{stop};
    pollfd ready{stopped.fd(), POLLIN, 0};
    while (::poll(&ready, 1, -1) <= 0) {
    }
}

}  // namespace leat::command
