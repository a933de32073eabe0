// Producers, consumers and admins whose queue is none, or does not keep the protocol.

#include "queue_support.hpp"

#include <leat/queue/queue_admin.hpp>

#include "support/rogue_queue.hpp"

#include <future>
#include <random>
#include <thread>
#include <vector>

using support::rogue_queue;
namespace wire = leat::detail::wire;

namespace {

const leat::socket_options quick{.reconnect_first = 5ms, .reconnect_cap = 20ms};

std::string packed(const std::string& text) {
    leat::buffer bytes;
    leat::encode(text, bytes);
    return {reinterpret_cast<const char*>(bytes.view().data()), bytes.size()};
}

wire::deliver delivery_of(std::uint64_t first, const std::vector<std::string>& bodies) {
    wire::deliver frame;
    frame.first = first;
    for (const auto& body : bodies) frame.sizes.push_back(static_cast<std::uint32_t>(body.size()));
    frame.sequences = {first};
    return frame;
}

/// Whole frames of all that a queue says, as they would come second in a session, each with a body or none.
std::vector<std::pair<std::string, std::optional<std::string>>> all_frames(const rogue_queue& from) {
    std::vector<std::pair<std::string, std::optional<std::string>>> all;
    const auto keep = [&](auto frame, std::optional<std::string> body = {}) {
        all.emplace_back(from.text_of(std::move(frame), 2), std::move(body));
    };
    keep(rogue_queue::terms());
    wire::confirm confirm;
    confirm.stored = {{1, 1}};
    confirm.duplicate = {{2, 9}};
    confirm.sequences = {7};
    keep(confirm);
    wire::refuse refuse;
    refuse.puts = {{1, 3, 6, "full"}};
    keep(refuse);
    wire::grant grant;
    grant.bytes = grant.window = 5000;
    keep(grant);
    auto deliver = delivery_of(1, {packed("one"), packed("two")});
    deliver.special = {{1, {"\x81\xa3pri\x09", 6}, 1, 1}};
    keep(deliver, packed("one") + packed("two"));
    wire::settled settled;
    settled.applied = settled.committed = 2;
    keep(settled);
    wire::lost lost;
    lost.deliveries = {{1, 2}, {5, 900'000'000}};
    keep(lost);
    keep(wire::pong{});
    keep(wire::status{});
    wire::messages messages;
    messages.all.resize(1);
    messages.all[0].size = 3;
    keep(messages, "abc");
    wire::dead dead;
    dead.all.resize(1);
    dead.all[0].size = 3;
    dead.more = true;
    keep(dead, "abc");
    keep(wire::done{});
    wire::state state;
    state.flags = 15;
    keep(state);
    wire::error error;
    error.code = 6;
    error.text = "no";
    keep(error);
    return all;
}

/// Says each frame once as it is and then broken at random, each to a new session.
void torment(rogue_queue& by, std::uint32_t seed) {
    std::mt19937 random{seed};
    const auto frames = all_frames(by).size();
    for (std::size_t i = 0; i < frames; ++i) {
        for (int round = 0; round < 12; ++round) {
            by.welcome();
            auto [text, body] = all_frames(by)[i];
            if (round > 0) {
                const auto where = 1 + random() % (text.size() - 1);
                if (random() % 3 == 0) {
                    text.resize(where);
                } else {
                    text[where] = static_cast<char>(random());
                }
                if (random() % 4 == 0) body = std::string(random() % 10, 'b');
            }
            by.raw(text, body);
            by.end_session();
        }
    }
}

}  // namespace

TEST_CASE("a producer outlives whatever its queue says, and its puts wait for one that keeps the protocol") {
    leat::context ctx{{.on_warning = [](auto&) {}}};
    rogue_queue bad{ctx};
    text_producer out{ctx, bad.at(), {.queue = "work", .linger = 0ms, .socket = quick}};
    torment(bad, 1);
    auto told = out.put_async("last");
    bad.welcome();
    REQUIRE(bad.hear_of(wire::command::put) != 0);
    const auto put = bad.heard<wire::put>();
    CHECK(put.sizes.size() == 1);
    wire::confirm confirm;
    confirm.stored = {{put.first, put.first}};
    bad.say(confirm);
    REQUIRE(told.wait_for(patience) == std::future_status::ready);
    CHECK(told.get().what == leat::verdict::stored);
}

