// A queue with a path, between real sockets.

#include "queue_support.hpp"

#include "support/rogue.hpp"
#include "support/temporary_directory.hpp"
#include "support/throws.hpp"

#include <leat/context.hpp>

using support::temporary_directory;
namespace wire = leat::detail::wire;

namespace {

constexpr int wire_state = static_cast<int>(wire::command::state);

leat::queue_options in(const temporary_directory& directory, leat::queue_rules rules = {}) {
    auto options = here(rules);
    options.path = (directory.path() / "work").string();
    return options;
}

}  // namespace

TEST_CASE("a queue with a path goes on where it was closed") {
    const temporary_directory directory;
    leat::context ctx;
    {
        leat::queue q{ctx, in(directory)};
        text_producer to{ctx, q.bound().str(), {.queue = "work"}};
        for (const auto* text : {"one", "two", "three"}) to.put(text);
        REQUIRE_EQ(to.flush(patience), 0);
        text_consumer from{ctx, q.bound().str(), {.queue = "work"}};
        CHECK_EQ(take(from), "one");
        REQUIRE(comes_true([&] { return q.stat().counts.acked == 1; }));
        from.close(patience);
        CHECK(q.close(patience) == status::ok);
    }
    leat::queue q{ctx, in(directory)};
    CHECK_EQ(q.stat().depth.ready, 2);
    CHECK_EQ(q.stat().counts.confirmed, 3);
    text_consumer from{ctx, q.bound().str(), {.queue = "work"}};
    CHECK_EQ(take(from), "two");
    CHECK_EQ(take(from), "three");
}

TEST_CASE("a consumer hears that its last ack is taken, though its queue closes with it") {
    for (int round = 0; round < 10; ++round) {
        CAPTURE(round);
        const temporary_directory directory;
        leat::context ctx;
        leat::queue q{ctx, round % 2 == 0 ? in(directory) : here()};
        text_producer to{ctx, q.bound().str(), {.queue = "work"}};
        to.put("last");
        REQUIRE_EQ(to.flush(patience), 0);
        text_consumer from{ctx, q.bound().str(), {.queue = "work"}};
        auto last = from.next(patience);
        REQUIRE(last);
        std::jthread closing{[&] { CHECK(q.close(patience) == status::ok); }};
        last->ack();
        CHECK(from.close(patience) == status::ok);
    }
}

TEST_CASE("what was acked stays acked, also when its queue is dropped without a word") {
    const temporary_directory directory;
    leat::context ctx;
    for (int opening = 0; opening < 3; ++opening) {
        leat::queue q{ctx, in(directory)};
        text_producer to{ctx, q.bound().str(), {.queue = "work"}};
        to.put(std::to_string(opening));
        REQUIRE_EQ(to.flush(patience), 0);
        text_consumer from{ctx, q.bound().str(), {.queue = "work"}};
        CHECK_EQ(take(from), std::to_string(opening));
        REQUIRE(comes_true([&] { return q.stat().depth.live() == 0; }));
    }
}

TEST_CASE("with an interval a put is confirmed before it is written, and a close writes it") {
    const temporary_directory directory;
    leat::context ctx;
    leat::queue q{ctx, in(directory, {.durability = leat::durability::interval, .interval = 1min})};
    text_producer to{ctx, q.bound().str(), {.queue = "work"}};
    to.put("taken");
    CHECK_EQ(to.flush(patience), 0);
    CHECK(q.close(patience) == status::ok);
    const leat::queue again{ctx, in(directory)};
    CHECK_EQ(again.stat().depth.ready, 1);
}

TEST_CASE("a message has the same origin in each opening, and its fence grows") {
    const temporary_directory directory;
    leat::context ctx;
    leat::message_origin origin;
    leat::delivery_fence fence;
    for (int opening = 0; opening < 3; ++opening) {
        leat::queue q{ctx, in(directory)};
        CHECK_EQ(q.opened().number, opening + 1);
        CHECK_EQ(q.opened().messages, opening == 0 ? 0 : 1);
        if (opening == 0) {
            text_producer to{ctx, q.bound().str(), {.queue = "work"}};
            to.put("one");
            REQUIRE_EQ(to.flush(patience), 0);
        }
        text_consumer from{ctx, q.bound().str(), {.queue = "work"}};
        auto got = from.next(patience);
        REQUIRE(got);
        if (opening > 0) {
            CHECK((got->origin() == origin));
            CHECK((got->fence() > fence));
        }
        origin = got->origin();
        fence = got->fence();
        got->release();
    }
}

TEST_CASE("SETTLED says that an outcome is committed once it is, and not before") {
    const temporary_directory directory;
    leat::context ctx;
    leat::queue q{ctx, in(directory, {.outcome_delay = 10s})};
    text_producer to{ctx, q.bound().str(), {.queue = "work"}};
    to.put("one");
    REQUIRE_EQ(to.flush(patience), 0);
    support::rogue from{ctx, q.bound(), wire::role::consumer};
    from.say(from.hello);
    REQUIRE_EQ(from.answer(), support::answers::welcome);
    wire::credit credit;
    credit.messages = credit.bytes = 1000;
    from.say(credit);
    REQUIRE_EQ(from.answer(), support::answers::deliver);
    wire::settle ack;
    ack.groups.resize(1);
    ack.groups[0].deliveries = {{1, 1}};
    from.say(ack);  // its third frame
    REQUIRE_EQ(from.answer(), support::answers::settled);
    CHECK_EQ(from.read<wire::settled>().applied, 1);
    CHECK_EQ(from.read<wire::settled>().committed, 0);

    q.pause_takes(true);
    REQUIRE_EQ(from.answer(), wire_state);
    to.put("two");  // with whose commit it goes
    REQUIRE_EQ(from.answer(), support::answers::settled);
    CHECK_EQ(from.read<wire::settled>().committed, 3);
    CHECK_EQ(q.stat().counts.acked, 1);
}

TEST_CASE("durability has to fit where the queue is") {
    const temporary_directory directory;
    leat::context ctx;
    CHECK_THROWS_LEAT(leat::queue(ctx, here({.durability = leat::durability::commit})),
                      leat::errc::bad_option, "rules.durability is commit: a queue in memory");
    CHECK_THROWS_LEAT(leat::queue(ctx, in(directory, {.durability = leat::durability::memory})),
                      leat::errc::bad_option, "rules.durability is memory");
}

TEST_CASE("a second queue for a directory is refused while the first is open") {
    const temporary_directory directory;
    leat::context ctx;
    leat::queue first{ctx, in(directory)};
    CHECK_THROWS_LEAT(leat::queue(ctx, in(directory)), leat::errc::store_in_use,
                      "in use by a queue of this process");
    first.close(leat::deadline::now());
    const leat::queue second{ctx, in(directory)};
}
