// What a queue on disk is after it was opened again.

#include <leat/queue/store_contents.hpp>

#include "support/store_file.hpp"
#include "support/stored_queue.hpp"
#include "support/temporary_directory.hpp"
#include "support/throws.hpp"

#include <doctest/doctest.h>

#include <unistd.h>

#include <fstream>

using namespace queue_rig;
using namespace std::chrono_literals;
using leat::outcome;
using support::content;
using support::set_format;
using support::temporary_directory;
using texts = std::vector<std::string>;

TEST_CASE("what was confirmed is there again, in order, with all that it was put with") {
    const temporary_directory at;
    {
        stored_queue q{at.path()};
        const auto p = q.producer().producer;
        q.put(p, 1, "one", {.head = as_bytes("head of one")});
        q.put(p, 2, "urgent", {.priority = 9});
        q.pass();
        q.put(p, 3, std::string(9000, 'x'));
        q.put(p, 4, "");
        q.pass();
        REQUIRE_EQ(q->counts().confirmed, 4);
        q.put(p, 5, "nobody was told of this one");
    }
    stored_queue q{at.path()};
    CHECK_FALSE(q.store().was_clean());
    CHECK_EQ(q->depth().ready, 4);
    CHECK_EQ(q->counts().confirmed, 4);
    CHECK_EQ(q->counts().admitted, 4);
    CHECK(q.bodies() == texts{"urgent", "one", std::string(9000, 'x'), ""});
    CHECK_EQ(q.out.deliveries[1].head, "head of one");
    CHECK_EQ(q.out.deliveries[1].seq, 1);
    CHECK(adds_up(*q.operator->()));
}

TEST_CASE("what was acked is gone, what was in flight is back, and new puts come behind it") {
    const temporary_directory at;
    {
        stored_queue q{at.path()};
        const auto p = q.producer().producer;
        for (std::uint64_t n = 1; n <= 5; ++n) q.put(p, n, std::to_string(n));
        const auto c = q.consumer();
        q.pass();
        q.settle(c, outcome::ack, 2);
        q.settle(c, outcome::ack, 4);
        q.pass(20 * ms);
        q.settle(c, outcome::ack, 1);  // not committed yet
    }
    {
        stored_queue q{at.path()};
        CHECK_EQ(q->counts().acked, 2);
        const auto p = q.producer(1, 6).producer;
        q.put(p, 6, "6");
        q.pass();
        CHECK(q.bodies() == texts{"1", "3", "5", "6"});
        CHECK_EQ(q.out.deliveries.back().seq, 6);
        for (std::uint64_t d = 1; d <= 4; ++d) q.settle(1, outcome::release, d);
        q.close();
    }
    stored_queue q{at.path()};
    CHECK(q.store().was_clean());
    CHECK_EQ(q->depth().ready, 4);
}

TEST_CASE("attempts and back-offs outlive a crash, and the back-off holds the key") {
    const temporary_directory at;
    leat::queue_rules rules;
    rules.retry = {.first = 10s, .factor = 1, .jitter = 0};
    {
        stored_queue q{at.path(), rules};
        const auto p = q.producer().producer;
        q.put(p, 1, "first of its key", {.key = "k"});
        q.put(p, 2, "second", {.key = "k"});
        q.put(p, 3, "without");
        const auto c = q.consumer();
        q.pass();
        q.settle(c, outcome::retry, 1);
        q.pass(20 * ms);
    }
    stored_queue q{at.path(), rules, second};
    CHECK_EQ(q->depth().delayed, 1);
    CHECK_EQ(q->depth().waiting, 1);
    CHECK(q.bodies() == texts{"without"});
    for (int i = 0; i < 10; ++i) {
        q.pass(900 * ms);
        q->heard(0);
    }
    REQUIRE_EQ(q.out.deliveries.size(), 2);
    CHECK_EQ(q.out.deliveries.back().body, "first of its key");
    CHECK_EQ(q.out.deliveries.back().attempts, 1);
}

TEST_CASE("a delay, a ttl and a line of a key are what they were") {
    const temporary_directory at;
    {
        stored_queue q{at.path()};
        const auto p = q.producer().producer;
        q.put(p, 1, "a", {.key = "k"});
        q.put(p, 2, "later", {.key = "k", .delay = 100 * second});
        q.put(p, 3, "b", {.key = "k"});
        q.put(p, 4, "short-lived", {.ttl = 50 * second});
        q.pass();
    }
    stored_queue q{at.path(), {}, 60 * second};
    q.pass();
    CHECK_EQ(q->counts().expired, 1);
    CHECK_EQ(q->depth().ready, 1);
    CHECK_EQ(q->depth().waiting, 1);
    CHECK_EQ(q->depth().delayed, 1);
    CHECK(q.bodies() == texts{"a"});
}

