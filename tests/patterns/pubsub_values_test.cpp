#include "pubsub_values_support.hpp"

#include <leat/pubsub/detail/wire.hpp>

#include <map>
#include <thread>

TEST_CASE("who asks gets the last values of its topics first, and then what is published") {
    leat::context ctx;
    auto out = publisher{ctx, keeping(100)};
    for (std::uint64_t i = 1; i <= 3; ++i) {
        for (const auto* topic : {"a.x", "b", "a.y"}) REQUIRE(out.publish(topic, i) == status::ok);
    }
    subscriber in{ctx, asking(out.bound()[0], {"a.*", "new"})};
    CHECK(next(in) == "a.x=3*");
    CHECK(next(in) == "a.y=3*");
    REQUIRE(in.wait_ready(1, patience) == status::ok);
    REQUIRE(out.publish("a.x", 4) == status::ok);
    REQUIRE(out.publish("new", 1) == status::ok);
    CHECK(next(in) == "a.x=4");
    CHECK(next(in) == "new=1");
    CHECK(next(in, leat::deadline::now()) == "timeout");
    CHECK(in.seen().gaps.value() == 0);
    CHECK(in.seen().unmatched.value() == 0);  // b was not sent at all
}

TEST_CASE("once a publisher has answered that it is there, its last values have come") {
    leat::context ctx;
    auto out = publisher{ctx, keeping(100)};
    REQUIRE(out.publish("a", 1) == status::ok);
    for (int round = 0; round < 30; ++round) {
        subscriber in{ctx, asking(out.bound()[0], {"a"})};
        REQUIRE(in.wait_ready(1, patience) == status::ok);
        CHECK(next(in, leat::deadline::now()) == "a=1*");
    }
}

TEST_CASE("a probe that comes together with an ask is answered after it") {
    constexpr int topics = 20;
    namespace wire = leat::detail;
    leat::context ctx;
    auto out = publisher{ctx, keeping(100)};
    for (int i = 0; i < topics; ++i) REQUIRE(out.publish("t." + std::to_string(i), 1) == status::ok);
    leat::socket in{ctx, leat::role::sub};
    const auto values = wire::values_topic(1), probe = wire::probe_topic(2);
    for (const auto& one : {probe, wire::ask_topic({.one = 1, .most = 1000, .patterns = {">"}}), values})
        in.subscribe(one);
    in.connect(out.bound()[0]);
    int answers = 0;
    leat::socket::parts frames;
    for (;; ++answers) {
        REQUIRE(in.receive(frames, patience) == status::ok);
        if (frames[0].text() == probe) break;
        CHECK(frames[0].text() == values);
    }
    CHECK(answers == topics + 1);  // and their end
}

TEST_CASE("last values are kept of the topics published to most recently") {
    leat::context ctx;
    auto out = publisher{ctx, keeping(2)};
    for (const auto* topic : {"a", "b", "a", "c"}) REQUIRE(out.publish(topic, 1) == status::ok);
    subscriber in{ctx, asking(out.bound()[0], {">"})};
    CHECK(next(in) == "a=1*");
    CHECK(next(in) == "c=1*");
    CHECK(next(in, 50ms) == "timeout");
}

TEST_CASE("the last one of a batch is the last value, once the batch was sent") {
    leat::context ctx;
    auto options = keeping(10);
    options.batch = {.bytes = 1000, .delay = 1min};
    publisher out{ctx, options};
    for (std::uint64_t i = 1; i <= 5; ++i) REQUIRE(out.publish("a", i) == status::ok);
    REQUIRE(out.flush(patience) == status::ok);
    for (std::uint64_t i = 6; i <= 8; ++i) REQUIRE(out.publish("a", i) == status::ok);
    subscriber in{ctx, asking(out.bound()[0], {"a"})};
    CHECK(next(in) == "a=5*");
    REQUIRE(in.wait_ready(1, patience) == status::ok);
    REQUIRE(out.flush(patience) == status::ok);
    for (std::uint64_t i = 6; i <= 8; ++i) CHECK(next(in) == "a=" + std::to_string(i));
    CHECK(in.seen().gaps.value() == 0);
}

TEST_CASE("who does not ask gets none, and sees nothing of what others ask for") {
    leat::context ctx;
    auto out = publisher{ctx, keeping(10)};
    REQUIRE(out.publish("a", 1) == status::ok);
    subscriber all{ctx, {.connect = out.bound()[0], .patterns = {">"}}};
    REQUIRE(all.wait_ready(1, patience) == status::ok);
    subscriber asks{ctx, asking(out.bound()[0], {">"})};
    CHECK(next(asks) == "a=1*");
    REQUIRE(asks.wait_ready(1, patience) == status::ok);
    REQUIRE(out.publish("a", 2) == status::ok);
    CHECK(next(all) == "a=2");
    CHECK(next(asks) == "a=2");
    CHECK(next(all, 50ms) == "timeout");
}

TEST_CASE("a pattern that is added later gets its last values as well") {
    leat::context ctx;
    auto out = publisher{ctx, keeping(10)};
    for (const auto* topic : {"a", "b"}) REQUIRE(out.publish(topic, 1) == status::ok);
    subscriber in{ctx, asking(out.bound()[0], {"a"})};
    CHECK(next(in) == "a=1*");
    in.subscribe("b");
    CHECK(next(in) == "b=1*");
    REQUIRE(in.wait_ready(1, patience) == status::ok);
    REQUIRE(out.publish("a", 2) == status::ok);
    CHECK(next(in) == "a=2");
    CHECK(in.seen().gaps.value() == 0);
}

