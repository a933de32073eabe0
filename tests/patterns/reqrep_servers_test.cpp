#include "reqrep_support.hpp"

#include <poll.h>

#include <algorithm>
#include <set>
#include <string>

// Which of several servers has a call.

using leat::bytes;

namespace {

/// Servers that take requests and do nothing else.
class silent_servers {
public:
    silent_servers(leat::context& ctx, std::size_t n) {
        for (std::size_t i = 0; i < n; ++i) {
            sockets_.emplace_back(ctx, leat::role::router);
            at_.push_back(sockets_.back().bind(leat::endpoint{"tcp://127.0.0.1:*"}));
        }
    }

    [[nodiscard]] const leat::endpoints& at() const { return at_; }

    struct taken {
        std::size_t server;
        std::string body;
    };

    /// The next request that one of them has.
    taken next() {
        leat::socket::parts all;
        leat::detail::call_header header;
        for (const leat::deadline until = patience; !until.passed(); ::poll(nullptr, 0, 1)) {
            for (std::size_t i = 0; i < sockets_.size(); ++i) {
                while (sockets_[i].receive(all, leat::deadline::now()) == leat::status::ok) {
                    REQUIRE(leat::detail::read_header(all[1], header));
                    if (header.what() == leat::detail::call_kind::request)
                        return {i, std::string{all.back().text()}};
                }
            }
        }
        FAIL("no request has come");
        return {};
    }

private:
    std::vector<leat::socket> sockets_;
    leat::endpoints at_;
};

}  // namespace

TEST_CASE("a call goes to the server that has the fewest") {
    leat::context ctx;
    keeper<int> kept;
    const auto handler = [&](const int& n, responder<int> to) {
        if (n == 0) return kept(n, std::move(to));
        to.reply(n);
    };
    replier<int, int> one{ctx, {.bind = "tcp://127.0.0.1:*"}, handler};
    replier<int, int> two{ctx, {.bind = "tcp://127.0.0.1:*"}, handler};
    requester<int, int> asks{ctx, {.connect = {one.bound()[0].str(), two.bound()[0].str()}}};
    REQUIRE(asks.wait_ready(2, patience) == leat::status::ok);
    auto held = asks.async(0, patience);
    REQUIRE(comes_true([&] { return kept.size() == 1; }));
    for (int i = 1; i <= 10; ++i) CHECK(*asks.call(i, patience) == i);
    const auto [fewer, more] = std::minmax({one.counts().requests.value(), two.counts().requests.value()});
    CHECK(fewer == 1);
    CHECK(more == 10);
    kept.take().reply(0);
    CHECK(held.get());
}

TEST_CASE("servers that have equally few calls get them in turn") {
    leat::context ctx;
    const auto handler = [](const int& n) { return n; };
    replier<int, int> one{ctx, {.bind = "tcp://127.0.0.1:*"}, handler};
    replier<int, int> two{ctx, {.bind = "tcp://127.0.0.1:*"}, handler};
    requester<int, int> asks{ctx, {.connect = {one.bound()[0].str(), two.bound()[0].str()}}};
    REQUIRE(asks.wait_ready(2, patience) == leat::status::ok);
    for (int i = 0; i < 10; ++i) CHECK(*asks.call(i, patience) == i);
    CHECK(one.counts().requests.value() == 5);
    CHECK(two.counts().requests.value() == 5);
}

TEST_CASE("a server that has connected and says nothing any more gets no calls, and one that is idle does") {
    leat::context ctx;
    requester<int, int> asks{ctx, {.bind = "tcp://127.0.0.1:*", .heartbeat = 50ms}};
    auto silent = support::connected(ctx, leat::role::dealer, asks.bound()[0]);
    const auto heard = [&] {
        leat::socket::parts hello(3);
        hello[0] = frame_of(header_of(leat::detail::call_kind::hello, 0, 0));
        REQUIRE(silent.send(hello, patience) == leat::status::ok);
        return asks.wait_ready(1, 100ms) == leat::status::ok;
    };
    REQUIRE(comes_true(heard));
    const leat::deadline quiet = 200ms;
    REQUIRE(comes_true([&] { return quiet.passed(); }));
    CHECK(asks.call(1, 20ms).why() == call_status::no_server);

    replier<int, int> idle{ctx, {.join = asks.bound(), .heartbeat = 50ms}, [](const int& n) { return n; }};
    REQUIRE(asks.wait_ready(1, patience) == leat::status::ok);
    const leat::deadline still = 200ms;
    REQUIRE(comes_true([&] { return still.passed(); }));
    CHECK(asks.call(2, patience));
}

