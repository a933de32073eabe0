#include "replay.hpp"

#include <algorithm>
#include <sstream>
#include <utility>

namespace proof {
namespace {

constexpr std::int64_t ms = 1'000'000;

// A hole between two ticks means that the process stood still: for so long at least.
constexpr std::int64_t hole = 1700 * ms, hole_at_least = 600 * ms;

}  // namespace

void replay::fault(const std::string& what) {
    faults.push_back("line " + std::to_string(lines_) + ": " + what);
}

void replay::line(std::string_view text) {
    ++lines_;
    std::istringstream words{std::string{text}};
    std::int64_t at = 0, lasted = 0;
    std::string what, client;
    words >> at;
    if (words.peek() == '-') words.ignore() >> lasted;
    words >> what;
    const auto ranges = [&] {
        std::vector<range> all;
        char dash = 0;
        for (range r{}; words >> r.first >> dash >> r.last;) all.push_back(r);
        return all;
    };
    const auto stood_still_before = stood_still;
    if (last_ != 0 && at - last_ > hole) stood_still += at - last_ - hole_at_least;
    now_ = at - stood_still;
    woke_ = at - lasted - (at - lasted < last_ ? stood_still_before : stood_still);
    last_ = at;

    if (what == "rules") {
        words >> lease_ >> timeout_ >> max_attempts_;
        lease_ *= ms;
        timeout_ *= ms;
        return;
    }
    if (what == "tick" || what == "opened" || what == "safe") return;
    if (what == "end") {
        words >> end.admitted >> end.acked >> end.late_acks >> end.dead >> end.live >> end.lost;
        ended = true;
        return;
    }
    words >> client;
    if (what == "dead") {
        std::string body;
        words >> body;
        return dead_letter(client, body);
    }
    auto& h = holders_[client];
    if (what == "hello") {
        std::string as;
        words >> as;
        if (h.heard != 0) hear(h);
        h.heard = woke_;
        h.consumer = as == "consumer";
        h.applied_least = h.applied_most = 0;
        h.cut = false;
        return;
    }
    if (what == "put") {
        std::uint64_t number = 0;
        std::string key, body;
        words >> number >> key >> body;
        hear(h);
        h.put[number] = body;
        auto& m = messages[body];
        if (m.deliveries == 0 && m.key == "-" && key != "-") {
            m.key = key;
            keys_[key].push_back(body);
        }
    } else if (what == "keep") {
        keep(h, ranges());
    } else if (what == "welcome") {
        for (const auto& r : ranges()) {
            for (auto d = r.first; d <= r.last; ++d) {
                if (!h.open.contains(d)) continue;
                const auto& one = deliveries[d];
                if (!one.maybe_lost && now_ < one.renewed + lease_)
                    fault("delivery " + std::to_string(d) +
                          " is said to be lost, but neither its lease nor the session of its "
                          "holder had ended");
                ++messages[one.body].failures;
                close(h, d);
            }
        }
    } else if (what == "stored" || what == "duplicate" || what == "refused") {
        decided(h, what, ranges());
    } else if (what == "deliver") {
        std::uint64_t d = 0, seq = 0;
        unsigned attempts = 0;
        std::string body;
        words >> d >> seq >> attempts >> body;
        deliver(client, d, seq, attempts, std::move(body));
    } else if (what == "settle") {
        std::string outcome;
        words >> outcome;
        hear(h);
        settle(h, outcome, ranges());
    } else if (what == "settled") {
        std::uint64_t applied = 0;
        words >> applied;
        if (applied < h.applied_least || applied > h.applied_most) {
            fault("the queue says that " + std::to_string(applied) +
                  " outcomes of this session had an effect; by the rules it is " +
                  std::to_string(h.applied_least) + " to " + std::to_string(h.applied_most));
        }
    } else if (what == "extend") {
        const auto but = ranges();
        hear(h);
        for (const auto d : h.open) {
            auto& one = deliveries[d];
            const bool left_out =
                std::any_of(but.begin(), but.end(), [&](auto& r) { return r.first <= d && d <= r.last; });
            if (now_ >= one.renewed + lease_) one.maybe_lost = true;
            if (!left_out && !one.maybe_lost) one.renewed = woke_;
        }
    } else if (what == "bye") {
        for (const auto d : std::set{h.open}) close(h, d);
    } else if (what == "heard") {
        hear(h);
    } else if (what == "cut") {
        h.cut = true;
    } else if (what != "over") {
        fault("no such line: " + std::string{text});
    }
}

/// A frame of a consumer came; if it was long in coming it may have been lost meanwhile.
void replay::hear(holder& h) {
    if (!h.consumer) return;
    if (now_ >= h.heard + timeout_) {
        for (const auto d : h.open) deliveries[d].maybe_lost = true;
    }
    if (now_ >= h.heard + timeout_ + lease_) h.maybe_forgotten = true;
    h.heard = woke_;
}

/// It ended without an outcome that is left to come.
void replay::close(holder& h, std::uint64_t d) {
    deliveries[d].open = false;
    h.open.erase(d);
}

/// W6: what a consumer does not name comes back without a penalty.
void replay::keep(holder& h, const std::vector<range>& named) {
    if (!named.empty()) ++resumed;
    for (const auto d : std::set{h.open}) {
        const bool kept =
            std::any_of(named.begin(), named.end(), [&](auto& r) { return r.first <= d && d <= r.last; });
        if (kept) continue;
        if (deliveries[d].maybe_lost) ++messages[deliveries[d].body].failures;
        close(h, d);
    }
    h.maybe_forgotten = false;
}

void replay::decided(holder& h, const std::string& how, const std::vector<range>& all) {
    for (const auto& r : all) {
        for (auto n = r.first; n <= r.last; ++n) {
            const auto found = h.put.find(n);
            if (found == h.put.end()) {
                fault("a verdict for put " + std::to_string(n) + ", which never came");
                continue;
            }
            auto& m = messages[found->second];
            if (how == "refused") {
                if (m.stored) fault(found->second + " was stored and is now refused");
            } else {
                m.stored = true;
            }
        }
    }
}

/// I4, I6, I7, I10: may this message go to this consumer now?
void replay::deliver(const std::string& client, std::uint64_t d, std::uint64_t seq, unsigned attempts,
                     std::string body) {
    const auto name = "delivery " + std::to_string(d) + " of " + body;
    if (d <= last_d_) fault(name + " does not grow: the one before was " + std::to_string(last_d_));
    last_d_ = std::max(last_d_, d);
    const auto known = messages.find(body);
    if (known == messages.end()) return fault(name + ": nobody has put that");
    auto& m = known->second;
    if (const auto [one, fresh] = by_seq_.emplace(seq, body); !fresh && one->second != body)
        fault(name + " has the sequence number of " + one->second);
    if (m.seq != 0 && m.seq != seq)
        fault(body + " is stored twice: as " + std::to_string(m.seq) + " and as " + std::to_string(seq));
    m.seq = seq;
    if (m.acked) fault(name + ", which was acked");
    if (m.rejected) fault(name + ", which was rejected");
    m.maybe_ended = false;  // then the outcome was too late
    if (m.d != 0) {
        ++repeats;
        auto& before = deliveries[m.d];
        if (before.open) {
            auto& holder_before = holders_[before.client];
            const bool lease_over = now_ >= before.renewed + lease_;
            const bool silent = now_ >= holder_before.heard + timeout_;
            if (!before.maybe_lost && !before.maybe_settled && !lease_over && !silent) {
                fault(name + " while delivery " + std::to_string(m.d) + " has a live lease, " +
                      std::to_string((before.renewed + lease_ - now_) / ms) + " ms more");
            }
            ++m.failures;
            close(holder_before, m.d);
        }
    }
    if (attempts < std::min(m.retries, max_attempts_) || attempts > m.failures)
        fault(name + " has " + std::to_string(attempts) + " attempts; the outcomes and losses allow " +
              std::to_string(m.retries) + " to " + std::to_string(m.failures));
    in_line(body, m);
    m.d = d;
    ++m.deliveries;
    deliveries[d] = {client, std::move(body), seq, woke_};
    holders_[client].open.insert(d);
}

/// K1, K5: only the first of a key's messages that have not ended is handed out.
void replay::in_line(const std::string& body, const message& m) {
    if (m.key == "-") return;
    auto& line = keys_[m.key];
    const auto over = [&](const std::string& one) {
        const auto& other = messages[one];
        const bool held = other.d != 0 && deliveries[other.d].open;  // a loss would be its last
        return other.ended() || other.failures + (held ? 1 : 0) >= max_attempts_;
    };
    while (!line.empty() && line.front() != body && over(line.front())) line.pop_front();
    if (line.empty() || line.front() != body) {
        fault(body + " is delivered before " + (line.empty() ? "what" : line.front()) +
              ", which was put before it with the key " + m.key + " and has not ended");
    }
}

void replay::settle(holder& h, const std::string& outcome, const std::vector<range>& all) {
    for (const auto& r : all) {
        std::vector<std::uint64_t> meant;
        for (auto d = r.first; d <= r.last && d <= last_d_; ++d) {
            const auto found = deliveries.find(d);
            if (found == deliveries.end()) continue;
            if (&holders_[found->second.client] != &h) continue;
            found->second.said.insert(outcome);
            if (found->second.open) meant.push_back(d);
        }
        for (const auto d : meant) settle_one(h, outcome, d);
    }
}

/// Rows 10 to 16: `d` is the last delivery of its message, and no outcome of it has counted for certain.
void replay::settle_one(holder& h, const std::string& outcome, std::uint64_t d) {
    auto& one = deliveries[d];
    auto& m = messages[one.body];
    ++h.applied_most;
    const bool in_time = !one.maybe_lost && now_ < one.renewed + lease_;
    const bool again = std::exchange(one.maybe_settled, true);
    if (!again) {
        if (!in_time && outcome == "ack") ++perhaps_late_;
        if (!in_time && outcome != "ack") ++m.failures;  // the loss
        if (outcome == "retry" || outcome == "given_up") ++m.failures;
        if (outcome == "ack" || outcome == "reject") m.maybe_ended = true;
    }
    if (h.cut) return;  // if the queue has not taken it, it comes again with the next HELLO
    close(h, d);
    // Row 11: a late ack counts, for nobody has had the message since. Unless the loss was its last attempt,
    // or the queue does not know the consumer any more.
    const bool may_be_dead = m.failures + 1 >= max_attempts_;
    if (!in_time && (outcome != "ack" || h.maybe_forgotten || may_be_dead)) return;
    if (!again) ++h.applied_least;
    if (outcome == "ack") m.acked = true;
    if (outcome == "reject") m.rejected = true;
    if (outcome == "retry") ++m.retries;
}

void replay::dead_letter(const std::string& why, const std::string& body) {
    auto& m = messages[body];
    m.dead = true;
    const bool enough = m.failures + (m.d != 0 && deliveries[m.d].open ? 1 : 0) >= max_attempts_;
    if (m.acked) fault(body + " is a dead letter, and was acked");
    if (why == "rejected" && !m.rejected && !m.maybe_ended) fault(body + " is dead as rejected, and was not");
    if ((why == "attempts" || why == "lost") && !enough)
        fault(body + " is dead after " + std::to_string(m.failures) + " failed attempts of " +
              std::to_string(max_attempts_));
}

/// Nothing that was confirmed is missing, and the queue's own sums are those of the record.
void replay::finish() {
    if (!ended) return fault("the record has no end");
    std::uint64_t acked = 0, maybe = 0, dead = 0, admitted = 0;
    for (const auto& [body, m] : messages) {
        acked += m.acked ? 1 : 0;
        maybe += m.maybe_ended && !m.dead ? 1 : 0;
        dead += m.dead ? 1 : 0;
        admitted += m.stored || m.deliveries > 0 ? 1 : 0;
        if (m.rejected && !m.dead) fault(body + " was rejected, and is no dead letter");
        if (end.live == 0 && m.stored && !m.ended()) fault(body + " was confirmed, and is lost");
    }
    const auto same = [&](const char* what, std::uint64_t said, std::uint64_t least, std::uint64_t most) {
        if (said < least || said > most)
            fault("the queue counts " + std::to_string(said) + " " + what + ", the record " +
                  std::to_string(least));
    };
    same("acked", end.acked, acked, acked + maybe);
    same("dead", end.dead, dead, dead);
    same("late acks", end.late_acks, 0, perhaps_late_);
    if (end.live == 0) same("admitted", end.admitted, admitted, admitted);
}

}  // namespace proof
