// The checker, shown records that are right and records in which one thing is wrong.

#include "checker.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
using lines = std::vector<std::string>;

/// Records of a queue with a lease of 1 s, a session timeout of 3 s and three attempts; the times are in ms.
/// Two messages of one key, one without; the consumer `c` retries one, and `e` has one from `c`, whose lease
/// has ended.
struct records {
    lines queue{
        "0 rules 1000 3000 3",
        "1 hello p other",
        "2 put p 1 k one",
        "2 put p 2 k two",
        "2 put p 3 - three",
        "3 stored p 1-3",
        "4 hello c consumer",
        "4 keep c",
        "5 deliver c 1 1 0 one",
        "5 deliver c 2 3 0 three",
        "6 settle c retry 1-1",
        "7 settled c 1 0",
        "20 deliver c 3 1 1 one",
        "21 settle c ack 3-3",
        "22 deliver c 4 2 0 two",
        "23 extend c",
        "24 hello e consumer",
        "24 keep e",
        "500 tick",
        "900 extend c 2-2",
        "1200 deliver e 5 3 0 three",
        "1300 settle e ack 5-5",
        "1301 settled e 1 0",
        "1400 settle c ack 2-2 4-4",
        "1401 settled c 3 1",
        "1500 end 3 3 0 0 0",
    };
    lines producer{"put one", "put two", "put three", "stored one", "stored two", "stored three"};
    lines consumer{"got 1 1 one", "got 2 3 three", "say 1 retry", "got 3 1 one",
                   "say 3 ack",   "got 4 2 two",   "say 4 ack",   "say 2 ack"};
    lines other{"got 5 3 three", "say 5 ack"};

    void replace(const std::string& old, const std::string& by) { *find(old) = by; }
    void drop(const std::string& old) { of(old)->erase(find(old)); }
    void insert_before(const std::string& old, const std::string& one) { of(old)->insert(find(old), one); }

    [[nodiscard]] std::string faults() const {
        auto name = (fs::temp_directory_path() / "leat-checker-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        const fs::path directory{name};
        const auto write = [&](const char* file, const lines& all) {
            std::ofstream out{directory / file};
            for (auto text : all) {
                // Milliseconds in this source, nanoseconds in a record.
                if (std::string{file} == "queue") text.insert(text.find_first_of("- "), "000000");
                out << text << "\n";
            }
        };
        write("queue", queue);
        write("producer1", producer);
        write("consumer1", consumer);
        write("consumer2", other);
        std::string all;
        for (const auto& one : proof::check(directory).faults) all += one + "\n";
        fs::remove_all(directory);
        return all;
    }

private:
    lines* of(const std::string& text) {
        for (auto* one : {&queue, &producer, &consumer, &other}) {
            if (std::find(one->begin(), one->end(), text) != one->end()) return one;
        }
        FAIL("no line " << text);
        return nullptr;
    }
    lines::iterator find(const std::string& text) {
        auto* in = of(text);
        return std::find(in->begin(), in->end(), text);
    }
};

#define CHECK_FINDS(all, part)                        \
    do {                                              \
        const auto found = (all).faults();            \
        INFO(found);                                  \
        CHECK(found.find(part) != std::string::npos); \
    } while (false)

}  // namespace

TEST_CASE("right records have no faults") {
    CHECK(records{}.faults() == "");
}

TEST_CASE("a confirmed message that nobody acked is lost") {
    records all;
    all.drop("1300 settle e ack 5-5");
    CHECK_FINDS(all, "three was told to be stored, and is lost");
}

TEST_CASE("a confirm that the queue has not given") {
    records all;
    all.replace("3 stored p 1-3", "3 stored p 1-2");
    CHECK_FINDS(all, "three was told to be stored, and the queue has not said so");
}

TEST_CASE("an acked message that returns") {
    records all;
    all.insert_before("1500 end 3 3 0 0 0", "1450 deliver e 6 1 1 one");
    CHECK_FINDS(all, "delivery 6 of one, which was acked");
}

TEST_CASE("a rejected message that returns") {
    records all;
    all.replace("6 settle c retry 1-1", "6 settle c reject 1-1");
    all.replace("say 1 retry", "say 1 reject");
    CHECK_FINDS(all, "delivery 3 of one, which was rejected");
}

