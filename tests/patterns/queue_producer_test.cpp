// How a producer keeps its order, its bounds, and its share of the queue's memory.

#include "queue_support.hpp"

#include "support/ports.hpp"
#include "support/rogue.hpp"
#include "support/tcp_proxy.hpp"

#include <future>
#include <vector>

using support::rogue;
using namespace support::answers;
namespace wire = leat::detail::wire;

namespace {

const leat::socket_options quick{.reconnect_first = 5ms, .reconnect_cap = 20ms};

}  // namespace

TEST_CASE("what an in-order producer puts is stored in order, however often the queue is full") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.overflow = leat::queue_overflow::reject;
    rules.max_messages = 7;
    leat::queue work{ctx, here(rules)};
    support::tcp_proxy way{work.bound()};
    text_producer out{ctx,
                      way.at(),
                      {.queue = "work",
                       .batch_messages = 5,
                       .in_order = true,
                       .socket = {.reconnect_first = 5ms, .reconnect_cap = 20ms}}};
    constexpr int count = 100;
    std::vector<std::future<leat::put_result>> verdicts;
    for (int i = 0; i < count / 2; ++i) verdicts.push_back(out.put_async(std::to_string(i)));
    REQUIRE(comes_true([&] { return work.stat().counts.refused_sum() > 0; }));
    // These come while others wait to be put again.
    for (int i = count / 2; i < count; ++i) verdicts.push_back(out.put_async(std::to_string(i)));
    text_consumer in{ctx, work.bound(), {.queue = "work", .prefetch = 3}};
    for (int i = 0; i < count; ++i) {
        auto got = in.next(patience);
        REQUIRE(got);
        REQUIRE(**got == std::to_string(i));
        got->ack();
        if (i == 40) way.cut();
    }
    CHECK(out.flush(patience) == 0);
    for (auto& one : verdicts) CHECK(one.get().what != leat::verdict::refused);
    const auto counts = work.stat().counts;
    CHECK(counts.admitted == count);
    CHECK(counts.refused[static_cast<std::size_t>(leat::put_refusal::full)] > 0);
    CHECK(out.take_refused().empty());
}

TEST_CASE("a put waits for room while there is no queue yet, and goes on once there is") {
    leat::context ctx;
    const support::ipc_path path;
    text_producer out{ctx, path.at(), {.queue = "work", .max_unconfirmed = 2, .socket = quick}};
    for (const auto* one : {"one", "two"}) out.put(one);
    CHECK(out.try_put("three") == leat::status::timeout);
    auto late = std::async(std::launch::async, [&] { out.put("three"); });
    CHECK(late.wait_for(50ms) == std::future_status::timeout);
    leat::queue work{ctx, {.name = "work", .bind = path.at().str()}};
    late.get();
    CHECK(out.flush(patience) == 0);
    CHECK(work.stat().counts.admitted == 3);
}

TEST_CASE("an in-order producer gives back what is refused for good, and goes on") {
    leat::context ctx;
    leat::queue work{ctx, here()};
    text_producer out{ctx, work.bound(), {.queue = "work", .in_order = true}};
    out.put("a");
    out.put("bad", {.priority = 10});
    out.put("b");
    CHECK(out.flush(patience) == 0);
    const auto back = out.take_refused();
    REQUIRE(back.size() == 1);
    CHECK(back[0].value == "bad");
    CHECK(back[0].how.priority == 10);
    CHECK(work.stat().counts.admitted == 2);
}

TEST_CASE("an in-order producer waits out a pause") {
    leat::context ctx;
    leat::queue work{ctx, here()};
    text_producer out{ctx, work.bound(), {.queue = "work", .in_order = true}};
    work.pause_puts();
    // Most of these come while others wait to be put again.
    for (int i = 0; i < 10; ++i) {
        const auto before = work.stat().counts.refused_sum();
        out.put(std::to_string(i));
        REQUIRE(comes_true([&] { return work.stat().counts.refused_sum() > before; }));
    }
    work.pause_puts(false);
    CHECK(out.flush(patience) == 0);
    text_consumer in{ctx, work.bound(), {.queue = "work"}};
    for (int i = 0; i < 10; ++i) {
        auto got = in.next(patience);
        REQUIRE(got);
        CHECK(**got == std::to_string(i));
        got->ack();
    }
}

