#include <leat/reqrep/replier.hpp>
#include <leat/reqrep/requester.hpp>

#include "support/joined.hpp"
#include "support/ports.hpp"
#include "support/running_relay.hpp"
#include "support/throws.hpp"
#include "support/warnings.hpp"

#include <atomic>
#include <functional>
#include <future>
#include <latch>
#include <mutex>
#include <optional>
#include <thread>

using namespace std::chrono_literals;
using leat::answer;
using leat::call_options;
using leat::call_status;
using leat::replier;
using leat::reply_code;
using leat::requester;
using leat::responder;
using support::comes_true;
using support::patience;

namespace {

struct numbers {
    int a = 0;
    int b = 0;
    MSGPACK_DEFINE_MAP(a, b)
};

int add(const numbers& n) {
    return n.a + n.b;
}

/// Takes requests and keeps them until it is told to answer.
template <class Rep>
class keeper {
public:
    void operator()(const int& request, responder<Rep> to) {
        const std::lock_guard lock{mutex_};
        kept_.emplace_back(request, std::move(to));
    }
    [[nodiscard]] std::size_t size() {
        const std::lock_guard lock{mutex_};
        return kept_.size();
    }
    [[nodiscard]] responder<Rep> take() {
        const std::lock_guard lock{mutex_};
        auto one = std::move(kept_.back().second);
        kept_.pop_back();
        return one;
    }

private:
    std::mutex mutex_;
    std::vector<std::pair<int, responder<Rep>>> kept_;
};

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

TEST_CASE("a call ends at its deadline: timed out with a server, no server without one") {
    leat::context ctx;
    keeper<int> kept;
    replier<int, int> never{ctx, {.bind = "tcp://127.0.0.1:*"}, std::ref(kept)};
    requester<int, int> asks{ctx, {.connect = never.bound()}};
    CHECK(asks.call(1, 20ms).why() == call_status::timed_out);
    CHECK(asks.async(1, 20ms).get().why() == call_status::timed_out);
    const support::silent_port nobody;
    requester<int, int> alone{ctx, {.connect = nobody.endpoint()}};
    CHECK(alone.call(1, 20ms).why() == call_status::no_server);
    CHECK(alone.async(1, 20ms).get().why() == call_status::no_server);
    // The server learned that nobody waits for its answers any more.
    CHECK(comes_true([&] { return never.counts().cancelled.value() == 2; }));
    CHECK(kept.take().cancelled());
    CHECK_FALSE(kept.take().reply(1));
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

TEST_CASE("options out of range are refused") {
    leat::context ctx;
    const auto make = [&](leat::request_options o) { requester<int, int>{ctx, std::move(o)}; };
    CHECK_THROWS_LEAT(make({}), leat::errc::bad_option, "at least one endpoint");
    CHECK_THROWS_LEAT(make({.connect = "inproc://x", .max_in_flight = 0}), leat::errc::bad_option,
                      "max_in_flight is 0");
    CHECK_THROWS_LEAT(make({.connect = "inproc://x", .heartbeat = 1ms}), leat::errc::bad_option,
                      "heartbeat is 1 ms");
    const auto serve = [&](leat::reply_options o) {
        replier<int, int>{ctx, std::move(o), [](const int& n) { return n; }};
    };
    CHECK_THROWS_LEAT(serve({}), leat::errc::bad_option, "at least one endpoint");
    CHECK_THROWS_LEAT(serve({.bind = "inproc://x", .workers = 0}), leat::errc::bad_option, "workers is 0");
    CHECK_THROWS_LEAT(serve({.bind = "inproc://x", .max_open = 0}), leat::errc::bad_option, "max_open is 0");
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
