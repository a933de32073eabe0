#include <leat/pubsub/detail/prefix_cover.hpp>

#include <utility>

namespace leat::detail {

/// A shorter prefix of it is subscribed.
bool prefix_cover::covered(std::string_view prefix) const {
    for (std::size_t size = 0; size < prefix.size(); ++size) {
        const auto found = wanted_.find(prefix.substr(0, size));
        if (found != wanted_.end() && found->second.subscribed) return true;
    }
    return false;
}

// What is newly needed is subscribed before what it replaces goes, so that nothing is missed in between.

void prefix_cover::add(std::string_view prefix) {
    const auto own = wanted_.try_emplace(std::string{prefix}).first;
    if (++own->second.times > 1 || covered(prefix)) return;
    own->second.subscribed = true;
    subscribe_(prefix);
    for (auto at = std::next(own); at != wanted_.end() && at->first.starts_with(prefix); ++at) {
        if (std::exchange(at->second.subscribed, false)) unsubscribe_(at->first);
    }
}

void prefix_cover::remove(std::string_view prefix) {
    const auto own = wanted_.find(prefix);
    if (own == wanted_.end() || --own->second.times > 0) return;
    const bool was_subscribed = own->second.subscribed;
    const auto next = wanted_.erase(own);
    if (!was_subscribed) return;
    const wish* cover = nullptr;
    std::string_view cover_text;
    for (auto at = next; at != wanted_.end() && at->first.starts_with(prefix); ++at) {
        if (cover != nullptr && at->first.starts_with(cover_text)) continue;
        cover = &at->second;
        cover_text = at->first;
        at->second.subscribed = true;
        subscribe_(at->first);
    }
    unsubscribe_(prefix);
}

}  // namespace leat::detail
