// Keys, priorities, delays, ttl and overflow. Numbers are those of the forty tests of the queue's rules.

#include "support/queue_rig.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace queue_rig;
using namespace std::chrono_literals;
using leat::outcome;

namespace {

leat::queue_rules without_jitter() {
    leat::queue_rules rules;
    rules.retry.jitter = 0;
    rules.lease = 300s;
    return rules;
}

std::vector<std::string> bodies(const std::vector<delivered>& all) {
    std::vector<std::string> out;
    for (const auto& d : all) out.push_back(d.body);
    return out;
}
using texts = std::vector<std::string>;

}  // namespace

TEST_CASE("11: a message that is retried four times holds its key, and no other") {
    rig q{without_jitter()};
    const auto c = q.consumer(1);
    q.put("head", {.key = "k"});
    for (int i = 0; i < 100; ++i) q.put("k" + std::to_string(i), {.key = "k"});
    int tries = 0, others = 0;
    std::vector<std::string> of_key;
    for (int round = 0; round < 400; ++round) {
        q.pass(50 * ms);
        q->heard(c);
        q.put("other", {.key = "o" + std::to_string(round)});
        for (const auto& d : q.hand_out()) {
            if (d.body == "head" && ++tries <= 4) {
                q.settle(c, outcome::retry, d.d);
                continue;
            }
            others += d.body == "other" ? 1 : 0;
            if (d.body != "other") of_key.push_back(d.body);
            q.settle(c, outcome::ack, d.d);
        }
        if (tries < 5) CHECK(of_key.empty());
        CHECK(others == round + 1);
    }
    CHECK(tries == 5);
    REQUIRE(of_key.size() >= 2);
    CHECK(of_key[0] == "head");
    for (std::size_t i = 1; i < of_key.size(); ++i) CHECK(of_key[i] == "k" + std::to_string(i - 1));
}

TEST_CASE("12: a high priority waits behind a low one of its key, and not behind others") {
    rig q{without_jitter()};
    q->pause_takes(true);
    q.put("low", {.key = "k", .priority = 1});
    q.put("high", {.key = "k", .priority = 9});
    q.put("free", {.priority = 9});
    const auto c = q.consumer(1);
    q->pause_takes(false);
    const auto given = q.hand_out();
    CHECK(bodies(given) == texts{"free", "low"});
    q.settle(c, outcome::ack, given[1].d);
    CHECK(bodies(q.hand_out()) == texts{"high"});
}

TEST_CASE(
    "13: a delayed message of a key takes its place at its due time, between those put before and after it") {
    rig q{without_jitter()};
    q.put("before", {.key = "k"});
    q.put("delayed", {.key = "k", .delay = 500 * ms});
    q.hand_out();
    q.pass(200 * ms);
    q.put("meanwhile", {.key = "k"});
    q.hand_out();
    q.pass(400 * ms);
    q.put("after", {.key = "k"});
    q.hand_out();
    const auto c = q.consumer(1);
    texts order;
    for (int i = 0; i < 4; ++i) {
        for (const auto& d : q.hand_out()) {
            order.push_back(d.body);
            q.settle(c, outcome::ack, d.d);
        }
    }
    CHECK(order == texts{"before", "meanwhile", "delayed", "after"});
}

TEST_CASE(
    "K4: what falls due while puts before it are pending joins after them, within the bounds of a pass") {
    auto rules = without_jitter();
    rules.durability = leat::durability::commit;
    slow_store keep;
    rig q{rules, &keep};
    const auto commit = [&] {
        q.hand_out();
        keep.result = true;
        q.pass();
    };
    constexpr std::uint64_t n = 20'000;
    for (std::uint64_t i = 0; i < n; ++i) q.put("delayed", {.key = "k", .delay = 20 * ms});
    commit();
    q.pass(10 * ms);
    q.put("before", {.key = "k"});
    q.hand_out();
    q.pass(20 * ms);
    q.settle_down();
    CHECK(q->depth().delayed == n);
    keep.result = true;
    q.pass();
    CHECK_FALSE(q->run_timers());
    CHECK(q->depth().delayed == n - 4096);
    q.settle_down();
    CHECK(q->depth().waiting == n);
    q.consumer(1);
    CHECK(bodies(q.hand_out()) == texts{"before"});
    CHECK(q->purge() == n);
}

