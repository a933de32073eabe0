#pragma once

#include <leat/codec.hpp>
#include <leat/endpoint.hpp>
#include <leat/options.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

namespace leat {

/// When a call is tried again, always inside its one deadline.
struct retry_policy {
    /// How many servers are asked in all, the first one included. 1-100. A server that refused the request
    /// because it is stopping has not handled it, so any call goes on to another one; what was lost with a
    /// server is tried again only if it is idempotent.
    unsigned attempts = 3;

    /// Also try again when a server answers `reply_code::overloaded`.
    bool overloaded = false;

    /// The pause before another try of a server that refused, doubled each time up to the cap; half of it is
    /// random, so that callers do not come back together. After a lost server there is none.
    std::chrono::milliseconds first{20};
    std::chrono::milliseconds cap{1000};
};

/// What one call asks for beside its deadline.
struct call_options {
    /// Handling the request twice does no harm: a server that is lost fails over to another one.
    bool idempotent = false;

    retry_policy retry = {};

    /// Ask a second server when the first has not answered by then; the first answer wins and the other call
    /// is cancelled. For idempotent calls only. 0 = never.
    std::chrono::milliseconds hedge_after{0};

    /// Cancels the call.
    std::stop_token stop = {};
};

/// How a requester (or a client) works. The socket's own bounds follow from `max_in_flight`.
struct request_options {
    endpoints connect = {};  ///< The servers, each with a connection of its own.
    endpoints bind = {};     ///< Where servers connect to: `reply_options::join`.

    std::string method = {};  ///< The service's method; empty for a replier, or a plain REP.

    /// The servers are plain REP sockets: no headers are expected of them, no signs of life, and no cancels
    /// are sent. Such a server handles one request at a time and cannot refuse any.
    bool plain = false;

    /// Open calls at a time. One more ends as `busy`. 1 to 1,000,000.
    std::size_t max_in_flight = 10'000;

    /// A leat server that works on a call says so each interval; a call of which nothing was heard for three
    /// of them counts as lost, also behind relays. 10 ms to an hour, 0 = wait for the deadline.
    std::chrono::milliseconds heartbeat{1000};

    decode_limits limits = {};
    std::stop_token stop = {};  ///< Cancels all calls, and those made later.
    socket_options socket = {};

    /// @throws leat::error (`errc::bad_option`)
    void check() const;
};

}  // namespace leat
