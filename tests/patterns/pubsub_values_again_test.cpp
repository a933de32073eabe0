#include "pubsub_values_support.hpp"

#include <leat/pubsub/detail/wire.hpp>

#include "support/tcp_proxy.hpp"

#include <future>
#include <iterator>
#include <thread>

namespace {

namespace wire = leat::detail;

/// A publisher by hand.
class fake_publisher {
public:
    explicit fake_publisher(leat::context& ctx, std::uint64_t its_id = 77)
        : id(its_id), out_(ctx, leat::role::xpub), at_(out_.bind(leat::endpoint{"tcp://127.0.0.1:*"})) {}

    [[nodiscard]] const leat::endpoint& at() const { return at_; }

    /// What it is asked next.
    std::optional<wire::question> question(leat::deadline until) {
        for (leat::message said; out_.receive(said, until) == status::ok;) {
            if (said.text().front() != 1) continue;
            if (auto read = wire::read_question(said.text().substr(1))) return read;
        }
        return std::nullopt;
    }

    /// The next ask for last values.
    wire::question asked() {
        for (;;) {
            const auto read = question(patience);
            REQUIRE(read);
            if (!read->probe) return *read;
        }
    }

    void ready(const wire::question& of) {
        send({leat::message{wire::probe_topic(of.one)}, end({wire::publication_kind::ready, 1, id, 0, 0})});
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
    void live(const char* topic, std::uint64_t sequence, std::uint32_t count = 1) {
        leat::buffer body;
        for (auto i = sequence; i < sequence + count; ++i) leat::encode(i, body);
        send({leat::message{topic}, leat::message{body.view()},
              end({wire::publication_kind::live, count, id, sequence, 0})});
    }

    const std::uint64_t id;

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
    REQUIRE(in.wait_ready(1, patience) == status::ok);
    REQUIRE(out.publish("t.0", leat::bytes{"live"}) == status::ok);
    CHECK(in.receive(patience)->value.text() == "live");
}

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
    auto got = std::async(std::launch::async, [&] {
        in.hand_over();
        const auto live = next(in), value = next(in);
        in.hand_over();
        return live + ", " + value;
    });
    while (got.wait_for(0s) != std::future_status::ready) {
        const auto again = out.question(1ms);  // under load it may ask several times
        if (!again) continue;
        CHECK(again->one != first.one);
        CHECK(again->most < first.most);
        out.live("a", 6);
        out.value(*again, "a", 5);
        out.value(*again, "b", 7);
        out.end_of(*again, 2);
    }
    CHECK(got.get() == "a=6, b=7*");
    CHECK(in.seen().repeats.value() >= 1);
    while (next(in, 400ms) != "timeout") {
    }
    const auto asked = in.seen().asked.value();
    CHECK(next(in, 400ms) == "timeout");
    CHECK(in.seen().asked.value() == asked);
}

TEST_CASE(
    "a publisher that is there and has not answered the ask is asked again, though another has answered") {
    leat::context ctx;
    fake_publisher answers{ctx, 77}, refuses{ctx, 78};
    auto options = asking(answers.at(), {">"});
    options.connect.push_back(refuses.at());
    subscriber in{ctx, options};
    auto got = std::async(std::launch::async, [&] {
        in.hand_over();
        const auto why = in.wait_ready(1, patience);
        const auto first = next(in);
        in.hand_over();
        return std::string{to_string(why)} + ", " + first;
    });
    for (int asks = 0; got.wait_for(0s) != std::future_status::ready;) {
        if (const auto of = answers.question(1ms); of && !of->probe) answers.end_of(*of, 0);
        const auto of = refuses.question(1ms);
        if (of && of->probe) refuses.ready(*of);
        if (!of || of->probe || ++asks < 3) continue;
        refuses.value(*of, "b", 7);
        refuses.end_of(*of, 1);
    }
    CHECK(got.get() == "ok, b=7*");
}

TEST_CASE("of a batch that begins before the last value only what follows it is given") {
    leat::context ctx;
    fake_publisher out{ctx};
    subscriber in{ctx, asking(out.at(), {">"})};
    const auto first = out.asked();
    out.value(first, "a", 5);
    out.end_of(first, 1);
    out.live("a", 4, 3);
    CHECK(next(in) == "a=5*");
    CHECK(next(in) == "a=6");
    CHECK(next(in, 50ms) == "timeout");
    CHECK(in.seen().gaps.value() == 0);
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

TEST_CASE("last values come again after a lost connection that the relay has not noticed") {
    leat::context ctx;
    publisher out{ctx, keeping(10)};
    support::running_relay relay{ctx,
                                 {.kind = leat::relay_kind::pubsub,
                                  .in = {.connect = out.bound()[0]},
                                  .out = {.bind = "tcp://127.0.0.1:*"}}};
    support::tcp_proxy proxy{relay->out_endpoints()[0]};
    REQUIRE(out.publish("a", 1) == status::ok);
    auto options = asking(leat::endpoint{proxy.at()}, {">"});
    options.socket.reconnect_first = 1ms;
    subscriber in{ctx, options};
    CHECK(next(in) == "a=1*");
    REQUIRE(in.wait_ready(1, patience) == status::ok);
    for (std::uint64_t i = 2; i < 6; ++i) {
        const auto& passed_on = relay->counts().forward.messages_out;
        const auto before = passed_on.value();
        proxy.freeze();
        proxy.cut_unnoticed();
        REQUIRE(support::comes_true([&] { return in.counts().disconnects.value() == i - 1; }));
        REQUIRE(out.publish("a", i) == status::ok);
        REQUIRE(support::comes_true([&] { return passed_on.value() > before; }));
        proxy.thaw();
        CHECK(next(in) == "a=" + std::to_string(i) + "*");
    }
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
