// A queue whose device fails: writes, syncs or allocations answer with an error, at once or after they were
// done.

#include "queue_support.hpp"

#include "support/stored_queue.hpp"
#include "support/temporary_directory.hpp"
#include "support/throws.hpp"
#include "support/warnings.hpp"
#include "support/watched_files.hpp"

#include <leat/context.hpp>
#include <leat/queue/store_contents.hpp>

#include <atomic>
#include <cerrno>
#include <string>

using namespace queue_rig;
using leat::outcome;
using leat::put_refusal;
using leat::verdict;
using support::file_answer;
using support::file_operation;
using support::temporary_directory;
using support::watched_files;
using texts = std::vector<std::string>;

namespace {

constexpr file_answer works{}, fails{.error = EIO, .done = false}, fails_late{.error = EIO, .done = true},
    is_full{.error = ENOSPC, .done = false};

/// How the operations of a device end, from the one where it begins to fail.
struct fault {
    std::string name;
    file_answer first, later;
};
const std::array faults{fault{"all fail", fails, fails}, fault{"one fails", fails, works},
                        fault{"one is done and fails, and the others fail", fails_late, fails},
                        fault{"one is done and fails", fails_late, works}, fault{"full", is_full, is_full}};

watched_files::judge from(std::size_t n, const fault& how) {
    return [=, seen = std::size_t{0}](const file_operation& one) mutable {
        if (one.what == file_operation::kind::forget_cached) return works;
        const auto at = seen++;
        return at < n ? works : at == n ? how.first : how.later;
    };
}

enum class fate { nothing, stored, refused };  ///< Nothing: it had fewer operations.

/// The second of three commits has two puts of one id and an ack.
fate fails_at(std::size_t n, const fault& how, std::uint64_t journal) {
    INFO(how.name << ", at operation " << n);
    const temporary_directory at{temporary_directory::in_memory()};
    watched_files disk{at.path()};
    auto all = fate::refused;
    {
        stored_queue q{at.path(), {}, 0, journal};
        const auto p = q.producer().producer;
        const auto c = q.consumer();
        q.put(p, 1, "a");
        q.pass();
        REQUIRE_EQ(q.out.deliveries.size(), 1);

        const auto before = disk.count();
        disk.ask(from(n, how));
        q.settle(c, outcome::ack, q.out.deliveries[0].d);
        q.put(p, 2, "b", {.id = "an id"});
        q.put(p, 3, "b again", {.id = "an id"});
        q.pass(20 * ms);
        disk.ask({});
        REQUIRE_EQ(q.out.verdicts.size(), 3);
        if (q->counts().failed == 0) all = disk.count() - before <= n ? fate::nothing : fate::stored;
        if (all != fate::refused) {
            CHECK((q.out.verdicts[1].what == verdict::stored));
            CHECK((q.out.verdicts[2].what == verdict::duplicate));
            CHECK_EQ(q->counts().acked, 1);
            CHECK_EQ(q.warnings.about("puts are refused"), "");
        } else {
            for (const std::uint64_t number : {2U, 3U}) {
                CHECK_EQ(q.out.verdicts[number - 1].first, number);
                CHECK((q.out.verdicts[number - 1].what == verdict::refused));
                CHECK((q.out.verdicts[number - 1].why == put_refusal::store_failed));
            }
            CHECK_EQ(q->counts().acked, 0);
            CHECK_NE(q.warnings.about("puts are refused"), "");
            q.pass(20 * ms);
            CHECK_EQ(q->counts().acked, 1);
            REQUIRE(comes_true([&] { return q.store().accepts_puts(); }));
            CHECK_NE(q.warnings.about("can be written again"), "");
        }
        q.put(p, 4, "c", {.id = all == fate::refused ? "an id" : "another id"});
        q.pass(20 * ms);
        CHECK((q.out.verdicts.back().what == verdict::stored));
        CHECK_EQ(q.out.deliveries.back().body, "c");
        CHECK(adds_up(*q.operator->()));
    }
    const bool refused = all == fate::refused;
    CHECK(leat::read_store(at.path()).damages == texts{});
    stored_queue q{at.path()};
    CHECK(q.bodies() == (refused ? texts{"c"} : texts{"b", "c"}));
    CHECK_EQ(q->counts().acked, 1);
    CHECK_EQ(q->counts().failed, refused ? 1 : 0);
    CHECK(adds_up(*q.operator->()));
    const auto welcome = q.producer();
    CHECK_EQ(welcome.decided, 4);
    REQUIRE_EQ(welcome.refused.size(), refused ? 1 : 0);
    if (!refused) return all;
    CHECK_EQ(welcome.refused[0].first, 2);
    CHECK_EQ(welcome.refused[0].last, 3);
    return all;
}

}  // namespace

TEST_CASE(
    "21, 23: of three commits the second fails at any of its operations: its puts are refused, its acks go "
    "with "
    "the third, and an id of it can be stored then") {
    for (const auto& how : faults) {
        std::size_t n = 0;
        while (fails_at(n, how, 0) == fate::refused) ++n;
        CHECK_GE(n, 3);  // a write, a sync and the write that ends it
    }
}

