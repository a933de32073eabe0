#include <leat/context.hpp>
#include <leat/pubsub/detail/publish_watch.hpp>
#include <leat/pubsub/publisher.hpp>
#include <leat/pubsub/subscriber.hpp>

#include "support/joined.hpp"
#include "support/running_relay.hpp"
#include "support/throws.hpp"
#include "support/warnings.hpp"

#include <filesystem>
#include <future>
#include <optional>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using leat::bytes;
using leat::status;
using support::patience;

namespace {

struct record {
    std::uint64_t number = 0;
    std::string text;
    MSGPACK_DEFINE(number, text)
};

leat::publish_options anywhere() {
    return {.bind = "tcp://127.0.0.1:*"};
}

}  // namespace

TEST_CASE("what is published after readiness is received, in order and numbered") {
    leat::context ctx;
    leat::publisher<record> out{ctx, anywhere()};
    leat::subscriber<record> in{ctx, {.connect = out.bound()[0], .patterns = {"news.>"}}};
    REQUIRE(in.wait_ready(1, patience) == status::ok);
    for (std::uint64_t i = 0; i < 1000; ++i)
        REQUIRE(out.publish(i % 2 == 0 ? "news.even" : "news.odd", {i, "text"}, patience) == status::ok);
    leat::publication<record> got;
    for (std::uint64_t i = 0; i < 1000; ++i) {
        REQUIRE(in.receive(got, patience) == status::ok);
        CHECK(got.topic == (i % 2 == 0 ? "news.even" : "news.odd"));
        CHECK(got.value.number == i);
        CHECK(got.sequence == i / 2 + 1);
        CHECK(got.publisher == out.id());
        CHECK_FALSE(got.last_value);
    }
    CHECK(in.receive(got, leat::deadline::now()) == status::timeout);
    CHECK(in.seen().gaps.value() == 0);
    CHECK(out.counts().messages_sent.value() == 1000);
}

TEST_CASE("bytes come as they were published, the empty body too") {
    leat::context ctx;
    leat::publisher<bytes> out{ctx, anywhere()};
    leat::subscriber<bytes> in{ctx, {.connect = out.bound()[0], .patterns = {"a"}}};
    REQUIRE(in.wait_ready(1, patience) == status::ok);
    for (const auto& text : {std::string{}, std::string{"\0\xff", 2}, std::string(1 << 20, 'x')}) {
        REQUIRE(out.publish("a", bytes{std::string_view{text}}, patience) == status::ok);
        auto got = in.receive(patience);
        REQUIRE(got);
        CHECK(got->value.text() == text);
    }
}

TEST_CASE(
    "each pattern gets what it stands for and nothing else, and what only begins like it is not given") {
    leat::context ctx;
    leat::publisher<int> out{ctx, anywhere()};
    const auto topics = {"orders", "orders2", "orders.new", "orders.new.eu", "orders.old.eu", "other"};
    const auto received = [&](std::vector<std::string> patterns) {
        leat::subscriber<int> in{ctx, {.connect = out.bound()[0], .patterns = std::move(patterns)}};
        REQUIRE(in.wait_ready(1, patience) == status::ok);
        for (const auto* topic : topics) REQUIRE(out.publish(topic, 1) == status::ok);
        REQUIRE(out.publish("end", 0) == status::ok);
        std::vector<std::string> all;
        for (;;) {
            auto got = in.receive(patience);
            REQUIRE(got);
            if (got->topic == "end") return all;
            all.push_back(got->topic);
        }
    };
    using list = std::vector<std::string>;
    CHECK(received({"orders", "end"}) == list{"orders"});
    CHECK(received({"orders.>", "end"}) == list{"orders.new", "orders.new.eu", "orders.old.eu"});
    CHECK(received({"orders.*.eu", "end"}) == list{"orders.new.eu", "orders.old.eu"});
    CHECK(received({"*", "end"}) == list{"orders", "orders2", "other"});
    CHECK(received({"orders.new", "orders.*", "orders.>", "end"}) ==
          list{"orders.new", "orders.new.eu", "orders.old.eu"});
    CHECK(received({">"}) == list(topics.begin(), topics.end()));
}

