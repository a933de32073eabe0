// Dead letters. Numbers are those of the forty tests of the queue's rules.

#include "support/queue_rig.hpp"

#include <doctest/doctest.h>

using namespace queue_rig;
using namespace std::chrono_literals;
using leat::outcome;

namespace {

std::vector<std::string> all_letters(engine& e) {
    std::vector<std::string> out;
    e.letters({}, 1000, [&](const letter_view& one) { out.push_back(as_text(one.body)); });
    return out;
}
using texts = std::vector<std::string>;

}  // namespace

TEST_CASE("26: an expired letter that is sent back is delivered, and not expired at once") {
    leat::queue_rules rules;
    rules.ttl = 1s;
    rules.on_expiry = leat::on_expiry::dead_letter;
    rig q{rules};
    q.put("queue's ttl");
    q.put("own ttl", {.key = "k", .ttl = 500 * ms});
    q.hand_out();
    q.go_on(2 * second);
    CHECK(q->counts().dead[static_cast<std::size_t>(leat::death::expired)] == 2);
    CHECK(q->redrive({}, 100).moved == 2);
    q.consumer(1);
    const auto given = q.hand_out();
    REQUIRE(given.size() == 2);
    CHECK(given[0].body == "own ttl");  // it died first
    CHECK(given[1].body == "queue's ttl");
    CHECK(q->dead()->depth().live() == 0);
    CHECK(adds_up(*q));
}

TEST_CASE("27: dead letters that are full stop the queue, nothing is lost, and it goes on after a purge") {
    leat::queue_rules rules;
    rules.max_dead_messages = 50;
    rules.max_bytes = 1 << 30;
    rig q{rules};
    constexpr int n = 1'000'000;
    for (int i = 0; i < n; ++i) q.put("m");
    const auto c = q.consumer(1, 1 << 30);
    int purges = 0;
    for (int round = 0; round < 1'000'000 && q->counts().dead_sum() < n; ++round) {
        q.pass(ms);
        q->heard(c);
        if (!q.out.deliveries.empty()) {
            q.settle(c, outcome::reject, q.out.deliveries.front().d, q.out.deliveries.back().d);
        } else if (q->stopped_by_dead_letters()) {
            ++purges;
            CHECK(q->dead()->depth().live() == 50);
            q->dead()->purge();
        }
        q.hand_out();
        REQUIRE(q->dead()->depth().live() <= 50);
        if (round % 1000 == 0) REQUIRE(adds_up(*q));
    }
    CHECK(purges > 100);
    CHECK(q->counts().dead[static_cast<std::size_t>(leat::death::rejected)] == n);
    CHECK(q->depth().live() == 0);
    CHECK(adds_up(*q));
}

TEST_CASE("while the dead letters are full nothing expires into them, and all does once there is room") {
    leat::queue_rules rules;
    rules.ttl = 1s;
    rules.on_expiry = leat::on_expiry::dead_letter;
    rules.max_dead_messages = 10;
    rig q{rules};
    for (int i = 0; i < 1000; ++i) q.put("m", {.key = i % 3 == 0 ? "k" : ""});
    q.hand_out();
    const auto before = q->memory();
    q.go_on(2 * second);
    CHECK(q->dead()->depth().live() == 10);
    CHECK(q->depth().doomed == 1);
    CHECK(q->depth().ready + q->depth().waiting == 989);
    CHECK(q->memory() <= before + 64 * 1024);
    CHECK(q->next_deadline() > q.now());
    q.consumer(1);
    CHECK(q.hand_out().empty());
    for (int i = 0; i < 100; ++i) {
        q->dead()->purge();
        q.settle_down();
    }
    CHECK(q.out.deliveries.empty());
    CHECK(q->depth().live() == 0);
    CHECK(q->counts().dead_sum() == 1000);
    CHECK(adds_up(*q));
}

