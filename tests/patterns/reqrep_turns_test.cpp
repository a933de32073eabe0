#include "reqrep_support.hpp"

#include <leat/reqrep/detail/call_batch.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <thread>

// Nobody is held up by who reads for all: calls by each other, and those of a flooded client or server.

using support::connected;

namespace {

/// Sends a message over and over on a thread of its own.
class flood {
public:
    flood(leat::socket& from, std::vector<leat::message> frames)
        : frames_(std::move(frames)), aside_({&from}, [this, &from] { run(from); }) {
        REQUIRE(comes_true([&] { return sent_ > 100; }));
    }
    ~flood() { enough_ = true; }
    flood(const flood&) = delete;
    flood& operator=(const flood&) = delete;

private:
    void run(leat::socket& from) {
        while (!enough_) {
            leat::socket::parts copy;
            for (auto& frame : frames_) copy.push_back(frame.share());
            if (from.send(copy, 10ms) == leat::status::ok) ++sent_;
        }
    }

    std::vector<leat::message> frames_;
    std::atomic<bool> enough_ = false;
    std::atomic<std::uint64_t> sent_ = 0;
    support::aside aside_;
};

/// A message that is made once and takes long to read: sending is faster than reading.
leat::message many(const leat::detail::call_header& header) {
    leat::detail::call_batch batch;
    while (batch.size() < 256) batch.add(header, leat::message{"\x01"});
    return batch.take();
}

template <class... Frames>
std::vector<leat::message> frames(Frames&&... each) {
    std::vector<leat::message> all;
    (all.push_back(std::forward<Frames>(each)), ...);
    return all;
}

}  // namespace

TEST_CASE("a callback runs while another thread waits in a call") {
    leat::context ctx;
    keeper<int> kept;
    replier<int, int> later{ctx, {.bind = "tcp://127.0.0.1:*"}, std::ref(kept)};
    requester<int, int> asks{ctx, {.connect = later.bound()}};
    auto held = std::async(std::launch::async, [&] { return asks.call(1, patience); });
    REQUIRE(comes_true([&] { return kept.size() == 1; }));
    std::promise<call_status> timed_out, answered;
    asks.async(2, 50ms, {}, [&](answer<int>&& a) { timed_out.set_value(a.why()); });
    auto end = timed_out.get_future();
    REQUIRE(end.wait_for(patience / 2) == std::future_status::ready);
    CHECK(end.get() == call_status::timed_out);
    asks.async(3, patience, {}, [&](answer<int>&& a) { answered.set_value(a.why()); });
    auto quick = answered.get_future();
    const auto all_answered = [&] {
        while (kept.size() > 1) kept.take().reply(3);
        return quick.wait_for(0s) == std::future_status::ready;
    };
    REQUIRE(comes_true(all_answered));
    CHECK(quick.get() == call_status::answered);
    CHECK(asks.in_flight() == 1);
    kept.take().reply(1);
    CHECK(held.get());
}

