#include <leat/forwarder/relay.hpp>

#include "support/running_relay.hpp"

#include <future>

using namespace std::chrono_literals;
using leat::drop_reason;
using leat::relay_kind;
using leat::role;
using leat::status;
using support::comes_true;
using support::connected;
using support::patience;
using support::receive;
using support::running_relay;

namespace {

leat::relay_options reqrep() {
    return {.kind = relay_kind::reqrep,
            .in = {.bind = {"ipc://*", "tcp://127.0.0.1:*"}},
            .out = {.bind = "ipc://*"}};
}

/// Answers "echo QUESTION" until it is told to stop.
void serve(leat::context& ctx, const leat::endpoint& at, std::stop_token stop) {
    auto server = connected(ctx, role::rep, at, {.stop = std::move(stop)});
    for (;;) {
        const auto question = receive(server);
        if (question == "<stopped>") return;
        REQUIRE(support::send(server, "echo " + question) == status::ok);
    }
}

}  // namespace

TEST_CASE("replies of several servers find back to who asked, REQ and DEALER") {
    constexpr int clients = 6, each = 200;
    leat::context ctx;
    std::stop_source enough;
    leat::socket bound_server{ctx, role::dealer, {.stop = enough.get_token()}};
    const auto serves_at = bound_server.bind(leat::endpoint{"ipc://*"});
    auto options = reqrep();
    options.out.connect = serves_at;
    running_relay relay{ctx, options};
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i)
        threads.emplace_back([&] { serve(ctx, relay->out_endpoints()[0], enough.get_token()); });
    REQUIRE(comes_true([&] { return relay->out_counts().connects.value() == 3; }));
    support::aside echoes{{&bound_server}, [&] {
                              leat::socket::parts all;
                              while (bound_server.receive(all, patience) == status::ok) {
                                  all.back() = leat::message{"echo " + std::string{all.back().text()}};
                                  if (bound_server.send(all, patience) != status::ok) return;
                              }
                          }};
    std::vector<std::thread> askers;
    for (int i = 0; i < clients; ++i) {
        askers.emplace_back([&, i] {
            auto client = connected(ctx, i % 2 == 0 ? role::req : role::dealer,
                                    relay->in_endpoints()[i % 2 == 0 ? 0 : 1]);
            for (int n = 0; n < each; ++n) {
                const auto question = std::to_string(i) + "." + std::to_string(n);
                leat::socket::parts all;
                if (i % 2 != 0) all.emplace_back();
                all.emplace_back(std::string_view{question});
                REQUIRE(client.send(all, patience) == status::ok);
                REQUIRE(client.receive(all, patience) == status::ok);
                CHECK(all.back().text() == "echo " + question);
            }
        });
    }
    for (auto& one : askers) one.join();
    CHECK(relay->counts().forward.messages_out.value() == clients * each);
    CHECK(comes_true([&] { return relay->counts().back.messages_out.value() == clients * each; }));
    enough.request_stop();
    for (auto& one : threads) one.join();
}

TEST_CASE("a reply for a client that has left is counted, and others get theirs") {
    leat::context ctx;
    running_relay relay{ctx, reqrep()};
    auto server = connected(ctx, role::router, relay->out_endpoints()[0]);
    auto stays = connected(ctx, role::dealer, relay->in_endpoints()[0]);
    leat::socket::parts request;
    {
        auto leaves = connected(ctx, role::dealer, relay->in_endpoints()[0]);
        REQUIRE(support::send(leaves, "from who leaves") == status::ok);
        REQUIRE(server.receive(request, patience) == status::ok);
    }
    REQUIRE(comes_true([&] { return relay->in_counts().disconnects.value() == 1; }));
    // A request of the other makes the relay see that the first has gone.
    REQUIRE(support::send(stays, "from who stays") == status::ok);
    leat::socket::parts other;
    REQUIRE(server.receive(other, patience) == status::ok);
    REQUIRE(server.send(request, patience) == status::ok);
    REQUIRE(server.send(other, patience) == status::ok);
    CHECK(receive(stays) == "from who stays");
    CHECK(relay->counts().dropped(drop_reason::peer_gone) == 1);
    CHECK(relay.stop().peer_gone == 1);
}

TEST_CASE("a client that does not read loses replies, which are counted, and holds up nobody") {
    constexpr int replies = 5000;
    leat::context ctx;
    auto options = reqrep();
    // What waits for one client alone is beyond `send_bytes`, which is no bound on this side.
    options.in.socket = {.send_bytes = 64u << 10, .send_frames = 100, .linger = 0ms};
    running_relay relay{ctx, options};
    auto server = connected(ctx, role::router, relay->out_endpoints()[0]);
    auto deaf = connected(ctx, role::dealer, relay->in_endpoints()[0], {.receive_frames = 10});
    auto reads = connected(ctx, role::dealer, relay->in_endpoints()[0]);
    REQUIRE(support::send(deaf, std::string(1000, 'd')) == status::ok);
    leat::socket::parts request, other;
    REQUIRE(server.receive(request, patience) == status::ok);
    for (int i = 0; i < replies; ++i) {
        leat::socket::parts reply;
        for (auto& part : request) reply.push_back(part.share());
        REQUIRE(server.send(reply, patience) == status::ok);
    }
    REQUIRE(support::send(reads, "question") == status::ok);
    REQUIRE(server.receive(other, patience) == status::ok);
    REQUIRE(server.send(other, patience) == status::ok);
    CHECK(receive(reads) == "question");
    const auto dropped = relay->counts().dropped(drop_reason::peer_full);
    CHECK(dropped > 0);
    CHECK(relay->counts().back.messages_in.value() == replies + 1);
    CHECK(comes_true([&] { return relay->counts().back.messages_out.value() + dropped == replies + 1; }));
    for (std::uint64_t i = dropped; i < replies; ++i) REQUIRE(receive(deaf).size() == 1000);
}

TEST_CASE("requests wait for a server, while replies go on") {
    leat::context ctx;
    auto options = reqrep();
    options.out.socket.send_frames = 10;
    running_relay relay{ctx, options};
    auto client = connected(ctx, role::dealer, relay->in_endpoints()[0]);
    for (int i = 0; i < 100; ++i) REQUIRE(support::send(client, std::to_string(i)) == status::ok);
    auto server = connected(ctx, role::router, relay->out_endpoints()[0], {.receive_frames = 10});
    for (int i = 0; i < 100; ++i) {
        leat::socket::parts request;
        REQUIRE(server.receive(request, patience) == status::ok);
        CHECK(request.back().text() == std::to_string(i));
        REQUIRE(server.send(request, patience) == status::ok);
        CHECK(receive(client) == std::to_string(i));
    }
}

TEST_CASE("a relay that is stopped waits for the replies that are owed") {
    leat::context ctx;
    running_relay relay{ctx, reqrep()};
    auto client = connected(ctx, role::dealer, relay->in_endpoints()[0]);
    auto server = connected(ctx, role::router, relay->out_endpoints()[0]);
    REQUIRE(support::send(client, "question") == status::ok);
    leat::socket::parts request;
    REQUIRE(server.receive(request, patience) == status::ok);
    auto stopped = std::async(std::launch::async, [&] { return relay.stop(); });
    CHECK(stopped.wait_for(500ms) == std::future_status::timeout);
    REQUIRE(server.send(request, patience) == status::ok);
    CHECK(receive(client) == "question");
    CHECK(stopped.get().returned == 1);
}
