#pragma once

// A slow and obvious model of one queue: a vector of messages and linear scans. It is told what a host does
// and what the engine answers, and says what is wrong with it. Rule numbers are those of the rules of the
// queue.

#include "support/queue_rig.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace queue_model {

using namespace queue_rig;
using leat::death;
using leat::id128;
using leat::outcome;
using leat::put_refusal;
using leat::queue_overflow;
using leat::verdict;

enum class phase { pending, first_delay, queued, held, backing_off, doomed, gone };

struct message_of {
    std::string body, head, key;
    int priority = 4;
    std::uint64_t seq = 0;
    std::uint64_t weight = 0;
    ticks admitted = 0, ready_at = 0, due = 0, expiry = never, own_ttl = 0;
    phase is = phase::pending;
    std::uint64_t commit = 0;
    bool carry = false;
    int attempts = 0, deliveries = 0, releases = 0, redrives = 0;
    bool suspect = false, sole = false, lost = false;
    std::uint64_t d = 0;
    int consumer = -1;
    ticks renewed = 0;
    std::uint64_t renewal = 0;
    std::string id;
};

struct consumer_of {
    id128 id;
    std::uint32_t handle = none;
    bool known = false, live = false, standby = false;
    bool sole = false;
    std::uint64_t order = 0;
    ticks heard = 0;
    std::uint64_t heard_turn = 0;
    ticks forget_at = 0;
    std::uint64_t granted = 0, given = 0;
    std::map<std::uint64_t, std::pair<int, bool>> lost;  ///< d: message, by lease end
};

struct undecided_put {
    std::uint64_t number;
    verdict what;
    put_refusal why;
    std::uint64_t commit;
};

struct parked_of {
    int producer;
    put_item item;
    std::string key, id, body, head;
    ticks ttl_end = 0, due = 0;
};

struct producer_of {
    id128 id;
    std::uint32_t handle = none;
    bool connected = false;
    std::uint64_t received = 0, parked = 0, floor = 1;
    std::deque<undecided_put> open;
    std::map<std::uint64_t, std::pair<verdict, put_refusal>> decided;
};

/// What the model holds to be true, and the first thing that was not.
struct model {
    leat::queue_rules rules;
    bool at_once = true, immediate = true;
    ticks q = 0, stalled = 0;
    std::vector<message_of> all;
    std::vector<consumer_of> consumers;
    std::vector<producer_of> producers;
    std::deque<parked_of> parked;
    std::vector<std::pair<std::string, ticks>> ids;
    std::map<std::string, std::uint64_t> pending_ids;
    std::vector<int> doomed, letters;
    leat::queue_counts counts;
    std::uint64_t last_d = 0, next_seq = 1, renewals = 0, hellos = 0, commits = 0, settled = 0, turns = 0;
    std::uint64_t flying_settled = 0;
    std::uint64_t dead_purged = 0, redriven = 0;
    bool committing = false, takes_paused = false, puts_paused = false, draining = false, accepts = true;
    int active = -1;
    std::map<std::string, std::pair<ticks, std::uint64_t>>
        last_acked;  ///< I7: place of the last ack of a key
    std::string fault;

    void wrong(const std::string& what) {
        if (fault.empty()) fault = what;
    }

    [[nodiscard]] std::string text(const message_of& m) const {
        return "seq " + std::to_string(m.seq) + " (key '" + m.key + "', priority " +
               std::to_string(m.priority) + ", ready " + std::to_string((m.ready_at - q) / ms) +
               " ms, admitted " + std::to_string((m.admitted - q) / ms) + " ms, deliveries " +
               std::to_string(m.deliveries) + ", phase " + std::to_string(static_cast<int>(m.is)) + ")";
    }

    // ---- what is where

    [[nodiscard]] place where(const message_of& m) const { return {m.ready_at, m.seq}; }
    [[nodiscard]] static bool live(const message_of& m) { return m.is != phase::gone; }

    [[nodiscard]] std::uint64_t messages() const {
        return static_cast<std::uint64_t>(std::count_if(all.begin(), all.end(), live));
    }
    [[nodiscard]] std::uint64_t bytes() const {
        std::uint64_t sum = 0;
        for (const auto& m : all) sum += live(m) ? m.weight : 0;
        return sum;
    }
    [[nodiscard]] bool fits(std::uint64_t weight) const {
        return messages() < rules.max_messages && bytes() + weight <= *rules.max_bytes;
    }

