#pragma once

#include <leat/forwarder/detail/joiner.hpp>
#include <leat/forwarder/detail/mirror.hpp>

namespace leat::detail {

/// One direction of a relay: takes messages from one socket and gives them to the other, without waiting.
/// Holds the one that the other did not take, and takes no more until it has gone.
class flow {
public:
    struct rules {
        std::size_t coalesce = 0;  ///< As in `relay_options`.
        bool drops =
            false;  ///< Drops and counts what finds no room: replies, which must not hold up each other.
        bool mirrored = true;
    };

    flow(socket& from, socket& to, rules how, relay_metrics& all, relay_metrics::direction& counts,
         mirror& capture)
        : from_(from),
          to_(to),
          rules_(how),
          all_(all),
          counts_(counts),
          capture_(capture),
          joiner_(how.coalesce) {}

    /// Moves about `budget` messages, or fewer when one of the sockets has had enough. How many it has moved.
    std::size_t pump(std::size_t budget);

    /// When to pump again after it has moved nothing, given the sockets' ZMQ_EVENTS: after so many
    /// milliseconds (0: at once), or -1: when a socket has news.
    [[nodiscard]] int retry_after(int from_events, int to_events);

    [[nodiscard]] bool holds() const noexcept { return !hand_.empty(); }
    [[nodiscard]] bool closed() const noexcept { return closed_; }

    /// Counts and drops what is in hand and what can be received without waiting, until `until`.
    std::uint64_t discard(deadline until);

private:
    [[nodiscard]] status take();
    [[nodiscard]] status pass();

    socket& from_;
    socket& to_;
    rules rules_;
    relay_metrics& all_;
    relay_metrics::direction& counts_;
    mirror& capture_;
    joiner joiner_;
    parcel hand_;
    int tries_ = 0;  // of what is in hand
    bool closed_ = false;
};

}  // namespace leat::detail
