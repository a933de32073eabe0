#pragma once

#include <leat/deadline.hpp>
#include <leat/options.hpp>
#include <leat/queue/queue_types.hpp>

#include <chrono>
#include <cstddef>
#include <string>

namespace leat {

struct producer_options {
    std::string queue = {};  ///< Its name, 1 to 255 bytes.

    /// Puts without a verdict, and their bytes, that the producer holds at the most: a `put` beyond waits.
    std::size_t max_unconfirmed = 65'536;
    std::size_t max_bytes = 16u << 20;

    /// A frame is full with so many messages (at most 65,536), or so many bytes (at most 1 MiB). While frames
    /// are under way that are not confirmed, messages gather for the next one; else each is sent at once.
    std::size_t batch_messages = 1000;
    std::size_t batch_bytes = 64u << 10;

    /// A put that is refused for now (`full`, `paused`, ...) is put again, before all that was put after it.
    /// Else it comes back to the caller, and later ones may be stored before it is put again.
    bool in_order = false;

    /// The name under which a transfer or a stage of a pipeline marks what it puts, at most 255 bytes; its
    /// repeats are known by it.
    std::string stage = {};

    /// How long the destructor waits for the verdicts that are missing.
    std::chrono::milliseconds linger = std::chrono::seconds{1};

    socket_options socket = {};

    /// @throws leat::error (`errc::bad_option`)
    void check() const;
};

}  // namespace leat
