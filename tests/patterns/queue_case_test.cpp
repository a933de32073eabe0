// Cases of losses, keys and limits that the engine's tests have under the same numbers, between real sockets.

#include "queue_support.hpp"

#include "support/rogue.hpp"

#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

using support::rogue;
using namespace support::answers;
namespace wire = leat::detail::wire;

namespace {

/// A consumer that never renews, with credit for so many.
std::unique_ptr<rogue> taker(leat::context& ctx, leat::queue& work, std::uint64_t credit) {
    auto made = std::make_unique<rogue>(ctx, work.bound(), wire::role::consumer);
    made->say(made->hello);
    REQUIRE(made->answer() == welcome);
    wire::credit frame;
    frame.messages = credit;
    frame.bytes = 1 << 20;
    made->say(frame);
    return made;
}

wire::settle ack_of(std::uint64_t first, std::uint64_t last) {
    wire::settle frame;
    frame.groups.resize(1);
    frame.groups[0].deliveries = {{first, last}};
    return frame;
}

/// The totals of the next SETTLED.
wire::settled outcome_of(rogue& by) {
    int what = 0;
    do {
        what = by.answer();
    } while (what != settled && what != 0);
    REQUIRE(what == settled);
    return by.read<wire::settled>();
}

void fill(leat::context& ctx, leat::queue& work, int count) {
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    for (int i = 0; i < count; ++i) out.put(std::to_string(i));
    REQUIRE(out.flush(patience) == 0);
}

}  // namespace

TEST_CASE("1: a late ack counts until another consumer has the message") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.lease = 1s;
    leat::queue work{ctx, here(rules)};
    auto late = taker(ctx, work, 2);
    fill(ctx, work, 2);
    REQUIRE(comes_true([&] { return work.stat().counts.lost == 2; }));
    late->say(ack_of(1, 1));
    CHECK(outcome_of(*late).applied == 1);
    CHECK(work.stat().counts.late_acks == 1);
    text_consumer other{ctx, work.bound(), {.queue = "work"}};
    auto second = other.next(patience);
    REQUIRE(second);
    CHECK(**second == "1");
    late->say(ack_of(2, 2));
    const auto told = outcome_of(*late);
    CHECK(told.applied == 1);
    CHECK(told.stale == 1);
    second->ack();
    CHECK(comes_true([&] { return work.stat().counts.acked == 2; }));
}

TEST_CASE("8: beside a black hole a good consumer acks everything, and nothing dies") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.lease = 1s;
    rules.max_attempts = 1;  // one attempt burnt would be one too many
    leat::queue work{ctx, here(rules)};
    const auto hole = taker(ctx, work, 1000);
    fill(ctx, work, 100);
    REQUIRE(comes_true([&] { return work.stat().depth.in_flight == 100; }));
    text_consumer good{ctx, work.bound(), {.queue = "work"}};
    std::set<std::string> seen;
    while (seen.size() < 100) {
        auto got = good.next(patience);
        REQUIRE(got);
        CHECK(got->attempt() == 1);
        seen.insert(**got);
        got->ack();
        hole->say(wire::ping{});  // it lives, and takes no more
    }
    CHECK(comes_true([&] { return work.stat().counts.acked == 100; }));
    CHECK(work.stat().counts.dead_sum() == 0);
    CHECK(work.stat().counts.lost == 100);
}

TEST_CASE("9: a client without renewals acks its buffer late, and nothing is handed out twice") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.lease = 300ms;
    leat::queue work{ctx, here(rules)};
    const auto slow = taker(ctx, work, 20);
    fill(ctx, work, 20);
    REQUIRE(comes_true([&] { return work.stat().counts.lost == 20; }));
    for (std::uint64_t d = 1; d <= 20; ++d) slow->say(ack_of(d, d));
    REQUIRE(comes_true([&] { return work.stat().counts.acked == 20; }));
    const auto counts = work.stat().counts;
    CHECK(counts.late_acks == 20);
    CHECK(counts.deliveries == 20);
    CHECK(counts.stale == 0);
    CHECK_FALSE(work.stat().each_consumer.at(0).barred);
}

