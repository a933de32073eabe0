// A process is killed at each of its system calls that change files, while it opens, compacts or salvages a
// directory.

#include <leat/queue/store_compaction.hpp>
#include <leat/queue/store_contents.hpp>
#include <leat/queue/store_salvage.hpp>

#include "support/killed.hpp"
#include "support/process.hpp"
#include "support/store_file.hpp"
#include "support/stored_queue.hpp"
#include "support/temporary_directory.hpp"
#include "support/throws.hpp"

#include <doctest/doctest.h>

#include <unistd.h>

#include <string>

using namespace queue_rig;
using leat::outcome;
using support::content;
using support::killed_at;
using support::temporary_directory;
using texts = std::vector<std::string>;

namespace {

const texts left{"1", "3", std::string(9000, 'x')};

/// A queue with `left` in it, and free pages.
void fill(const std::filesystem::path& directory) {
    stored_queue q{directory};
    const auto p = q.producer().producer;
    const auto c = q.consumer();
    q.put(p, 1, "1");
    q.put(p, 2, "2");
    q.put(p, 3, "3");
    q.put(p, 4, std::string(9000, 'x'));
    for (std::uint64_t n = 5; n < 60; ++n) q.put(p, n, std::string(9000, 'y'));
    q.pass();
    q.settle(c, outcome::ack, 2);
    for (std::uint64_t d = 5; d < 60; ++d) q.settle(c, outcome::ack, d);
    q.pass(20 * ms);
}

void copy_store(const std::filesystem::path& from, const std::filesystem::path& to) {
    std::filesystem::remove_all(to);
    std::filesystem::copy(from, to);
}

}  // namespace

TEST_CASE("a process killed at any moment of the first opening leaves what the next one opens") {
    const temporary_directory at{temporary_directory::in_memory()};
    int n = 1;
    const auto open = [&] { stored_queue{at.path() / "q"}.close(); };
    for (; killed_at(n, open); ++n) {
        CAPTURE(n);
        {
            stored_queue q{at.path() / "q"};
            CHECK_LE(q.store().identity().openings, 2);
            q.put(q.producer().producer, 1, "x");
            CHECK(q.bodies() == texts{"x"});
        }
        CHECK(leat::read_store(at.path() / "q").damages == texts{});
        std::filesystem::remove_all(at.path() / "q");
    }
    CHECK_GT(n, 10);
}

TEST_CASE("a process killed at any moment of an opening or a close leaves all that was there") {
    const temporary_directory at{temporary_directory::in_memory()};
    const auto good = at.path() / "good", q = at.path() / "q";
    fill(good);
    int n = 1, opened = 0;
    const auto open = [&] { stored_queue{q}.close(); };
    for (copy_store(good, q); killed_at(n, open); ++n, copy_store(good, q)) {
        CAPTURE(n);
        const auto found = leat::read_store(q);
        CHECK(found.damages == texts{});
        CHECK_EQ(found.messages.messages, left.size());
        CHECK_GE(found.openings, 1);
        CHECK_LE(found.openings, 2);
        opened += found.openings == 2 ? 1 : 0;
        stored_queue again{q};
        CHECK(again.bodies() == left);
    }
    CHECK_GT(n, 5);
    CHECK_GT(opened, 0);
    CHECK_LT(opened, n - 1);
}

TEST_CASE("a compaction killed at any moment leaves the old file or the new one") {
    const temporary_directory at{temporary_directory::in_memory()};
    const auto good = at.path() / "good", q = at.path() / "q";
    fill(good);
    const auto before = content(good / "data.mdb");
    copy_store(good, q);
    const auto done = leat::compact_store(q);
    const auto after = content(q / "data.mdb");
    CHECK_EQ(done.before, before.size());
    CHECK_EQ(done.after, after.size());
    CHECK_LT(done.after, done.before / 2);
    CHECK_FALSE(std::filesystem::exists(q / "compact.mdb"));

    int n = 1, replaced = 0;
    const auto compact = [&] { static_cast<void>(leat::compact_store(q)); };
    for (copy_store(good, q); killed_at(n, compact); ++n, copy_store(good, q)) {
        CAPTURE(n);
        const auto now = content(q / "data.mdb");
        const bool is_new = now == after;
        CHECK((is_new || now == before));
        replaced += is_new ? 1 : 0;
        stored_queue again{q};
        CHECK(again.bodies() == left);
        CHECK_FALSE(std::filesystem::exists(q / "compact.mdb"));
    }
    CHECK_GT(n, 5);
    CHECK_GT(replaced, 0);
    CHECK_LT(replaced, n - 1);
}

