#include <leat/forwarder/relay.hpp>

#include "support/running_relay.hpp"

using namespace std::chrono_literals;
using leat::drop_reason;
using leat::relay_kind;
using leat::role;
using leat::status;
using support::comes_true;
using support::connected;
using support::harvest;
using support::patience;
using support::receive;
using support::running_relay;
using support::send_numbered;

namespace {

leat::relay_options lasting(std::chrono::milliseconds drain) {
    return {.in = {.bind = "ipc://*"}, .out = {.bind = "ipc://*"}, .drain = drain};
}

/// Where messages are left behind on purpose.
leat::context_options quiet() {
    return {.on_warning = [](const std::string&) {}};
}

}  // namespace

TEST_CASE("a stop moves on all that was sent before it, joined or not") {
    constexpr int messages = 50'000;
    for (const std::size_t coalesce : {0u, 4096u}) {
        CAPTURE(coalesce);
        leat::context ctx;
        auto options = lasting(patience);
        options.coalesce = coalesce;
        options.out.socket.linger = patience;
        running_relay streamer{ctx, options};
        auto to = connected(ctx, role::pull, streamer->out_endpoints()[0]);
        auto from = connected(ctx, role::push, streamer->in_endpoints()[0]);
        support::aside sender{{&from}, [&] { CHECK(send_numbered(from, "a", 0, messages, 40) == messages); }};
        harvest got;
        support::aside reader{{&to}, [&] { got.gather({&to}, messages, 40); }};
        sender.join();
        REQUIRE(comes_true([&] { return from.pending() == 0; }));
        const auto report = streamer.stop();
        reader.join();
        CHECK(got.total() == messages);
        CHECK(got.has_all("a", messages));
        CHECK(report.complete());
        CHECK(report.moved == messages);
        CHECK(report.text() == "streamer: stopped; 50000 moved");
    }
}

TEST_CASE("a stop with nobody downstream ends in time, and the report counts what is left") {
    constexpr int messages = 1000;
    leat::context ctx{quiet()};
    auto options = lasting(200ms);
    options.in.bind = "inproc://in";
    running_relay streamer{ctx, options};
    auto from = connected(ctx, role::push, streamer->in_endpoints()[0]);
    REQUIRE(send_numbered(from, "a", 0, messages) == messages);
    const auto begin = std::chrono::steady_clock::now();
    const auto report = streamer.stop();
    CHECK(std::chrono::steady_clock::now() - begin < 5s);
    CHECK(report.moved == 0);
    CHECK(report.left == messages);
    CHECK(streamer->counts().dropped(drop_reason::shutdown) == messages);
    CHECK(streamer->counts().forward.messages_in.value() == messages);
    CHECK(report.text() == "streamer: stopped; 0 moved, 1000 left");
}

TEST_CASE("what the downstream does not read is reported as unsent") {
    constexpr int messages = 1000;
    leat::context ctx{quiet()};
    running_relay streamer{ctx, lasting(100ms)};
    auto to = connected(ctx, role::pull, streamer->out_endpoints()[0], {.receive_frames = 10});
    auto from = connected(ctx, role::push, streamer->in_endpoints()[0]);
    REQUIRE(send_numbered(from, "a", 0, messages, 10'000) == messages);
    REQUIRE(comes_true([&] { return streamer->counts().forward.messages_out.value() == messages; }));
    const auto report = streamer.stop();
    CHECK(report.moved == messages);
    CHECK(report.left == 0);
    CHECK(report.unsent > 500);
    CHECK_FALSE(report.complete());
}

TEST_CASE("senders that never stop do not keep a relay from stopping") {
    leat::context ctx{quiet()};
    running_relay streamer{ctx, lasting(100ms)};
    auto to = connected(ctx, role::pull, streamer->out_endpoints()[0]);
    auto from = connected(ctx, role::push, streamer->in_endpoints()[0]);
    std::stop_source enough;
    support::aside sender{{&from}, [&] {
                              int next = 0;
                              while (!enough.stop_requested())
                                  next = send_numbered(from, "a", next, next + 100, 100, 100ms);
                          }};
    harvest got;
    support::aside reader{{&to}, [&] {
                              while (!enough.stop_requested()) got.gather({&to}, 1000, 0, 50ms);
                          }};
    REQUIRE(comes_true([&] { return streamer->counts().forward.messages_out.value() > 1000; }));
    const auto begin = std::chrono::steady_clock::now();
    const auto report = streamer.stop();
    CHECK(std::chrono::steady_clock::now() - begin < 5s);
    CHECK(report.ended == leat::relay_report::ending::stopped);
    CHECK(report.moved > 1000);
    enough.request_stop();
    sender.join();
    reader.join();
    CHECK(got.in_order());
}

TEST_CASE("a stop waits for the replies to requests that are out") {
    leat::context ctx;
    auto options = lasting(patience);
    options.kind = relay_kind::reqrep;
    running_relay relay{ctx, options};
    auto server = connected(ctx, role::rep, relay->out_endpoints()[0]);
    auto client = connected(ctx, role::req, relay->in_endpoints()[0]);
    REQUIRE(support::send(client, "question") == status::ok);
    REQUIRE(receive(server) == "question");
    std::thread stops{[&] { CHECK(relay.stop().returned == 1); }};
    CHECK(receive(client, 100ms) == "<timeout>");
    REQUIRE(support::send(server, "answer") == status::ok);
    CHECK(receive(client) == "answer");
    stops.join();
}

TEST_CASE("a stop before the first message ends at once") {
    for (const auto kind : {relay_kind::streamer, relay_kind::pubsub, relay_kind::reqrep}) {
        leat::context ctx;
        auto options = lasting(patience);
        options.kind = kind;
        running_relay relay{ctx, options};
        CHECK(relay.stop().complete());
    }
}
