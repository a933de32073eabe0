#pragma once

#include <leat/codec.hpp>
#include <leat/endpoint.hpp>
#include <leat/options.hpp>
#include <leat/pubsub/publication.hpp>
#include <leat/pubsub/topic.hpp>

#include <cstddef>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

namespace leat {

struct subscribe_options {
    endpoints connect = {};  ///< Publishers and relays to connect to.
    endpoints bind = {};     ///< Where publishers connect to. May be several, and beside `connect`.

    std::vector<std::string> patterns = {};  ///< What to receive; `subscriber::subscribe` adds more.

    /// Asks publishers for the last values that match the patterns; they come first. Of each leat publisher,
    /// also of one that comes later, and again after a lost connection; nothing comes twice.
    bool last_values = false;

    /// Called on the receiving thread, before the message that showed it. Must not throw.
    std::function<void(const gap&)> on_gap = {};
    std::function<void(const publisher_restart&)> on_restart = {};

    /// Pairs of a topic and a publisher whose numbers are followed; what is heard of least recently makes
    /// room. About 150 bytes each.
    std::size_t max_topics = 1'000'000;

    char separator = topic_separator;  ///< The publishers'.
    decode_limits limits = {};
    std::stop_token stop = {};  ///< Ends waiting calls with `status::stopped`.

    /// Its high-water mark for sending, that is for subscriptions, is always off: libzmq would cut them
    /// short.
    socket_options socket = {};
};

}  // namespace leat
