// Leases, lost consumers, suspects and late acks. Numbers are those of the forty tests of the queue's rules.

#include "support/queue_rig.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>

using namespace queue_rig;
using namespace std::chrono_literals;
using leat::outcome;

namespace {

leat::queue_rules without_jitter() {
    leat::queue_rules rules;
    rules.retry.jitter = 0;
    return rules;
}

/// Lets all leases of consumers that are heard but do not renew end.
void end_leases(rig& q) {
    q.go_on(30 * second + 100 * ms);
}

}  // namespace

TEST_CASE("1: a late ack counts while the message is back and untaken, and is stale once another has it") {
    rig q{without_jitter()};
    const auto first = q.consumer(1, 2);
    q.put("a");
    q.put("b");
    const auto given = q.hand_out();
    REQUIRE(given.size() == 2);
    end_leases(q);
    CHECK(q->counts().lost == 2);
    q.pass();
    CHECK(q.settle(first, outcome::ack, given[0].d).applied == 1);
    CHECK(q->counts().late_acks == 1);
    CHECK(q->depth().ready == 1);

    const auto second_one = q.consumer(2);
    const auto again = q.hand_out();
    REQUIRE(again.size() == 1);
    CHECK(again[0].body == "b");
    CHECK(again[0].holder == second_one);
    CHECK(again[0].d > given[1].d);
    const auto late = q.settle(first, outcome::ack, given[1].d);
    CHECK(late.applied == 0);
    CHECK(late.stale == 1);
    CHECK(q.settle(second_one, outcome::ack, again[0].d).applied == 1);
    q.hand_out();
    CHECK(q->counts().acked == 2);
    CHECK(adds_up(*q));
}

TEST_CASE("1: a late ack counts after its consumer was lost, and after that said HELLO anew") {
    rig q{without_jitter()};
    const auto first = q.consumer(1, 3);
    for (const auto* body : {"a", "b", "c"}) q.put(body);
    const auto given = q.hand_out();
    REQUIRE(given.size() == 3);
    q.pass();
    q->lose(first);
    CHECK(q.settle(first, outcome::ack, given[0].d).applied == 1);
    const auto back = q->hello({9, 1});
    CHECK(back.holder == first);
    CHECK_FALSE(q->consumer(first).barred);
    CHECK(q.settle(first, outcome::ack, given[1].d).applied == 1);
    q->grant(q.consumer(2), 1, 1 << 30);
    CHECK(q.hand_out().size() == 1);
    CHECK(q.settle(first, outcome::ack, given[2].d).stale == 1);
    CHECK(q->counts().late_acks == 2);
}

TEST_CASE("a HELLO anew lifts the bar, and what was late stays late") {
    rig q{without_jitter()};
    const auto c = q.consumer(1, 2);
    q.put("a");
    q.put("b");
    const auto given = q.hand_out();
    end_leases(q);
    CHECK(q->consumer(c).barred);
    q->hello({9, 1});
    CHECK_FALSE(q->consumer(c).barred);
    CHECK(q.settle(c, outcome::ack, given[1].d).applied == 1);
    q->grant(c, 1, 1 << 30);
    const auto again = q.hand_out();
    REQUIRE(again.size() == 1);
    CHECK(again[0].body == "a");
    CHECK(q.settle(c, outcome::ack, given[0].d).stale == 1);
    CHECK(q.settle(c, outcome::ack, again[0].d).applied == 1);
    CHECK(q->depth().live() == 0);
}

TEST_CASE("of lost consumers only those are kept that may ack late, and no more than there may be sessions") {
    auto rules = without_jitter();
    rules.sessions = 10;
    rules.max_attempts = leat::unlimited_attempts;
    rig q{rules};
    for (std::uint64_t i = 0; i < 100'000; ++i) {
        const auto c = q->hello({8, i}).holder;
        REQUIRE(c != none);
        q->lose(c);
        REQUIRE(q->find({8, i}) == none);
    }
    for (int i = 0; i < 20; ++i) q.put("m");
    for (std::uint64_t round = 0; round < 2; ++round) {
        for (std::uint64_t i = 0; i < 10; ++i) q.consumer(10 * round + i, 1);
        CHECK(q.hand_out().size() == 10);
        for (std::uint64_t i = 0; i < 10; ++i) q->lose(q.consumers[10 * round + i]);
    }
    for (std::uint64_t i = 0; i < 20; ++i) CHECK((q->find({9, i}) == none) == (i < 10));
}