TEST_CASE("patterns come and go while messages flow") {
    leat::context ctx;
    leat::publisher<int> out{ctx, anywhere()};
    leat::subscriber<int> in{ctx, {.connect = out.bound()[0], .patterns = {"a.*", "end"}}};
    const auto topics_now = [&] {
        REQUIRE(in.wait_ready(1, patience) == status::ok);
        for (const auto* topic : {"a.b", "a.c", "b", "end"}) REQUIRE(out.publish(topic, 1) == status::ok);
        std::string all;
        for (;;) {
            auto got = in.receive(patience);
            REQUIRE(got);
            if (got->topic == "end") return all;
            all += got->topic + " ";
        }
    };
    CHECK(topics_now() == "a.b a.c ");
    in.subscribe("b");
    in.subscribe("a.b");
    CHECK(topics_now() == "a.b a.c b ");
    in.unsubscribe("a.*");
    CHECK(topics_now() == "a.b b ");
    in.unsubscribe("a.b");
    in.subscribe("a.>");
    CHECK(topics_now() == "a.b a.c b ");
    CHECK_THROWS_LEAT(in.unsubscribe("a.b"), leat::errc::bad_option, "'a.b': it is not subscribed to");
    CHECK(in.seen().gaps.value() == 0);
}

TEST_CASE("a batch is sent when it is full, when its delay has passed, and when it is asked for") {
    leat::context ctx;
    auto options = anywhere();
    options.batch = {.bytes = 1000, .delay = 1min};
    leat::publisher<record> slow{ctx, options};
    options.batch.delay = 1ms;
    leat::publisher<record> quick{ctx, options};
    leat::subscriber<record> in{
        ctx, {.connect = {slow.bound()[0].str(), quick.bound()[0].str()}, .patterns = {">"}}};
    REQUIRE(in.wait_ready(2, patience) == status::ok);
    for (std::uint64_t i = 0; i < 500; ++i)
        REQUIRE(slow.publish("t", {i, std::string(90, 'x')}, patience) == status::ok);
    leat::publication<record> got;
    for (std::uint64_t i = 0; i < 490; ++i) {
        REQUIRE(in.receive(got, patience) == status::ok);
        CHECK(got.value.number == i);
        CHECK(got.sequence == i + 1);
    }
    CHECK(slow.counts().batches_sent.value() < 60);
    REQUIRE(slow.flush(patience) == status::ok);
    for (std::uint64_t i = 490; i < 500; ++i) {
        REQUIRE(in.receive(got, patience) == status::ok);
        CHECK(got.sequence == i + 1);
    }
    REQUIRE(quick.publish("t", {7, ""}, patience) == status::ok);
    REQUIRE(in.receive(got, patience) == status::ok);
    CHECK(got.value.number == 7);
    CHECK(got.publisher == quick.id());
}

TEST_CASE("batches of many topics stay in order within each topic") {
    leat::context ctx;
    auto options = anywhere();
    options.batch = {.bytes = 4096, .delay = 1ms};
    leat::publisher<std::uint64_t> out{ctx, options};
    leat::subscriber<std::uint64_t> in{ctx, {.connect = out.bound()[0], .patterns = {"t.>"}}};
    REQUIRE(in.wait_ready(1, patience) == status::ok);
    constexpr std::uint64_t topics = 40, each = 500;
    for (std::uint64_t i = 0; i < topics * each; ++i)
        REQUIRE(out.publish("t." + std::to_string(i % topics), i / topics, patience) == status::ok);
    std::vector<std::uint64_t> next(topics);
    leat::publication<std::uint64_t> got;
    for (std::uint64_t i = 0; i < topics * each; ++i) {
        REQUIRE(in.receive(got, patience) == status::ok);
        REQUIRE(got.value == next[std::stoul(got.topic.substr(2))]++);
        REQUIRE(got.sequence == got.value + 1);
    }
    CHECK(in.seen().gaps.value() == 0);
    CHECK(out.counts().batches_sent.value() <= topics * each / 2);  // the delay ends some early
}

