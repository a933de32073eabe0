// One consumer at a time (K7).

#include <leat/queue/consumer.hpp>
#include <leat/queue/producer.hpp>
#include <leat/queue/queue.hpp>

#include "support/joined.hpp"
#include "support/rogue.hpp"
#include "support/running_relay.hpp"
#include "support/tcp_proxy.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>

using namespace std::chrono_literals;
using leat::status;
using support::comes_true;
using support::patience;

namespace {

using text_consumer = leat::consumer<std::string>;
using text_producer = leat::producer<std::string>;

leat::queue_options exclusive(leat::queue_rules rules = {}) {
    rules.exclusive = true;
    rules.retry.first = 1ms;
    return {.name = "work", .bind = "tcp://127.0.0.1:*", .rules = rules};
}

}  // namespace

TEST_CASE("the first consumer is fed, the second stands by until the first has gone") {
    leat::context ctx;
    leat::queue work{ctx, exclusive()};
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    std::optional<text_consumer> first;
    first.emplace(ctx, work.bound(), leat::consumer_options{.queue = "work"});
    REQUIRE(first->wait_ready(patience) == status::ok);
    text_consumer second{ctx, work.bound(), {.queue = "work"}};
    REQUIRE(second.wait_ready(patience) == status::ok);
    CHECK_FALSE(first->state().standby);
    CHECK(second.state().standby);
    for (int i = 0; i < 10; ++i) out.put(std::to_string(i));
    for (int i = 0; i < 5; ++i) {
        auto got = first->next(patience);
        REQUIRE(got);
        CHECK(**got == std::to_string(i));
        got->ack();
    }
    CHECK(second.next(0s).why() == status::timeout);
    const auto each = work.stat().each_consumer;
    CHECK(std::count_if(each.begin(), each.end(), [](auto& one) { return one.standby; }) == 1);
    first.reset();  // BYE; what was in its buffer comes back first
    for (int i = 5; i < 10; ++i) {
        auto got = second.next(patience);
        REQUIRE(got);
        CHECK(**got == std::to_string(i));
        got->ack();
    }
    CHECK(comes_true([&] { return !second.state().standby; }));
    CHECK(work.stat().counts.lost == 0);
}

TEST_CASE(
    "38: when the active consumer is stopped, all that it held returns before the standby takes over, and "
    "its own acks are stale when it returns") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.session_timeout = 1s;
    leat::queue work{ctx, exclusive(rules)};
    support::tcp_proxy way{work.bound()};
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    text_consumer active{
        ctx, way.at(), {.queue = "work", .socket = {.reconnect_first = 5ms, .reconnect_cap = 50ms}}};
    REQUIRE(active.wait_ready(patience) == status::ok);
    text_consumer standby{ctx, work.bound(), {.queue = "work"}};
    REQUIRE(standby.wait_ready(patience) == status::ok);
    for (int i = 0; i < 4; ++i) out.put(std::to_string(i));
    std::vector<leat::delivery<std::string>> held;
    for (int i = 0; i < 4; ++i) {
        auto got = active.next(patience);
        REQUIRE(got);
        held.push_back(std::move(*got));
    }
    way.freeze();
    std::vector<leat::delivery<std::string>> again;
    for (int i = 0; i < 4; ++i) {  // one by one: they are suspects
        auto got = standby.next(patience);
        REQUIRE(got);
        CHECK(**got == std::to_string(i));
        CHECK(got->fence() > held.back().fence());
        if (i < 3) got->ack();
        if (i == 3) again.push_back(std::move(*got));
    }
    CHECK(work.stat().counts.lost == 4);
    way.thaw();
    REQUIRE(comes_true([&] { return held[0].lost(); }));
    for (auto& one : held) one.ack();
    REQUIRE(comes_true([&] { return active.state().standby; }));  // it joins at the end
    CHECK(work.stat().counts.acked == 3);
    again[0].ack();
    CHECK(comes_true([&] { return work.stat().counts.acked == 4; }));
    CHECK(work.stat().counts.late_acks == 0);
}

TEST_CASE("an active consumer that lets its leases end is as good as lost") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.lease = 500ms;
    leat::queue work{ctx, exclusive(rules)};
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    namespace wire = leat::detail::wire;
    using namespace support::answers;
    support::rogue hole{ctx, work.bound(), wire::role::consumer};
    hole.say(hole.hello);
    REQUIRE(hole.answer() == welcome);
    CHECK((hole.read<wire::welcome>().state & wire::state::standby) == 0);
    wire::credit credit;
    credit.messages = 10;
    credit.bytes = 1 << 20;
    hole.say(credit);
    text_consumer next{ctx, work.bound(), {.queue = "work"}};
    REQUIRE(next.wait_ready(patience) == status::ok);
    out.put("one");
    out.put("two");
    std::string got;
    for (int i = 0; i < 2; ++i) {
        auto one = next.next(patience);
        REQUIRE(one);
        got += **one + " ";
        one->ack();
    }
    CHECK(got == "one two ");
    CHECK(hole.answer() == deliver);
    int what = 0;
    do {
        what = hole.answer();
    } while (what == deliver || what == lost);
    CHECK(what == session_lost);
    CHECK(work.stat().counts.lost >= 2);
}