TEST_CASE("a key whose second message is delivered before its first has ended") {
    records all;
    all.drop("22 deliver c 4 2 0 two");
    all.insert_before("20 deliver c 3 1 1 one", "19 deliver c 4 2 0 two");
    all.replace("20 deliver c 3 1 1 one", "20 deliver c 5 1 1 one");
    CHECK_FINDS(all, "two is delivered before one, which was put before it with the key k and has not ended");
}

TEST_CASE("a delivery while an earlier one of the same message has a live lease") {
    records all;
    all.replace("1200 deliver e 5 3 0 three", "1199 deliver e 5 3 0 three");
    all.replace("900 extend c 2-2", "900 extend c");
    CHECK_FINDS(all, "delivery 5 of three while delivery 2 has a live lease, 701 ms more");
}

TEST_CASE("a deadline within a pass may have come or not") {
    records all;
    all.replace("900 extend c 2-2", "900-20000000 extend c");  // at 880 at the earliest
    all.replace("1200 deliver e 5 3 0 three", "1880 deliver e 5 3 0 three");
    for (const auto* later : {"1300 settle e ack 5-5", "1301 settled e 1 0", "1400 settle c ack 2-2 4-4",
                              "1401 settled c 3 1", "1500 end 3 3 0 0 0"}) {
        const std::string text = later;
        all.replace(text, std::to_string(std::stoi(text) + 600) + text.substr(text.find(' ')));
    }
    CHECK(all.faults() == "");
    all.replace("1880 deliver e 5 3 0 three", "1879 deliver e 5 3 0 three");
    CHECK_FINDS(all, "delivery 5 of three while delivery 2 has a live lease, 1 ms more");
}

TEST_CASE("a process that stood still has all leases later") {
    records all;
    for (const auto* one : {"1200 deliver e 5 3 0 three", "1300 settle e ack 5-5", "1301 settled e 1 0",
                            "1400 settle c ack 2-2 4-4", "1401 settled c 3 1", "1500 end 3 3 0 0 0"}) {
        const std::string text = one;
        const auto later = std::stoi(text) + 9000;
        all.replace(text, std::to_string(later) + text.substr(text.find(' ')));
    }
    // Nobody said anything between 900 and 10200, so at 1500 at the earliest.
    CHECK(all.faults() == "");
    all.insert_before("900 extend c 2-2", "890 extend c");
    all.replace("900 extend c 2-2", "900 extend c");
    CHECK_FINDS(all, "delivery 5 of three while delivery 2 has a live lease");
}

TEST_CASE("delivery numbers that do not grow") {
    records all;
    all.replace("22 deliver c 4 2 0 two", "22 deliver c 3 2 0 two");
    CHECK_FINDS(all, "delivery 3 of two does not grow: the one before was 3");
}

TEST_CASE("a message that is stored twice") {
    records all;
    all.replace("1200 deliver e 5 3 0 three", "1200 deliver e 5 4 0 three");
    CHECK_FINDS(all, "three is stored twice: as 3 and as 4");
}

TEST_CASE("attempts that nobody has caused, and a retry that was not charged") {
    records all;
    all.replace("22 deliver c 4 2 0 two", "22 deliver c 4 2 1 two");
    CHECK_FINDS(all, "delivery 4 of two has 1 attempts; the outcomes and losses allow 0 to 0");
    records other;
    other.replace("20 deliver c 3 1 1 one", "20 deliver c 3 1 0 one");
    CHECK_FINDS(other, "delivery 3 of one has 0 attempts; the outcomes and losses allow 1 to 1");
}

TEST_CASE("an ack in time that the queue did not count") {
    records all;
    all.replace("1301 settled e 1 0", "1301 settled e 0 1");
    CHECK_FINDS(all,
                "the queue says that 0 outcomes of this session had an effect; by the rules it is 1 to 1");
}

TEST_CASE("an ack that came too late and was counted all the same") {
    records all;
    all.replace("1401 settled c 3 1", "1401 settled c 4 0");
    CHECK_FINDS(all,
                "the queue says that 4 outcomes of this session had an effect; by the rules it is 3 to 3");
}

TEST_CASE(
    "a late ack that counts, for nobody has had the message since, and one that the queue does not honour") {
    records all;
    all.drop("1200 deliver e 5 3 0 three");
    all.drop("1300 settle e ack 5-5");
    all.drop("1301 settled e 1 0");
    all.replace("1401 settled c 3 1", "1401 settled c 4 0");
    all.replace("1500 end 3 3 0 0 0", "1500 end 3 3 1 0 0");
    all.other.clear();
    CHECK(all.faults() == "");
    all.replace("1401 settled c 4 0", "1401 settled c 3 1");
    CHECK_FINDS(all, "by the rules it is 4 to 4");
}

