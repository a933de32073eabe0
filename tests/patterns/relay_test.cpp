#include <leat/forwarder/relay.hpp>

#include "support/process.hpp"
#include "support/running_relay.hpp"
#include "support/throws.hpp"

using leat::relay_options;
using leat::role;
using leat::status;
using support::connected;
using support::harvest;
using support::patience;
using support::running_relay;
using support::send_numbered;

TEST_CASE("a streamer joins senders and receivers on any number of endpoints, bound and connected") {
    constexpr int each = 500;
    leat::context ctx;
    leat::socket bound_sender{ctx, role::push}, bound_receiver{ctx, role::pull};
    const auto sends_at = bound_sender.bind(leat::endpoint{"tcp://127.0.0.1:*"});
    const auto receives_at = bound_receiver.bind(leat::endpoint{"ipc://*"});
    running_relay streamer{
        ctx,
        {.in = {.bind = {"tcp://127.0.0.1:*", "ipc://*", "inproc://streamer-in"}, .connect = sends_at},
         .out = {.bind = {"tcp://127.0.0.1:*", "ipc://*"}, .connect = receives_at}}};
    auto& relay = *streamer.operator->();
    REQUIRE(relay.in_endpoints().size() == 3);
    REQUIRE(relay.out_endpoints().size() == 2);

    auto a = connected(ctx, role::push, relay.in_endpoints()[0]);
    auto b = connected(ctx, role::push, relay.in_endpoints()[1]);
    auto c = connected(ctx, role::push, relay.in_endpoints()[2]);
    auto x = connected(ctx, role::pull, relay.out_endpoints()[0]);
    auto y = connected(ctx, role::pull, relay.out_endpoints()[1]);
    REQUIRE(bound_receiver.wait_connected(1, patience) == status::ok);
    for (auto* sender : {&a, &b, &c, &bound_sender}) {
        CHECK(send_numbered(*sender, std::to_string(sender - &a), 0, each) == each);
    }
    harvest got;
    got.gather({&x, &y, &bound_receiver}, 4 * each);
    CHECK(got.total() == 4 * each);
    CHECK(got.in_order());
    for (auto* sender : {&a, &b, &c, &bound_sender}) CHECK(got.has_all(std::to_string(sender - &a), each));
    const auto& counts = relay.counts().forward;
    CHECK(counts.messages_in.value() == 4 * each);
    CHECK(support::comes_true([&] { return counts.bytes_in.value() == counts.bytes_out.value(); }));
    CHECK(counts.messages_out.value() == 4 * each);
}

TEST_CASE("a multipart message passes whole and untouched, with and without joining") {
    for (const std::size_t coalesce : {0u, 4096u}) {
        CAPTURE(coalesce);
        leat::context ctx;
        running_relay streamer{
            ctx, {.in = {.bind = "inproc://in"}, .out = {.bind = "inproc://out"}, .coalesce = coalesce}};
        auto from = connected(ctx, role::push, leat::endpoint{"inproc://in"});
        auto to = connected(ctx, role::pull, leat::endpoint{"inproc://out"});
        for (int i = 0; i < 200; ++i) {
            leat::socket::parts all;
            for (const auto& text :
                 {std::to_string(i), std::string{}, std::string(5000, 'x'), std::string{"end"}}) {
                all.emplace_back(std::string_view{text});
            }
            REQUIRE(from.send(all, patience) == status::ok);
            REQUIRE(support::send(from, "single " + std::to_string(i)) == status::ok);
        }
        for (int i = 0; i < 200; ++i) {
            leat::socket::parts all;
            REQUIRE(to.receive(all, patience) == status::ok);
            REQUIRE(all.size() == 4);
            CHECK(all[0].text() == std::to_string(i));
            CHECK(all[1].empty());
            CHECK(all[2].size() == 5000);
            CHECK(all[3].text() == "end");
            REQUIRE(support::receive(to) == "single " + std::to_string(i));
        }
    }
}

TEST_CASE("peers in Python send and receive through a streamer") {
    leat::context ctx;
    running_relay streamer{ctx, {.in = {.bind = "tcp://127.0.0.1:*"}, .out = {.bind = "tcp://127.0.0.1:*"}}};
    const auto in = streamer->in_endpoints()[0].str(), out = streamer->out_endpoints()[0].str();
    const std::string python = "/usr/bin/python3";
    support::process receiver{{python, "-c", R"(
import os, sys, zmq
s = zmq.Context().socket(zmq.PULL)
s.rcvtimeo = 20000
s.connect(sys.argv[1])
got = [s.recv_multipart() for _ in range(2000)]
fine = got == [[b'%d' % i] if i % 2 else [b'%d' % i, b'', b'part'] for i in range(2000)]
os.write(3, b'all in order\n' if fine else b'something else\n')
)",
                               out}};
    support::process sender{{python, "-c", R"(
import sys, zmq
s = zmq.Context().socket(zmq.PUSH)
s.connect(sys.argv[1])
for i in range(2000): s.send_multipart([b'%d' % i] if i % 2 else [b'%d' % i, b'', b'part'])
)",
                             in}};
    CHECK(receiver.line(patience) == "all in order");
    CHECK(sender.wait(patience) == 0);
}

TEST_CASE("a relay runs once") {
    leat::context ctx;
    leat::relay one{ctx, {.in = {.bind = "inproc://in"}, .out = {.bind = "inproc://out"}}};
    std::stop_source stop;
    stop.request_stop();
    CHECK(one.run(stop.get_token()).complete());
    CHECK_THROWS_LEAT(one.run(stop.get_token()), leat::errc::closed, "has run before");
}

TEST_CASE("a relay ends with its context") {
    leat::context ctx;
    running_relay streamer{
        ctx, {.name = "orders", .in = {.bind = "inproc://in"}, .out = {.bind = "inproc://out"}}};
    CHECK(ctx.close(patience).complete);
    const auto report = streamer.end();
    CHECK(report.ended == leat::relay_report::ending::closed);
    CHECK(report.text() == "orders: its context was closed; 0 moved");
}
