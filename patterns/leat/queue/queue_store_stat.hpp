#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace leat {

/// Counts numbers in buckets, each as wide as all before it together: 0, 1, 2 to 3, 4 to 7 and so on; the
/// last one has all from 2^31.
struct queue_histogram {
    static constexpr std::size_t size = 33;

    std::array<std::uint64_t, size> buckets = {};
    std::uint64_t sum = 0;  ///< Of the numbers.

    void add(std::uint64_t n) noexcept {
        ++buckets[std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(n)), size - 1)];
        sum += n;
    }

    /// The largest number that belongs to a bucket; of the last one, which has no largest, as if it had.
    [[nodiscard]] static constexpr std::uint64_t upto(std::size_t bucket) noexcept {
        return (std::uint64_t{1} << bucket) - 1;
    }
    [[nodiscard]] std::uint64_t count() const noexcept {
        std::uint64_t all = 0;
        for (const auto n : buckets) all += n;
        return all;
    }
    /// What the fraction `q`, 0 to 1, of the numbers did not exceed, rounded up to the end of its bucket; 0
    /// for none.
    [[nodiscard]] std::uint64_t quantile(double q) const noexcept {
        const auto all = count();
        if (all == 0) return 0;
        const auto wanted = static_cast<std::uint64_t>(q * static_cast<double>(all - 1)) + 1;
        std::uint64_t seen = 0;
        std::size_t i = 0;
        while (i + 1 < size && (seen += buckets[i]) < wanted) ++i;
        return upto(i);
    }
    friend bool operator==(const queue_histogram&, const queue_histogram&) = default;
};

/// The store of a queue on disk, with its dead letters, in this opening.
struct queue_store_stat {
    std::uint64_t commits = 0;         ///< That are on disk.
    std::uint64_t failed_commits = 0;  ///< Their puts were refused; their outcomes went with a later one.
    bool failing = false;  ///< Puts are refused: the disk is full, or writing or syncing has failed.

    queue_histogram commit_us =
        {};                        ///< From when a commit was handed over until it was synced, microseconds.
    queue_histogram sync_us = {};  ///< Of these, writing it out and syncing it.
    queue_histogram commit_bytes = {};            ///< Rows that it wrote: records, and what else had changed.
    std::chrono::milliseconds since_commit = {};  ///< Since the last one that is on disk.

    std::uint64_t file_bytes = 0;  ///< That the tables' file takes of the disk, allocated ones included.
    std::uint64_t reserve_bytes =
        0;  ///< Of these, free: what can be written before the disk is asked for more.
    std::uint64_t live_bytes =
        0;  ///< Bodies and attributes of messages and dead letters that have not ended.
    /// What their tables take beyond that: messages that have ended beside others that have not, and
    /// overhead.
    std::uint64_t dead_bytes = 0;

    friend bool operator==(const queue_store_stat&, const queue_store_stat&) = default;
};

}  // namespace leat
