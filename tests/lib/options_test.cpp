#include <leat/options.hpp>

#include "support/throws.hpp"

#include <limits>

using namespace std::chrono_literals;
using leat::errc;
using leat::socket_options;

TEST_CASE("the default options are allowed") {
    socket_options{}.check();
}

TEST_CASE("an option out of its range is refused with what is allowed") {
    const auto refused = [](const socket_options& options, const char* text) {
        CHECK_THROWS_LEAT(options.check(), errc::bad_option, text);
    };
    refused({.send_bytes = 65535},
            "option send_bytes is 65535 bytes; allowed are 65536 to 1099511627776 bytes");
    refused({.send_bytes = (std::size_t{1} << 40) + 1}, "option send_bytes is 1099511627777");
    refused({.receive_bytes = 0}, "option receive_bytes is 0 bytes; allowed are 1 to");
    refused({.receive_bytes = (std::size_t{1} << 40) + 1}, "option receive_bytes is");
    refused({.frame_bytes = 0}, "option frame_bytes is 0 bytes; allowed are 1 to 2147483648 bytes");
    refused({.frame_bytes = (std::size_t{1} << 31) + 1}, "option frame_bytes is");
    refused({.send_frames = -1}, "option send_frames is -1 frames; allowed are 0 to 2147483647 frames");
    refused({.receive_frames = -1}, "option receive_frames is -1 frames");
    refused({.max_message = 0}, "option max_message is 0 bytes; allowed are 1 to");
    refused({.max_message = (std::size_t{1} << 40) + 1}, "option max_message is");
    refused({.linger = -1ms}, "option linger is -1 ms; allowed are 0 to 3600000 ms");
    refused({.linger = 1h + 1ms}, "option linger is 3600001 ms");
    refused({.reconnect_first = 0ms}, "option reconnect_first is 0 ms; allowed are 1 to 3600000 ms");
    refused({.reconnect_first = 1h + 1ms, .reconnect_cap = 2h}, "option reconnect_first is 3600001 ms");
    refused({.reconnect_first = 100ms, .reconnect_cap = 99ms},
            "option reconnect_cap is 99 ms; allowed are 100 to");
    refused({.reconnect_cap = 1h + 1ms}, "option reconnect_cap is 3600001 ms");
    refused({.handshake = 0ms}, "option handshake is 0 ms; allowed are 1 to 3600000 ms");
    refused({.handshake = 1h + 1ms}, "option handshake is 3600001 ms");
    refused({.keepalive = {.idle = -1s}}, "option keepalive.idle is -1000 ms; allowed are 0 to 86400000 ms");
    refused({.keepalive = {.idle = 24h + 1s}}, "option keepalive.idle is 86401000 ms");
    refused({.keepalive = {.interval = 0s}}, "option keepalive.interval is 0 ms; allowed are 1000 to");
    refused({.keepalive = {.interval = 24h + 1s}}, "option keepalive.interval is");
    refused({.keepalive = {.count = 0}}, "option keepalive.count is 0 probes; allowed are 1 to 100 probes");
    refused({.keepalive = {.count = 101}}, "option keepalive.count is 101 probes");
    refused({.heartbeat = 9ms}, "option heartbeat is 9 ms; allowed are 10 to 60000 ms");
    refused({.heartbeat = 60001ms}, "option heartbeat is 60001 ms");
}

TEST_CASE("a CURVE key that is not 40 characters is refused by its name") {
    const std::string good(40, 'a');
    const auto refused = [](const socket_options& options, const char* text) {
        CHECK_THROWS_LEAT(options.check(), errc::bad_option, text);
    };
    refused({.server = leat::curve_server{"short"}}, "server.secret_key has 5 characters; a Z85 key has 40");
    refused({.client = leat::curve_client{{"", good}, good}}, "client.keys.public_key has 0 characters");
    refused({.client = leat::curve_client{{good, ""}, good}}, "client.keys.secret_key has 0 characters");
    refused({.client = leat::curve_client{{good, good}, ""}}, "client.server_key has 0 characters");
    refused({.server = leat::curve_server{good}, .client = leat::curve_client{{good, good}, good}},
            "not both");
}

TEST_CASE("high-water marks follow from the bytes and the size of a frame") {
    const socket_options options{.send_bytes = 1u << 20, .receive_bytes = 1u << 20, .frame_bytes = 1024};
    CHECK(options.send_high_water_mark() == 512);
    CHECK(options.receive_high_water_mark() == 1024);
}

TEST_CASE("a high-water mark that follows from bytes is never without limit") {
    const socket_options options{
        .send_bytes = 1u << 20, .receive_bytes = 1, .frame_bytes = std::size_t{1} << 31};
    CHECK(options.send_high_water_mark() == 2);
    CHECK(options.receive_high_water_mark() == 2);
}

TEST_CASE("a high-water mark in frames goes before the one in bytes") {
    const socket_options options{.send_frames = 7, .receive_frames = 0};
    CHECK(options.send_high_water_mark() == 7);
    CHECK(options.receive_high_water_mark() == 0);
}

TEST_CASE("heartbeats are off by default") {
    CHECK_FALSE(socket_options{}.heartbeat.has_value());
}
