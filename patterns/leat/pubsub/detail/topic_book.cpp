#include <leat/pubsub/detail/topic_book.hpp>

#include <leat/pubsub/topic.hpp>

namespace leat::detail {

published_topic* topic_book::find(std::string_view topic) {
    if (latest_ != nullptr && latest_->frame.text() == topic) return latest_;
    if (const auto found = topics_.find(topic); found != topics_.end()) return latest_ = &found->second;
    check_topic(topic, separator_);
    if (topics_.size() >= most_) return nullptr;
    latest_ = &topics_.try_emplace(std::string{topic}, topic).first->second;
    latest_->numbered = true;
    return latest_;
}

void topic_book::keep(published_topic& topic, message&& value) {
    topic.last_value = std::move(value);
    auto place = kept_.extract(topic.stamp);
    if (place.empty() && kept_.size() >= most_values_) {
        place = kept_.extract(kept_.begin());
        place.mapped()->last_value = {};
        place.mapped()->stamp = 0;
    }
    topic.stamp = ++last_stamp_;
    if (place.empty()) {
        kept_.emplace_hint(kept_.end(), topic.stamp, &topic);
        return;
    }
    place.key() = topic.stamp;
    place.mapped() = &topic;
    kept_.insert(kept_.end(), std::move(place));
}

}  // namespace leat::detail
