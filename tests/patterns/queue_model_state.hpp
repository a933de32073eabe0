#pragma once

// A slow and obvious model of one queue: a vector of messages and linear scans. It is told what a host does
// and what the engine answers, and says what is wrong with it. Rule numbers are those of the rules of the
// queue.

#include "support/queue_rig.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <random>
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
    std::optional<custody_mark> mark = {};
};

struct producer_of {
    id128 id;
    std::uint32_t handle = none;
    bool connected = false;
    bool in_order = false, refused_before = false;
    std::uint64_t received = 0, parked = 0, floor = 1;
    std::deque<undecided_put> open;
    std::map<std::uint64_t, std::pair<verdict, put_refusal>> decided;
};

/// What the model holds to be true, and the first thing that was not.
struct model {
    leat::queue_rules rules;
    bool at_once = true, immediate = true;
    ticks q = 0, stalled = 0, flying_since = 0;
    std::vector<message_of> all;
    std::vector<consumer_of> consumers;
    std::vector<producer_of> producers;
    std::deque<parked_of> parked;
    std::vector<std::pair<std::string, ticks>> ids;
    std::map<std::string, std::uint64_t> pending_ids;
    std::map<custody_source, std::uint64_t> floors;
    std::set<std::pair<custody_source, std::uint64_t>> marks;
    std::map<std::pair<custody_source, std::uint64_t>, std::uint64_t> pending_marks;
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
    std::mt19937_64 jitter;  ///< Draws what the engine draws (T8).

    void wrong(const std::string& what) {
        if (fault.empty()) fault = what;
    }

    [[nodiscard]] std::string text(const message_of& m) const {
        return "seq " + std::to_string(m.seq) + " (key '" + m.key + "', priority " +
               std::to_string(m.priority) + ", ready " + std::to_string((m.ready_at - q) / ms) +
               " ms, admitted " + std::to_string((m.admitted - q) / ms) + " ms, deliveries " +
               std::to_string(m.deliveries) + ", phase " + std::to_string(static_cast<int>(m.is)) + ")";
    }

    // what is where
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
    [[nodiscard]] bool ready(const message_of& m) const;
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

    [[nodiscard]] leat::queue_depth depth() const;

    // ends
    void gone(message_of& m) { m.is = phase::gone; }

    void expire(message_of& m);
    void die(message_of& m, death why);
    std::map<int, death> death_of;
    std::map<int, std::uint64_t> letter_commit;  ///< Letters whose move is not committed.

    void bury(message_of& m);
    [[nodiscard]] bool room_for_letter();

    /// A letter that a consumer of the dead letters has had (X2).
    struct letter_state {
        bool held = false;
        std::uint64_t d = 0;
        ticks due = 0;  ///< 0: ready
        int attempts = 0, releases = 0;
    };
    std::map<int, letter_state> read_letters;
    [[nodiscard]] bool letter_held(int i) const {
        const auto found = read_letters.find(i);
        return found != read_letters.end() && found->second.held;
    }
    void on_letter(const delivery_view& view);
    void settle_letter(std::uint64_t d, outcome what);

    // outcomes
    void take_from(message_of& m) {
        auto& c = consumers[static_cast<std::size_t>(m.consumer)];
        m.is = phase::queued;
        if (held(m.consumer) == 0) c.sole = false;
    }

    void come_back(message_of& m) {
        m.is = phase::queued;
        if (m.expiry <= q && may_expire()) expire(m);
    }
    [[nodiscard]] bool may_expire() const {
        return doomed.empty() || rules.on_expiry == leat::on_expiry::drop;
    }

    void failed_attempt(message_of& m, death why, std::optional<ticks> delay);
    [[nodiscard]] ticks back_off(int attempts) const;
    void acked(message_of& m);
    void apply(message_of& m, outcome what, std::optional<ticks> delay);
    void release(message_of& m);
    void lose_delivery(message_of& m, bool lease_end, bool remember);
    bool late_ack(std::uint64_t d, int i);
    void settle(int c, std::optional<outcome> what, std::span<const number_range> ranges,
                std::optional<ticks> delay);

    // consumers
    void lose(int c);
    void forget(consumer_of& c);
    [[nodiscard]] std::vector<int> in_order_of_d(int c) const;
    void choose_active();

    // time
    void begin_pass(ticks later);
    void run_timers();
    /// How long until time alone changes anything; `never` if it does not.
    [[nodiscard]] ticks next_event() const;
    std::set<int> expect_lost;

    // puts
    void decide(int p, verdict what, put_refusal why, std::uint64_t commit) {
        auto& by = producers[static_cast<std::size_t>(p)];
        by.open.push_back({++by.received, what, why, commit});
        if (by.in_order && what == verdict::refused && kind_of(why) != leat::refusal_kind::final)
            by.refused_before = true;
    }

    bool admit(int p, const put_item& item, const std::string& body, const std::string& head,
               bool was_parked);
    [[nodiscard]] bool fits_now() const {
        return messages() <= rules.max_messages && bytes() <= *rules.max_bytes;
    }

    void set_expiry(message_of& m) const {
        m.expiry = rules.ttl ? m.ready_at + rules.ttl->count() : never;
        if (m.own_ttl != 0) m.expiry = std::min(m.expiry, m.ready_at + m.own_ttl);
    }

    void add_id(const std::string& id, ticks at);
    void put(int p, const put_item& item, const std::string& body, const std::string& head);

    std::uint64_t purge();
    void purge_letters() {
        std::erase_if(letters, [&](int i) { return !letter_commit.contains(i) && !letter_held(i); });
    }

    /// X5. Returns how many have moved.
    std::uint64_t redrive(std::optional<death> why, std::uint64_t most);

    // commits
    void activate(message_of& m) {
        const bool joins_later = m.ready_at > q || (!m.key.empty() && m.ready_at > m.admitted);
        m.is = joins_later ? phase::first_delay : phase::queued;
    }

    void finish_puts();
    /// What a queue is that is opened at `now` after this commit (rows 23 and I15). To be called on what the
    /// model was when the commit started.
    void reopen(ticks now);
    void commit_started();
    void commit_ended(bool good);

    // what the engine says
    void on_decided(const verdict_range& v);
    std::uint64_t repeats_answered = 0;
    [[nodiscard]] bool eligible(const consumer_of& c, engine& e) const {
        return could_take(c) && !c.sole && !e.consumer(c.handle).drained;
    }

    void on_deliver(std::uint32_t handle, std::span<const delivery_view> batch, engine& e);
    void check_letters(engine& e);
    void check(engine& e, bool handed_out);

    /// Keeps the scans short: the ones that nothing can name any more go.
    void forget_gone();
};

}  // namespace queue_model
