#include "queue_support.hpp"

#include "support/throws.hpp"

#include <map>

TEST_CASE("a delivery that is settled twice keeps its first outcome") {
    leat::context ctx;
    leat::queue work{ctx, on("tcp")};
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    text_consumer in{ctx, work.bound(), {.queue = "work"}};
    out.put("one");
    {
        auto got = in.next(patience);
        REQUIRE(got);
        got->ack();
#ifndef NDEBUG
        CHECK_THROWS_LEAT(got->reject("no"), leat::errc::settled_twice, "settled already");
#else
        got->reject("no");
#endif
        CHECK(in.settled_twice() == 1);
        CHECK_FALSE(got->lost());
        auto moved = std::move(*got);  // and what was moved from, or settled, ends in silence
    }
    CHECK(comes_true([&] { return work.stat().counts.acked == 1; }));
    CHECK(work.stat().counts.stale == 0);
}

TEST_CASE("a delivery that is destroyed unsettled, by an exception too, is a retry") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.max_attempts = 2;
    leat::queue work{ctx, on("tcp", rules)};
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    text_consumer in{ctx, work.bound(), {.queue = "work"}};
    out.put("fails");
    out.put("works");
    int failed = 0;
    in.run([&](leat::delivery<std::string>& d) {
        if (*d == "fails") {
            if (++failed == 2) in.stop();
            throw std::runtime_error{"cannot"};
        }
        d.ack();
    });
    CHECK(failed == 2);
    CHECK(comes_true([&] { return work.stat().counts.acked == 1 && work.stat().counts.dead_sum() == 1; }));
    CHECK(work.stat().counts.retried == 2);
}

TEST_CASE("a consumer that stops releases what it has in its buffer, without penalty") {
    leat::context ctx;
    leat::queue work{ctx, on("tcp")};
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    for (int i = 0; i < 10; ++i) out.put("m" + std::to_string(i));
    REQUIRE(out.flush(patience) == 0);
    {
        text_consumer first{ctx, work.bound(), {.queue = "work"}};
        auto held = first.next(patience);
        REQUIRE(held);
        REQUIRE(comes_true([&] { return work.stat().depth.in_flight == 10; }));
        first.stop();
        CHECK(comes_true([&] { return work.stat().counts.released == 9; }));
        CHECK(first.next(patience).why() == status::stopped);
        CHECK(work.stat().depth.ready == 9);  // and gets nothing any more
        held->ack();
    }
    CHECK(comes_true([&] { return work.stat().counts.acked == 1; }));
    text_consumer second{ctx, work.bound(), {.queue = "work"}};
    for (int i = 1; i < 10; ++i) {
        auto got = second.next(patience);
        REQUIRE(got);
        CHECK(**got == "m" + std::to_string(i));
        CHECK(got->attempt() == 1);
        got->ack();
    }
}

TEST_CASE("a delivery that outlives its consumer has no effect any more") {
    leat::context ctx;
    leat::queue work{ctx, on("tcp")};
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    out.put("one");
    auto in = std::make_unique<text_consumer>(
        ctx, work.bound(), leat::consumer_options{.queue = "work", .linger = std::chrono::milliseconds{0}});
    auto held = in->next(patience);
    REQUIRE(held);
    in.reset();
    CHECK(comes_true([&] { return work.stat().counts.released == 1; }));
    CHECK(held->lost());
    held->ack();
    text_consumer again{ctx, work.bound(), {.queue = "work"}};
    CHECK(take(again) == "one");
}

TEST_CASE("a lease is renewed for as long as a handler works") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.lease = 800ms;
    leat::queue work{ctx, on("tcp", rules)};
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    text_consumer in{ctx, work.bound(), {.queue = "work"}};
    out.put("slow");
    auto held = in.next(patience);
    REQUIRE(held);
    // Nothing comes for two leases, for it has not ended.
    CHECK(in.next(1600ms).why() == status::timeout);
    CHECK_FALSE(held->lost());
    held->ack();
    CHECK(comes_true([&] { return work.stat().counts.acked == 1; }));
    CHECK(work.stat().counts.lost == 0);
}

