// A message that kills whoever takes it.

#include "rig.hpp"

using namespace std::chrono_literals;

TEST_CASE("a poison, and it only, is dead after max_attempts + 1 crashes") {
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
