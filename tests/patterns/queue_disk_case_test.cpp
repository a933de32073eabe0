// Cases of section 15 of the rules that need the disk, under their numbers: what an opening makes of them.

#include "support/stored_queue.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace queue_rig;
using namespace std::chrono_literals;
using leat::outcome;
using leat::put_refusal;
using leat::verdict;
using support::temporary_directory;
using texts = std::vector<std::string>;

namespace {

/// Takes and acks until nothing more comes.
texts take_all(stored_queue& q) {
    const auto c = q.consumer(5);
    texts all;
    for (std::size_t before = 0;; before = q.out.deliveries.size()) {
        q.pass(20 * ms);
        if (q.out.deliveries.size() == before) return all;
        for (auto i = before; i < q.out.deliveries.size(); ++i) {
            all.push_back(q.out.deliveries[i].body);
            q.settle(c, outcome::ack, q.out.deliveries[i].d);
        }
    }
}

/// Opens it again after a crash, which has left all that was done until now, and queue time as it is.
void restart(std::optional<stored_queue>& q, const temporary_directory& at, ticks later = 0) {
    (*q)->pause_puts(true);  // without any change there would be no commit
    (*q)->pause_puts(false);
    REQUIRE(q->commit());
    const auto until = (*q)->queue_time();
    q.emplace(at.path(), leat::queue_rules{}, later);
    REQUIRE_EQ((*q)->queue_time(), until + later);
}

/// LEAT_CASE_MESSAGES=1000000 is what the rules say.
std::uint64_t size_of_case(std::uint64_t otherwise) {
    const char* text = std::getenv("LEAT_CASE_MESSAGES");
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace

TEST_CASE("13: a delayed message of a key has its place between two others, wherever a restart comes") {
    const texts steps{"before", "delayed", "meanwhile", "due", "after"};
    for (std::size_t restart_after = 0; restart_after < steps.size(); ++restart_after) {
        CAPTURE(steps[restart_after]);
        const temporary_directory at{temporary_directory::in_memory()};
        std::optional<stored_queue> q{std::in_place, at.path()};
        auto p = q->producer().producer;
        std::uint64_t number = 0;
        for (std::size_t i = 0; i < steps.size(); ++i) {
            if (steps[i] == "due") {
                q->pass(400 * ms);
            } else {
                q->put(p, ++number, steps[i],
                       {.key = "k", .delay = steps[i] == "delayed" ? std::optional{500 * ms} : std::nullopt});
                q->pass(200 * ms);
            }
            if (i != restart_after) continue;
            restart(q, at);
            p = q->producer(1, number + 1).producer;
        }
        CHECK(take_all(*q) == texts{"before", "meanwhile", "delayed", "after"});
    }
}

TEST_CASE("19: a put that was stored before a restart is a duplicate after it, though the queue is full") {
    const temporary_directory at{temporary_directory::in_memory()};
    leat::queue_rules rules;
    rules.max_messages = 1;
    rules.overflow = leat::queue_overflow::reject;
    {
        stored_queue q{at.path(), rules};
        q.put(q.producer().producer, 1, "one", {.id = "id"});
        q.pass();
        REQUIRE_EQ(q->counts().confirmed, 1);
    }
    stored_queue q{at.path(), rules};
    const auto same = q.producer().producer, other = q.producer(2).producer;
    q.put(same, 1, "one", {.id = "id"});
    q.pass();
    REQUIRE_EQ(q.out.verdicts.size(), 1);
    CHECK((q.out.verdicts[0].what == verdict::duplicate));
    q.put(other, 1, "one, by another", {.id = "id"});
    q.pass();
    REQUIRE_EQ(q.out.verdicts.size(), 2);
    CHECK((q.out.verdicts[1].what == verdict::duplicate));
    q.put(other, 2, "two");
    q.pass();
    REQUIRE_EQ(q.out.verdicts.size(), 3);
    CHECK((q.out.verdicts[2].why == put_refusal::full));
    CHECK(q.bodies() == texts{"one"});
}

TEST_CASE(
    "24: an id is a duplicate after ack, purge and restart until its window ends, which no repeat extends") {
    const temporary_directory at{temporary_directory::in_memory()};
    const texts ids{"acked", "purged", "there"};
    std::optional<stored_queue> q{std::in_place, at.path()};
    const auto first = (*q)->queue_time();
    std::uint64_t number = 0;
    const auto put_each = [&] {
        const auto p = q->producer(1, number + 1).producer;
        std::vector<verdict> all;
        for (const auto& id : ids) {
            q->put(p, ++number, id, {.id = id});
            q->pass();
            all.push_back(q->out.verdicts.back().what);
        }
        return all;
    };
    const auto p = q->producer().producer;
    q->put(p, ++number, "acked", {.id = "acked"});
    CHECK(take_all(*q) == texts{"acked"});
    (*q)->pause_takes(true);
    q->put(p, ++number, "purged", {.id = "purged"});
    q->pass();
    REQUIRE_EQ((*q)->purge(), 1);
    q->put(p, ++number, "there", {.id = "there"});
    q->pass(20 * ms);
    REQUIRE_EQ((*q)->counts().acked, 1);
    REQUIRE_EQ((*q)->counts().purged, 1);

    const auto open_at = [&](ticks age) {
        const auto so_far = (*q)->queue_time() - first;
        REQUIRE_LE(so_far, age);
        restart(q, at, age - so_far);
    };
    for (const ticks age : {second, 300 * second, 599 * second}) {
        CAPTURE(age / second);
        open_at(age);
        CHECK(put_each() == std::vector<verdict>(3, verdict::duplicate));
        CHECK_EQ((*q)->depth().ready, 1);
    }
    q->pass(2 * second);  // in the last opening, which has read them from the disk
    CHECK(put_each() == std::vector<verdict>(3, verdict::stored));
    open_at(1200 * second);
    CHECK(put_each() == std::vector<verdict>(3, verdict::duplicate));
    open_at(1202 * second);
    CHECK(put_each() == std::vector<verdict>(3, verdict::stored));
}

TEST_CASE(
    "27: dead letters that are full stop the queue over restarts, nothing is lost, and a purge lets it go "
    "on") {
    const auto n = size_of_case(20'000);
    const temporary_directory at{temporary_directory::in_memory()};
    leat::queue_rules rules;
    rules.max_dead_messages = n / 8;
    std::optional<stored_queue> q{std::in_place, at.path(), rules};
    const auto p = q->producer().producer;
    for (std::uint64_t i = 1; i <= n; ++i) {
        q->put(p, i, "message " + std::to_string(i));
        if (i % 1000 == 0) q->pass();
    }
    q->pass();
    REQUIRE_EQ((*q)->depth().ready, n);
    std::uint64_t purged = 0, purges = 0;
    for (; purged < n; ++purges) {
        REQUIRE_LT(purges, n);
        const auto c = (*q)->hello({9, 1}).holder;
        for (std::size_t seen = 0; !(*q)->stopped_by_dead_letters() && (*q)->depth().live() > 0;) {
            (*q)->heard(c);
            (*q)->grant(c, seen + 64, 1 << 30);
            q->pass(ms);
            const auto& all = q->out.deliveries;
            REQUIRE(all.size() > seen);
            const number_range given{all[seen].d, all.back().d};
            static_cast<void>((*q)->settle(c, outcome::reject, std::span{&given, 1}));
            seen = all.size();
        }
        REQUIRE(q->commit());
        q.emplace(at.path(), rules);
        const auto dead = (*q)->dead()->depth().live();
        CHECK_EQ(dead, rules.max_dead_messages);  // it stops at the limit
        CHECK_LE((*q)->depth().doomed, 64);
        REQUIRE_EQ((*q)->depth().live() + dead + purged, n);
        purged += (*q)->dead()->purge();
        q->pass(20 * ms);
        CHECK_EQ((*q)->depth().doomed, 0);
    }
    CHECK_EQ(purges, 8);
    CHECK_EQ((*q)->counts().dead[static_cast<std::size_t>(leat::death::rejected)], n);
    CHECK(adds_up(*q->operator->()));
}

TEST_CASE(
    "29: of a hundred thousand producers, half of which were killed, the rows on disk are bounded, and each "
    "confirmed put is there once") {
    constexpr std::uint64_t n = 100'000, rows = 5000;
    const temporary_directory at{temporary_directory::in_memory()};
    leat::queue_rules rules;
    rules.producer_rows = rows;
    std::optional<stored_queue> q{std::in_place, at.path(), rules};
    std::vector<std::uint32_t> open;
    const auto put_one_each = [&](std::uint64_t from, std::uint64_t to) {
        open.clear();
        for (auto i = from; i < to; ++i) {
            open.push_back(q->producer(i).producer);
            q->put(open.back(), 1, std::to_string(i));
            if (open.size() < 500) continue;
            q->pass();
            for (std::size_t k = 0; k < open.size(); ++k)
                k % 2 == 0 ? (*q)->producer_gone(open[k]) : (*q)->producer_bye(open[k]);
            open.clear();
            q->pass(20 * ms);
        }
    };
    put_one_each(0, 60'300);  // the last 300 have no confirm when it dies, and put again
    q.emplace(at.path(), rules);
    REQUIRE_EQ((*q)->counts().confirmed, 60'000);
    CHECK_LE((*q)->producers_known(), rows);
    put_one_each(60'000, n);
    q.emplace(at.path(), rules);
    CHECK_EQ((*q)->producers_known(), rows);
    CHECK_EQ((*q)->counts().evicted_producers, n / 2 - rows);
    CHECK_EQ((*q)->counts().confirmed, n);
    CHECK_EQ((*q)->counts().admitted, n);

    const auto known = q->producer(n - 2);
    CHECK_EQ(known.decided, 1);
    q->put(known.producer, 1, std::to_string(n - 2));
    q->pass();
    CHECK((q->out.verdicts.back().what == verdict::duplicate));
    CHECK_FALSE(q->producer(0, 2).known);
    CHECK_EQ((*q)->counts().possible_duplicates, 1);

    const auto bodies = take_all(*q);
    CHECK_EQ(bodies.size(), n);
    CHECK_EQ(std::set<std::string>(bodies.begin(), bodies.end()).size(), n);
}
