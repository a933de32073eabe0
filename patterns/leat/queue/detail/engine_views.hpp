#pragma once

#include <leat/queue/detail/letter.hpp>
#include <leat/queue/detail/sink.hpp>
#include <leat/queue/detail/slab.hpp>
#include <leat/queue/detail/store.hpp>
#include <leat/queue/queue_types.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace leat::detail::queueing {

/// What a queue knows of itself when it opens.
struct opening {
    std::uint64_t number = 1;  ///< Of this opening.
    std::uint64_t salt = 0;    ///< Random, of this opening.
    id128 queue = {};          ///< The queue's own name.
    id128 hash_key = {};       ///< For keys and ids; secret, and kept as long as the ids are.
    ticks qt = 0;              ///< Queue time now (T1): nanoseconds of the wall clock, never back.
    ticks now = 0;             ///< The monotonic clock now.
    std::uint64_t next_seq = 1;
    std::uint64_t seed = 1;  ///< For jitter.

    /// Earlier openings whose messages may be there: the seq that came first, and the salt. Ascending.
    std::vector<std::pair<std::uint64_t, std::uint64_t>> earlier = {};
};

struct settle_result {
    std::uint64_t applied = 0, stale = 0;
    std::uint64_t number = 0;  ///< Of this call; `sink::committed` names it when all is on disk.
};

struct hello_result {
    std::uint32_t holder = none;     ///< none: too many sessions.
    bool standby = false;            ///< K7
    std::vector<number_range> gone;  ///< What it named and does not hold any more: mark as lost (W6).
};

struct producer_welcome {
    std::uint32_t producer = none;  ///< none: too many sessions.
    bool known = false;
    bool rolled_back = false;   ///< It has confirms for numbers that the queue does not know (U3).
    std::uint64_t decided = 0;  ///< All numbers up to here have their verdict: stored, unless refused below.
    std::vector<refused_range> refused = {};
};

/// Which letters; what is unset matches all.
struct letter_filter {
    std::optional<death> why = {};
    std::optional<std::string_view> key = {};
    std::optional<ticks> older_than = {};      ///< Died at this queue time or before.
    std::span<const std::uint64_t> seqs = {};  ///< Ascending; none: all.
    std::uint64_t after = 0;                   ///< Only those with a higher seq.
};

struct redrive_result {
    std::uint64_t moved = 0, left = 0;  ///< `left` match and are still there.
};

struct letter_view {
    std::uint64_t seq = 0;
    const letter* what = nullptr;
    std::span<const std::byte> head, body;
};

struct key_held {
    std::uint64_t seq = 0;            ///< Of the message that holds it.
    ticks since = 0;                  ///< Its place in queue time.
    std::uint64_t waiting = 0;        ///< Messages behind it.
    std::span<const std::byte> head;  ///< Its attributes, with the key.
};

/// A message that nobody has.
struct ready_view {
    std::uint64_t seq = 0;
    ticks ready_at = 0;
    std::uint32_t attempts = 0;
    std::uint8_t priority = 0;
    std::span<const std::byte> head, body;
};

/// What a consumer has and may get.
struct consumer_stat {
    id128 consumer = {};
    bool live = false, standby = false;
    bool barred = false;   ///< D3
    bool sole = false;     ///< Handles a suspect alone (D4).
    bool drained = false;  ///< Is being emptied to take a suspect (D4).
    std::uint32_t held = 0;
    std::uint64_t held_bytes = 0;
    std::uint64_t credit_messages = 0, credit_bytes = 0;  ///< Left.
};

}  // namespace leat::detail::queueing
