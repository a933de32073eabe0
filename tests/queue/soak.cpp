// A durable queue, its producers and its consumers for a long time, each killed at random moments; `./dev
// soak`.
//
// It goes in rounds. After each the queue drains and is closed, all records are checked and begin anew, and
// the same directory is opened again. LEAT_SOAK_SECONDS: for how long; LEAT_PROOF_SEED.

#include "crash_checker.hpp"
#include "killing.hpp"
#include "rig.hpp"

#include "support/temporary_directory.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <iostream>
#include <string>

using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

constexpr std::uint64_t mib = 1 << 20;

/// Bytes of a process's memory that are its own, and not the file's pages.
std::uint64_t own_memory(pid_t pid) {
    std::ifstream in{"/proc/" + std::to_string(pid) + "/status"};
    for (std::string word; in >> word;) {
        std::uint64_t kib = 0;
        if (word == "RssAnon:" && in >> kib) return kib << 10;
    }
    return 0;
}

/// The largest of a figure in the first half of the rounds and in the second.
class growth {
public:
    void add(std::uint64_t value, bool late) { most_[late ? 1 : 0] = std::max(most_[late ? 1 : 0], value); }
    /// More than noise.
    [[nodiscard]] bool grows() const { return most_[1] > most_[0] + most_[0] / 2 + 16 * mib; }
    [[nodiscard]] std::string text() const {
        return std::to_string(most_[0] / mib) + " MiB, then " + std::to_string(most_[1] / mib) + " MiB";
    }

private:
    std::array<std::uint64_t, 2> most_{};
};

void add(proof::findings& to, const proof::findings& one) {
    to.puts += one.puts;
    to.confirmed += one.confirmed;
    to.deliveries += one.deliveries;
    to.repeats += one.repeats;
    to.losses = one.losses;  // counted by the queue, for all its life
    to.acked += one.acked;
    to.late_acks = one.late_acks;
    to.dead += one.dead;
    to.resumed += one.resumed;
    to.safe += one.safe;
}

}  // namespace

TEST_CASE("soak") {
    const auto seconds = std::chrono::seconds{proof::from_environment("LEAT_SOAK_SECONDS", 600)};
    const auto seed = static_cast<unsigned>(proof::from_environment("LEAT_PROOF_SEED", 1));
    const auto round_time = std::min(20s, seconds / 4 + 1s);
    const support::temporary_directory place;
    proof::rig all{{.lease = 2s, .session_timeout = 500ms, .max_attempts = 5, .on_disk = true},
                   "ipc://" + (place.path() / "queue").string()};
    const auto file = all.directory() / "store" / "data.mdb";
    proof::killing kills{all, seed};
    proof::findings total;
    growth memory, size;
    int rounds = 0;
    const auto began = steady_clock::now(), end = began + seconds;
    while (steady_clock::now() < end) {
        const bool late = steady_clock::now() - began > seconds / 2;
        const auto until = std::min(end, steady_clock::now() + round_time);
        kills.start(4, 4);
        while (steady_clock::now() < until) {
            // Mostly the queue lives for a while, and its memory is seen before it is killed.
            kills.chances = {9, 9, 2};
            kills.once();
            memory.add(own_memory(all.queue().pid()), late);
        }
        kills.finish();
        memory.add(own_memory(all.queue().pid()), late);
        const auto found = all.check_and_go_on(&proof::check_crashes);
        size.add(std::filesystem::file_size(file), late);
        ++rounds;
        add(total, found);
        std::cout << "round " << rounds << ": " << found.summary() << std::endl;
        REQUIRE(found.faults.empty());
    }
    const auto took = std::chrono::duration_cast<std::chrono::seconds>(steady_clock::now() - began);
    std::cout << "soak: " << took.count() << " s, " << rounds << " rounds, seed " << seed << "\n"
              << "killed: " << kills.kills[0] << " producers, " << kills.kills[1] << " consumers, "
              << kills.kills[2] << " times the queue\n"
              << total.summary() << "\n"
              << total.resumed << " producers went on after a kill of the queue, " << total.safe
              << " outcomes were told to be safe\n"
              << "memory of the queue in each half: " << memory.text() << "\n"
              << "file of the queue in each half: " << size.text() << std::endl;
    CHECK_FALSE(memory.grows());
    CHECK_FALSE(size.grows());
    CHECK(total.confirmed > 0);
    CHECK(total.safe > 0);
    all.finish(&proof::check_crashes);
}