TEST_CASE("14: when the head of a key expires in its back-off, the next is delivered at that moment") {
    auto rules = without_jitter();
    rules.retry.first = 60s;
    rig q{rules};
    const auto c = q.consumer(1);
    q.put("head", {.key = "k", .ttl = 2 * second});
    q.put("next", {.key = "k"});
    const auto given = q.hand_out();
    q.settle(c, outcome::retry, given[0].d);
    q.go_on(second + 900 * ms);
    CHECK(q->depth().waiting == 1);
    CHECK(q->next_deadline() <= q.now() + 100 * ms);
    q.pass(100 * ms);
    CHECK(bodies(q.hand_out()) == texts{"next"});
    CHECK(q->counts().expired == 1);
}

TEST_CASE("15: a ttl shorter than the delay begins when the message is due") {
    rig q{without_jitter()};
    q.consumer(1);
    q.put("a", {.ttl = second, .delay = 5 * second});
    q.go_on(5 * second - 100 * ms);
    CHECK(q->depth().delayed == 1);
    q.go_on(100 * ms);
    CHECK(bodies(q.out.deliveries) == texts{"a"});
    q->pause_takes(true);
    q.put("b", {.ttl = second, .delay = 5 * second});
    q.go_on(5 * second + 900 * ms);
    CHECK(q->depth().ready == 1);
    q.go_on(100 * ms);
    CHECK(q->counts().expired == 1);
}

TEST_CASE(
    "a line of a hundred thousand that expires at once does so in bounded passes, and the key goes on") {
    for (const auto rule : {leat::on_expiry::drop, leat::on_expiry::dead_letter}) {
        for (const bool own : {true, false}) {
            auto rules = without_jitter();
            rules.on_expiry = rule;
            rules.max_dead_messages = 1'000'000;
            if (!own) rules.ttl = 1s;
            rig q{rules};
            constexpr std::uint64_t n = 100'000;
            for (std::uint64_t i = 0; i < n; ++i)
                q.put("m", {.key = "k", .ttl = own ? std::optional{second} : std::nullopt});
            q.hand_out();
            CHECK(q->depth().waiting == n - 1);
            q.pass(second);
            CHECK_FALSE(q->run_timers());
            CHECK(q->depth().live() >= n - 4096);
            q.settle_down();
            CHECK(q->depth().live() == 0);
            CHECK((rule == leat::on_expiry::drop ? q->counts().expired : q->counts().dead_sum()) == n);
            CHECK(q->keys_known() == 0);
            CHECK(adds_up(*q));
            q.put("after", {.key = "k"});
            q.consumer(1);
            CHECK(bodies(q.hand_out()) == texts{"after"});
        }
    }
}

TEST_CASE("waiters that expire behind a living one leave no holes that cost time or memory") {
    rig q{without_jitter()};
    q->pause_takes(true);
    q.put("first", {.key = "k"});
    q.put("second", {.key = "k"});
    constexpr std::uint64_t n = 100'000;
    for (std::uint64_t i = 0; i < n; ++i) {
        q.put("m", {.key = "k", .ttl = second});
        if (i % 100 == 0) q.put(std::to_string(i), {.key = "k"});
    }
    q.hand_out();
    const auto before = q->memory();
    q.pass(second);
    q.settle_down();
    CHECK(q->counts().expired == n);
    CHECK(q->depth().waiting == 1 + n / 100);
    CHECK(q->memory() + n * 16 / 2 < before);
    // One dies behind a living one with each put: the line stays as short as it is.
    const auto small = q->memory();
    for (int i = 0; i < 2000; ++i) {
        q.put("m", {.key = "k", .ttl = ms});
        q.hand_out();
        q.pass(ms);
        q.hand_out();
    }
    CHECK(q->memory() < small + 200 * 1024);
    q.consumer(1);
    q->pause_takes(false);
    std::vector<std::string> left;
    for (std::uint64_t i = 0; i < 2 + n / 100; ++i) {
        for (const auto& d : q.hand_out()) {
            left.push_back(d.body);
            q.settle(d.holder, outcome::ack, d.d);
        }
        q.pass();
    }
    REQUIRE(left.size() == 2 + n / 100);
    for (std::size_t i = 2; i < left.size(); ++i) CHECK(left[i] == std::to_string((i - 2) * 100));
}

