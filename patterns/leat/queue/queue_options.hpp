#pragma once

#include <leat/endpoint.hpp>
#include <leat/options.hpp>
#include <leat/queue/queue_rules.hpp>

#include <string>

namespace leat {

struct queue_options {
    std::string name = {};  ///< 1 to 255 bytes; unique on its endpoint.

    /// Where clients find it. Queues of one context may share an endpoint; the first one's `socket` counts.
    std::string bind = {};

    /// A directory to keep it in, on a local disk, made when it is not there; one queue a directory. Empty:
    /// the queue is in memory.
    std::string path = {};
    queue_rules rules = {};
    socket_options socket = {};

    /// @throws leat::error: `bad_option`, `bad_endpoint`
    void check() const;
};

}  // namespace leat
