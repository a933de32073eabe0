#include <leat/curve.hpp>

#include "support/joined.hpp"
#include "support/throws.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using leat::connection_event;
using leat::context;
using leat::curve_client;
using leat::curve_keys;
using leat::curve_server;
using leat::deadline;
using leat::endpoint;
using leat::errc;
using leat::role;
using leat::status;
using support::joined;
using support::patience;

namespace {

/// The first failed handshake that the socket is told of.
connection_event failure_of(leat::socket& s) {
    for (const deadline until = patience; s.peers().wait_event(until) == status::ok;) {
        for (auto& event : s.peers().take()) {
            if (event.what == connection_event::kind::handshake_failed) return event;
        }
    }
    FAIL("no handshake failed");
    return {};
}

}  // namespace

TEST_CASE("a new key pair has two different keys of 40 characters") {
    const auto keys = curve_keys::generate();
    CHECK(keys.public_key.size() == 40);
    CHECK(keys.secret_key.size() == 40);
    CHECK(keys.public_key != keys.secret_key);
    CHECK(keys.secret_key != curve_keys::generate().secret_key);
}

TEST_CASE("messages pass between a CURVE server and a client that has its key") {
    context ctx;
    const auto server = curve_keys::generate();
    joined both{ctx,
                role::rep,
                role::req,
                {.server = curve_server{server.secret_key}},
                {.client = curve_client{curve_keys::generate(), server.public_key}}};
    CHECK(support::send(both.connector, "question") == status::ok);
    CHECK(support::receive(both.binder) == "question");
    CHECK(support::send(both.binder, "answer") == status::ok);
    CHECK(support::receive(both.connector) == "answer");
}

TEST_CASE("a CURVE server may bind beyond loopback") {
    context ctx;
    leat::socket s{ctx, role::pull, {.server = curve_server{curve_keys::generate().secret_key}}};
    CHECK(s.bind(endpoint{"tcp://0.0.0.0:*"}).str().starts_with("tcp://0.0.0.0:"));
}

TEST_CASE("a client that has the wrong server key is told of a failed handshake") {
    context ctx;
    leat::socket server{ctx, role::pull, {.server = curve_server{curve_keys::generate().secret_key}}};
    leat::socket client{ctx,
                        role::push,
                        {.handshake = 200ms,
                         .client = curve_client{curve_keys::generate(), curve_keys::generate().public_key}}};
    const auto at = server.bind(endpoint{"tcp://127.0.0.1:*"});
    client.connect(at);
    const auto event = failure_of(client);
    CHECK(event.endpoint == at.str());
    CHECK_FALSE(event.reason.empty());
    CHECK(client.peers().connected() == 0);
    CHECK(client.counts().handshake_failures.value() >= 1);
}

TEST_CASE("a server is told of a client that has the wrong key") {
    context ctx;
    leat::socket server{ctx, role::pull, {.server = curve_server{curve_keys::generate().secret_key}}};
    leat::socket client{
        ctx, role::push, {.client = curve_client{curve_keys::generate(), curve_keys::generate().public_key}}};
    client.connect(server.bind(endpoint{"tcp://127.0.0.1:*"}));
    CHECK(failure_of(server).reason == "a CURVE key is wrong");
    CHECK(server.peers().connected() == 0);
}

TEST_CASE("a client without CURVE is told of a failed handshake by a server that has it") {
    context ctx;
    leat::socket server{ctx, role::pull, {.server = curve_server{curve_keys::generate().secret_key}}};
    leat::socket client{ctx, role::push};
    client.connect(server.bind(endpoint{"tcp://127.0.0.1:*"}));
    CHECK_FALSE(failure_of(client).reason.empty());
    CHECK(client.peers().connected() == 0);
}

TEST_CASE("a key with characters that are not Z85 is refused by its name") {
    context ctx;
    const std::string bad(40, '~');
    CHECK_THROWS_LEAT((leat::socket{ctx, role::pull, {.server = curve_server{bad}}}), errc::bad_option,
                      "server.secret_key is not a key in Z85");
}