TEST_CASE("10: a stuck handler is given up, and its seven neighbours are not disturbed") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.max_hold = 1s;
    leat::queue work{ctx, here(rules)};
    text_consumer in{ctx, work.bound(), {.queue = "work"}};
    std::promise<void> let_go;
    auto stuck_until = let_go.get_future().share();
    std::atomic<int> stuck{0}, handled{0};
    std::jthread workers{[&] {
        in.run(
            [&](leat::delivery<std::string>& d) {
                if (*d == "0" && stuck++ == 0) {
                    stuck_until.wait();
                    CHECK(d.lost());
                }
                d.ack();
                ++handled;
            },
            8);
    }};
    fill(ctx, work, 100);
    CHECK(comes_true([&] { return work.stat().counts.acked == 100; }));  // by another worker
    CHECK(stuck == 2);
    const auto counts = work.stat().counts;
    CHECK(counts.lost == 1);
    CHECK(counts.deliveries == 101);
    CHECK(counts.dead_sum() == 0);
    let_go.set_value();
    REQUIRE(comes_true([&] { return handled == 101; }));
    in.stop();
}

TEST_CASE("11: nothing passes a message of its key that is retried four times, and other keys go on") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.retry = {.first = 30ms, .factor = 1, .cap = 30ms, .jitter = 0};
    leat::queue work{ctx, here(rules)};
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    out.put("0", {.key = "k"});
    for (int i = 1; i <= 20; ++i) {
        out.put(std::to_string(i), {.key = "k"});
        out.put("other", {.key = "o" + std::to_string(i)});
    }
    text_consumer in{ctx, work.bound(), {.queue = "work", .prefetch = 4}};
    std::vector<std::string> of_k;
    int others = 0, others_before_the_last_attempt = 0;
    while (of_k.size() < 25 || others < 20) {
        auto got = in.next(patience);
        REQUIRE(got);
        if (**got == "other") {
            ++others;
        } else {
            of_k.push_back(**got);
            if (got->attempt() == 5) others_before_the_last_attempt = others;
            if (**got == "0" && got->attempt() < 5) {
                got->retry();
                continue;
            }
        }
        got->ack();
    }
    std::vector<std::string> want(4, "0");
    for (int i = 0; i <= 20; ++i) want.push_back(std::to_string(i));
    CHECK(of_k == want);
    CHECK(others_before_the_last_attempt == 20);
}

TEST_CASE("16: drop_oldest refuses as full while all is in flight, and takes the next put after one ack") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.overflow = leat::queue_overflow::drop_oldest;
    rules.max_messages = 3;
    leat::queue work{ctx, here(rules)};
    text_consumer in{ctx, work.bound(), {.queue = "work"}};
    fill(ctx, work, 3);
    std::vector<leat::delivery<std::string>> held;
    for (int i = 0; i < 3; ++i) {
        auto got = in.next(patience);
        REQUIRE(got);
        held.push_back(std::move(*got));
    }
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    CHECK(out.put_async("x").get().why == leat::put_refusal::full);
    held[1].ack();
    REQUIRE(comes_true([&] { return work.stat().counts.acked == 1; }));
    CHECK(out.put_async("y").get().what == leat::verdict::stored);
    CHECK(work.stat().counts.overflow == 0);
}

