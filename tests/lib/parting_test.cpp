// What is on its way over ipc when its sender closes.

#include <leat/context.hpp>
#include <leat/socket.hpp>

#include "support/joined.hpp"
#include "support/warnings.hpp"

#include <doctest/doctest.h>

#include <future>

using namespace std::chrono_literals;
using leat::context;
using leat::endpoint;
using leat::message;
using leat::role;
using leat::status;
using support::patience;

namespace {

constexpr std::size_t frame = 20'000;  // each is counted by itself

/// A receiver that has stopped at its high-water mark, and a sender of which everything is in the kernel.
struct stalled {
    context theirs, ours;
    leat::socket from{theirs, role::pull, {.receive_frames = 2}};
    leat::socket to{ours, role::push, {.linger = 20s}};
    int sent = 0, received = 0;

    stalled() {
        to.connect(from.bind(endpoint{"ipc://*"}));
        REQUIRE(to.wait_connected(1, patience) == status::ok);
        do {
            message m{frame};
            REQUIRE(to.send(m, patience) == status::ok);
            ++sent;
        } while (to.wait_sent(200ms) == status::ok);  // until the kernel is full
        while (to.pending() > 0 && received < sent) receive();
    }

    void receive() {
        message m;
        REQUIRE(from.receive(m, patience) == status::ok);
        REQUIRE(m.size() == frame);
        ++received;
    }

    void receive_rest() {
        while (received < sent) receive();
    }
};

}  // namespace

TEST_CASE("what a receiver over ipc has not read yet survives the close of its sender") {
    for (int round = 0; round < 4; ++round) {  // it does not always get lost
        stalled both;
        both.to.close();
        both.receive_rest();
    }
}

TEST_CASE("what a receiver over ipc has not read yet survives the close of the sender's context") {
    stalled both;
    both.to.close();
    auto closed = std::async(std::launch::async, [&] { return both.ours.close(patience); });
    both.receive_rest();
    const auto report = closed.get();
    CHECK(report.complete);
    CHECK(report.messages_lost() == 0);
}

TEST_CASE("a context waits for a receiver over ipc that does not read no longer than its deadline") {
    stalled both;
    both.to.close();
    const auto began = leat::deadline::clock::now();
    static_cast<void>(both.ours.close(200ms));
    CHECK(leat::deadline::clock::now() - began < 10s);
}

TEST_CASE("a sender over ipc without a linger closes at once") {
    context ctx{{.on_warning = [](const std::string&) {}}};
    leat::socket from{ctx, role::pull};
    leat::socket to{ctx, role::push, {.linger = 0ms}};
    to.connect(from.bind(endpoint{"ipc://*"}));
    REQUIRE(to.wait_connected(1, patience) == status::ok);
    to.close();
    while (from.peers().connected() > 0) {
        REQUIRE(from.peers().wait_event(patience) == status::ok);
        static_cast<void>(from.peers().take());
    }
}