TEST_CASE("a hundred thousand letters of one key that are sent back and expire together end one by one") {
    leat::queue_rules rules;
    rules.ttl = 1s;
    rules.on_expiry = leat::on_expiry::dead_letter;
    rig q{rules};
    constexpr std::uint64_t n = 100'000;
    for (std::uint64_t i = 0; i < n; ++i) q.put("m", {.key = "k"});
    q.hand_out();
    q.pass(second);
    q.settle_down();
    CHECK(q->dead()->depth().live() == n);
    CHECK(q->redrive({}, n).moved == n);
    q.settle_down();
    CHECK(q->depth().waiting == n - 1);
    q.pass(second);
    q.settle_down();
    CHECK(q->dead()->depth().live() == n);
    CHECK(q->depth().live() == 0);
    CHECK(adds_up(*q));
}

TEST_CASE("what is doomed is written with the letter that it becomes") {
    slow_store store;
    leat::queue_rules rules;
    rules.durability = leat::durability::commit;
    rules.max_dead_messages = 1;
    rig q{rules, &store};
    const auto c = q.consumer(1);
    const auto commit = [&] {
        q.pass(20 * ms);
        const auto given = q.hand_out();
        store.result = true;
        q.pass();
        return given;
    };
    q.put("a");
    q.put("b");
    commit();
    const auto given = q.hand_out();
    REQUIRE(given.size() == 2);
    const number_range both{given[0].d, given[1].d};
    q->settle(c, outcome::reject, std::span{&both, 1}, {}, "why");
    commit();
    REQUIRE(store.last_doomed.size() == 1);
    CHECK(store.last_doomed[0].seq == given[1].seq);
    CHECK(store.last_doomed[0].what.why == leat::death::rejected);
    CHECK(store.last_doomed[0].what.text == "why");
    CHECK(q->stopped_by_dead_letters());
}

TEST_CASE("dead letters have a limit of bytes, and one that is larger than all of it stands alone") {
    leat::queue_rules rules;
    rules.max_dead_bytes = 1000;
    rig q{rules};
    const auto c = q.consumer(1);
    q.put(std::string(2000, 'x'));
    auto given = q.hand_out();
    q.settle(c, outcome::reject, given[0].d);
    q.hand_out();
    CHECK(all_letters(*q).size() == 1);
    CHECK_FALSE(q->stopped_by_dead_letters());
    q.put("small");
    given = q.hand_out();
    q.settle(c, outcome::reject, given[0].d);
    q.hand_out();
    CHECK(q->stopped_by_dead_letters());
    CHECK(q->dead()->purge() == 1);
    q.pass();
    q.hand_out();
    CHECK(all_letters(*q) == texts{"small"});
    for (int i = 0; i < 20; ++i) q.put(std::string(100, 'y'));
    given = q.hand_out();
    q.settle(c, outcome::reject, given.front().d, given.back().d);
    q.hand_out();
    CHECK(q->dead()->depth().live() == 6);  // 69, and five of 164 bytes
    CHECK(q->dead()->depth().bytes <= 1000);
    CHECK(q->depth().doomed == 15);
    CHECK(adds_up(*q));
}

TEST_CASE("28: a letter that is rejected in the dead letters a thousand times is still there, once") {
    rig q;
    const auto c = q.consumer(1);
    q.put("poison");
    const auto given = q.hand_out();
    q.settle(c, outcome::reject, given[0].d);
    q.hand_out();
    auto& dead = *q->dead();
    const auto reader = dead.hello({8, 8}).holder;
    dead.grant(reader, 1 << 20, 1 << 30);
    int rejected = 0;
    for (int i = 0; i < 1'000'000 && rejected < 1000; ++i) {
        q.pass(500 * ms);
        q->heard(c);
        dead.heard(reader);
        q.out.deliveries.clear();
        static_cast<void>(q->run_timers());
        static_cast<void>(q->hand_out());
        static_cast<void>(dead.hand_out());
        for (const auto& d : q.out.deliveries) {
            CHECK(d.body == "poison");
            const number_range r{d.d, d.d};
            dead.settle(reader, outcome::reject, std::span{&r, 1});
            ++rejected;
        }
    }
    CHECK(rejected == 1000);
    CHECK(all_letters(*q) == texts{"poison"});
    CHECK(dead.depth().live() == 1);
    CHECK(adds_up(*q));
}