TEST_CASE("18: under block producers are let in as they came, and another queue of the endpoint goes on") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.max_messages = 1;
    leat::queue work{ctx, here(rules)};
    leat::queue other{ctx, {.name = "other", .bind = work.bound().str()}};
    fill(ctx, work, 1);
    constexpr std::size_t many = 40;
    std::vector<std::unique_ptr<text_producer>> all;
    for (std::size_t i = 0; i < many; ++i) {
        all.push_back(std::make_unique<text_producer>(
            ctx, work.bound(), leat::producer_options{.queue = "work", .linger = 0ms}));
        all.back()->put("p" + std::to_string(i));
        REQUIRE(comes_true([&] { return work.stat().depth.parked == i + 1; }));
    }
    text_producer free{ctx, other.bound(), {.queue = "other"}};
    CHECK(free.put_async("x").get().what == leat::verdict::stored);
    text_consumer in{ctx, work.bound(), {.queue = "work"}};
    for (std::size_t i = 0; i <= many; ++i) {
        auto got = in.next(patience);
        REQUIRE(got);
        CHECK(**got == (i == 0 ? "0" : "p" + std::to_string(i - 1)));
        got->ack();
    }
    for (auto& one : all) CHECK(one->flush(patience) == 0);
}

TEST_CASE("19: a put that was stored is confirmed again, though the queue is full") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.overflow = leat::queue_overflow::reject;
    rules.max_messages = 1;
    leat::queue work{ctx, here(rules)};
    rogue out{ctx, work.bound(), wire::role::producer};
    out.say(out.hello);
    REQUIRE(out.answer() == welcome);
    out.say(support::put_of(1, {3}), "one");
    REQUIRE(out.answer() == confirm);
    out.say(support::put_of(1, {3}), "one");
    REQUIRE(out.answer() == confirm);
    CHECK(out.read<wire::confirm>().duplicate == wire::ranges{{1, 1}});
    out.say(support::put_of(2, {3}), "two");
    CHECK(out.answer() == refuse);
    CHECK(work.stat().counts.admitted == 1);
}

TEST_CASE("20: a refusal whose connection broke is told again, and stays, though there is room now") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.overflow = leat::queue_overflow::reject;
    rules.max_messages = 1;
    leat::queue work{ctx, here(rules)};
    {
        rogue out{ctx, work.bound(), wire::role::producer};
        out.say(out.hello);
        REQUIRE(out.answer() == welcome);
        out.say(support::put_of(1, {3, 3, 3}), "onetwosix");
        REQUIRE(comes_true([&] { return work.stat().counts.refused_sum() == 2; }));
    }  // and nobody has read the verdicts
    CHECK(work.purge() == 1);
    rogue again{ctx, work.bound(), wire::role::producer};
    again.say(again.hello);
    REQUIRE(again.answer() == welcome);
    const auto known = again.read<wire::welcome>();
    CHECK(known.known);
    CHECK(known.decided == 3);
    REQUIRE(known.not_stored.size() == 1);
    CHECK(known.not_stored[0].first == 2);
    CHECK(known.not_stored[0].last == 3);
    again.say(support::put_of(1, {3, 3, 3}), "onetwosix");
    REQUIRE(again.answer() == confirm);
    CHECK(again.read<wire::confirm>().duplicate == wire::ranges{{1, 1}});
    CHECK(again.answer() == refuse);
    CHECK(work.stat().counts.admitted == 1);
}

TEST_CASE(
    "29: producers of one put each that leave in good order leave nothing, and others a bounded number of "
    "rows") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.producer_rows = 10;
    rules.session_timeout = 1s;
    leat::queue work{ctx, here(rules)};
    for (int i = 0; i < 60; ++i) {
        rogue one{ctx, work.bound(), wire::role::producer};
        one.hello.client = std::string(15, 'p') + static_cast<char>(i);
        one.say(one.hello);
        REQUIRE(one.answer() == welcome);
        one.say(support::put_of(1, {3}), "one");
        REQUIRE(one.answer() == confirm);
        if (i % 2 == 0) continue;
        const auto before = work.stat().producers;
        one.say(wire::bye{});
        REQUIRE(comes_true([&] { return work.stat().producers < before; }));
    }
    CHECK(comes_true([&] { return work.stat().producers == 0; }));
    CHECK(work.stat().counts.admitted == 60);
    CHECK(work.stat().counts.evicted_producers == 20);  // of the thirty that went without a word
}
