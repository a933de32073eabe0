#pragma once

#include <leat/batching.hpp>
#include <leat/endpoint.hpp>
#include <leat/options.hpp>
#include <leat/pubsub/topic.hpp>

#include <cstddef>
#include <stop_token>
#include <string>

namespace leat {

/// What becomes of a message when a subscriber reads more slowly than is published, and what waits for it is
/// at its bound.
enum class overflow {
    drop,   ///< That subscriber misses it, and reports the gap. libzmq gives the publisher no count of it.
    block,  ///< `publish` waits until all who want it have room, or its deadline: nobody gets it then.
};

struct publish_options {
    endpoints bind = {};  ///< Where subscribers and relays connect to. May be several, and beside `connect`.
    endpoints connect = {};  ///< Relays and subscribers to connect to.

    leat::overflow overflow = leat::overflow::drop;

    /// Keeps the last message of up to so many topics for subscribers that ask for them; the topic that was
    /// published to longest ago makes room. 0: keeps none.
    std::size_t last_values = 0;

    batching batch = {};

    /// What subscribers know it by after a restart; only a hash of it travels. By default the machine's name
    /// and the first endpoint of `bind`, or none when that has a `*` or is inproc.
    std::string name = {};

    /// Topics with numbered messages. Those of further topics carry no number, so nobody can tell when one is
    /// lost; `publisher::unnumbered` counts them. About 200 bytes each.
    std::size_t max_topics = 1'000'000;

    char separator = topic_separator;

    std::stop_token stop = {};  ///< Ends waiting calls with `status::stopped`.

    /// `send_bytes / 2` is what may wait for one subscriber, in frames of `frame_bytes`. `max_message` is of
    /// no account: what a subscriber sends is at most 8 KiB.
    socket_options socket = {};
};

}  // namespace leat
