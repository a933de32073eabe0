// Peers that do not keep the protocol, and many threads on one handle.

#include <leat/queue/consumer.hpp>
#include <leat/queue/producer.hpp>
#include <leat/queue/queue.hpp>

#include "support/joined.hpp"
#include "support/rogue.hpp"
#include "support/running_relay.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <random>
#include <set>
#include <string>
#include <thread>

using namespace std::chrono_literals;
namespace wire = leat::detail::wire;
using leat::status;
using support::comes_true;
using support::patience;
using support::put_of;
using support::rogue;
using namespace support::answers;

namespace {

/// What must work whatever others do.
void works(leat::context& ctx, leat::queue& work) {
    leat::producer<std::string> out{ctx, work.bound(), {.queue = "work"}};
    CHECK(out.put_async("good").get().what == leat::verdict::stored);
}

}  // namespace

TEST_CASE("a frame that breaks the protocol ends its session, and takes nothing") {
    leat::context ctx;
    leat::queue work{ctx, {.name = "work", .bind = "tcp://127.0.0.1:*"}};
    rogue bad{ctx, work.bound(), wire::role::producer};
    const auto ends = [&](int code, auto act) {
        bad.say(bad.hello);
        REQUIRE(bad.answer() == welcome);
        act();
        CHECK(bad.answer() == code);
        bad.say(wire::ping{});
        CHECK(bad.answer() == session_lost);  // it is gone
    };
    ends(bad_frame, [&] { bad.say(put_of(1, {3}), "four"); });
    ends(bad_frame, [&] { bad.say(put_of(1, {}), ""); });
    ends(out_of_sequence, [&] { bad.say(put_of(5, {4}), "four"); });
    ends(bad_frame, [&] { bad.say(wire::settle{}); });  // a producer holds nothing
    ends(bad_frame, [&] { bad.say(wire::credit{}); });
    ends(bad_frame, [&] { bad.raw(std::vector<std::string>{"hello"}); });
    ends(out_of_sequence, [&] {
        bad.raw(std::vector<std::string>{std::string{"\x92\x94\x06\x4d\x09\x00\x00", 7}});  // counter 9
    });
    CHECK(work.stat().counts.admitted == 0);
    CHECK(work.stat().bad_frames == 14);
    bad.raw(std::vector<std::string>{"", "", "", ""});
    bad.raw(std::vector<std::string>{""});
    works(ctx, work);
}

TEST_CASE("what a later version may say is answered, and the session goes on") {
    leat::context ctx;
    leat::queue work{ctx, {.name = "work", .bind = "tcp://127.0.0.1:*"}};
    rogue later{ctx, work.bound(), wire::role::consumer};
    later.say(later.hello);
    REQUIRE(later.answer() == welcome);
    auto frame = wire::ping{};
    frame.at.what = 99;
    later.say(frame);
    CHECK(later.answer() == unknown);
    later.say(wire::ping{});
    CHECK(later.answer() == pong);
}

