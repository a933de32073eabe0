#include <leat/reqrep/replier.hpp>
#include <leat/reqrep/requester.hpp>

#include "support/running_relay.hpp"

#include <malloc.h>

#include <atomic>
#include <functional>
#include <future>
#include <optional>
#include <random>
#include <thread>

using namespace std::chrono_literals;
using leat::answer;
using leat::call_status;
using leat::replier;
using leat::requester;
using leat::responder;
using support::comes_true;
using support::patience;

TEST_CASE("64 threads share one requester: calls, futures, callbacks and cancels") {
    constexpr int threads = 64, each = 60;
    leat::context ctx;
    replier<int, int> one{
        ctx, {.bind = "tcp://127.0.0.1:*", .workers = 3}, [](const int& n) { return n + 1; }};
    replier<int, int> two{ctx, {.bind = "ipc://*"}, [](const int& n) { return n + 1; }};
    requester<int, int> asks{ctx, {.connect = {one.bound()[0].str(), two.bound()[0].str()}}};
    std::atomic<int> right = 0, cancelled = 0, callbacks = 0;
    std::vector<std::thread> all;
    for (int t = 0; t < threads; ++t) {
        all.emplace_back([&, t] {
            for (int i = 0; i < each; ++i) {
                const int n = t * each + i;
                if (i % 4 == 0) {
                    if (*asks.async(n, patience).get() == n + 1) ++right;
                } else if (i % 4 == 1) {
                    const auto id = asks.async(n, patience, {}, [&, n](answer<int>&& a) {
                        if (a && *a == n + 1) ++right;
                        if (a.why() == call_status::cancelled) ++cancelled;
                        ++callbacks;
                    });
                    if (i % 8 == 1) asks.cancel(id);
                } else {
                    const auto a = asks.call(n, patience);
                    if (a && *a == n + 1) ++right;
                }
            }
        });
    }
    for (auto& thread : all) thread.join();
    CHECK(comes_true([&] { return callbacks == threads * each / 4; }));
    CHECK(right + cancelled == threads * each);
    CHECK(asks.in_flight() == 0);
}

TEST_CASE("memory does not grow over 100,000 calls, however they end") {
    leat::context ctx;
    replier<leat::bytes, leat::bytes> echo{ctx, {.bind = "tcp://127.0.0.1:*"}, [](const leat::bytes& b) {
                                               if (b.text() == "fail") throw leat::reply_error{1, "told to"};
                                               return leat::bytes{b.view()};
                                           }};
    requester<leat::bytes, leat::bytes> asks{ctx, {.connect = echo.bound()}};
    const std::string data(200, 'x');
    const auto run = [&](int calls, call_status how) {
        std::atomic<int> left = calls, ended_so = 0;
        std::promise<void> over;
        std::function<void()> next = [&] {
            const std::string_view body = how == call_status::failed ? "fail" : std::string_view{data};
            const leat::deadline until = how == call_status::timed_out ? leat::deadline::now() : patience;
            const auto id = asks.async(leat::bytes{body}, until, {}, [&](answer<leat::bytes>&& a) {
                if (a.why() == how) ++ended_so;
                const int before = left.fetch_sub(1);
                if (before > 100) next();
                if (before == 1) over.set_value();
            });
            if (how == call_status::cancelled) asks.cancel(id);
        };
        for (int i = 0; i < 100; ++i) next();
        over.get_future().wait();
        return ended_so.load();
    };
    const auto one_at_a_time = [&](int calls) {
        for (int i = 0; i < calls; ++i) CHECK(asks.call(leat::bytes{std::string_view{data}}, patience));
    };
    const auto all_kinds = [&](int calls) {
        CHECK(run(calls, call_status::failed) == calls);
        CHECK(run(calls, call_status::timed_out) > 0);  // the others were answered first
        CHECK(run(calls, call_status::cancelled) > 0);
        // What the server has been sent of it is behind it, too.
        REQUIRE(comes_true([&] { return echo.open_requests() == 0; }));
        CHECK(asks.ping(patience));
    };
    run(20'000, call_status::answered);
    all_kinds(10'000);
    one_at_a_time(100);
    const auto in_use = [] {
        const auto all = ::mallinfo2();
        return all.uordblks + all.hblkhd;
    };
    const auto before = in_use();
    constexpr std::size_t less_than_a_byte_a_call = 100'000;
    CHECK(run(100'000, call_status::answered) == 100'000);
    CHECK(in_use() < before + less_than_a_byte_a_call);
    one_at_a_time(2'000);
    CHECK(in_use() < before + less_than_a_byte_a_call);
    all_kinds(30'000);
    CHECK(in_use() < before + less_than_a_byte_a_call);
}

TEST_CASE("calls of all kinds end exactly once while servers come and go") {
    leat::context ctx;
    std::optional<replier<int, int>> one, two;
    const auto serve = [&](auto& which, const leat::endpoint& at) {
        which.emplace(ctx, leat::reply_options{.bind = leat::endpoints{at}, .workers = 2, .max_open = 50},
                      [](const int& n, responder<int> to) {
                          if (n % 7 == 0) return;  // never answered
                          if (n % 11 == 0) throw leat::reply_error{1, "eleven"};
                          to.reply(n);
                      });
    };
    serve(one, leat::endpoint{"ipc://*"});
    serve(two, leat::endpoint{"ipc://*"});
    const auto first = one->bound()[0], second = two->bound()[0];
    requester<int, int> asks{ctx,
                             {.connect = {first.str(), second.str()},
                              .heartbeat = 100ms,
                              .socket = {.reconnect_first = 1ms, .reconnect_cap = 5ms}}};
    std::atomic<int> begun = 0, ended = 0;
    std::atomic<bool> enough = false;
    std::vector<std::thread> callers;
    for (int t = 0; t < 4; ++t) {
        callers.emplace_back([&, t] {
            std::mt19937 random{static_cast<unsigned>(t)};
            for (int n = t; !enough; n += 4) {
                ++begun;
                leat::call_options how{.idempotent = random() % 2 == 0};
                if (how.idempotent && random() % 4 == 0) how.hedge_after = 1ms;
                if (random() % 2 == 0) {
                    static_cast<void>(asks.call(n, 50ms, how));
                    ++ended;
                } else {
                    const auto id = asks.async(n, 50ms, how, [&](answer<int>&&) { ++ended; });
                    if (random() % 4 == 0) asks.cancel(id);
                }
            }
        });
    }
    for (int round = 0; round < 10; ++round) {
        const auto before = ended.load();
        one.reset();
        CHECK(comes_true([&] { return ended > before + 20; }));
        serve(one, first);
        two.reset();
        CHECK(comes_true([&] { return ended > before + 40; }));
        serve(two, second);
    }
    enough = true;
    for (auto& caller : callers) caller.join();
    CHECK(comes_true([&] { return ended == begun; }));
    CHECK(asks.in_flight() == 0);
    std::uint64_t sum = 0;
    for (const auto& one_end : asks.counts().ended) sum += one_end.value();
    CHECK(sum == static_cast<std::uint64_t>(begun.load()));
}
