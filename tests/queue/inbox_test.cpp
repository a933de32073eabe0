// A queue whose consumer is in its own process (P5).

#include "rig.hpp"

#include "support/temporary_directory.hpp"

#include <fstream>
#include <set>

using namespace std::chrono_literals;

namespace {

constexpr int messages = 1001, max_attempts = 5;

/// Runs of an inbox until it has nothing left. Returns how many of them were killed.
int restarts_of(const std::filesystem::path& place, int prefetch) {
    const auto run = [&](bool puts) {
        std::vector<std::string> command{std::string{LEAT_QUEUE_PROGRAMS} + "/queue_inbox",
                                         (place / "store").string(), (place / "record").string(),
                                         std::to_string(prefetch), std::to_string(max_attempts)};
        if (puts) command.push_back(std::to_string(messages));
        support::process one{command};
        return one.wait(proof::long_patience);
    };
    REQUIRE_EQ(run(true), 0);
    for (int killed = 0; killed < 30; ++killed) {
        if (run(false) == 0) return killed;
    }
    return 30;
}

/// Looks whether the poison alone is dead and all else was acked, none charged.
void check_record(const std::filesystem::path& file) {
    std::set<std::string> acked, dead;
    std::ifstream in{file};
    for (std::string what, kind, number, attempt; in >> what;) {
        if (what == "dead") {
            in >> kind >> number;
            dead.insert(kind + " " + number);
            continue;
        }
        in >> kind >> number >> attempt;
        acked.insert(number);
        CHECK_EQ(attempt, "1");
    }
    CHECK_EQ(acked.size(), messages - 1);
    CHECK(dead == std::set<std::string>{"lost poison"});
}

}  // namespace

TEST_CASE("7: a poison in an inbox, which kills queue and consumer together, is dead within 8 restarts") {
    for (const int prefetch : {1, 32, 256}) {
        CAPTURE(prefetch);
        const support::temporary_directory place;
        const auto restarts = restarts_of(place.path(), prefetch);
        MESSAGE("prefetch ", prefetch, ": ", restarts, " restarts");
        CHECK_GE(restarts, max_attempts);
        CHECK_LE(restarts, 8);
        check_record(place.path() / "record");
    }
}
