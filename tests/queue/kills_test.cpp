// Producers and consumers that are killed at any moment.

#include "rig.hpp"

#include <random>

using namespace std::chrono_literals;

namespace {

/// Reads what it reports for that long.
void let_work(support::process& one, std::chrono::microseconds time) {
    const leat::deadline until{time};
    while (one.line(until)) {
    }
}

}  // namespace

TEST_CASE("whatever is killed, nothing confirmed is lost, nothing acked returns, and keys stay in order") {
    const int rounds = proof::from_environment("LEAT_PROOF_ROUNDS", 100);
    const auto seed = static_cast<unsigned>(proof::from_environment("LEAT_PROOF_SEED", 1));
    std::mt19937 random{seed};
    proof::rig all{{.lease = 1s, .session_timeout = 500ms, .max_attempts = 5}};
    std::vector<support::process> producers, consumers;
    const auto new_producer = [&] { return all.producer(200 + static_cast<int>(random() % 400), random()); };
    const auto new_consumer = [&] { return all.consumer(1 + static_cast<int>(random() % 16), random()); };
    for (int i = 0; i < 3; ++i) {
        producers.push_back(new_producer());
        consumers.push_back(new_consumer());
    }
    for (int round = 0; round < rounds; ++round) {
        INFO("seed ", seed, ", round ", round);
        auto& victim = (random() % 2 == 0 ? producers : consumers)[random() % 3];
        while (!victim.line(support::patience)) {  // it is at work, or has done all its puts
            REQUIRE(victim.ended(support::patience));
            victim = new_producer();
        }
        let_work(victim, std::chrono::microseconds{random() % 8000});
        victim.signal(SIGKILL);
        for (auto& one : producers) {
            if (&one == &victim || one.ended(leat::deadline::now())) one = new_producer();
        }
        for (auto& one : consumers) {
            if (&one == &victim) one = new_consumer();
        }
    }
    for (auto& one : producers) CHECK(one.wait(proof::long_patience) == 0);
    all.drain();
    proof::stop(consumers);
    const auto found = all.finish();
    CHECK(found.confirmed > static_cast<std::uint64_t>(rounds));
    if (rounds >= 20) CHECK(found.losses > 0);
}
