// Flows: from a source through functions into a sink.

#include "queue_support.hpp"

#include <leat/flow/flow.hpp>

#include "support/throws.hpp"

#include <algorithm>
#include <atomic>
#include <set>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace {

std::vector<int> numbers(int n) {
    std::vector<int> all;
    for (int i = 0; i < n; ++i) all.push_back(i);
    return all;
}

leat::queue named(leat::context& ctx, const std::string& name, const leat::queue_rules& rules = {}) {
    return leat::queue{ctx, on("tcp", rules, name)};
}

}  // namespace

TEST_CASE("functions follow each other") {
    std::vector<int> looked, got;
    const auto report = leat::from(numbers(10))
                            .filter([](int n) { return n % 2 == 0; })
                            .map([](int n) { return n * 10; })
                            .tap([&](int n) { looked.push_back(n); })
                            .expand([](int n) {
                                return std::vector<int>{n, n + 1};
                            })
                            .to([&](int n) { got.push_back(n); })
                            .run();
    CHECK(looked == std::vector<int>{0, 20, 40, 60, 80});
    CHECK(got == std::vector<int>{0, 1, 20, 21, 40, 41, 60, 61, 80, 81});
    CHECK_EQ(report.in, 10);
    CHECK_EQ(report.out, 10);
    CHECK(report.complete);
}

TEST_CASE("a function can be the source") {
    int n = 0;
    std::vector<std::string> got;
    leat::from([&]() { return n < 3 ? std::optional<int>{n++} : std::nullopt; })
        .map([](int i) { return std::to_string(i); })
        .to([&](const std::string& text) { got.push_back(text); })
        .run();
    CHECK(got == std::vector<std::string>{"0", "1", "2"});
}

TEST_CASE("batches are full, or what is left at the end") {
    std::vector<std::vector<int>> got;
    leat::from(numbers(7)).batch(3, 1h).to([&](std::vector<int>& some) { got.push_back(some); }).run();
    CHECK(got == std::vector<std::vector<int>>{{0, 1, 2}, {3, 4, 5}, {6}});
}

TEST_CASE("a batch waits no longer than its delay") {
    leat::context ctx;
    leat::puller<int> in{ctx, {.bind = "tcp://127.0.0.1:*"}};
    leat::pusher<int> push{ctx, {.connect = in.bound()[0]}};
    std::atomic<int> batches{0};
    std::stop_source stop;
    std::jthread works{
        [&] { leat::from(in).window(20ms).to([&](std::vector<int>&) { ++batches; }).run(stop.get_token()); }};
    REQUIRE(push.send(1, patience) == status::ok);
    CHECK(comes_true([&] { return batches == 1; }));
    REQUIRE(push.send(2, patience) == status::ok);
    CHECK(comes_true([&] { return batches == 2; }));
    stop.request_stop();
}

TEST_CASE("workers take part, and keep the order if asked to") {
    std::mutex mutex;
    std::set<std::thread::id> threads;
    std::set<int> got;
    leat::from(numbers(1000))
        .workers(4)
        .map([&](int n) {
            const std::lock_guard held{mutex};
            threads.insert(std::this_thread::get_id());
            return n;
        })
        .to([&](int n) { got.insert(n); })
        .run();
    CHECK_EQ(got.size(), 1000);
    CHECK_GE(threads.size(), 2);

    std::vector<int> in_order;
    leat::from(numbers(1000))
        .workers(4, true)
        .filter([](int n) { return n % 3 != 0; })
        .expand([](int n) {
            return std::vector<int>{n, -n};
        })
        .to([&](int n) { in_order.push_back(n); })
        .run();
    std::vector<int> right;
    for (int n = 0; n < 1000; ++n) {
        if (n % 3 != 0) right.insert(right.end(), {n, -n});
    }
    CHECK(in_order == right);
}

TEST_CASE("what a function throws comes out, when there is nothing to retry") {
    const auto run = [](auto&& flow) { flow.run(); };
    CHECK_THROWS_AS(run(leat::from(numbers(3))
                            .map([](int n) -> int {
                                if (n == 1) throw std::runtime_error{"one"};
                                return n;
                            })
                            .to([](int) {})),
                    std::runtime_error);
}

