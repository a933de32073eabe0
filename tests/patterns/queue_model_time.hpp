#pragma once

// The model: consumers, and what time brings.

#include "queue_model_state.hpp"

namespace queue_model {

inline void model::lose(int c) {
    auto& by = consumers[static_cast<std::size_t>(c)];
    if (active == c) active = -1;
    by.live = false;
    by.forget_at = q + rules.lease.count() - stalled;
    for (const auto i : in_order_of_d(c)) lose_delivery(all[static_cast<std::size_t>(i)], false, true);
    if (by.lost.empty()) forget(by);
    choose_active();
}

/// Should it come again, it is another one: messages must not think that it has lost them.
inline void model::forget(consumer_of& c) {
    c.known = false;
    c.lost.clear();
    for (auto& m : all) {
        if (m.consumer == static_cast<int>(&c - consumers.data())) m.consumer = -1;
    }
}

inline std::vector<int> model::in_order_of_d(int c) const {
    std::vector<int> mine;
    for (const auto& m : all) {
        if (m.is == phase::held && m.consumer == c) mine.push_back(static_cast<int>(&m - all.data()));
    }
    std::sort(mine.begin(), mine.end(), [&](int a, int b) {
        return all[static_cast<std::size_t>(a)].d < all[static_cast<std::size_t>(b)].d;
    });
    return mine;
}

inline void model::choose_active() {
    if (!rules.exclusive || active >= 0 || in_flight() > 0) return;
    for (auto& c : consumers) {
        if (c.live && (active < 0 || c.order < consumers[static_cast<std::size_t>(active)].order)) {
            active = static_cast<int>(&c - consumers.data());
        }
    }
    if (active >= 0) consumers[static_cast<std::size_t>(active)].standby = false;
}

inline void model::begin_pass(ticks later) {
    if (later > second) {
        stalled += later;
    }
    q += later;
}

inline ticks model::next_event() const {
    auto at = never;
    for (const auto& m : all) {
        if (m.is == phase::held) at = std::min(at, m.renewed + rules.lease.count() + stalled);
        if (m.is == phase::backing_off) at = std::min(at, m.due);
        if (m.is == phase::first_delay && m.due > q) at = std::min(at, m.due);
        const bool may = m.is == phase::queued || m.is == phase::backing_off;
        if (may && may_expire()) at = std::min(at, m.expiry);
    }
    for (const auto& c : consumers) {
        if (c.live) at = std::min(at, c.heard + rules.session_timeout.count() + stalled);
    }
    for (const auto i : letters) {
        const auto found = read_letters.find(i);
        if (found != read_letters.end() && found->second.due != 0) at = std::min(at, found->second.due);
    }
    const auto wait = rules.durability == leat::durability::interval ? rules.interval : rules.outcome_delay;
    if (settled > 0 && !committing) at = std::min(at, q + wait.count());
    return at == never ? never : at - q;
}

inline void model::run_timers() {
    std::vector<int> leased;
    for (const auto& m : all) {
        if (m.is == phase::held && m.renewed + rules.lease.count() + stalled <= q) {
            leased.push_back(static_cast<int>(&m - all.data()));
        }
    }
    std::sort(leased.begin(), leased.end(), [&](int a, int b) {
        return all[static_cast<std::size_t>(a)].renewal < all[static_cast<std::size_t>(b)].renewal;
    });
    for (const auto i : leased) {
        auto& m = all[static_cast<std::size_t>(i)];
        if (m.is != phase::held) continue;
        const auto c = m.consumer;
        lose_delivery(m, true, true);
        if (rules.exclusive && active == c) {
            lose(c);
            expect_lost.insert(c);
        }
    }
    for (;;) {
        int first = -1;
        for (const auto& c : consumers) {
            if (!c.live || c.heard + rules.session_timeout.count() + stalled > q) continue;
            if (first < 0 || c.heard_turn < consumers[static_cast<std::size_t>(first)].heard_turn) {
                first = static_cast<int>(&c - consumers.data());
            }
        }
        if (first < 0) break;
        lose(first);
        expect_lost.insert(first);
    }
    ticks oldest_pending = never;
    for (const auto& m : all) {
        if (m.is == phase::pending) oldest_pending = std::min(oldest_pending, m.admitted);
    }
    for (auto& m : all) {
        if (m.is == phase::first_delay && m.due <= q && (m.key.empty() || oldest_pending > m.ready_at)) {
            m.is = phase::queued;
        } else if (m.is == phase::backing_off && m.due <= q) {
            come_back(m);
        }
    }
    for (auto& c : consumers) {
        if (c.known && !c.live && c.forget_at + stalled <= q) forget(c);
    }
    std::erase_if(ids, [&](const auto& id) { return id.second + rules.dedup_window.count() <= q; });
    for (auto& [i, state] : read_letters) {
        if (state.due <= q) state.due = 0;
    }
    while (!doomed.empty() && room_for_letter()) {
        bury(all[static_cast<std::size_t>(doomed.front())]);
        doomed.erase(doomed.begin());
    }
    for (auto& m : all) {
        if ((m.is == phase::queued || m.is == phase::backing_off) && m.expiry <= q && may_expire()) expire(m);
    }
    while (!parked.empty()) {
        auto one = parked.front();
        one.item.ttl = one.ttl_end == 0 ? std::optional<ticks>{} : one.ttl_end - q;
        one.item.at.reset();
        one.item.delay = one.due == 0 ? std::optional<ticks>{} : std::max<ticks>(0, one.due - q);
        one.item.key = one.key;
        one.item.id = one.id;
        one.item.mark = one.mark ? &*one.mark : nullptr;
        if (!admit(one.producer, one.item, one.body, one.head, true)) break;
        --producers[static_cast<std::size_t>(one.producer)].parked;
        parked.pop_front();
    }
}

}  // namespace queue_model
