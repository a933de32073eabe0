#include "reqrep_support.hpp"

#include <latch>
#include <optional>

TEST_CASE("a responder answers later from another thread, and one that is dropped answers with an error") {
    leat::context ctx;
    keeper<int> kept;
    replier<int, int> later{ctx, {.bind = "tcp://127.0.0.1:*"}, std::ref(kept)};
    requester<int, int> asks{ctx, {.connect = later.bound()}};
    auto first = asks.async(1, patience);
    REQUIRE(comes_true([&] { return kept.size() == 1; }));
    CHECK(kept.take().reply(42));
    CHECK(*first.get() == 42);
    auto second = asks.async(2, patience);
    REQUIRE(comes_true([&] { return kept.size() == 1; }));
    static_cast<void>(kept.take());
    CHECK(second.get().failure().is(reply_code::not_answered));
}

TEST_CASE("a responder outlives its replier, and its answer is for nobody") {
    leat::context ctx;
    keeper<int> kept;
    requester<int, int> asks{ctx, {.bind = "tcp://127.0.0.1:*"}};
    std::future<answer<int>> end;
    {
        replier<int, int> later{ctx, {.join = asks.bound(), .stop_within = 0ms}, std::ref(kept)};
        end = asks.async(1, patience);
        REQUIRE(comes_true([&] { return kept.size() == 1; }));
    }
    CHECK(end.get().why() != call_status::answered);
    CHECK_FALSE(kept.take().reply(1));
}

TEST_CASE("servers that connect to a bound requester are found, and missed at once") {
    leat::context ctx;
    requester<int, int> asks{ctx, {.bind = "tcp://127.0.0.1:*"}};
    keeper<int> kept;
    {
        replier<int, int> one{ctx, {.join = asks.bound(), .stop_within = 0ms}, std::ref(kept)};
        REQUIRE(asks.wait_ready(1, patience) == leat::status::ok);
        replier<int, int> two{ctx, {.join = asks.bound()}, [](const int& n) { return n; }};
        REQUIRE(asks.wait_ready(2, patience) == leat::status::ok);
        std::vector<std::future<answer<int>>> all;
        for (int i = 0; i < 20; ++i) all.push_back(asks.async(i, patience, {.idempotent = true}));
        REQUIRE(comes_true([&] { return kept.size() > 0; }));
        const bool stopped = one.stop(0ms);
        CHECK_FALSE(stopped);
        int failed = 0;
        for (auto& end : all) {
            const auto a = end.get();
            if (!a) CHECK(a.failure().is(reply_code::not_answered));
            failed += a ? 0 : 1;
        }
        CHECK(failed == static_cast<int>(kept.size()));
        CHECK(asks.servers() == 1);
    }
    CHECK(comes_true([&] { return asks.servers() == 0; }));
    CHECK(asks.call(1, 20ms).why() == call_status::no_server);
}

TEST_CASE("several workers answer at the same time") {
    leat::context ctx;
    std::atomic<int> inside = 0;
    std::latch all_in{4};
    replier<int, int> busy{ctx, {.bind = "tcp://127.0.0.1:*", .workers = 4}, [&](const int& n) {
                               ++inside;
                               all_in.arrive_and_wait();
                               return n;
                           }};
    requester<int, int> asks{ctx, {.connect = busy.bound()}};
    std::vector<std::future<answer<int>>> futures;
    for (int i = 0; i < 4; ++i) futures.push_back(asks.async(i, patience));
    for (auto& one : futures) CHECK(one.get());
    CHECK(inside == 4);
}

TEST_CASE("a request whose time is up before a worker is free is refused and not handled") {
    leat::context ctx;
    std::promise<void> go;
    auto gone = go.get_future().share();
    std::atomic<int> begun = 0;
    replier<int, int> busy{ctx, {.bind = "tcp://127.0.0.1:*"}, [&](const int& n) {
                               ++begun;
                               gone.wait();
                               return n;
                           }};
    requester<int, int> asks{ctx, {.connect = busy.bound()}};
    auto first = asks.async(1, patience);
    REQUIRE(comes_true([&] { return begun == 1; }));
    // A caller that does not say when it gives up.
    auto peer = support::connected(ctx, leat::role::dealer, busy.bound()[0]);
    leat::buffer body;
    leat::encode(2, body);
    auto header = header_of(leat::detail::call_kind::request, 1, 0);
    header.remaining_ms = 1;
    leat::socket::parts request;
    request.push_back(frame_of(header));
    request.emplace_back();
    request.emplace_back(body.view());
    REQUIRE(peer.send(request, patience) == leat::status::ok);
    REQUIRE(comes_true([&] { return busy.counts().requests.value() == 2; }));
    leat::socket::parts refused;
    REQUIRE(peer.receive(refused, patience) == leat::status::ok);
    REQUIRE(leat::detail::read_header(refused[0], header));
    CHECK(header.what() == leat::detail::call_kind::error);
    go.set_value();
    CHECK(first.get());
    CHECK(begun == 1);
    CHECK(busy.counts().stale.value() == 1);
}

