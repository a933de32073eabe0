// The journal in front of a store's tables: what a reading believes of a file, and what a queue does with it.

#include <leat/queue/detail/journal.hpp>
#include <leat/queue/store_contents.hpp>
#include <leat/queue/store_salvage.hpp>

#include "support/store_file.hpp"
#include "support/stored_queue.hpp"
#include "support/temporary_directory.hpp"
#include "support/throws.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <string>
#include <vector>

using namespace queue_rig;
using support::content;
using support::temporary_directory;
using texts = std::vector<std::string>;

namespace {

constexpr leat::id128 owner{3, 4}, other{3, 5};
constexpr std::size_t page = 4096;

struct written_commit {
    std::uint64_t number = 0;
    texts values = {};
};

/// Each value is a row of its own.
void append(journal& to, const written_commit& one) {
    std::vector<row_change> rows;
    std::vector<std::uint64_t> keys(one.values.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
        keys[i] = i;
        rows.push_back({1, leat::detail::lmdb::bytes_of_key(keys[i]), as_bytes(one.values[i])});
    }
    rows.push_back({2, as_bytes("erased"), {}});
    std::vector<journal_place> where;
    REQUIRE(to.has_room(rows));
    to.append(one.number, rows, where);
    for (std::size_t i = 0; i < keys.size(); ++i) {
        std::string back(where[i].size, ' ');
        to.read(where[i], std::as_writable_bytes(std::span{back}));
        CHECK_EQ(back, one.values[i]);
    }
}

void write(const std::filesystem::path& file, const std::vector<written_commit>& all,
           const leat::id128& queue = owner) {
    journal to{file, 1 << 20};
    to.open(queue);
    for (const auto& one : all) append(to, one);
}

struct reading {
    journal_reading result;
    texts values;
};
reading read(const std::filesystem::path& file, std::uint64_t after, const leat::id128& queue = owner) {
    reading all;
    int erased = 0;
    all.result = read_journal(file, queue, after, [&](const row_change& one) {
        if (one.value) {
            all.values.push_back(as_text(*one.value));
        } else {
            ++erased;
            CHECK_EQ(as_text(one.key), "erased");
        }
    });
    CHECK_EQ(static_cast<std::uint64_t>(erased), all.result.last - after);
    return all;
}

void change(const std::filesystem::path& file, std::size_t at) {
    std::fstream bytes{file, std::ios::in | std::ios::out | std::ios::binary};
    bytes.seekg(static_cast<std::streamoff>(at));
    const auto was = static_cast<char>(bytes.get());
    bytes.seekp(static_cast<std::streamoff>(at)).put(static_cast<char>(was ^ 1));
}

const std::string large(10'000, 'x');

}  // namespace

TEST_CASE("what was appended is read again, from the commit on that the tables do not have") {
    const temporary_directory at{temporary_directory::in_memory()};
    const auto file = at.path() / "journal";
    CHECK(read(file, 7).result.last == 7);
    write(file, {{5, {"a", large}}, {6, {}}, {7, {"b", ""}}});
    CHECK(read(file, 4).values == texts{"a", large, "b", ""});
    CHECK(read(file, 5).values == texts{"b", ""});
    CHECK(read(file, 6).result.last == 7);
    CHECK(read(file, 7).values == texts{});
    CHECK(read(file, 9).values == texts{});
    CHECK_EQ(read(file, 9).result.last, 9);
    for (const std::uint64_t after : {4U, 5U, 6U, 7U, 9U}) CHECK_EQ(read(file, after).result.damage, "");
}

TEST_CASE("entries of before a round are not taken for those that follow") {
    const temporary_directory at{temporary_directory::in_memory()};
    const auto file = at.path() / "journal";
    journal to{file, 1 << 20};
    to.open(owner);
    for (std::uint64_t n = 1; n <= 5; ++n) append(to, {n, {std::to_string(n)}});
    to.restart();
    append(to, {6, {"6"}});
    CHECK(read(file, 5).values == texts{"6"});
    append(to, {7, {large}});  // over what two were
    CHECK(read(file, 5).values == texts{"6", large});
    CHECK_EQ(read(file, 5).result.damage, "");
    append(to, {8, {"8"}});
    CHECK(read(file, 5).values == texts{"6", large, "8"});
}

TEST_CASE("an entry that is torn was not confirmed: it is left out, and all that was there before is older") {
    const temporary_directory at{temporary_directory::in_memory()};
    const auto file = at.path() / "journal";
    const std::vector<written_commit> all{{1, {"a"}}, {2, {"b"}}, {3, {large, "c"}}};
    for (const auto in : {page * 2 + 3, page * 2 + 50, page * 2 + 60, page * 3 + 5}) {
        INFO("at " << in);
        write(file, all);
        change(file, in);
        const auto found = read(file, 0);
        CHECK_EQ(found.result.last, 2);
        CHECK(found.values == texts{"a", "b"});
        CHECK_EQ(found.result.damage, "");
    }
}

TEST_CASE("an entry that is damaged before others was confirmed: this is told, and what was before is read") {
    const temporary_directory at{temporary_directory::in_memory()};
    const auto file = at.path() / "journal";
    for (const auto in : {page + 3, page + 12, page + 36, page + 44, page + 60}) {
        INFO("at " << in);
        write(file, {{1, {"a"}}, {2, {"b"}}, {3, {"c"}}});
        change(file, in);
        const auto found = read(file, 0);
        CHECK_EQ(found.result.last, 1);
        CHECK_EQ(found.result.damage, "the journal is damaged behind commit 1");
    }
    write(file, {{4, {"a"}}});
    CHECK_EQ(read(file, 2).result.damage, "the journal is damaged behind commit 2");  // where is 3?
}

TEST_CASE("the journal of another queue is none") {
    const temporary_directory at{temporary_directory::in_memory()};
    const auto file = at.path() / "journal";
    write(file, {{1, {"a"}}}, other);
    CHECK(read(file, 0).values == texts{});
    CHECK(read(file, 0, other).values == texts{"a"});
}

TEST_CASE("what does not fit is known before it is written") {
    const temporary_directory at{temporary_directory::in_memory()};
    journal to{at.path() / "journal", 3 * page};
    to.open(owner);
    const std::string most(2 * page, 'x'), more(3 * page, 'x');
    const std::vector<row_change> fits{{1, as_bytes("key"), as_bytes(most)}},
        too_large{{1, as_bytes("key"), as_bytes(more)}};
    CHECK(to.has_room(fits));
    CHECK_FALSE(to.has_room(too_large));
    append(to, {1, {"a"}});
    CHECK_FALSE(to.has_room(fits));
    CHECK(std::filesystem::file_size(at.path() / "journal") == 3 * page);
}

TEST_CASE("a queue whose journal is damaged is refused; a salvage has what is before it, and tells") {
    const temporary_directory at{temporary_directory::in_memory()};
    const auto old = at.path() / "old", fresh = at.path() / "new";
    {
        stored_queue q{old};
        const auto p = q.producer().producer;
        for (std::uint64_t n = 1; n <= 4; ++n) {
            q.put(p, n, std::to_string(n));
            q.pass();
        }
    }
    CHECK_EQ(leat::read_store(old).messages.messages, 4);
    CHECK_EQ(leat::read_store(old).journal_commits, 4);
    change(old / "journal", 2 * page + 200);
    const auto bad = content(old / "journal"), tables = content(old / "data.mdb");
    CHECK(leat::read_store(old).damages == texts{"the journal is damaged behind commit 2"});
    CHECK_THROWS_LEAT(stored_queue{old}, leat::errc::store_unreadable, "leat store salvage");
    CHECK(content(old / "journal") == bad);
    CHECK(content(old / "data.mdb") == tables);
    const auto told = leat::salvage_store(old, fresh);
    CHECK(told.damages == texts{"the journal is damaged behind commit 2"});
    CHECK_FALSE(told.whole());
    CHECK_EQ(told.messages.saved, 2);
    CHECK(stored_queue{fresh}.bodies() == texts{"1", "2"});
}

TEST_CASE("what is in the journal is in the tables after an opening, and after a close") {
    const temporary_directory at{temporary_directory::in_memory()};
    for (std::uint64_t n = 1; n <= 6; ++n) {
        stored_queue q{at.path()};
        q.put(q.producer().producer, n, std::to_string(n));
        q.pass();
        if (n % 2 == 0) q.close();
    }
    CHECK_EQ(leat::read_store(at.path()).journal_commits, 0);
    std::filesystem::remove(at.path() / "journal");
    CHECK(stored_queue{at.path()}.bodies() == texts{"1", "2", "3", "4", "5", "6"});
}
