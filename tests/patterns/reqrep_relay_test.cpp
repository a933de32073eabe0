#include "reqrep_support.hpp"

#include <array>
#include <string>

// Requests and replies through a ROUTER/DEALER relay.

namespace {

/// Two relays, with a server behind each that keeps what it is asked, and a requester of both.
struct two_behind_relays {
    two_behind_relays() {
        REQUIRE(asks.wait_ready(2, patience) == leat::status::ok);
        for (auto* relay : {&first, &second})
            REQUIRE(comes_true([&] { return (*relay)->out_counts().connects.value() == 1; }));
    }

    [[nodiscard]] bool both_have(std::size_t n) {
        return comes_true([&] { return kept[0].size() == n && kept[1].size() == n; });
    }

    leat::context ctx;
    support::running_relay first{ctx, support::relayed(leat::relay_kind::reqrep)};
    support::running_relay second{ctx, support::relayed(leat::relay_kind::reqrep)};
    std::array<keeper<int>, 2> kept;
    replier<int, int> one{ctx, {.connect = first->out_endpoints()[0]}, std::ref(kept[0])};
    replier<int, int> two{ctx, {.connect = second->out_endpoints()[0]}, std::ref(kept[1])};
    requester<int, int> asks{ctx,
                             {.connect = {first->in_endpoints()[0].str(), second->in_endpoints()[0].str()}}};
};

}  // namespace

TEST_CASE("several workers behind a relay answer calls, fail them, and are pinged") {
    leat::context ctx;
    support::running_relay relay{ctx, support::relayed(leat::relay_kind::reqrep)};
    const auto there = relay->out_endpoints()[0];
    const auto handler = [](const int& n) {
        if (n < 0) throw leat::reply_error{3, "told to"};
        return n + 1;
    };
    replier<int, int> one{ctx, {.connect = there}, handler};
    replier<int, int> two{ctx, {.connect = there, .workers = 2}, handler};
    REQUIRE(comes_true([&] { return relay->out_counts().connects.value() == 2; }));
    requester<int, int> asks{ctx, {.connect = relay->in_endpoints()[0]}};
    for (int i = 0; i < 100; ++i) {
        const auto a = asks.call(i, patience);
        REQUIRE_MESSAGE(a, describe(a));
        CHECK(*a == i + 1);
    }
    CHECK(asks.call(-1, patience).failure().code == 3);
    CHECK(one.counts().requests.value() > 0);
    CHECK(two.counts().requests.value() > 0);
    CHECK(asks.ping(patience));
}

TEST_CASE("a cancel, a refusal and the time that is left come through a relay") {
    leat::context ctx;
    support::running_relay relay{ctx, support::relayed(leat::relay_kind::reqrep)};
    keeper<int> kept;
    replier<int, int> full{ctx, {.connect = relay->out_endpoints()[0], .max_open = 1}, std::ref(kept)};
    requester<int, int> asks{ctx, {.connect = relay->in_endpoints()[0]}};
    leat::call_id id = 0;
    auto open = asks.async(1, patience, {}, &id);
    REQUIRE(comes_true([&] { return kept.size() == 1; }));
    CHECK(asks.call(2, patience).failure().is(reply_code::overloaded));
    {
        const auto request = kept.take();
        const auto left = request.remaining();
        REQUIRE(left);
        CHECK(*left > 0s);
        CHECK(*left <= patience);
        CHECK_FALSE(request.cancelled());
        CHECK(asks.cancel(id));
        CHECK(comes_true([&] { return request.cancelled(); }));
    }
    CHECK(open.get().why() == call_status::cancelled);
    auto next = asks.async(3, patience);
    REQUIRE(comes_true([&] { return kept.size() == 1; }));
    kept.take().reply(4);
    CHECK(*next.get() == 4);
}

TEST_CASE("a hedged call asks behind both relays, takes the first answer, and cancels the other") {
    two_behind_relays both;
    auto end = both.asks.async(1, patience, {.idempotent = true, .hedge_after = 1ms});
    REQUIRE(both.both_have(1));
    auto slow = both.kept[0].take();
    both.kept[1].take().reply(7);
    CHECK(*end.get() == 7);
    CHECK(comes_true([&] { return slow.cancelled(); }));
    CHECK(both.asks.counts().hedges.value() == 1);
}

TEST_CASE("a hedged call that is cancelled is so at both servers") {
    two_behind_relays both;
    leat::call_id id = 0;
    auto end = both.asks.async(1, patience, {.idempotent = true, .hedge_after = 1ms}, &id);
    REQUIRE(both.both_have(1));
    CHECK(both.asks.cancel(id));
    CHECK(end.get().why() == call_status::cancelled);
    for (auto& one : both.kept) {
        auto request = one.take();
        CHECK(comes_true([&] { return request.cancelled(); }));
    }
    CHECK(both.asks.in_flight() == 0);
}
