#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace leat::detail {

/// Counts durations in buckets that grow with them: eight to each power of two, so that a quantile is exact
/// to an eighth. The idea is HdrHistogram's (Tene). Fixed size; any thread may add, without locks.
class latency_histogram {
public:
    void add(std::chrono::nanoseconds time) noexcept {
        buckets_[bucket_of(static_cast<std::uint64_t>(time.count() > 0 ? time.count() : 0))].fetch_add(
            1, std::memory_order_relaxed);
    }

    [[nodiscard]] std::uint64_t count() const noexcept {
        std::uint64_t sum = 0;
        for (const auto& one : buckets_) sum += one.load(std::memory_order_relaxed);
        return sum;
    }

    /// The time that the fraction `q` of those added did not exceed, rounded up to its bucket's end; 0 for
    /// none.
    [[nodiscard]] std::chrono::nanoseconds quantile(double q) const noexcept {
        const auto all = count();
        if (all == 0) return {};
        const auto wanted = static_cast<std::uint64_t>(q * static_cast<double>(all - 1)) + 1;
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < size; ++i) {
            seen += buckets_[i].load(std::memory_order_relaxed);
            if (seen >= wanted) return std::chrono::nanoseconds{static_cast<std::int64_t>(last_of(i))};
        }
        return {};
    }

private:
    static constexpr unsigned sub_bits = 3;  // 2^3 buckets to a power of two
    static constexpr unsigned longest = 48;  // 2^48 ns: 78 hours
    static constexpr std::size_t size = (longest - sub_bits + 1) << sub_bits;

    static std::size_t bucket_of(std::uint64_t ns) noexcept {
        if (ns < (1u << sub_bits)) return static_cast<std::size_t>(ns);
        if (ns >> longest != 0) return size - 1;
        const auto exponent = static_cast<unsigned>(std::bit_width(ns)) - 1 - sub_bits;
        return (static_cast<std::size_t>(exponent + 1) << sub_bits) +
               ((ns >> exponent) & ((1u << sub_bits) - 1));
    }

    /// The largest duration of that bucket.
    static std::uint64_t last_of(std::size_t bucket) noexcept {
        if (bucket < (1u << sub_bits)) return bucket;
        const auto exponent = (bucket >> sub_bits) - 1;
        const auto mantissa = (bucket & ((1u << sub_bits) - 1)) + (1u << sub_bits);
        return ((mantissa + 1) << exponent) - 1;
    }

    std::array<std::atomic<std::uint64_t>, size> buckets_{};
};

}  // namespace leat::detail
