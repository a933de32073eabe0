#include <leat/forwarder/relay.hpp>

#include "support/running_relay.hpp"

#include <set>

using leat::relay_kind;
using leat::role;
using leat::status;
using support::connected;
using support::patience;
using support::receive;
using support::running_relay;

namespace {

leat::relay_options pubsub() {
    return {.kind = relay_kind::pubsub, .in = {.bind = "ipc://*"}, .out = {.bind = "ipc://*"}};
}

}  // namespace

TEST_CASE("subscriptions travel upstream, and so do their ends") {
    leat::context ctx;
    running_relay relay{ctx, pubsub()};
    auto from = connected(ctx, role::xpub, relay->in_endpoints()[0]);
    {
        auto to = connected(ctx, role::sub, relay->out_endpoints()[0]);
        to.subscribe("news.");
        CHECK(receive(from) == "\x01news.");
        to.subscribe("more.");
        CHECK(receive(from) == "\x01more.");
        to.unsubscribe("news.");
        CHECK(receive(from) == std::string{"\0news.", 6});
    }
    CHECK(receive(from) == std::string{"\0more.", 6});
    CHECK(relay->counts().back.messages_in.value() == 4);
    CHECK(support::comes_true([&] { return relay->counts().back.messages_out.value() == 4; }));
}

TEST_CASE(
    "publications of any publisher reach those who asked for them, through publishers and subscribers on all "
    "endpoints") {
    leat::context ctx;
    leat::socket bound_publisher{ctx, role::xpub}, bound_subscriber{ctx, role::sub};
    const auto publishes_at = bound_publisher.bind(leat::endpoint{"tcp://127.0.0.1:*"});
    const auto subscribes_at = bound_subscriber.bind(leat::endpoint{"tcp://127.0.0.1:*"});
    auto options = pubsub();
    options.in.connect = publishes_at;
    options.out.connect = subscribes_at;
    options.in.bind.emplace_back("tcp://127.0.0.1:*");
    running_relay relay{ctx, options};
    auto a = connected(ctx, role::xpub, relay->in_endpoints()[0]);
    auto b = connected(ctx, role::xpub, relay->in_endpoints()[1]);
    auto news = connected(ctx, role::sub, relay->out_endpoints()[0]);
    REQUIRE(bound_subscriber.wait_connected(1, patience) == status::ok);
    news.subscribe("news");
    for (auto* publisher : {&a, &b, &bound_publisher}) REQUIRE(receive(*publisher) == "\x01news");
    bound_subscriber.subscribe("");
    // libzmq sends a bound socket's subscriptions when that socket is next used.
    leat::message none;
    REQUIRE(bound_subscriber.receive(none, leat::deadline::now()) == status::timeout);
    for (auto* publisher : {&a, &b, &bound_publisher}) REQUIRE(receive(*publisher) == "\x01");
    for (auto* publisher : {&a, &b, &bound_publisher}) {
        leat::socket::parts two;
        two.emplace_back("news");
        two.emplace_back("body");
        REQUIRE(publisher->send(two, patience) == status::ok);
        REQUIRE(support::send(*publisher, "other") == status::ok);
    }
    std::multiset<std::string> got;
    for (int i = 0; i < 6; ++i) {
        leat::socket::parts all;
        REQUIRE(bound_subscriber.receive(all, patience) == status::ok);
        got.insert(std::to_string(all.size()) + std::string{all[0].text()});
    }
    CHECK(got == std::multiset<std::string>{"1other", "1other", "1other", "2news", "2news", "2news"});
    for (int i = 0; i < 3; ++i) {
        leat::socket::parts all;
        REQUIRE(news.receive(all, patience) == status::ok);
        CHECK(all.size() == 2);
    }
    leat::message more;
    CHECK(news.receive(more, leat::deadline::now()) == status::timeout);
}

TEST_CASE("5,000 subscriptions pass, also to a publisher that comes later") {
    constexpr int topics = 5000;
    leat::context ctx;
    running_relay relay{ctx, pubsub()};
    auto first = connected(ctx, role::xpub, relay->in_endpoints()[0], {.receive_frames = 0});
    auto to = connected(ctx, role::sub, relay->out_endpoints()[0], {.send_frames = 0});
    for (int i = 0; i < topics; ++i) to.subscribe("topic " + std::to_string(i) + ".");
    std::set<std::string> seen;
    for (int i = 0; i < topics; ++i) seen.insert(receive(first));
    CHECK(seen.size() == topics);

    auto second = connected(ctx, role::xpub, relay->in_endpoints()[0], {.receive_frames = 0});
    std::set<std::string> seen_later;
    for (int i = 0; i < topics; ++i) seen_later.insert(receive(second));
    CHECK(seen_later == seen);
    for (int i = 0; i < topics; i += 500) {
        const auto topic = "topic " + std::to_string(i) + ".";
        REQUIRE(support::send(second, topic) == status::ok);
        CHECK(receive(to) == topic);
    }
}
