// A queue on disk that is killed at any moment, and its clients with it.

#include "rig.hpp"

#include "support/temporary_directory.hpp"

#include <fstream>
#include <random>
#include <set>

using namespace std::chrono_literals;

namespace {

/// What the clients' records must show, however often the queue was killed: its own record does not know what
/// a kill has undone.
class account {
public:
    void producer(const std::string& text) {
        std::istringstream words{text};
        std::string what, body;
        words >> what >> body;
        if (what == "put") {
            ++found.puts;
        } else if (what == "refused") {
            fault(body + " was refused");
        } else {
            ++found.confirmed;
            stored_.insert(body);
        }
    }

    void consumer(const std::string& text) {
        std::istringstream words{text};
        std::string what, d, last, body;
        words >> what >> d >> last >> body;
        if (what == "say") {
            if (last == "ack") ++found.acked;
            if (last == "ack" || last == "reject") ended_.insert(body);
            return;
        }
        ++found.deliveries;
        const auto seq = std::stoull(last);
        const auto [one, fresh] = seq_of_.emplace(body, seq);
        if (!fresh) ++found.repeats;
        if (one->second != seq) fault(body + " is stored twice");
        if (body_of_.emplace(seq, body).first->second != body) fault("number " + last + " is given twice");
    }

    void dead(const std::string& body) {
        ++found.dead;
        ended_.insert(body);
    }

    void finish() {
        std::map<std::string, std::map<int, std::string>> of_producer;
        for (const auto& body : stored_) {
            if (!ended_.contains(body)) fault(body + " was told to be stored, and is lost");
            const auto dash = body.rfind('-');
            of_producer[body.substr(0, dash)][std::stoi(body.substr(dash + 1))] = body;
        }
        for (const auto& [name, all] : of_producer) {
            std::uint64_t last = 0;
            for (const auto& [number, body] : all) {
                const auto seq = seq_of_[body];
                if (seq <= last) fault(body + " was stored before the put that came before it");
                last = seq;
            }
        }
    }

    proof::findings found;

private:
    void fault(const std::string& what) { found.faults.push_back(what); }

    std::set<std::string> stored_, ended_;
    std::map<std::string, std::uint64_t> seq_of_;
    std::map<std::uint64_t, std::string> body_of_;
};

proof::findings check_clients(const std::filesystem::path& directory) {
    account all;
    std::vector<std::filesystem::path> files;
    for (const auto& one : std::filesystem::directory_iterator{directory}) files.push_back(one.path());
    for (const auto& file : files) {
        const auto name = file.filename().string();
        std::ifstream in{file};
        for (std::string text; std::getline(in, text) && !in.eof();) {
            if (name.starts_with("producer")) all.producer(text);
            if (name.starts_with("consumer")) all.consumer(text);
            if (const auto at = text.find(" dead "); name == "queue" && at != std::string::npos)
                all.dead(text.substr(text.rfind(' ') + 1));
        }
    }
    all.finish();
    return all.found;
}

/// Reads what it reports for that long.
void let_work(support::process& one, std::chrono::microseconds time) {
    const leat::deadline until{time};
    while (one.line(until)) {
    }
}

}  // namespace

TEST_CASE("whatever is killed, the queue too, what was confirmed is there, once and in order") {
    const int rounds = proof::from_environment("LEAT_PROOF_ROUNDS", 100);
    const auto seed = static_cast<unsigned>(proof::from_environment("LEAT_PROOF_SEED", 1));
    std::mt19937 random{seed};
    const support::temporary_directory place;
    proof::rig all{{.lease = 1s, .session_timeout = 500ms, .max_attempts = 5, .on_disk = true},
                   "ipc://" + (place.path() / "queue").string()};
    std::vector<support::process> producers, consumers;
    const auto new_producer = [&] { return all.producer(200 + static_cast<int>(random() % 400), random()); };
    const auto new_consumer = [&] { return all.consumer(1 + static_cast<int>(random() % 16), random()); };
    for (int i = 0; i < 3; ++i) producers.push_back(new_producer());
    for (int round = 0; round < rounds; ++round) {
        INFO("seed ", seed, ", round ", round);
        // At first nothing is taken, so that a kill finds much that is on disk only.
        if (round == rounds / 2) {
            for (int i = 0; i < 3; ++i) consumers.push_back(new_consumer());
        }
        auto who = random() % 4;
        if (consumers.empty() && who == 1) who = 0;
        auto& seen = (who == 0 || consumers.empty() ? producers : consumers)[random() % 3];
        while (!seen.line(support::patience)) {  // it is at work, or has done all its puts
            REQUIRE(seen.ended(support::patience));
            seen = new_producer();
        }
        let_work(seen, std::chrono::microseconds{random() % 8000});
        if (who >= 2) {
            all.kill_queue();
        } else {
            seen.signal(SIGKILL);
        }
        for (auto& one : producers) {
            if ((who == 0 && &one == &seen) || one.ended(leat::deadline::now())) one = new_producer();
        }
        for (auto& one : consumers) {
            if (who == 1 && &one == &seen) one = new_consumer();
        }
    }
    for (auto& one : producers) CHECK(one.wait(proof::long_patience) == 0);
    all.drain();
    proof::stop(consumers);
    const auto found = all.finish(&check_clients);
    CHECK(found.confirmed > static_cast<std::uint64_t>(rounds));
}
