#pragma once

#include "environment.hpp"

#include <leat/forwarder/relay.hpp>

#include <array>
#include <chrono>
#include <string>
#include <string_view>

namespace leat::command {

/// How the two sides of a relay are called: by the plain sockets in it, which also say of which kind it is.
struct relay_sides {
    relay_kind kind;
    std::string_view in;
    std::string_view out;
};

inline constexpr std::array<relay_sides, 3> all_relay_sides{{{relay_kind::streamer, "pull", "push"},
                                                             {relay_kind::pubsub, "sub", "pub"},
                                                             {relay_kind::reqrep, "router", "dealer"}}};

/// "tcp://..." binds, "connect:tcp://..." connects; "bind:tcp://..." says what is meant anyway.
/// @throws usage_error that names `option`
void add_endpoint(relay_options::side& to, const std::string& option, std::string_view text);

/// Sets what the sockets of all sides have in common.
void set_sockets(relay_options& all, bool insecure, std::chrono::milliseconds drain);

/// Tells where the relay's sides are: "orders --pull tcp://127.0.0.1:5555 --push
/// connect:tcp://10.0.0.7:5555".
void tell(console& err, const relay& one);

}  // namespace leat::command
