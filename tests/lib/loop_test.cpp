#include <leat/loop.hpp>

#include "support/joined.hpp"
#include "support/throws.hpp"

#include <future>
#include <thread>
#include <vector>

using leat::errc;
using leat::loop;
using leat::role;
using leat::status;
using support::joined;
using support::patience;
using namespace std::chrono_literals;

namespace {

/// Runs `events` until `stop` is requested, or `patience` ends.
status run(loop& events, std::stop_source& stop) {
    bool late = false;
    const auto guard = events.after(patience, [&] {
        late = true;
        stop.request_stop();
    });
    const auto how = events.run(stop.get_token());
    CHECK_FALSE(late);
    events.cancel(guard);
    return how;
}

/// Runs `events` until another thread has done its work in the middle of it.
template <class Work>
status run_beside(loop& events, Work work) {
    std::stop_source stop;
    std::promise<void> runs;
    events.post([&] { runs.set_value(); });
    std::thread other{[&] {
        runs.get_future().wait();
        work();
        stop.request_stop();
    }};
    const auto how = run(events, stop);
    other.join();
    return how;
}

}  // namespace

TEST_CASE("posts from many threads run all, and in order for each thread") {
    constexpr int threads = 4, posts = 2000;
    loop events;
    std::stop_source stop;
    std::vector<std::vector<int>> seen(threads);
    int total = 0;
    std::vector<std::thread> posters;
    for (int t = 0; t < threads; ++t) {
        posters.emplace_back([&, t] {
            for (int i = 0; i < posts; ++i) {
                events.post([&, t, i] {
                    seen[static_cast<std::size_t>(t)].push_back(i);
                    if (++total == threads * posts) stop.request_stop();
                });
            }
        });
    }
    CHECK(run(events, stop) == status::stopped);
    for (auto& one : posters) one.join();
    for (const auto& order : seen) {
        CHECK(order.size() == posts);
        CHECK(std::is_sorted(order.begin(), order.end()));
    }
}

TEST_CASE("a task that posts itself for ever does not keep the loop from stopping") {
    loop events;
    std::stop_source stop;
    loop::handler again = [&] { events.post(again); };
    events.post(again);
    events.after(1ms, [&] { stop.request_stop(); });
    CHECK(run(events, stop) == status::stopped);
}

TEST_CASE("a timer runs once, not before its delay") {
    loop events;
    std::stop_source stop;
    int runs = 0;
    const auto start = std::chrono::steady_clock::now();
    std::chrono::steady_clock::time_point ran;
    events.after(20ms, [&] {
        ++runs;
        ran = std::chrono::steady_clock::now();
    });
    events.after(40ms, [&] { stop.request_stop(); });
    run(events, stop);
    CHECK(runs == 1);
    CHECK(ran - start >= 20ms);
}

TEST_CASE("timers run in the order in which they are due") {
    loop events;
    std::stop_source stop;
    std::vector<int> order;
    events.after(3ms, [&] {
        order.push_back(3);
        stop.request_stop();
    });
    events.after(1ms, [&] { order.push_back(1); });
    events.after(2ms, [&] { order.push_back(2); });
    events.after(0ms, [&] { order.push_back(0); });
    run(events, stop);
    CHECK(order == std::vector<int>{0, 1, 2, 3});
}

TEST_CASE("an interval timer runs again and again until it cancels itself in its own handler") {
    loop events;
    std::stop_source stop;
    int runs = 0;
    loop::id timer = 0;
    timer = events.every(1ms, [&] {
        if (++runs < 5) return;
        events.cancel(timer);
        events.after(10ms, [&] { stop.request_stop(); });
    });
    run(events, stop);
    CHECK(runs == 5);
}

TEST_CASE("a cancelled timer does not run") {
    loop events;
    std::stop_source stop;
    bool ran = false;
    events.cancel(events.after(1ms, [&] { ran = true; }));
    events.after(5ms, [&] { stop.request_stop(); });
    run(events, stop);
    CHECK_FALSE(ran);
}

