#pragma once

#include <leat/pubsub/detail/text_hash.hpp>
#include <leat/pubsub/detail/wire.hpp>
#include <leat/pubsub/publication.hpp>

#include <cstdint>
#include <functional>
#include <list>
#include <string_view>
#include <unordered_map>

namespace leat::detail {

/// What a subscriber knows of one publisher.
struct origin {
    std::uint64_t id = 0;
    std::uint64_t name = 0;
    using topic_entry = text_map<std::uint64_t>::value_type;
    text_map<std::uint64_t> topics;  // the number of each one's last message
    topic_entry* latest = nullptr;   // among them: the next message is often of the same topic

    [[nodiscard]] topic_entry* find(std::string_view topic) {
        if (latest != nullptr && latest->first == topic) return latest;
        const auto found = topics.find(topic);
        return found == topics.end() ? nullptr : latest = &*found;
    }

    /// Whether this number follows the last one of the topic that is the latest.
    [[nodiscard]] bool is_next(std::string_view topic, std::uint64_t sequence) const noexcept {
        return latest != nullptr && latest->second + 1 == sequence && latest->first == topic;
    }

    bool answered = false;     // it has the subscriptions: its last values have come, or begun to
    bool owes_values = false;  // more of them are to come
    int asks_unanswered = 0;   // since it was heard of
    nonce values_of = 0;       // the ask that `values` belongs to
    std::uint32_t values = 0;  // that have come of a part
    std::string next_part;     // the subscription that asks for it
};

/// The publishers that a subscriber has heard of, and how far it has followed each of their topics. Bounded:
/// the publisher heard of least recently is forgotten first.
class origin_book {
public:
    static constexpr std::size_t most_origins = 10'000;
    static constexpr int most_asks_unanswered = 5;

    explicit origin_book(std::size_t most_topics) : most_topics_(most_topics) {}

    /// The entry of the publisher that was heard of last, if it is this one.
    [[nodiscard]] origin* latest(std::uint64_t publisher) noexcept {
        return !by_use_.empty() && by_use_.front().id == publisher ? &by_use_.front() : nullptr;
    }

    /// The entry of who sent this, new when it was not heard of; valid until the next call.
    /// `restarted(before)` is told when it has the name of another that was.
    [[nodiscard]] origin& find(const trailer& from, const std::function<void(std::uint64_t)>& restarted);

    /// A new entry of a topic. False when there is no room.
    bool track(origin& of, std::string_view topic, std::uint64_t sequence);

    /// Forgets all topics that are not wanted any more.
    void forget_unless(const std::function<bool(std::string_view topic)>& wanted);

    void set_owes(origin& of, bool owes) noexcept;

    /// All are asked anew, and nobody owes values until it is heard of again, but for those that have never
    /// answered, a few times. Gives the asks for next parts to `drop`.
    void forgive(const std::function<void(std::string_view)>& drop);
    [[nodiscard]] bool owes_values() const noexcept { return owing_ > 0; }

private:
    void forget_topics(origin& of);
    void forget_oldest();

    const std::size_t most_topics_;
    std::size_t topics_ = 0;
    std::size_t owing_ = 0;
    std::list<origin> by_use_;  // the one heard of last is the first
    std::unordered_map<std::uint64_t, std::list<origin>::iterator> by_id_;
    std::unordered_map<std::uint64_t, std::uint64_t> by_name_;
};

}  // namespace leat::detail
