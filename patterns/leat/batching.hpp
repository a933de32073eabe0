#pragma once

#include <chrono>
#include <cstddef>

namespace leat {

/// Puts several messages into one frame: what makes small messages fast.
struct batching {
    /// A frame is sent once it holds so many bytes. 0: each message has a frame of its own. At most
    /// `max_message` of the receiver, 16 MiB by default.
    std::size_t bytes = 0;

    /// A frame that is not full yet is sent when its first message has waited so long. More than 0, at most a
    /// minute.
    std::chrono::microseconds delay{1000};
};

/// A frame size at which batching has nearly all of its gain.
inline constexpr std::size_t full_batch = 64u << 10;

}  // namespace leat
