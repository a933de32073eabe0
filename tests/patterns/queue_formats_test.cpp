// P9: a directory of each format that a version of leat has written (stores/format_N.txt) is opened by this
// one.
//
// With LEAT_WRITE_STORE=FILE this program writes the one of the present format. A format that was released is
// never written again.

#include <leat/queue/store_contents.hpp>

#include "support/killed.hpp"
#include "support/store_file.hpp"
#include "support/stored_queue.hpp"
#include "support/temporary_directory.hpp"
#include "support/text_store.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <string>
#include <vector>

using namespace queue_rig;
using leat::outcome;
using support::temporary_directory;
using texts = std::vector<std::string>;

namespace {

leat::queue_rules rules() {
    leat::queue_rules all;
    all.max_messages = 12;
    all.overflow = leat::queue_overflow::reject;
    all.retry = {.first = std::chrono::seconds{50}, .factor = 1, .jitter = 0};
    all.max_dead_messages = 1;
    return all;
}

/// A queue with rows in all of its tables.
void fill(const std::filesystem::path& directory) {
    stored_queue q{directory, rules()};
    const auto p = q.producer().producer;
    q.put(p, 1, "acked");
    q.put(p, 2, "dead", {.key = "k", .head = as_bytes("its head")});
    q.put(p, 3, "retried", {.key = "r"});
    q.put(p, 4, "behind it", {.key = "r"});
    q.put(p, 5, "urgent", {.id = "an id", .priority = 9});
    const custody_mark mark{{{1, 2}, {3, 4}, 5}, 8, 7};
    q.put(p, 6, "later", {.delay = 100 * second, .mark = &mark});
    q.put(p, 7, "short-lived", {.ttl = 1000 * second});
    q.pass();
    q.put(p, 8, std::string(5000, 'x'));
    q.put(p, 9, "doomed");
    q.pass();
    for (std::uint64_t n = 10; n <= 13; ++n) q.put(p, n, "more");
    q.pass();
    const auto c = q.consumer();
    q.pass();
    const auto settle = [&](const std::string& body, outcome what) {
        for (const auto& one : q.out.deliveries) {
            if (one.body == body) q.settle(c, what, one.d);
        }
    };
    settle("acked", outcome::ack);
    settle("dead", outcome::reject);
    settle("retried", outcome::retry);
    q.pass(20 * ms);
    settle("doomed", outcome::reject);
    q.pass(20 * ms);
    REQUIRE_EQ(q->depth().doomed, 1);
    q.close();
}

void check(const std::filesystem::path& directory, std::uint32_t from = 0) {
    const auto found = leat::read_store(directory);
    CHECK(found.damages == texts{});
    CHECK_EQ(found.queue, "work");
    CHECK_EQ(found.openings, 1);
    CHECK(found.clean);
    stored_queue q{directory, rules()};
    CHECK_EQ(q.store().upgraded_from(), from);
    CHECK(adds_up(*q.operator->()));
    CHECK_EQ(q->counts().acked, 1);
    CHECK_EQ(q->counts().refused_sum(), 1);
    CHECK_EQ(q->depth().delayed, 2);
    CHECK_EQ(q->depth().waiting, 1);
    CHECK_EQ(q->sources_marked(), from == 0 ? 1 : 0);
    CHECK_EQ(q->depth().doomed, 1);
    int letters = 0;
    q->letters({}, 10, [&](const letter_view& one) {
        ++letters;
        CHECK_EQ(as_text(one.body), "dead");
        CHECK((one.what->why == leat::death::rejected));
        CHECK_EQ(one.what->origin.seq, 2);
    });
    CHECK_EQ(letters, 1);
    const auto welcome = q.producer();
    CHECK(welcome.known);
    CHECK_EQ(welcome.decided, 13);
    REQUIRE_EQ(welcome.refused.size(), 1);
    CHECK((welcome.refused[0].why == leat::put_refusal::full));
    q.put(welcome.producer, 14, "repeated", {.id = "an id"});
    q.pass();
    CHECK_EQ(q->counts().same_id, 1);
    CHECK_EQ(q->dead()->purge(), 1);
}

}  // namespace

TEST_CASE("a directory of each format is opened, with all that is in it") {
    for (std::uint32_t format = 1; format <= store_format; ++format) {
        CAPTURE(format);
        const temporary_directory at{temporary_directory::in_memory()};
        support::load_text(std::string{LEAT_STORES} + "/format_" + std::to_string(format) + ".txt",
                           at.path());
        check(at.path(), format < store_format ? format : 0);
    }
}

TEST_CASE(
    "a process killed at any moment of an upgrade leaves the old format or the new one, and all that is in "
    "it") {
    const temporary_directory at{temporary_directory::in_memory()};
    const auto begin = [&] {
        std::filesystem::remove_all(at.path() / "q");
        support::load_text(std::string{LEAT_STORES} + "/format_1.txt", at.path() / "q");
    };
    std::set<std::uint32_t> from;
    int n = 1;
    for (begin(); support::killed_at(n,
                                     [&] {
                                         stored_queue{at.path() / "q", rules()}.close();
                                     });
         ++n, begin()) {
        INFO("at call " << n);
        CHECK(leat::read_store(at.path() / "q").damages == texts{});
        stored_queue q{at.path() / "q", rules()};
        from.insert(q.store().upgraded_from());
        CHECK_EQ(q->depth().live(), 10);
        CHECK_EQ(q->dead()->depth().live(), 1);
        CHECK(adds_up(*q.operator->()));
    }
    CHECK_GT(n, 5);
    CHECK(from == std::set<std::uint32_t>{0, 1});
}

TEST_CASE("what this version writes is what the directory of its format has") {
    const temporary_directory at{temporary_directory::in_memory()};
    fill(at.path());
    const auto text = support::as_text(at.path());
    if (const auto* file = std::getenv("LEAT_WRITE_STORE"); file != nullptr) std::ofstream{file} << text;
    support::load_text(std::string{LEAT_STORES} + "/format_" + std::to_string(store_format) + ".txt",
                       at.path() / "kept");
    const auto kept = support::as_text(at.path() / "kept");
    CHECK_EQ(text.size(), kept.size());
    check(at.path());
}
