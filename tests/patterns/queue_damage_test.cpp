// Directories of queues with random damage: whatever it is, looking, salvaging and opening end with a clear
// answer.

#include <leat/queue/detail/page_file.hpp>
#include <leat/queue/store_contents.hpp>
#include <leat/queue/store_salvage.hpp>

#include "support/store_file.hpp"
#include "support/stored_queue.hpp"
#include "support/temporary_directory.hpp"
#include "support/throws.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <random>

using namespace queue_rig;
using leat::outcome;
using support::content;
using support::temporary_directory;
using texts = std::vector<std::string>;

namespace {

constexpr std::size_t page_size = 4096;

void write(const std::filesystem::path& file, const std::string& content) {
    std::ofstream{file, std::ios::binary} << content;
}

std::string body_of(std::uint64_t n) {
    return std::to_string(n) + std::string(n % 5 == 0 ? 9000 : 40 + n % 300, static_cast<char>('a' + n % 26));
}

constexpr std::uint64_t put_in_all = 500;

/// A queue with rows in all of its tables, and free pages: what is left of its messages is its result.
std::uint64_t fill(const std::filesystem::path& directory) {
    stored_queue q{directory};
    const auto p = q.producer().producer;
    const auto c = q.consumer();
    std::uint64_t d = 0;
    for (std::uint64_t n = 1; n <= put_in_all; ++n) {
        q.put(p, n, body_of(n),
              {.key = n % 10 == 0 ? "k" + std::to_string(n) : "", .id = n % 3 == 0 ? std::to_string(n) : ""});
        if (n % 3 == 0) q.pass();
        if (n % 100 != 0) continue;
        for (const auto last = q.out.deliveries.back().d; d < last; ++d) {
            if (d % 4 == 0) q.settle(c, outcome::ack, d + 1);
            if (d % 16 == 1) q.settle(c, outcome::reject, d + 1);
            if (d % 16 == 2) q.settle(c, outcome::retry, d + 1);
        }
        q.pass(20 * ms);
    }
    const auto left = q->depth().live();
    q.close();
    return left;
}

/// Changes bytes, half of them in the pages of trees, or cuts the file off.
void damage(std::string& file, std::mt19937_64& random) {
    const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
    if (below(10) == 0) return file.resize(below(file.size()));
    for (auto n = 1 + below(3); n > 0; --n) {
        auto page = below(file.size() / page_size);
        const auto is_tree = [&] { return (file[page * page_size + 10] & 3) != 0 || page < 2; };
        for (bool tree = below(2) == 0; tree && !is_tree();) page = below(file.size() / page_size);
        const auto at = page * page_size + (below(3) == 0 ? below(64) : below(page_size));
        file[at] = static_cast<char>(file[at] ^ static_cast<char>(1 + below(255)));
    }
}

/// All messages, by number. Nothing when it was refused, and `why`.
std::optional<std::map<std::uint64_t, std::string>> bodies_in(const std::filesystem::path& directory,
                                                              std::string* why = nullptr) {
    std::optional<std::map<std::uint64_t, std::string>> all;
    try {
        stored_queue q{directory, {}, 100'000 * second};
        CHECK(adds_up(*q.operator->()));
        const auto c = q.consumer(99);
        all.emplace();
        q.pass();
        for (std::size_t i = 0; i < q.out.deliveries.size(); ++i) {
            (*all)[q.out.deliveries[i].seq] = q.out.deliveries[i].body;
            q.settle(c, outcome::ack, q.out.deliveries[i].d);
            if (i + 1 == q.out.deliveries.size()) q.pass(20 * ms);
        }
    } catch (const leat::error& e) {
        CHECK((e.kind() == leat::errc::store_unreadable));
        if (why != nullptr) *why = e.what();
    }
    return all;
}

}  // namespace

TEST_CASE("whatever is damaged, it is named, a queue is refused or opens, and a salvage saves what is good") {
    const temporary_directory at{temporary_directory::in_memory()};
    const auto old = at.path() / "old", fresh = at.path() / "new";
    const auto left = fill(old);
    const auto good = content(old / "data.mdb"), journal = content(old / "journal");
    REQUIRE(leat::read_store(old).damages == texts{});
    const auto whole = bodies_in(old);
    REQUIRE(whole);
    REQUIRE_EQ(whole->size(), left);

    int named = 0, refused = 0, unsalvageable = 0, lossless = 0;
    const auto* text = std::getenv("LEAT_DAMAGE_SEED");
    const auto first = text == nullptr ? 1 : std::stoull(text);
    for (auto seed = first; seed < first + 200; ++seed) {
        CAPTURE(seed);
        std::mt19937_64 random{seed};
        auto bad = good;
        damage(bad, random);
        write(old / "data.mdb", bad);
        write(old / "journal", journal);
        bool is_named = false;
        try {
            is_named = !leat::read_store(old).damages.empty();
        } catch (const leat::error& e) {
            is_named = true;
            CHECK((e.kind() == leat::errc::store_unreadable));
        }
        named += is_named ? 1 : 0;
        try {
            static_cast<void>(leat::read_store(old, false));
        } catch (const leat::error& e) {
            CHECK((e.kind() == leat::errc::store_unreadable));
        }
        CHECK(content(old / "data.mdb") == bad);
        try {
            const auto told = leat::salvage_store(old, fresh, "work");
            CHECK(content(old / "data.mdb") == bad);
            CHECK(leat::read_store(fresh).damages == texts{});
            if (told.messages.lost)
                CHECK_EQ(told.messages.saved + *told.messages.lost, left + told.messages.again);
            if (!is_named) CHECK(told.whole());
            lossless += told.whole() ? 1 : 0;
            std::string why;
            const auto saved = bodies_in(fresh, &why);
            REQUIRE_MESSAGE(saved, why);
            CHECK_EQ(saved->size(), told.messages.saved);
            for (const auto& [seq, body] : *saved) CHECK(body == body_of(seq));
        } catch (const leat::error& e) {
            ++unsalvageable;
            CHECK((e.kind() == leat::errc::store_unreadable));
            CHECK_FALSE(std::filesystem::exists(fresh / "data.mdb"));
        }
        std::filesystem::remove_all(fresh);
        const auto opened = bodies_in(old);
        if (!opened) CHECK(content(old / "data.mdb") == bad);
        refused += opened ? 0 : 1;
    }
    // Most of it is in bodies; the rest is refused, and a byte that nobody reads is no damage.
    CHECK_GT(named, 150);
    CHECK_GT(refused, 25);
    CHECK_GT(lossless, 5);
    CHECK_EQ(unsalvageable, 0);
}

namespace {

leat::detail::lmdb::page_file::damage nothing_wrong() {
    return [](const std::string& what) { FAIL_CHECK(what); };
}

/// Where the tree of a table begins, in bytes.
std::streamoff root_of(const std::filesystem::path& directory, const std::string& table) {
    const leat::detail::lmdb::page_file file{directory / "data.mdb", nothing_wrong()};
    const auto tree = file.find(table);
    REQUIRE(tree);
    REQUIRE_GT(tree->depth, 1);
    return static_cast<std::streamoff>(tree->root * page_size);
}

void overwrite(const std::filesystem::path& directory, std::streamoff at, char with) {
    std::fstream file{directory / "data.mdb", std::ios::in | std::ios::out | std::ios::binary};
    file.seekp(at).put(with);
}

}  // namespace

TEST_CASE("a page that leads to all records is damaged: the records are found without it") {
    const temporary_directory at{temporary_directory::in_memory()};
    const auto old = at.path() / "old", fresh = at.path() / "new";
    const auto left = fill(old);
    {
        leat::detail::lmdb::page_file file{old / "data.mdb", nothing_wrong()};
        file.check(nothing_wrong());
        file.each_lost([](auto, auto) { FAIL_CHECK("a page is in no tree, and not free"); });
    }
    overwrite(old, root_of(old, "0.records") + 10, '\xff');
    CHECK_THROWS_LEAT(stored_queue{old}, leat::errc::store_unreadable, "what is under it is lost");
    const auto told = leat::salvage_store(old, fresh);
    CHECK(told.whole());
    CHECK_EQ(told.messages.saved, left);
    CHECK_EQ(told.queue, "work");
    CHECK_EQ(told.damages.size(), 1);
    const auto saved = bodies_in(fresh);
    REQUIRE(saved);
    CHECK_EQ(saved->size(), left);
}

TEST_CASE("what says whose it is, is lost: a salvage needs the name") {
    const temporary_directory at{temporary_directory::in_memory()};
    const auto old = at.path() / "old", fresh = at.path() / "new";
    const auto left = fill(old);
    auto all = content(old / "data.mdb");
    for (auto i = all.find("0.state"); i != std::string::npos; i = all.find("0.state", i + 1))
        all[i + 9] ^= 1;
    for (auto i = all.find("work"); i != std::string::npos; i = all.find("work", i + 1)) all[i] = 'f';
    write(old / "data.mdb", all);
    CHECK_THROWS_LEAT(leat::salvage_store(old, fresh), leat::errc::store_unreadable,
                      "it needs to be told its name");
    CHECK_FALSE(std::filesystem::exists(fresh / "data.mdb"));
    const auto told = leat::salvage_store(old, fresh, "work");
    CHECK_EQ(told.messages.saved, left);
    CHECK(told.whole());
    CHECK_THROWS_LEAT(leat::salvage_store(old, fresh, "work"), leat::errc::store_failed, "it is not empty");
    const auto saved = bodies_in(fresh);
    REQUIRE(saved);
    CHECK_EQ(saved->size(), left);
}
