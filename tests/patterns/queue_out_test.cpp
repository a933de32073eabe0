// P5: what consumers in the queue's own process hold when it ends without a word.

#include <leat/error.hpp>
#include <leat/queue/store_contents.hpp>

#include "support/store_file.hpp"
#include "support/stored_queue.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

using namespace queue_rig;
using leat::outcome;
using support::temporary_directory;
using texts = std::vector<std::string>;

namespace {

constexpr bool here = true;

leat::queue_rules quick(std::uint32_t max_attempts = 5) {
    leat::queue_rules rules;
    rules.max_attempts = max_attempts;
    rules.retry = {.first = std::chrono::seconds{1}, .factor = 1, .jitter = 0};
    return rules;
}

/// Three messages are there, and the process has ended without a word.
void leave_three(const std::filesystem::path& directory, bool clean) {
    stored_queue q{directory, quick()};
    const auto p = q.producer().producer;
    for (std::uint64_t n = 1; n <= 3; ++n) q.put(p, n, std::to_string(n));
    q.pass();
    if (clean) q.close();
}

/// Hands out, and sends it once the commit that this needs is good.
void recorded(stored_queue& q) {
    q.pass();
    q.pass();
}

texts taken(stored_queue& q) {
    texts all;
    for (const auto& one : q.out.deliveries) all.push_back(one.body + "/" + std::to_string(one.attempts));
    q.out.deliveries.clear();
    return all;
}

}  // namespace

TEST_CASE("P5: after an unclean end the first hand-out waits for the commit that records it") {
    const temporary_directory at{temporary_directory::in_memory()};
    for (const bool clean : {true, false}) {
        for (const bool inside : {true, false}) {
            CAPTURE(clean);
            CAPTURE(inside);
            const temporary_directory place{temporary_directory::in_memory()};
            leave_three(place.path(), clean);
            stored_queue q{place.path(), quick()};
            q.consumer(1, inside);
            q.finish_pass();
            CHECK(taken(q) == (inside && !clean ? texts{} : texts{"1/0", "2/0", "3/0"}));
            CHECK_EQ(q->depth().in_flight, 3);
            q.pass();
            CHECK(taken(q) == (inside && !clean ? texts{"1/0", "2/0", "3/0"} : texts{}));
            q.pass(600 * ms);
            q.pass(600 * ms);
            const auto p = q.producer(2).producer;
            constexpr int to_wait = 1024;
            const auto waits_for_its_commit = inside && !clean;
            for (int n = 1; n <= to_wait; ++n) {
                q.put(p, static_cast<std::uint64_t>(n), "one to wait");
                if (n % (to_wait / 2) != 0) continue;
                q.pass();  // stored,
                CHECK_EQ(taken(q).size(), waits_for_its_commit ? 0 : to_wait / 2);
                q.pass();  // and recorded, though a second has passed
                CHECK_EQ(taken(q).size(), waits_for_its_commit ? to_wait / 2 : 0);
            }
            q.put(p, to_wait + 1, "later");
            q.pass();
            CHECK(taken(q) == texts{"later/0"});
        }
    }
}

TEST_CASE("P5: what was out is suspect, then alone and charged, and at last dead; the others are not") {
    const temporary_directory at{temporary_directory::in_memory()};
    leave_three(at.path(), false);
    {
        stored_queue q{at.path(), quick(2)};
        q.consumer(1, here);
        recorded(q);
        CHECK_EQ(q.out.deliveries.size(), 3);
    }
    {
        stored_queue q{at.path(), quick(2)};
        CHECK_EQ(q->counts().lost, 3);
        CHECK_EQ(q->counts().lost_sole, 0);
        const auto c = q.consumer(1, here);
        recorded(q);
        CHECK(taken(q) == texts{"1/0"});  // alone (D4)
        q.settle(c, outcome::ack, 1);
        q.finish_pass();
        CHECK(taken(q) == texts{});  // a suspect waits for its commit
        recorded(q);
        CHECK(taken(q) == texts{"2/0"});
    }
    {
        stored_queue q{at.path(), quick(2)};
        CHECK_EQ(q->counts().acked, 1);
        CHECK_EQ(q->counts().lost_sole, 1);
        CHECK_EQ(q->depth().delayed, 1);
        const auto c = q.consumer(1, here);
        recorded(q);
        CHECK(taken(q) == texts{"3/0"});
        q.settle(c, outcome::ack, 1);
        q.pass(900 * ms);
        q->heard(c);
        q.pass(200 * ms);
        recorded(q);
        CHECK(taken(q) == texts{"2/1"});
    }
    {
        stored_queue q{at.path(), quick(2)};
        CHECK_EQ(q->depth().live(), 0);
        REQUIRE_EQ(q->dead()->depth().live(), 1);
        q->letters({}, 1, [&](const letter_view& one) {
            CHECK_EQ(as_text(one.body), "2");
            CHECK((one.what->why == leat::death::lost));
            CHECK_EQ(one.what->attempts, 2);
        });
        CHECK(adds_up(*q.operator->()));
        q.pass(20 * ms);
    }
    CHECK(leat::read_store(at.path()).damages == texts{});
    stored_queue q{at.path(), quick(2)};
    CHECK_EQ(q->dead()->depth().live(), 1);
    CHECK_EQ(q->counts().lost_sole, 2);
    CHECK(adds_up(*q.operator->()));
}