TEST_CASE("a salvage killed at any moment leaves no queue, or a whole one") {
    const temporary_directory at{temporary_directory::in_memory()};
    const auto good = at.path() / "good", fresh = at.path() / "new";
    fill(good);
    const auto before = content(good / "data.mdb");
    int n = 1, refused = 0;
    const auto salvage = [&] { static_cast<void>(leat::salvage_store(good, fresh)); };
    for (; killed_at(n, salvage); ++n) {
        CAPTURE(n);
        CHECK(content(good / "data.mdb") == before);
        try {
            stored_queue q{fresh};
            if (q.store().identity().openings > 1) CHECK(q.bodies() == left);
        } catch (const leat::error& e) {
            CHECK((e.kind() == leat::errc::store_unreadable));
            CHECK_NE(std::string{e.what()}.find("it does not say what it is"), std::string::npos);
            ++refused;
        }
        std::filesystem::remove_all(fresh);
    }
    CHECK_GT(refused, 0);
    stored_queue q{fresh};
    CHECK(q.bodies() == left);
}

TEST_CASE(
    "a directory in use or damaged is not compacted, and one that is whole is only copied by a salvage") {
    const temporary_directory at{temporary_directory::in_memory()};
    const auto q = at.path() / "q";
    CHECK_THROWS_LEAT(leat::compact_store(q), leat::errc::store_unreadable, "no queue in it");
    fill(q);
    {
        const stored_queue open{q};
        CHECK_THROWS_LEAT(leat::compact_store(q), leat::errc::store_in_use,
                          "in use by a queue of this process");
        CHECK_THROWS_LEAT(leat::salvage_store(q, at.path() / "new"), leat::errc::store_in_use, "in use");
        CHECK_FALSE(std::filesystem::exists(at.path() / "new" / "data.mdb"));
    }
    const auto told = leat::salvage_store(q, at.path() / "new");
    CHECK(told.whole());
    CHECK(told.damages == texts{});
    CHECK_EQ(told.messages.saved, left.size());
    std::filesystem::resize_file(q / "data.mdb", std::filesystem::file_size(q / "data.mdb") / 2);
    const auto torn = content(q / "data.mdb");
    CHECK_THROWS_LEAT(leat::compact_store(q), leat::errc::store_unreadable, "beyond the end of the file");
    CHECK(content(q / "data.mdb") == torn);
}

TEST_CASE("child: has a directory open" CHILD_PART) {
    const stored_queue q{support::child_argument()};
    support::report("open");
    ::pause();
}

TEST_CASE(
    "case 40: newer format, torn directory, second process, second open: each is refused, nothing is "
    "changed") {
    const temporary_directory at{temporary_directory::in_memory()};
    const auto good = at.path() / "good", q = at.path() / "q";
    const auto data = q / "data.mdb";
    fill(good);
    const auto refused = [&](leat::errc kind, const std::string& why) {
        const auto before = content(data);
        CHECK_THROWS_LEAT(stored_queue{q}, kind, why);
        CHECK(content(data) == before);
    };

    copy_store(good, q);
    support::set_format(q, store_format + 1);
    refused(leat::errc::store_unreadable, "its format is 4; this version of leat reads 1 to 3");
    support::set_format(q, store_format, "compressed bodies");
    refused(leat::errc::store_unreadable,
            "it needs the feature compressed bodies, which this version of leat does not");
    support::set_format(q, store_format);
    CHECK(stored_queue{q}.bodies() == left);

    // Torn: the end is missing, or a page of the first opening is there and the rest is not.
    const auto size = std::filesystem::file_size(good / "data.mdb");
    for (const auto part :
         {size / 2, size - 1, std::uintmax_t{8192}, std::uintmax_t{4096}, std::uintmax_t{100}}) {
        CAPTURE(part);
        copy_store(good, q);
        std::filesystem::resize_file(data, part);
        refused(leat::errc::store_unreadable, q.string());
    }

    copy_store(good, q);
    {
        auto other = support::run_child("child: has a directory open", q.string());
        REQUIRE(other.line(leat::deadline{std::chrono::seconds{20}}));
        refused(leat::errc::store_in_use, "is in use by process " + std::to_string(other.pid()));
    }
    {
        const stored_queue open{q};
        refused(leat::errc::store_in_use, "is in use by a queue of this process");
    }
    CHECK(stored_queue{q}.bodies() == left);
}
