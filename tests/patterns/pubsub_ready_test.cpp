#include <leat/context.hpp>
#include <leat/pubsub/detail/wire.hpp>
#include <leat/pubsub/publisher.hpp>
#include <leat/pubsub/subscriber.hpp>

#include "support/ports.hpp"
#include "support/process.hpp"
#include "support/running_relay.hpp"

#include <future>
#include <optional>
#include <set>
#include <thread>

using namespace std::chrono_literals;
using leat::status;
using support::patience;

namespace {

using publisher = leat::publisher<int>;
using subscriber = leat::subscriber<int>;

leat::publish_options anywhere() {
    return {.bind = "tcp://127.0.0.1:*"};
}

/// Publishes 10 messages and takes them.
void check_all_arrive(publisher& out, subscriber& in) {
    for (int i = 0; i < 10; ++i) REQUIRE(out.publish("a.b", i) == status::ok);
    leat::publication<int> got;
    for (int i = 0; i < 10; ++i) {
        REQUIRE(in.receive(got, patience) == status::ok);
        REQUIRE(got.value == i);
        REQUIRE(got.sequence == static_cast<std::uint64_t>(i) + 1);
    }
}

}  // namespace

TEST_CASE("publishing right after readiness loses nothing, 1,000 times over fresh sockets") {
    leat::context ctx;
    for (int round = 0; round < 1000; ++round) {
        publisher out{ctx, anywhere()};
        subscriber in{ctx, {.connect = out.bound()[0], .patterns = {"a.*"}}};
        REQUIRE(in.wait_ready(1, patience) == status::ok);
        check_all_arrive(out, in);
    }
}

TEST_CASE("publishing right after the subscriber is there loses nothing, 300 times over fresh sockets") {
    leat::context ctx;
    for (int round = 0; round < 300; ++round) {
        publisher out{ctx, anywhere()};
        subscriber in{ctx, {.connect = out.bound()[0], .patterns = {"a.*"}}};
        REQUIRE(out.wait_subscribers("a.b", 1, patience) == status::ok);
        check_all_arrive(out, in);
    }
}

TEST_CASE("readiness goes through one relay and through two, 200 times over fresh sockets") {
    leat::context ctx;
    support::running_relay near{ctx, support::relayed(leat::relay_kind::pubsub)};
    auto options = support::relayed(leat::relay_kind::pubsub);
    options.in.bind = {};
    options.in.connect = near->out_endpoints()[0];
    support::running_relay far{ctx, options};
    for (int round = 0; round < 200; ++round) {
        publisher out{ctx, {.connect = near->in_endpoints()[0]}};
        subscriber one{ctx, {.connect = near->out_endpoints()[0], .patterns = {"a.b"}}};
        subscriber two{ctx, {.connect = far->out_endpoints()[0], .patterns = {"a.>"}}};
        REQUIRE(one.wait_ready(1, patience) == status::ok);
        REQUIRE(two.wait_ready(1, patience) == status::ok);
        check_all_arrive(out, one);
        leat::publication<int> got;
        for (int i = 0; i < 10; ++i) {
            REQUIRE(two.receive(got, patience) == status::ok);
            REQUIRE(got.value == i);
        }
    }
}

TEST_CASE("readiness counts different publishers, and waits for those that come later") {
    leat::context ctx;
    publisher first{ctx, anywhere()};
    subscriber in{ctx, {.connect = first.bound()[0], .bind = "tcp://127.0.0.1:*", .patterns = {"a"}}};
    REQUIRE(in.wait_ready(1, patience) == status::ok);
    CHECK(in.wait_ready(2, 200ms) == status::timeout);
    std::optional<publisher> second;
    std::jthread later{[&] {
        CHECK(first.wait_subscribers("a", 1, patience) == status::ok);
        second.emplace(ctx, leat::publish_options{.connect = in.bound()[0]});
    }};
    CHECK(in.wait_ready(2, patience) == status::ok);
}

TEST_CASE("a plain PUB never answers") {
    leat::context ctx;
    leat::socket plain{ctx, leat::role::pub};
    const auto at = plain.bind(leat::endpoint{"tcp://127.0.0.1:*"});
    subscriber in{ctx, {.connect = at, .patterns = {"a"}}};
    CHECK(in.wait_ready(1, 200ms) == status::timeout);
    CHECK(in.wait_ready(0, leat::deadline::now()) == status::ok);
}

