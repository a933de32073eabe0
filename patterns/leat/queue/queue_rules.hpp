#pragma once

#include <leat/queue/queue_types.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

namespace leat {

/// For `queue_rules::max_attempts`: a failing message is tried for ever, and its key waits for it.
inline constexpr std::uint32_t unlimited_attempts = std::numeric_limits<std::uint32_t>::max();

/// The rules of one queue. docs/queue.md says what each is for and why its default is what it is.
///
/// Durations are kept in nanoseconds; sizes are in bytes. A message counts with its attributes, its body and
/// 64 bytes.
struct queue_rules {
    using duration = std::chrono::nanoseconds;

    std::optional<leat::durability> durability = {};  ///< Unset: commit with a path, else memory.
    leat::queue_overflow overflow = leat::queue_overflow::block;
    bool exclusive = false;  ///< One consumer at a time; the others stand by (K7).

    std::uint64_t max_messages = 10'000'000;
    std::optional<std::uint64_t> max_bytes = {};  ///< Unset: 16 GiB on disk, 256 MiB in memory.
    std::uint64_t max_message = 1 << 20;          ///< Attributes and body of one message.
    std::size_t max_key = 255;
    std::size_t max_id = 255;
    std::size_t max_headers = 64;
    std::size_t max_header_bytes = 16 << 10;  ///< All headers of a message together.

    duration lease = std::chrono::seconds{30};  ///< A delivery comes back unless renewed in that time.
    duration session_timeout = std::chrono::seconds{10};  ///< A peer that is silent for so long is lost.
    duration max_hold = std::chrono::minutes{30};         ///< A consumer gives up a handler after that.

    std::uint32_t max_attempts = 5;
    backoff retry = {};

    std::optional<duration> ttl = {};  ///< Of every message; its own can only be shorter.
    leat::on_expiry on_expiry = leat::on_expiry::drop;

    bool dead_letters = true;
    std::uint64_t max_dead_messages = 100'000;
    std::uint64_t max_dead_bytes = std::uint64_t{1} << 30;
    leat::dead_full dead_full = leat::dead_full::stop;

    duration dedup_window = std::chrono::minutes{10};  ///< For message ids.
    std::uint64_t dedup_ids = 1'000'000;               ///< 0: ids are not looked at.
    duration producer_expiry = std::chrono::hours{24};
    std::uint64_t producer_rows = 100'000;  ///< Producers remembered that are not connected.

    duration interval = std::chrono::milliseconds{100};  ///< For durability::interval.
    duration outcome_delay =
        std::chrono::milliseconds{10};  ///< Outcomes are written after that at the latest.

    std::uint64_t max_in_flight = 100'000;
    std::uint64_t ingress_bytes = 64 << 20;  ///< Between socket and store, of all producers.
    std::uint32_t sessions = 4096;           ///< Consumers, and producers, of the queue.
    duration max_delay = std::chrono::hours{24 * 365};
    std::uint32_t max_hops = 16;
    duration close_deadline = std::chrono::seconds{5};

    /// These rules with what is unset filled in.
    [[nodiscard]] queue_rules resolved(bool on_disk) const;

    /// @throws leat::error (`errc::bad_option`) naming the first rule that is out of its range, and the
    /// range.
    void check() const;
};

}  // namespace leat