TEST_CASE("a message that is larger than the queue takes is refused, and does not break the connection") {
    leat::context ctx;
    leat::queue work{ctx, here()};
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    REQUIRE(out.wait_ready(patience) == status::ok);
    const std::string huge(40u << 20, 'x');
    const auto told = out.put_async(huge).get();
    CHECK(told.what == leat::verdict::refused);
    CHECK(told.why == leat::put_refusal::too_large);
    out.put(huge, {.key = "k"});
    const auto back = out.take_refused();
    REQUIRE(back.size() == 1);
    CHECK(back[0].value.size() == huge.size());
    CHECK(back[0].how.key == "k");
    CHECK(back[0].why == leat::put_refusal::too_large);
    CHECK(out.put_async("small").get().what == leat::verdict::stored);
    CHECK(out.put_async(std::string((1u << 20) - 100, 'y')).get().what == leat::verdict::stored);
    CHECK(work.stat().bad_frames == 0);
}

TEST_CASE("a message with more attributes than a frame has room for is refused as bad, whenever it is put") {
    leat::context ctx;
    leat::queue work{ctx, here()};
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    auto early = out.put_async("m", {.key = std::string(70'000, 'k')});
    CHECK(early.get().why == leat::put_refusal::bad_message);
    REQUIRE(out.wait_ready(patience) == status::ok);
    out.put("m", {.headers = {{"h", std::string(70'000, 'v')}}});
    const auto back = out.take_refused();
    REQUIRE(back.size() == 1);
    CHECK(back[0].why == leat::put_refusal::bad_message);
    CHECK(back[0].text == "more than 64 KiB of attributes");
    CHECK(out.put_async("m", {.headers = {{"h", std::string(20'000, 'v')}}}).get().why ==
          leat::put_refusal::bad_message);  // by the queue's own rule
    CHECK(out.put_async("good").get().what == leat::verdict::stored);
    CHECK(work.stat().bad_frames == 0);
}

TEST_CASE("what was put before the queue was there is refused if it is too large, and the rest is stored") {
    leat::context ctx;
    const support::ipc_path path;
    const auto at = path.at();
    text_producer out{ctx, at, {.queue = "work", .batch_messages = 3, .socket = quick}};
    std::vector<std::future<leat::put_result>> all;
    for (int i = 0; i < 10; ++i)
        all.push_back(out.put_async(i % 4 == 1 ? std::string(4u << 20, 'x') : std::to_string(i)));
    leat::queue work{ctx, {.name = "work", .bind = at.str()}};
    text_consumer in{ctx, at, {.queue = "work"}};
    for (int i = 0; i < 10; ++i) {
        const auto told = all[static_cast<std::size_t>(i)].get();
        CHECK(told.why == (i % 4 == 1 ? leat::put_refusal::too_large : leat::put_refusal::none));
        if (i % 4 != 1) CHECK(take(in) == std::to_string(i));
    }
    CHECK(out.unconfirmed() == 0);
    CHECK(work.stat().bad_frames == 0);
}

TEST_CASE("a queue that comes back with less room refuses what it was not asked before") {
    leat::context ctx;
    const support::ipc_path path;
    const auto at = path.at();
    text_producer out{ctx, at, {.queue = "work", .batch_messages = 3, .socket = quick}};
    std::vector<std::future<leat::put_result>> all;
    {
        leat::queue_rules rules;
        rules.max_messages = 1;
        leat::queue work{ctx, {.name = "work", .bind = at.str(), .rules = rules}};
        REQUIRE(out.put_async("first").get().what == leat::verdict::stored);
        for (int i = 0; i < 8; ++i)
            all.push_back(out.put_async(i % 3 == 1 ? std::string(5000, 'x') : std::to_string(i)));
        REQUIRE(comes_true([&] { return work.stat().depth.parked > 0; }));
    }
    leat::queue_rules rules;
    rules.max_message = 1000;
    leat::queue work{ctx, {.name = "work", .bind = at.str(), .rules = rules}};
    text_consumer in{ctx, at, {.queue = "work"}};
    for (int i = 0; i < 8; ++i) {
        const auto told = all[static_cast<std::size_t>(i)].get();
        CHECK(told.why == (i % 3 == 1 ? leat::put_refusal::too_large : leat::put_refusal::none));
        if (i % 3 != 1) CHECK(take(in) == std::to_string(i));
    }
    CHECK(out.unconfirmed() == 0);
}

TEST_CASE("a producer that asks for room has its turn until it has used it") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.ingress_bytes = 64 << 10;
    leat::queue work{ctx, here(rules)};
    rogue hog{ctx, work.bound(), wire::role::producer}, other{ctx, work.bound(), wire::role::producer};
    other.hello.client = std::string(16, 'o');
    for (auto* one : {&hog, &other}) {
        one->say(one->hello);
        REQUIRE(one->answer() == welcome);
    }
    wire::need ask;
    ask.bytes = 900'000;
    hog.say(ask);
    REQUIRE(hog.answer() == grant);
    hog.say(support::put_of(1, {4}), "tiny");
    REQUIRE(hog.answer() == confirm);
    other.say(ask);
    CHECK(other.answer(50ms) == 0);
    hog.say(support::put_of(2, {890'000}), std::string(890'000, 'h'));
    CHECK(other.answer() == grant);
    CHECK(other.read<wire::grant>().bytes == 900'000);
}

TEST_CASE("a producer whose batches are larger than its window puts one after the other, however it counts") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.ingress_bytes = 64 << 10;
    leat::queue work{ctx, here(rules)};
    std::vector<std::unique_ptr<rogue>> others;  // who make its window as small as can be
    for (int i = 0; i < 4; ++i) {
        others.push_back(std::make_unique<rogue>(ctx, work.bound(), wire::role::producer));
        others.back()->hello.client = std::string(16, static_cast<char>('a' + i));
        others.back()->say(others.back()->hello);
        REQUIRE(others.back()->answer() == welcome);
    }
    support::tcp_proxy way{work.bound()};
    way.freeze();  // so that its first batches are made before it knows its window
    text_producer out{ctx, way.at(), {.queue = "work"}};
    for (int i = 0; i < 10'000; ++i) out.put("m", {.key = "key " + std::to_string(i % 100)});
    way.thaw();
    CHECK(out.flush(5s) == 0);  // which is less than the session timeout
    CHECK(work.stat().counts.admitted == 10'000);
}

TEST_CASE("of PUTs that are larger than their window one is let in at a time, of all producers") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.ingress_bytes = 64 << 10;
    leat::queue work{ctx, here(rules)};
    constexpr std::size_t many = 6;
    std::vector<std::unique_ptr<rogue>> all;
    for (std::size_t i = 0; i < many; ++i) {
        all.push_back(std::make_unique<rogue>(ctx, work.bound(), wire::role::producer));
        auto& one = *all.back();
        one.hello.client = std::string(16, static_cast<char>('a' + i));
        one.say(one.hello);
        REQUIRE(one.answer() == welcome);
    }
    const std::string body(300'000, 'b');
    wire::need ask;
    ask.bytes = 300'100;
    for (auto& one : all) one->say(ask);
    std::vector<bool> served(many);
    for (std::size_t n = 0; n < many; ++n) {
        std::size_t who = many;
        REQUIRE(comes_true([&] {
            for (std::size_t i = 0; i < many; ++i) {
                if (!served[i] && all[i]->answer(1ms) == grant) who = i;
            }
            return who != many;
        }));
        CHECK(all[who]->read<wire::grant>().bytes == 300'100);
        served[who] = true;
        for (std::size_t i = 0; i < many; ++i) {  // and nobody else is
            if (!served[i]) CHECK(all[i]->answer(10ms) == 0);
        }
        all[who]->say(support::put_of(1, {300'000}), body);
        int what = 0;
        do {
            what = all[who]->answer();
        } while (what == grant);
        CHECK(what == confirm);
    }
    CHECK(work.stat().counts.admitted == many);
}

TEST_CASE("one that asks for room and does not use it loses its session, and the others have their turn") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.ingress_bytes = 64 << 10;
    rules.session_timeout = 500ms;
    leat::queue work{ctx, here(rules)};
    rogue hog{ctx, work.bound(), wire::role::producer};
    hog.say(hog.hello);
    REQUIRE(hog.answer() == welcome);
    wire::need ask;
    ask.bytes = 900'000;
    hog.say(ask);
    REQUIRE(hog.answer() == grant);
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    auto told = out.put_async(std::string(500'000, 'x'));
    int what = 0;
    do {
        hog.say(wire::ping{});  // it is alive
        what = hog.answer(50ms);
    } while (what == pong || what == 0 || what == grant);
    CHECK(what == session_lost);
    CHECK(told.get().what == leat::verdict::stored);
    hog.say(hog.hello);
    while (hog.answer() != welcome) continue;
    ask.bytes = 1u << 30;
    hog.say(ask);
    CHECK(hog.answer() == bad_frame);
}

TEST_CASE("many producers with little room each put what is larger than their share") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.ingress_bytes = 64 << 10;
    leat::queue work{ctx, here(rules)};
    std::vector<std::unique_ptr<text_producer>> all;
    for (int i = 0; i < 8; ++i)
        all.push_back(
            std::make_unique<text_producer>(ctx, work.bound(), leat::producer_options{.queue = "work"}));
    for (int n = 0; n < 5; ++n) {
        for (auto& one : all) {
            for (int i = 0; i < 100; ++i) one->put(std::string(300, 's'));
            one->put(std::string(200'000, 'l'));
        }
    }
    for (auto& one : all) CHECK(one->flush(patience) == 0);
    CHECK(work.stat().counts.admitted == 8 * 5 * 101);
    CHECK(work.stat().bad_frames == 0);
}
