#pragma once

// The model: puts and commits.

#include "queue_model_state.hpp"

namespace queue_model {

inline bool model::admit(int p, const put_item& item, const std::string& body, const std::string& head,
                         bool was_parked) {
    if (item.mark != nullptr) {  // U6
        const std::pair mark{item.mark->from, item.mark->seq};
        auto& floor = floors[mark.first];
        floor = std::max(floor, item.mark->floor);
        const auto waits = pending_marks.find(mark);
        const bool stored = mark.second < floor || marks.contains(mark);
        if (stored || waits != pending_marks.end()) {
            ++counts.same_mark;
            decide(p, verdict::duplicate, put_refusal::none, stored ? 0 : waits->second);
            return true;
        }
    }
    if (!item.id.empty() && rules.dedup_ids > 0) {
        const std::string id{item.id};
        const auto waits = pending_ids.find(id);
        const bool stored = std::any_of(ids.begin(), ids.end(), [&](const auto& one) {
            return one.first == id && one.second + rules.dedup_window.count() > q;
        });
        if (waits != pending_ids.end() || stored) {
            ++counts.same_id;
            decide(p, verdict::duplicate, put_refusal::none, waits != pending_ids.end() ? waits->second : 0);
            return true;
        }
    }
    const std::uint64_t size = body.size() + head.size();
    auto why = put_refusal::none;
    if (size > rules.max_message || size + 64 > *rules.max_bytes)
        why = put_refusal::too_large;
    else if (item.priority > 9 || (item.at && item.delay) ||
             (item.delay && (*item.delay < 0 || *item.delay > rules.max_delay.count())))
        why = put_refusal::bad_message;
    else if (item.ttl && *item.ttl <= 0)
        why = put_refusal::expired;
    else if (draining)
        why = put_refusal::draining;
    else if (puts_paused)
        why = put_refusal::paused;
    else if (!accepts)
        why = put_refusal::store_failed;
    else if (producers[static_cast<std::size_t>(p)].refused_before)
        why = put_refusal::after_refusal;
    if (why == put_refusal::none && rules.overflow == queue_overflow::block) {
        if ((!was_parked && !parked.empty()) || !fits(size + 64)) return false;
    } else if (why == put_refusal::none) {
        while (why == put_refusal::none && !fits(size + 64)) {
            int oldest = -1;
            if (rules.overflow == queue_overflow::drop_oldest) {  // L3, I12
                for (const auto& m : all) {
                    if (m.is != phase::queued) continue;
                    if (oldest < 0 || where(m) < where(all[static_cast<std::size_t>(oldest)])) {
                        oldest = static_cast<int>(&m - all.data());
                    }
                }
            }
            const bool pending =
                std::any_of(all.begin(), all.end(), [](const auto& m) { return m.is == phase::pending; });
            if (oldest < 0 && rules.overflow == queue_overflow::drop_oldest && at_once && pending) {
                finish_puts();
            } else if (oldest < 0) {
                why = put_refusal::full;
            } else {
                ++counts.overflow;
                gone(all[static_cast<std::size_t>(oldest)]);
            }
        }
    }
    if (why != put_refusal::none) {
        decide(p, verdict::refused, why, 0);
        return true;
    }
    message_of m;
    m.body = body;
    m.head = head;
    m.key = item.key;
    m.id = item.id;
    m.priority = item.priority;
    m.seq = next_seq++;
    m.weight = size + 64;
    m.admitted = q;
    m.ready_at = item.at ? std::max(q, *item.at) : q + item.delay.value_or(0);
    m.due = m.ready_at;
    m.own_ttl = item.ttl.value_or(0);
    set_expiry(m);
    m.commit = at_once ? 0 : commits + 1;
    all.push_back(m);
    ++counts.admitted;
    decide(p, verdict::stored, put_refusal::none, m.commit);
    if (!item.id.empty() && rules.dedup_ids > 0) {
        if (at_once) {
            add_id(m.id, q);
        } else {
            pending_ids[m.id] = m.commit;
        }
    }
    if (item.mark != nullptr) {
        const std::pair mark{item.mark->from, item.mark->seq};
        if (at_once) {
            marks.insert(mark);
        } else {
            pending_marks[mark] = m.commit;
        }
    }
    if (!fits_now()) wrong("I11: over the limits");
    return true;
}

inline void model::add_id(const std::string& id, ticks at) {
    std::erase_if(ids, [&](const auto& one) {
        return one.second + rules.dedup_window.count() <= at && one.first == id;
    });
    if (ids.size() >= rules.dedup_ids) {
        ids.erase(ids.begin());
        ++counts.evicted_ids;
    }
    ids.emplace_back(id, at);
}

inline void model::put(int p, const put_item& item, const std::string& body, const std::string& head) {
    auto& by = producers[static_cast<std::size_t>(p)];
    if (by.parked == 0 && admit(p, item, body, head, false)) return;
    parked_of one{p, item, std::string{item.key}, std::string{item.id}, body, head, 0, 0};
    if (item.ttl) one.ttl_end = q + *item.ttl;
    if (item.delay) one.due = q + *item.delay;
    if (item.at) one.due = *item.at;
    if (item.mark != nullptr) one.mark = *item.mark;
    if (item.at && item.delay) one.item.priority = 10;  // its fault is found before it waits
    parked.push_back(one);
    ++by.parked;
}

inline std::uint64_t model::purge() {
    std::uint64_t n = 0;
    for (auto& m : all) {
        if (m.is != phase::queued && m.is != phase::first_delay && m.is != phase::backing_off) continue;
        gone(m);
        ++n;
    }
    counts.purged += n;
    return n;
}

inline std::uint64_t model::redrive(std::optional<death> why, std::uint64_t most) {
    std::uint64_t moved = 0;
    bool open = !draining && !puts_paused && accepts;
    std::vector<int> left;
    for (const auto i : letters) {
        if ((why && death_of[i] != *why) || letter_commit.contains(i) || letter_held(i) || !open ||
            moved == most || !fits(all[static_cast<std::size_t>(i)].weight)) {
            if ((!why || death_of[i] == *why) && !letter_commit.contains(i) && !letter_held(i) && open &&
                moved != most)
                open = false;
            left.push_back(i);
            continue;
        }
        message_of m;
        const auto& old = all[static_cast<std::size_t>(i)];
        m.body = old.body;
        m.head = old.head;
        m.key = old.key;
        m.priority = old.priority;
        m.own_ttl = old.own_ttl;
        m.redrives = old.redrives + 1;
        m.weight = old.weight;
        m.seq = next_seq++;
        m.admitted = m.ready_at = m.due = q;
        m.carry = true;
        set_expiry(m);
        m.commit = at_once ? 0 : commits + 1;
        all.push_back(m);
        ++counts.admitted;
        ++redriven;
        ++moved;
    }
    letters.swap(left);
    finish_puts();
    return moved;
}

inline void model::finish_puts() {
    if (at_once) {
        for (auto& m : all) {
            if (m.is == phase::pending) activate(m);
        }
    }
}

inline void model::commit_started() {
    ++commits;
    committing = true;
    flying_since = q;
    flying_settled += std::exchange(settled, 0);
    for (auto& m : all) {
        if (m.is == phase::pending && m.commit == 0) m.commit = commits;
    }
    for (auto& [i, commit] : letter_commit) {
        if (commit == 0) commit = commits;
    }
    if (immediate) commit_ended(true);
}

inline void model::commit_ended(bool good) {
    committing = false;
    if (good) {
        counts.acked += std::exchange(flying_settled, 0);
    } else {
        settled += std::exchange(flying_settled, 0);
    }
    for (auto i = letter_commit.begin(); i != letter_commit.end();) {
        if (i->second == 0) {
            ++i;
        } else if (good) {
            i = letter_commit.erase(i);
        } else {
            i++->second = 0;
        }
    }
    for (auto& m : all) {
        if (m.is != phase::pending || m.commit > commits || m.commit == 0) continue;
        if (good) {
            activate(m);
        } else if (m.carry) {
            m.commit = 0;
        } else {
            ++counts.failed;
            gone(m);
        }
    }
    for (auto i = pending_marks.begin(); i != pending_marks.end();) {
        if (i->second > commits) {
            ++i;
            continue;
        }
        if (good) marks.insert(i->first);
        i = pending_marks.erase(i);
    }
    for (auto i = pending_ids.begin(); i != pending_ids.end();) {
        if (i->second > commits) {
            ++i;
            continue;
        }
        // In the order of the puts.
        i = pending_ids.erase(i);
    }
    if (good) {
        for (const auto& m : all) {
            if (m.commit == commits && !m.id.empty() && !m.carry && !at_once && rules.dedup_ids > 0)
                add_id(m.id, flying_since);
        }
    }
    for (auto& p : producers) {
        for (auto& one : p.open) {
            if (one.commit == 0 || one.commit > commits) continue;
            one.commit = 0;
            if (!good) {
                one.what = verdict::refused;
                one.why = put_refusal::store_failed;
                p.refused_before = p.refused_before || p.in_order;
            }
        }
    }
}

}  // namespace queue_model
