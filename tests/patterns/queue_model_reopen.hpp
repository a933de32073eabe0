#pragma once

// The model: what a crash leaves.

#include "queue_model_state.hpp"

namespace queue_model {

inline void model::reopen(ticks now) {
    commit_started();
    commit_ended(true);
    for (auto& p : producers) {
        for (const auto& one : p.open) {
            p.decided[one.number] = {one.what, one.why};
            if (one.what == verdict::stored) ++counts.confirmed;
            if (one.what == verdict::refused) ++counts.refused[static_cast<std::size_t>(one.why)];
        }
        p.open.clear();
        p.parked = 0;
        p.connected = p.in_order = p.refused_before = false;
        p.handle = p.received == 0 ? none : none - 1;  // nothing is stored of it; it has another one now
    }
    parked.clear();
    pending_ids.clear();
    pending_marks.clear();
    for (auto& c : consumers) {
        const auto id = c.id;
        c = consumer_of{};
        c.id = id;
    }
    for (auto& m : all) {
        // The pause after releases is not stored.
        if (m.is == phase::held || (m.is == phase::backing_off && m.releases > 0)) m.is = phase::queued;
        if (m.is != phase::doomed && live(m)) m.deliveries = m.releases = 0;  // a letter says how many
        m.sole = m.lost = m.carry = false;
        m.d = m.commit = 0;
        m.consumer = -1;
    }
    for (auto& [i, state] : read_letters) {
        state.held = false;
        if (state.releases > 0) state.due = 0;
        state.releases = 0;
    }
    std::sort(doomed.begin(), doomed.end(), [&](int a, int b) {
        return all[static_cast<std::size_t>(a)].seq < all[static_cast<std::size_t>(b)].seq;
    });
    expect_lost.clear();
    draining = committing = false;
    accepts = true;
    active = -1;
    commits = last_d = 0;
    q = now;
    stalled = 0;
}

}  // namespace queue_model
