#include "reqrep_support.hpp"

#include "support/warnings.hpp"

#include <condition_variable>
#include <optional>
#include <stdexcept>
#include <stop_token>

// How a replier ends, and what its handlers learn of it.

namespace {

/// A handler that waits for nothing but its stop token.
class waits_for_stop {
public:
    int operator()(const int& n, const leat::open_request& of) {
        const auto stop = of.stop_token();
        ++begun;
        std::mutex mutex;
        std::condition_variable_any never;
        std::unique_lock lock{mutex};
        never.wait(lock, stop, [] { return false; });
        cancelled += of.cancelled() ? 1 : 0;
        ++ended;
        return n;
    }

    std::atomic<int> begun = 0, cancelled = 0, ended = 0;
};

}  // namespace

TEST_CASE("a replier that stops requests the stop tokens of what it waits for no longer") {
    const support::warnings told;
    leat::context ctx{{.on_warning = told}};
    waits_for_stop handler;
    replier<int, int> serves{ctx, {.bind = "tcp://127.0.0.1:*", .workers = 2}, std::ref(handler)};
    requester<int, int> asks{ctx, {.connect = serves.bound()}};
    auto one = asks.async(1, patience), two = asks.async(2, patience);
    REQUIRE(comes_true([&] { return handler.begun == 2; }));
    CHECK_FALSE(serves.stop(20ms));
    CHECK(handler.ended == 2);
    CHECK(handler.cancelled == 2);
    CHECK(one.get().failure().is(reply_code::not_answered));
    CHECK(two.get().failure().is(reply_code::not_answered));
    CHECK(told.lines().empty());  // of a handler that was left behind
    CHECK_FALSE(serves.stop(patience));
}

TEST_CASE("a responder that is kept sees by its stop token that the replier has stopped") {
    leat::context ctx;
    keeper<int> kept;
    replier<int, int> later{ctx, {.bind = "tcp://127.0.0.1:*"}, std::ref(kept)};
    requester<int, int> asks{ctx, {.connect = later.bound()}};
    auto end = asks.async(1, patience);
    REQUIRE(comes_true([&] { return kept.size() == 1; }));
    const auto one = kept.take();
    const auto stop = one.stop_token();
    CHECK_FALSE(stop.stop_requested());
    CHECK_FALSE(later.stop(0ms));
    CHECK(stop.stop_requested());
    CHECK(one.cancelled());
    CHECK(end.get().failure().is(reply_code::not_answered));
}

TEST_CASE("the end of the context requests the stop tokens of open requests") {
    std::optional<leat::context> ctx{std::in_place};
    waits_for_stop handler;
    replier<int, int> serves{*ctx, {.bind = "tcp://127.0.0.1:*"}, std::ref(handler)};
    requester<int, int> asks{*ctx, {.connect = serves.bound()}};
    auto end = asks.async(1, patience);
    REQUIRE(comes_true([&] { return handler.begun == 1; }));
    CHECK(ctx->close(patience).complete);
    CHECK(comes_true([&] { return handler.ended == 1; }));
    CHECK(handler.cancelled == 1);
    CHECK(end.get().why() == call_status::closed);
    CHECK_FALSE(serves.stop(patience));
}

TEST_CASE("a replier that had answered all says so, however often it is asked to stop") {
    leat::context ctx;
    replier<int, int> serves{ctx, {.bind = "tcp://127.0.0.1:*"}, [](const int& n) { return n; }};
    requester<int, int> asks{ctx, {.connect = serves.bound()}};
    CHECK(asks.call(1, patience));
    auto other = std::async(std::launch::async, [&] { return serves.stop(patience); });
    CHECK(serves.stop(patience));
    CHECK(other.get());
    CHECK(serves.stop(0ms));
}

TEST_CASE("a request whose caller has left is cancelled, and counted once") {
    leat::context ctx;
    keeper<int> kept;
    replier<int, int> later{ctx, {.bind = "tcp://127.0.0.1:*"}, std::ref(kept)};
    {
        auto caller = support::connected(ctx, leat::role::dealer, later.bound()[0]);
        auto header = header_of(leat::detail::call_kind::request, 7, 1);
        header.heartbeat_ms = 10;
        leat::buffer body;
        leat::encode(1, body);
        leat::socket::parts request;
        request.push_back(frame_of(header));
        request.emplace_back();
        request.emplace_back(body.view());
        REQUIRE(caller.send(request, patience) == leat::status::ok);
        REQUIRE(comes_true([&] { return kept.size() == 1; }));
    }
    auto left = kept.take();
    const auto stop = left.stop_token();
    CHECK(comes_true([&] { return stop.stop_requested(); }));
    CHECK(left.cancelled());
    CHECK_FALSE(left.reply(1));
    CHECK(later.counts().peer_gone.value() == 1);
    CHECK(later.counts().answered.value() == 0);
}

TEST_CASE("what a handler throws is for on_error, with the method's name; callers learn nothing of it") {
    const support::warnings told;
    leat::context ctx{{.on_warning = told}};
    std::promise<std::string> first;
    std::atomic<int> errors = 0;
    const auto on_error = [&](std::string_view method, std::exception_ptr thrown) {
        if (++errors > 1) throw std::runtime_error{"the log is full"};
        try {
            std::rethrow_exception(thrown);
        } catch (const std::exception& one) {
            first.set_value(std::string{method} + ": " + one.what());
        }
    };
    replier<int, int> fails{ctx, {.bind = "tcp://127.0.0.1:*", .on_error = on_error}, [](const int&) -> int {
                                throw std::runtime_error{"the disk is gone"};
                            }};
    requester<int, int> asks{ctx, {.connect = fails.bound(), .method = "store"}};
    CHECK(asks.call(1, patience).failure().text == "internal error");
    CHECK(first.get_future().get() == "store: the disk is gone");
    CHECK(told.lines().empty());
    CHECK(asks.call(2, patience).failure().is(reply_code::internal));
    CHECK(comes_true([&] { return told.about("on_error threw: the log is full") != ""; }));
    CHECK(asks.call(3, patience).failure().is(reply_code::internal));
}

TEST_CASE("a handler sees the time that its caller has left") {
    leat::context ctx;
    using left = std::optional<std::chrono::nanoseconds>;
    std::promise<left> first, none;
    replier<int, int> serves{
        ctx, {.bind = "tcp://127.0.0.1:*"}, [&](const int& n, const leat::open_request& of) {
            (n == 1 ? first : none).set_value(of.remaining());
            return n;
        }};
    requester<int, int> asks{ctx, {.connect = serves.bound()}};
    CHECK(asks.call(1, patience));
    const auto some = first.get_future().get();
    REQUIRE(some);
    CHECK(*some > 0s);
    CHECK(*some <= patience);
    CHECK(asks.call(2, leat::deadline::never()));
    CHECK_FALSE(none.get_future().get());

    keeper<int> kept;
    replier<int, int> later{ctx, {.bind = "tcp://127.0.0.1:*"}, std::ref(kept)};
    requester<int, int> again{ctx, {.connect = later.bound()}};
    REQUIRE(again.wait_ready(1, patience) == leat::status::ok);
    while (kept.size() == 0) CHECK_FALSE(again.call(1, 100ms));
    auto one = kept.take();
    CHECK(comes_true([&] { return one.remaining() == left{0s}; }));
}
