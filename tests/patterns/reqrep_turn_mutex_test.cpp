#include <leat/reqrep/detail/turn_mutex.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <condition_variable>
#include <latch>
#include <mutex>
#include <thread>
#include <vector>

using leat::detail::turn_mutex;

TEST_CASE("a holder that never lets go lets the others in at its turns, as often as they come") {
    constexpr int threads = 4, each = 500;
    turn_mutex mutex;
    int entered = 0;
    std::unique_lock held{mutex};
    std::vector<std::thread> others;
    for (int t = 0; t < threads; ++t) {
        others.emplace_back([&] {
            for (int i = 0; i < each; ++i) {
                const std::lock_guard in{mutex};
                ++entered;
            }
        });
    }
    while (entered < threads * each) mutex.end_turn();
    held.unlock();
    for (auto& one : others) one.join();
    CHECK(entered == threads * each);
}

TEST_CASE("who waits for a condition is let in as well, also when its time is up") {
    turn_mutex mutex;
    std::condition_variable_any changed;
    bool told = false, woken = false, timed_out = false;
    std::unique_lock held{mutex};
    std::thread waits{[&] {
        std::unique_lock in{mutex};
        changed.wait(in, [&] { return told; });
        woken = true;
    }};
    std::thread gives_up{[&] {
        std::unique_lock in{mutex};
        timed_out = !changed.wait_for(in, std::chrono::milliseconds{1}, [] { return false; });
    }};
    while (!timed_out) mutex.end_turn();
    told = true;
    changed.notify_all();
    while (!woken) mutex.end_turn();
    held.unlock();
    waits.join();
    gives_up.join();
    CHECK(woken);
}

TEST_CASE("holders that all go on and on let each other in") {
    constexpr int holders = 3, enough = 500;
    turn_mutex mutex;
    std::latch all_here{holders};
    std::vector<int> turns(holders);
    const auto go_on = [&](std::size_t me) {
        all_here.arrive_and_wait();
        const std::lock_guard in{mutex};
        while (std::ranges::min(turns) < enough) {
            ++turns[me];
            mutex.end_turn();
        }
    };
    std::vector<std::thread> threads;
    for (std::size_t me = 0; me < holders; ++me) threads.emplace_back(go_on, me);
    for (auto& one : threads) one.join();
    CHECK(std::ranges::min(turns) == enough);
}
