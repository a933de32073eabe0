#include <leat/context.hpp>
#include <leat/forwarder/forwarder.hpp>

#include "support/throws.hpp"

using leat::errc;
using leat::relay_kind;
using leat::relay_options;

namespace {

/// Right as it is; each test spoils one thing.
relay_options good() {
    return {.in = {.bind = "tcp://127.0.0.1:5601"}, .out = {.connect = "tcp://127.0.0.1:5602"}};
}

}  // namespace

TEST_CASE("options that fit together are taken") {
    CHECK_NOTHROW(good().check());
}

TEST_CASE("a relay wants an endpoint on both sides") {
    auto o = good();
    o.in = {};
    CHECK_THROWS_LEAT(o.check(), errc::bad_option, "set in.bind or in.connect");
    o = good();
    o.out = {};
    CHECK_THROWS_LEAT(o.check(), errc::bad_option, "set out.bind or out.connect");
}

TEST_CASE("the same endpoint twice is refused, on one side, on both, and for the capture socket") {
    auto o = good();
    o.in.connect = "tcp://127.0.0.1:5601";
    CHECK_THROWS_LEAT(o.check(), errc::bad_option, "in.connect tcp://127.0.0.1:5601 is there twice");
    o = good();
    o.out.connect = "tcp://127.0.0.1:5601";
    CHECK_THROWS_LEAT(o.check(), errc::bad_option, "out.connect tcp://127.0.0.1:5601 is there twice");
    o = good();
    o.capture.bind = "tcp://127.0.0.1:5602";
    CHECK_THROWS_LEAT(o.check(), errc::bad_option, "capture.bind tcp://127.0.0.1:5602 is there twice");
}

TEST_CASE("a port or path that the system picks is another one each time") {
    auto o = good();
    o.in.bind = {"tcp://127.0.0.1:*", "tcp://127.0.0.1:*", "ipc://*", "ipc://*"};
    CHECK_NOTHROW(o.check());
}

TEST_CASE("a wildcard cannot be connected") {
    auto o = good();
    o.out.connect = "tcp://127.0.0.1:*";
    CHECK_THROWS_LEAT(o.check(), errc::bad_option, "out.connect tcp://127.0.0.1:*: a * can only be bound");
    o.out.connect = "ipc://*";
    CHECK_THROWS_LEAT(o.check(), errc::bad_option, "a * can only be bound");
}

TEST_CASE("a bind beyond loopback wants keys, or the word insecure") {
    auto o = good();
    o.in.bind = "tcp://*:5601";
    CHECK_THROWS_LEAT(o.check(), errc::insecure_bind, "in.bind tcp://*:5601: other machines could reach it");
    o.in.socket.insecure = true;
    CHECK_NOTHROW(o.check());
}

TEST_CASE("only a streamer joins messages, up to what a frame may hold") {
    auto o = good();
    o.coalesce = 64u << 10;
    CHECK_NOTHROW(o.check());
    for (const auto kind : {relay_kind::pubsub, relay_kind::reqrep}) {
        o.kind = kind;
        CHECK_THROWS_LEAT(o.check(), errc::bad_option, "only streamers join messages");
    }
    o.kind = relay_kind::streamer;
    o.out.socket.max_message = 1000;
    CHECK_THROWS_LEAT(o.check(), errc::bad_option,
                      "coalesce is 65536 bytes; allowed are 64 to out.socket.max_message, 1000");
    o.coalesce = 63;
    CHECK_THROWS_LEAT(o.check(), errc::bad_option, "coalesce is 63 bytes");
}

TEST_CASE("heartbeats are refused, since a relay may stop reading") {
    auto o = good();
    o.in.socket.heartbeat = std::chrono::seconds{1};
    CHECK_THROWS_LEAT(o.check(), errc::bad_option, "in.socket.heartbeat is set");
}

TEST_CASE("the time to drain and the sockets' options have their ranges") {
    auto o = good();
    o.drain = std::chrono::milliseconds{-1};
    CHECK_THROWS_LEAT(o.check(), errc::bad_option, "drain is -1 ms; allowed are 0 to 3600000 ms");
    o = good();
    o.out.socket.send_bytes = 1;
    CHECK_THROWS_LEAT(o.check(), errc::bad_option, "send_bytes");
}

TEST_CASE("nothing is bound when an option is wrong") {
    leat::context ctx;
    auto o = good();
    o.in.bind = "inproc://taken";
    o.out = {};
    CHECK_THROWS_LEAT((leat::relay{ctx, o}), errc::bad_option, "set out.bind");
    o.out.connect = "inproc://elsewhere";
    CHECK_NOTHROW(leat::relay{ctx, o});
}

TEST_CASE("a forwarder wants relays, and no endpoint bound by two of them") {
    leat::context ctx;
    CHECK_THROWS_LEAT((leat::forwarder{ctx, {}}), errc::bad_option, "give it at least one");
    auto first = good(), second = good();
    second.out.connect = "tcp://127.0.0.1:5603";
    CHECK_THROWS_LEAT((leat::forwarder{ctx, {first, second}}), errc::bad_option,
                      "two relays bind tcp://127.0.0.1:5601");
}
