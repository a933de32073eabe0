// 22: a power cut at each write of a run, with every kind of what it may leave of the writes that were not
// synced.

#include "queue_power_cut_script.hpp"

#include "support/power_cut.hpp"
#include "support/stored_queue.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <set>
#include <sstream>

using namespace power_cut;
using support::cut_disk;
using support::temporary_directory;

namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::stoull(text);
}

/// All that a queue is, as a text, and what it holds once its producers have sent again what it does not
/// know.
struct looked_at {
    std::string text;
    std::multiset<std::string> bodies;
};

looked_at look(const std::filesystem::path& directory, const leat::queue_rules& rules, const history& of) {
    looked_at all;
    std::ostringstream out;
    stored_queue q{directory, rules, second};
    leat::queue_stat stat;
    stat.counts = q->counts();
    stat.depth = q->depth();
    for (const auto& [name, n] : leat::figures(stat)) {
        if (n != 0) out << name << ' ' << n << '\n';
    }
    const auto name = [](std::string_view body) { return std::string{body.substr(0, body.find(' '))}; };
    q->letters({}, 1000, [&](const letter_view& one) {
        out << "letter " << one.seq << ' ' << name(as_text(one.body)) << ' ' << one.what->attempts << ' '
            << one.what->text << '\n';
        all.bodies.insert(as_text(one.body));
    });
    for (std::uint64_t p = 1; p <= last_producer; ++p) {
        const auto welcome = q.producer(p);
        out << "producer " << p << ' ' << welcome.known << ' ' << welcome.decided;
        for (const auto& one : welcome.refused) out << " refused " << one.first << '-' << one.last;
        out << '\n';
        for (auto n = welcome.decided + 1; n <= of.puts[p].size(); ++n) {
            const auto& one = of.puts[p][n - 1];
            q.put(welcome.producer, n, one.body, one.as_item());
        }
    }
    const auto c = q.consumer(77);
    std::size_t seen = 0;
    q.pass();
    for (int i = 0; i < 50 && q->depth().live() > 0; ++i) {
        for (; seen < q.out.deliveries.size(); ++seen) {
            const auto& one = q.out.deliveries[seen];
            out << "delivery " << one.seq << ' ' << name(one.body) << ' ' << one.attempts << '\n';
            all.bodies.insert(one.body);
            q.settle(c, outcome::ack, one.d);
        }
        q->heard(c);
        q.pass(900 * ms);
    }
    CHECK_EQ(q->depth().live(), 0);
    CHECK(adds_up(*q.operator->()));
    all.text = out.str();
    return all;
}

looked_at look(const cut_disk::files& files, const leat::queue_rules& rules, const history& of) {
    const temporary_directory at{temporary_directory::in_memory()};
    support::write_files(at.path(), files);
    return look(at.path(), rules, of);
}

/// The state after each commit of a run, found by opening it whole.
class references {
public:
    references(const history& of, const leat::queue_rules& rules) {
        cut_disk disk;
        std::mt19937_64 random;
        const auto add = [&](std::size_t operations) {
            states_.push_back(
                look(disk.cut(cut_disk::left::all, {.what = file_operation::kind::sync}, random), rules, of));
            ends_.push_back(operations);
        };
        add(0);
        for (std::size_t i = 0; i < of.operations.size(); ++i) {
            disk.done(of.operations[i]);
            if (ends_commit(of.operations[i])) add(i + 1);
        }
    }

    /// Commits that have ended within so many operations.
    [[nodiscard]] std::size_t commits(std::size_t operations) const {
        return static_cast<std::size_t>(std::upper_bound(ends_.begin(), ends_.end(), operations) -
                                        ends_.begin()) -
               1;
    }
    [[nodiscard]] const looked_at& operator[](std::size_t commits) const { return states_[commits]; }
    [[nodiscard]] std::size_t size() const { return states_.size(); }

private:
    std::vector<looked_at> states_;
    std::vector<std::size_t> ends_;
};

/// I2 and I14 in the state after each commit, from what the run was told. With an interval a confirm promises
/// less.
void check_promises(const history& of, const references& after, leat::durability how) {
    for (std::size_t commit = 0; commit < after.size(); ++commit) {
        const auto& bodies = after[commit].bodies;
        INFO("after commit " << commit);
        for (const auto& [body, when] : of.confirmed) {
            if (how == leat::durability::interval || after.commits(when) > commit ||
                of.may_be_gone.contains(body))
                continue;
            CHECK_MESSAGE(bodies.contains(body), "confirmed and missing: " << body.substr(0, 10));
        }
        for (const auto& [body, when] : of.acked) {
            if (after.commits(when) > commit) continue;
            CHECK_MESSAGE(!bodies.contains(body), "acked and back: " << body.substr(0, 10));
        }
        std::size_t known = 0;
        for (const auto& some : of.puts) {
            for (const auto& one : some) {
                const auto n = bodies.count(one.body);
                known += n;
                const std::size_t least =
                    one.repeats || one.too_large || of.may_be_gone.contains(one.body) ? 0 : 1;
                const std::size_t most = one.repeats || one.too_large ? 0 : 1;
                CHECK_MESSAGE(n >= least, "sent again and missing: " << one.body.substr(0, 10));
                CHECK_MESSAGE(n <= most, "stored twice, or for nothing: " << one.body.substr(0, 10));
            }
        }
        CHECK_EQ(known, bodies.size());
    }
}

