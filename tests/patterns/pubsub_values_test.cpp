#include <leat/context.hpp>
#include <leat/pubsub/detail/wire.hpp>
#include <leat/pubsub/publisher.hpp>
#include <leat/pubsub/subscriber.hpp>

#include "support/ports.hpp"
#include "support/running_relay.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <optional>
#include <set>
#include <thread>

using namespace std::chrono_literals;
using leat::status;
using support::patience;

namespace {

namespace wire = leat::detail;

using publisher = leat::publisher<std::uint64_t>;
using subscriber = leat::subscriber<std::uint64_t>;

leat::publish_options keeping(std::size_t values) {
    return {.bind = "tcp://127.0.0.1:*", .last_values = values};
}

leat::subscribe_options asking(const leat::endpoint& at, std::vector<std::string> patterns) {
    return {.connect = at, .patterns = std::move(patterns), .last_values = true};
}

/// "topic=value" of the next publication; a last value has a star.
std::string next(subscriber& in, leat::deadline until = patience) {
    const auto got = in.receive(until);
    if (!got) return std::string{to_string(got.why())};
    return got->topic + "=" + std::to_string(got->value) + (got->last_value ? "*" : "");
}

leat::relay_options relayed() {
    return {.kind = leat::relay_kind::pubsub,
            .in = {.bind = "tcp://127.0.0.1:*"},
            .out = {.bind = "tcp://127.0.0.1:*"}};
}

}  // namespace

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
    CHECK(in.seen().asked.value() == 1);
    CHECK(in.seen().gaps.value() == 0);
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
        relay.emplace(ctx, relayed());
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

