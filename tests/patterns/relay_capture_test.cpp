#include <leat/forwarder/relay.hpp>

#include "support/running_relay.hpp"

using namespace std::chrono_literals;
using leat::drop_reason;
using leat::role;
using leat::socket_options;
using support::comes_true;
using support::connected;
using support::harvest;
using support::patience;
using support::running_relay;
using support::send_numbered;

namespace {

leat::relay_options captured(leat::relay_kind kind = leat::relay_kind::streamer) {
    return {.kind = kind,
            .in = {.bind = "ipc://*"},
            .out = {.bind = "ipc://*"},
            .capture = {.bind = "ipc://*", .socket = {.send_frames = 10, .linger = 0ms}}};
}

}  // namespace

TEST_CASE("a capture socket gets a copy of each message, large or small, in one part or several") {
    leat::context ctx;
    auto options = captured();
    options.capture.socket = {};
    running_relay streamer{ctx, options};
    auto copies = connected(ctx, role::pull, streamer->capture_endpoints()[0]);
    auto to = connected(ctx, role::pull, streamer->out_endpoints()[0]);
    auto from = connected(ctx, role::push, streamer->in_endpoints()[0]);
    for (const std::size_t size : {1u, 100u, 100'000u}) {
        leat::socket::parts all;
        all.emplace_back(std::string_view{"head"});
        all.emplace_back(std::string_view{std::string(size, 'x')});
        REQUIRE(from.send(all, patience) == leat::status::ok);
        REQUIRE(support::send(from, std::string(size, 'y')) == leat::status::ok);
        for (auto* s : {&to, &copies}) {
            leat::socket::parts got;
            REQUIRE(s->receive(got, patience) == leat::status::ok);
            REQUIRE(got.size() == 2);
            CHECK(got[0].text() == "head");
            CHECK(got[1].text() == std::string(size, 'x'));
            CHECK(support::receive(*s) == std::string(size, 'y'));
        }
    }
    CHECK(comes_true([&] { return streamer->counts().captured.value() == 6; }));
    CHECK(streamer->counts().dropped(drop_reason::capture) == 0);
}

TEST_CASE("without anyone at the capture socket the copies are counted as dropped, and nothing waits") {
    constexpr int messages = 20'000;
    leat::context ctx;
    running_relay streamer{ctx, captured()};
    auto to = connected(ctx, role::pull, streamer->out_endpoints()[0]);
    auto from = connected(ctx, role::push, streamer->in_endpoints()[0]);
    support::aside sender{{&from}, [&] { CHECK(send_numbered(from, "a", 0, messages) == messages); }};
    harvest got;
    got.gather({&to}, messages);
    sender.join();
    CHECK(got.has_all("a", messages));
    CHECK(streamer->counts().dropped(drop_reason::capture) == messages);
    CHECK(streamer->counts().captured.value() == 0);
    CHECK(streamer.stop().capture_dropped == messages);
}

TEST_CASE("a capture peer that stalls loses copies, which are counted, and holds up nobody") {
    constexpr int messages = 20'000;
    leat::context ctx;
    running_relay streamer{ctx, captured()};
    auto copies = connected(ctx, role::pull, streamer->capture_endpoints()[0], {.receive_frames = 10});
    auto to = connected(ctx, role::pull, streamer->out_endpoints()[0]);
    auto from = connected(ctx, role::push, streamer->in_endpoints()[0]);
    support::aside sender{{&from}, [&] { CHECK(send_numbered(from, "a", 0, messages, 1000) == messages); }};
    harvest got, captured_ones;
    got.gather({&to}, messages);
    sender.join();
    CHECK(got.has_all("a", messages));
    const auto& counts = streamer->counts();
    CHECK(counts.dropped(drop_reason::capture) > 0);
    CHECK(counts.captured.value() + counts.dropped(drop_reason::capture) == messages);
    captured_ones.gather({&copies}, counts.captured.value());
    CHECK(captured_ones.total() == counts.captured.value());
    CHECK(captured_ones.in_order());

    // Once it reads again it gets copies again.
    const auto before = counts.captured.value();
    for (int next = 0; counts.captured.value() == before; ++next) {
        REQUIRE(next < messages);
        REQUIRE(send_numbered(from, "b", next, next + 1) == next + 1);
        got.gather({&to}, 1);
    }
    captured_ones.gather({&copies}, 1);
    CHECK(captured_ones.has("b"));
}

TEST_CASE("requests and replies are captured, with the routing id in front") {
    leat::context ctx;
    running_relay reqrep{ctx, captured(leat::relay_kind::reqrep)};
    auto copies = connected(ctx, role::pull, reqrep->capture_endpoints()[0]);
    auto server = connected(ctx, role::rep, reqrep->out_endpoints()[0]);
    auto client = connected(ctx, role::req, reqrep->in_endpoints()[0]);
    REQUIRE(support::send(client, "question") == leat::status::ok);
    REQUIRE(support::receive(server) == "question");
    REQUIRE(support::send(server, "answer") == leat::status::ok);
    REQUIRE(support::receive(client) == "answer");
    for (const auto* text : {"question", "answer"}) {
        leat::socket::parts copy;
        REQUIRE(copies.receive(copy, patience) == leat::status::ok);
        REQUIRE(copy.size() == 3);
        CHECK(copy[2].text() == text);
    }
    CHECK(comes_true([&] { return reqrep->counts().captured.value() == 2; }));
}