TEST_CASE(
    "a producer of before the crash is known: what it stored is not stored twice, what was refused stays "
    "so") {
    const temporary_directory at;
    leat::queue_rules rules;
    rules.max_messages = 2;
    rules.overflow = leat::queue_overflow::reject;
    {
        stored_queue q{at.path(), rules};
        const auto p = q.producer().producer;
        for (std::uint64_t n = 1; n <= 3; ++n) q.put(p, n, std::to_string(n), {.id = n == 1 ? "an id" : ""});
        q.pass();
        REQUIRE_EQ(q->counts().refused_sum(), 1);
    }
    rules.max_messages = 10;
    stored_queue q{at.path(), rules};
    const auto welcome = q.producer();
    CHECK(welcome.known);
    CHECK_EQ(welcome.decided, 3);
    REQUIRE_EQ(welcome.refused.size(), 1);
    CHECK_EQ(welcome.refused[0].first, 3);
    CHECK((welcome.refused[0].why == leat::put_refusal::full));
    q.put(welcome.producer, 2, "2");
    q.put(welcome.producer, 4, "other", {.id = "an id"});
    q.pass();
    CHECK_EQ(q->counts().same_id, 1);
    CHECK(q.bodies() == texts{"1", "2"});
}

TEST_CASE("dead letters are where they were, keep their origin, and can be sent back") {
    const temporary_directory at;
    leat::message_origin origin;
    {
        stored_queue q{at.path()};
        const auto p = q.producer().producer;
        q.put(p, 1, "poison", {.key = "k"});
        q.put(p, 2, "good");
        const auto c = q.consumer();
        q.pass();
        q.settle(c, outcome::reject, 1);
        q.pass(20 * ms);
        REQUIRE_EQ(q->dead()->depth().ready, 1);
        q->letters({}, 10, [&](const letter_view& one) { origin = one.what->origin; });
    }
    stored_queue q{at.path()};
    REQUIRE_EQ(q->dead()->depth().ready, 1);
    CHECK_EQ(q->depth().ready, 1);
    int seen = 0;
    q->letters({}, 10, [&](const letter_view& one) {
        ++seen;
        CHECK_EQ(as_text(one.body), "poison");
        CHECK((one.what->why == leat::death::rejected));
        CHECK((one.what->origin == origin));
        CHECK_EQ(one.what->attempts, 1);
    });
    CHECK_EQ(seen, 1);
    CHECK_EQ(q->redrive({}, 10).moved, 1);
    q.pass(20 * ms);
    CHECK(q.bodies() == texts{"good", "poison"});
    CHECK(adds_up(*q.operator->()));
}

TEST_CASE("with an interval what was taken and handed out before it was written keeps its priority") {
    const temporary_directory at;
    leat::queue_rules rules;
    rules.durability = leat::durability::interval;
    {
        stored_queue q{at.path(), rules};
        const auto p = q.producer().producer;
        const auto c = q.consumer();
        q.put(p, 1, "low", {.priority = 2});
        q.put(p, 2, "high", {.priority = 8});
        q.put(p, 3, "acked", {.priority = 8});
        q.finish_pass();
        REQUIRE_EQ(q.out.deliveries.size(), 3);
        CHECK_EQ(q->counts().confirmed, 3);
        q.settle(c, outcome::ack, 2);
        REQUIRE(q.commit());
    }
    stored_queue q{at.path(), rules};
    CHECK(q.bodies() == texts{"high", "low"});
}

TEST_CASE("a queue's space is used again once it has drained") {
    const temporary_directory at;
    stored_queue q{at.path(), {}, 0, 0};
    const auto p = q.producer().producer;
    const auto c = q.consumer();
    std::uintmax_t after_first = 0;
    std::uint64_t n = 0;
    for (int round = 0; round < 50; ++round) {
        for (int i = 0; i < 200; ++i) q.put(p, ++n, std::string(1000, 'x'));
        q.pass();
        for (auto d = n - 199; d <= n; ++d) q.settle(c, outcome::ack, d);
        q.pass(20 * ms);
        if (round == 4) after_first = std::filesystem::file_size(at.path() / "data.mdb");
    }
    CHECK_EQ(q->depth().live(), 0);
    CHECK_EQ(std::filesystem::file_size(at.path() / "data.mdb"), after_first);
}

