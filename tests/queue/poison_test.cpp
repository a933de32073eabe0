// A message that kills whoever takes it.

#include "rig.hpp"

#include <algorithm>
#include <vector>

using namespace std::chrono_literals;

TEST_CASE("5: a poison, and it only, is dead after max_attempts + 1 crashes") {
    constexpr int max_attempts = 3;
    proof::rig all{{.lease = 60s, .session_timeout = 300ms, .max_attempts = max_attempts}};
    auto before = all.producer(40, 1);
    CHECK(before.wait(support::patience) == 0);
    auto poison = all.producer(1, 2, "poison");
    CHECK(poison.wait(support::patience) == 0);
    auto after = all.producer(40, 3);
    CHECK(after.wait(support::patience) == 0);
    // All of it is in one consumer's hands when it dies the first time.
    int crashes = 0;
    for (;; ++crashes) {
        auto one = all.consumer(256, static_cast<unsigned>(crashes), "acks");
        const leat::deadline until{proof::long_patience};
        while (!one.ended(10ms) && all.figures()["live"] != 0) REQUIRE_FALSE(until.passed());
        if (all.figures()["live"] == 0) {
            std::vector<support::process> last;
            last.push_back(std::move(one));
            proof::stop(last);
            break;
        }
    }
    CHECK(crashes == max_attempts + 1);
    const auto found = all.finish();
    CHECK(found.dead == 1);
    CHECK(found.acked == 80);
}

TEST_CASE("6: a poison among eight busy consumers ends alone in the dead letters, and all else is acked") {
    constexpr int max_attempts = 3, each = 5000;
    proof::rig all{{.lease = 60s, .session_timeout = 500ms, .max_attempts = max_attempts}};
    std::vector<support::process> consumers, producers;
    unsigned seed = 1;
    const auto new_consumer = [&] { return all.consumer(256, ++seed, "acks"); };
    for (int i = 0; i < 8; ++i) consumers.push_back(new_consumer());
    for (int i = 0; i < 4; ++i) producers.push_back(all.producer(each, ++seed));
    REQUIRE(producers.back().line(support::patience));  // at work
    producers.push_back(all.producer(1, ++seed, "poison"));
    int crashes = 0;
    const leat::deadline until{proof::long_patience};
    const auto put = [&] {
        return std::all_of(producers.begin(), producers.end(),
                           [](auto& one) { return one.ended(leat::deadline::now()); });
    };
    while (!put() || all.figures()["live"] != 0) {
        REQUIRE_FALSE(until.passed());
        for (auto& one : consumers) {
            if (!one.ended(1ms)) continue;
            ++crashes;
            one = new_consumer();
        }
    }
    CHECK(crashes == max_attempts + 1);
    proof::stop(consumers);
    const auto found = all.finish();
    CHECK(found.dead == 1);
    CHECK(found.acked == 4 * each);
}
