#pragma once

#include <leat/queue/detail/record.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

namespace leat::detail {

/// How often each of many may do something: a token bucket for each name. A name whose bucket is full takes
/// no memory.
class rate_limit {
public:
    /// `burst` at once, and `per_second` in the long run. Keeps `most_names` at most; who comes when there
    /// are as many may do nothing.
    rate_limit(double burst, double per_second, std::size_t most_names) noexcept
        : burst_(burst), per_second_(per_second), most_names_(most_names) {}

    /// True when `who` may do it once more.
    [[nodiscard]] bool take(std::string_view who, queueing::ticks now);

    /// Forgets those whose buckets are full again.
    void sweep(queueing::ticks now);

    [[nodiscard]] std::size_t names() const noexcept { return buckets_.size(); }

private:
    struct bucket {
        double tokens = 0;
        queueing::ticks at = 0;
    };
    [[nodiscard]] double filled(const bucket& b, queueing::ticks now) const noexcept;

    const double burst_, per_second_;
    const std::size_t most_names_;
    std::unordered_map<std::string, bucket> buckets_;
};

}  // namespace leat::detail