TEST_CASE("a publisher that keeps none, a plain PUB, and one that comes later do not hold up the others") {
    leat::context ctx;
    publisher none{ctx, {.bind = "tcp://127.0.0.1:*"}};
    leat::socket plain{ctx, leat::role::pub};
    const auto plain_at = plain.bind(leat::endpoint{"tcp://127.0.0.1:*"});
    REQUIRE(none.publish("a", 1) == status::ok);
    auto options = asking(none.bound()[0], {"a"});
    options.connect.push_back(plain_at);
    options.bind = "tcp://127.0.0.1:*";
    subscriber in{ctx, options};
    REQUIRE(in.wait_ready(1, patience) == status::ok);
    REQUIRE(none.publish("a", 2) == status::ok);
    CHECK(next(in) == "a=2");
    for (leat::deadline until = patience; !until.passed();) {  // nobody tells when it has the subscription
        leat::socket::parts message;
        message.emplace_back("a");
        message.emplace_back("\x07");
        REQUIRE(plain.send(message, patience) == status::ok);
        if (next(in, 1ms) == "a=7") break;
    }
    CHECK(in.seen().plain.value() > 0);
    while (in.receive(100ms)) {
    }
    publisher late{ctx, {.connect = in.bound()[0], .last_values = 10}};
    REQUIRE(late.publish("a", 30) == status::ok);
    CHECK(next(in) == "a=30*");
}

TEST_CASE("between last values and live messages there is no hole and no repeat, in 300 rounds") {
    leat::context ctx;
    auto options = keeping(50);
    options.overflow = leat::overflow::block;
    std::optional<support::running_relay> relay;
    SUBCASE("direct") {}
    SUBCASE("direct, with batches") {
        options.batch = {.bytes = 200, .delay = 1ms};
    }
    SUBCASE("through a relay") {
        relay.emplace(ctx, support::relayed(leat::relay_kind::pubsub));
        options.bind = {};
        options.connect = (*relay)->in_endpoints()[0];
    }
    publisher out{ctx, options};
    const auto at = relay ? (*relay)->out_endpoints()[0] : out.bound()[0];
    constexpr std::size_t topics = 20;
    std::vector<std::string> names;
    for (std::size_t i = 0; i < topics; ++i) names.push_back("t." + std::to_string(i));
    std::jthread publishing{[&](const std::stop_token& stop) {
        for (std::uint64_t i = 1; !stop.stop_requested(); ++i) {
            for (const auto& name : names) {
                if (out.publish(name, i, patience) != status::ok) return;
            }
            ::poll(nullptr, 0, i % 8 == 0 ? 1 : 0);
        }
    }};
    std::size_t with_last = 0;
    for (int round = 0; round < 300; ++round) {
        subscriber in{ctx, asking(at, {"t.>"})};
        std::map<std::string, std::uint64_t> last;
        std::map<std::string, int> live;
        std::size_t enough = 0;
        leat::publication<std::uint64_t> got;
        while (enough < topics) {
            REQUIRE(in.receive(got, patience) == status::ok);
            REQUIRE(got.sequence == got.value);
            const auto [known, first] = last.try_emplace(got.topic, got.value);
            if (first) {
                REQUIRE((got.last_value || got.value == 1));
                ++with_last;
            } else {
                REQUIRE(got.value == known->second + 1);
                known->second = got.value;
            }
            if (!got.last_value && ++live[got.topic] == 5) ++enough;
        }
        REQUIRE(last.size() == topics);
        REQUIRE(in.seen().gaps.value() == 0);
    }
    CHECK(with_last > 290 * topics);
}

TEST_CASE("10,000 subscriptions on one socket work, with last values, direct and through a relay") {
    constexpr std::size_t topics = 10'000;
    leat::context ctx;
    support::running_relay relay{ctx, support::relayed(leat::relay_kind::pubsub)};
    publisher out{
        ctx, {.bind = "tcp://127.0.0.1:*", .connect = relay->in_endpoints()[0], .last_values = 2 * topics}};
    std::vector<std::string> patterns;
    for (std::size_t i = 0; i < topics; ++i) {
        patterns.push_back("sensor." + std::to_string(i) + ".temperature");
        REQUIRE(out.publish(patterns.back(), i) == status::ok);
        if (i % 10 == 0) REQUIRE(out.publish("unwanted." + std::to_string(i), i) == status::ok);
    }
    for (const auto& at : {out.bound()[0], relay->out_endpoints()[0]}) {
        auto options = asking(at, patterns);
        options.socket.receive_frames = 0;
        subscriber in{ctx, options};
        leat::publication<std::uint64_t> got;
        std::set<std::string> seen;
        while (seen.size() < topics) {
            REQUIRE(in.receive(got, patience) == status::ok);
            REQUIRE(got.topic.starts_with("sensor."));
            REQUIRE(seen.insert(got.topic).second);
        }
        REQUIRE(in.wait_ready(1, patience) == status::ok);
        for (std::size_t i = 0; i < topics; i += 999) {
            REQUIRE(out.publish(patterns[i], i + 1) == status::ok);
            REQUIRE(in.receive(got, patience) == status::ok);
            CHECK(got.topic == patterns[i]);
            CHECK(got.value == i + 1);
        }
    }
}
