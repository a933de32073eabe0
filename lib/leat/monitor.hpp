#pragma once

#include <leat/deadline.hpp>
#include <leat/metrics.hpp>
#include <leat/status.hpp>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

namespace leat {

/// Something that happened to a socket's connections.
struct connection_event {
    enum class kind { connected, disconnected, retrying, handshake_failed, accept_failed, bind_failed };

    kind what;
    std::string endpoint;  ///< The socket's own: what it bound or connects to.
    std::string
        peer;  ///< The other side's address (`ip:port`) on a socket that binds TCP, where it can be had.
    std::string reason;  ///< For the failures: libzmq's reason, or "closed before the handshake ended".
};

[[nodiscard]] std::string_view to_string(connection_event::kind kind) noexcept;

/// The connections of one socket: who is there now, and what has happened. Thread-safe.
///
/// A peer counts once its handshake succeeded. libzmq reports no events for inproc, so leat counts those
/// peers itself: they are connected while both sides' sockets are open. The events come over the context's
/// loop thread.
class monitor {
public:
    /// Events kept until `take`; the oldest go first.
    static constexpr std::size_t most_events = 1024;

    explicit monitor(std::shared_ptr<metrics> counts) : counts_(std::move(counts)) {}

    [[nodiscard]] std::size_t connected() const;

    /// Waits until at least `n` peers are connected at the same time.
    [[nodiscard]] status wait_connected(std::size_t n, deadline until,
                                        const std::stop_token& stop = {}) const;

    /// Waits until there is an event to take.
    [[nodiscard]] status wait_event(deadline until, const std::stop_token& stop = {}) const;

    /// The events since the last call, oldest first.
    [[nodiscard]] std::vector<connection_event> take();

    /// Calls `tell` after each event from now on; an empty function ends that. It runs on the thread that
    /// noticed the event, under locks of the context and of this object, so it may pass the news on
    /// (`loop::post`, `wake_up::raise`) and do nothing else.
    void on_event(std::function<void()> tell);

    /// Whether there are connections over ipc, and whether the kernel holds bytes for one of them that its
    /// peer has not read yet.
    [[nodiscard]] bool has_ipc() const;
    [[nodiscard]] bool ipc_unread() const;

    /// Feeds one event of libzmq's monitor protocol; called by the context's loop.
    void on_zmq_event(std::uint16_t event, std::uint32_t value, const std::string& endpoint);

    /// Counts an inproc peer in or out; called by the context.
    void on_inproc(bool joined, const std::string& endpoint);

    /// Ends all waits with `status::closed`: no events will come any more.
    void close();

private:
    struct connection {
        int fd;
        std::string peer;
        bool ready = false;
    };

    /// Waits until `come` is true, which it is asked under the lock.
    status wait(deadline until, const std::stop_token& stop, const std::function<bool()>& come) const;
    void on_disconnected(int fd, const std::string& endpoint);
    void record(connection_event event);

    const std::shared_ptr<metrics> counts_;
    mutable std::mutex mutex_;
    mutable std::condition_variable_any changed_;
    std::map<std::string, std::vector<connection>> by_endpoint_;  // in order of arrival
    std::set<std::string> failed_;  // endpoints whose failed handshake was reported, until they disconnect
    std::size_t ready_ = 0;
    std::deque<connection_event> events_;
    std::function<void()> tell_;
    bool closed_ = false;
};

}  // namespace leat
