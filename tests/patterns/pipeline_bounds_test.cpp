#include <leat/context.hpp>
#include <leat/pipeline/puller.hpp>
#include <leat/pipeline/pusher.hpp>

#include "support/joined.hpp"
#include "support/process.hpp"

#include <fstream>

using leat::status;
using support::patience;
using namespace std::chrono_literals;

namespace {

struct record {
    std::uint64_t number = 0;
    std::string text;
    MSGPACK_DEFINE(number, text)
};

/// The most that the kernel buffers for one TCP connection, both sides together.
std::uint64_t kernel_buffers() {
    std::uint64_t sum = 0;
    for (const char* name : {"/proc/sys/net/ipv4/tcp_wmem", "/proc/sys/net/ipv4/tcp_rmem"}) {
        std::uint64_t low = 0, normal = 0, high = 0;
        std::ifstream{name} >> low >> normal >> high;
        sum += high;
    }
    return sum;
}

}  // namespace

// docs/patterns.md: 8,192 frames at the pusher, 2,048 at the puller, and the kernel's buffers.
TEST_CASE("the pusher of a stopped puller blocks at the bound that the documentation states") {
    leat::context ctx{{.on_warning = [](const std::string&) {}}};
    leat::puller<leat::bytes> in{ctx, {.bind = "tcp://127.0.0.1:*"}};
    leat::pusher<leat::bytes> out{ctx, {.connect = in.bound()[0], .socket = {.linger = 0ms}}};
    REQUIRE(out.wait_ready(1, patience) == status::ok);
    constexpr std::uint64_t frame = 1024;
    std::uint64_t accepted = 0;
    while (out.send(leat::bytes{std::size_t{frame}}, 500ms) == status::ok) ++accepted;
    CHECK(accepted >= 8'192);
    CHECK(accepted * frame <= (8'192 + 2'048 + 2) * frame + 2 * kernel_buffers());
}

TEST_CASE("a batching pusher bounds its peer's queue in bytes as well") {
    leat::context ctx{{.on_warning = [](const std::string&) {}}};
    leat::pusher<record> out{ctx,
                             {.connect = "tcp://127.0.0.1:1",
                              .batch = {.bytes = leat::full_batch},
                              .socket = {.send_bytes = 4u << 20, .linger = 0ms}}};
    const record one{1, std::string(1000, 'x')};
    std::uint64_t accepted = 0;
    while (out.try_send(one)) ++accepted;
    CHECK(accepted * 1000 > 1u << 20);
    CHECK(accepted * 1000 < 5u << 20);
}

TEST_CASE("a puller that stops reading for 30 s and goes on loses nothing") {
    leat::context ctx;
    leat::puller<record> in{ctx, {.bind = "tcp://127.0.0.1:*"}};
    leat::pusher<record> out{ctx, {.connect = in.bound()[0]}};
    REQUIRE(out.wait_ready(1, patience) == status::ok);
    const std::string text(2000, 'x');
    std::uint64_t sent = 0;
    while (out.send({sent, text}, 2s) == status::ok) ++sent;  // fills every queue on the way
    CHECK(out.send({sent, text}, 30s) == status::timeout);
    CHECK(out.peers().connected() == 1);
    record got;
    for (std::uint64_t i = 0; i < sent; ++i) {
        REQUIRE(in.receive(got, patience) == status::ok);
        REQUIRE(got.number == i);
    }
    CHECK(out.send({sent, "on"}, patience) == status::ok);
    REQUIRE(in.receive(got, patience) == status::ok);
    CHECK(got.text == "on");
    CHECK(out.counts().disconnects.value() == 0);
}

TEST_CASE("part: a puller that takes for ever" CHILD_PART) {
    leat::context ctx;
    leat::puller<record> in{ctx, {.connect = support::child_argument()}};
    for (const auto& one : in) {
        if (one.number == 0) support::report("reading");
    }
}

TEST_CASE("the others go on when one puller is killed, and what it held is missing, not the rest") {
    leat::context ctx;
    leat::pusher<record> out{ctx, {.bind = "tcp://127.0.0.1:*"}};
    leat::puller<record> good{ctx, {.connect = out.bound()[0]}};
    auto victim = support::run_child("part: a puller that takes for ever", out.bound()[0].str());
    REQUIRE(out.wait_ready(2, patience) == status::ok);
    REQUIRE(out.send({0, "x"}, patience) == status::ok);
    REQUIRE(out.send({0, "x"}, patience) == status::ok);
    REQUIRE(victim.line(patience) == "reading");

    constexpr std::uint64_t count = 20'000;
    std::vector<bool> seen(count + 1);
    record got;
    REQUIRE(good.receive(got, patience) == status::ok);
    for (std::uint64_t i = 1; i <= count; ++i) {
        if (i == count / 2) victim.signal(SIGKILL);
        REQUIRE(out.send({i, "x"}, patience) == status::ok);
    }
    REQUIRE(victim.wait(patience) == 128 + SIGKILL);
    while (out.peers().connected() > 1) static_cast<void>(out.wait_ready(3, 1ms));
    // All that is sent from here on goes to the one that is left.
    REQUIRE(out.send({count + 1, "last"}, patience) == status::ok);
    std::uint64_t arrived = 0;
    while (got.text != "last") {
        REQUIRE(good.receive(got, patience) == status::ok);
        if (got.text == "last") break;
        CHECK_FALSE(seen[got.number]);
        seen[got.number] = true;
        ++arrived;
    }
    CHECK(arrived >= count / 3);  // it was given every second one at least until the kill
    CHECK(out.counts().disconnects.value() == 1);
}
