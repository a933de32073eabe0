#pragma once

#include <leat/queue/queue_types.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace leat {

/// A message that the queue has given up (X4).
struct dead_letter {
    std::uint64_t seq = 0;  ///< Among the dead letters, the oldest first.
    message_origin origin = {};
    death why = death::rejected;
    std::string text = {};  ///< Of the consumer that rejected it.
    int attempts = 0;
    int losses = 0;
    int deliveries = 0;
    int redrives = 0;  ///< How often it was sent back before.
    std::chrono::system_clock::time_point put_at = {}, died_at = {};
    std::optional<std::chrono::system_clock::time_point> delivered_at = {};  ///< First; nothing: never.
    id128 last_consumer = {};                                                ///< Who had it last.
    put_options attributes = {};
    std::string body = {};
};

/// Which dead letters: those that meet all that is set.
struct letter_selection {
    std::optional<death> why = {};
    std::optional<std::string> key = {};
    std::optional<std::chrono::nanoseconds> older_than = {};  ///< Dead for at least so long.
    std::vector<std::uint64_t> seqs = {};                     ///< At most 10,000; none: all.
    std::uint64_t after = 0;                                  ///< With a higher `seq`.
};

struct redrive_report {
    std::uint64_t moved = 0;  ///< Sent back.
    std::uint64_t left = 0;   ///< Selected too, and still there.
};

/// A message that nobody has and that may be handed out.
struct waiting_message {
    std::uint64_t seq = 0;
    std::chrono::system_clock::time_point since = {};  ///< When it could first be taken.
    int attempts = 0;                                  ///< Charged so far.
    put_options attributes = {};
    std::string body = {};
};

}  // namespace leat
