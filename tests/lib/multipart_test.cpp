// Messages of many parts: whole and in one piece, also when peers die in the middle of them.

#include <leat/socket.hpp>

#include "support/joined.hpp"
#include "support/process.hpp"
#include "support/throws.hpp"
#include "support/warnings.hpp"

#include <algorithm>
#include <array>

using namespace std::chrono_literals;
using leat::context;
using leat::deadline;
using leat::endpoint;
using leat::message;
using leat::role;
using leat::status;
using parts = leat::socket::parts;
using support::joined;
using support::patience;

namespace {

/// Message `number` in `count` parts, each of which says which one it is.
parts numbered(int number, std::size_t count) {
    parts all;
    for (std::size_t i = 0; i < count; ++i)
        all.emplace_back(std::to_string(number) + "/" + std::to_string(i) + "/" + std::to_string(count));
    return all;
}

/// The number of a message that is whole and in order, or -1.
int number_of(const parts& all) {
    if (all.empty()) return -1;
    const auto first = all.front().text();
    const int number = std::atoi(std::string{first.substr(0, first.find('/'))}.c_str());
    return all == numbered(number, all.size()) ? number : -1;
}

}  // namespace

TEST_CASE("a message of many parts arrives whole") {
    context ctx;
    for (const std::string transport : {"tcp", "ipc", "inproc"}) {
        CAPTURE(transport);
        joined both{ctx, role::pull, role::push, {}, {}, transport};
        for (const std::size_t count : {1u, 2u, 3u, 3000u}) {
            auto all = numbered(7, count);
            REQUIRE(both.connector.send(all, patience) == status::ok);
            for (const auto& part : all) CHECK(part.empty());
            REQUIRE(both.binder.receive(all, patience) == status::ok);
            CHECK(all.size() == count);
            CHECK(number_of(all) == 7);
        }
    }
}

TEST_CASE("a message is received into frames that are there, and what finds no place is dropped") {
    context ctx;
    joined both{ctx, role::pull, role::push};
    std::array<message, 3> frames;
    std::array<std::size_t, 3> sizes{};
    std::uint64_t bytes = 0;
    for (const std::size_t count : {3u, 1u, 5u, 2u}) {
        auto all = numbered(7, count);
        for (const auto& part : all) bytes += part.size();
        REQUIRE(both.connector.send(all, patience) == status::ok);
        std::size_t received = 0;
        REQUIRE(both.binder.receive(frames, sizes, received, patience) == status::ok);
        CHECK(received == count);
        const auto expected = numbered(7, count);
        for (std::size_t i = 0; i < std::min(count, frames.size()); ++i) {
            CHECK(frames[i] == expected[i]);
            CHECK(sizes[i] == expected[i].size());
        }
    }
    CHECK(both.binder.counts().messages_received.value() == 4);
    CHECK(both.binder.counts().bytes_received.value() == bytes);
    std::size_t none = 0;
    CHECK(both.binder.receive(frames, sizes, none, deadline::now()) == status::timeout);
    both.binder.close();
    CHECK(both.binder.receive(frames, sizes, none, patience) == status::closed);
}

TEST_CASE("the frames of a message may be received one by one") {
    context ctx;
    joined both{ctx, role::pull, role::push};
    auto all = numbered(1, 3);
    REQUIRE(both.connector.send(all, patience) == status::ok);
    message m;
    for (const bool more : {true, true, false}) {
        REQUIRE(both.binder.receive(m, patience) == status::ok);
        CHECK(m.more() == more);
    }
}

TEST_CASE("a message of many parts is counted once") {
    context ctx;
    joined both{ctx, role::pull, role::push};
    parts all;
    all.emplace_back("ab");
    all.emplace_back("c");
    REQUIRE(both.connector.send(all, patience) == status::ok);
    REQUIRE(both.binder.receive(all, patience) == status::ok);
    CHECK(both.connector.counts().messages_sent.value() == 1);
    CHECK(both.connector.counts().bytes_sent.value() == 3);
    CHECK(both.binder.counts().messages_received.value() == 1);
    CHECK(both.binder.counts().bytes_received.value() == 3);
}

TEST_CASE("a message of many parts that found no room is untouched") {
    context ctx;
    leat::socket s{ctx, role::push};
    s.bind(endpoint{"tcp://127.0.0.1:*"});
    auto all = numbered(1, 3);
    CHECK(s.send(all, deadline::now()) == status::timeout);
    CHECK(number_of(all) == 1);
    CHECK(s.pending() == 0);
}

TEST_CASE("a message of no parts is refused") {
    context ctx;
    leat::socket s{ctx, role::push};
    parts none;
    CHECK_THROWS_LEAT(s.send(none, patience), leat::errc::bad_option, "at least one part");
}

TEST_CASE("child: reports each message that it receives" CHILD_PART) {
    context ctx;
    leat::socket s{ctx, role::pull};
    s.connect(endpoint{support::child_argument()});
    parts all;
    while (s.receive(all, deadline::never()) == status::ok) support::report(std::to_string(number_of(all)));
}

namespace {

/// Sends messages of `count` parts while the only peer is killed and replaced, `rounds` times, each time
/// after it has received `received` of them. Each message that a peer receives is whole. What was refused
/// while there was no peer is sent again, and is the first that the replacement receives.
void survive(std::size_t count, int rounds, int received) {
    support::warnings told;
    context ctx{{.on_warning = told}};
    leat::socket s{ctx, role::push, {.linger = 0ms}};
    const auto at = s.bind(endpoint{"tcp://127.0.0.1:*"});
    const auto new_peer = [&] {
        return support::run_child("child: reports each message that it receives", at.str());
    };
    auto peer = new_peer();
    int number = 0;
    auto unsent = numbered(++number, count);
    for (int round = 0; round < rounds; ++round) {
        for (int i = 0; i < received; ++i) {
            const int sent = number;
            REQUIRE(s.send(unsent, patience) == status::ok);
            REQUIRE(peer.line(patience) == std::to_string(sent));
            unsent = numbered(++number, count);
        }
        peer.signal(SIGKILL);
        while (s.send(unsent, 1ms) == status::ok) unsent = numbered(++number, count);
        REQUIRE(number_of(unsent) == number);
        while (const auto line = peer.line(patience)) REQUIRE(*line != "-1");  // -1: broken, or two in one
        peer.wait(patience);
        peer = new_peer();
    }
}

}  // namespace

TEST_CASE("messages of two parts stay whole while their peer is killed and replaced") {
    survive(2, 15, 20);
}

TEST_CASE("messages of 3,000 parts stay whole while their peer is killed and replaced") {
    survive(3000, 15, 5);
}

// Sending one takes so long that the peer is lost in the middle of it.
TEST_CASE("messages of 100,000 parts stay whole while their peer is killed and replaced") {
    survive(100'000, 5, 1);
}
