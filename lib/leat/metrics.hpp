#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace leat {

/// A number that one thread at a time adds to, without locks, and any thread reads.
class counter {
public:
    void add(std::uint64_t n = 1) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }

    [[nodiscard]] std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

/// Why a message that was accepted will not arrive.
enum class drop_reason : std::uint8_t {
    linger,       ///< No peer took it before the linger of its closed socket ended.
    undecodable,  ///< A frame (a batch counts as one) that is not what the receiver's type says.
    capture,      ///< A copy for a capture socket whose peer was absent or full.
    peer_gone,    ///< A reply for a peer that has left.
    peer_full,    ///< A reply for a peer that does not read.
    shutdown,     ///< Still unsent when a relay's time to drain ran out.
};
inline constexpr std::size_t drop_reasons = 6;

[[nodiscard]] constexpr std::string_view to_string(drop_reason reason) noexcept {
    constexpr std::array<std::string_view, drop_reasons> names{"linger",    "undecodable", "capture",
                                                               "peer_gone", "peer_full",   "shutdown"};
    return names[static_cast<std::size_t>(reason)];
}

/// What a socket and the pattern on top of it have counted since they were made.
///
/// Each counter is written by one thread at a time (the owner's, or the context's loop for connections) and
/// may be read from any thread at any time; two counters read one after the other are not one snapshot.
struct metrics {
    static constexpr std::size_t decode_reasons = 8;  ///< As many as `leat::decode_error` has values.

    counter messages_sent;
    counter bytes_sent;  ///< Frame bodies.
    counter batches_sent;
    counter messages_received;
    counter bytes_received;
    counter batches_received;
    counter would_blocks;  ///< Sends that found no room at first.

    counter connects;
    counter disconnects;
    counter retries;
    counter handshake_failures;

    std::array<counter, drop_reasons> drops;
    std::array<counter, decode_reasons> decode_errors;  ///< Frames, by `leat::decode_error`.

    void drop(drop_reason reason, std::uint64_t n = 1) noexcept {
        drops[static_cast<std::size_t>(reason)].add(n);
    }
    [[nodiscard]] std::uint64_t dropped(drop_reason reason) const noexcept {
        return drops[static_cast<std::size_t>(reason)].value();
    }
};

}  // namespace leat