TEST_CASE("a consumer outlives whatever its queue says") {
    leat::context ctx{{.on_warning = [](auto&) {}}};
    rogue_queue bad{ctx};
    text_consumer in{ctx, bad.at(), {.queue = "work", .linger = 0ms, .socket = quick}};
    std::jthread taking{[&] {
        while (auto got = in.next()) {
            if (**got == "good") {
                got->ack();
                return;
            }
        }
    }};
    torment(bad, 2);
    bad.welcome();
    bad.say(delivery_of(1, {packed("good")}), packed("good"));
    taking.join();
    for (bool acked = false; !acked;) {
        REQUIRE(bad.hear_of(wire::command::settle) != 0);
        for (const auto& group : bad.heard<wire::settle>().groups)
            acked = acked || (group.outcome == 0 && group.deliveries == wire::ranges{{1, 1}});
    }
}

TEST_CASE("one who looks into a queue outlives whatever that says") {
    leat::context ctx{{.on_warning = [](auto&) {}}};
    rogue_queue bad{ctx};
    leat::queue_admin asks{ctx, bad.at(), {.queue = "work", .socket = quick}};
    std::jthread asking{[&](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            try {
                static_cast<void>(asks.stat(5ms));
                static_cast<void>(asks.peek(10, 5ms));
                static_cast<void>(asks.dead_letters({}, 10, 5ms));
            } catch (const leat::error& refused) {
                CHECK(refused.kind() == leat::errc::connect_failed);
            }
        }
    }};
    torment(bad, 3);
    asking.request_stop();
    asking.join();
    std::jthread last{[&] {
        const auto purged = asks.purge(patience);
        REQUIRE(purged);
        CHECK(*purged == 5);
    }};
    bad.welcome();
    REQUIRE(bad.hear_of(wire::command::operate) != 0);
    wire::done done;
    done.token = bad.heard<wire::operate>().token;
    done.count = 5;
    bad.say(done);
}

TEST_CASE("a consumer that resumes renews its leases before all else, as they may be near their end (W6)") {
    leat::context ctx;
    rogue_queue bad{ctx};
    text_consumer in{ctx, bad.at(), {.queue = "work", .linger = 0ms, .socket = quick}};
    bad.welcome();
    REQUIRE(bad.hear_of(wire::command::credit) != 0);
    bad.say(delivery_of(1, {packed("one")}), packed("one"));
    auto held = in.next(patience);
    REQUIRE(held);
    bad.end_session();
    auto terms = rogue_queue::terms();
    terms.resumed = true;
    const auto hello = bad.welcome(terms);
    CHECK(hello.opening == 1);
    CHECK(hello.holds == wire::ranges{{1, 1}});
    CHECK(bad.hear() == static_cast<int>(wire::command::extend));
    CHECK(bad.heard<wire::extend>().except.empty());
    CHECK_FALSE(held->lost());
}

TEST_CASE("an outcome that was sent before WELCOME came is said again when that session breaks") {
    leat::context ctx;
    rogue_queue bad{ctx};
    text_consumer in{ctx, bad.at(), {.queue = "work", .linger = 0ms, .socket = quick}};
    bad.welcome();
    REQUIRE(bad.hear_of(wire::command::credit) != 0);
    bad.say(delivery_of(1, {packed("one")}), packed("one"));
    auto held = in.next(patience);
    REQUIRE(held);
    std::jthread closing{[&] { CHECK(in.close(patience) == status::ok); }};
    bad.greeted();  // `stop` begins a new session, and `close` waits for the handler
    held->ack();
    REQUIRE(bad.hear_of(wire::command::settle) != 0);
    auto terms = rogue_queue::terms();
    terms.resumed = true;
    bad.say(terms);
    bad.end_session();
    const auto hello = bad.welcome(terms);
    REQUIRE(hello.outcomes.size() == 1);
    CHECK(hello.outcomes[0].outcome == 0);
    CHECK(hello.outcomes[0].deliveries == wire::ranges{{1, 1}});
}