TEST_CASE("invalid topics, patterns and options are refused with the reason") {
    leat::context ctx;
    leat::publisher<int> out{ctx, anywhere()};
    CHECK_THROWS_LEAT(out.publish("a..b", 1), leat::errc::bad_option, "'a..b': has an empty word");
    CHECK_THROWS_LEAT(out.publish("a.*", 1), leat::errc::bad_option, "is for patterns");
    CHECK_THROWS_LEAT(out.wait_subscribers("", 1, 1s), leat::errc::bad_option, "is empty");
    using in = leat::subscriber<int>;
    CHECK_THROWS_LEAT((in{ctx, {.connect = out.bound()[0], .patterns = {"a.>.b"}}}), leat::errc::bad_option,
                      "so it is last");
    CHECK_THROWS_LEAT((in{ctx, {.patterns = {"a"}}}), leat::errc::bad_option, "at least one endpoint");
    CHECK_THROWS_LEAT((leat::publisher<int>{ctx, {}}), leat::errc::bad_option, "at least one endpoint");
    CHECK_THROWS_LEAT((leat::publisher<int>{ctx, {.bind = "tcp://127.0.0.1:*", .separator = 'x'}}),
                      leat::errc::bad_option, "separator");
    CHECK_THROWS_LEAT((leat::publisher<bytes>{ctx, {.bind = "tcp://127.0.0.1:*", .batch = {.bytes = 100}}}),
                      leat::errc::bad_option, "cannot be batched");
    CHECK_THROWS_LEAT(
        (leat::publisher<int>{ctx, {.bind = "tcp://127.0.0.1:*", .batch = {.bytes = 100, .delay = 0us}}}),
        leat::errc::bad_option, "batch.delay is 0 us");
}

TEST_CASE("another separator on both sides") {
    leat::context ctx;
    auto options = anywhere();
    options.separator = '/';
    leat::publisher<int> out{ctx, options};
    leat::subscriber<int> in{ctx, {.connect = out.bound()[0], .patterns = {"a/*/c.d"}, .separator = '/'}};
    REQUIRE(in.wait_ready(1, patience) == status::ok);
    REQUIRE(out.publish("a/b.b/c.d", 1) == status::ok);
    CHECK(in.receive(patience)->topic == "a/b.b/c.d");
}

TEST_CASE("the range ends with the stop token, and waiting calls say that they were stopped") {
    leat::context ctx;
    std::stop_source stop;
    auto options = anywhere();
    options.stop = stop.get_token();
    leat::publisher<int> out{ctx, options};
    leat::subscriber<int> in{ctx, {.connect = out.bound()[0], .patterns = {"a"}, .stop = stop.get_token()}};
    REQUIRE(in.wait_ready(1, patience) == status::ok);
    for (int i = 0; i < 3; ++i) REQUIRE(out.publish("a", i) == status::ok);
    int sum = 0, count = 0;
    for (auto& one : in) {
        sum += one.value;
        if (++count == 3) stop.request_stop();
    }
    CHECK(sum == 3);
    CHECK(in.receive(patience).why() == status::stopped);
    CHECK(in.wait_ready(2, patience) == status::stopped);
    CHECK(out.wait_subscribers("a", 2, patience) == status::stopped);
}

TEST_CASE("a publisher and a subscriber outlive their context and say that it is closed") {
    support::warnings told;
    auto ctx = std::make_unique<leat::context>(leat::context_options{.on_warning = told});
    leat::publisher<int> out{*ctx, anywhere()};
    leat::subscriber<int> in{*ctx, {.connect = out.bound()[0], .patterns = {"a"}, .last_values = true}};
    REQUIRE(in.wait_ready(1, patience) == status::ok);
    REQUIRE(out.publish("a", 1) == status::ok);
    ctx->close(leat::deadline::now());
    ctx.reset();
    CHECK(out.wait_subscribers("a", 2, patience) == status::closed);
    CHECK(out.publish("a", 1, patience) == status::closed);
    CHECK(in.wait_ready(2, patience) == status::closed);
    while (in.receive(patience).why() == status::ok) {
    }
    CHECK(in.receive(patience).why() == status::closed);
    out.close();
    CHECK(out.publish("a", 1, patience) == status::closed);
    CHECK(out.flush(patience) == status::closed);
    in.close();
    CHECK(in.receive(patience).why() == status::closed);
}

