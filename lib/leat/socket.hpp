#pragma once

#include <leat/deadline.hpp>
#include <leat/endpoint.hpp>
#include <leat/message.hpp>
#include <leat/metrics.hpp>
#include <leat/monitor.hpp>
#include <leat/options.hpp>
#include <leat/status.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace leat {

class context;

/// ZeroMQ's socket types (RFCs 28 to 31).
enum class role { pair, pub, sub, req, rep, dealer, router, pull, push, xpub, xsub };

[[nodiscard]] std::string_view to_string(role r) noexcept;

/// A ZeroMQ socket with deadlines, bounds and a name.
///
/// Move-only. It belongs to one thread at a time: the first one to use it, until it is moved or handed over.
/// A debug build of leat throws `errc::wrong_thread` on use from a second thread, where libzmq would abort or
/// corrupt memory. Only `peers`, `counts` and `pending` may be read from any thread.
///
/// Send and receive wait on the socket, the deadline and the stop token of its options together; they never
/// throw for a timeout, a stop or a closed context. Closing never blocks: what was accepted goes out for as
/// long as `linger` says.
class socket {
public:
    /// A multipart message: one to many frames that are delivered together or not at all.
    using parts = std::vector<message>;

    /// @throws leat::error: `bad_option`; `closed` when the context is closing; `no_resources`.
    socket(context& ctx, role what, socket_options options = {});
    ~socket();
    socket(socket&&) noexcept;
    socket& operator=(socket&&) noexcept;

    /// Takes the endpoint and returns the one really bound, with the port or path that the system picked.
    /// @throws leat::error: `insecure_bind` for TCP beyond loopback without CURVE or `insecure`;
    /// `bind_failed`.
    endpoint bind(const endpoint& at);

    /// Starts to connect, and to connect again whenever the connection is lost. Does not wait for it: see
    /// `wait_connected`.
    /// @throws leat::error: `bad_endpoint` for a wildcard; `connect_failed`.
    void connect(const endpoint& to);

    /// Stops listening, or parts from a peer (what was accepted for it is dropped after the linger). libzmq
    /// 4.3.4 also cuts the connections that came in over an unbound TCP endpoint, with what is on its way.
    /// @throws leat::error (`bad_endpoint`) when the socket has no such endpoint.
    void unbind(const endpoint& at);
    void disconnect(const endpoint& from);

    /// Sends one frame as a whole message. On `ok` the message is libzmq's and `m` is empty; on anything else
    /// it is untouched. `messages` is how many messages the frame holds, for the counters: a batch is
    /// several.
    [[nodiscard]] status send(message& m, deadline until, std::uint32_t messages = 1);

    /// Sends all parts as one message, whole or not at all: on anything but `ok` they are untouched, also
    /// when the peer was lost between two of them. A ROUTER's first part is the routing id; an id that is not
    /// connected gives `no_peer`.
    [[nodiscard]] status send(parts& all, deadline until);

    /// Receives one frame. The frames of a multipart message come one by one, with `more` on all but the
    /// last, and count as a message each.
    [[nodiscard]] status receive(message& m, deadline until);

    /// Receives one whole message into `all`, whose old content is dropped.
    [[nodiscard]] status receive(parts& all, deadline until);

    /// Receives one whole message into the first of `frames`, at least one, their sizes into `sizes`, which
    /// has as many, and sets `count` to how many it had; those that find no place are dropped. The frames
    /// beyond keep what they held. The fastest for messages of a few frames.
    [[nodiscard]] status receive(std::span<message> frames, std::span<std::size_t> sizes, std::size_t& count,
                                 deadline until);

    /// Waits until a receive, or a send, would not wait.
    [[nodiscard]] status wait_readable(deadline until);
    [[nodiscard]] status wait_writable(deadline until);

    /// Waits until everything that was accepted is handed to the kernel, to within 61 small frames. Over
    /// inproc there is nothing to wait for.
    [[nodiscard]] status wait_sent(deadline until);

    /// Adds to and takes from what a SUB socket receives: everything that begins with `prefix`.
    /// @throws leat::error: `bad_option` for another kind of socket; `closed`.
    void subscribe(std::string_view prefix);
    void unsubscribe(std::string_view prefix);

    /// Waits until `n` peers are connected, their handshakes done. Needs `monitor` in the options.
    [[nodiscard]] status wait_connected(std::size_t n, deadline until) const;

    /// Who is connected, and the events of the connections.
    [[nodiscard]] monitor& peers() const noexcept;
    [[nodiscard]] metrics& counts() const noexcept;

    /// Messages accepted and not yet handed to the kernel, to within 61 small frames; 0 once all are.
    [[nodiscard]] std::uint64_t pending() const noexcept;

    /// Makes the next thread that uses it the owner. The caller orders the two threads' uses, with a mutex
    /// for instance.
    void hand_over() noexcept;

    /// Ends it, as the destructor does. Later calls return `status::closed`.
    void close() noexcept;

    [[nodiscard]] const socket_options& options() const noexcept;
    [[nodiscard]] role what() const noexcept;

    /// "push tcp://127.0.0.1:5555": for messages.
    [[nodiscard]] std::string name() const;

    /// libzmq's socket, for calls that leat does not wrap; null once closed. Under the same rule of one
    /// owner.
    [[nodiscard]] void* handle() const noexcept;

    /// The descriptor that poll(2) is to watch for it (ZMQ_FD), until it is closed. It becomes readable when
    /// something may have changed; each call on the socket may use that up, so look at the socket itself
    /// before each wait.
    [[nodiscard]] int event_fd() const noexcept;

private:
    struct state;
    std::unique_ptr<state> state_;
};

}  // namespace leat