TEST_CASE("a refused call's callback runs on the loop: not under the caller's locks, nor inside another") {
    leat::context ctx;
    const support::silent_port nobody;
    requester<int, int> asks{ctx, {.connect = nobody.endpoint(), .max_in_flight = 1}};
    leat::call_id id = 0;
    auto open = asks.async(1, patience, {}, &id);
    std::mutex mutex;
    std::promise<call_status> over;
    int tries = 0, depth = 0, deepest = 0;
    std::function<void(answer<int>&&)> again = [&](answer<int>&& a) {
        const std::lock_guard lock{mutex};
        deepest = std::max(deepest, ++depth);
        if (a.why() != call_status::busy)
            over.set_value(a.why());
        else if (++tries == 10'000)
            asks.cancel(id);
        if (a.why() == call_status::busy) asks.async(2, 50ms, {}, again);
        --depth;
    };
    {
        const std::lock_guard lock{mutex};
        CHECK(asks.async(2, 50ms, {}, again) == 0);
    }
    CHECK(over.get_future().get() == call_status::no_server);
    CHECK(tries >= 10'000);
    CHECK(deepest == 1);
    CHECK(open.get().why() == call_status::cancelled);
    std::stop_source stop;
    stop.request_stop();
    std::promise<std::thread::id> where;
    asks.async(3, patience, {.stop = stop.get_token()},
               [&](answer<int>&&) { where.set_value(std::this_thread::get_id()); });
    CHECK(where.get_future().get() != std::this_thread::get_id());
}

TEST_CASE("callbacks of calls that are made after the client or its context has closed run once each") {
    std::optional<leat::context> ctx{std::in_place};
    const support::silent_port nobody;
    requester<int, int> asks{*ctx, {.connect = nobody.endpoint()}};
    std::atomic<int> ended = 0;
    const auto count = [&](answer<int>&& a) { ended += a.why() == call_status::cancelled ? 1 : 0; };
    asks.close();
    for (int i = 0; i < 10; ++i) CHECK(asks.async(1, patience, {}, count) == 0);
    CHECK(comes_true([&] { return ended == 10; }));
    for (int i = 0; i < 10; ++i) asks.async(1, patience, {}, count);
    ctx.reset();
    CHECK(ended == 20);
    asks.async(1, patience, {}, count);
    CHECK(ended == 21);
}

TEST_CASE("servers that flood hold up neither deadlines nor cancels nor the answers of another") {
    leat::context ctx;
    std::vector<leat::socket> floods;
    leat::endpoints at;
    for (int i = 0; i < 2; ++i) {
        floods.emplace_back(ctx, leat::role::router);
        at.push_back(floods.back().bind(leat::endpoint{"tcp://127.0.0.1:*"}));
    }
    keeper<int> last, others;
    replier<int, int> calm{ctx, {.bind = "tcp://127.0.0.1:*"}, [&](const int& n, responder<int> to) {
                               (n == 5 ? last : others)(n, std::move(to));
                           }};
    at.push_back(calm.bound()[0]);
    requester<int, int> asks{ctx, {.connect = at, .heartbeat = 60s}};
    REQUIRE(asks.wait_ready(3, patience) == leat::status::ok);
    std::vector<std::future<answer<int>>> open;
    std::vector<std::unique_ptr<flood>> sources;
    for (auto& one : floods) {
        leat::socket::parts request;
        do {
            open.push_back(asks.async(1, patience));
        } while (one.receive(request, 20ms) != leat::status::ok);
        const auto foreign = header_of(leat::detail::call_kind::reply, 1, 1);
        sources.push_back(std::make_unique<flood>(
            one, frames(request[0].share(), frame_of(header_of(leat::detail::call_kind::batch, 0, 0)),
                        leat::message{}, many(foreign))));
    }
    const auto drops = [&] { return asks.counts().drops(leat::refusal::foreign); };
    REQUIRE(comes_true([&] { return drops() > 5000; }));
    const auto time_up = [](const answer<int>& end) {
        return end.why() == call_status::timed_out || end.failure().is(reply_code::too_late);
    };
    std::stop_source enough;
    std::future<answer<int>> leads;
    SUBCASE("while a thread waits in a call") {
        leads = std::async(std::launch::async,
                           [&] { return asks.call(2, patience, {.stop = enough.get_token()}); });
        for (int i = 0; i < 20; ++i) CHECK(time_up(asks.call(3, 20ms)));
    }
    SUBCASE("while the loop reads") {
        for (int i = 0; i < 20; ++i) CHECK(time_up(asks.async(3, 20ms).get()));
    }
    leat::call_id id = 0;
    auto cancelled = asks.async(4, patience, {}, &id);
    CHECK(asks.cancel(id));
    CHECK(cancelled.get().why() == call_status::cancelled);
    const auto calm_one_is_asked = [&] {
        open.push_back(asks.async(5, patience));
        return last.size() > 0;
    };
    REQUIRE(comes_true(calm_one_is_asked));
    while (last.size() > 0) CHECK(last.take().reply(5));
    CHECK(comes_true([&] { return asks.counts().of(call_status::answered) > 0; }));
    enough.request_stop();
    if (leads.valid()) CHECK(leads.get().why() != call_status::timed_out);
}

TEST_CASE("a client that floods holds up neither answers nor the end") {
    leat::context ctx;
    keeper<int> kept;
    replier<int, int> later{ctx, {.bind = "tcp://127.0.0.1:*", .max_open = 2}, std::ref(kept)};
    requester<int, int> asks{ctx, {.connect = later.bound()}};
    auto open = asks.async(1, patience);
    auto held = asks.async(2, patience);
    REQUIRE(comes_true([&] { return kept.size() == 2; }));
    auto one = connected(ctx, leat::role::dealer, later.bound()[0]);
    auto two = connected(ctx, leat::role::dealer, later.bound()[0]);
    const auto too_many = [] {
        return frames(frame_of(header_of(leat::detail::call_kind::batch, 0, 0)), leat::message{},
                      many(header_of(leat::detail::call_kind::request, 1, 1)));
    };
    const flood first{one, too_many()}, second{two, too_many()};
    for (int i = 0; i < 100; ++i) CHECK(later.open_requests() == 2);
    REQUIRE(comes_true([&] { return later.counts().overloaded.value() > 5000; }));
    // The flood takes the place of what is answered.
    auto later_one = kept.take(), first_one = kept.take();
    CHECK(later_one.reply(2));
    CHECK(first_one.reply(1));
    CHECK(open.get());
    CHECK(held.get());
    const auto before = std::chrono::steady_clock::now();
    static_cast<void>(later.stop(100ms));
    CHECK(std::chrono::steady_clock::now() - before < patience / 2);
}
