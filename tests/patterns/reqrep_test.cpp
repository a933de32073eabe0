#include "reqrep_support.hpp"

#include "support/warnings.hpp"

#include <optional>
#include <string>

namespace {

struct numbers {
    int a = 0;
    int b = 0;
    MSGPACK_DEFINE_MAP(a, b)
};

int add(const numbers& n) {
    return n.a + n.b;
}

}  // namespace

TEST_CASE("a call is answered, over each transport") {
    for (const std::string transport : {"tcp", "ipc", "inproc"}) {
        CAPTURE(transport);
        leat::context ctx;
        replier<numbers, int> adds{ctx, {.bind = leat::endpoints{support::any_endpoint(transport)}}, add};
        requester<numbers, int> sums{ctx, {.connect = adds.bound()}};
        for (int i = 0; i < 100; ++i) {
            const auto sum = sums.call({i, 1}, patience);
            REQUIRE_MESSAGE(sum, describe(sum));
            CHECK(*sum == i + 1);
        }
        CHECK(adds.counts().answered.value() == 100);
        CHECK(sums.counts().of(call_status::answered) == 100);
        CHECK(sums.in_flight() == 0);
    }
}

TEST_CASE("futures and callbacks get the same answers, a thousand in flight") {
    leat::context ctx;
    replier<int, int> doubles{ctx, {.bind = "tcp://127.0.0.1:*"}, [](const int& n) { return 2 * n; }};
    requester<int, int> asks{ctx, {.connect = doubles.bound()}};
    std::vector<std::future<answer<int>>> futures;
    for (int i = 0; i < 1000; ++i) futures.push_back(asks.async(i, patience));
    for (int i = 0; i < 1000; ++i) CHECK(*futures[static_cast<std::size_t>(i)].get() == 2 * i);

    std::atomic<int> sum = 0, count = 0;
    for (int i = 0; i < 1000; ++i) {
        asks.async(i, patience, {}, [&](answer<int>&& a) {
            sum += *a;
            ++count;
        });
    }
    CHECK(comes_true([&] { return count == 1000; }));
    CHECK(sum == 999'000);
}

TEST_CASE("what a handler throws on purpose reaches the caller, and nothing of anything else") {
    const support::warnings told;
    leat::context ctx{{.on_warning = told}};
    replier<int, int> fails{ctx, {.bind = "tcp://127.0.0.1:*"}, [](const int& n) -> int {
                                if (n == 0) throw leat::reply_error{7, "no zeros"};
                                if (n == 1) throw std::runtime_error{"the password is swordfish"};
                                throw n;
                            }};
    requester<int, int> asks{ctx, {.connect = fails.bound()}};
    const auto meant = asks.call(0, patience);
    CHECK(meant.why() == call_status::failed);
    CHECK(meant.failure().code == 7);
    CHECK(meant.failure().text == "no zeros");
    for (int n : {1, 2}) {
        const auto leaked = asks.call(n, patience);
        CHECK(leaked.failure().is(reply_code::internal));
        CHECK(leaked.failure().text == "internal error");
    }
    CHECK(told.about("swordfish") != "");
    CHECK(fails.counts().failed.value() == 3);
}

TEST_CASE("a call ends at its deadline: timed out with a server, no server without one") {
    leat::context ctx;
    keeper<int> kept;
    replier<int, int> never{ctx, {.bind = "tcp://127.0.0.1:*"}, std::ref(kept)};
    requester<int, int> asks{ctx, {.connect = never.bound()}};
    REQUIRE(asks.wait_ready(1, patience) == leat::status::ok);
    // On a slow machine a worker may find that the time of a request is up, and then does not take it.
    const auto time_up = [](const answer<int>& end) {
        return end.why() == call_status::timed_out || end.failure().is(reply_code::too_late);
    };
    while (kept.size() < 1) CHECK(time_up(asks.call(1, 100ms)));
    while (kept.size() < 2) CHECK(time_up(asks.async(1, 100ms).get()));
    const support::silent_port nobody;
    requester<int, int> alone{ctx, {.connect = nobody.endpoint()}};
    CHECK(alone.call(1, 20ms).why() == call_status::no_server);
    CHECK(alone.async(1, 20ms).get().why() == call_status::no_server);
    // The server learned that nobody waits for its answers any more.
    auto first = kept.take(), second = kept.take();
    CHECK(comes_true([&] { return first.cancelled() && second.cancelled(); }));
    CHECK(never.counts().cancelled.value() >= 2);
    CHECK_FALSE(first.reply(1));
}

TEST_CASE("a call waits for its server to come") {
    leat::context ctx;
    const support::ipc_path path;
    requester<int, int> asks{ctx, {.connect = path.at(), .socket = {.reconnect_first = 1ms}}};
    auto end = asks.async(1, patience);
    auto also = std::async(std::launch::async, [&] { return asks.call(2, patience); });
    replier<int, int> late{ctx, {.bind = path.at()}, [](const int& n) { return n + 1; }};
    CHECK(*end.get() == 2);
    CHECK(*also.get() == 3);
}

TEST_CASE("more calls than may be in flight end as busy") {
    leat::context ctx;
    const support::silent_port nobody;
    requester<int, int> asks{ctx, {.connect = nobody.endpoint(), .max_in_flight = 2}};
    auto one = asks.async(1, patience), two = asks.async(2, patience);
    CHECK(asks.async(3, patience).get().why() == call_status::busy);
    CHECK(asks.call(4, patience).why() == call_status::busy);
    asks.close();
    CHECK(one.get().why() == call_status::cancelled);
    CHECK(two.get().why() == call_status::cancelled);
}

TEST_CASE("the end of the context ends calls and repliers, which survive it") {
    std::optional<leat::context> ctx{std::in_place};
    keeper<int> kept;
    replier<int, int> later{*ctx, {.bind = "tcp://127.0.0.1:*"}, std::ref(kept)};
    requester<int, int> asks{*ctx, {.connect = later.bound()}};
    auto open = asks.async(1, patience);
    auto waits = std::async(std::launch::async, [&] { return asks.call(2, patience); });
    REQUIRE(comes_true([&] { return kept.size() == 2; }));
    const auto report = ctx->close(patience);
    CHECK(report.complete);
    CHECK(open.get().why() == call_status::closed);
    CHECK(waits.get().why() == call_status::closed);
    ctx.reset();
    CHECK(asks.call(3, patience).why() == call_status::closed);
    CHECK_FALSE(kept.take().reply(1));
}

TEST_CASE("a requester that goes ends its calls, and their callbacks run before it is gone") {
    leat::context ctx;
    const support::silent_port nobody;
    int cancelled = 0;
    {
        requester<int, int> asks{ctx, {.connect = nobody.endpoint()}};
        for (int i = 0; i < 10; ++i) {
            asks.async(i, patience, {},
                       [&](answer<int>&& a) { cancelled += a.why() == call_status::cancelled ? 1 : 0; });
        }
    }
    CHECK(cancelled == 10);
}

TEST_CASE("options out of range are refused") {
    leat::context ctx;
    const auto make = [&](leat::request_options o) { requester<int, int>{ctx, std::move(o)}; };
    CHECK_THROWS_LEAT(make({}), leat::errc::bad_option, "at least one endpoint");
    CHECK_THROWS_LEAT(make({.connect = "inproc://x", .max_in_flight = 0}), leat::errc::bad_option,
                      "max_in_flight is 0");
    CHECK_THROWS_LEAT(make({.connect = "inproc://x", .heartbeat = 1ms}), leat::errc::bad_option,
                      "heartbeat is 1 ms");
    make({.connect = "inproc://x", .heartbeat = 1h});  // longer than a socket's own may be
    const auto serve = [&](leat::reply_options o) {
        replier<int, int>{ctx, std::move(o), [](const int& n) { return n; }};
    };
    CHECK_THROWS_LEAT(serve({}), leat::errc::bad_option, "at least one endpoint");
    CHECK_THROWS_LEAT(serve({.bind = "inproc://x", .workers = 0}), leat::errc::bad_option, "workers is 0");
    CHECK_THROWS_LEAT(serve({.bind = "inproc://x", .max_open = 0}), leat::errc::bad_option, "max_open is 0");
}
