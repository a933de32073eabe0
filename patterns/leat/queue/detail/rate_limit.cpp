#include <leat/queue/detail/rate_limit.hpp>

#include <algorithm>

namespace leat::detail {

double rate_limit::filled(const bucket& b, queueing::ticks now) const noexcept {
    return std::min(burst_, b.tokens + per_second_ * static_cast<double>(now - b.at) / 1e9);
}

bool rate_limit::take(std::string_view who, queueing::ticks now) {
    auto found = buckets_.find(std::string{who});
    if (found == buckets_.end()) {
        if (buckets_.size() >= most_names_) return false;
        found = buckets_.emplace(who, bucket{burst_, now}).first;
    }
    auto& b = found->second;
    b = {filled(b, now), now};
    if (b.tokens < 1) return false;
    b.tokens -= 1;
    return true;
}

void rate_limit::sweep(queueing::ticks now) {
    std::erase_if(buckets_, [&](const auto& one) { return filled(one.second, now) >= burst_; });
}

}  // namespace leat::detail
