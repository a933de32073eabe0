#include <leat/monitor.hpp>

#include "support/joined.hpp"
#include "support/ports.hpp"
#include "support/throws.hpp"

#include <future>
#include <optional>
#include <thread>
#include <utility>

using namespace std::chrono_literals;
using leat::connection_event;
using leat::context;
using leat::deadline;
using leat::endpoint;
using leat::role;
using leat::status;
using support::joined;
using support::patience;
using kind = connection_event::kind;

namespace {

/// Waits for an event of that kind; those before it are dropped.
std::optional<connection_event> next(leat::socket& s, kind wanted) {
    for (const deadline until = patience; !until.passed();) {
        for (auto& event : s.peers().take()) {
            if (event.what == wanted) return event;
        }
        if (s.peers().wait_event(until) != status::ok) break;
    }
    return std::nullopt;
}

}  // namespace

TEST_CASE("wait_connected waits for each number of peers, over each transport, whoever comes first") {
    context ctx;
    for (const std::string transport : {"tcp", "ipc", "inproc"}) {
        CAPTURE(transport);
        joined first{ctx, role::pull, role::push, {}, {}, transport};
        CHECK(first.binder.wait_connected(2, 1ms) == status::timeout);
        leat::socket second{ctx, role::push};
        second.connect(first.at);
        CHECK(first.binder.wait_connected(2, patience) == status::ok);
        CHECK(second.wait_connected(1, patience) == status::ok);
        CHECK(first.binder.peers().connected() == 2);
        CHECK(first.binder.counts().connects.value() == 2);
    }
}

TEST_CASE("a connect that comes before the bind is joined by it, over each transport") {
    context ctx;
    std::optional<support::silent_port> port{std::in_place};
    const support::ipc_path path;
    for (const auto& at : {endpoint{port->endpoint()}, path.at(), support::fresh_inproc()}) {
        CAPTURE(at.str());
        leat::socket early{ctx, role::push, {.reconnect_first = 1ms, .reconnect_cap = 10ms}};
        leat::socket late{ctx, role::pull};
        early.connect(at);
        CHECK(early.wait_connected(1, 1ms) == status::timeout);
        if (at.via() == endpoint::transport::tcp) port.reset();
        late.bind(at);
        CHECK(early.wait_connected(1, patience) == status::ok);
        CHECK(late.wait_connected(1, patience) == status::ok);
    }
}

TEST_CASE("a connection over a wildcard interface is seen by the side that binds") {
    context ctx;
    leat::socket binder{ctx, role::pull, {.insecure = true}}, connector{ctx, role::push};
    const auto at = binder.bind(endpoint{"tcp://*:*"}).str();
    connector.connect(endpoint{"tcp://127.0.0.1" + at.substr(at.rfind(':'))});
    CHECK(binder.wait_connected(1, patience) == status::ok);
}

TEST_CASE("a connection to a host name is seen by the side that connects") {
    context ctx;
    leat::socket binder{ctx, role::pull}, connector{ctx, role::push};
    const auto at = binder.bind(endpoint{"tcp://127.0.0.1:*"}).str();
    connector.connect(endpoint{"tcp://localhost" + at.substr(at.rfind(':'))});
    CHECK(connector.wait_connected(1, patience) == status::ok);
}

TEST_CASE("a connection over IPv6 loopback is seen on both sides") {
    context ctx;
    leat::socket binder{ctx, role::pull}, connector{ctx, role::push};
    const auto at = binder.bind(endpoint{"tcp://[::1]:*"});
    connector.connect(at);
    CHECK(binder.wait_connected(1, patience) == status::ok);
    CHECK(connector.wait_connected(1, patience) == status::ok);
}

TEST_CASE("the side that binds learns the peer's address with the connection") {
    context ctx;
    joined both{ctx, role::pull, role::push};
    const auto event = next(both.binder, kind::connected);
    REQUIRE(event);
    CHECK(event->endpoint == both.at.str());
    CHECK(event->peer.starts_with("127.0.0.1:"));
    CHECK(event->peer != both.at.str().substr(6));
}

TEST_CASE("the side that connects is told its endpoint with the connection") {
    context ctx;
    joined both{ctx, role::pull, role::push};
    const auto event = next(both.connector, kind::connected);
    REQUIRE(event);
    CHECK(event->endpoint == both.at.str());
}

TEST_CASE("a peer that leaves is an event and a count, over each transport") {
    context ctx;
    for (const std::string transport : {"tcp", "ipc", "inproc"}) {
        CAPTURE(transport);
        joined both{ctx, role::pull, role::push, {}, {}, transport};
        both.connector.close();
        const auto event = next(both.binder, kind::disconnected);
        REQUIRE(event);
        CHECK(event->endpoint == both.at.str());
        CHECK(both.binder.peers().connected() == 0);
        CHECK(both.binder.counts().disconnects.value() == 1);
    }
}

TEST_CASE("a peer that binds and leaves is an event and a count, over each transport") {
    context ctx;
    for (const std::string transport : {"tcp", "ipc", "inproc"}) {
        CAPTURE(transport);
        joined both{ctx, role::pull, role::push, {}, {}, transport};
        both.binder.close();
        const auto event = next(both.connector, kind::disconnected);
        REQUIRE(event);
        CHECK(event->endpoint == both.at.str());
        CHECK(both.connector.peers().connected() == 0);
    }
}

