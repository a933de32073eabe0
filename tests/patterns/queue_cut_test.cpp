// Connections that break, and processes that are killed.

#include <leat/queue/consumer.hpp>
#include <leat/queue/producer.hpp>
#include <leat/queue/queue.hpp>

#include "support/joined.hpp"
#include "support/process.hpp"
#include "support/running_relay.hpp"
#include "support/tcp_proxy.hpp"

#include <doctest/doctest.h>

#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <string>

using namespace std::chrono_literals;
using leat::status;
using support::comes_true;
using support::patience;

namespace {

using text_consumer = leat::consumer<std::string>;
using text_producer = leat::producer<std::string>;

leat::socket_options quick() {
    return {.reconnect_first = 5ms, .reconnect_cap = 50ms};
}

}  // namespace

TEST_CASE("a producer whose connection breaks again and again stores each message once") {
    leat::context ctx;
    leat::queue work{ctx, {.name = "work", .bind = "tcp://127.0.0.1:*"}};
    support::tcp_proxy way{work.bound()};
    text_producer out{ctx, way.at(), {.queue = "work", .batch_messages = 10, .socket = quick()}};
    constexpr int count = 20'000;
    int sent = 0;
    for (int cut = 0; cut < 20; ++cut) {
        const auto before = work.stat().counts.admitted;
        for (int i = 0; i < count / 20; ++i) out.put(std::to_string(sent++));
        // In the middle of it: some are in, and some are not.
        REQUIRE(comes_true([&] { return work.stat().counts.admitted > before; }));
        way.cut();
    }
    CHECK(out.flush(patience) == 0);
    CHECK(work.stat().counts.admitted == count);
    text_consumer in{ctx, work.bound(), {.queue = "work", .prefetch = 5000}};
    for (int i = 0; i < count; ++i) {
        auto got = in.next(patience);
        REQUIRE(got);
        REQUIRE(**got == std::to_string(i));
        got->ack();
    }
    CHECK(comes_true([&] { return work.stat().counts.acked == count; }));
}

TEST_CASE("a consumer whose connection is cut resumes, and nothing is repeated") {
    leat::context ctx;
    leat::queue work{ctx, {.name = "work", .bind = "tcp://127.0.0.1:*"}};
    support::tcp_proxy way{work.bound()};
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    text_consumer in{ctx, way.at(), {.queue = "work", .prefetch = 100, .socket = quick()}};
    constexpr int count = 5000;
    for (int i = 0; i < count; ++i) out.put(std::to_string(i));
    REQUIRE(out.flush(patience) == 0);
    std::vector<leat::delivery<std::string>> held;
    std::set<std::string> seen;
    for (int i = 0; i < count; ++i) {
        auto got = in.next(patience);
        REQUIRE(got);
        REQUIRE(seen.insert(**got).second);
        held.push_back(std::move(*got));
        if (i % 250 == 100) way.cut();
        if (held.size() < 20) continue;
        for (auto& one : held) one.ack();
        held.clear();
    }
    for (auto& one : held) one.ack();
    CHECK(comes_true([&] { return work.stat().counts.acked == count; }));
    const auto counts = work.stat().counts;
    CHECK(counts.lost == 0);
    CHECK(counts.retried == 0);
    CHECK(work.stat().depth.live() == 0);
}

TEST_CASE("a consumer that is away for longer than the session timeout has lost what it held") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.session_timeout = 1s;
    leat::queue work{ctx, {.name = "work", .bind = "tcp://127.0.0.1:*", .rules = rules}};
    support::tcp_proxy way{work.bound()};
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    text_consumer away{ctx, way.at(), {.queue = "work", .socket = quick()}};
    out.put("one");
    auto held = away.next(patience);
    REQUIRE(held);
    way.freeze();
    text_consumer other{ctx, work.bound(), {.queue = "work"}};
    auto again = other.next(patience);
    REQUIRE(again);
    CHECK(again->redelivered() == 1);
    CHECK(work.stat().counts.lost == 1);
    way.thaw();
    CHECK(comes_true([&] { return held->lost(); }));
    held->ack();  // too late: the other one has it
    again->ack();
    CHECK(comes_true([&] { return work.stat().counts.acked == 1; }));
    // And the one that was away works on.
    out.put("two");
    CHECK(comes_true([&] {
        for (auto* one : {&away, &other}) {
            if (auto got = one->next(1ms)) {
                got->ack();
                return **got == "two";
            }
        }
        return false;
    }));
}

TEST_CASE("child: takes and holds" CHILD_PART) {
    std::istringstream words{support::child_argument()};
    std::string at;
    words >> at;
    leat::context ctx;
    text_consumer in{ctx, at, {.queue = "work", .prefetch = 50}};
    std::vector<leat::delivery<std::string>> held;
    for (int i = 0; i < 10; ++i) {
        auto got = in.next(patience);
        if (!got) return;
        if (i < 5) {
            got->ack();
        } else {
            held.push_back(std::move(*got));
        }
    }
    support::report("holds");
    static_cast<void>(in.next());
    while (in.next(patience)) {
    }
}

TEST_CASE("what a killed consumer held comes again, to another one") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.session_timeout = 300ms;
    rules.retry.first = 1ms;
    leat::queue work{ctx, {.name = "work", .bind = "tcp://127.0.0.1:*", .rules = rules}};
    text_producer out{ctx, work.bound(), {.queue = "work"}};
    for (int i = 0; i < 100; ++i) out.put(std::to_string(i));
    REQUIRE(out.flush(patience) == 0);
    auto victim = support::run_child("child: takes and holds", work.bound().str());
    REQUIRE(victim.line(patience) == "holds");
    REQUIRE(comes_true([&] { return work.stat().counts.acked == 5; }));
    victim.signal(SIGKILL);
    text_consumer in{ctx, work.bound(), {.queue = "work"}};
    std::set<std::string> seen;
    while (seen.size() < 95) {
        auto got = in.next(patience);
        REQUIRE(got);
        seen.insert(**got);
        got->ack();
    }
    CHECK(comes_true([&] { return work.stat().counts.acked == 100; }));
    CHECK(work.stat().counts.dead_sum() == 0);
    for (int i = 0; i < 5; ++i) CHECK_FALSE(seen.contains(std::to_string(i)));
}

TEST_CASE("child: puts until it is killed" CHILD_PART) {
    leat::context ctx;
    text_producer out{ctx, support::child_argument(), {.queue = "work"}};
    for (int i = 0;; ++i) {
        out.put(std::to_string(i));
        if (i % 100 != 99) continue;
        if (out.flush(patience) != 0) return;
        support::report(std::to_string(i));
    }
}

TEST_CASE("nothing that a killed producer was told is stored is missing, and nothing is twice") {
    leat::context ctx;
    leat::queue work{ctx, {.name = "work", .bind = "tcp://127.0.0.1:*"}};
    auto victim = support::run_child("child: puts until it is killed", work.bound().str());
    int confirmed = -1;
    for (int i = 0; i < 20; ++i) {
        const auto line = victim.line(patience);
        REQUIRE(line);
        confirmed = std::stoi(*line);
    }
    victim.signal(SIGKILL);
    while (const auto line = victim.line(1s)) confirmed = std::stoi(*line);
    text_consumer in{ctx, work.bound(), {.queue = "work"}};
    int next = 0;
    for (; next <= confirmed; ++next) {
        auto got = in.next(patience);
        REQUIRE(got);
        REQUIRE(**got == std::to_string(next));
        got->ack();
    }
    while (auto got = in.next(50ms)) {  // what was stored and not confirmed yet
        CHECK(**got == std::to_string(next++));
        got->ack();
    }
}