    /// K1, K2: a queued message is ready unless its key is busy or another of its key comes first.
    [[nodiscard]] bool ready(const message_of& m) const {
        if (m.is != phase::queued) return false;
        if (m.key.empty()) return true;
        for (const auto& o : all) {
            if (&o == &m || o.key != m.key) continue;
            if (o.is == phase::held || o.is == phase::backing_off) return false;
            if (o.is == phase::queued && where(o) < where(m)) return false;
        }
        return true;
    }

    [[nodiscard]] std::uint64_t held_bytes(int c) const {
        std::uint64_t sum = 0;
        for (const auto& m : all) sum += m.is == phase::held && m.consumer == c ? m.weight : 0;
        return sum;
    }
    [[nodiscard]] int held(int c) const {
        return static_cast<int>(std::count_if(
            all.begin(), all.end(), [&](const auto& m) { return m.is == phase::held && m.consumer == c; }));
    }
    [[nodiscard]] std::uint64_t in_flight() const {
        return static_cast<std::uint64_t>(
            std::count_if(all.begin(), all.end(), [](const auto& m) { return m.is == phase::held; }));
    }
    [[nodiscard]] bool barred(const consumer_of& c) const {
        return std::any_of(c.lost.begin(), c.lost.end(), [](const auto& l) { return l.second.second; });
    }
    [[nodiscard]] bool could_take(const consumer_of& c) const {
        return c.live && !c.standby && !barred(c) && c.given < c.granted;
    }
    [[nodiscard]] bool stopped() const { return takes_paused || draining || !doomed.empty(); }