TEST_CASE("cancelling what has ended, or never was, is ignored") {
    loop events;
    std::stop_source stop;
    loop::id once = 0;
    once = events.after(0ms, [&] {
        events.cancel(once);
        events.cancel(12345);
        stop.request_stop();
    });
    CHECK(run(events, stop) == status::stopped);
}

TEST_CASE("an interval of zero is refused") {
    loop events;
    CHECK_THROWS_LEAT(events.every(0ms, [] {}), errc::bad_option, "longer than zero");
}

TEST_CASE("a watched socket calls its handler for each message that is there") {
    leat::context ctx;
    joined both{ctx, role::pull, role::push};
    loop events;
    std::stop_source stop;
    std::vector<std::string> got;
    events.watch(both.binder, [&] {
        got.push_back(support::receive(both.binder, leat::deadline::now()));
        if (got.size() == 3) stop.request_stop();
    });
    for (const auto* text : {"a", "b", "c"}) REQUIRE(support::send(both.connector, text) == status::ok);
    run(events, stop);
    CHECK(got == std::vector<std::string>{"a", "b", "c"});
}

TEST_CASE("a watch that cancels itself in its own handler is not called again") {
    leat::context ctx;
    joined both{ctx, role::pull, role::push};
    loop events;
    std::stop_source stop;
    int calls = 0;
    loop::id watch = 0;
    watch = events.watch(both.binder, [&] {
        ++calls;
        events.cancel(watch);
        events.after(5ms, [&] { stop.request_stop(); });
    });
    REQUIRE(support::send(both.connector, "stays unread") == status::ok);
    run(events, stop);
    CHECK(calls == 1);
}

TEST_CASE("a handler may add watches, which are then served") {
    const leat::wake_up first, second;
    loop events;
    std::stop_source stop;
    events.watch_fd(first.fd(), [&] {
        first.lower();
        for (int i = 0; i < 100; ++i) events.watch_fd(second.fd(), [&] { stop.request_stop(); });
        second.raise();
    });
    first.raise();
    CHECK(run(events, stop) == status::stopped);
}

TEST_CASE("a handler may cancel another watch that is ready at the same time") {
    const leat::wake_up first, second;
    first.raise();
    second.raise();
    loop events;
    std::stop_source stop;
    int calls = 0;
    loop::id ids[2] = {};
    const auto once = [&](std::size_t other) {
        return [&, other] {
            ++calls;
            events.cancel(ids[other]);
            stop.request_stop();
        };
    };
    ids[0] = events.watch_fd(first.fd(), once(1));
    ids[1] = events.watch_fd(second.fd(), once(0));
    run(events, stop);
    CHECK(calls == 1);
}

TEST_CASE("a handler may clear the loop") {
    const leat::wake_up first, second;
    first.raise();
    second.raise();
    loop events;
    std::stop_source stop;
    int calls = 0;
    for (const auto* flag : {&first, &second}) {
        events.watch_fd(flag->fd(), [&] {
            ++calls;
            events.clear();
            stop.request_stop();
        });
    }
    CHECK(events.run(stop.get_token()) == status::stopped);
    CHECK(calls == 1);
}

TEST_CASE("a closed socket cannot be watched") {
    leat::context ctx;
    leat::socket s{ctx, role::pull};
    s.close();
    loop events;
    CHECK_THROWS_LEAT(events.watch(s, [] {}), errc::closed, "cannot watch pull");
}

TEST_CASE("a stop from another thread ends the run") {
    loop events;
    CHECK(run_beside(events, [] {}) == status::stopped);
}

TEST_CASE("an exception of a handler comes out of run, and the next run goes on with its watches and tasks") {
    const leat::wake_up flag;
    flag.raise();
    loop events;
    std::stop_source stop;
    int served = 0, posted = 0;
    events.watch_fd(flag.fd(), [&] {
        if (++served == 2) stop.request_stop();
    });
    events.post([] { throw std::runtime_error{"planted"}; });
    events.post([&] { ++posted; });
    CHECK_THROWS_WITH(events.run(stop.get_token()), "planted");
    CHECK(posted == 0);
    run(events, stop);
    CHECK(posted == 1);
    CHECK(served == 2);
}

