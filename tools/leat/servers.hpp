#pragma once

#include "options.hpp"

#include <leat/endpoint.hpp>
#include <leat/reqrep/answer.hpp>

#include <chrono>

namespace leat::command {

/// Whom `leat req` and `leat ping` ask, and for how long.
struct servers {
    endpoints connect = {};
    endpoints bind = {};
    bool insecure = false;
    std::chrono::microseconds timeout = std::chrono::seconds{10};

    /// @throws usage_error when there is no endpoint, or one may not be bound or connected.
    void check() const;
};

/// Adds the options that fill `to`, which must outlive the parsing.
void add_servers(CLI::App& sub, servers& to);

/// What a call that was not answered means for the exit status.
[[nodiscard]] exit_code code_of(call_status how) noexcept;

}  // namespace leat::command