TEST_CASE("21, 23: a commit that fails in the journal goes into the tables, and fails when that does too") {
    for (const auto& how : faults) {
        std::array<int, 3> n{};
        constexpr std::uint64_t journal = 1 << 20;
        for (std::size_t i = 0; n[static_cast<std::size_t>(fate::nothing)] == 0; ++i)
            ++n[static_cast<std::size_t>(fails_at(i, how, journal))];
        const bool once = how.later.error == 0;
        CHECK_EQ(n[static_cast<std::size_t>(fate::stored)], once ? 2 : 0);  // at the write, and at the sync
        CHECK_EQ(n[static_cast<std::size_t>(fate::refused)], once ? 0 : 2);
    }
}

TEST_CASE("while only the journal fails, commits go into the tables, and this is told once") {
    const temporary_directory at{temporary_directory::in_memory()};
    watched_files disk{at.path()};
    stored_queue q{at.path()};
    const auto p = q.producer().producer;
    std::uint64_t n = 0;
    const auto puts = [&] {
        ++n;
        q.put(p, n, std::to_string(n));
        q.pass();
        CHECK((q.out.verdicts.back().what == verdict::stored));
        return disk.operations().back().file;
    };
    CHECK_EQ(puts(), "journal");
    disk.ask([](const file_operation& one) { return one.file == "journal" ? fails : works; });
    for (const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds{100};
         std::chrono::steady_clock::now() < end;)
        CHECK_EQ(puts(), "data.mdb");
    CHECK_NE(q.warnings.about("commits take longer, they go without a journal"), "");
    CHECK_EQ(q.warnings.lines().size(), 1);
    disk.ask({});
    CHECK(comes_true([&] { return puts() == "journal"; }));
    CHECK_EQ(q.warnings.lines().size(), 1);
}

TEST_CASE(
    "P8: takes and acks go on while the device fails, and what was acked meanwhile is committed when it "
    "works") {
    const temporary_directory at{temporary_directory::in_memory()};
    watched_files disk{at.path()};
    constexpr std::uint64_t count = 200;
    {
        stored_queue q{at.path()};
        q->bound_warm(0);  // all is read from the disk when its turn comes
        const auto p = q.producer().producer;
        for (std::uint64_t n = 1; n <= count; ++n) {
            q.put(p, n, std::to_string(n) + std::string(1000, 'x'));
            q.pass();
        }
        disk.ask([](const auto&) { return fails; });
        q.put(p, count + 1, "nobody has this");
        q.pass();
        CHECK((q.out.verdicts.back().why == put_refusal::store_failed));
        const auto c = q.consumer();
        for (std::uint64_t n = 1; n <= count; ++n) {
            if (q.out.deliveries.size() < n) q.pass(20 * ms);
            REQUIRE_GE(q.out.deliveries.size(), n);
            CHECK(q.out.deliveries[n - 1].body.starts_with(std::to_string(n) + "x"));
            q.settle(c, outcome::ack, q.out.deliveries[n - 1].d);
        }
        q.pass(20 * ms);
        CHECK_EQ(q->depth().settled, count);
        CHECK_EQ(q->counts().acked, 0);
        CHECK_FALSE(q.store().accepts_puts());
        disk.ask({});
        q.pass(20 * ms);
        CHECK_EQ(q->counts().acked, count);
        CHECK(adds_up(*q.operator->()));
    }
    CHECK_EQ(
        stored_queue { at.path() } -> depth().live(), 0);
}

