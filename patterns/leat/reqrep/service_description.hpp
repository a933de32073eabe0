#pragma once

#include <msgpack.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace leat {

/// What a service says of one of its methods. Times are from the moment a worker took the request to the
/// handler's end, in microseconds, exact to an eighth.
struct method_description {
    std::string name = {};
    std::uint64_t handled = 0;  ///< By its handler, to the end or to an exception.
    std::uint64_t threw = 0;    ///< Of those, with an exception.
    double p50_us = 0;
    double p90_us = 0;
    double p99_us = 0;
    MSGPACK_DEFINE_MAP(name, handled, threw, p50_us, p90_us, p99_us)
};

/// The reply of `leat.describe`, a method that each service has; its request is not looked at.
struct service_description {
    std::string name = {};
    std::uint64_t requests = 0;    ///< Taken, of all methods.
    std::uint64_t overloaded = 0;  ///< Refused for being too many.
    std::uint64_t open = 0;        ///< Taken and not answered now.
    std::vector<method_description> methods = {};
    MSGPACK_DEFINE_MAP(name, requests, overloaded, open, methods)
};

/// The name of that method.
inline constexpr const char* describe_method = "leat.describe";

}  // namespace leat