TEST_CASE("drop_oldest finds the oldest of fifty thousand suspects at once") {
    auto rules = without_jitter();
    rules.overflow = leat::queue_overflow::drop_oldest;
    rules.max_messages = 50'000;
    rules.max_in_flight = 100'000;
    rig q{rules};
    const auto c = q.consumer(1);
    for (int i = 0; i < 50'000; ++i) q.put("old", {.priority = static_cast<std::uint8_t>(i % 10)});
    q.settle_down();
    q.pass();
    q->lose(c);
    CHECK(q->depth().ready == 50'000);
    for (int i = 0; i < 50'000; ++i) q.put("new");
    CHECK(q->counts().overflow == 50'000);
    CHECK(q->depth().live() == 50'000);
    q->peek(1, [](const ready_view& one) { CHECK(one.seq == 50'001); });
}

TEST_CASE("an ack that frees a line of expired messages leaves them to the next passes") {
    auto rules = without_jitter();
    rules.lease = 300s;
    rig q{rules};
    const auto c = q.consumer(1);
    q.put("held", {.key = "k"});
    const auto given = q.hand_out();
    constexpr std::uint64_t n = 20'000;
    for (std::uint64_t i = 0; i < n; ++i) q.put("m", {.key = "k", .ttl = second});
    q.hand_out();
    q.pass(second);
    q.settle(c, outcome::ack, given[0].d);
    CHECK(q->counts().expired == 0);
    q.out.deliveries.clear();
    q.settle_down();
    CHECK(q->counts().expired == n);
    CHECK(q.out.deliveries.empty());
}

TEST_CASE("what has expired beyond what a pass can do is dropped at hand-out, and spoils no batch") {
    auto rules = without_jitter();
    rules.max_bytes = 1 << 30;
    rig q{rules};
    q->bound_passes(200);
    // Lines of records of which little is left: an end rewrites one while its neighbours are handed out.
    std::vector<std::string> all;
    for (int i = 0; i < 3000; ++i) {
        all.push_back(std::to_string(i) + std::string(400, static_cast<char>('a' + i % 26)));
        q.put(all.back(), i % 16 == 0 ? put_item{} : put_item{.ttl = second + i});
    }
    q.settle_down();
    q.pass(2 * second);
    q.consumer(1);
    q.out.deliveries.clear();
    std::size_t seen = 0;
    for (int pass = 0; pass < 100; ++pass) {
        static_cast<void>(q->hand_out());  // without timers: all that expires does so at hand-out
        q.pass();
    }
    for (const auto& d : q.out.deliveries) {
        CHECK(d.body == all[seen]);
        seen += 16;
    }
    CHECK(seen >= 3000);
    CHECK(q->depth().ready == 0);
    CHECK(adds_up(*q));
}

TEST_CASE("16: drop_oldest refuses when all is in flight, and takes again after one ack") {
    auto rules = without_jitter();
    rules.overflow = leat::queue_overflow::drop_oldest;
    rules.max_messages = 3;
    rig q{rules};
    const auto c = q.consumer(1);
    for (const auto* body : {"a", "b", "c"}) q.put(body);
    const auto given = q.hand_out();
    REQUIRE(given.size() == 3);
    q.put("d");
    CHECK(q.out.verdicts.back().why == leat::put_refusal::full);
    q.settle(c, outcome::ack, given[1].d);
    q.put("e");
    CHECK(q.out.verdicts.back().what == leat::verdict::stored);
    CHECK(q->counts().overflow == 0);
}

TEST_CASE("drop_oldest drops what was taken in the same pass, when nothing older is left") {
    for (const auto how : {leat::durability::memory, leat::durability::interval}) {
        auto rules = without_jitter();
        rules.durability = how;
        rules.overflow = leat::queue_overflow::drop_oldest;
        rules.max_messages = 1000;
        rig q{rules};
        for (int i = 0; i < 5000; ++i) q.put(std::to_string(i), {.key = i % 7 == 0 ? "k" : ""});
        q.put("delayed", {.delay = second});
        for (int i = 0; i < 999; ++i) q.put(std::to_string(i));
        CHECK(q->counts().refused_sum() == 0);
        CHECK(q->counts().overflow == 5000);
        q.hand_out();
        CHECK(q->depth().live() == 1000);
        CHECK(q->depth().delayed == 1);
        q.consumer(1);
        CHECK(bodies(q.hand_out()).front() == "0");
        CHECK(adds_up(*q));
    }
}

TEST_CASE("17: drop_oldest drops the smallest place that waits, and not the head that holds the key") {
    auto rules = without_jitter();
    rules.overflow = leat::queue_overflow::drop_oldest;
    rules.max_messages = 10'001;
    rig q{rules};
    const auto c = q.consumer(1);
    q.put("held", {.key = "k"});
    const auto given = q.hand_out();
    for (int i = 0; i < 10'000; ++i) q.put(std::to_string(i), {.key = "k"});
    q.hand_out();
    CHECK(q->depth().waiting == 10'000);
    q.put("one more", {.key = "k"});
    q.hand_out();
    CHECK(q->counts().overflow == 1);
    CHECK(q->depth().in_flight == 1);
    q.settle(c, outcome::ack, given[0].d);
    CHECK(bodies(q.hand_out()) == texts{"1"});
}

TEST_CASE("35: queue time follows the monotonic clock alone, and never goes back") {
    rig q{without_jitter()};
    const auto from = q->queue_time();
    q.put("later", {.ttl = 2 * second, .delay = second});
    q.pass(400 * ms);
    CHECK(q->queue_time() == from + 400 * ms);
    q.pass(-300 * ms);
    CHECK(q->queue_time() == from + 400 * ms);
    const auto c = q.consumer(1);
    q.pass(899 * ms);
    CHECK(q.hand_out().empty());
    q.pass(ms);
    CHECK(q.hand_out().size() == 1);
    CHECK(q->consumer(c).held == 1);
}

TEST_CASE("what comes back goes to its place, before what was put after it") {
    rig q{without_jitter()};
    const auto c = q.consumer(1, 2);
    for (const auto* body : {"a", "b", "c", "d"}) q.put(body);
    const auto given = q.hand_out();
    CHECK(bodies(given) == texts{"a", "b"});
    q.settle(c, outcome::release, given[1].d);
    q.settle(c, outcome::release, given[0].d);
    q->grant(c, 6, 1 << 30);
    CHECK(bodies(q.hand_out()) == texts{"a", "b", "c", "d"});
}

TEST_CASE("a second release in a row waits a tenth of a second, and costs no attempt") {
    rig q{without_jitter()};
    const auto c = q.consumer(1);
    q.put("a");
    const auto first = q.hand_out();
    q.settle(c, outcome::release, first[0].d);
    const auto again = q.hand_out();
    REQUIRE(again.size() == 1);
    q.settle(c, outcome::release, again[0].d);
    CHECK(q.hand_out().empty());
    q.pass(99 * ms);
    CHECK(q.hand_out().empty());
    q.pass(ms);
    const auto third = q.hand_out();
    REQUIRE(third.size() == 1);
    CHECK(third[0].attempts == 0);
    CHECK(third[0].deliveries == 2);
}

TEST_CASE("back-off doubles up to its cap, within its jitter") {
    leat::queue_rules rules;
    rules.retry = {.first = 1s, .factor = 2, .cap = 5s, .jitter = 0.2};
    rules.max_attempts = leat::unlimited_attempts;
    rig q{rules};
    const auto c = q.consumer(1);
    q.put("a");
    auto given = q.hand_out();
    for (const double wanted : {1.0, 2.0, 4.0, 5.0, 5.0}) {
        REQUIRE(given.size() == 1);
        q.settle(c, outcome::retry, given[0].d);
        const auto from = q.now();
        given.clear();
        while (given.empty() && q.now() < from + 10 * second) {
            q.pass(10 * ms);
            q->heard(c);
            given = q.hand_out();
        }
        const auto waited = static_cast<double>(q.now() - from) / static_cast<double>(second);
        CHECK(waited >= wanted * 0.8);
        CHECK(waited <= wanted * 1.2 + 0.011);
    }
}

TEST_CASE("a back-off that begins with nothing stays nothing, however often") {
    auto rules = without_jitter();
    rules.retry = {.first = 0s, .factor = 100, .cap = 5s, .jitter = 0};
    rules.max_attempts = leat::unlimited_attempts;
    rig q{rules};
    const auto c = q.consumer(1);
    q.put("a");
    auto given = q.hand_out();
    for (int i = 0; i < 400; ++i) {
        REQUIRE(given.size() == 1);
        q.settle(c, outcome::retry, given[0].d);
        given = q.hand_out();
    }
}

TEST_CASE("a batch has at most 64 messages and 64 KiB, and neighbours lie in one block") {
    rig q{without_jitter()};
    q->pause_takes(true);
    for (int i = 0; i < 200; ++i) q.put(std::string(100, 'x'));
    for (int i = 0; i < 4; ++i) q.put(std::string(30'000, 'y'));
    q.consumer(1);
    q->pause_takes(false);
    CHECK(q.hand_out().size() == 204);
    CHECK(q.out.batches == std::vector<std::size_t>{64, 64, 64, 10, 2});
}

TEST_CASE("the consumer that holds the fewest bytes is fed first, and nobody without credit") {
    rig q{without_jitter()};
    const auto a = q.consumer(1, 10), b = q.consumer(2, 10);
    q.consumer(3, 0);
    q.put(std::string(1000, 'x'));
    CHECK(q.hand_out()[0].holder == a);
    q.put("1");
    CHECK(q.hand_out()[0].holder == b);
    q.put("2");
    CHECK(q.hand_out()[0].holder == b);
}

TEST_CASE("a credit of bytes ends with the delivery that reaches it") {
    rig q{without_jitter()};
    const auto c = q.consumer(1, 100, 150);
    for (int i = 0; i < 5; ++i) q.put(std::string(100, 'x'));
    CHECK(q.hand_out().size() == 2);
    q->grant(c, 100, 201);
    CHECK(q.hand_out().size() == 1);
}

TEST_CASE("peek shows what is ready in the order of hand-out, and changes nothing") {
    rig q{without_jitter()};
    const auto c = q.consumer(1, 2);
    for (const auto* body : {"a", "b", "c"}) q.put(body);
    const auto given = q.hand_out();
    q.put("first of k", {.key = "k", .priority = 9});
    q.put("second of k", {.key = "k"});
    q.put("delayed", {.delay = second});
    q.put("d");
    q.hand_out();
    q.settle(c, outcome::release, given[1].d);
    const texts all{"first of k", "b", "c", "d"};
    for (std::uint64_t most = 0; most < 6; ++most) {
        texts seen;
        q->peek(most, [&](const ready_view& one) { seen.push_back(as_text(one.body)); });
        CHECK(seen == texts(all.begin(),
                            all.begin() + static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(most, 4))));
    }
    q->grant(c, 10, 1 << 30);
    CHECK(bodies(q.hand_out()) == all);
}

TEST_CASE("stat names the keys that are held and the age of what is ready") {
    rig q{without_jitter()};
    const auto c = q.consumer(1, 1);
    const auto from = q->queue_time();
    for (int i = 0; i < 4; ++i) q.put("k", {.key = "k"});
    q.put("x", {.key = "x", .priority = 2});
    q.hand_out();
    CHECK(q->keys_held() == 1);
    const auto held = q->longest_held(10);
    REQUIRE(held.size() == 1);
    CHECK(held[0].seq == 1);
    CHECK(held[0].waiting == 3);
    CHECK(q->oldest()[2] == from);
    CHECK_FALSE(q->oldest()[4].has_value());
    CHECK(q->consumer(c).credit_messages == 0);
    CHECK(q->consumer(c).held == 1);
}

TEST_CASE("purge leaves what is in flight, which may come back") {
    rig q{without_jitter()};
    const auto c = q.consumer(1, 1);
    for (int i = 0; i < 5; ++i) q.put(std::to_string(i), {.key = i < 3 ? "k" : ""});
    q.put("later", {.delay = second});
    const auto given = q.hand_out();
    CHECK(q->purge() == 5);
    CHECK(q->depth().live() == 1);
    q.settle(c, outcome::release, given[0].d);
    q->grant(c, 2, 1 << 30);
    CHECK(bodies(q.hand_out()) == texts{"0"});
    CHECK(adds_up(*q));
}
