#pragma once

#include <leat/queue/queue_types.hpp>

#include <array>
#include <cstdint>

namespace leat {

/// What has happened in a queue since it was made. Each message that was admitted is in exactly one of the
/// places that I1 of the rules adds up.
struct queue_counts {
    std::uint64_t admitted = 0;   ///< Messages given a seq, redriven ones included.
    std::uint64_t confirmed = 0;  ///< Puts answered as stored.
    std::uint64_t acked = 0;      ///< Gone after an ack.
    std::uint64_t late_acks = 0;  ///< Of these, honoured after the delivery had ended by a loss (row 11).
    std::uint64_t released = 0;
    std::uint64_t retried = 0;
    std::uint64_t rejected = 0;
    std::uint64_t lost = 0;       ///< Deliveries that ended by loss.
    std::uint64_t lost_sole = 0;  ///< Of these, while the holder held nothing else: an attempt each.
    std::uint64_t stale = 0;      ///< Outcomes that changed nothing (row 22).
    std::uint64_t deliveries = 0;
    std::uint64_t expired = 0;    ///< Gone, ttl passed.
    std::uint64_t overflow = 0;   ///< Gone under drop_oldest.
    std::uint64_t purged = 0;     ///< Gone by purge.
    std::uint64_t discarded = 0;  ///< Would be dead, but the queue keeps no dead letters.
    std::array<std::uint64_t, deaths> dead = {};
    std::uint64_t dead_dropped = 0;  ///< Letters gone because there were too many.
    std::uint64_t redriven = 0;      ///< Letters sent back.
    std::uint64_t failed = 0;        ///< Admitted, but the commit failed.
    std::uint64_t repeated = 0;      ///< Puts sent again by their producer.
    std::uint64_t same_id = 0;       ///< Puts whose id was stored before, or is about to be.
    std::array<std::uint64_t, put_refusals> refused = {};
    std::uint64_t evicted_ids = 0;  ///< Forgotten before the dedup window ended.
    std::uint64_t evicted_producers = 0;
    std::uint64_t possible_duplicates = 0;  ///< Producers that came back and were not known any more.

    [[nodiscard]] std::uint64_t dead_sum() const noexcept {
        std::uint64_t sum = 0;
        for (const auto n : dead) sum += n;
        return sum;
    }
    [[nodiscard]] std::uint64_t refused_sum() const noexcept {
        std::uint64_t sum = 0;
        for (const auto n : refused) sum += n;
        return sum;
    }
    friend bool operator==(const queue_counts&, const queue_counts&) = default;
};

/// What is in a queue now, by state.
struct queue_depth {
    std::uint64_t pending = 0;
    std::uint64_t delayed = 0;
    std::uint64_t ready = 0;
    std::uint64_t waiting = 0;  ///< Behind the first of their key.
    std::uint64_t in_flight = 0;
    std::uint64_t settled = 0;  ///< Acked, not committed yet.
    std::uint64_t doomed = 0;   ///< Should be dead, but the dead letters are full.
    std::uint64_t bytes = 0;    ///< Of all but settled ones, as the limits count them.
    std::uint64_t parked = 0;   ///< Puts that wait for room; not admitted yet.

    /// Messages that the limits count.
    [[nodiscard]] std::uint64_t live() const noexcept {
        return pending + delayed + ready + waiting + in_flight + doomed;
    }
    friend bool operator==(const queue_depth&, const queue_depth&) = default;
};

}  // namespace leat
