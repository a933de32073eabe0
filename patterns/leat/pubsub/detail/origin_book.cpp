#include <leat/pubsub/detail/origin_book.hpp>

#include <utility>

namespace leat::detail {

origin& origin_book::find(const trailer& from, const std::function<void(std::uint64_t)>& restarted) {
    if (const auto found = by_id_.find(from.publisher); found != by_id_.end()) {
        by_use_.splice(by_use_.begin(), by_use_, found->second);
        return by_use_.front();
    }
    if (by_use_.size() >= most_origins) forget_oldest();
    by_use_.emplace_front();
    auto& made = by_use_.front();
    made.id = from.publisher;
    made.name = from.name;
    by_id_[made.id] = by_use_.begin();
    if (made.name == 0) return made;
    if (const auto [named, first] = by_name_.try_emplace(made.name, made.id); !first) {
        const auto before = std::exchange(named->second, made.id);
        // It stays known, since what it had sent may still come, and two may live with one name.
        if (const auto old = by_id_.find(before); old != by_id_.end()) forget_topics(*old->second);
        restarted(before);
    }
    return made;
}

bool origin_book::track(origin& of, std::string_view topic, std::uint64_t sequence) {
    while (topics_ >= most_topics_ && by_use_.size() > 1 && &by_use_.back() != &of) forget_oldest();
    if (topics_ >= most_topics_) return false;
    ++topics_;
    of.topics.emplace(topic, sequence);
    return true;
}

void origin_book::forget_unless(const std::function<bool(std::string_view)>& wanted) {
    for (auto& one : by_use_) {
        one.latest = nullptr;
        topics_ -= std::erase_if(one.topics, [&](const auto& topic) { return !wanted(topic.first); });
    }
}

void origin_book::set_owes(origin& of, bool owes) noexcept {
    if (std::exchange(of.owes_values, owes) == owes) return;
    owes ? ++owing_ : --owing_;
}

void origin_book::forgive(const std::function<void(std::string_view)>& drop) {
    for (auto& one : by_use_) {
        const bool silent = one.owes_values && !one.answered;
        set_owes(one, silent && ++one.asks_unanswered < most_asks_unanswered);
        if (!one.next_part.empty()) drop(std::exchange(one.next_part, {}));
    }
}

void origin_book::forget_topics(origin& of) {
    of.latest = nullptr;
    topics_ -= of.topics.size();
    of.topics.clear();
    set_owes(of, false);
}

void origin_book::forget_oldest() {
    auto& oldest = by_use_.back();
    forget_topics(oldest);
    if (const auto named = by_name_.find(oldest.name); named != by_name_.end() && named->second == oldest.id)
        by_name_.erase(named);
    by_id_.erase(oldest.id);
    by_use_.pop_back();
}

}  // namespace leat::detail
