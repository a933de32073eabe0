// The checker of records over crashes finds what it is there to find.

#include "crash_checker.hpp"

#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

namespace {

using lines = std::vector<std::string>;

/// Two messages of a key, and a kill after the first was acked, of which the queue had not told yet.
struct records {
    lines queue{
        "0 rules 1000 100 5", "0 opened 1 0 0 0",        "1-0 hello p other",       "1-0 put p 1 k a-0",
        "1-0 put p 2 k a-1",  "2-0 deliver c 1 1 0 a-0", "2-0 settle c ack 1-1",    "3 rules 1000 100 5",
        "3 opened 2 2 0 0",   "4-0 hello p other",       "4-0 deliver c 1 1 0 a-0", "4-0 settle c ack 1-1",
        "4-0 safe c ack 1-1", "5-0 deliver c 2 2 0 a-1", "5-0 settle c ack 2-2",    "6 end 2 2 0 0 0 0"};
    lines producer{"put a-0", "put a-1", "stored a-0", "duplicate a-1"};
    lines consumer{"got 1 1 a-0", "say 1 ack a-0", "got 2 2 a-1", "say 2 ack a-1"};

    records& change(const std::string& from, const lines& to) {
        for (auto* all : {&queue, &producer, &consumer}) {
            const auto at = std::find(all->begin(), all->end(), from);
            if (at == all->end()) continue;
            all->insert(all->erase(at), to.begin(), to.end());
            return *this;
        }
        FAIL(from, " is in no record");
        return *this;
    }
    [[nodiscard]] proof::findings check() const {
        const support::temporary_directory at;
        const auto write = [&](const char* name, const lines& all) {
            std::ofstream out{at.path() / name};
            for (const auto& one : all) out << one << "\n";
        };
        write("queue", queue);
        write("producer1", producer);
        write("consumer2", consumer);
        return proof::check_crashes(at.path());
    }
};

bool says(const records& changed, const std::string& what) {
    const auto found = changed.check();
    for (const auto& one : found.faults) {
        if (one.find(what) != std::string::npos) return true;
        MESSAGE(one);
    }
    return false;
}

}  // namespace

TEST_CASE("an ack that was not told to be safe may be undone by a kill") {
    const auto found = records{}.check();
    for (const auto& one : found.faults) MESSAGE(one);
    CHECK(found.faults.empty());
    CHECK(found.confirmed == 2);
    CHECK(found.deliveries == 3);
    CHECK(found.repeats == 1);
    CHECK(found.resumed == 1);
    CHECK(found.safe == 1);
}

TEST_CASE("what was told to be safe comes back") {
    records r;
    CHECK(says(r.change("2-0 settle c ack 1-1", {"2-0 settle c ack 1-1", "2-0 safe c ack 1-1"}),
               "it was acked for good"));
    records s;
    CHECK(says(s.change("2-0 settle c ack 1-1", {"2-0 settle c reject 1-1", "2-0 safe c reject 1-1"}),
               "it was rejected for good"));
}

TEST_CASE("a retry that was told to be safe is not charged, or one is charged that was not given") {
    records r;
    CHECK(says(r.change("2-0 settle c ack 1-1", {"2-0 settle c retry 1-1", "2-0 safe c retry 1-1"}),
               "0 attempts, of 1 to 1"));
    records s;
    CHECK(says(s.change("2-0 deliver c 1 1 0 a-0", {"2-0 deliver c 1 1 1 a-0"}), "1 attempts, of 0 to 0"));
}

TEST_CASE("what was confirmed is lost, or stored twice, or out of order") {
    records r;
    r.change("4-0 deliver c 1 1 0 a-0", {}).change("say 1 ack a-0", {});
    CHECK(says(r, "a-0 was told to be stored, and is lost"));
    records s;
    CHECK(says(s.change("4-0 deliver c 1 1 0 a-0", {"4-0 deliver c 1 3 0 a-0"}), "a-0 is stored twice"));
    records t;
    CHECK(says(t.change("5-0 deliver c 2 2 0 a-1", {"5-0 deliver c 2 1 0 a-1"}), "number 1 is given twice"));
    records u;
    u.change("2-0 deliver c 1 1 0 a-0", {"2-0 deliver c 1 9 0 a-0"})
        .change("4-0 deliver c 1 1 0 a-0", {"4-0 deliver c 1 9 0 a-0"})
        .change("got 1 1 a-0", {"got 1 9 a-0"});
    CHECK(says(u, "a-1 stands before what was put before it"));
}

TEST_CASE("a message passes an earlier one of its key") {
    records r;
    r.change("2-0 deliver c 1 1 0 a-0", {}).change("2-0 settle c ack 1-1", {});
    r.change("4-0 deliver c 1 1 0 a-0", {"4-0 deliver c 3 2 0 a-1", "4-0 deliver c 1 1 0 a-0"});
    CHECK(says(r, "it passes a-0"));
    CHECK(says(r, "a later one of its key was delivered before"));
}

TEST_CASE("what was refused is there, or a put has two verdicts") {
    records r;
    CHECK(says(r.change("duplicate a-1", {"refused a-1"}), "a-1 was refused, and is there"));
    records s;
    CHECK(says(s.change("duplicate a-1", {"duplicate a-1", "refused a-1"}), "a second verdict for a-1"));
}

TEST_CASE("the counts do not add up over the openings") {
    records r;
    CHECK(says(r.change("6 end 2 2 0 0 0 0", {"6 end 3 3 0 0 0 0"}), "3 admitted, and 2 seen"));
    records s;
    CHECK(says(s.change("6 end 2 2 0 0 0 0", {"6 end 2 1 0 0 0 0"}), "2 admitted, 1 acked, 0 dead"));
    records t;
    CHECK(says(t.change("6 end 2 2 0 0 0 0", {"6 end 2 1 0 0 1 0"}), "it has not drained"));
    records u;
    CHECK(says(u.change("6 end 2 2 0 0 0 0", {}), "the queue has not ended"));
    records v;
    CHECK(says(v.change("3 opened 2 2 0 0", {"3 opened 1 2 0 0"}), "opening 1 comes after 1"));
}