TEST_CASE("tasks left by an exception run in the next run though nothing new is posted") {
    loop events;
    std::stop_source stop;
    events.post([] { throw std::runtime_error{"planted"}; });
    events.post([&] { stop.request_stop(); });
    CHECK_THROWS_WITH(events.run(stop.get_token()), "planted");
    CHECK(run(events, stop) == status::stopped);
}

TEST_CASE("an interval timer whose handler throws goes on in the next run") {
    loop events;
    std::stop_source stop;
    int runs = 0;
    events.every(1ms, [&] {
        if (++runs == 1) throw std::runtime_error{"planted"};
        stop.request_stop();
    });
    CHECK_THROWS_WITH(events.run(stop.get_token()), "planted");
    run(events, stop);
    CHECK(runs == 2);
}

TEST_CASE("watches, timers and cancels from another thread than the running one are refused") {
    loop events;
    run_beside(events, [&] {
        CHECK_THROWS_LEAT(events.watch_fd(0, [] {}), errc::wrong_thread, "watch from another thread");
        CHECK_THROWS_LEAT(events.after(1ms, [] {}), errc::wrong_thread, "after from another thread");
        CHECK_THROWS_LEAT(events.every(1ms, [] {}), errc::wrong_thread, "every from another thread");
        CHECK_THROWS_LEAT(events.cancel(1), errc::wrong_thread, "cancel from another thread");
    });
}

TEST_CASE("a task posted after the loop has ended is destroyed at once, unrun") {
    loop events;
    events.clear();
    const auto held = std::make_shared<int>(1);
    events.post([held] { FAIL("ran"); });
    CHECK(held.use_count() == 1);
}

TEST_CASE("wait_ended tells when the loop has been run and cleared") {
    loop events;
    CHECK(events.wait_ended(1ms) == status::timeout);
    std::stop_source stop;
    std::thread other{[&] {
        static_cast<void>(events.run(stop.get_token()));
        events.clear();
    }};
    stop.request_stop();
    CHECK(events.wait_ended(patience) == status::ok);
    other.join();
}

TEST_CASE(
    "who asked is told once of the loop's end, when watches and timers are gone and tasks are not taken") {
    loop events;
    const auto held = std::make_shared<int>(1);
    const auto posted = std::make_shared<int>(2);
    events.after(0ms, [held] {});
    events.watch_fd(0, [held] {});
    std::vector<int> told;
    events.on_end([&] {
        told.push_back(1);
        CHECK(held.use_count() == 1);
        events.post([posted] { FAIL("ran"); });
        CHECK(posted.use_count() == 1);
        CHECK(events.wait_ended(1ms) == status::timeout);
    });
    events.on_end([&] { told.push_back(2); });
    events.clear();
    events.clear();
    CHECK(told == std::vector<int>{1, 2});
    CHECK(events.wait_ended(1ms) == status::ok);
}

TEST_CASE("who asks after the loop's end is told at once") {
    loop events;
    events.clear();
    bool told = false;
    events.on_end([&] { told = true; });
    CHECK(told);
}

TEST_CASE("who takes it back is not told of the loop's end") {
    loop events;
    const auto held = std::make_shared<int>(1);
    const auto which = events.on_end([held] { FAIL("told"); });
    bool told = false;
    events.on_end([&] { told = true; });
    events.cancel(which);
    CHECK(held.use_count() == 1);
    events.clear();
    CHECK(told);
}

TEST_CASE("any thread may ask to be told of the loop's end") {
    loop events;
    bool told = false;
    run_beside(events, [&] { events.on_end([&] { told = true; }); });
    CHECK_FALSE(told);
    events.clear();
    CHECK(told);
}
