// Admission, verdicts, dedup and producers. Numbers are those of the forty tests of the queue's rules.

#include "support/queue_rig.hpp"

#include <doctest/doctest.h>

using namespace queue_rig;
using namespace std::chrono_literals;
using leat::outcome;
using leat::put_refusal;
using leat::verdict;

namespace {

leat::queue_rules committed() {
    leat::queue_rules rules;
    rules.durability = leat::durability::commit;
    return rules;
}

put_item item(std::string_view body, std::string_view id = {}) {
    return {.id = id, .body = queue_rig::as_bytes(body)};
}

}  // namespace

TEST_CASE("18: under block a thousand producers are let in in the order in which they came") {
    leat::queue_rules rules;
    rules.max_messages = 1;
    rig q{rules};
    q.put("first");
    q.hand_out();
    std::vector<std::uint32_t> who;
    for (std::uint64_t i = 0; i < 1000; ++i) {
        who.push_back(q->hello_producer({3, i}, 1).producer);
        q.put_as(who.back(), 1, item(std::to_string(i)));
    }
    CHECK(q->depth().parked == 1000);
    CHECK(q.out.parked == 1000);
    q.out.verdicts.clear();
    const auto c = q.consumer(1);
    std::vector<std::string> order;
    for (int i = 0; i < 1001; ++i) {
        q.pass(ms);
        q->heard(c);
        for (const auto& d : q.hand_out()) {
            order.push_back(d.body);
            q.settle(c, outcome::ack, d.d);
        }
    }
    REQUIRE(order.size() == 1001);
    for (std::size_t i = 0; i < 1000; ++i) {
        CHECK(order[i + 1] == std::to_string(i));
        CHECK(q.out.verdicts[i].producer == who[i]);
    }
    CHECK(q.out.parked == 0);
}

