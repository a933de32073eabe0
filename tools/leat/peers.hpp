#pragma once

#include "options.hpp"

#include <leat/endpoint.hpp>

#include <chrono>
#include <optional>

namespace leat::command {

/// Whom `leat push` and `leat pull` talk to, and how messages look from outside.
struct peers {
    endpoints bind = {};
    endpoints connect = {};
    bool insecure = false;
    char delimiter = '\n';
    bool json = false;
    std::optional<std::chrono::microseconds> timeout = {};
    std::chrono::milliseconds linger = std::chrono::seconds{1};

    /// @throws usage_error when there is no endpoint, or one may not be bound or connected.
    void check() const;
};

/// Adds the options that fill `to`, which must outlive the parsing. `timeout` and `linger` are what they do.
void add_peers(CLI::App& sub, peers& to, const std::string& timeout, const std::string& linger);

/// @throws usage_error when `at` is open to other machines and `insecure` is not said; `how` says how to.
void check_bind(const std::string& option, const endpoint& at, bool insecure,
                const std::string& how = "add --insecure");

/// @throws usage_error when `to` can only be bound.
void check_connect(const std::string& option, const endpoint& to);

/// `time` as a linger or drain in whole milliseconds. @throws usage_error beyond an hour.
[[nodiscard]] std::chrono::milliseconds parse_linger(std::string_view option, std::string_view text);

/// Tells which ports the system picked for those of `asked` that left it to choose.
void tell_bound(console& err, const endpoints& asked, const endpoints& bound);

}  // namespace leat::command
