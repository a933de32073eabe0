#pragma once

#include <leat/queue/queue_store_stat.hpp>
#include <leat/queue/queue_types.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

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
    std::uint64_t redelivered = 0;  ///< Of these, of messages that had been delivered before.
    std::uint64_t expired = 0;      ///< Gone, ttl passed.
    std::uint64_t overflow = 0;     ///< Gone under drop_oldest.
    std::uint64_t purged = 0;       ///< Gone by purge.
    std::uint64_t discarded = 0;    ///< Would be dead, but the queue keeps no dead letters.
    std::array<std::uint64_t, deaths> dead = {};
    std::uint64_t dead_dropped = 0;  ///< Letters gone because there were too many.
    std::uint64_t redriven = 0;      ///< Letters sent back.
    std::uint64_t failed = 0;        ///< Admitted, but the commit failed.
    std::uint64_t repeated = 0;      ///< Puts sent again by their producer.
    std::uint64_t same_id = 0;       ///< Puts whose id was stored before, or is about to be.
    std::uint64_t same_mark = 0;     ///< Puts of transfers and stages that were stored before.
    std::array<std::uint64_t, put_refusals> refused = {};
    std::uint64_t evicted_ids = 0;  ///< Forgotten before the dedup window ended.
    std::uint64_t evicted_producers = 0;
    std::uint64_t possible_duplicates = 0;  ///< Producers that came back and were not known any more.
    std::uint64_t rolled_back = 0;          ///< Producers with confirms that the queue does not know of (U3).

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

/// Frames and what was in them: how well clients, and the queue, batch.
struct queue_batches {
    std::uint64_t frames = 0;
    std::uint64_t messages = 0;
    std::uint64_t largest = 0;  ///< Messages of one frame.

    void add(std::uint64_t n) noexcept {
        ++frames;
        messages += n;
        if (n > largest) largest = n;
    }
    friend bool operator==(const queue_batches&, const queue_batches&) = default;
};

/// What has happened lately: in about the last ten seconds, or since the queue was made.
struct queue_recent {
    std::chrono::milliseconds within = {};
    std::uint64_t admitted = 0;
    std::uint64_t deliveries = 0;
    std::uint64_t acked = 0;

    /// `recent.per_second(recent.acked)`
    [[nodiscard]] double per_second(std::uint64_t n) const noexcept {
        return within.count() == 0 ? 0
                                   : 1000.0 * static_cast<double>(n) / static_cast<double>(within.count());
    }
    friend bool operator==(const queue_recent&, const queue_recent&) = default;
};

/// A key of which nothing is handed out, because its first message is in flight or between two attempts.
struct queue_held_key {
    std::string key = {};
    std::chrono::milliseconds age = {};  ///< Since that message could be taken first.
    std::uint64_t waiting = 0;           ///< Messages behind it.
    friend bool operator==(const queue_held_key&, const queue_held_key&) = default;
};

/// One consumer with a session, or that may still resume one.
struct queue_consumer {
    id128 id = {};
    bool standby = false;  ///< Of an exclusive queue that feeds another one.
    bool barred = false;   ///< Gets nothing until it has answered for leases that it let end.
    std::uint64_t in_flight = 0;
    std::uint64_t bytes = 0;            ///< In flight.
    std::uint64_t credit_messages = 0;  ///< It would take so many more now,
    std::uint64_t credit_bytes = 0;     ///< and so many bytes.
    friend bool operator==(const queue_consumer&, const queue_consumer&) = default;
};

/// What a queue is doing: `queue::stat` and `queue_admin::stat` give the same.
struct queue_stat {
    queue_counts counts = {};
    queue_depth depth = {};
    std::uint64_t producers = 0;  ///< Sessions now.
    std::uint64_t consumers = 0;
    bool puts_paused = false, takes_paused = false;
    bool stopped_by_dead_letters = false;  ///< They are full (row 20 of the rules).
    std::uint64_t bad_frames = 0;          ///< Of the endpoint: frames that were not taken, all reasons.
    std::uint64_t dead_letters = 0;        ///< Now.
    std::uint64_t dead_letter_bytes = 0;

    /// For how long the oldest message of each priority could have been taken; nothing where none is ready.
    std::array<std::optional<std::chrono::milliseconds>, 10> oldest = {};
    std::uint64_t keys = 0;                         ///< With messages.
    std::uint64_t keys_held = 0;                    ///< Of these.
    std::vector<queue_held_key> longest_held = {};  ///< Up to ten, of the first 10,000 keys.

    queue_recent recent = {};
    queue_batches put_batches = {}, delivery_batches = {}, settle_batches = {};
    std::chrono::milliseconds dedup_span = {};  ///< How far back message ids are remembered.
    std::vector<queue_consumer> each_consumer = {};
    std::optional<queue_store_stat> store = {};  ///< Of a queue on disk; its dead letters share it.
};

/// The numbers of it by the names that they have in STATUS on the wire; docs/protocol.md lists them.
[[nodiscard]] std::map<std::string, std::uint64_t> figures(const queue_stat& stat);

}  // namespace leat
