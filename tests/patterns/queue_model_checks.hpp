#pragma once

// The model: what is wrong with what the engine says.

#include "queue_model_state.hpp"

namespace queue_model {

inline void model::on_decided(const verdict_range& v) {
    for (auto& p : producers) {
        if (p.handle != v.producer) continue;
        for (auto n = v.first; n <= v.last; ++n) {
            if (!p.open.empty() && p.open.front().number == n) {
                const auto& one = p.open.front();
                if (one.commit != 0) wrong("I2: a verdict before its commit");
                if (one.what != v.what || one.why != v.why) {
                    wrong("I13: put " + std::to_string(n) + " is " + std::string{to_string(v.what)} + " " +
                          std::string{to_string(v.why)} + ", not " + std::string{to_string(one.what)} + " " +
                          std::string{to_string(one.why)});
                }
                if (one.what == verdict::stored) {
                    ++counts.confirmed;
                    const auto seq = v.seq + (n - v.first);
                    if (std::none_of(all.begin(), all.end(), [&](const auto& m) { return m.seq == seq; })) {
                        wrong("a confirm names seq " + std::to_string(seq) + ", which is not there");
                    }
                }
                if (one.what == verdict::refused) ++counts.refused[static_cast<std::size_t>(one.why)];
                p.decided[n] = {one.what, one.why};
                p.open.pop_front();
            } else if (const auto known = p.decided.find(n); known != p.decided.end()) {
                // A repeat: as before, stored as duplicate (I14).
                const auto want =
                    known->second.first == verdict::refused ? verdict::refused : verdict::duplicate;
                if (v.what != want || v.why != known->second.second) {
                    wrong("U2: a repeat of " + std::to_string(n) + " has another verdict");
                }
                ++repeats_answered;
            } else {
                wrong("I13: verdict for put " + std::to_string(n) + " out of order or not asked for");
            }
        }
    }
}

inline void model::on_deliver(std::uint32_t handle, std::span<const delivery_view> batch, engine& e) {
    int c = -1;
    for (const auto& one : consumers) {
        if (one.known && one.handle == handle) c = static_cast<int>(&one - consumers.data());
    }
    if (c < 0) return wrong("delivered to nobody");
    auto& to = consumers[static_cast<std::size_t>(c)];
    if (stopped()) wrong("L8: a hand-out while it is stopped");
    if (batch.size() > 64) wrong("D1: a batch of more than 64");
    bool first = true;
    std::uint64_t size = 0;
    for (const auto& view : batch) {
        message_of* m = nullptr;
        for (auto& one : all) {
            if (one.seq == view.seq) m = &one;
        }
        if (m == nullptr) return wrong("delivered what was never admitted");
        size += view.body.size() + view.head.size();
        if (as_text(view.body) != m->body || as_text(view.head) != m->head) wrong("another body or head");
        if (m->is == phase::pending) wrong("I3: handed out before its commit");
        if (m->is == phase::first_delay || m->is == phase::backing_off)
            wrong("I10: handed out before it is due");
        if (m->expiry <= q) wrong("I10: handed out after it expired");
        if (!ready(*m)) {
            std::string others;
            for (const auto& o : all) {
                if (&o != m && live(o) && o.key == m->key) others += "; " + text(o);
            }
            wrong("I4, I6: handed out though not ready, " + text(*m) + others);
        }
        if (view.d != last_d + 1) wrong("I4: d does not grow by one");
        last_d = view.d;
        if (!could_take(to) || to.sole) wrong("D3, D4, K7: this consumer gets nothing now");
        if (view.attempts != static_cast<std::uint32_t>(m->attempts)) wrong("I9: attempts");
        if (view.deliveries != static_cast<std::uint32_t>(m->deliveries)) wrong("deliveries so far");
        if (m->suspect) {
            if (held(c) != 0 || batch.size() != 1) wrong("D4: a suspect beside others");
            for (const auto& o : all) {
                if (&o == m || !o.suspect || !ready(o)) continue;
                if (o.priority > m->priority || (o.priority == m->priority && where(o) < where(*m))) {
                    wrong("D4: another suspect comes first");
                }
            }
            to.sole = true;
        } else {
            for (const auto& o : all) {
                if (&o == m || o.suspect || o.is != phase::queued) continue;
                if ((o.priority > m->priority || (o.priority == m->priority && where(o) < where(*m))) &&
                    ready(o)) {
                    wrong("I8: " + text(o) + " comes before " + text(*m));
                }
            }
            if (e.consumer(handle).drained) wrong("D4: a drained consumer is fed");
        }
        bool other = false;
        for (const auto& o : consumers) {
            if (&o == &to || !o.known) continue;
            const bool can = eligible(o, e);
            other |= can;
            if (first && !m->suspect && can &&
                !(m->lost && m->consumer == static_cast<int>(&o - consumers.data())) &&
                held_bytes(static_cast<int>(&o - consumers.data())) < held_bytes(c)) {
                wrong("D1: another consumer holds less");
            }
        }
        if (!m->suspect && m->lost && m->consumer == c && other) wrong("D2: back to the one that lost it");
        m->sole = held(c) == 0;
        if (held(c) == 1) {
            for (auto& o : all) {
                if (o.is == phase::held && o.consumer == c) o.sole = false;
            }
        }
        m->is = phase::held;
        m->consumer = c;
        m->d = view.d;
        m->lost = false;
        if (m->deliveries++ > 0) ++counts.redelivered;
        m->renewed = q - stalled;
        m->renewal = ++renewals;
        ++to.given;
        ++counts.deliveries;
        first = false;
    }
    if (batch.size() > 1 && size > 64 * 1024) wrong("D1: a batch of more than 64 KiB");
    if (in_flight() > rules.max_in_flight) wrong("L7: more in flight than allowed");
}

inline void model::check(engine& e, bool handed_out) {
    if (!fault.empty()) return;
    const auto is = e.depth(), want = depth();
    const auto compare = [&](const char* what, std::uint64_t a, std::uint64_t b) {
        if (a != b)
            wrong(std::string{what} + " is " + std::to_string(a) + ", should be " + std::to_string(b));
    };
    compare("pending", is.pending, want.pending);
    compare("delayed", is.delayed, want.delayed);
    compare("ready", is.ready, want.ready);
    compare("waiting", is.waiting, want.waiting);
    compare("in flight", is.in_flight, want.in_flight);
    compare("settled", is.settled, want.settled);
    compare("doomed", is.doomed, want.doomed);
    compare("bytes", is.bytes, want.bytes);
    compare("parked", is.parked, want.parked);
    const auto& c = e.counts();
    compare("admitted", c.admitted, counts.admitted);
    compare("confirmed", c.confirmed, counts.confirmed);
    compare("acked", c.acked, counts.acked);
    compare("late acks", c.late_acks, counts.late_acks);
    compare("released", c.released, counts.released);
    compare("retried", c.retried, counts.retried);
    compare("rejected", c.rejected, counts.rejected);
    compare("lost", c.lost, counts.lost);
    compare("lost sole", c.lost_sole, counts.lost_sole);
    compare("stale", c.stale, counts.stale);
    compare("deliveries", c.deliveries, counts.deliveries);
    compare("redelivered", c.redelivered, counts.redelivered);
    compare("expired", c.expired, counts.expired);
    compare("overflow", c.overflow, counts.overflow);
    compare("purged", c.purged, counts.purged);
    compare("discarded", c.discarded, counts.discarded);
    compare("failed", c.failed, counts.failed);
    compare("same id", c.same_id, counts.same_id);
    compare("same mark", c.same_mark, counts.same_mark);
    compare("evicted ids", c.evicted_ids, counts.evicted_ids);
    for (std::size_t i = 0; i < leat::deaths; ++i) compare("dead", c.dead[i], counts.dead[i]);
    for (std::size_t i = 0; i < leat::put_refusals; ++i) compare("refused", c.refused[i], counts.refused[i]);
    if (auto* dead = e.dead()) {
        compare("letters", dead->depth().live(), letters.size());
        compare("redriven", dead->counts().redriven, redriven);
    }
    if (!adds_up(e)) wrong("I1 does not add up");
    std::set<std::string> keys;
    for (const auto& m : all) {
        if (live(m) && !m.key.empty() && m.is != phase::pending && m.is != phase::doomed) keys.insert(m.key);
    }
    compare("keys", e.keys_known(), keys.size());
    std::set<std::string> held_keys;
    for (const auto& m : all) {
        if (!m.key.empty() && (m.is == phase::held || m.is == phase::backing_off)) held_keys.insert(m.key);
    }
    compare("keys held", e.keys_held(), held_keys.size());
    for (const auto& p : producers) {
        if (p.handle != none && !p.open.empty() && p.open.front().commit == 0) {
            wrong("I13: a verdict that is due has not left: put " + std::to_string(p.open.front().number));
        }
    }
    int drained = 0;
    for (const auto& one : consumers) {
        if (!one.known) continue;
        const auto s = e.consumer(one.handle);
        const auto i = static_cast<int>(&one - consumers.data());
        compare("live", s.live, one.live);
        compare("standby", s.standby, one.standby);
        compare("barred", s.barred, barred(one));
        compare("sole", s.sole, one.sole);
        compare("held", s.held, static_cast<std::uint64_t>(held(i)));
        compare("held bytes", s.held_bytes, held_bytes(i));
        drained += s.drained ? 1 : 0;
    }
    if (drained > 1) wrong("D4: more than one consumer is drained");
    if (handed_out && !stopped() && in_flight() < rules.max_in_flight) {
        const bool anyone = std::any_of(consumers.begin(), consumers.end(),
                                        [&](const auto& o) { return o.known && eligible(o, e); });
        const bool anything =
            std::any_of(all.begin(), all.end(), [&](const auto& m) { return !m.suspect && ready(m); });
        if (anyone && anything) wrong("D1: there is credit and something ready, and nothing is handed out");
        const bool suspects =
            std::any_of(all.begin(), all.end(), [&](const auto& m) { return m.suspect && ready(m); });
        int takers = 0, idle = 0;
        for (const auto& o : consumers) {
            if (!o.known || !could_take(o)) continue;
            ++takers;
            idle += held(static_cast<int>(&o - consumers.data())) == 0 ? 1 : 0;
        }
        if (suspects && idle > 0 && idle == takers) wrong("D4: all are idle, and a suspect waits");
        if (!suspects && drained > 0) wrong("D4: drained without a suspect");
    }
    forget_gone();
}

inline void model::forget_gone() {
    if (all.size() < 600) return;
    std::set<int> named(letters.begin(), letters.end());
    for (const auto& c : consumers) {
        for (const auto& l : c.lost) named.insert(l.second.first);
    }
    std::vector<int> to(all.size(), -1);
    std::vector<message_of> kept;
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (!live(all[i]) && !named.contains(static_cast<int>(i))) continue;
        to[i] = static_cast<int>(kept.size());
        kept.push_back(std::move(all[i]));
    }
    all.swap(kept);
    for (auto& i : letters) i = to[static_cast<std::size_t>(i)];
    for (auto& i : doomed) i = to[static_cast<std::size_t>(i)];
    std::map<int, death> deaths_now;
    for (const auto& [i, why] : death_of) {
        if (to[static_cast<std::size_t>(i)] >= 0) deaths_now[to[static_cast<std::size_t>(i)]] = why;
    }
    death_of.swap(deaths_now);
    std::map<int, letter_state> read_now;
    for (const auto i : letters) {  // by their new numbers
        for (const auto& [old, state] : read_letters) {
            if (to[static_cast<std::size_t>(old)] == i) read_now[i] = state;
        }
    }
    read_letters.swap(read_now);
    std::map<int, std::uint64_t> commits_now;
    for (const auto& [i, commit] : letter_commit) commits_now[to[static_cast<std::size_t>(i)]] = commit;
    letter_commit.swap(commits_now);
    for (auto& c : consumers) {
        for (auto& l : c.lost) l.second.first = to[static_cast<std::size_t>(l.second.first)];
    }
}