TEST_CASE("4: a consumer stopped past its lease and woken has each ack honoured or stale, none twice") {
    rig q{without_jitter()};
    const auto sleeper = q.consumer(1, 10);
    for (int i = 0; i < 10; ++i) q.put(std::to_string(i));
    const auto given = q.hand_out();
    REQUIRE(given.size() == 10);
    // Its session ends first: nobody hears it. Others take half of what it held, one by one: they are
    // suspects.
    const auto other = q.consumer(2, 0);
    q.consumers = {other};
    q.go_on(11 * second);
    CHECK(q.out.lost == std::vector{sleeper});
    q->grant(other, 5, 1 << 30);
    std::set<std::string> taken;
    for (int i = 0; i < 5; ++i) {
        q.pass(ms);
        const auto one = q.hand_out();
        for (const auto& d : one) {
            taken.insert(d.body);
            CHECK(q.settle(other, outcome::ack, d.d).applied == 1);
        }
    }
    q.pass(ms);
    const auto late = q.settle(sleeper, outcome::ack, given.front().d, given.back().d);
    CHECK(late.applied == 5);
    CHECK(late.stale == 5);
    CHECK(taken.size() == 5);
    q.go_on(second);
    CHECK(q->counts().acked == 10);
    CHECK(q->counts().acked == q->counts().deliveries - q->counts().lost + q->counts().late_acks);
    CHECK(q->depth().live() == 0);
}

TEST_CASE("5: a poison that kills its consumer dies alone after six crashes, and nobody else is charged") {
    rig q{without_jitter()};
    for (int i = 0; i < 256; ++i) q.put(i == 100 ? "poison" : "good " + std::to_string(i));
    int crashes = 0;
    std::uint32_t who = 0;
    std::uint64_t processes = 0;
    const auto start = [&] {
        who = q.consumer(++processes, 1 << 20);
        q.consumers = {who};
    };
    start();
    for (int round = 0; round < 20'000 && q->depth().live() > 0; ++round) {
        q.pass(50 * ms);
        q->heard(who);
        const auto given = q.hand_out();
        for (const auto& d : given) {
            CHECK(d.attempts <= (d.body == "poison" ? 4U : 0U));
            if (d.body == "poison") {
                ++crashes;
                q->lose(who);
                start();
                break;
            }
            // The consumer works through what came before the poison in its buffer when that was first handed
            // out.
            if (crashes > 0) CHECK(q.settle(who, outcome::ack, d.d).applied == 1);
        }
    }
    q.hand_out();
    CHECK(crashes == 6);
    CHECK(q->counts().acked == 255);
    CHECK(q->counts().lost_sole == 5);
    CHECK(q->counts().dead[static_cast<std::size_t>(leat::death::lost)] == 1);
    int letters = 0;
    q->letters({}, 10, [&](const letter_view& one) {
        ++letters;
        CHECK(as_text(one.body) == "poison");
        CHECK(one.what->attempts == 5);
        CHECK(one.what->losses == 6);
    });
    CHECK(letters == 1);
}

TEST_CASE("6: beside a poison, never more than one of eight busy consumers is held back") {
    rig q{without_jitter()};
    std::map<std::uint32_t, std::deque<std::uint64_t>> held;
    std::vector<std::uint32_t> workers;
    for (std::uint64_t i = 1; i <= 8; ++i) workers.push_back(q.consumer(i, 64));
    std::map<std::uint32_t, std::uint64_t> granted;
    for (const auto w : workers) granted[w] = 64;
    std::uint64_t next_id = 100;
    int most_held_back = 0;
    for (int round = 0; round < 3000; ++round) {
        q.pass(10 * ms);
        for (auto& w : workers) {
            q->heard(w);
            auto& mine = held[w];
            for (int i = 0; i < 3 && !mine.empty(); ++i) {
                q.settle(w, outcome::ack, mine.front());
                mine.pop_front();
                q->grant(w, ++granted[w], 1 << 30);
            }
            if (round == 100 && w == workers[3]) {  // it dies with all it holds
                q->lose(w);
                mine.clear();
                w = q.consumer(++next_id, 64);
                granted[w] = 64;
            }
        }
        for (int i = 0; i < 40; ++i) q.put("m");  // more than they can do, so all are busy
        for (const auto& d : q.hand_out()) held[d.holder].push_back(d.d);
        int held_back = 0;
        for (const auto w : workers) {
            const auto s = q->consumer(w);
            held_back += s.drained || s.sole ? 1 : 0;
        }
        most_held_back = std::max(most_held_back, held_back);
    }
    CHECK(q->counts().lost > 0);
    CHECK(q->counts().lost_sole == 0);
    CHECK(most_held_back == 1);
    CHECK(q->counts().acked > 3000 * 24 * 9 / 10);
}

