#include "queue_support.hpp"

#include "support/ports.hpp"
#include "support/throws.hpp"

#include <future>
#include <map>

TEST_CASE("what is put is confirmed, delivered, and gone once it is acked") {
    for (const std::string transport : {"inproc", "ipc", "tcp"}) {
        CAPTURE(transport);
        leat::context ctx;
        leat::queue work{ctx, on(transport)};
        text_producer out{ctx, work.bound(), {.queue = "work"}};
        text_consumer in{ctx, work.bound(), {.queue = "work"}};
        for (int i = 0; i < 100; ++i) out.put("m" + std::to_string(i));
        CHECK(out.flush(patience) == 0);
        for (int i = 0; i < 100; ++i) REQUIRE(take(in) == "m" + std::to_string(i));
        CHECK(comes_true([&] { return work.stat().counts.acked == 100; }));
        const auto now = work.stat();
        CHECK(now.counts.confirmed == 100);
        CHECK(now.counts.deliveries == 100);
        CHECK(now.depth.live() == 0);
        CHECK(now.bad_frames == 0);
        CHECK(take(in, 0s) == "<timeout>");
    }
}

TEST_CASE("a producer and a consumer may come before their queue") {
    leat::context ctx;
    const auto at = support::fresh_inproc();
    const support::ipc_path path;
    for (const auto& where : {at, path.at()}) {
        text_producer out{ctx, where, {.queue = "work"}};
        text_consumer in{ctx, where, {.queue = "work"}};
        out.put("early");
        CHECK(out.flush(0s) == 1);
        leat::queue work{ctx, {.name = "work", .bind = where.str()}};
        CHECK(take(in) == "early");
        CHECK(out.flush(patience) == 0);
    }
}

TEST_CASE("each outcome does what its name says") {
    leat::context ctx;
    leat::queue work{ctx, on("tcp")};
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    text_consumer in{ctx, work.bound(), {.queue = "work", .prefetch = 1}};
    out.put("one", {.key = "k", .id = "the id", .priority = 7, .headers = {{"a", "b"}}});
    auto first = in.next(patience);
    REQUIRE(first);
    CHECK(first->attempt() == 1);
    CHECK(first->key() == "k");
    CHECK(first->id() == "the id");
    CHECK(first->priority() == 7);
    CHECK(first->headers().at("a") == "b");
    const auto fence = first->fence();
    const auto origin = first->origin();
    first->release();

    auto second = in.next(patience);
    REQUIRE(second);
    CHECK(second->attempt() == 1);  // a release is no attempt
    CHECK(second->redelivered() == 1);
    CHECK(second->fence() > fence);
    CHECK(second->origin() == origin);
    second->retry(1ms);

    auto third = in.next(patience);
    REQUIRE(third);
    CHECK(third->attempt() == 2);
    CHECK(third->key() == "k");
    third->reject("of no use");
    CHECK(comes_true([&] { return work.stat().counts.rejected == 1; }));

    const auto dead = work.dead_letters();
    REQUIRE(dead.size() == 1);
    CHECK(dead[0].why == leat::death::rejected);
    CHECK(dead[0].text == "of no use");
    CHECK(dead[0].attributes.key == "k");
    CHECK(dead[0].origin == origin);
    CHECK(work.redrive().moved == 1);
    CHECK(take(in) == "one");
}

TEST_CASE("a confirm tells the number by which the queue knows the message") {
    leat::context ctx;
    leat::queue work{ctx, on("tcp")};
    text_producer one{ctx, work.bound(), {.queue = "work"}}, other{ctx, work.bound(), {.queue = "work"}};
    text_consumer in{ctx, work.bound(), {.queue = "work"}};
    std::vector<std::pair<std::string, std::future<leat::put_result>>> all;
    for (int i = 0; i < 200; ++i) {
        auto& by = i % 3 == 0 ? one : other;
        all.emplace_back(std::to_string(i), by.put_async(std::to_string(i)));
    }
    std::map<std::uint64_t, std::string> told;
    for (auto& [text, result] : all) told[result.get().seq] = text;
    CHECK(told.size() == 200);
    for (int i = 0; i < 200; ++i) {
        auto got = in.next(patience);
        REQUIRE(got);
        REQUIRE(told.at(got->origin().seq) == **got);
        got->ack();
    }
    CHECK(one.put_async("i", {.id = "i"}).get().seq == 201);
    CHECK(one.put_async("i", {.id = "i"}).get().seq == 0);
}