std::vector<cut_disk::left> ways_of(std::size_t open) {
    using left = cut_disk::left;
    std::vector<left> ways{left::none};
    if (open > 0) ways.push_back(left::all);
    if (open > 1) ways.insert(ways.end(), {left::last, left::all_but_one});
    for (std::size_t n = 0; n < std::min<std::size_t>(open, 2); ++n) ways.push_back(left::some);
    return ways;
}

/// What an opening, which is not closed in good order, does to files.
std::vector<file_operation> opening_of(const cut_disk::files& files, const leat::queue_rules& rules) {
    const temporary_directory at{temporary_directory::in_memory()};
    support::write_files(at.path(), files);
    const support::watched_files disk{at.path()};
    const stored_queue q{at.path(), rules, second};
    return disk.operations();
}

/// A cut at one operation: what is there is the state after the last commit, or that of the one under way
/// (I15).
void cut_at(std::size_t i, const cut_disk& disk, const history& of, const references& after,
            const leat::queue_rules& rules, std::mt19937_64& random, std::size_t& cuts) {
    const auto& under_way = of.operations[i];
    const auto commits = after.commits(i);
    for (const auto way : ways_of(disk.open(under_way))) {
        ++cuts;
        const auto found = look(disk.cut(way, under_way, random), rules, of);
        const bool last = found.text == after[commits].text;
        const bool next = may_end_commit(under_way) && found.text == after[commits + 1].text;
        REQUIRE_MESSAGE((last || next), "a cut at operation " << i << " of " << of.operations.size()
                                                              << ", way " << static_cast<int>(way)
                                                              << ", leaves\n"
                                                              << found.text << "instead of\n"
                                                              << after[commits].text);
    }
}

std::size_t cut_everywhere(const history& run, const references& after, const leat::queue_rules& rules,
                           std::uint64_t seed) {
    cut_disk disk;
    std::mt19937_64 random{seed};
    std::size_t cuts = 0;
    for (std::size_t i = 0; i < run.operations.size(); ++i) {
        cut_at(i, disk, run, after, rules, random, cuts);
        disk.done(run.operations[i]);
    }
    return cuts;
}

/// All commits into the tables; some of them, as the journal is often full; hardly any.
constexpr std::array<std::uint64_t, 3> journals{0, 100'000, 3 << 20};

void check_run(leat::durability how) {
    const auto seed = from_environment("LEAT_CUT_SEED", 1);
    INFO("seed " << seed);
    const auto rules = rules_of(how);
    for (const auto journal : journals) {
        INFO("a journal of " << journal << " bytes");
        const auto run = script{how, seed, journal}.run();
        const references after{run, rules};
        CHECK_GT(run.confirmed.size(), 20);
        CHECK_GT(run.acked.size(), 10);
        check_promises(run, after, how);
        const auto cuts = cut_everywhere(run, after, rules, seed);
        MESSAGE("seed " << seed << ": " << run.operations.size() << " operations, " << after.size()
                        << " commits, " << cuts << " cuts");
    }
}

}  // namespace

TEST_CASE("22: a power cut at any write leaves the last commit, and no confirmed put is missing") {
    check_run(leat::durability::commit);
}

TEST_CASE("with an interval a power cut leaves the last commit") {
    check_run(leat::durability::interval);
}

TEST_CASE("a power cut while what a power cut has left is opened changes nothing") {
    const auto seed = from_environment("LEAT_CUT_SEED", 1);
    INFO("seed " << seed);
    const auto how = leat::durability::commit;
    const auto rules = rules_of(how);
    const auto run = script{how, seed, journals[1]}.run();
    const references after{run, rules};
    cut_disk disk;
    std::mt19937_64 random{seed};
    std::size_t cuts = 0;
    for (std::size_t i = 0; i < run.operations.size(); ++i) {
        disk.done(run.operations[i]);
        if (i % 30 != 0) continue;
        const auto left = disk.cut(cut_disk::left::some, {.what = file_operation::kind::sync}, random);
        const auto expected = look(left, rules, run).text;
        const auto commits = after.commits(i + 1);
        const bool next = may_end_commit(run.operations[i]) && expected == after[commits + 1].text;
        CHECK((next || expected == after[commits].text));
        const auto again = opening_of(left, rules);
        auto second_disk = cut_disk{left};
        for (const auto& one : again) {
            for (const auto way : ways_of(second_disk.open(one))) {
                ++cuts;
                const auto found = look(second_disk.cut(way, one, random), rules, run);
                REQUIRE_MESSAGE(found.text == expected, "after operation " << i << " of "
                                                                           << run.operations.size() << ":\n"
                                                                           << found.text << "instead of\n"
                                                                           << expected);
            }
            second_disk.done(one);
        }
    }
    MESSAGE("seed " << seed << ": " << cuts << " cuts");
    CHECK_GT(cuts, 50);
}
