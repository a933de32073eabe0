#pragma once

#include <leat/options.hpp>

#include <chrono>
#include <cstddef>
#include <stop_token>
#include <string>

namespace leat {

struct consumer_options {
    std::string queue = {};  ///< Its name, 1 to 255 bytes.

    /// Deliveries that the consumer has at the most, in its buffer and in handlers, and their bytes; one
    /// larger than `prefetch_bytes` comes alone. Few share the work evenly among consumers, many keep one
    /// fast.
    std::size_t prefetch = 256;
    std::size_t prefetch_bytes = 1u << 20;

    /// No user code looks at what it takes, as in a transfer: what is lost with it is charged to no message.
    bool pure = false;

    std::stop_token stop = {};  ///< Ends waiting calls, as `stop()` does.

    /// How long the destructor waits for deliveries that handlers still hold.
    std::chrono::milliseconds linger = std::chrono::seconds{1};

    socket_options socket = {};

    /// @throws leat::error (`errc::bad_option`)
    void check() const;
};

}  // namespace leat