TEST_CASE("parting from an inproc peer is noticed on both sides") {
    context ctx;
    joined both{ctx, role::pull, role::push, {}, {}, "inproc"};
    both.connector.disconnect(both.at);
    CHECK(both.connector.peers().connected() == 0);
    CHECK(both.binder.peers().connected() == 0);
}

TEST_CASE("an inproc name that was let go can be taken by another socket, and the old peers stay") {
    context ctx;
    joined old{ctx, role::pull, role::push, {}, {}, "inproc"};
    old.binder.unbind(old.at);
    CHECK(old.binder.peers().connected() == 1);
    leat::socket taker{ctx, role::pull}, another{ctx, role::push};
    taker.bind(old.at);
    another.connect(old.at);
    CHECK(taker.peers().connected() == 1);
    CHECK(another.peers().connected() == 1);
    CHECK(old.connector.peers().connected() == 1);
    CHECK(support::send(old.connector, "old") == status::ok);
    CHECK(support::receive(old.binder) == "old");
    CHECK(support::send(another, "new") == status::ok);
    CHECK(support::receive(taker) == "new");
}

TEST_CASE("a connect that finds nobody is an event for each new try, with the pause before it") {
    const support::silent_port nobody;
    context ctx;
    leat::socket s{ctx, role::push, {.reconnect_first = 2ms, .reconnect_cap = 10ms}};
    s.connect(endpoint{nobody.endpoint()});
    for (int i = 0; i < 2; ++i) {
        const auto event = next(s, kind::retrying);
        REQUIRE(event);
        CHECK(event->endpoint == nobody.endpoint());
        CHECK(event->reason.starts_with("next try in "));
    }
    CHECK(s.counts().retries.value() >= 2);
}

TEST_CASE("a peer of a socket type that does not fit shows as closed before the handshake ended") {
    context ctx;
    leat::socket binder{ctx, role::push}, connector{ctx, role::push};
    const auto at = binder.bind(endpoint{"tcp://127.0.0.1:*"});
    connector.connect(at);
    const auto event = next(binder, kind::handshake_failed);
    REQUIRE(event);
    CHECK(event->endpoint == at.str());
    CHECK(event->reason == "closed before the handshake ended");
    CHECK(binder.counts().handshake_failures.value() >= 1);
    CHECK(binder.peers().connected() == 0);
}

TEST_CASE("wait_connected ends at its deadline") {
    context ctx;
    leat::socket s{ctx, role::pull};
    s.bind(endpoint{"tcp://127.0.0.1:*"});
    const auto start = std::chrono::steady_clock::now();
    CHECK(s.wait_connected(1, 30ms) == status::timeout);
    CHECK(std::chrono::steady_clock::now() - start >= 30ms);
    CHECK(s.wait_connected(1, deadline::now()) == status::timeout);
}

TEST_CASE("wait_connected for no peer at all ends at once") {
    context ctx;
    leat::socket s{ctx, role::pull};
    CHECK(s.wait_connected(0, deadline::never()) == status::ok);
}

TEST_CASE("wait_connected ends with the socket's stop") {
    context ctx;
    std::stop_source stop;
    leat::socket s{ctx, role::pull, {.stop = stop.get_token()}};
    std::thread other{[&] { stop.request_stop(); }};
    CHECK(s.wait_connected(1, deadline::never()) == status::stopped);
    other.join();
}

TEST_CASE("a wait in another thread ends when the socket is closed") {
    context ctx;
    std::optional<leat::socket> s{std::in_place, ctx, role::pull};
    std::promise<status> ended;
    std::thread other{
        [&, peers = &s->peers()] { ended.set_value(peers->wait_connected(1, deadline::never())); }};
    s->close();
    CHECK(ended.get_future().get() == status::closed);
    other.join();
}

TEST_CASE("a socket without a monitor cannot wait for connections") {
    context ctx;
    const leat::socket s{ctx, role::pull, {.monitor = false}};
    CHECK_THROWS_LEAT(s.wait_connected(1, 1ms), leat::errc::bad_option, "monitor = false");
}

TEST_CASE("only the last events are kept") {
    leat::monitor m{std::make_shared<leat::metrics>()};
    for (std::size_t i = 0; i < leat::monitor::most_events + 5; ++i)
        m.on_inproc(true, "inproc://" + std::to_string(i));
    const auto events = m.take();
    REQUIRE(events.size() == leat::monitor::most_events);
    CHECK(events.front().endpoint == "inproc://5");
    CHECK(m.take().empty());
}

TEST_CASE("who asks for it is called after each event, until it asks no more") {
    context ctx;
    joined pair{ctx, role::pull, role::push};
    std::promise<void> told;
    pair.connector.peers().on_event([&, first = true]() mutable {
        if (std::exchange(first, false)) told.set_value();
    });
    pair.binder.close();
    CHECK(told.get_future().wait_for(patience) == std::future_status::ready);
    pair.connector.peers().on_event({});
}