TEST_CASE("last values that do not fit into the way at once come in parts") {
    leat::context ctx;
    leat::socket_options small;
    small.send_frames = small.receive_frames = 10;
    auto options = leat::publish_options{.bind = "tcp://127.0.0.1:*", .last_values = 1000, .socket = small};
    SUBCASE("drop") {}
    SUBCASE("block") {
        options.overflow = leat::overflow::block;
    }
    leat::publisher<leat::bytes> out{ctx, options};
    constexpr std::size_t topics = 300;
    const std::string body(100'000, 'x');
    for (std::size_t i = 0; i < topics; ++i)
        REQUIRE(out.publish("t." + std::to_string(i), leat::bytes{std::string_view{body}}) == status::ok);
    leat::subscriber<leat::bytes> in{
        ctx, {.connect = out.bound()[0], .patterns = {"t.>"}, .last_values = true, .socket = small}};
    // It does not read yet, and 30 MB would not fit into 20 frames and the kernel's buffers.
    REQUIRE(support::comes_true([&] { return out.answers().snapshots.value() > 0; }));
    std::set<std::string> seen;
    while (seen.size() < topics) {
        auto got = in.receive(patience);
        REQUIRE(got);
        CHECK(got->last_value);
        CHECK(got->value.size() == body.size());
        REQUIRE(seen.insert(got->topic).second);
    }
    CHECK(out.answers().snapshots.value() >= topics / 5);
    CHECK(in.seen().asked.value() == 1);
    REQUIRE(in.wait_ready(1, patience) == status::ok);
    REQUIRE(out.publish("t.0", leat::bytes{"live"}) == status::ok);
    CHECK(in.receive(patience)->value.text() == "live");
}

namespace {

/// A publisher by hand.
class fake_publisher {
public:
    explicit fake_publisher(leat::context& ctx)
        : out_(ctx, leat::role::xpub), at_(out_.bind(leat::endpoint{"tcp://127.0.0.1:*"})) {}

    [[nodiscard]] const leat::endpoint& at() const { return at_; }

    /// The next ask for last values.
    wire::question asked() {
        for (;;) {
            leat::message said;
            REQUIRE(out_.receive(said, patience) == status::ok);
            if (said.text().front() != 1) continue;
            if (auto read = wire::read_question(said.text().substr(1)); read && !read->probe) return *read;
        }
    }

    void value(const wire::question& of, const char* topic, std::uint64_t sequence) {
        leat::buffer body;
        leat::encode(sequence, body);
        send({leat::message{wire::values_topic(of.one)}, leat::message{topic}, leat::message{body.view()},
              end({wire::publication_kind::last_value, 1, id, sequence, 0})});
    }
    void end_of(const wire::question& of, std::uint32_t count) {
        send(
            {leat::message{wire::values_topic(of.one)}, end({wire::publication_kind::end, count, id, 0, 0})});
    }
    void live(const char* topic, std::uint64_t sequence) {
        leat::buffer body;
        leat::encode(sequence, body);
        send({leat::message{topic}, leat::message{body.view()},
              end({wire::publication_kind::live, 1, id, sequence, 0})});
    }

    static constexpr std::uint64_t id = 77;

private:
    static leat::message end(const wire::trailer& of) {
        return leat::message{std::span<const std::byte>{of.encode()}};
    }
    template <std::size_t Count>
    void send(leat::message (&&frames)[Count]) {
        leat::socket::parts all{std::make_move_iterator(std::begin(frames)),
                                std::make_move_iterator(std::end(frames))};
        REQUIRE(out_.send(all, patience) == status::ok);
    }

    leat::socket out_;
    leat::endpoint at_;
};

}  // namespace

TEST_CASE("last values that were cut short are noticed and asked for again, in smaller parts") {
    leat::context ctx;
    fake_publisher out{ctx};
    subscriber in{ctx, asking(out.at(), {">"})};
    const auto first = out.asked();
    CHECK(first.patterns == std::vector<std::string>{">"});
    CHECK(first.publisher == 0);
    out.value(first, "a", 5);
    SUBCASE("one value is missing") {
        out.end_of(first, 2);
    }
    SUBCASE("the end is missing") {}
    CHECK(next(in) == "a=5*");
    std::jthread receiving{[&] {
        in.hand_over();
        CHECK(next(in) == "a=6");
        CHECK(next(in) == "b=7*");
        in.hand_over();
    }};
    const auto second = out.asked();
    CHECK(second.one != first.one);
    CHECK(second.most < first.most);
    out.live("a", 6);
    out.value(second, "a", 5);
    out.value(second, "b", 7);
    out.end_of(second, 2);
    receiving.join();
    in.hand_over();
    CHECK(next(in, 400ms) == "timeout");
    CHECK(in.seen().asked.value() == 2);
    CHECK(in.seen().repeats.value() == 1);
}

TEST_CASE("last values come again after a lost connection, and only those that are new") {
    leat::context ctx;
    support::ipc_path path;
    leat::publish_options options{.bind = path.at(), .last_values = 10};
    std::optional<publisher> out{std::in_place, ctx, options};
    REQUIRE(out->publish("a", 1) == status::ok);
    REQUIRE(out->publish("b", 1) == status::ok);
    subscriber in{ctx, asking(path.at(), {">"})};
    CHECK(next(in) == "a=1*");
    CHECK(next(in) == "b=1*");
    for (std::uint64_t i = 2; i < 6; ++i) {
        out.emplace(ctx, options);
        REQUIRE(out->publish("a", i) == status::ok);
        CHECK(next(in) == "a=" + std::to_string(i) + "*");
    }
    CHECK(in.seen().restarts.value() == 4);
}

TEST_CASE("last values come again when a relay on the way was away, and nothing comes twice") {
    leat::context ctx;
    support::ipc_path upper, lower;
    publisher out{ctx, {.bind = upper.at(), .last_values = 10}};
    const leat::relay_options options{.kind = leat::relay_kind::pubsub,
                                      .in = {.connect = upper.at()},
                                      .out = {.bind = lower.at()},
                                      .drain = 0ms};
    std::optional<support::running_relay> relay{std::in_place, ctx, options};
    REQUIRE(out.publish("a", 1) == status::ok);
    REQUIRE(out.publish("b", 1) == status::ok);
    std::uint64_t missed = 0;
    auto asks = asking(lower.at(), {">"});
    asks.on_gap = [&](const leat::gap& one) { missed += one.missed(); };
    subscriber in{ctx, asks};
    CHECK(next(in) == "a=1*");
    CHECK(next(in) == "b=1*");
    for (std::uint64_t i = 1; i < 5; ++i) {
        relay.reset();
        for (int j = 0; j < 3; ++j)
            REQUIRE(out.publish("a", 3 * i + static_cast<std::uint64_t>(j)) == status::ok);
        relay.emplace(ctx, options);
        CHECK(next(in) == "a=" + std::to_string(3 * i + 2) + "*");
        CHECK(missed == 2 * i);
    }
    REQUIRE(in.wait_ready(1, patience) == status::ok);
    REQUIRE(out.publish("b", 2) == status::ok);
    CHECK(next(in) == "b=2");
}

TEST_CASE("10,000 subscriptions on one socket work, with last values, direct and through a relay") {
    constexpr std::size_t topics = 10'000;
    leat::context ctx;
    support::running_relay relay{ctx, relayed()};
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
