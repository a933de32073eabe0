#pragma once

#include <leat/queue/detail/record.hpp>
#include <leat/queue/queue_stat.hpp>

#include <array>
#include <cstddef>

namespace leat::detail {

/// What a queue's counts were in each of the last ten seconds in which it did anything.
class recent_counts {
public:
    /// To be called often; what comes within a second of the last sample is no other one.
    void look(queueing::ticks now, const queue_counts& counts);

    [[nodiscard]] queue_recent until(queueing::ticks now, const queue_counts& counts) const;

private:
    static constexpr std::size_t kept = 11;
    struct sample {
        queueing::ticks at = 0;
        std::uint64_t admitted = 0, deliveries = 0, acked = 0;
    };
    std::array<sample, kept> samples_;  ///< Around in a circle; `taken_` - 1 is the last one's number.
    std::size_t taken_ = 0;
};

}  // namespace leat::detail
