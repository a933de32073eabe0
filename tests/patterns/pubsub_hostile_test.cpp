#include <leat/context.hpp>
#include <leat/loop.hpp>
#include <leat/pubsub/detail/origin_book.hpp>
#include <leat/pubsub/detail/wire.hpp>
#include <leat/pubsub/publisher.hpp>
#include <leat/pubsub/subscriber.hpp>

#include "support/joined.hpp"
#include "support/running_relay.hpp"

#include <future>
#include <random>
#include <thread>

using namespace std::chrono_literals;
using leat::role;
using leat::status;
using support::patience;
namespace wire = leat::detail;

namespace {

std::string text_of(const wire::trailer& of) {
    const auto bytes = of.encode();
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void send(leat::socket& to, const std::vector<std::string>& frames) {
    leat::socket::parts all;
    for (const auto& one : frames) all.emplace_back(std::string_view{one});
    REQUIRE(to.send(all, patience) == status::ok);
}

std::string random_bytes(std::mt19937& random, std::size_t most) {
    std::string text(random() % most, '\0');
    for (auto& c : text) c = static_cast<char>(random());
    return text;
}

const std::string one_body = "\x01";

}  // namespace

TEST_CASE("a subscriber counts what is no publication, and goes on") {
    leat::context ctx;
    leat::socket evil{ctx, role::xpub};
    const auto at = evil.bind(leat::endpoint{"tcp://127.0.0.1:*"});
    leat::subscriber<std::uint64_t> in{ctx, {.connect = at, .patterns = {">"}}};
    leat::message subscription;
    REQUIRE(evil.receive(subscription, patience) == status::ok);
    const wire::trailer good{wire::publication_kind::live, 1, 7, 1, 0};
    auto wrong_version = text_of(good);
    wrong_version[2] = 9;
    const std::vector<std::vector<std::string>> malformed{
        {"t", one_body, ""},
        {"t", one_body, "LP"},
        {"t", one_body, wrong_version},
        {"t", one_body, text_of(good), "more"},
        {"t", one_body, text_of(good), "more", "and", "more"},
        {"t", one_body, text_of({wire::publication_kind::end, 1, 7, 1, 0})},
        {"t", one_body, text_of({wire::publication_kind::ready, 1, 7, 1, 0})},
        {"a..b", one_body, text_of(good)},
        {"a\nb", one_body, text_of(good)},
        {"a\x80", one_body, text_of(good)},
        {"", one_body, text_of(good)},
        {std::string(256, 'x'), one_body, text_of(good)},
        {std::string(1 << 20, 'x'), one_body, text_of(good)},
        {std::string(5000, 'x'), one_body},
    };
    for (const auto& one : malformed) send(evil, one);
    send(evil, {"\xff"});
    send(evil, {"\xffleat1P12345678", text_of({wire::publication_kind::ready, 1, 7, 1, 0})});
    send(evil,
         {"\xffleat1A12345678", "t", one_body, text_of({wire::publication_kind::last_value, 1, 7, 1, 0})});
    // Numbers that jump, go back, or repeat.
    const auto live = [&](std::uint64_t sequence, std::uint32_t count = 1) {
        send(evil, {"t", one_body, text_of({wire::publication_kind::live, count, 7, sequence, 0})});
    };
    live(5);
    live(5);
    live(3);
    live(std::numeric_limits<std::uint64_t>::max() - 1);
    live(0);
    live(std::numeric_limits<std::uint64_t>::max() - 2, 2);
    for (const auto sequence : {5ull, 18446744073709551614ull, 0ull}) {
        const auto got = in.receive(patience);
        REQUIRE(got);
        CHECK(got->sequence == sequence);
    }
    CHECK(in.receive(50ms).why() == status::timeout);
    CHECK(in.seen().malformed.value() == malformed.size());
    CHECK(in.seen().repeats.value() == 4);
    CHECK(in.seen().gaps.value() == 1);
    CHECK(in.seen().missed.value() == std::numeric_limits<std::uint64_t>::max() - 1 - 6);
}

TEST_CASE("a subscriber takes any frames") {
    leat::context ctx;
    leat::socket evil{ctx, role::xpub};
    const auto at = evil.bind(leat::endpoint{"tcp://127.0.0.1:*"});
    leat::subscriber<std::vector<std::string>> in{ctx,
                                                  {.connect = at, .patterns = {">"}, .last_values = true}};
    leat::message said;
    std::string answers;
    while (answers.empty()) {
        REQUIRE(evil.receive(said, patience) == status::ok);
        if (const auto asked = wire::read_question(said.text().substr(1)); asked && !asked->probe)
            answers = wire::values_topic(asked->one);
    }
    std::mt19937 random{1};
    for (int i = 0; i < 20'000; ++i) {
        std::vector<std::string> frames;
        for (auto count = 1 + random() % 5; count > 0; --count) frames.push_back(random_bytes(random, 40));
        if (random() % 2 == 0) frames.front() = answers;
        if (random() % 2 == 0) {
            frames.back() = text_of({static_cast<wire::publication_kind>(random() % 6),
                                     static_cast<std::uint32_t>(random() % 4), random() % 20, random() % 30,
                                     random() % 3});
        }
        send(evil, frames);
        if (i % 100 == 0) {
            while (in.receive(leat::deadline::now())) {
            }
        }
    }
    send(evil, {"plain", "\x91\xa1x"});
    for (;;) {
        const auto got = in.receive(patience);
        REQUIRE(got);
        if (got->topic == "plain") break;
    }
}

TEST_CASE("what a subscriber remembers is bounded, however many publishers and topics it hears of") {
    leat::detail::origin_book book{1000};
    std::uint64_t restarts = 0;
    for (std::uint64_t i = 1; i <= 50'000; ++i) {
        auto& from = book.find({wire::publication_kind::live, 1, i, 1, i % 100 + 1},
                               [&](std::uint64_t) { ++restarts; });
        for (int topic = 0; topic < 3; ++topic) CHECK(book.track(from, std::to_string(topic), 1));
    }
    CHECK(restarts == 50'000 - 100);
    auto& last = book.find({wire::publication_kind::live, 1, 99'999, 1, 0}, [](std::uint64_t) {});
    std::size_t tracked = 0;
    for (int topic = 0; topic < 5000; ++topic)
        tracked += book.track(last, std::to_string(topic), 1) ? 1u : 0u;
    CHECK(tracked == 1000);
}

TEST_CASE("a publisher takes any frames from subscribers, and goes on") {
    leat::context ctx;
    leat::publisher<int> out{ctx, {.bind = "tcp://127.0.0.1:*", .last_values = 100}};
    for (int i = 0; i < 100; ++i) REQUIRE(out.publish("t." + std::to_string(i), i) == status::ok);
    // XSUB sends what it is given: subscriptions, their ends, and other messages.
    auto evil = support::connected(ctx, role::xsub, out.bound()[0], {.send_frames = 0});
    std::mt19937 random{2};
    const auto ask = wire::ask_topic({.one = 5, .most = 3, .patterns = {"t.*", ">", "*.1"}});
    for (int i = 0; i < 20'000; ++i) {
        auto text = random() % 2 == 0 ? ask : random_bytes(random, 300);
        if (!text.empty() && random() % 2 == 0) text[random() % text.size()] = static_cast<char>(random());
        leat::message m{static_cast<char>(random() % 3) + text};
        REQUIRE(evil.send(m, patience) == status::ok);
        if (i % 7 == 0) send(evil, {random_bytes(random, 20), random_bytes(random, 20)});
    }
    leat::subscriber<int> in{ctx, {.connect = out.bound()[0], .patterns = {"t.*"}, .last_values = true}};
    REQUIRE(in.wait_ready(1, patience) == status::ok);
    REQUIRE(out.publish("t.7", 700) == status::ok);
    int values = 0;
    for (;;) {
        const auto got = in.receive(patience);
        REQUIRE(got);
        if (got->value == 700) break;
        ++values;
    }
    // When the flood had its ask refused, it asked again, and 700 came as a last value instead of 7.
    CHECK(values >= 99);
}

TEST_CASE("a publisher parts from a peer that sends a longer subscription than it takes") {
    leat::context ctx;
    leat::publisher<int> out{ctx, {.bind = "tcp://127.0.0.1:*"}};
    auto evil = support::connected(ctx, role::xsub, out.bound()[0]);
    leat::message longest{std::string(1, '\x01') + std::string(8191, 'x')};
    REQUIRE(evil.send(longest, patience) == status::ok);
    leat::subscriber<int> in{ctx, {.connect = out.bound()[0], .patterns = {"a"}}};
    REQUIRE(in.wait_ready(1, patience) == status::ok);
    CHECK(out.counts().disconnects.value() == 0);
    leat::message longer{std::string(1, '\x01') + std::string(8192, 'x')};
    REQUIRE(evil.send(longer, patience) == status::ok);
    CHECK(support::comes_true([&] { return out.counts().disconnects.value() > 0; }));
    REQUIRE(out.publish("a", 1) == status::ok);
    CHECK(in.receive(patience)->value == 1);
}

TEST_CASE("a flood of asks for last values is bounded, and others are still served") {
    leat::context ctx;
    leat::publisher<int> out{ctx, {.bind = "tcp://127.0.0.1:*", .last_values = 1000}};
    for (int i = 0; i < 1000; ++i) REQUIRE(out.publish("t." + std::to_string(i), i) == status::ok);
    auto evil = support::connected(ctx, role::xsub, out.bound()[0], {.send_frames = 0});
    // While the loop is held up nothing is answered.
    std::promise<void> go_on;
    ctx.background().post([&] { go_on.get_future().wait(); });
    for (wire::nonce i = 1; i <= 20'000; ++i) {
        leat::message m{"\x01" + wire::ask_topic({.one = i, .most = 1000, .patterns = {">"}})};
        REQUIRE(evil.send(m, patience) == status::ok);
    }
    CHECK(support::comes_true([&] {
        static_cast<void>(out.subscribers("a"));  // looks at what has come
        return out.answers().refused.value() == 19'000;
    }));
    go_on.set_value();
    leat::subscriber<int> in{ctx, {.connect = out.bound()[0], .patterns = {"a"}}};
    REQUIRE(in.wait_ready(1, patience) == status::ok);
    REQUIRE(out.publish("a", 1) == status::ok);
    CHECK(in.receive(patience)->value == 1);
}