TEST_CASE("what a handler holds for longer than max_hold is given up") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.max_hold = 100ms;
    rules.session_timeout = 2s;
    leat::queue work{ctx, on("tcp", rules)};
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    text_consumer in{ctx, work.bound(), {.queue = "work"}};
    out.put("stuck");
    auto held = in.next(patience);
    REQUIRE(held);
    auto other = in.next(patience);
    REQUIRE(other);
    CHECK(**other == "stuck");
    CHECK(held->lost());
    CHECK_FALSE(other->lost());
    other->ack();
    held->ack();
    CHECK(comes_true([&] { return work.stat().counts.acked == 1; }));
}

TEST_CASE("high priorities come first, also out of the consumer's buffer") {
    leat::context ctx;
    leat::queue work{ctx, on("tcp")};
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    text_consumer in{ctx, work.bound(), {.queue = "work"}};
    constexpr int lows = 5;
    const auto in_flight = [&](std::uint64_t n) {
        return comes_true([&] { return work.stat().depth.in_flight == n; });
    };
    // It may be on its way to the buffer still when the first ones are taken out, so more than once.
    CHECK(comes_true([&] {
        REQUIRE(in_flight(0));
        for (int i = 0; i < lows; ++i) out.put("low", {.priority = 1});
        REQUIRE(in_flight(lows));
        out.put("high", {.priority = 9});
        REQUIRE(in_flight(lows + 1));
        int before = 0;
        while (take(in) != "high") ++before;
        for (int i = before; i < lows; ++i) CHECK(take(in) == "low");
        return before == 0;
    }));
}

TEST_CASE("messages of a key are handled in order by several consumers, one at a time") {
    leat::context ctx;
    leat::queue work{ctx, on("tcp")};
    constexpr int keys = 5, each = 200;
    std::mutex mutex;
    std::map<std::string, std::vector<int>> seen;
    std::map<std::string, int> busy;
    bool overlapped = false;
    int count = 0;
    std::vector<std::unique_ptr<text_consumer>> all;
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
        all.push_back(std::make_unique<text_consumer>(
            ctx, work.bound(), leat::consumer_options{.queue = "work", .prefetch = 8}));
        threads.emplace_back([&, in = all.back().get()] {
            in->run([&](leat::delivery<std::string>& d) {
                const auto key = d.key();
                {
                    const std::lock_guard lock{mutex};
                    overlapped = overlapped || busy[key]++ > 0;
                    seen[key].push_back(std::stoi(*d));
                    --busy[key];
                    if (++count == keys * each)
                        for (auto& c : all) c->stop();
                }
                d.ack();
            });
        });
    }
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    for (int i = 0; i < each; ++i) {
        for (int k = 0; k < keys; ++k)
            out.put(std::to_string(i), {.key = std::string(1, static_cast<char>('a' + k))});
    }
    for (auto& t : threads) t.join();
    CHECK_FALSE(overlapped);
    CHECK(seen.size() == keys);
    for (const auto& [key, numbers] : seen) {
        CAPTURE(key);
        REQUIRE(numbers.size() == each);
        CHECK(std::is_sorted(numbers.begin(), numbers.end()));
    }
}

TEST_CASE("puts and outcomes that were gathered go on when the queue answers, though nobody waits any more") {
    constexpr int rounds = 400, burst = 10;
    leat::context ctx;
    leat::queue work{ctx, on("tcp")};
    leat::context theirs;
    text_producer out{theirs, work.bound(), {.queue = "work"}};
    text_consumer in{theirs, work.bound(), {.queue = "work"}};
    // Left to the clients' ticks, each round would take about a quarter of a second.
    const leat::deadline in_time{patience};
    for (std::uint64_t done = 0; done < rounds * burst && !in_time.passed();) {
        out.put("one");
        REQUIRE(out.flush(patience) == 0);  // reads the verdict itself
        for (int i = 1; i < burst; ++i) out.put("one");
        done += burst;
        REQUIRE(comes_true([&] { return work.stat().counts.admitted == done; }));
        for (int i = 0; i < burst; ++i) in.next(patience)->ack();
        REQUIRE(comes_true([&] { return work.stat().counts.acked == done; }));
    }
    CHECK_FALSE(in_time.passed());
}