TEST_CASE("waits end as closed when the socket or the context was closed before, with last values too") {
    for (const bool last_values : {false, true}) {
        CAPTURE(last_values);
        std::optional<leat::context> ctx{std::in_place};
        const leat::subscribe_options options{
            .bind = "tcp://127.0.0.1:*", .patterns = {"a"}, .last_values = last_values};
        leat::subscriber<int> own{*ctx, options}, other{*ctx, options};
        own.close();
        CHECK(own.wait_ready(1, patience) == status::closed);
        CHECK(own.receive(patience).why() == status::closed);
        CHECK_THROWS_LEAT(own.subscribe("b"), leat::errc::closed, "subscribe: the socket");
        CHECK_THROWS_LEAT(own.unsubscribe("a"), leat::errc::closed, "unsubscribe: the socket");
        std::jthread closing{[&] { ctx->close(patience); }};
        CHECK(other.receive(patience).why() == status::closed);
        CHECK(other.wait_ready(1, patience) == status::closed);
        CHECK(other.receive(patience).why() == status::closed);
        other.close();
    }
}

TEST_CASE("an ask for last values that is due after the end is not made") {
    leat::context ctx;
    leat::subscriber<int> in{ctx, {.bind = "tcp://127.0.0.1:*", .patterns = {"a"}, .last_values = true}};
    in.subscribe("b");
    in.close();
    CHECK(in.wait_ready(1, patience) == status::closed);
    CHECK(in.wait_ready(0, patience) == status::closed);
    CHECK(in.receive(patience).why() == status::closed);
}

TEST_CASE("over ipc and inproc, and with the subscriber bound") {
    leat::context ctx;
    for (const auto* transport : {"ipc", "inproc", "tcp"}) {
        leat::publisher<int> out{ctx, {.bind = support::any_endpoint(transport)}};
        leat::subscriber<int> in{ctx, {.connect = out.bound()[0], .patterns = {"a"}}};
        REQUIRE(in.wait_ready(1, patience) == status::ok);
        REQUIRE(out.publish("a", 7) == status::ok);
        CHECK(in.receive(patience)->value == 7);

        leat::subscriber<int> bound{ctx, {.bind = support::any_endpoint(transport), .patterns = {"a"}}};
        leat::publisher<int> connecting{ctx, {.connect = bound.bound()[0]}};
        REQUIRE(bound.wait_ready(1, patience) == status::ok);
        REQUIRE(connecting.publish("a", 8) == status::ok);
        CHECK(bound.receive(patience)->value == 8);
    }
}

TEST_CASE("topics beyond the bound of a publisher are published without numbers") {
    leat::context ctx;
    auto options = anywhere();
    options.max_topics = 2;
    leat::publisher<int> out{ctx, options};
    leat::subscriber<int> in{ctx, {.connect = out.bound()[0], .patterns = {">"}}};
    REQUIRE(in.wait_ready(1, patience) == status::ok);
    for (const auto* topic : {"a", "b", "c", "c", "a"}) REQUIRE(out.publish(topic, 1) == status::ok);
    std::vector<std::uint64_t> numbers;
    for (int i = 0; i < 5; ++i) {
        auto got = in.receive(patience);
        REQUIRE(got);
        numbers.push_back(got->sequence);
    }
    CHECK(numbers == std::vector<std::uint64_t>{1, 1, 0, 0, 2});
    CHECK(out.answers().unnumbered.value() == 2);
    CHECK(in.seen().untracked.value() == 2);
}

TEST_CASE("a publisher that was closed and kept for a while leaves no descriptor behind") {
    leat::context ctx;
    const auto open_files = [] {
        return std::distance(std::filesystem::directory_iterator{"/proc/self/fd"},
                             std::filesystem::directory_iterator{});
    };
    const auto publish_and_close = [&] {
        leat::publisher<int> out{ctx, {.connect = "tcp://127.0.0.1:9"}};
        REQUIRE(out.publish("a", 1) == status::ok);
        out.close();
        std::promise<void> ticked;
        auto& events = ctx.background();
        events.post(
            [&] { events.after(3 * leat::detail::publish_watch::pulse, [&] { ticked.set_value(); }); });
        ticked.get_future().wait();
    };
    publish_and_close();
    const auto before = open_files();
    for (int i = 0; i < 10; ++i) publish_and_close();
    CHECK(support::comes_true([&] { return open_files() <= before; }));
}

TEST_CASE("a publisher ends with its context, which leaves nothing behind") {
    const support::warnings told;
    leat::context ctx{{.on_warning = told}};
    leat::publisher<int> out{ctx, anywhere()};
    REQUIRE(out.publish("a", 1) == status::ok);
    const auto report = ctx.close(patience);
    CHECK(report.complete);
    CHECK(report.leftovers.empty());
    CHECK(told.lines().empty());
}
