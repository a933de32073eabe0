#pragma once

#include <cstdint>
#include <string>

namespace leat {

/// What a relay has done and what it left behind, once it has ended.
struct relay_report {
    enum class ending {
        stopped,  ///< By its stop token.
        closed,   ///< With its context, without draining.
        failed,   ///< By an error: `failure` has its text.
    };

    std::string name;
    ending ended = ending::stopped;
    std::string failure;

    std::uint64_t moved = 0;     ///< Messages, publications or requests passed on.
    std::uint64_t returned = 0;  ///< Replies, or subscriptions, passed back.
    std::uint64_t left =
        0;  ///< Taken from a peer or waiting to be, and not passed on when the time to drain ran out.
    std::uint64_t unsent = 0;  ///< Passed on and not handed to the system yet, to within 61 small frames; it
                               ///< goes out in the out socket's linger if a peer takes it.
    std::uint64_t peer_gone = 0;  ///< Replies dropped since who asked had left.
    std::uint64_t peer_full = 0;  ///< Replies dropped since who asked does not read.
    std::uint64_t capture_dropped = 0;

    /// True when nothing was left behind.
    [[nodiscard]] bool complete() const noexcept {
        return ended == ending::stopped && left == 0 && unsent == 0;
    }

    /// One line for people: "orders: stopped; 4100 moved, 3 left, 17 unsent".
    [[nodiscard]] std::string text() const;
};

}  // namespace leat
