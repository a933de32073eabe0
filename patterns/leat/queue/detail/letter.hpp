#pragma once

#include <leat/queue/detail/record.hpp>
#include <leat/queue/detail/slab.hpp>
#include <leat/queue/queue_types.hpp>

#include <cstdint>
#include <string>

namespace leat::detail::queueing {

/// What a dead letter keeps beside its attributes and its body (X4).
struct letter {
    message_origin origin = {};
    death why = death::rejected;
    std::string text = {};  ///< Of a reject; cut at `longest_text`.
    std::uint16_t attempts = 0, losses = 0, deliveries = 0, redrives = 0;
    ticks put_at = 0, delivered_at = 0, died_at = 0;  ///< Queue time; `delivered_at` 0: never.
    id128 last_holder = {};
    id128 key = {};  ///< Hash of its key; zero without one.
    ticks ttl = 0;   ///< Its own, 0: none.
    std::uint8_t priority = 0;
    std::uint32_t entry = none;  ///< In the queue of dead letters; none while its move is not committed.
};

inline constexpr std::size_t longest_text = 1024;

}  // namespace leat::detail::queueing
