#include <leat/queue/detail/recent_counts.hpp>

#include <algorithm>

namespace leat::detail {
namespace {

constexpr queueing::ticks second = 1'000'000'000;
constexpr queueing::ticks span = 10 * second;

}  // namespace

void recent_counts::look(queueing::ticks now, const queue_counts& counts) {
    if (taken_ > 0 && now - samples_[(taken_ - 1) % kept].at < second) return;
    samples_[taken_++ % kept] = {now, counts.admitted, counts.deliveries, counts.acked};
}

/// Since the youngest sample that is ten seconds old, or the oldest there is.
queue_recent recent_counts::until(queueing::ticks now, const queue_counts& counts) const {
    auto i = taken_ - 1;
    for (const auto oldest = taken_ - std::min(taken_, kept); i > oldest; --i) {
        if (now - samples_[i % kept].at >= span) break;
    }
    const auto& from = samples_[i % kept];
    return {.within = std::chrono::milliseconds{std::max<queueing::ticks>((now - from.at) / 1'000'000, 1)},
            .admitted = counts.admitted - from.admitted,
            .deliveries = counts.deliveries - from.deliveries,
            .acked = counts.acked - from.acked};
}

}  // namespace leat::detail
