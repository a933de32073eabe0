#include "reqrep_support.hpp"

TEST_CASE("a call in flight is cancelled by its id and by its stop token") {
    leat::context ctx;
    keeper<int> kept;
    replier<int, int> later{ctx, {.bind = "tcp://127.0.0.1:*"}, std::ref(kept)};
    requester<int, int> asks{ctx, {.connect = later.bound()}};
    REQUIRE(asks.wait_ready(1, patience) == leat::status::ok);
    leat::call_id id = 0;
    auto by_id = asks.async(1, patience, {}, &id);
    CHECK(asks.cancel(id));
    CHECK_FALSE(asks.cancel(id));
    CHECK(by_id.get().why() == call_status::cancelled);

    std::stop_source stop;
    auto by_token = asks.async(2, patience, {.stop = stop.get_token()});
    auto waits =
        std::async(std::launch::async, [&] { return asks.call(3, patience, {.stop = stop.get_token()}); });
    REQUIRE(comes_true([&] { return later.counts().requests.value() == 3; }));
    stop.request_stop();
    CHECK(by_token.get().why() == call_status::cancelled);
    CHECK(waits.get().why() == call_status::cancelled);
    CHECK(asks.call(4, patience, {.stop = stop.get_token()}).why() == call_status::cancelled);
    REQUIRE(comes_true([&] { return later.counts().cancelled.value() == 3; }));
    CHECK(kept.take().stop_token().stop_requested());
}

TEST_CASE("a call is cancelled in each of its states") {
    leat::context ctx;
    std::promise<void> go;
    auto gone = go.get_future().share();
    std::atomic<int> begun = 0, seen = 0;
    replier<int, int> busy{
        ctx, {.bind = "tcp://127.0.0.1:*"}, [&](const int& n, const leat::open_request& of) {
            ++begun;
            gone.wait();
            if (of.cancelled()) ++seen;
            return n;
        }};
    const support::silent_port nobody;
    requester<int, int> alone{ctx, {.connect = nobody.endpoint()}};
    requester<int, int> asks{ctx, {.connect = busy.bound()}};
    leat::call_id id = 0;
    const auto cancelled = [&](auto& by, auto& end) {
        CHECK(by.cancel(id));
        CHECK(end.get().why() == call_status::cancelled);
        CHECK_FALSE(by.cancel(id));
    };
    auto without_server = alone.async(1, patience, {}, &id);
    cancelled(alone, without_server);

    auto handled = asks.async(1, patience, {}, &id);
    REQUIRE(comes_true([&] { return begun == 1; }));
    const auto handled_id = id;
    auto waiting = asks.async(2, patience, {}, &id);
    REQUIRE(comes_true([&] { return busy.counts().requests.value() == 2; }));
    cancelled(asks, waiting);
    id = handled_id;
    cancelled(asks, handled);
    REQUIRE(comes_true([&] { return busy.counts().cancelled.value() == 2; }));
    go.set_value();

    auto answered = asks.async(3, patience, {}, &id);
    CHECK(answered.get());
    CHECK_FALSE(asks.cancel(id));
    CHECK(begun == 2);  // what was cancelled while it waited was not handled
    CHECK(seen == 1);

    keeper<int> kept;
    replier<int, int> full{ctx, {.bind = "tcp://127.0.0.1:*", .max_open = 1}, std::ref(kept)};
    requester<int, int> again{ctx, {.connect = full.bound()}};
    auto first = again.async(1, patience);
    auto pausing = again.async(2, patience,
                               {.retry = {.attempts = 9, .overloaded = true, .first = 10s, .cap = 10s}}, &id);
    REQUIRE(comes_true([&] { return full.counts().overloaded.value() == 1; }));
    cancelled(again, pausing);
    kept.take().reply(1);
    CHECK(first.get());
    CHECK(again.in_flight() == 0);
}
