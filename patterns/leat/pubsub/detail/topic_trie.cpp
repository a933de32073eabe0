#include <leat/pubsub/detail/topic_trie.hpp>

#include <utility>

namespace leat::detail {

bool topic_trie::add(std::string_view pattern) {
    auto* at = &root_;
    words all{pattern, separator_};
    for (std::string_view word; all.next(word);) {
        if (word == ">") return !std::exchange(at->below, true);
        auto& next = word == "*" ? at->any : at->words[std::string{word}];
        if (!next) next = std::make_unique<node>();
        at = next.get();
    }
    return !std::exchange(at->here, true);
}

bool topic_trie::remove(std::string_view pattern) {
    return remove(root_, {pattern, separator_});
}

bool topic_trie::remove(node& at, words rest) {
    std::string_view word;
    if (!rest.next(word)) return std::exchange(at.here, false);
    if (word == ">") return std::exchange(at.below, false);
    if (word == "*") {
        const bool removed = at.any && remove(*at.any, rest);
        if (removed && at.any->empty()) at.any.reset();
        return removed;
    }
    const auto found = at.words.find(word);
    if (found == at.words.end() || !remove(*found->second, rest)) return false;
    if (found->second->empty()) at.words.erase(found);
    return true;
}

bool topic_trie::matches(const node& at, words rest) {
    std::string_view word;
    if (!rest.next(word)) return at.here;
    if (at.below) return true;
    if (const auto found = at.words.find(word); found != at.words.end() && matches(*found->second, rest))
        return true;
    return at.any && matches(*at.any, rest);
}

}  // namespace leat::detail