TEST_CASE("P5: consumers elsewhere outlive the queue, so what they hold is not charged") {
    const temporary_directory at{temporary_directory::in_memory()};
    leave_three(at.path(), false);
    {
        stored_queue q{at.path(), quick()};
        q.consumer();
        q.pass();
        q.put(q.producer(2).producer, 1, "a commit");
        q.pass();
        CHECK_EQ(q->depth().in_flight, 4);
    }
    stored_queue q{at.path(), quick()};
    CHECK_EQ(q->counts().lost, 0);
    CHECK(q.bodies() == texts{"1", "2", "3", "a commit"});
}

TEST_CASE("P5: nothing is charged after a close, and not by a row of an opening before it") {
    const temporary_directory at{temporary_directory::in_memory()};
    leave_three(at.path(), false);
    {
        stored_queue q{at.path(), quick()};
        q.consumer(1, here);
        recorded(q);
        q.close();  // with what is held
    }
    { const stored_queue ends_at_once{at.path(), quick()}; }
    stored_queue q{at.path(), quick()};
    CHECK_EQ(q->counts().lost, 0);
    CHECK(q.bodies() == texts{"1", "2", "3"});
}

TEST_CASE("P5: a charge that was not committed is made again, once") {
    const temporary_directory at{temporary_directory::in_memory()};
    leave_three(at.path(), false);
    {
        stored_queue q{at.path(), quick()};
        q.consumer(1, here);
        recorded(q);
    }
    for (int i = 0; i < 3; ++i) {
        const stored_queue ends_at_once{at.path(), quick()};
    }
    {
        stored_queue q{at.path(), quick()};
        CHECK_EQ(q->counts().lost, 3);
        q.pass(20 * ms);
    }
    stored_queue q{at.path(), quick()};
    CHECK_EQ(q->counts().lost, 3);
    CHECK_EQ(q->depth().ready, 3);
}

TEST_CASE("P5: what waits for its commit is not lost when its consumer goes, and is sent when it stays") {
    const temporary_directory at{temporary_directory::in_memory()};
    leave_three(at.path(), false);
    stored_queue q{at.path(), quick()};
    const auto c = q.consumer(1, here);
    q.finish_pass();
    CHECK_EQ(q->depth().in_flight, 3);
    q->lose(c);
    CHECK_EQ(q->counts().lost, 0);
    CHECK_EQ(q->counts().released, 3);
    q.pass();
    CHECK(taken(q) == texts{});
    q.consumer(2, here);
    recorded(q);
    CHECK(taken(q) == texts{"1/0", "2/0", "3/0"});
}

TEST_CASE("P5: a row of what is out that is damaged, or names what is not there, is named") {
    const temporary_directory at{temporary_directory::in_memory()};
    leave_three(at.path(), false);
    leat::detail::queueing::octets row;
    encode(row, std::vector<leat::detail::queueing::out_range>{{2, 9, false}});
    support::set_meta(at.path(), "0.out", row);
    CHECK(leat::read_store(at.path()).damages == texts{"0.out has message 9, which is not there"});
    row.pop_back();
    support::set_meta(at.path(), "0.out", row);
    CHECK(leat::read_store(at.path()).damages == texts{"0.out is damaged"});
    CHECK_THROWS_WITH_AS(stored_queue{at.path()}, doctest::Contains("what is out of 0. is damaged"),
                         leat::error);
}
