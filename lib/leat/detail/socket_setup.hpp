#pragma once

#include <leat/socket.hpp>

#include <memory>
#include <string>

namespace leat::detail {

class context_state;

/// Opens a ZeroMQ socket with every option set. @throws leat::error (`no_resources`, `closed`, `bad_option`).
[[nodiscard]] void* open_socket(context_state& ctx, role what, const socket_options& options);

/// Turns IPv6 on when the endpoint wants it; libzmq resolves names to IPv4 otherwise.
void prepare_address_family(void* zmq, const endpoint& at);

/// `ipc://*` as an absolute path that is free, anything else as it is: libzmq's own choice is relative to the
/// working directory.
[[nodiscard]] endpoint with_ipc_path(const endpoint& at);

/// The errno of a bind that has just failed: libzmq loses it on a socket that has a monitor.
[[nodiscard]] int why_not_bound(context_state& ctx, const endpoint& at);

/// What libzmq really bound.
[[nodiscard]] std::string last_endpoint(void* zmq);

/// Has the context's loop feed the socket's connection events to `peers`, until the socket stops its monitor.
void attach_monitor(context_state& ctx, void* zmq, const std::shared_ptr<monitor>& peers);

}  // namespace leat::detail
