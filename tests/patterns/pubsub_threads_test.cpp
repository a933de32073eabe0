#include <leat/context.hpp>
#include <leat/pubsub/publisher.hpp>
#include <leat/pubsub/subscriber.hpp>

#include "support/joined.hpp"

#include <atomic>
#include <map>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using leat::status;
using support::patience;

namespace {

struct note {
    int thread = 0;
    std::uint64_t number = 0;
    MSGPACK_DEFINE(thread, number)
};

/// Waits until the publisher has all subscriptions, and ends of such, that were made before. libzmq 4.3.4
/// never frees the half of a message that has come to a SUB when the SUB is closed with some of them unsent.
status said_all(leat::publisher<note>& out, leat::subscriber<note>& in, const std::string& unused) {
    in.subscribe(unused);
    return out.wait_subscribers(unused, 1, patience);
}

/// `threads` publish to one topic and one of their own, while subscribers come, ask and go.
void check_threads(leat::publish_options options) {
    constexpr int threads = 8;
    constexpr std::uint64_t each = 2000;
    leat::context ctx;
    options.bind = "tcp://127.0.0.1:*";
    options.overflow = leat::overflow::block;
    options.last_values = 100;
    leat::publisher<note> out{ctx, options};
    leat::subscriber<note> in{ctx, {.connect = out.bound()[0], .patterns = {"t.>"}}};
    REQUIRE(in.wait_ready(1, patience) == status::ok);
    std::vector<std::jthread> publishing;
    std::atomic<int> failed = 0;
    for (int t = 0; t < threads; ++t) {
        publishing.emplace_back([&, t] {
            const auto own = "t.own." + std::to_string(t);
            for (std::uint64_t i = 0; i < each; ++i) {
                if (out.publish(i % 2 == 0 ? "t.all" : own, {t, i}, patience) != status::ok) ++failed;
            }
        });
    }
    std::jthread visiting{[&](const std::stop_token& stop) {
        int visits = 0;
        while (!stop.stop_requested()) {
            leat::subscriber<note> visitor{
                ctx, {.connect = out.bound()[0], .patterns = {"t.all"}, .last_values = true}};
            if (visitor.wait_ready(1, patience) != status::ok) ++failed;
            static_cast<void>(visitor.receive(20ms));
            static_cast<void>(out.subscribers("t.all"));
            static_cast<void>(out.counts().messages_sent.value());
            if (said_all(out, visitor, "visit." + std::to_string(++visits)) != status::ok) ++failed;
        }
    }};
    std::map<int, std::uint64_t> next_all, next_own;
    leat::publication<note> got;
    for (std::uint64_t i = 0; i < threads * each; ++i) {
        REQUIRE(in.receive(got, patience) == status::ok);
        auto& next = (got.topic == "t.all" ? next_all : next_own)[got.value.thread];
        REQUIRE(got.value.number / 2 == next++);
    }
    CHECK(in.seen().gaps.value() == 0);
    CHECK(in.seen().repeats.value() == 0);
    publishing.clear();
    visiting.request_stop();
    visiting.join();
    CHECK(failed == 0);
}

}  // namespace

TEST_CASE("eight threads publish on one publisher, each in order, while subscribers come and go") {
    check_threads({});
}

TEST_CASE("eight threads publish in batches on one publisher, each in order, while subscribers come and go") {
    check_threads({.batch = {.bytes = 500, .delay = 1ms}});
}

TEST_CASE("publishers are made and destroyed while their subscribers ask") {
    leat::context ctx;
    leat::subscriber<int> in{ctx, {.bind = "tcp://127.0.0.1:*", .patterns = {"a"}, .last_values = true}};
    for (int i = 0; i < 100; ++i) {
        leat::publisher<int> out{ctx, {.connect = in.bound()[0], .last_values = 10}};
        REQUIRE(out.publish("a", i) == status::ok);
        if (i % 4 == 0) CHECK(in.receive(patience)->value == i);
    }
}

TEST_CASE("a context closes in time while a publisher waits and a subscriber receives") {
    auto ctx = std::make_unique<leat::context>(leat::context_options{.on_warning = [](auto&) {}});
    leat::publisher<int> out{*ctx, {.bind = "tcp://127.0.0.1:*"}};
    leat::subscriber<int> in{*ctx, {.connect = out.bound()[0], .patterns = {"a"}, .last_values = true}};
    REQUIRE(in.wait_ready(1, patience) == status::ok);
    std::jthread waiting{[&] { CHECK(out.wait_subscribers("a", 5, patience) == status::closed); }};
    std::jthread receiving{[&] {
        in.hand_over();
        CHECK(in.receive(patience).why() == status::closed);
        in.close();
    }};
    const auto began = leat::deadline::clock::now();
    ctx->close(5s);
    waiting.join();
    receiving.join();
    CHECK(leat::deadline::clock::now() - began < 4s);
    CHECK(out.publish("a", 1) == status::closed);
    out.close();
}