TEST_CASE("from queue to queue: acked when all that came of it is confirmed") {
    leat::context ctx;
    auto from = named(ctx, "from"), to = named(ctx, "to");
    text_producer put{ctx, from.bound().str(), {.queue = "from"}};
    for (int i = 0; i < 100; ++i) put.put(std::to_string(i), {.key = "k" + std::to_string(i % 7)});
    REQUIRE_EQ(put.flush(patience), 0);
    to.pause_puts(true);
    text_consumer in{ctx, from.bound().str(), {.queue = "from"}};
    text_producer out{ctx, to.bound().str(), {.queue = "to", .in_order = true}};
    std::stop_source stop;
    leat::flow_report report;
    std::jthread works{[&] {
        report = leat::from(in)
                     .expand([](const std::string& text) {
                         return std::vector<std::string>{text, text + "'"};
                     })
                     .to(out)
                     .run(stop.get_token(), patience);
    }};
    CHECK(comes_true([&] { return out.unconfirmed() > 0; }));
    CHECK_EQ(from.stat().counts.acked, 0);
    to.pause_puts(false);
    CHECK(comes_true([&] { return from.stat().counts.acked == 100; }));
    stop.request_stop();
    works.join();
    CHECK_EQ(report.in, 100);
    CHECK_EQ(report.out, 200);
    CHECK(report.complete);
    CHECK_EQ(to.stat().depth.live(), 200);
    text_consumer check{ctx, to.bound().str(), {.queue = "to"}};
    auto one = check.next(patience);
    REQUIRE(one);
    CHECK_EQ(one->key(), "k0");
    one->ack();
}

TEST_CASE("a stop gives back what has no confirm") {
    leat::context ctx;
    auto from = named(ctx, "from");
    text_producer put{ctx, from.bound().str(), {.queue = "from"}};
    for (int i = 0; i < 10; ++i) put.put(std::to_string(i));
    REQUIRE_EQ(put.flush(patience), 0);
    {
        text_consumer in{ctx, from.bound().str(), {.queue = "from"}};
        text_producer nowhere{ctx, "tcp://127.0.0.1:1", {.queue = "to", .linger = 0ms}};
        std::stop_source stop;
        leat::flow_report report;
        std::jthread works{[&] { report = leat::from(in).to(nowhere).run(stop.get_token(), 50ms); }};
        CHECK(comes_true([&] { return nowhere.unconfirmed() == 10; }));
        stop.request_stop();
        works.join();
        CHECK_FALSE(report.complete);
        CHECK_EQ(report.in, 10);
    }
    text_consumer in{ctx, from.bound().str(), {.queue = "from"}};
    std::set<std::string> again;
    for (int i = 0; i < 10; ++i) again.insert(take(in));
    CHECK_EQ(again.size(), 10);
    CHECK(comes_true([&] { return from.stat().counts.acked == 10; }));
}

TEST_CASE("a function that throws is a retry, and a message that it never takes is dead") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.max_attempts = 3;
    rules.retry.first = 1ms;
    auto from = named(ctx, "from", rules);
    text_producer put{ctx, from.bound().str(), {.queue = "from"}};
    for (const auto* text : {"good", "poison", "better"}) put.put(text);
    REQUIRE_EQ(put.flush(patience), 0);
    text_consumer in{ctx, from.bound().str(), {.queue = "from"}};
    std::vector<std::string> got;
    std::stop_source stop;
    std::jthread works{[&] {
        leat::from(in)
            .map([](std::string& text) {
                if (text == "poison") throw std::runtime_error{"no"};
                return text;
            })
            .to([&](const std::string& text) { got.push_back(text); })
            .run(stop.get_token());
    }};
    CHECK(comes_true([&] { return from.stat().counts.acked == 2 && from.dead_letters({}, 10).size() == 1; }));
    stop.request_stop();
    works.join();
    CHECK(got == std::vector<std::string>{"good", "better"});
}

TEST_CASE("what the next queue refuses for good is rejected") {
    leat::context ctx;
    leat::queue_rules small;
    small.max_message = 100;
    auto from = named(ctx, "from"), to = named(ctx, "to", small);
    text_producer put{ctx, from.bound().str(), {.queue = "from"}};
    put.put(std::string(200, 'x'));
    put.put("small");
    REQUIRE_EQ(put.flush(patience), 0);
    text_consumer in{ctx, from.bound().str(), {.queue = "from"}};
    text_producer out{ctx, to.bound().str(), {.queue = "to"}};
    std::stop_source stop;
    std::jthread works{[&] { leat::from(in).to(out).run(stop.get_token()); }};
    CHECK(comes_true([&] { return from.dead_letters({}, 10).size() == 1 && to.stat().depth.ready == 1; }));
    stop.request_stop();
    works.join();
    CHECK_EQ(from.dead_letters({}, 10).at(0).text, "refused by the next queue: too_large");
}

TEST_CASE("from pushers to pullers, and a stop ends it though nobody takes anything") {
    leat::context ctx;
    leat::puller<int> in{ctx, {.bind = "tcp://127.0.0.1:*"}};
    leat::pusher<int> push{ctx, {.connect = in.bound()[0]}};
    leat::pusher<int> out{ctx, {.bind = "tcp://127.0.0.1:*"}};
    leat::puller<int> end{ctx, {.connect = out.bound()[0]}};
    std::stop_source stop;
    std::jthread works{
        [&] { leat::from(in).map([](int n) { return n + 1; }).to(out).run(stop.get_token(), 50ms); }};
    for (int i = 0; i < 100; ++i) REQUIRE(push.send(i, patience) == status::ok);
    for (int i = 0; i < 100; ++i) {
        auto one = end.receive(patience);
        REQUIRE(one);
        CHECK_EQ(*one, i + 1);
    }
    stop.request_stop();
    works.join();
}