TEST_CASE("what is said to be lost at a resume, but had a lease and a session") {
    records all;
    all.insert_before("500 tick", "450 hello c consumer");
    all.insert_before("500 tick", "450 keep c 2-2 4-4");
    all.insert_before("500 tick", "451 welcome c 2-2");
    CHECK_FINDS(
        all, "delivery 2 is said to be lost, but neither its lease nor the session of its holder had ended");
}

TEST_CASE("what a resume does not name has come back") {
    records all;
    all.insert_before("500 tick", "450 hello c consumer");
    all.insert_before("500 tick", "450 keep c 4-4");
    all.insert_before("500 tick", "451 welcome c");
    all.replace("1200 deliver e 5 3 0 three", "600 deliver e 5 3 0 three");
    all.replace("1401 settled c 3 1", "1401 settled c 1 1");
    CHECK(all.faults() == "");
}

TEST_CASE(
    "what comes as its session ends may have been taken, and counts at the latest when it is said again") {
    records all;
    all.insert_before("21 settle c ack 3-3", "21 cut c");
    all.insert_before("22 deliver c 4 2 0 two", "22 hello c consumer");
    all.insert_before("22 deliver c 4 2 0 two", "22 settle c ack 3-3");
    all.insert_before("22 deliver c 4 2 0 two", "22 keep c 2-2");
    for (const auto* applied : {"1401 settled c 1 1", "1401 settled c 2 0"}) {
        records either = all;
        either.replace("1401 settled c 3 1", applied);
        CHECK(either.faults() == "");
    }
    all.replace("1401 settled c 3 1", "1401 settled c 2 0");
    records returns = all;
    returns.insert_before("1500 end 3 3 0 0 0", "1450 deliver e 6 1 1 one");
    CHECK_FINDS(returns, "delivery 6 of one, which was acked");
}

TEST_CASE("a dead letter without a reason") {
    records all;
    all.drop("1300 settle e ack 5-5");
    all.drop("1301 settled e 1 0");
    all.drop("say 5 ack");
    all.replace("1500 end 3 3 0 0 0", "1500 end 3 2 0 1 0");
    records rejected = all;
    all.insert_before("1500 end 3 2 0 1 0", "1499 dead lost three");
    CHECK_FINDS(all, "three is dead after 1 failed attempts of 3");
    rejected.insert_before("1500 end 3 2 0 1 0", "1499 dead rejected three");
    CHECK_FINDS(rejected, "three is dead as rejected, and was not");
}

TEST_CASE("sums of the queue that are not those of the record") {
    records all;
    all.replace("1500 end 3 3 0 0 0", "1500 end 3 2 0 0 0");
    CHECK_FINDS(all, "the queue counts 2 acked, the record 3");
    records other;
    other.drop("1500 end 3 3 0 0 0");
    CHECK_FINDS(other, "the record has no end");
}

TEST_CASE("an outcome that was sent, and that no user code gave") {
    records all;
    all.drop("say 4 ack");
    CHECK_FINDS(all, "delivery 4 of two: ack was sent, and no consumer has said so");
}

TEST_CASE("a delivery that user code was shown twice, that is another one's, or was never sent") {
    records all;
    all.insert_before("say 4 ack", "got 4 2 two");
    CHECK_FINDS(all, "consumer1: was shown delivery 4 twice");
    records others;
    others.insert_before("say 5 ack", "got 4 2 two");
    CHECK_FINDS(others, "consumer2: was shown another one's delivery 4");
    records none;
    none.insert_before("say 5 ack", "got 6 3 three");
    CHECK_FINDS(none, "consumer2: has delivery 6, which the queue has not sent");
    records wrong;
    wrong.replace("got 4 2 two", "got 4 2 one");
    CHECK_FINDS(wrong, "was shown delivery 4 as one, it is two");
}

TEST_CASE("verdicts that are not one for each put") {
    records all;
    all.producer.emplace_back("stored one");
    CHECK_FINDS(all, "producer1: a second verdict for one");
    records refused;
    refused.replace("stored two", "refused two");
    CHECK_FINDS(refused, "producer1: two was refused, and delivered");
    records unknown;
    unknown.drop("put two");
    CHECK_FINDS(unknown, "a verdict for two, which was not put");
}