TEST_CASE("a probe without an answer is followed by others") {
    leat::context ctx;
    leat::socket out{ctx, leat::role::xpub};
    const auto at = out.bind(leat::endpoint{"tcp://127.0.0.1:*"});
    auto ready = std::async(std::launch::async, [&] {
        subscriber in{ctx, {.connect = at, .patterns = {"a"}}};
        return in.wait_ready(1, patience);
    });
    std::set<std::uint64_t> probes;
    while (ready.wait_for(0s) != std::future_status::ready) {
        leat::message said;
        if (out.receive(said, 10ms) != status::ok) continue;
        const auto asked = leat::detail::read_question(said.text().substr(1));
        if (!asked || !asked->probe) continue;
        probes.insert(asked->one);
        if (probes.size() < 2) continue;
        const leat::detail::trailer end{leat::detail::publication_kind::ready, 1, 77, 0, 0};
        leat::socket::parts answer;
        answer.emplace_back(leat::detail::probe_topic(asked->one));
        answer.emplace_back(std::span<const std::byte>{end.encode()});
        REQUIRE(out.send(answer, patience) == status::ok);
    }
    CHECK(ready.get() == status::ok);
}

TEST_CASE("a wait for readiness leaves no probe behind") {
    leat::context ctx;
    leat::socket out{ctx, leat::role::xpub};
    subscriber in{ctx, {.connect = out.bind(leat::endpoint{"tcp://127.0.0.1:*"}), .patterns = {"a"}}};
    CHECK(in.wait_ready(1, 300ms) == status::timeout);
    in.subscribe("last");
    std::set<std::string> subscribed;
    std::size_t probes = 0;
    while (!subscribed.contains("last")) {
        leat::message said;
        REQUIRE(out.receive(said, patience) == status::ok);
        const std::string prefix{said.text().substr(1)};
        if (said.text().front() == 0) {
            subscribed.erase(prefix);
            continue;
        }
        subscribed.insert(prefix);
        probes += leat::detail::read_question(prefix) ? 1u : 0u;
    }
    CHECK(probes > 0);
    CHECK(subscribed == std::set<std::string>{"a", "last"});
}

TEST_CASE("what comes while waiting for readiness is kept for the next receive") {
    leat::context ctx;
    publisher out{ctx, anywhere()};
    subscriber in{ctx, {.connect = out.bound()[0], .patterns = {"a"}}};
    REQUIRE(in.wait_ready(1, patience) == status::ok);
    for (int i = 0; i < 100; ++i) REQUIRE(out.publish("a", i) == status::ok);
    CHECK(in.wait_ready(2, 300ms) == status::timeout);
    REQUIRE(in.wait_ready(1, patience) == status::ok);
    for (int i = 0; i < 100; ++i) CHECK(in.receive(patience)->value == i);
}

TEST_CASE("what comes while waiting for readiness is kept up to 64 MiB, and the rest is counted and missed") {
    leat::context ctx;
    leat::socket_options small;
    small.send_frames = small.receive_frames = 4;
    leat::publisher<leat::bytes> out{
        ctx, {.bind = "tcp://127.0.0.1:*", .overflow = leat::overflow::block, .socket = small}};
    leat::subscriber<leat::bytes> in{
        ctx, {.connect = out.bound()[0], .bind = "tcp://127.0.0.1:*", .patterns = {"a"}, .socket = small}};
    REQUIRE(in.wait_ready(1, patience) == status::ok);
    constexpr std::uint64_t count = 160;
    std::optional<publisher> second;
    std::jthread publishing{[&] {
        const std::string body(1 << 20, 'x');
        for (std::uint64_t i = 0; i < count; ++i)
            CHECK(out.publish("a", leat::bytes{std::string_view{body}}, patience) == status::ok);
        second.emplace(ctx, leat::publish_options{.connect = in.bound()[0]});
    }};
    REQUIRE(in.wait_ready(2, patience) == status::ok);
    publishing.join();
    REQUIRE(out.publish("a", leat::bytes{"last"}) == status::ok);
    std::uint64_t got = 0;
    for (leat::publication<leat::bytes> one; one.value.text() != "last"; ++got)
        REQUIRE(in.receive(one, patience) == status::ok);
    CHECK(in.seen().overrun.value() > 0);
    CHECK(in.seen().missed.value() == in.seen().overrun.value());
    CHECK(got + in.seen().overrun.value() == count + 1);
}

