#pragma once

#include <leat/message.hpp>
#include <leat/pubsub/detail/text_hash.hpp>

#include <cstdint>
#include <list>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace leat::detail {

struct open_batch;

/// What a publisher remembers of one topic.
struct published_topic {
    explicit published_topic(std::string_view topic) : frame(topic) {}

    std::string_view text;                                 // the key in the topic_book
    message frame;                                         // shared into each publication
    bool numbered = false;                                 // one of a topic_book
    std::uint64_t sequence = 0;                            // of the last message that was sent
    std::optional<std::list<open_batch>::iterator> batch;  // the frame that is being filled
    message last_value;
    std::uint64_t stamp = 0;  // of the last value; 0: none is kept
    std::size_t place = 0;    // of the topic_book's, where it is kept
};

/// The topics of a publisher, and the last values of those published to most recently.
class topic_book {
public:
    topic_book(std::size_t most, std::size_t most_values, char separator)
        : most_(most), most_values_(most_values), separator_(separator) {}

    /// The topic's entry, which stays where it is; null when there is no room for one more.
    /// @throws leat::error (`bad_option`) when it is no topic.
    [[nodiscard]] published_topic* find(std::string_view topic);

    [[nodiscard]] bool keeps_values() const noexcept { return most_values_ > 0; }

    /// Makes `value` the topic's last one.
    void keep(published_topic& topic, message&& value);

    /// Where a topic's last value is; null once there is a newer one, or none.
    struct kept {
        std::uint64_t stamp = 0;
        published_topic* topic = nullptr;
    };

    /// The last values with a stamp beyond this one; stamps grow with each message that is kept.
    [[nodiscard]] std::span<const kept> kept_after(std::uint64_t stamp) const noexcept;

private:
    void forget_oldest();
    void compact();

    const std::size_t most_, most_values_;
    const char separator_;
    text_map<published_topic> topics_;
    std::vector<kept> kept_;  // by stamp
    std::size_t values_ = 0;  // of which are not null
    std::size_t oldest_ = 0;  // all before it are null
    published_topic* latest_ = nullptr;
    std::uint64_t last_stamp_ = 0;
};

}  // namespace leat::detail