TEST_CASE("a full queue that blocks holds its producer, and room lets it go on") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.max_messages = 10;
    leat::queue work{ctx, on("tcp", rules)};
    text_producer out{ctx, work.bound(), {.queue = "work", .max_unconfirmed = 20}};
    int taken = 0;
    while (out.try_put("m") == status::ok) ++taken;
    REQUIRE(comes_true([&] { return out.unconfirmed() <= 10 || out.try_put("m") != status::ok; }));
    for (; out.try_put("m") == status::ok;) ++taken;
    REQUIRE(comes_true([&] { return work.stat().depth.live() == 10; }));
    CHECK(out.flush(0s) > 0);
    text_consumer in{ctx, work.bound(), {.queue = "work"}};
    int got = 0;
    while (out.flush(0s) > 0 || work.stat().depth.live() > 0) {
        if (take(in, 100ms) == "m") ++got;
    }
    CHECK(got >= taken);
    CHECK(work.stat().counts.refused_sum() == 0);
}

TEST_CASE("a full queue that rejects gives the message back with the reason") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.max_messages = 2;
    rules.overflow = leat::queue_overflow::reject;
    rules.max_message = 1000;
    leat::queue work{ctx, on("tcp", rules)};
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    out.put("a");
    out.put("b");
    CHECK(out.flush(patience) == 0);
    out.put("c", {.key = "of c"});
    CHECK(out.flush(patience) == 0);
    out.put(std::string(2000, 'x'));  // which the producer knows to be too large
    const auto back = out.take_refused();
    REQUIRE(back.size() == 2);
    CHECK(back[0].value == "c");
    CHECK(back[0].how.key == "of c");
    CHECK(back[0].why == leat::put_refusal::full);
    CHECK(back[1].why == leat::put_refusal::too_large);
    CHECK(out.take_refused().empty());

    auto verdict = out.put_async("d");
    CHECK(verdict.get().why == leat::put_refusal::full);
    std::promise<leat::put_result> told;
    out.put("e", {}, [&](const leat::put_result& result) { told.set_value(result); });
    CHECK(told.get_future().get().what == leat::verdict::refused);
    CHECK(out.take_refused().empty());
}

TEST_CASE("a future of a put whose producer ends first says so") {
    leat::context ctx;
    std::future<leat::put_result> open;
    {
        text_producer out{
            ctx, support::fresh_inproc(), {.queue = "work", .linger = std::chrono::milliseconds{0}}};
        open = out.put_async("to nobody");
    }
    CHECK_THROWS_LEAT(static_cast<void>(open.get()), leat::errc::closed, "before this put had its verdict");
}

TEST_CASE("an id is stored once within the window, whoever puts it") {
    leat::context ctx;
    leat::queue work{ctx, on("tcp")};
    text_producer one{ctx, work.bound(), {.queue = "work"}}, two{ctx, work.bound(), {.queue = "work"}};
    CHECK(one.put_async("x", {.id = "7"}).get().what == leat::verdict::stored);
    CHECK(two.put_async("x", {.id = "7"}).get().what == leat::verdict::duplicate);
    CHECK(work.stat().depth.live() == 1);
}

TEST_CASE("a message with a delay comes when it is due, and one whose ttl has passed not at all") {
    leat::context ctx;
    leat::queue work{ctx, on("tcp")};
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    REQUIRE(out.wait_ready(patience) == status::ok);
    const auto began = std::chrono::steady_clock::now();
    out.put("later", {.delay = 50ms});
    out.put("stale", {.ttl = 20ms});
    REQUIRE(out.flush(patience) == 0);
    // On a slow machine it has passed before the put arrives, which is then refused.
    REQUIRE(comes_true([&] { return work.stat().counts.expired + out.take_refused().size() == 1; }));
    text_consumer in{ctx, work.bound(), {.queue = "work"}};
    CHECK(take(in) == "later");
    CHECK(std::chrono::steady_clock::now() - began >= 50ms);
}

TEST_CASE("two queues share an endpoint, and a third of the same name is refused") {
    leat::context ctx;
    leat::queue one{ctx, {.name = "one", .bind = "tcp://127.0.0.1:*"}};
    leat::queue two{ctx, {.name = "two", .bind = one.bound().str()}};
    CHECK(two.bound() == one.bound());
    CHECK_THROWS_LEAT(leat::queue(ctx, {.name = "one", .bind = one.bound().str()}), leat::errc::bind_failed,
                      "a queue named one already");
    text_producer to_one{ctx, one.bound(), {.queue = "one"}}, to_two{ctx, one.bound(), {.queue = "two"}};
    to_one.put("1");
    to_two.put("2");
    text_consumer from_two{ctx, one.bound(), {.queue = "two"}};
    CHECK(take(from_two) == "2");
    CHECK(take(from_two, 0s) == "<timeout>");
    CHECK(two.close(patience) == status::ok);
    text_consumer from_one{ctx, one.bound(), {.queue = "one"}};
    CHECK(take(from_one) == "1");
}

