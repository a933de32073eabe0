#include "crash_checker.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <unordered_map>
#include <utility>

namespace proof {
namespace {

namespace fs = std::filesystem;

struct message {
    std::string producer;
    int number = 0;  ///< Of its producer's puts.
    std::string key = "-";
    std::uint64_t seq = 0, d = 0;  ///< The last delivery, in the opening that goes on.
    unsigned deliveries = 0;
    // Of what the queue has told to be committed.
    unsigned safe_retries = 0, safe_releases = 0;
    bool confirmed = false, refused = false;
    bool perhaps_ended = false;  ///< An ack or a reject came, or it may have died.
    bool safe_ack = false, safe_reject = false;
    bool said_end = false, dead = false;
};

struct range {
    std::uint64_t first, last;
};

class account {
public:
    explicit account(findings& found) : found_(found) {}

    void producer(std::istringstream& words) {
        std::string what, body;
        words >> what >> body;
        if (what == "put") {
            ++found_.puts;
            return;
        }
        auto& m = at(body);
        if (m.confirmed || m.refused) fault("a second verdict for " + body);
        if (what == "refused") {
            ++found_.refused;
            m.refused = true;
        } else {
            ++found_.confirmed;
            m.confirmed = true;
        }
    }

    void consumer(std::istringstream& words) {
        std::string what, d, last, body;
        words >> what >> d >> last >> body;
        if (what == "say") {
            if (last == "ack" || last == "reject") at(body).said_end = true;
        } else {
            placed(body, std::stoull(last));
        }
    }

    void queue(std::istringstream& words) {
        std::string at_time, what, client;
        words >> at_time >> what;
        if (what == "rules") return opens();
        if (what == "opened") return opened(words);
        if (what == "end") return end(words);
        words >> client;
        if (what == "hello") {
            std::string role;
            words >> role;
            if (role == "other" && !known_.insert(client).second) ++found_.resumed;
        } else if (what == "put") {
            std::string number, key, body;
            words >> number >> key >> body;
            auto& m = at(body);
            if (std::exchange(m.key, key) == "-" && key != "-" && m.confirmed)
                lines_[key].emplace(m.number, body);
        } else if (what == "deliver") {
            std::uint64_t d = 0, seq = 0;
            unsigned attempts = 0;
            std::string body;
            words >> d >> seq >> attempts >> body;
            deliver(d, seq, attempts, body);
        } else if (what == "settle" || what == "safe") {
            std::string outcome;
            words >> outcome;
            char dash = 0;
            for (range r{}; words >> r.first >> dash >> r.last;) {
                for (auto d = r.first; d <= r.last; ++d) {
                    if (const auto body = bodies_.find(d); body != bodies_.end())
                        what == "safe" ? safe(outcome, d, body->second) : settle(outcome, body->second);
                }
            }
        } else if (what == "dead") {
            std::string body;
            words >> body;
            if (!all_.contains(body)) return;  // of earlier records
            ++found_.dead;
            at(body).dead = true;
        }
    }

    void finish() {
        std::map<std::string, std::map<int, std::pair<std::string, std::uint64_t>>> places;
        std::uint64_t seen = 0;
        for (const auto& [body, m] : all_) {
            if (m.deliveries > 0 || m.dead) ++seen;
            if (m.refused && (m.deliveries > 0 || m.dead)) fault(body + " was refused, and is there");
            if (m.confirmed && !m.said_end && !m.dead) fault(body + " was told to be stored, and is lost");
            if (m.safe_reject && !m.dead) fault(body + " was rejected, and is no dead letter");
            if (m.seq != 0) places[m.producer][m.number] = {body, m.seq};
        }
        for (const auto& [name, puts] : places) {
            std::uint64_t last = 0;
            for (const auto& [number, one] : puts) {
                if (one.second <= last) fault(one.first + " stands before what was put before it");
                last = one.second;
            }
        }
        if (!ended_) return fault("the queue has not ended");
        if (live_ != 0) fault("it has not drained");
        if (admitted_ != acked_ + dead_)
            fault(std::to_string(admitted_) + " admitted, " + std::to_string(acked_) + " acked, " +
                  std::to_string(dead_) + " dead");
        if (admitted_ != seen)
            fault(std::to_string(admitted_) + " admitted, and " + std::to_string(seen) + " seen");
        found_.acked = acked_;
    }

private:
    void fault(const std::string& what) { found_.faults.push_back(what); }

    message& at(const std::string& body) {
        const auto [one, fresh] = all_.try_emplace(body);
        if (fresh) {
            const auto dash = body.rfind('-');
            one->second.producer = body.substr(0, dash);
            one->second.number = dash == std::string::npos ? 0 : std::stoi(body.substr(dash + 1));
        }
        return one->second;
    }

