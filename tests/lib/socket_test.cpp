#include <leat/socket.hpp>

#include "support/joined.hpp"
#include "support/ports.hpp"
#include "support/throws.hpp"

#include <poll.h>

#include <filesystem>
#include <future>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using leat::context;
using leat::deadline;
using leat::endpoint;
using leat::errc;
using leat::message;
using leat::role;
using leat::status;
using support::joined;
using support::patience;

namespace {

const endpoint any_port{"tcp://127.0.0.1:*"};

}  // namespace

TEST_CASE("bind returns the endpoint that was really bound") {
    context ctx;
    leat::socket s{ctx, role::pull};
    const auto tcp = s.bind(any_port);
    CHECK(tcp.str().starts_with("tcp://127.0.0.1:"));
    CHECK_FALSE(tcp.is_wildcard());
    const auto ipc = s.bind(endpoint{"ipc://*"});
    CHECK(ipc.str().starts_with("ipc:///"));
    CHECK(s.bind(endpoint{"inproc://named"}).str() == "inproc://named");
    CHECK(s.name() == "pull " + tcp.str() + ", " + ipc.str() + ", inproc://named");
}

TEST_CASE("an endpoint that is taken is refused with its name and the reason") {
    context ctx;
    leat::socket first{ctx, role::pull}, second{ctx, role::pull};
    const auto tcp = first.bind(any_port);
    CHECK_THROWS_LEAT(second.bind(tcp), errc::bind_failed, "bind " + tcp.str() + ": Address already in use");
    const auto inproc = first.bind(support::fresh_inproc());
    CHECK_THROWS_LEAT(second.bind(inproc), errc::bind_failed,
                      "bind " + inproc.str() + ": Address already in use");
}

TEST_CASE("a bind beyond loopback is refused unless it is said to be insecure") {
    context ctx;
    leat::socket careful{ctx, role::pull}, careless{ctx, role::pull, {.insecure = true}};
    CHECK_THROWS_LEAT(careful.bind(endpoint{"tcp://*:*"}), errc::insecure_bind,
                      "other machines could reach it");
    CHECK_THROWS_LEAT(careful.bind(endpoint{"tcp://0.0.0.0:*"}), errc::insecure_bind, "say insecure");
    CHECK_NOTHROW(careless.bind(endpoint{"tcp://0.0.0.0:*"}));
}

TEST_CASE("a CURVE client's keys do not make a bind beyond loopback secure") {
    context ctx;
    const auto keys = leat::curve_keys::generate();
    leat::socket s{ctx, role::pull, {.client = leat::curve_client{keys, keys.public_key}}};
    CHECK_THROWS_LEAT(s.bind(endpoint{"tcp://0.0.0.0:*"}), errc::insecure_bind,
                      "Set CURVE keys (options.server)");
}

TEST_CASE("a connect to a wildcard is refused") {
    context ctx;
    leat::socket s{ctx, role::push};
    CHECK_THROWS_LEAT(s.connect(any_port), errc::bad_endpoint, "a * can only be bound");
    CHECK_THROWS_LEAT(s.connect(endpoint{"ipc://*"}), errc::bad_endpoint, "a * can only be bound");
}

TEST_CASE("an unbind or disconnect of what the socket does not have is refused") {
    context ctx;
    leat::socket s{ctx, role::push};
    CHECK_THROWS_LEAT(s.unbind(endpoint{"tcp://127.0.0.1:1"}), errc::bad_endpoint,
                      "unbind tcp://127.0.0.1:1");
    CHECK_THROWS_LEAT(s.disconnect(endpoint{"tcp://127.0.0.1:1"}), errc::bad_endpoint,
                      "disconnect tcp://127.0.0.1:1");
}

TEST_CASE("an option out of its range makes no socket") {
    context ctx;
    CHECK_THROWS_LEAT((leat::socket{ctx, role::push, {.send_bytes = 1}}), errc::bad_option, "send_bytes");
}

