#include "reqrep_support.hpp"

TEST_CASE("a call that may be tried again after an overload is") {
    leat::context ctx;
    keeper<int> kept;
    replier<int, int> small{ctx, {.bind = "tcp://127.0.0.1:*", .max_open = 1}, std::ref(kept)};
    requester<int, int> asks{ctx, {.connect = small.bound()}};
    auto first = asks.async(1, patience);
    auto second =
        asks.async(2, patience, {.retry = {.attempts = 100, .overloaded = true, .first = 1ms, .cap = 5ms}});
    REQUIRE(comes_true([&] { return small.counts().overloaded.value() > 0; }));
    kept.take().reply(1);
    REQUIRE(comes_true([&] { return small.counts().requests.value() == 2; }));
    REQUIRE(comes_true([&] { return kept.size() == 1; }));
    kept.take().reply(2);
    CHECK(*first.get() == 1);
    CHECK(*second.get() == 2);
    CHECK(asks.counts().retries.value() > 0);
}

TEST_CASE("a second server is asked after the delay, its answer wins, and the first learns of it") {
    leat::context ctx;
    keeper<int> kept;
    replier<int, int> slow{ctx, {.bind = "tcp://127.0.0.1:*", .stop_within = 0ms}, std::ref(kept)};
    requester<int, int> asks{ctx, {.connect = slow.bound()}};
    CHECK_THROWS_LEAT(asks.call(1, patience, {.hedge_after = 1ms}), leat::errc::bad_option, "idempotent");
    replier<int, int> quick{ctx, {.bind = "tcp://127.0.0.1:*"}, [](const int& n) { return n; }};
    requester<int, int> both{ctx, {.connect = {slow.bound()[0].str(), quick.bound()[0].str()}}};
    REQUIRE(both.wait_ready(2, patience) == leat::status::ok);
    for (int i = 0; i < 10; ++i) {
        CHECK(both.call(i, patience, {.idempotent = true, .hedge_after = 5ms}));
    }
    CHECK(both.counts().hedges.value() > 0);
    CHECK(comes_true([&] { return slow.counts().cancelled.value() == both.counts().hedges.value(); }));
}

TEST_CASE("the pauses before further tries double up to their cap, and end with the call's time") {
    leat::context ctx;
    keeper<int> kept;
    replier<int, int> full{ctx, {.bind = "tcp://127.0.0.1:*", .max_open = 1}, std::ref(kept)};
    requester<int, int> asks{ctx, {.connect = full.bound()}};
    auto first = asks.async(1, patience);
    REQUIRE(comes_true([&] { return kept.size() == 1; }));
    const auto refused = [&](leat::deadline until, const leat::retry_policy& retry) {
        const auto began = leat::deadline::clock::now();
        CHECK(asks.call(2, until, {.retry = retry}).failure().is(reply_code::overloaded));
        return leat::deadline::clock::now() - began;
    };
    // At least half of 20, 40, 80 and 160 ms.
    CHECK(refused(patience, {.attempts = 5, .overloaded = true, .first = 20ms, .cap = 10s}) >= 150ms);
    CHECK(full.counts().overloaded.value() == 5);
    // Without a cap that would take minutes.
    refused(patience, {.attempts = 20, .overloaded = true, .first = 1ms, .cap = 2ms});
    CHECK(full.counts().overloaded.value() == 25);
    const auto took = refused(1s, {.attempts = 5, .overloaded = true, .first = 100s, .cap = 100s});
    CHECK(took >= 1s);
    CHECK(took < patience);
    kept.take().reply(1);
    CHECK(first.get());
}