TEST_CASE(
    "D4: suspects that wait a second for someone idle make the one that holds least so, and not its heir") {
    rig q{without_jitter()};
    const auto small = q.consumer(1, 1), large = q.consumer(2, 1);
    q.put("small");
    q.put(std::string(500, 'x'));
    const auto busy = q.hand_out();
    REQUIRE(busy.size() == 2);
    const auto victim = q.consumer(3, 2);
    q.put("a");
    q.put("b");
    REQUIRE(q.hand_out().size() == 2);
    q.pass();
    q->lose(victim);
    q.consumers = {small, large};
    q->grant(small, 5, 1 << 30);
    q->grant(large, 5, 1 << 30);
    q.go_on(900 * ms);
    CHECK_FALSE(q->consumer(small).drained);
    q.go_on(100 * ms);
    CHECK(q->consumer(small).drained);  // it holds least
    CHECK_FALSE(q->consumer(large).drained);
    q.put("for the other");
    CHECK(q.hand_out()[0].holder == large);

    // It says HELLO and grants nothing: another one is emptied in its place.
    const number_range held{busy[0].d, busy[0].d};
    q->hello({9, 1}, std::span{&held, 1});
    CHECK_FALSE(q->consumer(small).drained);
    q.hand_out();
    CHECK(q->consumer(large).drained);
    q.settle(large, outcome::ack, 1, ~std::uint64_t{0});
    const auto alone = q.hand_out();
    REQUIRE(alone.size() == 1);
    CHECK(alone[0].holder == large);
    CHECK(alone[0].body == "a");
}

TEST_CASE("8: a black hole beside a good consumer burns no attempts") {
    rig q{without_jitter()};
    const auto hole = q.consumer(1, 256);
    const auto good = q.consumer(2, 1 << 20);
    std::uint64_t put = 0;
    for (int round = 0; round < 6000; ++round) {
        q.pass(100 * ms);
        q->heard(hole);
        q->heard(good);
        for (const auto& d : q.out.deliveries) {
            if (d.holder == good) q.settle(good, outcome::ack, d.d);
        }
        if (round < 5000) {
            for (int i = 0; i < 4; ++i, ++put) q.put("m");
        }
        q.hand_out();
    }
    q.pass();
    CHECK(q->counts().dead_sum() == 0);
    CHECK(q->counts().lost_sole == 0);
    CHECK(q->counts().acked == put);
}

TEST_CASE("9: a client without renewals works off its buffer by late acks") {
    rig q{without_jitter()};
    const auto slow = q.consumer(1, 256);
    for (int i = 0; i < 256; ++i) q.put(std::to_string(i));
    q.pass();
    std::vector<delivered> given;
    for (int i = 0; i < 2; ++i) {
        const auto more = q.hand_out();
        given.insert(given.end(), more.begin(), more.end());
    }
    REQUIRE(given.size() == 256);
    q->grant(slow, 1 << 20, 1 << 30);  // it has credit for more, and gets none
    for (std::size_t i = 0; i < given.size(); ++i) {
        q.go_on(900 * ms);
        q.pass(100 * ms);
        q->heard(slow);
        CHECK(q.settle(slow, outcome::ack, given[i].d).applied == 1);
        q.hand_out();
    }
    q.pass();
    q.hand_out();
    CHECK(q->counts().lost == 226);
    CHECK(q->counts().late_acks == 226);
    CHECK(q->counts().deliveries == 256);
    CHECK(q->counts().dead_sum() == 0);
    CHECK(q->counts().acked == 256);
    CHECK_FALSE(q->consumer(slow).barred);
}

TEST_CASE("10: what a library gives up is a loss that does not bar its neighbours") {
    rig q{without_jitter()};
    const auto workers = q.consumer(1, 8);
    for (int i = 0; i < 20; ++i) q.put(std::to_string(i));
    const auto given = q.hand_out();
    REQUIRE(given.size() == 8);
    q.go_on(10 * second);
    const number_range stuck{given[2].d, given[2].d};
    CHECK(q->give_up(workers, std::span{&stuck, 1}).applied == 1);
    CHECK(q->counts().lost == 1);
    CHECK_FALSE(q->consumer(workers).barred);
    q->grant(workers, 9, 1 << 30);
    CHECK(q.hand_out().size() == 1);
    CHECK(q.settle(workers, outcome::ack, given[2].d).stale == 1);
}