TEST_CASE("a publisher that publishes without a pause answers as well") {
    leat::context ctx;
    publisher out{ctx, anywhere()};
    std::jthread busy{[&](const std::stop_token& stop) {
        for (int i = 0; !stop.stop_requested(); ++i) static_cast<void>(out.publish("busy", i));
    }};
    for (int i = 0; i < 50; ++i) {
        subscriber in{ctx, {.connect = out.bound()[0], .patterns = {"a.b"}}};
        REQUIRE(in.wait_ready(1, patience) == status::ok);
        REQUIRE(out.publish("a.b", i) == status::ok);
        CHECK(in.receive(patience)->value == i);
    }
}

TEST_CASE("readiness comes back after the publisher was restarted, which is reported") {
    leat::context ctx;
    support::ipc_path path;
    std::vector<leat::publisher_restart> restarts;
    subscriber in{ctx, {.connect = path.at(), .patterns = {"a.b"}, .on_restart = [&](const auto& one) {
                            restarts.push_back(one);
                        }}};
    std::uint64_t before = 0;
    for (std::size_t round = 0; round < 20; ++round) {
        publisher out{ctx, {.bind = path.at()}};
        REQUIRE(in.wait_ready(1, patience) == status::ok);
        check_all_arrive(out, in);
        REQUIRE(restarts.size() == round);
        if (round > 0) {
            CHECK(restarts.back().before == before);
            CHECK(restarts.back().now == out.id());
        }
        before = out.id();
    }
    CHECK(in.seen().restarts.value() == 19);
    CHECK(in.seen().gaps.value() == 0);
}

TEST_CASE("two publishers with one name are one restart, however often they take turns") {
    leat::context ctx;
    auto options = anywhere();
    options.name = "prices";
    publisher a{ctx, options}, b{ctx, options};
    subscriber in{ctx, {.connect = {a.bound()[0].str(), b.bound()[0].str()}, .patterns = {"a"}}};
    REQUIRE(in.wait_ready(2, patience) == status::ok);
    for (int i = 0; i < 10; ++i) {
        for (auto* one : {&a, &b}) {
            REQUIRE(one->publish("a", i) == status::ok);
            CHECK(in.receive(patience)->publisher == one->id());
        }
    }
    CHECK(in.seen().restarts.value() == 1);
    CHECK(in.seen().gaps.value() == 0);
}

TEST_CASE("subscribers are counted, each once whatever its patterns are, until they go or die") {
    leat::context ctx;
    publisher out{ctx, anywhere()};
    const auto at = out.bound()[0];
    CHECK(out.wait_subscribers("a.b", 1, 50ms) == status::timeout);
    subscriber one{ctx, {.connect = at, .patterns = {"a.b", "a.>", ">", "*.b", "a.b.c"}}};
    REQUIRE(out.wait_subscribers("a.b", 1, patience) == status::ok);
    {
        subscriber two{ctx, {.connect = at, .patterns = {"a.>"}}};
        subscriber other{ctx, {.connect = at, .patterns = {"b"}}};
        REQUIRE(out.wait_subscribers("a.b", 2, patience) == status::ok);
        REQUIRE(out.wait_subscribers("b", 2, patience) == status::ok);
        CHECK(out.subscribers("a.b") == 2);
        CHECK(out.subscribers("c") == 1);
    }
    CHECK(support::comes_true([&] { return out.subscribers("a.b") == 1 && out.subscribers("b") == 1; }));
    auto python = support::run_python(R"(
import zmq, time
sub = zmq.Context().socket(zmq.SUB)
sub.connect(sys.argv[1])
sub.subscribe('a.')
sub.recv()
)",
                                      {at.str()});
    REQUIRE(out.wait_subscribers("a.b", 2, patience) == status::ok);
    python.signal(SIGKILL);
    CHECK(python.wait(patience) == 128 + SIGKILL);
    CHECK(support::comes_true([&] { return out.subscribers("a.b") == 1; }));
    one.unsubscribe(">");
    one.unsubscribe("*.b");
    CHECK(support::comes_true([&] { return out.subscribers("c") == 0; }));
    CHECK(out.subscribers("a.b") == 1);
}

TEST_CASE("a relay counts as one subscriber") {
    leat::context ctx;
    publisher out{ctx, anywhere()};
    auto options = support::relayed(leat::relay_kind::pubsub);
    options.in = {.connect = out.bound()[0]};
    support::running_relay relay{ctx, options};
    subscriber a{ctx, {.connect = relay->out_endpoints()[0], .patterns = {"a.>"}}};
    subscriber b{ctx, {.connect = relay->out_endpoints()[0], .patterns = {"a.>"}}};
    REQUIRE(a.wait_ready(1, patience) == status::ok);
    REQUIRE(b.wait_ready(1, patience) == status::ok);
    CHECK(out.subscribers("a.b") == 1);
}
