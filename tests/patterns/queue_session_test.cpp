// What a queue tells its clients beside messages and verdicts.

#include "queue_support.hpp"

#include <leat/queue/queue_admin.hpp>

#include "support/rogue.hpp"
#include "support/tcp_proxy.hpp"

#include <vector>

using support::rogue;
using namespace support::answers;
namespace wire = leat::detail::wire;

namespace {

wire::credit credit_of(std::uint64_t messages) {
    wire::credit frame;
    frame.messages = messages;
    frame.bytes = 1 << 20;
    return frame;
}

/// The next answer that is of this kind.
bool comes(rogue& to, int what) {
    for (;;) {
        const auto got = to.answer();
        if (got == what || got == 0) return got == what;
    }
}

}  // namespace

TEST_CASE("a lease that ends is told, and one that lives is not") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.lease = 1s;
    leat::queue work{ctx, here(rules)};
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    for (int i = 0; i < 3; ++i) out.put("m");
    REQUIRE(out.flush(patience) == 0);
    rogue in{ctx, work.bound(), wire::role::consumer};
    in.say(in.hello);
    REQUIRE(in.answer() == welcome);
    in.say(credit_of(3));
    REQUIRE(comes(in, deliver));
    wire::settle ack;
    ack.groups.resize(1);
    ack.groups[0].deliveries = {{2, 2}};
    in.say(ack);
    REQUIRE(comes(in, lost));
    wire::ranges all = in.read<wire::lost>().deliveries;
    while (all.size() < 2) {  // in one frame or two
        REQUIRE(comes(in, lost));
        all.push_back(in.read<wire::lost>().deliveries.at(0));
    }
    CHECK(all == wire::ranges{{1, 1}, {3, 3}});
    CHECK(work.stat().counts.lost == 2);
    CHECK(work.stat().each_consumer.at(0).barred);
}

TEST_CASE("a consumer that learns that its leases have ended gives its buffer back, and late acks count") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.lease = 1s;
    leat::queue work{ctx, here(rules)};
    support::tcp_proxy way{work.bound()};
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    text_consumer in{ctx, way.at(), {.queue = "work", .prefetch = 4}};
    for (int i = 0; i < 4; ++i) out.put("m" + std::to_string(i));
    auto first = in.next(patience);
    auto second = in.next(patience);
    REQUIRE(second);
    REQUIRE(comes_true([&] { return work.stat().depth.in_flight == 4; }));
    way.freeze();
    REQUIRE(comes_true([&] { return work.stat().counts.lost == 4; }));
    CHECK(work.stat().each_consumer.at(0).barred);
    way.thaw();
    REQUIRE(comes_true([&] { return first->lost() && second->lost(); }));
    second->ack();  // nobody has had it since
    REQUIRE(comes_true([&] { return work.stat().counts.late_acks == 1; }));
    first->release();
    // With an outcome for each of them it is fed again (D3).
    std::vector<std::string> rest;
    for (int i = 0; i < 3; ++i) {
        auto got = in.next(patience);
        REQUIRE(got);
        rest.push_back(**got);
        got->ack();
    }
    std::sort(rest.begin(), rest.end());
    CHECK(rest == std::vector<std::string>{"m0", "m2", "m3"});
    CHECK(comes_true([&] { return work.stat().counts.acked == 4; }));
}

TEST_CASE("an ack after the session was lost counts as long as nobody else was given the message") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.session_timeout = 300ms;
    leat::queue work{ctx, here(rules)};
    support::tcp_proxy way{work.bound()};
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    text_consumer in{
        ctx, way.at(), {.queue = "work", .socket = {.reconnect_first = 5ms, .reconnect_cap = 20ms}}};
    out.put("m0");
    out.put("m1");
    auto first = in.next(patience);
    auto second = in.next(patience);
    REQUIRE(second);
    way.freeze();
    REQUIRE(comes_true([&] { return work.stat().counts.lost == 2; }));
    text_consumer other{ctx, work.bound(), {.queue = "work"}};
    auto third = other.next(patience);  // one of them, and alone (D4); the other one waits for it (D2)
    REQUIRE(third);
    CHECK(**third == "m0");
    way.thaw();
    way.cut();
    REQUIRE(comes_true([&] { return first->lost() && second->lost(); }));
    second->ack();
    REQUIRE(comes_true([&] { return work.stat().counts.late_acks == 1; }));
    first->ack();
    REQUIRE(comes_true([&] { return work.stat().counts.stale == 1; }));
    third->ack();
    CHECK(comes_true([&] { return work.stat().counts.acked == 2; }));
}

TEST_CASE("clients know of a pause, and of its end") {
    leat::context ctx;
    leat::queue work{ctx, here()};
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    text_consumer in{ctx, work.bound(), {.queue = "work"}};
    CHECK_FALSE(leat::consumer<int>(ctx, support::fresh_inproc(), {.queue = "none"}).state().up);
    REQUIRE(out.wait_ready(patience) == status::ok);
    REQUIRE(in.wait_ready(patience) == status::ok);
    CHECK(in.state().up);
    CHECK_FALSE(in.state().takes_paused);
    work.pause_takes();
    CHECK(comes_true([&] { return in.state().takes_paused && out.state().takes_paused; }));
    CHECK_FALSE(out.state().puts_paused);
    work.pause_puts();
    CHECK(comes_true([&] { return out.state().puts_paused; }));
    text_producer later{ctx, work.bound(), {.queue = "work"}};
    REQUIRE(later.wait_ready(patience) == status::ok);
    CHECK(later.state().puts_paused);
    work.pause_takes(false);
    work.pause_puts(false);
    CHECK(comes_true([&] { return !in.state().takes_paused && !later.state().puts_paused; }));
    out.put("held");
    auto got = in.next(patience);
    REQUIRE(got);
    std::jthread closing{[&] { CHECK(work.close(patience) == status::ok); }};
    CHECK(comes_true([&] { return out.state().draining; }));
    got->ack();
}

TEST_CASE("one that floods HELLO is answered some of them, and nobody else is held up") {
    leat::context ctx;
    leat::queue work{ctx, here()};
    rogue flood{ctx, work.bound(), wire::role::consumer};
    constexpr int many = 2000;
    for (int i = 0; i < many; ++i) {
        flood.session = 1000 + static_cast<std::uint64_t>(i);
        flood.say(flood.hello);
    }
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    text_consumer in{ctx, work.bound(), {.queue = "work"}};
    out.put("good");
    REQUIRE(in.next(patience));
    CHECK(comes_true([&] { return work.stat().bad_frames >= many - 200; }));
    int welcomes = 0;
    while (flood.answer(20ms) == welcome) ++welcomes;
    CHECK(welcomes >= 50);
    CHECK(welcomes < 200);
    CHECK(work.stat().consumers == 2);
    CHECK(comes_true([&] {  // and it may come back
        ++flood.session;
        flood.say(flood.hello);
        return flood.answer(50ms) == welcome;
    }));
}

TEST_CASE("one whose session is gone is told a few times, however much it says") {
    leat::context ctx;
    leat::queue work{ctx, here()};
    rogue lost_one{ctx, work.bound(), wire::role::consumer};
    for (int i = 0; i < 1000; ++i) lost_one.say(wire::ping{});
    REQUIRE(comes_true([&] { return work.stat().bad_frames == 1000; }));
    int told = 0;
    while (lost_one.answer(20ms) == session_lost) ++told;
    CHECK(told >= 50);
    CHECK(told < 200);
}
