#pragma once

#include <leat/context.hpp>
#include <leat/reqrep/call_options.hpp>
#include <leat/reqrep/detail/call_batch.hpp>
#include <leat/reqrep/detail/call_header.hpp>
#include <leat/reqrep/detail/frames.hpp>
#include <leat/socket.hpp>

#include <chrono>
#include <cstdint>
#include <vector>

namespace leat::detail {

/// One socket of a client: a DEALER to one endpoint, or a ROUTER that servers connect to.
struct server_link {
    socket s;
    void* zmq;
    int fd;
    bool routes;
    std::uint64_t seen_disconnects = 0;
    bool unread = false;  // is in call_core::unread_

    [[nodiscard]] std::uint64_t disconnects() const noexcept { return s.counts().disconnects.value(); }
    [[nodiscard]] bool connected() const noexcept { return s.counts().connects.value() > disconnects(); }
};

/// A server of a client.
struct server_entry {
    std::size_t link;
    message id;          // its routing id, on a ROUTER
    bool there = false;  // can be sent to, as far as is known
    std::uint32_t in_flight = 0;
    deadline::clock::time_point heard;  // on a ROUTER: its last message
    std::chrono::milliseconds speaks_each = {};
    bool takes_batches = false;
    call_batch gathered = {};                        // requests that are to be sent
    std::vector<std::uint64_t> gathered_calls = {};  // and their ids
};

/// The sockets of a client and the servers behind them. Under the client's mutex.
class server_set {
public:
    static constexpr std::size_t most_joined = 1024;  ///< Servers that have connected to it.

    server_set(context& ctx, const request_options& options);

    [[nodiscard]] std::vector<server_link>& links() noexcept { return links_; }
    [[nodiscard]] std::vector<server_entry>& all() noexcept { return servers_; }
    [[nodiscard]] const endpoints& bound() const noexcept { return bound_; }

    /// The server that is there with the fewest calls in flight, in turn among equals; -1 for none.
    /// `not_this` is never taken, `rather_not` only if there is no other.
    [[nodiscard]] std::int32_t pick(std::int32_t not_this, std::int32_t rather_not) noexcept;

    /// Sends one message of the protocol: 0, or libzmq's errno, and then nothing was sent. `body` is shared.
    [[nodiscard]] int send(server_entry& to, message& header, message& body);

    /// The server of a joined one's routing id, added if it is new and `add`; -1 for none.
    [[nodiscard]] std::int32_t of(std::size_t link, const message& id, bool add);

    void close() noexcept;

private:
    std::vector<server_link> links_;
    std::vector<server_entry> servers_;
    endpoints bound_;
    std::size_t turn_ = 0;
};

}  // namespace leat::detail