TEST_CASE("a producer that sends beyond what it was granted is thrown out") {
    leat::context ctx;
    leat::queue_rules rules;
    rules.max_messages = 1;  // so that its puts wait, and nothing is granted
    leat::queue work{ctx, {.name = "work", .bind = "tcp://127.0.0.1:*", .rules = rules}};
    rogue greedy{ctx, work.bound(), wire::role::producer};
    greedy.say(greedy.hello);
    REQUIRE(greedy.answer() == welcome);
    const std::string body(100'000, 'x');
    for (std::uint64_t i = 1; i <= 12; ++i) greedy.say(put_of(i, {100'000}), body);
    int last = 0;
    REQUIRE(comes_true([&] { return (last = greedy.answer()) == bad_frame; }));
    CHECK(work.stat().depth.parked == 0);
}

TEST_CASE("a consumer that settles what it does not hold settles nothing") {
    leat::context ctx;
    leat::queue work{ctx, {.name = "work", .bind = "tcp://127.0.0.1:*"}};
    works(ctx, work);
    leat::consumer<std::string> in{ctx, work.bound(), {.queue = "work"}};
    auto held = in.next(patience);
    REQUIRE(held);
    rogue thief{ctx, work.bound(), wire::role::consumer};
    thief.say(thief.hello);
    REQUIRE(thief.answer() == welcome);
    wire::settle frame;
    frame.groups.resize(1);
    frame.groups[0].deliveries = {{1, 1'000'000'000'000}};
    thief.say(frame);
    CHECK(thief.answer() == settled);
    CHECK(work.stat().depth.in_flight == 1);
    CHECK(work.stat().counts.acked == 0);
    held->ack();
    CHECK(comes_true([&] { return work.stat().counts.acked == 1; }));
}

TEST_CASE("a SETTLE of many wide groups settles what its consumer holds, once") {
    leat::context ctx;
    leat::queue work{ctx, {.name = "work", .bind = "tcp://127.0.0.1:*"}};
    leat::producer<std::string> out{ctx, work.bound(), {.queue = "work"}};
    constexpr std::uint64_t many = 50'000;
    for (std::uint64_t i = 0; i < many; ++i) out.put("m");
    REQUIRE(out.flush(patience) == 0);
    rogue one{ctx, work.bound(), wire::role::consumer};
    one.say(one.hello);
    REQUIRE(one.answer() == welcome);
    wire::credit all;
    all.messages = all.bytes = 1ULL << 40;
    one.say(all);
    REQUIRE(comes_true([&] { return work.stat().depth.in_flight == many; }));
    wire::settle frame;
    frame.groups.resize(20'000);
    for (auto& group : frame.groups) group.deliveries = {{many / 2, many}, {many * 2, many * 3}};
    one.say(frame);
    works(ctx, work);
    CHECK(work.stat().depth.in_flight == many / 2);
    CHECK(work.stat().counts.acked == many / 2 + 1);
}

TEST_CASE("a consumer that takes and never settles gets its credit and no more") {
    leat::context ctx;
    leat::queue work{ctx, {.name = "work", .bind = "tcp://127.0.0.1:*"}};
    leat::producer<std::string> out{ctx, work.bound(), {.queue = "work"}};
    for (int i = 0; i < 1000; ++i) out.put("m");
    REQUIRE(out.flush(patience) == 0);
    rogue sink{ctx, work.bound(), wire::role::consumer};
    sink.say(sink.hello);
    REQUIRE(sink.answer() == welcome);
    wire::credit frame;
    frame.messages = 10;
    frame.bytes = 1 << 20;
    sink.say(frame);
    sink.say(frame);  // said twice, it is the same
    REQUIRE(comes_true([&] { return work.stat().depth.in_flight == 10; }));
    leat::consumer<std::string> in{ctx, work.bound(), {.queue = "work"}};
    for (int i = 0; i < 990; ++i) {
        auto got = in.next(patience);
        REQUIRE(got);
        got->ack();
    }
    CHECK(comes_true([&] { return work.stat().counts.acked == 990; }));
    CHECK(work.stat().depth.in_flight == 10);
}

TEST_CASE("random frames of a stranger change nothing") {
    leat::context ctx;
    leat::queue work{ctx, {.name = "work", .bind = "tcp://127.0.0.1:*"}};
    rogue stranger{ctx, work.bound(), wire::role::producer};
    std::mt19937 random{20261121};
    std::uint64_t sent = 0;
    for (int round = 0; round < 40; ++round) {
        stranger.say(stranger.hello);
        for (int i = 0; i < 50; ++i, ++sent) {
            std::string header(1 + random() % 40, '\0');
            for (auto& c : header) c = static_cast<char>(random());
            if (random() % 2 == 0) header.replace(0, 1, "\x92");
            if (header.size() > 2 && random() % 2 == 0) header.replace(1, 2, {"\x94\x02", 2});
            stranger.raw(random() % 2 == 0
                             ? std::vector<std::string>{header}
                             : std::vector<std::string>{header, std::string(random() % 100, 'b')});
        }
    }
    CHECK(comes_true([&] { return work.stat().bad_frames >= sent; }));
    CHECK(work.stat().counts.admitted == 0);
    works(ctx, work);
}

TEST_CASE("a producer that lies about its sequence gets nothing stored for it") {
    leat::context ctx;
    leat::queue work{ctx, {.name = "work", .bind = "tcp://127.0.0.1:*"}};
    rogue liar{ctx, work.bound(), wire::role::producer};
    const auto ends = [&](int code, wire::put frame) {
        liar.say(liar.hello);
        REQUIRE(liar.answer() == welcome);
        liar.say(std::move(frame), "four");
        CHECK(liar.answer() == code);
    };
    const auto put_with = [](std::uint64_t first, std::uint64_t floor) {
        auto frame = put_of(first, {4});
        frame.floor = floor;
        return frame;
    };
    ends(out_of_sequence, put_with(2, 1));
    ends(bad_frame, put_with(0, 0));
    ends(bad_frame, put_with(1, 2));
    ends(bad_frame, put_with(~std::uint64_t{0}, 1));
    ends(out_of_sequence, put_with(1ULL << 62, 1ULL << 62));
    CHECK(work.stat().counts.admitted == 0);
    // What it says to have put before is its own loss.
    liar.hello.floor = 1000;
    liar.hello.client[0] = 'q';
    liar.say(liar.hello);
    REQUIRE(liar.answer() == welcome);
    CHECK_FALSE(liar.read<wire::welcome>().known);
    liar.say(put_with(1000, 1000), "four");
    CHECK(liar.answer() == confirm);
    liar.say(put_with(5, 5), "four");  // long decided
    liar.say(wire::ping{});
    CHECK(liar.answer() == pong);
    CHECK(work.stat().counts.admitted == 1);
    CHECK(work.stat().counts.possible_duplicates == 1);
    works(ctx, work);
}

TEST_CASE("every command, broken at random, in every role, does no more than end its session") {
    leat::context ctx;
    leat::queue work{ctx, {.name = "work", .bind = "tcp://127.0.0.1:*"}};
    works(ctx, work);
    std::mt19937 random{4711};
    std::vector<leat::buffer> frames;
    const auto keep = [&](auto frame) {
        frame.at.session = 77;
        frame.at.counter = 2;
        wire::write(frame, frames.emplace_back());
    };
    wire::settle settle;
    settle.groups.resize(2);
    settle.groups[0].deliveries = {{1, 5}, {7, 1'000'000'000}};
    settle.groups[1].text = std::string(2000, 't');
    wire::operate operate;
    operate.what = 3;
    operate.most = 10;
    operate.which.key = "k";
    operate.which.seqs = {1, 2, 3};
    wire::letters letters;
    letters.which.why = 1;
    wire::credit credit;
    credit.messages = credit.bytes = 5;
    wire::need need;
    need.bytes = 2'000'000;
    rogue greeter{ctx, work.bound(), wire::role::consumer};
    greeter.hello.outcomes = settle.groups;
    greeter.hello.holds = {{1, 3}};
    greeter.hello.opening = 1;
    keep(greeter.hello);
    keep(put_of(1, {4}));
    keep(credit);
    keep(settle);
    keep(wire::extend{wire::head_of(wire::command::extend), {{1, 3}}});
    keep(wire::ping{});
    keep(wire::stat{});
    keep(wire::peek{});
    keep(letters);
    keep(operate);
    keep(need);
    keep(wire::resume{});
    keep(wire::bye{});
    for (const auto as : {wire::role::producer, wire::role::consumer, wire::role::admin}) {
        for (const auto& frame : frames) {
            const std::string whole{reinterpret_cast<const char*>(frame.view().data()), frame.size()};
            rogue bad{ctx, work.bound(), as};
            for (int round = 0; round < 25; ++round) {
                bad.say(bad.hello);
                auto text = whole;
                if (round > 0) {
                    const auto where = 1 + random() % (text.size() - 1);
                    if (random() % 3 == 0) {
                        text.resize(where);
                    } else {
                        text[where] = static_cast<char>(random());
                    }
                }
                bad.raw(random() % 2 == 0 ? std::vector<std::string>{text}
                                          : std::vector<std::string>{text, std::string(random() % 8, 'b')});
            }
            bad.say(wire::bye{});
        }
    }
    works(ctx, work);
    CHECK(comes_true([&] { return work.stat().depth.in_flight == 0; }));
}

TEST_CASE("one that asks and asks and never reads is answered so much, and nobody else is held up") {
    leat::context ctx;
    leat::queue work{ctx, {.name = "work", .bind = "tcp://127.0.0.1:*"}};
    leat::producer<leat::bytes> out{ctx, work.bound(), {.queue = "work"}};
    out.put(leat::bytes{std::string(1'000'000, 'x')});
    REQUIRE(out.flush(patience) == 0);
    rogue deaf{ctx, work.bound(), wire::role::admin};
    deaf.say(deaf.hello);
    REQUIRE(deaf.answer() == welcome);
    wire::peek ask;
    ask.most = 1;
    for (int i = 0; i < 300; ++i) deaf.say(ask);
    REQUIRE(comes_true([&] { return work.stat().bad_frames > 0; }));  // of a session that has ended
    int answers = 0;
    while (deaf.answer() == messages) ++answers;
    CHECK(answers > 10);
    CHECK(answers < 100);
    deaf.say(deaf.hello);
    while (deaf.answer() != welcome) continue;
    deaf.seen = 1;  // having read all that, it may ask again
    deaf.say(ask);
    CHECK(deaf.answer() == messages);
    works(ctx, work);
}

TEST_CASE("a consumer that grants for ever and never reads is fed so much, and others take the rest") {
    leat::context ctx;
    leat::queue work{ctx, {.name = "work", .bind = "tcp://127.0.0.1:*"}};
    constexpr std::uint64_t many = 100;
    rogue deaf{ctx, work.bound(), wire::role::consumer};
    deaf.say(deaf.hello);
    REQUIRE(deaf.answer() == welcome);
    wire::credit all;
    all.messages = all.bytes = 1ULL << 60;
    deaf.say(all);
    leat::producer<leat::bytes> out{ctx, work.bound(), {.queue = "work"}};
    for (std::uint64_t i = 0; i < many; ++i) out.put(leat::bytes{std::string(1'000'000, 'x')});
    REQUIRE(out.flush(patience) == 0);
    const auto held = work.stat().depth.in_flight;
    CHECK(held > 10);
    CHECK(held < 80);
    leat::consumer<leat::bytes> in{ctx, work.bound(), {.queue = "work"}};
    for (auto n = held; n < many; ++n) {
        auto got = in.next(patience);
        REQUIRE(got);
        got->ack();
    }
    // Once it reads, and says so, it is fed on.
    for (auto n = held; n > 0; --n) REQUIRE(deaf.answer() == deliver);
    deaf.seen = held + 1;
    deaf.say(wire::ping{});
    REQUIRE(deaf.answer() == pong);
    for (std::uint64_t i = 0; i < many; ++i) out.put(leat::bytes{std::string(1'000'000, 'x')});
    CHECK(comes_true([&] { return work.stat().depth.in_flight > held + 10; }));
}

TEST_CASE("one that says that it has seen what was never sent loses its session") {
    leat::context ctx;
    leat::queue work{ctx, {.name = "work", .bind = "tcp://127.0.0.1:*"}};
    rogue liar{ctx, work.bound(), wire::role::admin};
    liar.say(liar.hello);
    REQUIRE(liar.answer() == welcome);
    liar.seen = 2;
    liar.say(wire::ping{});
    CHECK(liar.answer() == out_of_sequence);
    works(ctx, work);
}

TEST_CASE("64 threads share one producer and one consumer") {
    leat::context ctx;
    leat::queue work{ctx, {.name = "work", .bind = "tcp://127.0.0.1:*"}};
    leat::producer<std::string> out{ctx, work.bound(), {.queue = "work", .max_unconfirmed = 1000}};
    leat::consumer<std::string> in{ctx, work.bound(), {.queue = "work", .prefetch = 500}};
    constexpr int each = 100, half = 32;
    std::mutex mutex;
    std::multiset<std::string> seen;
    std::vector<std::thread> threads;
    std::atomic<int> told{0};
    for (int t = 0; t < half; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < each; ++i) {
                const auto text = std::to_string(t) + " " + std::to_string(i);
                if (i % 10 == 0) {
                    out.put(text, {}, [&](const leat::put_result&) { ++told; });
                } else {
                    out.put(text);
                }
            }
            CHECK(out.flush(patience) == 0);
        });
        threads.emplace_back([&] {
            while (auto got = in.next(patience)) {
                const std::lock_guard lock{mutex};
                seen.insert(**got);
                got->ack();
                if (seen.size() == half * each) in.stop();
            }
        });
    }
    for (auto& t : threads) t.join();
    CHECK(seen.size() == half * each);
    CHECK(std::set<std::string>{seen.begin(), seen.end()}.size() == half * each);
    CHECK(comes_true([&] { return work.stat().counts.acked == half * each; }));
    CHECK(comes_true([&] { return told == half * each / 10; }));
}
