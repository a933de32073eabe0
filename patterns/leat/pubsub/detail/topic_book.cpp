#include <leat/pubsub/detail/topic_book.hpp>

#include <leat/pubsub/topic.hpp>

#include <algorithm>
#include <utility>

namespace leat::detail {

published_topic* topic_book::find(std::string_view topic) {
    if (latest_ != nullptr && latest_->text == topic) return latest_;
    if (const auto found = topics_.find(topic); found != topics_.end()) return latest_ = &found->second;
    check_topic(topic, separator_);
    if (topics_.size() >= most_) return nullptr;
    const auto made = topics_.try_emplace(std::string{topic}, topic).first;
    latest_ = &made->second;
    latest_->text = made->first;
    latest_->numbered = true;
    return latest_;
}

void topic_book::keep(published_topic& topic, message&& value) {
    topic.last_value = std::move(value);
    if (topic.stamp != 0) {
        kept_[topic.place].topic = nullptr;
    } else if (values_ == most_values_) {
        forget_oldest();
    } else {
        ++values_;
    }
    constexpr std::size_t some = 64;
    if (kept_.size() >= 2 * values_ + some) compact();
    topic.stamp = ++last_stamp_;
    topic.place = kept_.size();
    kept_.push_back({topic.stamp, &topic});
}

std::span<const topic_book::kept> topic_book::kept_after(std::uint64_t stamp) const noexcept {
    const auto from = std::upper_bound(kept_.begin(), kept_.end(), stamp,
                                       [](std::uint64_t at, const kept& one) { return at < one.stamp; });
    return {from, kept_.end()};
}

void topic_book::forget_oldest() {
    while (kept_[oldest_].topic == nullptr) ++oldest_;
    auto& oldest = *std::exchange(kept_[oldest_].topic, nullptr);
    oldest.last_value = {};
    oldest.stamp = 0;
}

void topic_book::compact() {
    std::erase_if(kept_, [](const kept& one) { return one.topic == nullptr; });
    for (std::size_t i = 0; i < kept_.size(); ++i) kept_[i].topic->place = i;
    oldest_ = 0;
}

}  // namespace leat::detail
