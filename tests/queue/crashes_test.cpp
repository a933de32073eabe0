// A queue on disk that is killed at any moment, and its clients with it.

#include "crash_checker.hpp"
#include "killing.hpp"
#include "rig.hpp"

#include "support/temporary_directory.hpp"

using namespace std::chrono_literals;

TEST_CASE(
    "whatever is killed, the queue too, what was confirmed is there, once, in order, and with its attempts") {
    const int rounds = proof::from_environment("LEAT_PROOF_ROUNDS", 100);
    const auto seed = static_cast<unsigned>(proof::from_environment("LEAT_PROOF_SEED", 1));
    const support::temporary_directory place;
    proof::rig all{{.lease = 1s, .session_timeout = 100ms, .max_attempts = 5, .on_disk = true},
                   "ipc://" + (place.path() / "queue").string()};
    proof::killing kills{all, seed};
    kills.start(3, 0);
    for (int round = 0; round < rounds; ++round) {
        INFO("seed ", seed, ", round ", round);
        // At first nothing is taken, so that a kill finds much that is on disk only.
        if (round == rounds / 4) kills.start(0, 3);
        // Then the queue lives long enough to see that consumers are lost.
        if (round == rounds / 2) kills.chances = {1, 2, 0};
        if (round == rounds * 3 / 4) {
            if (rounds >= 100) all.wait_until([](auto now) { return now["lost"] > 0; });
            kills.chances = {1, 1, 2};
        }
        kills.once();
    }
    kills.finish();
    const auto found = all.finish(&proof::check_crashes);
    CHECK(found.confirmed > static_cast<std::uint64_t>(rounds));
    if (rounds < 100) return;
    CHECK(found.safe > 0);
    CHECK(found.resumed > 0);
    CHECK(found.losses > 0);
}

TEST_CASE(
    "20: over crashes of a queue that is full, what is refused is never stored, and nothing is put twice") {
    const int rounds = proof::from_environment("LEAT_PROOF_ROUNDS", 100) / 2;
    const auto seed = static_cast<unsigned>(proof::from_environment("LEAT_PROOF_SEED", 1));
    const support::temporary_directory place;
    proof::rig all{
        {.lease = 1s, .session_timeout = 100ms, .max_attempts = 5, .on_disk = true, .max_messages = 100},
        "ipc://" + (place.path() / "queue").string()};
    proof::killing kills{all, seed + 1000};
    kills.start(3, 1);
    for (int round = 0; round < rounds; ++round) {
        INFO("seed ", seed, ", round ", round);
        kills.once();
    }
    kills.finish();
    const auto found = all.finish(&proof::check_crashes);
    if (rounds < 50) return;
    CHECK(found.refused > 0);
    CHECK(found.resumed > 0);
}
