#pragma once

#include "rig.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace proof {

/// Reads what it reports for that long.
inline void let_work(support::process& one, std::chrono::microseconds time) {
    const leat::deadline until{time};
    while (one.line(until)) {
    }
}

/// Producers and consumers of a rig, of which one after the other is killed while it is at work, and the
/// queue too. Who was killed, or has done all its puts, is followed by another one.
class killing {
public:
    enum victim : std::uint8_t { producer, consumer, queue };

    killing(rig& of, unsigned seed) : rig_(of), random_(seed) {}

    void start(int producers, int consumers) {
        for (int i = 0; i < producers; ++i) producers_.push_back(new_producer());
        for (int i = 0; i < consumers; ++i) consumers_.push_back(new_consumer());
    }

    /// One kill, up to 8 ms after the victim, or who works with the queue, was seen to be at work.
    void once() {
        const auto who = chosen();
        auto& group = who == producer || consumers_.empty() ? producers_ : consumers_;
        auto& seen = group[random_() % group.size()];
        while (!seen.line(support::patience)) {  // it has done all its puts
            REQUIRE(seen.ended(support::patience));
            seen = new_producer();
        }
        let_work(seen, std::chrono::microseconds{random_() % 8000});
        ++kills[who];
        if (who == queue) {
            rig_.kill_queue();
        } else {
            seen.signal(SIGKILL);
        }
        for (auto& one : producers_) {
            if ((who == producer && &one == &seen) || one.ended(leat::deadline::now())) one = new_producer();
        }
        if (who == consumer) seen = new_consumer();
    }

    /// Lets the producers do all their puts and the consumers take it all, and ends them in good order.
    void finish() {
        if (consumers_.empty()) consumers_.push_back(new_consumer());
        // Who reports and is not read comes to stand once its pipe is full.
        for (auto& one : producers_) {
            while (one.line(long_patience)) {
            }
            CHECK(one.wait(long_patience) == 0);
        }
        producers_.clear();
        rig_.drain();
        stop(consumers_);
    }

    std::array<unsigned, 3> chances{1, 1, 2};  ///< Of each victim, among all of them.
    std::array<std::uint64_t, 3> kills{};

private:
    victim chosen() {
        auto at = random_() % (chances[producer] + chances[consumer] + chances[queue]);
        if (at < chances[producer]) return producer;
        at -= chances[producer];
        return at >= chances[consumer] ? queue : consumers_.empty() ? producer : consumer;
    }
    support::process new_producer() {
        return rig_.producer(200 + static_cast<int>(random_() % 400), random_());
    }
    support::process new_consumer() { return rig_.consumer(1 + static_cast<int>(random_() % 16), random_()); }

    rig& rig_;
    std::mt19937 random_;
    std::vector<support::process> producers_, consumers_;
};

}  // namespace proof