TEST_CASE("a server that speaks less often than its requester listens is there all the same") {
    leat::context ctx;
    requester<int, int> asks{ctx, {.bind = "tcp://127.0.0.1:*", .heartbeat = 10ms}};
    replier<int, int> calm{ctx, {.join = asks.bound(), .heartbeat = 10s}, [](const int& n) { return n; }};
    REQUIRE(asks.wait_ready(1, patience) == leat::status::ok);
    for (int i = 0; i < 3; ++i) {
        const leat::deadline idle = 50ms;
        REQUIRE(comes_true([&] { return idle.passed(); }));
        CHECK(asks.call(i, patience));
        CHECK(asks.servers() == 1);
    }
}

TEST_CASE("any message of a server that has connected shows that it is there, not only its hello") {
    leat::context ctx;
    requester<int, int> asks{ctx, {.bind = "tcp://127.0.0.1:*", .heartbeat = 200ms}};
    auto server = support::connected(ctx, leat::role::dealer, asks.bound()[0]);
    leat::socket::parts hello(3);
    hello[0] = frame_of(header_of(leat::detail::call_kind::hello, 0, 0));
    REQUIRE(server.send(hello, patience) == leat::status::ok);
    REQUIRE(asks.wait_ready(1, patience) == leat::status::ok);
    auto held = asks.async(1, patience);
    leat::socket::parts request;
    leat::detail::call_header header;
    REQUIRE(server.receive(request, patience) == leat::status::ok);
    REQUIRE(leat::detail::read_header(request[0], header));
    for (const leat::deadline while_it_works = 900ms; !while_it_works.passed();) {
        leat::socket::parts alive(3);
        alive[0] = frame_of(header_of(leat::detail::call_kind::alive, header.session, header.call));
        REQUIRE(server.send(alive, patience) == leat::status::ok);
        static_cast<void>(server.receive(request, 20ms));
    }
    auto next = asks.async(2, patience);
    leat::detail::call_header another;
    do {
        REQUIRE(server.receive(request, patience) == leat::status::ok);
        REQUIRE(leat::detail::read_header(request[0], another));
    } while (another.what() != leat::detail::call_kind::request);
    asks.close();
    CHECK(held.get().why() == call_status::cancelled);
    CHECK(next.get().why() == call_status::cancelled);
}

TEST_CASE("a second server is another one: where there is none, the first is not asked again") {
    leat::context ctx;
    keeper<int> kept;
    replier<int, int> slow{ctx, {.bind = "tcp://127.0.0.1:*"}, std::ref(kept)};
    requester<int, int> asks{ctx, {.connect = slow.bound()}};
    REQUIRE(asks.wait_ready(1, patience) == leat::status::ok);
    // On a slow machine its worker may find that the time is up, and says so.
    const auto end = asks.call(1, 200ms, {.idempotent = true, .hedge_after = 1ms});
    CHECK((end.why() == call_status::timed_out || end.failure().is(reply_code::too_late)));
    CHECK(asks.ping(patience));  // and all that was sent before it on the same connection has come
    CHECK(asks.counts().hedges.value() == 0);
    CHECK(slow.counts().requests.value() == 1);
}

TEST_CASE("an idempotent call that a server is silent about goes to another, as often as it may") {
    leat::context ctx;
    silent_servers both{ctx, 2};
    requester<bytes, bytes> asks{ctx, {.connect = both.at(), .heartbeat = 50ms}};
    REQUIRE(asks.wait_ready(2, patience) == leat::status::ok);
    auto safe = asks.async(bytes{"safe"}, patience, {.idempotent = true, .retry = {.attempts = 2}});
    // The other server is not the better one: it has a call as well.
    auto once = asks.async(bytes{"once"}, patience);
    std::multiset<std::string> bodies;
    std::set<std::size_t> asked;
    for (int i = 0; i < 3; ++i) {
        const auto request = both.next();
        bodies.insert(request.body);
        if (request.body == "safe") asked.insert(request.server);
    }
    CHECK(bodies == std::multiset<std::string>{"once", "safe", "safe"});
    CHECK(asked.size() == 2);
    CHECK(once.get().why() == call_status::peer_lost);
    CHECK(safe.get().why() == call_status::peer_lost);
    CHECK(asks.counts().retries.value() == 1);
}
