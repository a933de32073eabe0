#pragma once

#include "options.hpp"

#include <leat/endpoint.hpp>

#include <chrono>
#include <string>

namespace leat::command {

/// Which queue of which endpoint a subcommand works with.
struct queue_peer {
    endpoints connect = {};
    std::string name;

    /// @throws usage_error when one of them lacks, or may not be connected.
    void check() const;

    [[nodiscard]] const endpoint& at() const { return connect.front(); }
};

/// Adds -c and QUEUE, which fill `to`; it must outlive the parsing.
void add_queue_peer(CLI::App& sub, queue_peer& to);

}  // namespace leat::command