TEST_CASE("a queue that closes waits for what consumers hold, and takes no more") {
    leat::context ctx;
    leat::queue work{ctx, on("tcp")};
    text_producer out{ctx, work.bound(), {.queue = "work", .linger = std::chrono::milliseconds{0}}};
    text_consumer in{ctx, work.bound(), {.queue = "work"}};
    out.put("one");
    auto held = in.next(patience);
    REQUIRE(held);
    std::jthread closing{[&] { CHECK(work.close(3s) == status::timeout); }};
    REQUIRE(comes_true([&] { return out.state().draining; }));
    out.put("late");  // its producer keeps it
    CHECK(out.flush(50ms) == 1);
    CHECK(out.take_refused().empty());
    closing.join();
    CHECK(work.stat().depth.live() == 0);  // as if it had never been
}

TEST_CASE("threads look at a queue, change it and close it at the same time") {
    leat::context ctx;
    for (int round = 0; round < 20; ++round) {
        leat::queue work{ctx, on("tcp")};
        const leat::queue beside{ctx, {.name = "beside", .bind = work.bound().str()}};
        text_producer out{ctx, work.bound(), {.queue = "work", .linger = 0ms}};
        out.put("one");
        std::atomic<bool> over{false};
        std::vector<std::jthread> all;
        for (int i = 0; i < 2; ++i) {
            all.emplace_back([&] {
                while (!over) {
                    static_cast<void>(work.stat());
                    static_cast<void>(work.peek());
                    work.purge();
                }
            });
            all.emplace_back([&] {
                const auto how = work.close(patience);
                CHECK((how == status::ok || how == status::closed));
                over = true;
            });
        }
    }
}

TEST_CASE("a handler may throw whatever it likes: its message comes again") {
    leat::context ctx;
    leat::queue work{ctx, on("tcp")};
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    text_consumer in{ctx, work.bound(), {.queue = "work"}};
    out.put("one");
    std::atomic<int> times{0};
    in.run(
        [&](leat::delivery<std::string>& d) {
            if (++times == 1) throw 42;
            CHECK(d.attempt() == 2);
            d.ack();
            in.stop();
        },
        2);
    CHECK(times == 2);
}

TEST_CASE("a second queue of an endpoint takes no larger messages than the first one left room for") {
    leat::context ctx;
    leat::queue work{ctx, on("tcp")};
    leat::queue_rules large;
    large.max_message = 64u << 20;
    CHECK_THROWS_LEAT(leat::queue(ctx, {.name = "large", .bind = work.bound().str(), .rules = large}),
                      leat::errc::bad_option, "max_message");
    leat::queue first{ctx, on("tcp", large, "large")};
    leat::producer<leat::bytes> out{ctx, first.bound(), {.queue = "large"}};
    CHECK(out.put_async(leat::bytes{std::string(60u << 20, 'x')}).get().what == leat::verdict::stored);
}

TEST_CASE("options that are missing or out of their range are refused by name") {
    leat::context ctx;
    CHECK_THROWS_LEAT(leat::queue(ctx, {.name = "", .bind = "inproc://q"}), leat::errc::bad_option, "name");
    CHECK_THROWS_LEAT(leat::queue(ctx, {.name = "q"}), leat::errc::bad_option, "bind");
    CHECK_THROWS_LEAT(text_producer(ctx, "inproc://q", {}), leat::errc::bad_option, "queue");
    CHECK_THROWS_LEAT(text_consumer(ctx, "inproc://q", {.queue = "q", .prefetch = 0}), leat::errc::bad_option,
                      "prefetch");
}

TEST_CASE("queue, producer and consumer survive their context") {
    auto ctx = std::make_unique<leat::context>();
    leat::queue work{*ctx, on("tcp")};
    text_producer out{*ctx, work.bound(), {.queue = "work", .linger = std::chrono::milliseconds{0}}};
    text_consumer in{*ctx, work.bound(), {.queue = "work"}};
    out.put("one");
    auto held = in.next(patience);
    REQUIRE(held);
    REQUIRE(out.flush(patience) == 0);
    CHECK(ctx->close(patience).complete);
    ctx.reset();
    CHECK(work.stat().depth.live() == 0);
    CHECK(in.next(patience).why() == status::closed);
    CHECK(out.try_put("two") == status::closed);
    CHECK_THROWS_LEAT(out.put("two"), leat::errc::closed, "producer");
    CHECK(held->lost());
    held->ack();
    CHECK(work.close(patience) == status::closed);
}