TEST_CASE("bodies beyond what is kept in memory come from the disk, in order") {
    const temporary_directory at{temporary_directory::in_memory()};
    stored_queue q{at.path()};
    q->bound_warm(10'000);
    const auto p = q.producer().producer;
    texts all;
    for (std::uint64_t n = 1; n <= 300; ++n) {
        all.push_back(std::to_string(n) + std::string(n % 7 == 0 ? 9000 : 100, 'x'));
        q.put(p, n, all.back());
        if (n % 3 == 0) q.pass();
    }
    CHECK(q.bodies() == all);
    CHECK_EQ(q->depth().in_flight, 300);
}

TEST_CASE("a body that is damaged is not handed out, and its queue says so") {
    const temporary_directory at;
    {
        stored_queue q{at.path(), {}, 0, 0};
        q.put(q.producer().producer, 1, std::string(20'000, 'b'));
        q.pass();
    }
    std::fstream file{at.path() / "data.mdb", std::ios::in | std::ios::out | std::ios::binary};
    std::string all{std::istreambuf_iterator<char>{file}, {}};
    const auto body = all.find(std::string(10'000, 'b'));
    REQUIRE_NE(body, std::string::npos);
    file.seekp(static_cast<std::streamoff>(body)).put('c').flush();
    const auto found = leat::read_store(at.path());
    CHECK(found.damages == texts{"0.record 1: bodies are damaged"});
    CHECK(leat::read_store(at.path(), false).damages == texts{});
    stored_queue q{at.path()};
    CHECK(q.bodies() == texts{});
    CHECK_EQ(q->depth().ready, 1);
    CHECK_NE(q.warnings.about("it is damaged"), "");
}

namespace {

/// Changes one row of a store, as the store would.
void set_row(const std::filesystem::path& directory, const std::string& table, std::uint64_t key,
             octets value) {
    namespace lmdb = leat::detail::lmdb;
    const lmdb::environment env{directory, 0, 1 << 30};
    lmdb::transaction in{env};
    seal_row(lmdb::bytes_of_key(key), value);
    in.put(in.open(table, MDB_INTEGERKEY), lmdb::bytes_of_key(key), value);
    in.commit();
}

}  // namespace

TEST_CASE("what is in a directory can be read, and damage is named") {
    const temporary_directory at;
    {
        stored_queue q{at.path()};
        const auto p = q.producer().producer;
        for (std::uint64_t n = 1; n <= 4; ++n)
            q.put(p, n, std::to_string(n), {.id = "i" + std::to_string(n)});
        const auto c = q.consumer();
        q.pass();
        q.settle(c, outcome::reject, 1);
        q.settle(c, outcome::ack, 2);
        q.settle(c, outcome::retry, 3);
        q.close();
        CHECK_THROWS_LEAT(leat::read_store(at.path() / "none"), leat::errc::store_unreadable,
                          "no queue in it");
    }
    const auto good = leat::read_store(at.path());
    CHECK_EQ(good.queue, "work");
    CHECK(good.clean);
    CHECK_EQ(good.messages.messages, 2);
    CHECK_EQ(good.dead_letters.messages, 1);
    CHECK_EQ(good.producers, 1);
    CHECK_EQ(good.ids, 4);
    CHECK_EQ(good.messages.counts.acked, 1);
    CHECK(good.damages == texts{});

    set_row(at.path(), "0.touched", 3, octets(5));
    set_row(at.path(), "0.touched", 99, octets(11));
    set_row(at.path(), "1.letters", 7, octets(3));
    CHECK(leat::read_store(at.path()).damages == texts{"0.touched 3 is damaged", "1.letters 7 is damaged",
                                                       "0.touched has message 99, which is not there"});
    CHECK_THROWS_LEAT(stored_queue{at.path()}, leat::errc::store_unreadable, "row 3 of 0.touched is damaged");
}

TEST_CASE("a directory in use is refused, in the same process too") {
    const temporary_directory at;
    const stored_queue q{at.path()};
    CHECK_THROWS_LEAT(stored_queue{at.path()}, leat::errc::store_in_use, "in use by a queue of this process");
}

TEST_CASE("a newer format is refused, and so is another queue's directory; neither is touched") {
    const temporary_directory at;
    { stored_queue q{at.path()}; }
    disk_store_options other{.directory = at.path(), .name = "other", .map_size = 1 << 30};
    auto before = content(at.path() / "data.mdb");
    CHECK_THROWS_LEAT(disk_store{other}, leat::errc::store_unreadable,
                      "it is of the queue work, not of other");
    CHECK(content(at.path() / "data.mdb") == before);
    set_format(at.path(), store_format + 1);
    before = content(at.path() / "data.mdb");
    CHECK_THROWS_LEAT(stored_queue{at.path()}, leat::errc::store_unreadable,
                      "its format is 4; this version of leat reads 1 to 3");
    CHECK(content(at.path() / "data.mdb") == before);
}

TEST_CASE("a directory that is no store is refused, and one that is damaged") {
    const temporary_directory at;
    std::ofstream{at.path() / "data.mdb"} << std::string(20'000, 'x');
    CHECK_THROWS_LEAT(stored_queue{at.path()}, leat::errc::store_unreadable, at.path().string());
}
