#pragma once

// The model: what is where, and how messages end.

#include "queue_model_state.hpp"

namespace queue_model {

inline bool model::ready(const message_of& m) const {
    if (m.is != phase::queued) return false;
    if (m.key.empty()) return true;
    for (const auto& o : all) {
        if (&o == &m || o.key != m.key) continue;
        if (o.is == phase::held || o.is == phase::backing_off) return false;
        if (o.is == phase::queued && where(o) < where(m)) return false;
    }
    return true;
}

inline leat::queue_depth model::depth() const {
    leat::queue_depth sum;
    for (const auto& m : all) {
        switch (m.is) {
            case phase::pending:
                ++sum.pending;
                break;
            case phase::first_delay:
            case phase::backing_off:
                ++sum.delayed;
                break;
            case phase::queued:
                ++(ready(m) ? sum.ready : sum.waiting);
                break;
            case phase::held:
                ++sum.in_flight;
                break;
            case phase::doomed:
                ++sum.doomed;
                break;
            case phase::gone:
                break;
        }
    }
    sum.settled = settled + flying_settled;
    sum.bytes = bytes();
    sum.parked = parked.size();
    return sum;
}

inline void model::expire(message_of& m) {
    if (rules.on_expiry == leat::on_expiry::dead_letter) {
        die(m, death::expired);
    } else {
        ++counts.expired;
        gone(m);
    }
}

inline void model::die(message_of& m, death why) {
    if (!rules.dead_letters) {
        ++counts.discarded;
        gone(m);
        return;
    }
    death_of[static_cast<int>(&m - all.data())] = why;
    if (doomed.empty() && room_for_letter()) {
        bury(m);
    } else {
        m.is = phase::doomed;
        doomed.push_back(static_cast<int>(&m - all.data()));
    }
}

/// X3
inline bool model::room_for_letter() {
    if (letters.size() < rules.max_dead_messages) return true;
    if (rules.dead_full != leat::dead_full::drop_oldest) return false;
    const auto oldest = std::find_if(letters.begin(), letters.end(), [&](int i) {
        const auto found = read_letters.find(i);
        return found == read_letters.end() || (!found->second.held && found->second.due == 0);
    });
    if (oldest == letters.end()) return false;
    letters.erase(oldest);
    return true;
}

inline void model::bury(message_of& m) {
    const auto i = static_cast<int>(&m - all.data());
    ++counts.dead[static_cast<std::size_t>(death_of[i])];
    gone(m);
    letters.push_back(i);
    read_letters.erase(i);
    if (!at_once) letter_commit[i] = 0;
}

inline ticks model::back_off(int attempts) const {
    auto wait = rules.retry.first.count();
    for (int i = 1; i < attempts; ++i) {
        wait = std::min<ticks>(static_cast<ticks>(static_cast<double>(wait) * rules.retry.factor),
                               rules.retry.cap.count());
    }
    return std::min<ticks>(wait, rules.retry.cap.count());
}

inline void model::on_letter(const delivery_view& view) {
    for (const auto i : letters) {
        if (all[static_cast<std::size_t>(i)].body != as_text(view.body)) continue;
        auto& state = read_letters[i];
        if (letter_commit.contains(i)) wrong("I3: a letter is handed out before its commit");
        if (state.held || state.due != 0) wrong("X2: a letter is handed out that is not ready");
        state.held = true;
        state.d = view.d;
        return;
    }
    wrong("X2: a letter is handed out that is not there");
}

/// X2: an ack removes it, and anything else keeps it.
inline void model::settle_letter(std::uint64_t d, outcome what) {
    for (auto& [i, state] : read_letters) {
        if (!state.held || state.d != d) continue;
        state.held = false;
        if (what == outcome::ack) {
            std::erase(letters, i);
        } else if (what == outcome::release) {
            if (++state.releases >= 2) state.due = q + 100 * ms;
        } else {
            state.releases = 0;
            state.due = q + back_off(++state.attempts);
        }
        return;
    }
}

inline void model::failed_attempt(message_of& m, death why, std::optional<ticks> delay) {
    ++m.attempts;
    if (rules.max_attempts != leat::unlimited_attempts &&
        m.attempts >= static_cast<int>(rules.max_attempts)) {
        die(m, why);
    } else if (m.expiry <= q) {
        expire(m);
    } else {
        const auto wait = back_off(m.attempts);
        m.is = phase::backing_off;
        if (!delay && wait > 0) {
            const auto j = rules.retry.jitter;
            const auto by = std::uniform_real_distribution<double>{-j, j}(jitter);
            delay = static_cast<ticks>(static_cast<double>(wait) * (1 + by));
        }
        m.due = q + delay.value_or(wait);
    }
}

inline void model::acked(message_of& m) {
    if (!m.key.empty()) {  // I7
        auto& last = last_acked[m.key];
        const std::pair<ticks, std::uint64_t> at{m.ready_at, m.seq};
        if (at < last) wrong("I7: acks of key " + m.key + " out of order");
        last = at;
    }
    ++settled;
    gone(m);
}

inline void model::apply(message_of& m, outcome what, std::optional<ticks> delay) {
    take_from(m);
    switch (what) {
        case outcome::ack:
            acked(m);
            break;
        case outcome::release:
            release(m);
            break;
        case outcome::retry:
            ++counts.retried;
            m.suspect = m.lost = false;
            m.releases = 0;
            if (delay && !m.key.empty()) delay = std::min<ticks>(*delay, rules.retry.cap.count());
            failed_attempt(m, death::attempts, delay);
            break;
        case outcome::reject:
            ++counts.rejected;
            ++m.attempts;
            die(m, death::rejected);
            break;
    }
}

inline void model::release(message_of& m) {
    ++counts.released;
    m.lost = false;
    ++m.releases;
    if (m.releases < 2 || m.expiry <= q) {
        come_back(m);
    } else {
        m.is = phase::backing_off;
        m.due = q + 100 * ms;
    }
}

inline void model::lose_delivery(message_of& m, bool lease_end, bool remember) {
    take_from(m);
    ++counts.lost;
    m.lost = true;
    m.releases = 0;
    if (remember) {
        consumers[static_cast<std::size_t>(m.consumer)].lost[m.d] = {static_cast<int>(&m - all.data()),
                                                                     lease_end};
    }
    if (m.sole) {
        ++counts.lost_sole;
        failed_attempt(m, death::lost, {});
    } else {
        m.suspect = true;
        come_back(m);
    }
}

inline bool model::late_ack(std::uint64_t d, int i) {
    auto& m = all[static_cast<std::size_t>(i)];
    if (m.d != d || !m.lost) return false;
    if (m.is == phase::queued ? !ready(m) : m.is != phase::backing_off) return false;
    ++counts.late_acks;
    acked(m);
    return true;
}

inline void model::settle(int c, std::optional<outcome> what, std::span<const number_range> ranges,
                          std::optional<ticks> delay) {
    auto& by = consumers[static_cast<std::size_t>(c)];
    for (const auto& r : ranges) {
        const auto last = std::min(r.last, last_d);
        std::uint64_t hits = 0;
        for (const auto i : in_order_of_d(c)) {
            auto& m = all[static_cast<std::size_t>(i)];
            if (m.d < r.first || m.d > last) continue;
            ++hits;
            if (what) {
                apply(m, *what, delay);
            } else {
                lose_delivery(m, false, false);
            }
        }
        for (auto l = by.lost.begin(); l != by.lost.end();) {
            if (l->first < r.first || l->first > last) {
                ++l;
                continue;
            }
            ++hits;
            if (what != outcome::ack || !late_ack(l->first, l->second.first)) ++counts.stale;
            l = by.lost.erase(l);
        }
        if (hits == 0) counts.stale += r.first <= last ? last - r.first + 1 : 1;
    }
    choose_active();
}

}  // namespace queue_model
