#include "checker.hpp"

#include "replay.hpp"

#include <fstream>
#include <map>
#include <set>
#include <sstream>

namespace proof {
namespace {

namespace fs = std::filesystem;

/// Calls `take(words)` for each whole line: a process may have been killed in the middle of its last one.
template <class Take>
void each_line(const fs::path& file, Take take) {
    std::ifstream in{file};
    for (std::string text; std::getline(in, text) && !in.eof();) take(text);
}

class comparison {
public:
    comparison(const replay& queue, findings& found) : queue_(queue), found_(found) {}

    void producer(const fs::path& file) {
        std::set<std::string> decided;
        each_line(file, [&](const std::string& text) {
            std::istringstream words{text};
            std::string what, body;
            words >> what >> body;
            if (what == "put") {
                ++found_.puts;
                put_.insert(body);
                return;
            }
            if (!put_.contains(body)) fault(file, "a verdict for " + body + ", which was not put");
            if (!decided.insert(body).second) fault(file, "a second verdict for " + body);
            const auto found = queue_.messages.find(body);
            const bool delivered = found != queue_.messages.end() && found->second.deliveries > 0;
            if (what == "refused") {
                if (delivered) fault(file, body + " was refused, and delivered");
                return;
            }
            ++found_.confirmed;
            if (found == queue_.messages.end() || !found->second.stored) {
                fault(file, body + " was told to be stored, and the queue has not said so");
            } else if (queue_.end.live == 0 && !found->second.ended()) {
                fault(file, body + " was told to be stored, and is lost");
            }
        });
    }

    void consumer(const fs::path& file) {
        std::string client;
        each_line(file, [&](const std::string& text) {
            std::istringstream words{text};
            std::string what, last;
            std::uint64_t d = 0, seq = 0;
            words >> what >> d;
            const auto found = queue_.deliveries.find(d);
            if (found == queue_.deliveries.end())
                return fault(file, "has delivery " + std::to_string(d) + ", which the queue has not sent");
            const auto& one = found->second;
            if (what == "say") {
                words >> last;
                given_[d].insert(last);
                return;
            }
            words >> seq >> last;
            if (!got_.insert(d).second) fault(file, "was shown delivery " + std::to_string(d) + " twice");
            if (client.empty()) client = one.client;
            if (one.client != client) fault(file, "was shown another one's delivery " + std::to_string(d));
            if (one.body != last || one.seq != seq)
                fault(file,
                      "was shown delivery " + std::to_string(d) + " as " + last + ", it is " + one.body);
        });
    }

    void finish() {
        for (const auto& [d, one] : queue_.deliveries) {
            for (const auto& outcome : one.said) {
                // A consumer that stops releases what nobody has taken; one gives up what is held too long.
                if (outcome == "given_up" || (outcome == "release" && !got_.contains(d))) continue;
                const auto given = given_.find(d);
                if (given == given_.end() || !given->second.contains(outcome))
                    found_.faults.push_back("delivery " + std::to_string(d) + " of " + one.body + ": " +
                                            outcome + " was sent, and no consumer has said so");
            }
        }
        for (const auto& [body, m] : queue_.messages) {
            if (!put_.contains(body))
                found_.faults.push_back("the queue has " + body + ", which no producer has put");
        }
    }

private:
    void fault(const fs::path& file, const std::string& what) {
        found_.faults.push_back(file.filename().string() + ": " + what);
    }

    const replay& queue_;
    findings& found_;
    std::set<std::string> put_;
    std::set<std::uint64_t> got_;
    std::map<std::uint64_t, std::set<std::string>> given_;
};

}  // namespace

std::string findings::summary() const {
    std::ostringstream text;
    text << puts << " puts, " << confirmed << " confirmed, " << deliveries << " deliveries, " << repeats
         << " of them repeats, " << losses << " lost, " << resumed << " resumed, " << acked << " acked, "
         << late_acks << " late, " << dead << " dead; " << faults.size() << " faults";
    return text.str();
}

findings check(const fs::path& directory) {
    findings found;
    replay queue;
    each_line(directory / "queue", [&](const std::string& text) { queue.line(text); });
    queue.finish();
    found.faults = queue.faults;
    comparison with{queue, found};
    for (const auto& one : fs::directory_iterator{directory}) {
        const auto name = one.path().filename().string();
        if (name.starts_with("producer")) with.producer(one.path());
        if (name.starts_with("consumer")) with.consumer(one.path());
    }
    with.finish();
    found.deliveries = queue.deliveries.size();
    found.repeats = queue.repeats;
    found.losses = queue.end.lost;
    found.late_acks = queue.end.late_acks;
    found.resumed = queue.resumed;
    found.acked = queue.end.acked;
    found.dead = queue.end.dead;
    return found;
}

}  // namespace proof
