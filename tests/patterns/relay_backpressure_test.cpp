#include <leat/forwarder/relay.hpp>

#include "support/process.hpp"
#include "support/running_relay.hpp"

using namespace std::chrono_literals;
using leat::relay_kind;
using leat::role;
using leat::socket_options;
using leat::status;
using support::connected;
using support::harvest;
using support::patience;
using support::running_relay;
using support::send_numbered;

namespace {

constexpr int mark = 50;  // frames
constexpr std::size_t body = 4096;
constexpr int most = 20'000;     // far beyond all bounds
constexpr auto blocked = 300ms;  // without room for so long

socket_options small() {
    return {.send_frames = mark, .receive_frames = mark, .linger = 0ms};
}

leat::relay_options over_ipc(relay_kind kind = relay_kind::streamer) {
    return {.kind = kind,
            .in = {.bind = "ipc://*", .socket = small()},
            .out = {.bind = "ipc://*", .socket = small()}};
}

}  // namespace

TEST_CASE("receivers that stall stop the senders, and nothing is lost when they go on") {
    leat::context ctx;
    running_relay streamer{ctx, over_ipc()};
    auto to = connected(ctx, role::pull, streamer->out_endpoints()[0], small());
    auto a = connected(ctx, role::push, streamer->in_endpoints()[0], small());
    auto b = connected(ctx, role::push, streamer->in_endpoints()[0], small());
    const int from_a = send_numbered(a, "a", 0, most, body, blocked);
    const int from_b = send_numbered(b, "b", 0, most, body, blocked);
    // Two pipes on each side of the relay, the one in hand, and what the system holds for two connections.
    CHECK(from_a + from_b < 6 * mark + 500);
    CHECK(streamer->counts().waits.value() >= 1);

    support::aside rest{{&a},
                        [&] { CHECK(send_numbered(a, "a", from_a, from_a + 1000, body) == from_a + 1000); }};
    harvest got;
    got.gather({&to}, static_cast<std::size_t>(from_a + from_b) + 1000);
    rest.join();
    CHECK(got.in_order());
    CHECK(got.has_all("a", from_a + 1000));
    CHECK(got.has_all("b", from_b));
    CHECK(streamer.stop().complete());
}

TEST_CASE("absent receivers stop the senders, and the first one to come gets it all") {
    leat::context ctx;
    running_relay streamer{ctx, over_ipc()};
    auto from = connected(ctx, role::push, streamer->in_endpoints()[0], small());
    const int sent = send_numbered(from, "a", 0, most, body, blocked);
    CHECK(sent < 3 * mark + 300);
    CHECK(streamer->counts().forward.messages_in.value() == 1);

    auto to = connected(ctx, role::pull, streamer->out_endpoints()[0], small());
    harvest got;
    got.gather({&to}, static_cast<std::size_t>(sent));
    CHECK(got.in_order());
    CHECK(got.has_all("a", sent));
}

TEST_CASE("the bound in bytes holds too") {
    constexpr std::size_t large = 100'000;
    leat::context ctx;
    auto options = over_ipc();
    options.out.socket = {.send_bytes = 1 << 20, .send_frames = 1000};
    running_relay streamer{ctx, options};
    auto to = connected(ctx, role::pull, streamer->out_endpoints()[0], small());
    auto from = connected(ctx, role::push, streamer->in_endpoints()[0], small());
    const int sent = send_numbered(from, "a", 0, 1000, large, blocked);
    CHECK(sent < 4 * mark);
    CHECK(streamer->counts().forward.bytes_out.value() < (mark + 20) * large);
    support::aside rest{{&from}, [&] { CHECK(send_numbered(from, "a", sent, 1000, large) == 1000); }};
    harvest got;
    got.gather({&to}, 1000);
    rest.join();
    CHECK(got.in_order());
    CHECK(got.has_all("a", 1000));
}

TEST_CASE("a subscriber that stalls stops the publisher, and nobody loses anything") {
    leat::context ctx;
    running_relay pubsub{ctx, over_ipc(relay_kind::pubsub)};
    auto from = connected(ctx, role::xpub, pubsub->in_endpoints()[0], small());
    auto quick = connected(ctx, role::sub, pubsub->out_endpoints()[0], small());
    auto slow = connected(ctx, role::sub, pubsub->out_endpoints()[0], small());
    quick.subscribe("");
    slow.subscribe("");
    REQUIRE(support::receive(from) == "\x01");
    REQUIRE(support::comes_true([&] { return pubsub->out_counts().messages_received.value() == 1; }));
    // The second subscription is not passed on; a marker that both get shows that it is in place.
    harvest by_quick, by_slow;
    int sent = 0;
    std::string seen;
    while (seen != "marker") {
        REQUIRE(support::send(from, "marker") == status::ok);
        REQUIRE(support::receive(quick) == "marker");
        seen = support::receive(slow, 10ms);
    }
    sent = send_numbered(from, "a", 0, most, body, blocked);
    CHECK(sent < 4 * mark + 500);
    support::aside reader{{&quick},
                          [&] { by_quick.gather({&quick}, static_cast<std::size_t>(sent) + 1000); }};
    support::aside rest{{&from},
                        [&] { CHECK(send_numbered(from, "a", sent, sent + 1000, body) == sent + 1000); }};
    by_slow.gather({&slow}, static_cast<std::size_t>(sent) + 1000);
    reader.join();
    rest.join();
    CHECK(by_slow.in_order());
    CHECK(by_quick.in_order());
    CHECK(by_slow.has_all("a", sent + 1000));
    CHECK(by_quick.has_all("a", sent + 1000));
}

TEST_CASE("the child that pulls" CHILD_PART) {
    leat::context ctx;
    auto from = connected(ctx, role::pull, leat::endpoint{support::child_argument()}, small());
    for (int i = 0; i < 100; ++i) CHECK(support::receive(from).starts_with("a "));
    support::report("pulled");
    leat::message m;
    while (from.receive(m, patience) == status::ok) {
    }
}

TEST_CASE("when a receiver is killed in the flow, the rest go on in order") {
    leat::context ctx;
    running_relay streamer{ctx, over_ipc()};
    auto to = connected(ctx, role::pull, streamer->out_endpoints()[0], small());
    auto child = support::run_child("the child that pulls", streamer->out_endpoints()[0].str());
    auto from = connected(ctx, role::push, streamer->in_endpoints()[0], small());
    std::stop_source enough;
    int sent = 0;
    support::aside sender{{&from}, [&] {
                              while (!enough.stop_requested())
                                  sent = send_numbered(from, "a", sent, sent + 10, body);
                              sent = send_numbered(from, "last", sent, sent + 1, body);
                          }};
    std::thread killer{[&] {
        CHECK(child.line(patience) == "pulled");
        child.signal(SIGKILL);
        CHECK(child.wait(patience) == 128 + SIGKILL);
        CHECK(support::comes_true([&] { return streamer->out_counts().disconnects.value() == 1; }));
        const auto so_far = streamer->counts().forward.messages_out.value();
        CHECK(support::comes_true(
            [&] { return streamer->counts().forward.messages_out.value() > so_far + 1000; }));
        enough.request_stop();
    }};
    harvest got;
    while (!got.has("last")) got.gather({&to}, 1);
    sender.join();
    killer.join();
    CHECK(got.in_order());
    CHECK(got.total() > 1000);
}
