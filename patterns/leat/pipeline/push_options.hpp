#pragma once

#include <leat/batching.hpp>
#include <leat/endpoint.hpp>
#include <leat/options.hpp>

#include <stop_token>

namespace leat {

struct push_options {
    endpoints bind = {};  ///< Where peers connect to. May be several, and beside `connect`.
    endpoints connect =
        {};  ///< Where to connect to. A message goes to one of the peers, in turn among those with room.
    batching batch = {};
    std::stop_token stop = {};  ///< Ends waiting calls with `status::stopped`.
    socket_options socket = {};
};

}  // namespace leat