    [[nodiscard]] leat::queue_depth depth() const {
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

    // ---- ends

    void gone(message_of& m) { m.is = phase::gone; }

    void expire(message_of& m) {
        if (rules.on_expiry == leat::on_expiry::dead_letter) {
            die(m, death::expired);
        } else {
            ++counts.expired;
            gone(m);
        }
    }

    void die(message_of& m, death why) {
        if (!rules.dead_letters) {
            ++counts.discarded;
            gone(m);
            return;
        }
        death_of[static_cast<int>(&m - all.data())] = why;
        if (doomed.empty() && letters.size() < rules.max_dead_messages) {
            bury(m);
        } else if (rules.dead_full == leat::dead_full::drop_oldest) {
            letters.erase(letters.begin());
            bury(m);
        } else {
            m.is = phase::doomed;
            doomed.push_back(static_cast<int>(&m - all.data()));
        }
    }
    std::map<int, death> death_of;
    std::map<int, std::uint64_t> letter_commit;  ///< Letters whose move is not committed.

    void bury(message_of& m) {
        const auto i = static_cast<int>(&m - all.data());
        ++counts.dead[static_cast<std::size_t>(death_of[i])];
        gone(m);
        letters.push_back(i);
        if (!at_once) letter_commit[i] = 0;
    }

    // ---- outcomes

    void take_from(message_of& m) {
        auto& c = consumers[static_cast<std::size_t>(m.consumer)];
        m.is = phase::queued;
        if (held(m.consumer) == 0) c.sole = false;
    }

    void come_back(message_of& m) {
        m.is = phase::queued;
        if (m.expiry <= q) expire(m);
    }

    void failed_attempt(message_of& m, death why, std::optional<ticks> delay) {
        ++m.attempts;
        if (rules.max_attempts != leat::unlimited_attempts &&
            m.attempts >= static_cast<int>(rules.max_attempts)) {
            die(m, why);
        } else if (m.expiry <= q) {
            expire(m);
        } else {
            auto wait = rules.retry.first.count();
            for (int i = 1; i < m.attempts; ++i) {
                wait = std::min<ticks>(static_cast<ticks>(static_cast<double>(wait) * rules.retry.factor),
                                       rules.retry.cap.count());
            }
            wait = std::min<ticks>(wait, rules.retry.cap.count());
            m.is = phase::backing_off;
            m.due = q + (delay ? *delay : wait);
        }
    }

    void acked(message_of& m) {
        if (!m.key.empty()) {  // I7
            auto& last = last_acked[m.key];
            const std::pair<ticks, std::uint64_t> at{m.ready_at, m.seq};
            if (at < last) wrong("I7: acks of key " + m.key + " out of order");
            last = at;
        }
        ++settled;
        gone(m);
    }

    void apply(message_of& m, outcome what, std::optional<ticks> delay) {
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

    void release(message_of& m) {
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

    void lose_delivery(message_of& m, bool lease_end, bool remember) {
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

    bool late_ack(std::uint64_t d, int i) {
        auto& m = all[static_cast<std::size_t>(i)];
        if (m.d != d || !m.lost) return false;
        if (m.is == phase::queued ? !ready(m) : m.is != phase::backing_off) return false;
        ++counts.late_acks;
        acked(m);
        return true;
    }

    void settle(int c, std::optional<outcome> what, std::uint64_t first, std::uint64_t last,
                std::optional<ticks> delay) {
        auto& by = consumers[static_cast<std::size_t>(c)];
        last = std::min(last, last_d);
        std::uint64_t hits = 0;
        std::vector<int> mine;
        for (const auto& m : all) {
            if (m.is == phase::held && m.consumer == c && m.d >= first && m.d <= last) {
                mine.push_back(static_cast<int>(&m - all.data()));
            }
        }
        std::sort(mine.begin(), mine.end(), [&](int a, int b) {
            return all[static_cast<std::size_t>(a)].d < all[static_cast<std::size_t>(b)].d;
        });
        for (const auto i : mine) {
            ++hits;
            if (what) {
                apply(all[static_cast<std::size_t>(i)], *what, delay);
            } else {
                lose_delivery(all[static_cast<std::size_t>(i)], false, false);
            }
        }
        for (auto l = by.lost.begin(); l != by.lost.end();) {
            if (l->first < first || l->first > last) {
                ++l;
                continue;
            }
            ++hits;
            if (what != outcome::ack || !late_ack(l->first, l->second.first)) ++counts.stale;
            l = by.lost.erase(l);
        }
        if (hits == 0) counts.stale += first <= last ? last - first + 1 : 1;
        choose_active();
    }

    // ---- consumers

    void lose(int c) {
        auto& by = consumers[static_cast<std::size_t>(c)];
        if (active == c) active = -1;
        by.live = false;
        by.forget_at = q + rules.lease.count() - stalled;
        for (const auto i : in_order_of_d(c)) lose_delivery(all[static_cast<std::size_t>(i)], false, true);
        choose_active();
    }

    [[nodiscard]] std::vector<int> in_order_of_d(int c) const {
        std::vector<int> mine;
        for (const auto& m : all) {
            if (m.is == phase::held && m.consumer == c) mine.push_back(static_cast<int>(&m - all.data()));
        }
        std::sort(mine.begin(), mine.end(), [&](int a, int b) {
            return all[static_cast<std::size_t>(a)].d < all[static_cast<std::size_t>(b)].d;
        });
        return mine;
    }

    void choose_active() {
        if (!rules.exclusive || active >= 0 || in_flight() > 0) return;
        for (auto& c : consumers) {
            if (c.live && (active < 0 || c.order < consumers[static_cast<std::size_t>(active)].order)) {
                active = static_cast<int>(&c - consumers.data());
            }
        }
        if (active >= 0) consumers[static_cast<std::size_t>(active)].standby = false;
    }

    // ---- time

    void begin_pass(ticks later) {
        if (later > second) {
            stalled += later;
        }
        q += later;
    }

    void run_timers() {
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
        for (auto& m : all) {
            if ((m.is == phase::queued || m.is == phase::backing_off) && m.expiry <= q) expire(m);
        }
        for (auto& c : consumers) {
            if (c.known && !c.live && c.forget_at + stalled <= q) {
                c.known = false;
                c.lost.clear();
            }
        }
        std::erase_if(ids, [&](const auto& id) { return id.second + rules.dedup_window.count() <= q; });
        while (!doomed.empty() && (letters.size() < rules.max_dead_messages)) {
            bury(all[static_cast<std::size_t>(doomed.front())]);
            doomed.erase(doomed.begin());
        }
        while (!parked.empty()) {
            auto one = parked.front();
            one.item.ttl = one.ttl_end == 0 ? std::optional<ticks>{} : one.ttl_end - q;
            one.item.delay = one.due == 0 ? std::optional<ticks>{} : std::max<ticks>(0, one.due - q);
            one.item.key = one.key;
            one.item.id = one.id;
            if (!admit(one.producer, one.item, one.body, one.head, true)) break;
            --producers[static_cast<std::size_t>(one.producer)].parked;
            parked.pop_front();
        }
    }
    std::set<int> expect_lost;

    // ---- puts

    void decide(int p, verdict what, put_refusal why, std::uint64_t commit) {
        auto& by = producers[static_cast<std::size_t>(p)];
        by.open.push_back({++by.received, what, why, commit});
    }

    bool admit(int p, const put_item& item, const std::string& body, const std::string& head,
               bool was_parked) {
        if (!item.id.empty() && rules.dedup_ids > 0) {
            const std::string id{item.id};
            const auto waits = pending_ids.find(id);
            const bool stored = std::any_of(ids.begin(), ids.end(), [&](const auto& one) {
                return one.first == id && one.second + rules.dedup_window.count() > q;
            });
            if (waits != pending_ids.end() || stored) {
                ++counts.same_id;
                decide(p, verdict::duplicate, put_refusal::none,
                       waits != pending_ids.end() ? waits->second : 0);
                return true;
            }
        }
        const std::uint64_t size = body.size() + head.size();
        auto why = put_refusal::none;
        if (size > rules.max_message || size + 64 > *rules.max_bytes)
            why = put_refusal::too_large;
        else if (item.priority > 9 ||
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
                if (oldest < 0) {
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
        m.ready_at = q + item.delay.value_or(0);
        m.due = m.ready_at;
        m.own_ttl = item.ttl.value_or(0);
        set_expiry(m);
        m.commit = at_once ? 0 : commits + 1;
        all.push_back(m);
        ++counts.admitted;
        decide(p, verdict::stored, put_refusal::none, m.commit);
        if (!item.id.empty() && rules.dedup_ids > 0) {
            if (at_once) {
                add_id(m.id);
            } else {
                pending_ids[m.id] = m.commit;
            }
        }
        if (!fits_now()) wrong("I11: over the limits");
        return true;
    }

    [[nodiscard]] bool fits_now() const {
        return messages() <= rules.max_messages && bytes() <= *rules.max_bytes;
    }

    void set_expiry(message_of& m) const {
        m.expiry = rules.ttl ? m.ready_at + rules.ttl->count() : never;
        if (m.own_ttl != 0) m.expiry = std::min(m.expiry, m.ready_at + m.own_ttl);
    }

    void add_id(const std::string& id) {
        std::erase_if(ids, [&](const auto& one) {
            return one.second + rules.dedup_window.count() <= q && one.first == id;
        });
        if (ids.size() >= rules.dedup_ids) {
            ids.erase(ids.begin());
            ++counts.evicted_ids;
        }
        ids.emplace_back(id, q);
    }

    void put(int p, const put_item& item, const std::string& body, const std::string& head) {
        auto& by = producers[static_cast<std::size_t>(p)];
        if (by.parked == 0 && admit(p, item, body, head, false)) return;
        parked_of one{p, item, std::string{item.key}, std::string{item.id}, body, head, 0, 0};
        if (item.ttl) one.ttl_end = q + *item.ttl;
        if (item.delay) one.due = q + *item.delay;
        parked.push_back(one);
        ++by.parked;
    }

    std::uint64_t purge() {
        std::uint64_t n = 0;
        for (auto& m : all) {
            if (m.is != phase::queued && m.is != phase::first_delay && m.is != phase::backing_off) continue;
            gone(m);
            ++n;
        }
        counts.purged += n;
        return n;
    }

    void purge_letters() {
        std::erase_if(letters, [&](int i) { return !letter_commit.contains(i); });
    }

    /// X5. Returns how many have moved.
    std::uint64_t redrive(std::optional<death> why, std::uint64_t most) {
        std::uint64_t moved = 0;
        bool open = !draining && !puts_paused && accepts;
        std::vector<int> left;
        for (const auto i : letters) {
            if ((why && death_of[i] != *why) || letter_commit.contains(i) || !open || moved == most ||
                !fits(all[static_cast<std::size_t>(i)].weight)) {
                if ((!why || death_of[i] == *why) && !letter_commit.contains(i) && open && moved != most)
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
        return moved;
    }

    // ---- commits

    void activate(message_of& m) {
        const bool joins_later = m.ready_at > q || (!m.key.empty() && m.ready_at > m.admitted);
        m.is = joins_later ? phase::first_delay : phase::queued;
    }

    void finish_puts() {
        if (at_once) {
            for (auto& m : all) {
                if (m.is == phase::pending) activate(m);
            }
        }
    }

    void commit_started() {
        ++commits;
        committing = true;
        flying_settled += std::exchange(settled, 0);
        for (auto& m : all) {
            if (m.is == phase::pending && m.commit == 0) m.commit = commits;
        }
        for (auto& [i, commit] : letter_commit) {
            if (commit == 0) commit = commits;
        }
        if (immediate) commit_ended(true);
    }

    void commit_ended(bool good) {
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
                    add_id(m.id);
            }
        }
        for (auto& p : producers) {
            for (auto& one : p.open) {
                if (one.commit == 0 || one.commit > commits) continue;
                one.commit = 0;
                if (!good) {
                    one.what = verdict::refused;
                    one.why = put_refusal::store_failed;
                }
            }
        }
    }

    // ---- what the engine says

    void on_decided(const verdict_range& v) {
        for (auto& p : producers) {
            if (p.handle != v.producer) continue;
            for (auto n = v.first; n <= v.last; ++n) {
                if (!p.open.empty() && p.open.front().number == n) {
                    const auto& one = p.open.front();
                    if (one.commit != 0) wrong("I2: a verdict before its commit");
                    if (one.what != v.what || one.why != v.why) {
                        wrong("I13: put " + std::to_string(n) + " is " + std::string{to_string(v.what)} +
                              " " + std::string{to_string(v.why)} + ", not " +
                              std::string{to_string(one.what)} + " " + std::string{to_string(one.why)});
                    }
                    if (one.what == verdict::stored) {
                        ++counts.confirmed;
                        const auto seq = v.seq + (n - v.first);
                        if (std::none_of(all.begin(), all.end(),
                                         [&](const auto& m) { return m.seq == seq; })) {
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
    std::uint64_t repeats_answered = 0;

    [[nodiscard]] bool eligible(const consumer_of& c, engine& e) const {
        return could_take(c) && !c.sole && !e.consumer(c.handle).drained;
    }

    void on_deliver(std::uint32_t handle, std::span<const delivery_view> batch, engine& e) {
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
            if (!m->suspect && m->lost && m->consumer == c && other)
                wrong("D2: back to the one that lost it");
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
            ++m->deliveries;
            m->renewed = q - stalled;
            m->renewal = ++renewals;
            ++to.given;
            ++counts.deliveries;
            first = false;
        }
        if (batch.size() > 1 && size > 64 * 1024) wrong("D1: a batch of more than 64 KiB");
        if (in_flight() > rules.max_in_flight) wrong("L7: more in flight than allowed");
    }

    void check(engine& e, bool handed_out) {
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
        compare("expired", c.expired, counts.expired);
        compare("overflow", c.overflow, counts.overflow);
        compare("purged", c.purged, counts.purged);
        compare("discarded", c.discarded, counts.discarded);
        compare("failed", c.failed, counts.failed);
        compare("same id", c.same_id, counts.same_id);
        compare("evicted ids", c.evicted_ids, counts.evicted_ids);
        for (std::size_t i = 0; i < leat::deaths; ++i) compare("dead", c.dead[i], counts.dead[i]);
        for (std::size_t i = 0; i < leat::put_refusals; ++i)
            compare("refused", c.refused[i], counts.refused[i]);
        if (auto* dead = e.dead()) {
            compare("letters", dead->depth().live(), letters.size());
            compare("redriven", dead->counts().redriven, redriven);
        }
        if (!adds_up(e)) wrong("I1 does not add up");
        std::set<std::string> keys;
        for (const auto& m : all) {
            if (live(m) && !m.key.empty() && m.is != phase::pending && m.is != phase::doomed)
                keys.insert(m.key);
        }
        compare("keys", e.keys_known(), keys.size());
        for (const auto& p : producers) {
            if (p.handle != none && !p.open.empty() && p.open.front().commit == 0) {
                wrong("I13: a verdict that is due has not left: put " +
                      std::to_string(p.open.front().number));
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
            if (anyone && anything)
                wrong("D1: there is credit and something ready, and nothing is handed out");
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

    /// Keeps the scans short: the ones that nothing can name any more go.
    void forget_gone() {
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
        std::map<int, std::uint64_t> commits_now;
        for (const auto& [i, commit] : letter_commit) commits_now[to[static_cast<std::size_t>(i)]] = commit;
        letter_commit.swap(commits_now);
        for (auto& c : consumers) {
            for (auto& l : c.lost) l.second.first = to[static_cast<std::size_t>(l.second.first)];
        }
    }
};

}  // namespace queue_model
