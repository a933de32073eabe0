#include <leat/codec.hpp>
#include <leat/forwarder/relay.hpp>

#include "support/running_relay.hpp"

#include <msgpack.hpp>

using leat::role;
using leat::status;
using support::connected;
using support::harvest;
using support::patience;
using support::running_relay;
using support::send_numbered;

namespace {

leat::relay_options joining(std::size_t bytes) {
    return {.in = {.bind = "ipc://*"}, .out = {.bind = "ipc://*"}, .coalesce = bytes};
}

/// Holds the relay up until `messages` wait in it and before it, so that there is something to join.
struct held_up {
    leat::context ctx;
    running_relay streamer;
    leat::socket from;

    explicit held_up(std::size_t bytes)
        : streamer(ctx, {.in = {.bind = "inproc://in"}, .out = {.bind = "ipc://*"}, .coalesce = bytes}),
          from(connected(ctx, role::push, streamer->in_endpoints()[0])) {
        // With no receiver the first one is in hand at once; the others wait unread.
        REQUIRE(support::send(from, "first") == status::ok);
        REQUIRE(support::comes_true([&] { return streamer->counts().waits.value() == 1; }));
    }

    /// The receiver that lets it go on.
    leat::socket receiver() {
        auto to = connected(ctx, role::pull, streamer->out_endpoints()[0]);
        REQUIRE(support::receive(to) == "first");
        return to;
    }
};

}  // namespace

TEST_CASE("messages of many senders arrive joined: all of them, each sender's in order, in fewer frames") {
    static constexpr int senders = 8, each = 20'000;
    static constexpr std::size_t size = 39;
    leat::context ctx;
    running_relay streamer{ctx, joining(64u << 10)};
    auto to = connected(ctx, role::pull, streamer->out_endpoints()[0]);
    std::vector<std::thread> threads;
    for (int i = 0; i < senders; ++i) {
        threads.emplace_back([&ctx, &streamer, i] {
            auto from = connected(ctx, role::push, streamer->in_endpoints()[0]);
            CHECK(send_numbered(from, std::to_string(i), 0, each, size) == each);
        });
    }
    harvest got;
    got.gather({&to}, senders * each, size);
    for (auto& one : threads) one.join();
    CHECK(got.in_order());
    for (int i = 0; i < senders; ++i) CHECK(got.has_all(std::to_string(i), each));
    CHECK(got.frames() < senders * each / 2);
    const auto& counts = streamer->counts();
    CHECK(counts.forward.messages_in.value() == senders * each);
    CHECK(support::comes_true([&] { return counts.forward.bytes_out.value() == senders * each * size; }));
    CHECK(counts.forward.messages_out.value() == senders * each);
    CHECK(counts.batches.value() > 0);
    CHECK(counts.batches.value() <= got.frames());
}

TEST_CASE("joined msgpack objects are a batch that any unpacker reads") {
    held_up relay{4096};
    for (int i = 0; i < 1000; ++i) {
        msgpack::sbuffer packed;
        msgpack::pack(packed, std::map<std::string, int>{{"number", i}});
        REQUIRE(support::send(relay.from, {packed.data(), packed.size()}) == status::ok);
    }
    auto to = relay.receiver();
    int next = 0;
    while (next < 1000) {
        const auto frame = support::receive(to);
        CHECK(frame.size() <= 4096);
        for (std::size_t at = 0; at < frame.size();) {
            const auto one = msgpack::unpack(frame.data(), frame.size(), at);
            REQUIRE(one.get().as<std::map<std::string, int>>().at("number") == next++);
        }
    }
}

TEST_CASE("a frame is filled up to the limit and not beyond") {
    held_up relay{100};
    for (const auto* text : {"40", "40", "20", "1"}) {
        REQUIRE(support::send(relay.from, std::string(std::stoul(text), text[0])) == status::ok);
    }
    auto to = relay.receiver();
    CHECK(support::receive(to) == std::string(40, '4') + std::string(40, '4') + std::string(20, '2'));
    CHECK(support::receive(to) == "1");
}

TEST_CASE("a message of more than half the limit goes on by itself, between the others") {
    held_up relay{100};
    for (const auto& text :
         {std::string{"a"}, std::string{"b"}, std::string(51, 'c'), std::string{"d"}, std::string{"e"}}) {
        REQUIRE(support::send(relay.from, text) == status::ok);
    }
    auto to = relay.receiver();
    CHECK(support::receive(to) == "ab");
    CHECK(support::receive(to) == std::string(51, 'c'));
    CHECK(support::receive(to) == "de");
}

TEST_CASE("a multipart message keeps its frames and its place") {
    held_up relay{100};
    REQUIRE(support::send(relay.from, "a") == status::ok);
    REQUIRE(support::send(relay.from, "b") == status::ok);
    leat::socket::parts two;
    two.emplace_back("c");
    two.emplace_back("d");
    REQUIRE(relay.from.send(two, patience) == status::ok);
    REQUIRE(support::send(relay.from, "e") == status::ok);
    auto to = relay.receiver();
    CHECK(support::receive(to) == "ab");
    REQUIRE(to.receive(two, patience) == status::ok);
    REQUIRE(two.size() == 2);
    CHECK(two[0].text() == "c");
    CHECK(two[1].text() == "d");
    CHECK(support::receive(to) == "e");
}

TEST_CASE("a lone message does not wait for others") {
    leat::context ctx;
    running_relay streamer{ctx, joining(64u << 10)};
    auto to = connected(ctx, role::pull, streamer->out_endpoints()[0]);
    auto from = connected(ctx, role::push, streamer->in_endpoints()[0]);
    for (int i = 0; i < 100; ++i) {
        REQUIRE(support::send(from, std::to_string(i)) == status::ok);
        REQUIRE(support::receive(to) == std::to_string(i));
    }
    CHECK(streamer->counts().batches.value() == 0);
}
