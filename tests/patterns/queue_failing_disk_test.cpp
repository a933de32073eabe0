// A queue whose device fails: writes, syncs or allocations answer with an error, at once or after they were
// done.

#include "queue_support.hpp"

#include "support/stored_queue.hpp"
#include "support/temporary_directory.hpp"
#include "support/throws.hpp"
#include "support/warnings.hpp"
#include "support/watched_files.hpp"

#include <leat/context.hpp>

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

/// The second of three commits has two puts of one id and an ack. False when it had fewer than `n`
/// operations.
bool fails_at(std::size_t n, const fault& how) {
    INFO(how.name << ", at operation " << n);
    const temporary_directory at{temporary_directory::in_memory()};
    watched_files disk{at.path()};
    bool failed = false;
    {
        stored_queue q{at.path()};
        const auto p = q.producer().producer;
        const auto c = q.consumer();
        q.put(p, 1, "a");
        q.pass();
        REQUIRE_EQ(q.out.deliveries.size(), 1);

        disk.ask(from(n, how));
        q.settle(c, outcome::ack, q.out.deliveries[0].d);
        q.put(p, 2, "b", {.id = "an id"});
        q.put(p, 3, "b again", {.id = "an id"});
        q.pass(20 * ms);
        disk.ask({});
        failed = q->counts().failed > 0;
        if (!failed) return false;
        REQUIRE_EQ(q.out.verdicts.size(), 3);
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
        q.put(p, 4, "c", {.id = "an id"});
        q.pass(20 * ms);
        CHECK((q.out.verdicts.back().what == verdict::stored));
        CHECK_EQ(q.out.deliveries.back().body, "c");
        CHECK(adds_up(*q.operator->()));
    }
    stored_queue q{at.path()};
    CHECK(q.bodies() == texts{"c"});
    CHECK_EQ(q->counts().acked, 1);
    CHECK_EQ(q->counts().failed, 1);
    CHECK(adds_up(*q.operator->()));
    const auto welcome = q.producer();
    CHECK_EQ(welcome.decided, 4);
    REQUIRE_EQ(welcome.refused.size(), 1);
    CHECK_EQ(welcome.refused[0].first, 2);
    CHECK_EQ(welcome.refused[0].last, 3);
    return true;
}

}  // namespace

TEST_CASE(
    "21, 23: of three commits the second fails at any of its operations: its puts are refused, its acks go "
    "with "
    "the third, and an id of it can be stored then") {
    for (const auto& how : faults) {
        std::size_t n = 0;
        while (fails_at(n, how)) ++n;
        CHECK_GE(n, 3);  // a write, a sync and the write that ends it
    }
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
    stored_queue q{at.path()};
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