TEST_CASE("18: parked puts take no more than a small multiple of what they are on the wire") {
    leat::queue_rules rules;
    rules.max_messages = 1;
    rig q{rules};
    q.put("first");
    constexpr std::size_t n = 500'000;  // about what 1 MiB of credit is worth in empty ones
    const auto p = q->hello_producer({3, 0}, 1).producer;
    const std::vector<put_item> empty(n);
    CHECK(q->put(p, 1, 1, empty) == put_status::taken);
    CHECK(q->depth().parked == n);
    CHECK(q->parked_memory() < n + 100'000);
    q->producer_gone(p);
    CHECK(q->depth().parked == 0);
    CHECK(q->parked_memory() < 100'000);

    // A PUT of one is at least 20 bytes in its frame.
    std::vector<std::uint32_t> who;
    for (std::uint64_t i = 1; i <= 1000; ++i) who.push_back(q->hello_producer({3, i}, 1).producer);
    const put_item small{
        .key = "k", .head = queue_rig::as_bytes("[1,2,\"k\"]"), .body = queue_rig::as_bytes("x")};
    for (std::uint64_t number = 1; number <= 100; ++number) {
        for (const auto one : who) q.put_as(one, number, small);
    }
    CHECK(q->depth().parked == 100'000);
    CHECK(q->parked_memory() < 100'000 * 4 * (20 + 5 + 9 + 1));
    const auto before = q->parked_memory();
    for (const auto one : who) q->producer_gone(one);
    CHECK(q->depth().parked == 0);
    CHECK(q->parked_memory() < before - 100'000 * 10);
}

TEST_CASE("a parked put is admitted as it was put, with what is left of its times") {
    leat::queue_rules rules;
    rules.max_messages = 1;
    rig q{rules};
    const auto c = q.consumer(1);
    q.put("first");
    const auto first = q.hand_out();
    const std::string body(300, 'b'), head(200, 'h');
    q.put(body, {.key = "key", .id = "id", .head = queue_rig::as_bytes(head), .priority = 7});
    q.put("expires", {.ttl = second});
    q.put("lives", {.ttl = 10 * second});
    q.put("delayed", {.delay = 2 * second});
    q.put("faulty", {.id = "other", .fault = put_refusal::bad_message});
    q.put("again", {.id = "id", .fault = put_refusal::bad_message});
    q.put("");
    CHECK(q->depth().parked == 7);
    q.out.verdicts.clear();
    q.settle(c, outcome::ack, first[0].d);
    std::vector<std::string> bodies;
    for (int i = 0; i < 40; ++i) {
        for (const auto& d : q.hand_out()) {
            bodies.push_back(d.body);
            if (bodies.size() == 1) {
                CHECK(d.head == head);
                q.go_on(1500 * ms);
            }
            if (d.body == "lives") q.go_on(200 * ms);
            q.settle(c, outcome::ack, d.d);
        }
        q.pass(100 * ms);
        q->heard(c);
    }
    CHECK(bodies == std::vector<std::string>{body, "lives", "delayed", ""});
    std::vector<put_refusal> why;
    for (const auto& v : q.out.verdicts) {
        for (auto k = v.first; k <= v.last; ++k) why.push_back(v.why);
    }
    using enum put_refusal;
    CHECK(why == std::vector{none, expired, none, none, bad_message, none, none});
    CHECK(q->counts().same_id == 1);
}

TEST_CASE("parked puts of many producers that leave at once are forgotten, and the others keep their order") {
    leat::queue_rules rules;
    rules.max_messages = 1;
    rules.sessions = 30'000;
    rig q{rules};
    q.put("first");
    std::vector<std::uint32_t> who;
    for (std::uint64_t i = 0; i < 20'000; ++i) {
        who.push_back(q->hello_producer({3, i}, 1).producer);
        q.put_as(who.back(), 1, item(std::to_string(i)));
        q.put_as(who.back(), 2, item(std::to_string(i)));
    }
    for (std::size_t i = 0; i < who.size(); ++i) {
        if (i % 1000 != 0) q->producer_gone(who[i]);
    }
    CHECK(q->depth().parked == 40);
    q->bound_passes(7);
    const auto c = q.consumer(1);
    std::vector<std::string> order;
    for (int i = 0; i < 41; ++i) {
        q.pass(ms);
        q->heard(c);
        for (const auto& d : q.hand_out()) {
            order.push_back(d.body);
            q.settle(c, outcome::ack, d.d);
        }
    }
    REQUIRE(order.size() == 41);
    for (std::size_t i = 0; i < 40; ++i) CHECK(order[i + 1] == std::to_string(i / 2 * 1000));
}

TEST_CASE("parked puts for which there is room at last are taken in bounded passes, which ask for more") {
    leat::queue_rules rules;
    rules.max_messages = 1000;
    rig q{rules};
    q->pause_takes(true);
    for (int i = 0; i < 3000; ++i) q.put("m");
    q.hand_out();
    CHECK(q->depth().parked == 2000);
    q->bound_passes(100);
    q.pass();
    CHECK(q->purge() == 1000);
    CHECK_FALSE(q->run_timers());
    CHECK(q->depth().parked == 1900);
    q.settle_down();
    CHECK(q->depth().parked == 1000);
    CHECK(q->depth().live() == 1000);
}

TEST_CASE("under block a small put does not pass a big one, and a producer that goes takes its puts along") {
    leat::queue_rules rules;
    rules.max_bytes = 1000;
    rig q{rules};
    q.put(std::string(700, 'x'));
    const auto other = q->hello_producer({3, 1}, 1).producer;
    q.put(std::string(700, 'y'));
    q.put_as(other, 1, item("small"));
    CHECK(q->depth().parked == 2);
    q->producer_gone(q.producer);
    q.pass(ms);
    q.hand_out();
    CHECK(q->depth().parked == 0);
    CHECK(q.out.verdicts.back().producer == other);
    CHECK(q->hello_producer({1, 1}, 2).decided == 1);  // its second put was forgotten
}

TEST_CASE("19: a repeat of a stored put is a duplicate even when the queue is full") {
    leat::queue_rules rules;
    rules.overflow = leat::queue_overflow::reject;
    rules.max_messages = 1;
    rig q{rules};
    q.put("a", {.id = "id"});
    q.put("b", {.id = "id"});
    CHECK(q.out.verdicts.back().what == verdict::duplicate);
    q.put_as(q.producer, 1, item("a", "id"));
    CHECK(q.out.verdicts.back().what == verdict::duplicate);
    CHECK(q.out.verdicts.back().first == 1);
    q.put("c");
    CHECK(q.out.verdicts.back().why == put_refusal::full);
    q->pause_puts(true);
    q.put("d", {.id = "id"});
    CHECK(q.out.verdicts.back().what == verdict::duplicate);
}

TEST_CASE("20: a refusal that was lost with the connection is refused again, and never confirmed") {
    leat::queue_rules rules;
    rules.overflow = leat::queue_overflow::reject;
    rules.max_messages = 2;
    rig q{rules};
    for (const auto* body : {"a", "b", "c"}) q.put(body);
    q->producer_gone(q.producer);
    const auto welcome = q->hello_producer({1, 1}, 1);
    CHECK(welcome.known);
    CHECK(welcome.decided == 3);
    REQUIRE(welcome.refused.size() == 1);
    CHECK(welcome.refused[0].first == 3);
    CHECK(welcome.refused[0].why == put_refusal::full);
    q.put_as(welcome.producer, 3, item("c"));
    CHECK(q.out.verdicts.back().what == verdict::refused);
    CHECK(q.out.verdicts.back().why == put_refusal::full);
}

TEST_CASE(
    "21: the second of three commits fails: exactly its puts are refused, its outcomes go with the third") {
    slow_store store;
    rig q{committed(), &store};
    const auto c = q.consumer(1);
    const auto pass = [&](std::optional<bool> result) {
        store.result = result;
        q.pass(ms);
    };
    q.put("a");
    q.hand_out();
    q.put("b");
    pass(true);
    const auto given = q.hand_out();  // "a" is out, the commit with "b" has started
    REQUIRE(given.size() == 1);
    CHECK(store.started == 2);
    q.settle(c, outcome::ack, given[0].d);  // for the third, which also has "c"
    q.put("c");
    pass(false);
    CHECK(q.hand_out().empty());
    CHECK(store.started == 3);
    CHECK(store.last_gone == 1);
    CHECK(q->depth().settled == 1);
    CHECK(q.out.verdicts.back().first == 2);
    CHECK(q.out.verdicts.back().why == put_refusal::store_failed);
    pass(true);
    CHECK(q.hand_out().size() == 1);
    CHECK(q.out.verdicts.back().first == 3);
    CHECK(q.out.verdicts.back().what == verdict::stored);
    CHECK(q->counts().acked == 1);
    CHECK(q->counts().failed == 1);
    CHECK(adds_up(*q));
}

TEST_CASE(
    "U1: a row names the refusals that wait behind its own puts, and counts are those after the commit") {
    slow_store store;
    auto rules = committed();
    rules.overflow = leat::queue_overflow::reject;
    rules.max_messages = 2;
    rig q{rules, &store};
    const auto c = q.consumer(1);
    for (const auto* body : {"a", "b", "c", "d"}) q.put(body);
    q.hand_out();
    REQUIRE(store.last_rows.size() == 1);
    CHECK(store.last_rows[0].last == 4);
    REQUIRE(store.last_rows[0].refused.size() == 1);
    CHECK(store.last_rows[0].refused[0].first == 3);
    CHECK(store.last_rows[0].refused[0].last == 4);
    CHECK(store.last_rows[0].refused[0].why == put_refusal::full);
    const auto as_written = [&] { return store.last_counts == q->counts(); };
    store.result = true;
    q.pass();
    CHECK(as_written());
    const auto given = q.hand_out();
    REQUIRE(given.size() == 2);
    q.settle(c, outcome::ack, given[0].d);
    q.pass(20 * ms);
    q.hand_out();
    CHECK(store.last_counts.acked == 1);
    store.result = true;
    q.pass();
    CHECK(as_written());
}

TEST_CASE("U5: what a failed commit had of ids goes with the next, when the puts were taken at once") {
    slow_store store;
    leat::queue_rules rules;
    rules.durability = leat::durability::interval;
    rig q{rules, &store};
    q.put("a", {.id = "id"});
    q.pass(200 * ms);
    q.hand_out();
    CHECK(store.last_ids == 1);
    store.result = false;
    q.pass(ms);
    q.pass(200 * ms);
    q.hand_out();
    CHECK(store.started == 2);
    CHECK(store.last_ids == 1);
    store.result = true;
    q.pass(ms);
    q.put("b", {.id = "id"});
    CHECK(q.out.verdicts.back().what == verdict::duplicate);
}

TEST_CASE(
    "U3: a producer with confirms that the queue does not know of is counted, and goes on from its floor") {
    rig q;
    q.put("a");
    const auto welcome = q->hello_producer({1, 1}, 5);
    CHECK(welcome.known);
    CHECK(welcome.rolled_back);
    CHECK(welcome.decided == 4);
    CHECK(q->counts().rolled_back == 1);
    const auto next = item("next");
    CHECK(q->put(welcome.producer, 5, 5, std::span{&next, 1}) == put_status::taken);
    CHECK(q.out.verdicts.back().what == verdict::stored);
}

TEST_CASE("a producer that never moves its floor past its refusals is told so") {
    leat::queue_rules rules;
    rules.overflow = leat::queue_overflow::reject;
    rules.max_messages = 1;
    rig q{rules};
    // Two reasons in turn, so that no two numbers make one range.
    const std::vector<put_item> pair{item(""), {.fault = put_refusal::bad_message}};
    q.put("first");
    std::uint64_t number = 2;
    for (; q.status == put_status::taken && number < 100'000; number += 2)
        q.status = q->put(q.producer, number, 1, pair);
    CHECK(q.status == put_status::too_many_refused);
    CHECK(number > 65'000);
    CHECK(q->put(q.producer, number - 2, number - 2, pair) == put_status::taken);
}

TEST_CASE("T4: a time to be ready at becomes a delay, a time past is now, and one too far is refused") {
    leat::queue_rules rules;
    rules.max_delay = 10s;
    rig q{rules};
    q.consumer(1);
    const auto now = q->queue_time();
    q.put("past", {.at = now - second});
    CHECK(q.hand_out().size() == 1);
    q.put("later", {.at = now + 2 * second});
    q.put("both", {.delay = second, .at = now + second});
    CHECK(q.out.verdicts.back().why == put_refusal::bad_message);
    q.put("too far", {.at = now + 10 * second + 1});
    CHECK(q.out.verdicts.back().why == put_refusal::bad_message);
    CHECK(q.hand_out().empty());
    CHECK(q->next_deadline() <= q.now() + 2 * second);
    q.go_on(1900 * ms);
    CHECK(q->depth().delayed == 1);
    q.go_on(100 * ms);
    CHECK(q->depth().in_flight == 2);
}

TEST_CASE("X6: the id of a redriven message is another one, and within a window it is one") {
    rig q;
    q.put("a", {.id = "id"});
    q.put("b", {.id = "id", .redrives = 1});
    CHECK(q.out.verdicts.back().what == verdict::stored);
    q.put("c", {.id = "id", .redrives = 1});
    CHECK(q.out.verdicts.back().what == verdict::duplicate);
    q.put("d", {.id = "id1"});
    CHECK(q.out.verdicts.back().what == verdict::stored);
    q.put("e", {.id = "id", .redrives = 2});
    CHECK(q.out.verdicts.back().what == verdict::stored);
}

TEST_CASE("a key or id that is too long is a bad message, however often it comes") {
    rig q;
    const std::string long_one(256, 'x');
    q.put("a", {.key = long_one});
    CHECK(q.out.verdicts.back().why == put_refusal::bad_message);
    for (int i = 0; i < 2; ++i) {
        q.put("a", {.id = long_one});
        CHECK(q.out.verdicts.back().why == put_refusal::bad_message);
    }
    q.put("a", {.key = std::string_view{long_one}.substr(1), .id = std::string_view{long_one}.substr(1)});
    CHECK(q.out.verdicts.back().what == verdict::stored);
}

TEST_CASE("a commit is bounded: puts wait while one is under way and the next one is full") {
    leat::queue_rules rules;
    rules.durability = leat::durability::commit;
    slow_store keep;
    rig q{rules, &keep};
    const std::string large(1 << 20, 'x');
    const auto put_until_full = [&] {
        int n = 0;
        for (; q->takes_puts() && n < 100; ++n) q.put(std::string_view{large}.substr(0, large.size() - 100));
        return n;
    };
    CHECK(put_until_full() == 18);  // nine went into the first one, at once, and nine wait
    CHECK(keep.started == 1);
    keep.result = true;
    q.pass();
    CHECK(q->takes_puts());
    CHECK(q->depth().pending == 9);
    q.hand_out();
    CHECK(keep.started == 2);
    CHECK(q->takes_puts());
}

TEST_CASE("outcomes of a failed commit are kept for the next") {
    slow_store store;
    rig q{committed(), &store};
    const auto c = q.consumer(1);
    q.put("a");
    q.hand_out();
    store.result = true;
    q.pass(ms);
    const auto given = q.hand_out();
    q.settle(c, outcome::ack, given[0].d);
    q.pass(20 * ms);
    q.hand_out();
    store.result = false;
    q.pass(ms);
    CHECK(q->depth().settled == 1);
    CHECK(q->counts().acked == 0);
    q.hand_out();
    q.pass(20 * ms);
    q.hand_out();
    CHECK(store.last_gone == 1);
    store.result = true;
    q.pass(ms);
    CHECK(q->counts().acked == 1);
}

TEST_CASE("23: an id that is repeated while its first put is pending shares the fate of that commit") {
    slow_store store;
    rig q{committed(), &store};
    q.put("a", {.id = "id"});
    q.hand_out();
    q.put("b", {.id = "id"});
    q.pass(ms);
    CHECK(q.out.verdicts.empty());
    store.result = false;
    q.pass(ms);
    REQUIRE(q.out.verdicts.size() == 2);
    for (const auto& v : q.out.verdicts) CHECK(v.why == put_refusal::store_failed);
    q.put("c", {.id = "id"});
    q.hand_out();
    store.result = true;
    q.pass(ms);
    CHECK(q.out.verdicts.back().what == verdict::stored);
    CHECK(q->counts().admitted == 2);
}

TEST_CASE(
    "24: an id is a duplicate after ack and after purge, until its window ends, which no repeat extends") {
    rig q;
    const auto c = q.consumer(1);
    q.put("a", {.id = "acked"});
    const auto given = q.hand_out();
    q.settle(c, outcome::ack, given[0].d);
    q->pause_takes(true);
    q.put("b", {.id = "purged"});
    q.hand_out();
    q->purge();
    q.go_on(599 * second, 500 * ms);
    for (const auto* id : {"acked", "purged"}) {
        q.put("again", {.id = id});
        CHECK(q.out.verdicts.back().what == verdict::duplicate);
    }
    q.go_on(second, 500 * ms);
    q.put("new", {.id = "acked"});
    CHECK(q.out.verdicts.back().what == verdict::stored);
    CHECK(q->counts().same_id == 2);
}

TEST_CASE("an id window that is too small forgets the oldest and counts it") {
    leat::queue_rules rules;
    rules.dedup_ids = 2;
    rig q{rules};
    for (const auto* id : {"1", "2", "3"}) q.put("x", {.id = id});
    q.put("x", {.id = "3"});
    CHECK(q.out.verdicts.back().what == verdict::duplicate);
    q.put("x", {.id = "1"});
    CHECK(q.out.verdicts.back().what == verdict::stored);
    CHECK(q->counts().evicted_ids == 2);
}

TEST_CASE(
    "29: the rows of a hundred thousand producers, half of which left without a word, are bounded, and each "
    "confirmed put is there once") {
    leat::queue_rules rules;
    rules.producer_rows = 5000;
    rig q{rules};
    constexpr std::uint64_t n = 100'000;
    for (std::uint64_t i = 0; i < n; ++i) {
        const auto p = q->hello_producer({4, i}, 1).producer;
        q.put_as(p, 1, item("m"));
        i % 2 == 0 ? q->producer_gone(p) : q->producer_bye(p);
    }
    q.hand_out();
    CHECK(q->producers_known() == 5001);
    CHECK(q->counts().evicted_producers == n / 2 - 5000);
    CHECK(q->counts().confirmed == n);
    CHECK(q->depth().ready == n);
    // One that is still known finds its put; one that was evicted may store it twice, and that is counted.
    CHECK(q->hello_producer({4, n - 2}, 1).decided == 1);
    CHECK(q->hello_producer({4, 0}, 2).known == false);
    CHECK(q->counts().possible_duplicates == 1);
    q.go_on(second);
    q.pass(25 * 3600 * second);
    q.settle_down();
    CHECK(q->producers_known() == 3);
}

TEST_CASE("a producer that comes anew is not evicted for it, whatever the rows of others") {
    auto rules = committed();
    rules.producer_rows = 1;
    slow_store keep;
    rig q{rules, &keep};
    for (std::uint64_t i = 0; i < 3; ++i) {
        const auto p = q->hello_producer({4, i}, 1).producer;
        q.put_as(p, 1, item("open"));
        q->producer_gone(p);
    }
    const auto again = q->hello_producer({1, 1}, 1);
    CHECK(again.known);
    CHECK(again.producer == q.producer);
    CHECK(q->counts().evicted_producers == 0);
    q.put("first");
    CHECK(q.status == put_status::taken);
    // Once the puts are decided the rows shrink to what they may be.
    q.hand_out();
    keep.result = true;
    q.pass(ms);
    q.hand_out();
    CHECK(q->producers_known() == 2);
    CHECK(q->counts().evicted_producers == 2);
}

TEST_CASE("a gap in the numbers or a floor beyond them is out of sequence, and changes nothing") {
    rig q;
    q.put("a");
    q.put_as(q.producer, 3, item("c"));
    CHECK(q.status == put_status::out_of_sequence);
    const auto x = item("x");
    CHECK(q->put(q.producer, 2, 3, std::span{&x, 1}) == put_status::out_of_sequence);
    CHECK(q->put(q.producer, 0, 1, std::span{&x, 1}) == put_status::out_of_sequence);
    CHECK(q->counts().admitted == 1);
}

TEST_CASE("a bad message has its own verdict, and its neighbours theirs") {
    leat::queue_rules rules;
    rules.max_message = 100;
    rig q{rules};
    q.put("good");
    q.put(std::string(101, 'x'));
    CHECK(q.out.verdicts.back().why == put_refusal::too_large);
    q.put("p", {.priority = 10});
    CHECK(q.out.verdicts.back().why == put_refusal::bad_message);
    q.put("k", {.key = std::string_view{"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"}});
    CHECK(q.out.verdicts.back().what == verdict::stored);
    q.put("d", {.delay = 366 * 24 * 3600 * second});
    CHECK(q.out.verdicts.back().why == put_refusal::bad_message);
    q.put("t", {.ttl = 0});
    CHECK(q.out.verdicts.back().why == put_refusal::expired);
    q->drain(true);
    q.put("late");
    CHECK(q.out.verdicts.back().why == put_refusal::draining);
    CHECK(q.out.verdicts.back().first == 7);
}

TEST_CASE("after a refusal an in-order producer gets nothing stored until it resumes") {
    leat::queue_rules rules;
    rules.overflow = leat::queue_overflow::reject;
    rules.max_messages = 1;
    rig q{rules};
    q->set_in_order(q.producer, true);
    const auto c = q.consumer(1);
    q.put("a");
    const auto given = q.hand_out();
    q.put("b");
    CHECK(q.out.verdicts.back().why == put_refusal::full);
    q.settle(c, outcome::ack, given[0].d);
    q.put("c");
    CHECK(q.out.verdicts.back().why == put_refusal::after_refusal);
    q->set_in_order(q.producer, true);
    q.put("d");
    CHECK(q.out.verdicts.back().what == verdict::stored);
}