TEST_CASE("P7: when the disk was full and has room again, a queue that does nothing takes puts again") {
    const temporary_directory at{temporary_directory::in_memory()};
    watched_files disk{at.path()};
    stored_queue q{at.path()};
    const auto p = q.producer().producer;
    disk.ask([](const file_operation& one) {
        return one.what == file_operation::kind::allocate ? is_full : works;
    });
    for (std::uint64_t n = 1; n <= 10; ++n) {
        q.put(p, n, std::string(500'000, 'x'));
        q.pass();
    }
    CHECK((q.out.verdicts.back().why == put_refusal::store_failed));
    CHECK_NE(q.warnings.about("the disk is full"), "");
    REQUIRE(q.commit());  // that it was refused
    CHECK_FALSE(q.store().accepts_puts());
    disk.ask({});
    CHECK(comes_true([&] { return q.store().accepts_puts(); }));
    CHECK_NE(q.warnings.about("can be written again"), "");
}

TEST_CASE(
    "P8: after a sync that failed nothing is written before what the memory has of the file is forgotten") {
    const temporary_directory at{temporary_directory::in_memory()};
    watched_files disk{at.path()};
    stored_queue q{at.path(), {}, 0, 0};
    using kind = file_operation::kind;
    const auto p = q.producer().producer;
    q.put(p, 1, "a");
    q.pass();
    std::vector<kind> after;
    bool failed = false;
    disk.ask([&](const file_operation& one) {
        if (failed) after.push_back(one.what);
        if (one.what != kind::sync || std::exchange(failed, true)) return works;
        return fails;
    });
    q.put(p, 2, "b");
    q.pass();
    q.put(p, 3, "c");
    q.pass(20 * ms);
    REQUIRE(comes_true([&] { return q.store().accepts_puts(); }));
    disk.ask({});
    REQUIRE_FALSE(after.empty());
    CHECK(after.front() == kind::forget_cached);
}

TEST_CASE("P7: a queue that is opened on a full disk says so, and takes puts when there is room") {
    const temporary_directory at{temporary_directory::in_memory()};
    watched_files disk{at.path()};
    disk.ask([](const file_operation& one) {
        return one.what == file_operation::kind::allocate ? is_full : works;
    });
    stored_queue q{at.path()};
    CHECK_NE(q.warnings.about("the disk is full"), "");
    const auto p = q.producer().producer;
    q.put(p, 1, "a");
    q.pass();
    CHECK((q.out.verdicts.back().why == put_refusal::store_failed));
    disk.ask({});
    REQUIRE(comes_true([&] { return q.store().accepts_puts(); }));
    q.put(p, 2, "b");
    q.pass();
    CHECK((q.out.verdicts.back().what == verdict::stored));
}

TEST_CASE("with an interval a commit that fails at any of its operations loses nothing that was confirmed") {
    leat::queue_rules rules;
    rules.durability = leat::durability::interval;
    for (const auto& how : faults) {
        bool failed = true;
        for (std::size_t n = 0; failed; ++n) {
            INFO(how.name << ", at operation " << n);
            REQUIRE_LT(n, 20);
            const temporary_directory at{temporary_directory::in_memory()};
            watched_files disk{at.path()};
            {
                stored_queue q{at.path(), rules};
                const auto p = q.producer().producer;
                q.put(p, 1, "a");
                REQUIRE(q.commit());
                disk.ask(from(n, how));
                q.put(p, 2, "b", {.id = "an id"});
                failed = !q.commit();
                disk.ask({});
                CHECK_EQ(q->counts().confirmed, 2);
                REQUIRE(q.commit());
                REQUIRE(comes_true([&] { return q.store().accepts_puts(); }));
                q.put(p, 3, "c");
                REQUIRE(q.commit());
            }
            stored_queue q{at.path(), rules};
            CHECK(q.bodies() == texts{"a", "b", "c"});
            CHECK(adds_up(*q.operator->()));
        }
    }
}

TEST_CASE("a close while the device fails returns, and the next opening has what was committed") {
    const temporary_directory at{temporary_directory::in_memory()};
    watched_files disk{at.path()};
    {
        stored_queue q{at.path()};
        const auto p = q.producer().producer;
        q.put(p, 1, "a");
        q.pass();
        disk.ask([](const auto&) { return fails; });
        q.put(p, 2, "b");
        q.close();
    }
    CHECK_THROWS_LEAT(stored_queue{at.path()}, leat::errc::store_failed, "Input/output error");
    disk.ask({});
    stored_queue q{at.path()};
    CHECK_FALSE(q.store().was_clean());
    CHECK(q.bodies() == texts{"a"});
}

TEST_CASE("a queue says that its device fails, refuses puts, feeds consumers, and recovers by itself") {
    const temporary_directory at;
    watched_files disk{at.path()};
    const support::warnings warnings;
    leat::context ctx{{.on_warning = warnings}};
    auto options = here();
    options.path = at.path().string();
    leat::queue q{ctx, options};
    text_producer to{ctx, q.bound().str(), {.queue = "work"}};
    const auto put = [&](const std::string& text) { return to.put_async(text).get(); };
    for (int i = 0; i < 10; ++i) REQUIRE((put(std::to_string(i)).what == verdict::stored));

    disk.ask(
        [](const file_operation& one) { return one.what == file_operation::kind::sync ? fails : works; });
    CHECK((put("first").why == put_refusal::store_failed));
    CHECK((put("second").why == put_refusal::store_failed));
    CHECK_NE(warnings.about("puts are refused"), "");
    text_consumer from{ctx, q.bound().str(), {.queue = "work"}};
    for (int i = 0; i < 10; ++i) CHECK_EQ(take(from), std::to_string(i));
    CHECK(comes_true([&] { return q.stat().depth.settled == 10; }));
    CHECK_EQ(q.stat().counts.acked, 0);
    CHECK(q.stat().store->failing);
    CHECK_GE(q.stat().store->failed_commits, 1);

    disk.ask({});
    CHECK(comes_true([&] { return put("again").what == verdict::stored; }));
    CHECK_NE(warnings.about("can be written again"), "");
    CHECK_EQ(take(from), "again");
    CHECK(comes_true([&] { return q.stat().counts.acked == 11; }));
    CHECK_EQ(warnings.lines().size(), 2);
    CHECK_FALSE(q.stat().store->failing);
}
