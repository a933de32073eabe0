#pragma once

#include <leat/codec.hpp>
#include <leat/endpoint.hpp>
#include <leat/options.hpp>

#include <stop_token>

namespace leat {

struct pull_options {
    endpoints bind = {};     ///< Where peers connect to. May be several, and beside `connect`.
    endpoints connect = {};  ///< Where to connect to.
    decode_limits limits = {};
    std::stop_token stop = {};  ///< Ends waiting calls with `status::stopped`.
    socket_options socket = {};
};

}  // namespace leat