TEST_CASE("frames pass over each transport") {
    context ctx;
    for (const std::string transport : {"tcp", "ipc", "inproc"}) {
        CAPTURE(transport);
        joined both{ctx, role::pull, role::push, {}, {}, transport};
        for (const auto size : {0u, 1u, 33u, 34u, 1000u, 100'000u}) {
            const std::string text(size, 'x');
            REQUIRE(support::send(both.connector, text) == status::ok);
            CHECK(support::receive(both.binder) == text);
        }
    }
}

TEST_CASE("a frame that was sent leaves the message empty") {
    context ctx;
    joined both{ctx, role::pull, role::push};
    message small{"x"}, large{std::string(100'000, 'x')};
    CHECK(both.connector.send(small, patience) == status::ok);
    CHECK(small.empty());
    CHECK(both.connector.send(large, patience) == status::ok);
    CHECK(large.empty());
}

TEST_CASE("sends and receives are counted in messages and bytes") {
    context ctx;
    joined both{ctx, role::pull, role::push};
    message batch{"three messages"};
    REQUIRE(both.connector.send(batch, patience, 3) == status::ok);
    REQUIRE(support::receive(both.binder) == "three messages");
    CHECK(both.connector.counts().messages_sent.value() == 3);
    CHECK(both.connector.counts().bytes_sent.value() == 14);
    CHECK(both.binder.counts().messages_received.value() == 1);
    CHECK(both.binder.counts().bytes_received.value() == 14);
}

TEST_CASE("a receive ends at its deadline, not before") {
    context ctx;
    leat::socket s{ctx, role::pull};
    s.bind(any_port);
    const auto start = std::chrono::steady_clock::now();
    CHECK(support::receive(s, 30ms) == "<timeout>");
    CHECK(std::chrono::steady_clock::now() - start >= 30ms);
}

TEST_CASE("a send ends at its deadline, not before, and leaves the message untouched") {
    context ctx;
    leat::socket s{ctx, role::push};
    s.bind(any_port);
    message m{std::string(1000, 'x')};
    const auto start = std::chrono::steady_clock::now();
    CHECK(s.send(m, 30ms) == status::timeout);
    CHECK(std::chrono::steady_clock::now() - start >= 30ms);
    CHECK(m.text() == std::string(1000, 'x'));
    CHECK(s.counts().would_blocks.value() == 1);
    CHECK(s.counts().messages_sent.value() == 0);
    CHECK(s.pending() == 0);
}

TEST_CASE("a socket that is not to count what is pending says none, and sends whole messages as ever") {
    context ctx;
    leat::socket out{ctx, role::dealer, {.count_pending = false}}, counts{ctx, role::dealer};
    const support::ipc_path path;
    const auto nowhere = path.at();
    for (auto* one : {&out, &counts}) {
        one->connect(nowhere);
        leat::socket::parts all;
        all.emplace_back("head");
        all.emplace_back(std::string(1000, 'x'));
        REQUIRE(one->send(all, patience) == status::ok);
    }
    CHECK(out.pending() == 0);
    CHECK(counts.pending() == 1);
    leat::socket in{ctx, role::router};
    in.bind(nowhere);
    for (int i = 0; i < 2; ++i) {
        leat::socket::parts got;
        REQUIRE(in.receive(got, patience) == status::ok);
        REQUIRE(got.size() == 3);
        CHECK(got[1].text() == "head");
        CHECK(got[2].size() == 1000);
    }
}

TEST_CASE("a send and a receive that would wait and may not end at once, and leave the message untouched") {
    context ctx;
    leat::socket s{ctx, role::dealer};
    s.bind(any_port);
    for (const auto size : {3u, 1000u, 100'000u}) {
        message m{std::string(size, 'x')};
        CHECK(s.send(m, deadline::now()) == status::timeout);
        CHECK(m.text() == std::string(size, 'x'));
    }
    CHECK(support::receive(s, deadline::now()) == "<timeout>");
}

TEST_CASE("a frame that found no room is sent whole once there is a peer") {
    context ctx;
    leat::socket from{ctx, role::push}, to{ctx, role::pull};
    const auto at = from.bind(any_port);
    message m{std::string(1000, 'x')};
    REQUIRE(from.send(m, deadline::now()) == status::timeout);
    to.connect(at);
    CHECK(from.send(m, patience) == status::ok);
    CHECK(support::receive(to) == std::string(1000, 'x'));
}

TEST_CASE("a stop ends a blocked receive and a blocked send") {
    context ctx;
    std::stop_source stop;
    leat::socket to{ctx, role::pull, {.stop = stop.get_token()}},
        from{ctx, role::push, {.stop = stop.get_token()}};
    to.bind(any_port);
    from.bind(any_port);
    std::thread other{[&] { stop.request_stop(); }};
    CHECK(support::receive(to, deadline::never()) == "<stopped>");
    message m{"kept"};
    CHECK(from.send(m, deadline::never()) == status::stopped);
    CHECK(m.text() == "kept");
    other.join();
}

TEST_CASE("what is there to receive is received even after the stop") {
    context ctx;
    std::stop_source stop;
    joined both{ctx, role::pull, role::push, {.stop = stop.get_token()}};
    REQUIRE(support::send(both.connector, "last") == status::ok);
    REQUIRE(both.binder.wait_readable(patience) == status::ok);
    stop.request_stop();
    CHECK(support::receive(both.binder, deadline::never()) == "last");
}

TEST_CASE("a router refuses a message for an id that it does not know") {
    context ctx;
    leat::socket s{ctx, role::router};
    s.bind(any_port);
    leat::socket::parts all;
    all.emplace_back("nobody");
    all.emplace_back("body");
    CHECK(s.send(all, patience) == status::no_peer);
    CHECK(all[0].text() == "nobody");
    CHECK(all[1].text() == "body");
}

TEST_CASE("a router answers the peer that asked") {
    context ctx;
    joined both{ctx, role::router, role::dealer};
    REQUIRE(support::send(both.connector, "question") == status::ok);
    leat::socket::parts all;
    REQUIRE(both.binder.receive(all, patience) == status::ok);
    REQUIRE(all.size() == 2);
    all[1] = message{"answer"};
    CHECK(both.binder.send(all, patience) == status::ok);
    CHECK(support::receive(both.connector) == "answer");
}

TEST_CASE("a subscriber receives what begins with its prefix, until it takes that back") {
    context ctx;
    joined both{ctx, role::xpub, role::sub};
    both.connector.subscribe("a");
    REQUIRE(support::receive(both.binder) == "\1a");
    REQUIRE(support::send(both.binder, "b") == status::ok);
    REQUIRE(support::send(both.binder, "ab") == status::ok);
    CHECK(support::receive(both.connector) == "ab");
    both.connector.unsubscribe("a");
    CHECK(support::receive(both.binder) == std::string("\0a", 2));
}

TEST_CASE("who is closed cannot subscribe any more, and is told so") {
    leat::context ctx;
    leat::socket s{ctx, role::sub};
    s.close();
    CHECK_THROWS_LEAT(s.subscribe("a"), errc::closed, "subscribe: the socket or its context is closed");
    CHECK_THROWS_LEAT(s.unsubscribe("a"), errc::closed, "unsubscribe: the socket or its context is closed");
}

TEST_CASE("only a subscriber can subscribe") {
    context ctx;
    leat::socket s{ctx, role::push};
    CHECK_THROWS_LEAT(s.subscribe("a"), errc::bad_option, "push sockets do not subscribe");
    CHECK_THROWS_LEAT(s.unsubscribe("a"), errc::bad_option, "push sockets do not subscribe");
}

TEST_CASE("a peer that sends more than max_message is disconnected, and the frame never arrives") {
    context ctx;
    joined both{ctx, role::pull, role::push, {.max_message = 1000}};
    REQUIRE(support::send(both.connector, std::string(1001, 'x')) == status::ok);
    for (const deadline until = patience; both.binder.counts().disconnects.value() == 0;) {
        REQUIRE(both.binder.peers().wait_event(until) == status::ok);
        static_cast<void>(both.binder.peers().take());
    }
    CHECK(support::receive(both.binder, deadline::now()) == "<timeout>");
}

TEST_CASE("a frame of exactly max_message arrives") {
    context ctx;
    joined both{ctx, role::pull, role::push, {.max_message = 1000}};
    REQUIRE(support::send(both.connector, std::string(1000, 'x')) == status::ok);
    CHECK(support::receive(both.binder).size() == 1000);
}

TEST_CASE("a closed socket fails with closed") {
    context ctx;
    leat::socket s{ctx, role::dealer};
    s.bind(any_port);
    s.close();
    s.close();
    message m{"kept"};
    CHECK(s.send(m, patience) == status::closed);
    CHECK(m.text() == "kept");
    CHECK(s.receive(m, patience) == status::closed);
    CHECK(s.handle() == nullptr);
    CHECK_THROWS_LEAT(s.bind(any_port), errc::closed, "bind tcp://127.0.0.1:*");
}

TEST_CASE("heartbeats are off unless they are asked for") {
    context ctx;
    const auto interval_of = [](const leat::socket& s) {
        int interval = -1;
        std::size_t size = sizeof interval;
        zmq_getsockopt(s.handle(), ZMQ_HEARTBEAT_IVL, &interval, &size);
        return interval;
    };
    CHECK(interval_of(leat::socket{ctx, role::push}) == 0);
    CHECK(interval_of(leat::socket{ctx, role::push, {.heartbeat = 500ms}}) == 500);
}

TEST_CASE("a socket may be moved to another thread and used there") {
    context ctx;
    joined both{ctx, role::pull, role::push};
    REQUIRE(support::send(both.connector, "first") == status::ok);
    std::thread other{[moved = std::move(both.connector)]() mutable {
        CHECK(support::send(moved, "second") == status::ok);
    }};
    CHECK(support::receive(both.binder) == "first");
    CHECK(support::receive(both.binder) == "second");
    other.join();
}

TEST_CASE("a socket that is handed over may be used by the next thread") {
    context ctx;
    joined both{ctx, role::pull, role::push};
    both.connector.hand_over();
    std::thread{[&] { CHECK(support::send(both.connector, "hello") == status::ok); }}.join();
    CHECK(support::receive(both.binder) == "hello");
}

TEST_CASE("the event descriptor tells poll(2) that something has come") {
    context ctx;
    joined both{ctx, role::pull, role::push};
    pollfd news{both.binder.event_fd(), POLLIN, 0};
    // Looking at the socket uses up what it has to tell so far.
    while (::poll(&news, 1, 0) > 0) CHECK(support::receive(both.binder, deadline::now()) == "<timeout>");
    REQUIRE(support::send(both.connector, "hello") == status::ok);
    CHECK(::poll(&news, 1, deadline{patience}.poll_timeout()) == 1);
    CHECK(support::receive(both.binder) == "hello");
}

#ifndef NDEBUG
TEST_CASE("a debug build refuses a second thread, and the socket stays usable in the first") {
    context ctx;
    joined both{ctx, role::pull, role::push};
    std::thread{[&] {
        message m{"x"};
        CHECK_THROWS_LEAT(both.connector.send(m, patience), errc::wrong_thread,
                          "push socket: used from a second thread");
        CHECK_THROWS_LEAT(both.binder.receive(m, patience), errc::wrong_thread, "pull socket");
        CHECK_THROWS_LEAT(both.binder.bind(any_port), errc::wrong_thread, "pull socket");
        CHECK_THROWS_LEAT(both.binder.connect(both.at), errc::wrong_thread, "pull socket");
        CHECK_THROWS_LEAT(both.binder.wait_readable(patience), errc::wrong_thread, "pull socket");
    }}.join();
    CHECK(support::send(both.connector, "hello") == status::ok);
    CHECK(support::receive(both.binder) == "hello");
}
#endif

TEST_CASE("peers, counts and pending may be read from another thread while the owner sends") {
    context ctx;
    joined both{ctx, role::pull, role::push};
    std::promise<void> reads;
    std::atomic<bool> sent{false};
    std::thread reader{[&] {
        reads.set_value();
        while (!sent) {
            if (both.connector.counts().messages_sent.value() > 1000 || both.connector.pending() > 1000)
                break;
            if (both.connector.peers().connected() > 1) break;
        }
        CHECK_FALSE(both.connector.counts().messages_sent.value() > 1000);
    }};
    reads.get_future().wait();
    for (int i = 0; i < 1000; ++i) REQUIRE(support::send(both.connector, "x") == status::ok);
    sent = true;
    reader.join();
}

TEST_CASE("the file of an ipc path that leat picked goes with its socket") {
    context ctx;
    leat::socket s{ctx, role::pull};
    const auto file = s.bind(endpoint{"ipc://*"}).str().substr(6);
    CHECK(std::filesystem::exists(file));
    s.close();
    CHECK_FALSE(std::filesystem::exists(file));
}

TEST_CASE("a receive of all parts that got none leaves none of an earlier message") {
    context ctx;
    joined both{ctx, role::pull, role::push};
    leat::socket::parts all;
    all.emplace_back("old");
    CHECK(both.binder.receive(all, deadline::now()) == status::timeout);
    CHECK(all.empty());
}