/// The letters are those of the model. Which of two comes first that died in one pass is the engine's
/// choice.
inline void model::check_letters(engine& e) {
    std::vector<int> order, pending;
    for (const auto i : letters) {
        if (letter_commit.contains(i)) pending.push_back(i);
    }
    std::size_t found = 0;
    e.letters({}, ~std::uint64_t{0}, [&](const letter_view& one) {
        ++found;
        for (const auto i : letters) {
            const auto& m = all[static_cast<std::size_t>(i)];
            if (m.seq != one.what->origin.seq || letter_commit.contains(i)) continue;
            order.push_back(i);
            const auto effective = m.own_ttl == 0 ? 0 : m.expiry - m.ready_at;
            const bool same = one.what->why == death_of[i] && one.what->attempts == m.attempts &&
                              one.what->deliveries == m.deliveries && one.what->redrives == m.redrives &&
                              one.what->ttl == effective && one.what->priority == m.priority;
            if (!same) wrong("X4: a letter says other things of its message");
            if (as_text(one.body) != m.body || as_text(one.head) != m.head) wrong("X4: another body");
        }
    });
    if (found != order.size() || order.size() + pending.size() != letters.size()) {
        wrong("X1: other letters");
        return;
    }
    order.insert(order.end(), pending.begin(), pending.end());
    letters.swap(order);
}

}  // namespace queue_model
