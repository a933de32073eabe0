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
    topic.stamp = ++last_stamp_;
    if (topic.kept) {
        kept_.splice(kept_.end(), kept_, *topic.kept);
        return;
    }
    if (kept_.size() >= most_values_) {
        auto& oldest = *kept_.front();
        oldest.last_value = {};
        oldest.kept.reset();
        kept_.pop_front();
    }
    topic.kept = kept_.insert(kept_.end(), &topic);
}

}  // namespace leat::detail