    /// I14: a message has one number for ever, and a number one message.
    void placed(const std::string& body, std::uint64_t seq) {
        auto& m = at(body);
        if (m.seq != 0 && m.seq != seq) fault(body + " is stored twice");
        m.seq = seq;
        if (by_seq_.emplace(seq, body).first->second != body)
            fault("number " + std::to_string(seq) + " is given twice");
    }

    /// Deliveries are numbered anew, and none outlives its opening.
    void opens() {
        bodies_.clear();
        last_of_key_.clear();
        for (auto& [body, m] : all_) m.d = 0;
    }

    void opened(std::istringstream& words) {
        std::uint64_t number = 0, admitted = 0, acked = 0, dead = 0;
        words >> number >> admitted >> acked >> dead;
        if (opening_ == 0) {
            base_ = {admitted, acked, dead};
        } else if (number <= opening_) {
            fault("opening " + std::to_string(number) + " comes after " + std::to_string(opening_));
        }
        opening_ = number;
    }

    void deliver(std::uint64_t d, std::uint64_t seq, unsigned attempts, const std::string& body) {
        auto& m = at(body);
        placed(body, seq);
        ++found_.deliveries;
        if (m.deliveries > 0) ++found_.repeats;
        const auto which = "delivery " + std::to_string(d) + " of " + body + ": ";
        if (m.safe_ack) fault(which + "it was acked for good");
        if (m.safe_reject) fault(which + "it was rejected for good");
        const auto most = m.deliveries - m.safe_releases;
        if (attempts < m.safe_retries || attempts > most)
            fault(which + std::to_string(attempts) + " attempts, of " + std::to_string(m.safe_retries) +
                  " to " + std::to_string(most));
        if (m.key != "-") {
            auto& last = last_of_key_[m.key];
            if (m.number < last) fault(which + "a later one of its key was delivered before");
            last = m.number;
            auto& line = lines_[m.key];
            for (auto first = line.begin(); first != line.end() && first->first < m.number;
                 first = line.erase(first)) {
                if (!at(first->second).perhaps_ended) fault(which + "it passes " + first->second);
            }
        }
        ++m.deliveries;
        m.d = d;
        if (m.deliveries >= max_attempts) m.perhaps_ended = true;
        bodies_[d] = body;
    }

    void settle(const std::string& outcome, const std::string& body) {
        auto& m = at(body);
        if (outcome == "ack" || outcome == "reject") m.perhaps_ended = true;
    }

    /// What a later delivery makes stale says nothing.
    void safe(const std::string& outcome, std::uint64_t d, const std::string& body) {
        auto& m = at(body);
        if (m.d != d) return;
        ++found_.safe;
        m.safe_ack = m.safe_ack || outcome == "ack";
        m.safe_reject = m.safe_reject || outcome == "reject";
        if (outcome == "retry") ++m.safe_retries;
        if (outcome == "release") ++m.safe_releases;
    }

    void end(std::istringstream& words) {
        std::uint64_t late = 0;
        words >> admitted_ >> acked_ >> late >> dead_ >> live_ >> found_.losses;
        found_.late_acks = late;
        admitted_ -= base_.admitted;
        acked_ -= base_.acked;
        dead_ -= base_.dead;
        ended_ = true;
    }

    static constexpr unsigned max_attempts = 5;  // of the rig

    struct counts {
        std::uint64_t admitted = 0, acked = 0, dead = 0;
    };

    findings& found_;
    std::unordered_map<std::string, message> all_;
    std::unordered_map<std::uint64_t, std::string> by_seq_, bodies_;
    std::map<std::string, std::map<int, std::string>> lines_;  ///< By key: confirmed puts, in their order.
    std::map<std::string, int> last_of_key_;
    std::set<std::string> known_;
    counts base_;
    std::uint64_t opening_ = 0, admitted_ = 0, acked_ = 0, dead_ = 0, live_ = 0;
    bool ended_ = false;
};

}  // namespace

findings check_crashes(const fs::path& directory) {
    findings found;
    account all{found};
    std::vector<fs::path> files;
    for (const auto& one : fs::directory_iterator{directory}) files.push_back(one.path());
    // The queue's record is read last: it is to be known by then what was confirmed.
    const auto read = [&](const std::string& kind, auto take) {
        for (const auto& file : files) {
            if (!file.filename().string().starts_with(kind) || !fs::is_regular_file(file)) continue;
            std::ifstream in{file};
            for (std::string text; std::getline(in, text) && !in.eof();) {
                std::istringstream words{text};
                take(words);
            }
        }
    };
    read("producer", [&](auto& words) { all.producer(words); });
    read("consumer", [&](auto& words) { all.consumer(words); });
    read("queue", [&](auto& words) { all.queue(words); });
    all.finish();
    return found;
}

}  // namespace proof
