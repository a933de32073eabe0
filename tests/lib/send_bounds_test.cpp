// What a socket holds accepted and not yet handed to the kernel: its bound in bytes, and its count.

#include <leat/socket.hpp>

#include "support/joined.hpp"
#include "support/ports.hpp"
#include "support/warnings.hpp"

#include <algorithm>
#include <optional>
#include <thread>

using namespace std::chrono_literals;
using leat::context;
using leat::deadline;
using leat::endpoint;
using leat::message;
using leat::role;
using leat::status;
using support::joined;
using support::patience;

namespace {

constexpr std::size_t overhead = 64;  // accounted for each frame
constexpr std::size_t bound = 256u << 10;

const leat::socket_options unlimited{
    .send_bytes = bound, .send_frames = 0, .receive_frames = 0, .linger = 0ms};

/// Sends frames of `size` until there is no room, and returns the bytes accounted for.
std::size_t fill(leat::socket& s, std::size_t size) {
    std::size_t sent = 0;
    for (;;) {
        message m{size};
        if (s.send(m, deadline::now()) != status::ok) return sent;
        sent += size + overhead;
    }
}

/// Receives until `pending` of `from` is 0.
void drain(leat::socket& to, const leat::socket& from) {
    for (const deadline until = patience; from.pending() > 0 && !until.passed();) {
        message m;
        static_cast<void>(to.receive(m, 10ms));
    }
}

}  // namespace

TEST_CASE("a sender without a peer stops at its bound in bytes, though its high-water mark has no limit") {
    const support::silent_port nobody;
    context ctx{{.on_warning = support::warnings{}}};
    for (const std::size_t size : {10u, 100u, 1000u, 10'000u, 100'000u}) {
        CAPTURE(size);
        leat::socket s{ctx, role::push, unlimited};
        s.connect(endpoint{nobody.endpoint()});
        const auto sent = fill(s, size);
        CHECK(sent >= bound);
        CHECK(sent <= bound + size + overhead + (32u << 10));
    }
}

