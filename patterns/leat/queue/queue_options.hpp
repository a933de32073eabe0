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

    std::string path = {};  ///< A directory to keep it in. Not there yet: a path is refused.
    queue_rules rules = {};
    socket_options socket = {};

    /// @throws leat::error: `bad_option`, `bad_endpoint`
    void check() const;
};

}  // namespace leat
