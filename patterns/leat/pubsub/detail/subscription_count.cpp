#include <leat/pubsub/detail/subscription_count.hpp>

#include <leat/pubsub/topic.hpp>

namespace leat::detail {

void subscription_count::add(std::string_view prefix) {
    if (prefix.size() > longest_topic) return;  // covers no topic
    if (const auto found = times_.find(prefix); found != times_.end()) {
        ++found->second;
    } else if (times_.size() < most) {
        times_.emplace(prefix, 1);
    }
}

void subscription_count::remove(std::string_view prefix) {
    const auto found = times_.find(prefix);
    if (found != times_.end() && --found->second == 0) times_.erase(found);
}

std::size_t subscription_count::covering(std::string_view topic) const {
    std::size_t all = 0;
    for (std::size_t size = 0; size <= topic.size(); ++size) {
        const auto found = times_.find(topic.substr(0, size));
        if (found != times_.end()) all += found->second;
    }
    return all;
}

}  // namespace leat::detail