TEST_CASE("a stop ends a flow that waits for room in its sink") {
    leat::context ctx;
    leat::pusher<int> nobody{ctx, {.bind = "tcp://127.0.0.1:*"}};
    leat::producer<int> full{
        ctx, "tcp://127.0.0.1:1", {.queue = "nowhere", .max_unconfirmed = 1, .linger = 0ms}};
    const auto stops = [](auto&& begin) {
        std::atomic<int> reached{0};
        std::stop_source stop;
        leat::flow_report report;
        std::jthread stuck{[&] { report = begin(reached).run(stop.get_token(), 20ms); }};
        CHECK(comes_true([&] { return reached >= 1; }));
        stop.request_stop();
        stuck.join();
        CHECK_FALSE(report.complete);
        CHECK_GE(report.failed, 1);
    };
    const auto counted = [](std::atomic<int>& reached) {
        return leat::from(numbers(100)).tap([&](int) { ++reached; });
    };
    stops([&](auto& reached) { return counted(reached).to(nobody); });
    stops([&](auto& reached) { return counted(reached).to(full); });
    stops([&](auto& reached) { return counted(reached).workers(2).to(nobody); });
    stops([&](auto& reached) {
        return counted(reached)
            .workers(2, true)
            .batch(1, 1h)
            .expand([](auto& some) { return some; })
            .to(full);
    });
}

TEST_CASE("what a filter leaves out is done, and what is given up on the way is not") {
    leat::context ctx;
    auto from = named(ctx, "from");
    text_producer put{ctx, from.bound().str(), {.queue = "from"}};
    for (int i = 0; i < 10; ++i) put.put(std::to_string(i));
    REQUIRE_EQ(put.flush(patience), 0);
    text_consumer in{ctx, from.bound().str(), {.queue = "from"}};
    text_producer nowhere{ctx, "tcp://127.0.0.1:1", {.queue = "to", .linger = 0ms}};
    std::stop_source stop;
    std::jthread works{[&] {
        leat::from(in)
            .filter([](const std::string& text) { return text >= "5"; })
            .to(nowhere)
            .run(stop.get_token());
    }};
    REQUIRE(comes_true([&] { return nowhere.unconfirmed() == 5; }));
    CHECK(comes_true([&] { return from.stat().counts.acked == 5; }));
    nowhere.close(leat::deadline::now());  // its callbacks are let go, while the consumer is open
    CHECK(comes_true([&] { return from.stat().counts.released >= 5; }));
    CHECK_EQ(from.stat().counts.acked, 5);
    CHECK_EQ(from.stat().counts.retried, 0);
    stop.request_stop();
}

TEST_CASE("from publications") {
    leat::context ctx;
    leat::publisher<int> pub{ctx, {.bind = "tcp://127.0.0.1:*"}};
    leat::subscriber<int> sub{ctx, {.connect = pub.bound()[0], .patterns = {"a.*"}}};
    REQUIRE(sub.wait_ready(1, patience) == status::ok);
    REQUIRE(pub.publish("a.one", 1, patience) == status::ok);
    REQUIRE(pub.publish("b.two", 2, patience) == status::ok);
    REQUIRE(pub.publish("a.three", 3, patience) == status::ok);
    std::stop_source stop;
    std::vector<std::string> topics;
    leat::from(sub)
        .to([&](leat::publication<int>& one) {
            topics.push_back(one.topic);
            if (one.value == 3) stop.request_stop();
        })
        .run(stop.get_token());
    CHECK(topics == std::vector<std::string>{"a.one", "a.three"});
}

TEST_CASE("to a publisher, each under its topic") {
    leat::context ctx;
    leat::publisher<int> pub{ctx, {.bind = "tcp://127.0.0.1:*"}};
    leat::subscriber<int> sub{ctx, {.connect = pub.bound()[0], .patterns = {"n.>"}}};
    REQUIRE(sub.wait_ready(1, patience) == status::ok);
    const auto report =
        leat::from(numbers(3)).workers(2, true).to(pub, [](int n) { return "n." + std::to_string(n); }).run();
    CHECK_EQ(report.out, 3);
    for (int n = 0; n < 3; ++n) {
        const auto one = sub.receive(patience);
        REQUIRE(one);
        CHECK_EQ(one->topic, "n." + std::to_string(n));
        CHECK_EQ(one->value, n);
    }
}

TEST_CASE("a flow that cannot be is refused") {
    CHECK_THROWS_LEAT(leat::from(numbers(1)).workers(0), leat::errc::bad_option, "allowed are 1 to 256");
    CHECK_THROWS_LEAT(leat::from(numbers(1)).batch(0, 1s), leat::errc::bad_option, "at least 1");
}