TEST_CASE("a letter keeps what is worth knowing") {
    rig q;
    const auto c = q.consumer(77);
    const auto put_at = q->queue_time();
    q.put("body", {.key = "k", .head = queue_rig::as_bytes("head"), .priority = 7});
    q.pass(second);
    q->heard(c);
    const auto given = q.hand_out();
    q.pass(ms);
    const number_range r{given[0].d, given[0].d};
    q->settle(c, outcome::reject, std::span{&r, 1}, {}, "no such account");
    q.hand_out();
    int seen = 0;
    q->letters({.why = leat::death::rejected, .key = "k"}, 10, [&](const letter_view& one) {
        ++seen;
        CHECK(as_text(one.body) == "body");
        CHECK(as_text(one.head) == "head");
        CHECK(one.what->text == "no such account");
        CHECK(one.what->origin == leat::message_origin{{}, 7, given[0].seq});
        CHECK(one.what->put_at == put_at);
        CHECK(one.what->delivered_at == put_at + second);
        CHECK(one.what->died_at == put_at + second + ms);
        CHECK(one.what->last_holder == leat::id128{9, 77});
        CHECK(one.what->attempts == 1);
        CHECK(one.what->priority == 7);
    });
    CHECK(seen == 1);
    q->letters({.key = "other"}, 10, [&](const letter_view&) { ++seen; });
    CHECK(seen == 1);
}

TEST_CASE("letters that are sent back keep their order, stop at the limits, and keep their key") {
    leat::queue_rules rules;
    rules.max_messages = 4;
    rules.overflow = leat::queue_overflow::reject;
    rig q{rules};
    const auto c = q.consumer(1);
    for (const auto* body : {"a", "b", "c"}) q.put(body, {.key = "k"});
    for (int i = 0; i < 3; ++i) {
        const auto given = q.hand_out();
        REQUIRE(given.size() == 1);
        q.settle(c, outcome::reject, given[0].d);
    }
    q.hand_out();
    CHECK(all_letters(*q) == texts{"a", "b", "c"});
    q->pause_takes(true);
    q.put("1", {.key = "k"});
    q.put("2", {.key = "k"});
    const auto result = q->redrive({}, 100);
    CHECK(result.moved == 2);
    CHECK(result.left == 1);
    CHECK(q->counts().overflow == 0);
    q->pause_takes(false);
    texts order;
    for (int i = 0; i < 4; ++i) {
        for (const auto& d : q.hand_out()) {
            order.push_back(d.body);
            CHECK(d.attempts == 0);
            q.settle(c, outcome::ack, d.d);
        }
    }
    CHECK(order == texts{"1", "2", "a", "b"});
    CHECK(all_letters(*q) == texts{"c"});
}

TEST_CASE("dead letters that drop the oldest never stop the queue") {
    leat::queue_rules rules;
    rules.max_dead_messages = 2;
    rules.dead_full = leat::dead_full::drop_oldest;
    rig q{rules};
    const auto c = q.consumer(1);
    for (const auto* body : {"a", "b", "c"}) q.put(body);
    const auto given = q.hand_out();
    q.settle(c, outcome::reject, given[0].d, given[2].d);
    q.hand_out();
    CHECK_FALSE(q->stopped_by_dead_letters());
    CHECK(all_letters(*q) == texts{"b", "c"});
    CHECK(q->dead()->counts().dead_dropped == 1);
    CHECK(adds_up(*q));
}
