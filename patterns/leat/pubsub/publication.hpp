#pragma once

#include <leat/metrics.hpp>

#include <cstdint>
#include <string>

namespace leat {

/// What a subscriber receives.
template <class T>
struct publication {
    std::string topic;
    T value{};
    std::uint64_t publisher = 0;  ///< `publisher::id` of who published it; 0 for a plain PUB.
    std::uint64_t sequence = 0;   ///< Its number among that publisher's of the topic, from 1; 0 for none.
    bool last_value = false;      ///< From before: it was kept, and came because it was asked for.
};

/// Messages of a topic that a subscriber did not get: numbers `from` to `to`.
struct gap {
    std::string topic;
    std::uint64_t publisher = 0;
    std::uint64_t from = 0;
    std::uint64_t to = 0;

    [[nodiscard]] std::uint64_t missed() const noexcept { return to - from + 1; }
};

/// A publisher of the same name has come with a new id: it was started again.
struct publisher_restart {
    std::uint64_t before = 0;  ///< The last id of that name.
    std::uint64_t now = 0;
};

/// What a subscriber has counted beside its socket's counts. Readable from any thread.
struct subscription_metrics {
    counter gaps;
    counter missed;    ///< Messages, over all gaps.
    counter restarts;  ///< Of publishers.
    counter plain;     ///< Messages of plain PUBs, which have no number.
    counter repeats;   ///< Messages that had come before, by another way or as a last value; not given again.
    counter superseded;  ///< Live messages that were not given since the publisher's last values come first.
    counter asked;       ///< Times that last values were asked for.
    counter unmatched;   ///< Messages that ZeroMQ's filter passed and no pattern stands for.
    counter malformed;   ///< Messages that are not a publication, or not one that makes sense.
    counter untracked;   ///< Messages whose number was not looked at: `subscribe_options::max_topics`.
    counter overrun;     ///< Messages dropped while `wait_ready` had more to keep than it may.
};

}  // namespace leat
