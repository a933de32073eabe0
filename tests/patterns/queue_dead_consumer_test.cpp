// The dead letters as a queue that clients reach by its name (X2).

#include <leat/queue/consumer.hpp>
#include <leat/queue/producer.hpp>
#include <leat/queue/queue.hpp>
#include <leat/queue/queue_admin.hpp>

#include "support/joined.hpp"
#include "support/rogue.hpp"
#include "support/running_relay.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

using namespace std::chrono_literals;
using leat::status;
using support::comes_true;
using support::patience;

namespace {

using text_consumer = leat::consumer<std::string>;
using text_producer = leat::producer<std::string>;

leat::queue_options here(leat::queue_rules rules = {}) {
    rules.retry.first = 1ms;
    return {.name = "work", .bind = "tcp://127.0.0.1:*", .rules = rules};
}

/// Puts them and has them rejected, in order.
void kill(leat::context& ctx, leat::queue& work, std::initializer_list<const char*> all) {
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    text_consumer in{ctx, work.bound(), {.queue = "work"}};
    for (const auto* text : all) out.put(text, {.key = text});
    for (std::size_t i = 0; i < all.size(); ++i) {
        auto got = in.next(patience);
        REQUIRE(got);
        got->reject("no");
    }
    REQUIRE(comes_true([&] { return work.stat().dead_letters >= all.size(); }));
}

}  // namespace

TEST_CASE("dead letters are consumed by their name: ack removes, all else keeps them") {
    leat::context ctx;
    leat::queue work{ctx, here()};
    kill(ctx, work, {"a", "b", "c"});
    text_consumer in{ctx, work.bound(), {.queue = "work.dead", .prefetch = 1}};
    const auto next = [&](const char* text) {
        auto got = in.next(patience);
        REQUIRE(got);
        CHECK(**got == text);
        CHECK(got->key() == text);
        return std::move(*got);
    };
    next("a").release();
    auto a = next("a");
    CHECK(a.origin() != work.dead_letters()[0].origin);  // a letter is no message of the queue itself
    a.ack();
    CHECK(comes_true([&] { return work.stat().dead_letters == 2; }));
    next("b").reject("still no");  // keeps it, with back-off
    next("c").ack();
    next("b").ack();
    CHECK(comes_true([&] { return work.stat().dead_letters == 0; }));
    const auto now = work.stat();
    CHECK(now.counts.acked == 0);
    CHECK(now.counts.dead_sum() == 3);
    CHECK(work.dead_letters().empty());
}

TEST_CASE("a letter that a consumer holds is not sent back, and comes back when its consumer goes") {
    leat::context ctx;
    leat::queue work{ctx, here()};
    kill(ctx, work, {"a", "b"});
    text_consumer in{ctx, work.bound(), {.queue = "work.dead", .prefetch = 1}};
    auto held = in.next(patience);
    REQUIRE(held);
    const auto report = work.redrive();
    CHECK(report.moved == 1);
    CHECK(report.left == 1);
    CHECK(work.stat().depth.ready == 1);
    held->release();
    in.close(patience);
    CHECK(comes_true([&] { return work.redrive().moved == 1; }));
    CHECK(work.stat().dead_letters == 0);
}

TEST_CASE("the figures of dead letters are asked for by their name, and nobody puts to them") {
    leat::context ctx;
    leat::queue work{ctx, here()};
    leat::queue none{ctx, {.name = "none", .bind = work.bound().str(), .rules = {.dead_letters = false}}};
    kill(ctx, work, {"a"});
    leat::queue_admin dead{ctx, work.bound(), {.queue = "work.dead"}};
    const auto stat = dead.stat(patience);
    REQUIRE(stat);
    CHECK(stat->counts.admitted == 1);
    CHECK(stat->depth.ready == 1);
    CHECK(stat->dead_letters == 0);
    CHECK(dead.peek(10, patience)->at(0).attributes.key == "a");
    CHECK(dead.pause_takes(true, patience) == status::ok);
    CHECK_FALSE(work.stat().takes_paused);
    CHECK(*dead.purge(patience) == 1);
    CHECK(work.stat().dead_letters == 0);

    namespace wire = leat::detail::wire;
    support::rogue producer{ctx, work.bound(), wire::role::producer};
    producer.hello.queue = "work.dead";
    producer.say(producer.hello);
    CHECK(producer.answer() == -3);  // not_permitted
    producer.hello.queue = "none.dead";
    producer.say(producer.hello);
    CHECK(producer.answer() == support::answers::no_queue);
}

TEST_CASE("a queue that closes ends the sessions of its dead letters, and waits for what they hold") {
    leat::context ctx;
    leat::queue work{ctx, here()};
    leat::queue other{ctx, {.name = "other", .bind = work.bound().str()}};
    kill(ctx, work, {"a"});
    text_consumer in{ctx, work.bound(), {.queue = "work.dead"}};
    auto held = in.next(patience);
    REQUIRE(held);
    CHECK(work.close(50ms) == status::timeout);
    CHECK(comes_true([&] { return held->lost() || !in.state().up; }));
    text_producer out{ctx, other.bound(), {.queue = "other"}};
    CHECK(out.put_async("x").get().what == leat::verdict::stored);
}
