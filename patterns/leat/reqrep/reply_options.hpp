#pragma once

#include <leat/codec.hpp>
#include <leat/endpoint.hpp>
#include <leat/metrics.hpp>
#include <leat/options.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <string_view>

namespace leat {

/// How a replier (or a service) works.
struct reply_options {
    endpoints bind = {};     ///< Where requesters and relays connect to.
    endpoints connect = {};  ///< Relays to work for: their DEALER side.
    endpoints join = {};     ///< Requesters to work for, which have bound.

    unsigned workers = 1;  ///< Threads that run the handler. 1-256.

    /// Requests taken and not answered: waiting for a worker, with one, or kept by a responder. One more is
    /// answered `reply_code::overloaded` at once. 1 to 1,000,000.
    std::size_t max_open = 1024;

    /// How long the destructor waits for handlers and responders that have not answered. 0 to an hour.
    std::chrono::milliseconds stop_within = std::chrono::seconds{5};

    /// A request that came through a relay is refused as `stale` when, by the wall clocks of both hosts, its
    /// caller has given up so long ago: it may have waited in the relay for a server to come back.
    std::chrono::milliseconds max_clock_skew{250};

    /// How often it says that it is there to the requesters that it has joined, which miss it after three
    /// times that. 10 ms to an hour.
    std::chrono::milliseconds heartbeat{1000};

    /// Told what a handler has thrown, on the thread that ran it. Callers only learn that there was an
    /// internal error. By default the context's `on_warning` is told what() of it, as it is of what this
    /// throws.
    std::function<void(std::string_view method, std::exception_ptr thrown)> on_error = {};

    decode_limits limits = {};
    socket_options socket = {};

    /// @throws leat::error (`errc::bad_option`)
    void check() const;
};

/// What a replier has counted since it was made. Any thread.
struct reply_counts {
    counter requests;    ///< Taken, those of plain peers included.
    counter plain;       ///< Of those, from peers without leat's header.
    counter answered;    ///< With a reply.
    counter failed;      ///< With an error, those below included.
    counter overloaded;  ///< Refused: `max_open` were open.
    counter stale;       ///< Refused: the caller had given up, or the time was up before a worker was free.
    counter cancelled;   ///< By the caller, before the answer.
    counter peer_gone;   ///< Requests whose callers have left: there is no answer for them.
    counter peer_full;   ///< Answers for callers that do not read.
    counter
        malformed;  ///< Messages that are no request: dropped, or answered with an error where one can be.
    counter pings;
};

}  // namespace leat