TEST_CASE("requests that were cancelled or are too late while they waited leave their places to others") {
    leat::context ctx;
    std::promise<void> go;
    auto gone = go.get_future().share();
    std::atomic<int> begun = 0;
    replier<int, int> busy{ctx, {.bind = "tcp://127.0.0.1:*", .max_open = 4}, [&](const int& n) {
                               ++begun;
                               gone.wait();
                               return n;
                           }};
    requester<int, int> asks{ctx, {.connect = busy.bound()}};
    auto first = asks.async(1, patience);
    REQUIRE(comes_true([&] { return begun == 1; }));
    std::vector<leat::call_id> ids(3);
    for (auto& id : ids) static_cast<void>(asks.async(2, patience, {}, &id));
    REQUIRE(comes_true([&] { return busy.open_requests() == 4; }));
    asks.cancel(ids[1]);
    asks.cancel(ids[0]);
    asks.cancel(ids[2]);
    CHECK(comes_true([&] { return busy.open_requests() == 1; }));

    // Callers that do not cancel.
    auto peer = support::connected(ctx, leat::role::dealer, busy.bound()[0]);
    for (int i = 0; i < 3; ++i) {
        auto header = header_of(leat::detail::call_kind::request, 7, static_cast<std::uint64_t>(i));
        header.remaining_ms = 1;
        leat::socket::parts request;
        request.push_back(frame_of(header));
        request.emplace_back();
        request.emplace_back(leat::message{"\x02"});
        REQUIRE(peer.send(request, patience) == leat::status::ok);
    }
    REQUIRE(comes_true([&] { return busy.counts().requests.value() == 7; }));
    const leat::deadline up = 5ms;
    REQUIRE(comes_true([&] { return up.passed(); }));
    std::vector<std::future<answer<int>>> taken;
    for (int i = 0; i < 3; ++i) taken.push_back(asks.async(3, patience));
    REQUIRE(comes_true([&] { return busy.counts().requests.value() == 10; }));
    CHECK(asks.call(4, patience).failure().is(reply_code::overloaded));
    CHECK(busy.counts().stale.value() == 3);
    go.set_value();
    CHECK(first.get());
    for (auto& one : taken) CHECK(one.get());
    CHECK(begun == 4);
}

TEST_CASE("a full server refuses at once, and also while its only worker is busy") {
    leat::context ctx;
    std::promise<void> go;
    auto gone = go.get_future().share();
    replier<int, int> busy{ctx, {.bind = "tcp://127.0.0.1:*", .max_open = 3}, [&](const int& n) {
                               gone.wait();
                               return n;
                           }};
    requester<int, int> asks{ctx, {.connect = busy.bound()}};
    std::vector<std::future<answer<int>>> taken;
    for (int i = 0; i < 3; ++i) taken.push_back(asks.async(i, patience));
    const auto refused = asks.call(3, patience);
    CHECK(refused.failure().is(reply_code::overloaded));
    CHECK(busy.counts().overloaded.value() == 1);
    CHECK(asks.ping(patience));
    go.set_value();
    for (auto& one : taken) CHECK(one.get());
}

TEST_CASE(
    "a replier that stops finishes what it has begun and refuses the rest, which goes to another server") {
    leat::context ctx;
    std::promise<void> go;
    auto gone = go.get_future().share();
    std::atomic<int> begun = 0;
    replier<int, int> stops{ctx, {.bind = "tcp://127.0.0.1:*"}, [&](const int& n) {
                                ++begun;
                                gone.wait();
                                return n;
                            }};
    replier<int, int> other{ctx, {.bind = "tcp://127.0.0.1:*"}, [](const int& n) { return 100 + n; }};
    requester<int, int> asks{ctx, {.connect = stops.bound()}};
    requester<int, int> both{ctx, {.connect = {stops.bound()[0].str(), other.bound()[0].str()}}};
    auto first = asks.async(1, patience);
    REQUIRE(comes_true([&] { return begun == 1; }));
    auto second = asks.async(2, patience, {.retry = {.attempts = 1}});
    REQUIRE(both.wait_ready(2, patience) == leat::status::ok);
    std::vector<std::future<answer<int>>> all;
    for (int i = 0; i < 10; ++i) all.push_back(both.async(i, patience));
    auto stopped = std::async(std::launch::async, [&] { return stops.stop(patience); });
    CHECK(second.get().failure().is(reply_code::stopping));
    for (int i = 0; i < 10; ++i) CHECK(*all[static_cast<std::size_t>(i)].get() == 100 + i);
    go.set_value();
    const auto last = first.get();
    CHECK_MESSAGE((last && *last == 1), describe(last));
    CHECK(stopped.get());
    CHECK(begun == 1);
}