TEST_CASE("a bound in bytes holds for all parts of a message") {
    const support::silent_port nobody;
    context ctx{{.on_warning = support::warnings{}}};
    leat::socket s{ctx, role::push, unlimited};
    s.connect(endpoint{nobody.endpoint()});
    std::size_t sent = 0;
    for (;;) {
        leat::socket::parts all;
        for (int i = 0; i < 10; ++i) all.emplace_back(std::size_t{1000});
        if (s.send(all, deadline::now()) != status::ok) break;
        sent += 10'000;
        REQUIRE(sent < 10 * bound);
    }
    CHECK(sent <= bound + 10'000 + (32u << 10));
}

TEST_CASE("a sender at its bound waits until its deadline, and goes on once a peer has read") {
    context ctx{{.on_warning = support::warnings{}}};
    leat::socket from{ctx, role::push, unlimited};
    leat::socket to{ctx, role::pull, {.receive_frames = 1}};
    from.connect(to.bind(endpoint{"tcp://127.0.0.1:*"}));
    REQUIRE(from.wait_connected(1, patience) == status::ok);
    message m;
    do m = message{std::size_t{50'000}};
    while (from.send(m, 50ms) == status::ok);  // until the kernel's buffers are full as well
    CHECK(m.size() == 50'000);
    std::thread reader{[&, moved = std::move(to)]() mutable {
        message one;
        while (moved.receive(one, patience) == status::ok && !one.empty()) {
        }
    }};
    CHECK(from.send(m, patience) == status::ok);
    for (int i = 0; i < 100; ++i) {
        m = message{std::size_t{50'000}};
        REQUIRE(from.send(m, patience) == status::ok);
    }
    REQUIRE(support::send(from, "") == status::ok);
    reader.join();
}

TEST_CASE("a large frame behind a small one does not block the sender for ever") {
    context ctx{{.on_warning = support::warnings{}}};
    joined both{ctx, role::pull, role::push, {}, {.send_bytes = 64u << 10}};
    for (int i = 0; i < 300; ++i) {
        for (const std::size_t size : {10u, 10u, 200'000u, 10u}) {
            message m{size};
            REQUIRE(both.connector.send(m, patience) == status::ok);
            REQUIRE(support::receive(both.binder).size() == size);
        }
    }
}

TEST_CASE("pending counts every message while there is no peer") {
    context ctx{{.on_warning = support::warnings{}}};
    const support::silent_port nobody;
    leat::socket from{ctx, role::push, {.linger = 0ms}};
    from.connect(endpoint{nobody.endpoint()});
    for (int i = 0; i < 1000; ++i) REQUIRE(support::send(from, "small") == status::ok);
    CHECK(from.pending() == 1000);
}

TEST_CASE("pending falls to 0 when a peer takes what had waited for it") {
    context ctx{{.on_warning = support::warnings{}}};
    const support::ipc_path path;
    leat::socket from{ctx, role::push, {.linger = 0ms, .reconnect_first = 1ms, .reconnect_cap = 10ms}};
    from.connect(path.at());
    for (int i = 0; i < 1000; ++i) REQUIRE(support::send(from, "small") == status::ok);
    REQUIRE(from.pending() == 1000);
    leat::socket to{ctx, role::pull};
    to.bind(path.at());
    for (int i = 0; i < 1000; ++i) REQUIRE(support::receive(to) == "small");
    drain(to, from);
    CHECK(from.pending() == 0);
}

TEST_CASE("pending counts the messages of a batch") {
    const support::silent_port nobody;
    context ctx{{.on_warning = support::warnings{}}};
    leat::socket s{ctx, role::push, {.linger = 0ms}};
    s.connect(endpoint{nobody.endpoint()});
    for (int i = 0; i < 10; ++i) {
        message batch{"a hundred"};
        REQUIRE(s.send(batch, deadline::now(), 100) == status::ok);
    }
    CHECK(s.pending() == 1000);
}

TEST_CASE("a send that found no room leaves the counts as they were") {
    const support::silent_port nobody;
    context ctx{{.on_warning = support::warnings{}}};
    leat::socket s{ctx, role::push, {.send_frames = 100, .linger = 0ms}};
    s.connect(endpoint{nobody.endpoint()});
    int accepted = 0;
    for (message m{"x"}; s.send(m, deadline::now()) == status::ok; m = message{"x"}) ++accepted;
    for (int i = 0; i < 200; ++i) {
        message m{std::size_t(i % 2 == 0 ? 1 : 20'000)};
        REQUIRE(s.send(m, deadline::now()) == status::timeout);
    }
    CHECK(s.pending() == static_cast<std::uint64_t>(accepted));
    CHECK(s.counts().messages_sent.value() == static_cast<std::uint64_t>(accepted));
}

TEST_CASE("a stalled peer does not keep a push socket from sending to another") {
    support::warnings told;
    context ctx{{.on_warning = told}};
    leat::socket from{ctx, role::push, {.send_frames = 10, .linger = 0ms}};
    const auto at = from.bind(endpoint{"tcp://127.0.0.1:*"});
    leat::socket stalled{ctx, role::pull, {.receive_frames = 10}}, reads{ctx, role::pull};
    stalled.connect(at);
    reads.connect(at);
    REQUIRE(from.wait_connected(2, patience) == status::ok);
    std::thread reader{[moved = std::move(reads)]() mutable {
        message m;
        while (moved.receive(m, deadline::never()) == status::ok) {
        }
    }};
    for (int i = 0; i < 2000; ++i) {  // 40 MB, far more than the stalled one and the kernel hold
        message m{std::size_t{20'000}};
        REQUIRE(from.send(m, patience) == status::ok);
    }
    ctx.close(patience);
    reader.join();
}

TEST_CASE("inproc does not count, for its receiver holds the very message that was sent") {
    context ctx{{.on_warning = support::warnings{}}};
    joined both{ctx, role::pull, role::push, {}, {}, "inproc"};
    for (int i = 0; i < 100; ++i) REQUIRE(support::send(both.connector, "x") == status::ok);
    CHECK(both.connector.pending() == 0);
}

TEST_CASE("wait_sent waits until a peer took what was sent, and no longer than its deadline") {
    context ctx{{.on_warning = support::warnings{}}};
    const support::ipc_path path;
    leat::socket from{ctx, role::push, {.linger = 0ms, .reconnect_first = 1ms, .reconnect_cap = 10ms}};
    from.connect(path.at());
    for (int i = 0; i < 100; ++i) REQUIRE(support::send(from, "small") == status::ok);
    CHECK(from.wait_sent(10ms) == status::timeout);
    leat::socket to{ctx, role::pull};
    to.bind(path.at());
    CHECK(from.wait_sent(patience) == status::ok);
    CHECK(from.pending() == 0);
}
