#pragma once

#include <leat/endpoint.hpp>
#include <leat/options.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace leat {

/// What a relay joins, written from where messages come from to where they go.
enum class relay_kind {
    streamer,  ///< PULL to PUSH: many senders meet many receivers, each message goes to one.
    pubsub,    ///< XSUB to XPUB: publications go on to who wants them, subscriptions travel the other way.
    reqrep,    ///< ROUTER to DEALER: requests go to one of the servers, replies back to who asked.
};

[[nodiscard]] constexpr std::string_view to_string(relay_kind kind) noexcept {
    switch (kind) {
        case relay_kind::streamer:
            return "streamer";
        case relay_kind::pubsub:
            return "pubsub";
        case relay_kind::reqrep:
            return "reqrep";
    }
    return "unknown";
}

/// What a relay joins and how.
struct relay_options {
    /// One of the relay's sockets: any number of endpoints to bind and to connect.
    struct side {
        endpoints bind{};
        endpoints connect{};
        socket_options socket{};  ///< Its `stop` is not used; a relay stops by the token of `run`.

        [[nodiscard]] bool empty() const noexcept { return bind.empty() && connect.empty(); }
    };

    /// For reports. By default the kind.
    std::string name{};

    relay_kind kind = relay_kind::streamer;

    side in{};   ///< Where messages come from: PULL, XSUB or ROUTER.
    side out{};  ///< Where they go: PUSH, XPUB or DEALER.

    /// A PUSH socket that is handed a copy of each message, publication, request and reply. A copy that it
    /// cannot take at once is dropped and counted; it never delays the relay. Without endpoints there is
    /// none.
    side capture{};

    /// Streamers only: messages of one frame that wait together are joined into frames of up to so many
    /// bytes. For bodies that may follow each other, as leat's do: a frame is one or more msgpack objects
    /// back to back, and nothing is decoded. A message that waits alone or is larger than half of it goes on
    /// as it is, a multipart message always does. Nothing waits to be joined. 0 = off; otherwise 64 to
    /// `out.socket.max_message`.
    std::size_t coalesce = 0;

    /// How long a relay that is asked to stop goes on moving what it has. 0 to an hour.
    std::chrono::milliseconds drain = std::chrono::seconds{1};

    /// @throws leat::error saying what is wrong and what would be right: `bad_option`, or `insecure_bind` for
    /// a TCP bind beyond loopback without CURVE or `insecure`.
    void check() const;
};

}  // namespace leat
