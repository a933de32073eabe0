#pragma once

#include <leat/pubsub/detail/text_hash.hpp>
#include <leat/pubsub/detail/words.hpp>

#include <memory>
#include <string_view>

namespace leat::detail {

/// A set of patterns, keyed by their words.
///
/// A topic is matched in one step a word, however many patterns there are. Where a topic's word is found both
/// literally and as `*` both ways are followed, so patterns with s stars in the same place and different
/// words elsewhere can cost 2^s steps, never more than there are patterns.
class topic_trie {
public:
    explicit topic_trie(char separator) noexcept : separator_(separator) {}

    /// `pattern` is valid. False when it is there already.
    bool add(std::string_view pattern);

    /// False when it is not there.
    bool remove(std::string_view pattern);

    [[nodiscard]] bool matches(std::string_view topic) const { return matches(root_, {topic, separator_}); }

private:
    struct node {
        text_map<std::unique_ptr<node>> words;
        std::unique_ptr<node> any;  // *
        bool here = false;          // a pattern ends
        bool below = false;         // a pattern goes on with > and ends

        [[nodiscard]] bool empty() const noexcept { return words.empty() && !any && !here && !below; }
    };

    static bool matches(const node& at, words rest);
    static bool remove(node& at, words rest);

    const char separator_;
    node root_;
};

}  // namespace leat::detail