TEST_CASE("36: a queue that stood still for a minute declares nobody lost") {
    rig q{without_jitter()};
    const auto c = q.consumer(1);
    q.put("a");
    const auto given = q.hand_out();
    REQUIRE(given.size() == 1);
    q.pass(60 * second);
    q.hand_out();
    CHECK(q->counts().lost == 0);
    CHECK(q.out.lost.empty());
    q->extend(c);
    q.go_on(29 * second);
    CHECK(q->counts().lost == 0);
    q.go_on(2 * second);
    CHECK(q->counts().lost == 1);
}

TEST_CASE("a lease that ends at the same time as its ack comes is acked") {
    rig q{without_jitter()};
    const auto c = q.consumer(1);
    q.put("a");
    const auto given = q.hand_out();
    q.go_on(29 * second + 900 * ms);
    q.pass(200 * ms);
    CHECK(q.settle(c, outcome::ack, given[0].d).applied == 1);
    q.hand_out();
    CHECK(q->counts().lost == 0);
    CHECK(q->counts().acked == 1);
}

TEST_CASE("the first delivery that is lost alone is charged, without being a suspect") {
    rig q{without_jitter()};
    q.consumer(1, 1);
    q.put("a");
    q.hand_out();
    q.pass();
    q->lose(q.consumers[0]);
    CHECK(q->counts().lost_sole == 1);
    CHECK(q->depth().delayed == 1);
    q.consumers.clear();
    const auto other = q.consumer(2, 2);
    q.put("b");
    CHECK(q.hand_out().size() == 1);
    q.go_on(second);
    CHECK(q.out.deliveries.size() == 1);
    CHECK(q->consumer(other).held == 2);
}

TEST_CASE("a resumed consumer keeps what it names, and what it does not name was never there") {
    rig q{without_jitter()};
    q.consumer(1, 3);
    for (const auto* body : {"a", "b", "c"}) q.put(body);
    const auto given = q.hand_out();
    const std::vector<number_range> names{{given[0].d, given[1].d}, {given[2].d + 1, given[2].d + 1}};
    const auto again = q->hello({9, 1}, names);
    CHECK(again.holder == given[0].holder);
    REQUIRE(again.gone.size() == 1);
    CHECK(again.gone[0].first == given[2].d + 1);
    CHECK(q->counts().released == 1);
    CHECK(q->counts().lost == 0);
    CHECK(q->depth().in_flight == 2);
}

TEST_CASE(
    "38: the standby of an exclusive queue takes over when all has come back, and acks of the first are "
    "stale") {
    auto rules = without_jitter();
    rules.exclusive = true;
    rig q{rules};
    const auto first = q.consumer(1, 2);
    const auto second_one = q.consumer(2, 10);
    CHECK(q->consumer(second_one).standby);
    for (const auto* body : {"a", "b", "c"}) q.put(body);
    const auto given = q.hand_out();
    REQUIRE(given.size() == 2);
    CHECK(given[0].holder == first);
    q.consumers = {second_one};
    q.go_on(10 * second + 100 * ms);
    CHECK(q.out.lost == std::vector{first});
    CHECK(q.out.active == std::vector{first, second_one});
    // A suspect goes alone, so the rest is still there.
    CHECK(q->consumer(second_one).held == 1);
    const auto back = q->hello({9, 1});
    CHECK(back.standby);
    CHECK(q.settle(first, outcome::ack, given[0].d).stale == 1);
    CHECK(q.out.deliveries.size() <= 1);
}

TEST_CASE("ranges as wide as a hostile peer likes cost no more than what it holds") {
    rig q{without_jitter()};
    const auto a = q.consumer(1, 100), b = q.consumer(2, 100);
    for (int i = 0; i < 150; ++i) q.put(std::to_string(i));
    q.hand_out();
    const auto mine = q->consumer(a).held;
    REQUIRE(mine > 0);
    const std::vector<number_range> all(1000, {1, ~std::uint64_t{0}});
    const auto welcome = q->hello({9, 2}, all);
    CHECK(q->consumer(b).held == 150 - mine);
    CHECK(welcome.gone.back().last == ~std::uint64_t{0});
    const auto result = q->settle(a, outcome::ack, all);
    CHECK(result.applied == mine);
    CHECK(q->consumer(a).held == 0);
    CHECK(q->consumer(b).held == 150 - mine);
    const number_range reversed{9, 3}, zero{0, 0};
    CHECK(q->settle(b, outcome::ack, std::span{&reversed, 1}).applied == 0);
    CHECK(q->settle(b, outcome::ack, std::span{&zero, 1}).applied == 0);
    CHECK(q->settle(12345, outcome::ack, all).applied == 0);
    q->extend(b, all);
    q->heard(999);
    q->bye(none);
}
