#pragma once

#include <leat/queue/detail/custody_marks.hpp>
#include <leat/queue/detail/delivery_table.hpp>
#include <leat/queue/detail/engine_views.hpp>
#include <leat/queue/detail/entry.hpp>
#include <leat/queue/detail/fresh_runs.hpp>
#include <leat/queue/detail/holders.hpp>
#include <leat/queue/detail/id_window.hpp>
#include <leat/queue/detail/indexed_heap.hpp>
#include <leat/queue/detail/key_lines.hpp>
#include <leat/queue/detail/letter.hpp>
#include <leat/queue/detail/parked_puts.hpp>
#include <leat/queue/detail/producers.hpp>
#include <leat/queue/detail/put.hpp>
#include <leat/queue/detail/record_book.hpp>
#include <leat/queue/detail/sink.hpp>
#include <leat/queue/detail/store.hpp>
#include <leat/queue/queue_rules.hpp>
#include <leat/queue/queue_stat.hpp>

#include <array>
#include <bit>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string_view>
#include <vector>

namespace leat::detail::queueing {

/// The rules of one queue (docs/queue.md) and of its dead letters, without clock, threads or I/O: time is
/// passed in, results go to a `sink`, and what must last goes through a `store`. For one thread.
///
/// A host calls, each time something has arrived or `next_deadline` has come, in this order:
///
///     begin_pass(now)                                  commit results
///     settle, extend, heard, hello, bye, grant, ...    what has arrived
///     run_timers()                                     leases, sessions, due, expiry; parked puts
///     put(...)                                         new puts, only if run_timers returned true
///     hand_out()                                       starts a commit, then deliveries
///
/// `run_timers` and `hand_out` do a bounded amount of work and return false when there is more, for which
/// another pass is due at once. All calls of a pass see the same time.
class engine {
public:
    /// @throws leat::error for rules out of their range
    engine(const queue_rules& rules, store& keep, sink& out, const opening& begin);
    ~engine();
    engine(const engine&) = delete;
    engine& operator=(const engine&) = delete;

    /// Goes on from what a store has found, once and before the first pass: what was in flight is ready
    /// again, and nothing is charged (row 23). The rules of this opening count (L9).
    void recover(recovered_queue&& queue, recovered_queue&& dead);

    /// Commits what is not committed yet, and waits for it. False when that failed.
    bool finish(ticks now);

    void begin_pass(ticks now);
    [[nodiscard]] bool run_timers();
    [[nodiscard]] bool hand_out();

    /// How much that is: timers, and as many deliveries.
    void bound_passes(std::uint32_t events) noexcept {
        events_a_pass_ = events;
        if (dead_) dead_->bound_passes(events);
    }

    /// Bytes of bodies that are kept in memory though they are on disk. 64 MiB each for a queue and its
    /// letters.
    void bound_warm(std::size_t bytes) noexcept {
        records_.bound_warm(bytes);
        if (dead_) dead_->bound_warm(bytes);
    }

    /// Bytes of a record that may be dead before it is rewritten (P4). 16 KiB.
    void bound_dead(std::size_t bytes) noexcept {
        records_.bound_dead(bytes);
        if (dead_) dead_->bound_dead(bytes);
    }

    /// On the monotonic clock: when the next pass is due even if nothing arrives. `never` when there is no
    /// need.
    [[nodiscard]] ticks next_deadline() const;

    // Consumers. A handle that is not known (any more) has no effect.

    /// A consumer comes, or comes again with a new session (W6). What is left of its older session's
    /// deliveries and not named in `keeps` is released; outcomes that came along must have been settled
    /// before, under the handle that `find` gives. Credit starts at nothing.
    /// `here`: it is in this process and ends with it (P5). `pure`: no user code sees what it takes (C1).
    hello_result hello(const id128& consumer, std::span<const number_range> keeps = {}, bool here = false,
                       bool pure = false);
    [[nodiscard]] std::uint32_t find(const id128& consumer);

    /// Sets the totals of the session up to which it takes (L5): deliveries, and bytes of attributes and
    /// bodies. The delivery that reaches the total of bytes may exceed it, so no message is too large for a
    /// credit.
    void grant(std::uint32_t holder, std::uint64_t messages, std::uint64_t bytes);
    void heard(std::uint32_t holder);

    /// Ranges mean all deliveries within that this holder has (W5); each is a few lookups, however wide.
    /// `delay` is for retry.
    settle_result settle(std::uint32_t holder, outcome what, std::span<const number_range> ranges,
                         std::optional<ticks> delay = {}, std::string_view text = {});
    /// The consumer's library gives deliveries up: losses that do not bar it (T6).
    settle_result give_up(std::uint32_t holder, std::span<const number_range> ranges);
    /// Renews all it holds but `except` (W7).
    void extend(std::uint32_t holder, std::span<const number_range> except = {});
    /// It ends in good order: what it holds is released.
    void bye(std::uint32_t holder);
    /// It is known to be gone: what it holds is lost.
    void lose(std::uint32_t holder);

    // Producers.

    producer_welcome hello_producer(const id128& producer, std::uint64_t floor);
    /// False while a commit is under way and what has gathered fills the next one (P2): puts have to wait.
    [[nodiscard]] bool takes_puts() const noexcept { return !committing_ || !commit_is_full(); }
    /// Messages numbered from `first`. Those whose bodies lie in `frame` one behind the other are stored
    /// without a copy when they are large enough together. Not to be called after run_timers returned false.
    put_status put(std::uint32_t producer, std::uint64_t first, std::uint64_t floor,
                   std::span<const put_item> items, message* frame = nullptr);
    /// What a custody mark calls a transfer or stage of this name.
    [[nodiscard]] id128 stage_id(std::string_view name) const;
    void set_in_order(std::uint32_t producer, bool on);  ///< Also its RESUME: clears what a refusal has set.
    void producer_gone(
        std::uint32_t producer);                ///< The session has ended: parked puts are forgotten (row 4).
    void producer_bye(std::uint32_t producer);  ///< U3

    // Operations.

    void pause_takes(bool on);
    void pause_puts(bool on);
    [[nodiscard]] bool takes_paused() const noexcept { return takes_paused_; }
    [[nodiscard]] bool puts_paused() const noexcept { return puts_paused_; }
    [[nodiscard]] bool draining() const noexcept { return draining_; }
    void drain(bool on);  ///< No puts, no hand-out: for closing.
    std::uint64_t purge();
    redrive_result redrive(const letter_filter& which, std::uint64_t most);

    /// The dead letters as a queue that can be consumed and purged; passes of this engine drive it, all but
    /// `hand_out` of its own. Null when there are none.
    [[nodiscard]] engine* dead() noexcept { return dead_.get(); }
    /// Where this engine speaks to from now on: the dead letters begin with the sink of their queue, whose
    /// handles are others.
    void speak_to(sink& out) noexcept { sink_ = &out; }
    void letters(const letter_filter& which, std::uint64_t most,
                 const std::function<void(const letter_view&)>& visit);

    // What is there.

    [[nodiscard]] const queue_counts& counts() const noexcept { return counts_; }
    [[nodiscard]] queue_depth depth() const noexcept;
    /// Queue time at which the oldest ready message of each priority became ready; nothing if there is none.
    [[nodiscard]] std::array<std::optional<ticks>, priorities> oldest() const;
    /// Keys whose first message is in flight or waits for its next attempt: how many there are, and of the
    /// first 10,000 keys the `most` that have been held longest.
    [[nodiscard]] std::uint64_t keys_held() const noexcept { return heads_ - ready_heads_; }
    [[nodiscard]] std::vector<key_held> longest_held(std::size_t most) const;
    /// Calls `visit` for the first `most` ready messages, in the order of hand-out, suspects aside. Changes
    /// nothing. Looks at all that have come back or are first of their key, once.
    void peek(std::uint64_t most, const std::function<void(const ready_view&)>& visit);
    [[nodiscard]] consumer_stat consumer(std::uint32_t holder);
    [[nodiscard]] std::vector<consumer_stat> consumers() const;  ///< The live ones.
    [[nodiscard]] bool stopped_by_dead_letters() const noexcept { return !doomed_.empty(); }
    [[nodiscard]] ticks queue_time() const noexcept { return qt_; }
    [[nodiscard]] ticks ids_cover() const noexcept { return ids_.covered(qt_); }
    /// Messages with lower numbers have ended, and that is committed (U6).
    [[nodiscard]] std::uint64_t floor() const noexcept { return floor_; }
    [[nodiscard]] std::size_t sources_marked() const noexcept { return marks_.sources(); }
    [[nodiscard]] std::size_t producers_known() const noexcept { return producers_.size(); }
    [[nodiscard]] std::size_t keys_known() const noexcept { return lines_.size(); }
    [[nodiscard]] const queue_rules& rules() const noexcept { return rules_; }
    [[nodiscard]] const opening& begin() const noexcept { return begin_; }
    /// Bytes of index, without bodies.
    [[nodiscard]] std::size_t memory() const noexcept;
    /// Bytes of puts that wait for room.
    [[nodiscard]] std::size_t parked_memory() const noexcept { return parked_.memory(); }

private:
    struct dead_letters_tag {};
    engine(dead_letters_tag, const engine& of);

    struct due_key {
        ticks at;
        std::uint64_t seq;
        friend auto operator<=>(const due_key&, const due_key&) = default;
    };
    struct suspect_key {
        std::uint8_t rank;  ///< 9 - priority
        place where;
        friend auto operator<=>(const suspect_key&, const suspect_key&) = default;
    };
    struct line_slots {
        slab<key_line>* of;
        std::uint32_t& operator()(std::uint32_t i) const noexcept { return (*of)[i].heap_at; }
    };
    struct doomed_message {
        std::uint32_t entry = none;
        letter what = {};
    };

    // engine_recover.cpp
    void recover(recovered_queue&& from);
    void recover_messages(recovered_queue& from);
    std::uint32_t recover_touched(const special& one, const touched_row& row);
    void recover_doomed(const special& one, letter&& what);
    [[nodiscard]] std::uint64_t salt_of(std::uint64_t seq) const;

    /// Before bodies of a record are looked at. False when they cannot be had.
    [[nodiscard]] bool warm(record& rec) { return !rec.cold() || fetch(rec); }
    [[nodiscard]] bool fetch(record& rec);

    // engine_commit.cpp
    void activate(commit_batch& batch, std::size_t parts, std::size_t specials);
    void activate(special& one);
    [[nodiscard]] std::uint32_t make_special_entry(const special& one, ticks ready_at);
    void start_commit(bool rewrite = true);
    [[nodiscard]] bool wants_rewriting() const noexcept;
    void finish_commit(bool good);
    void finish_puts();
    [[nodiscard]] bool has_uncommitted() const noexcept;
    [[nodiscard]] bool commit_is_due() const;
    [[nodiscard]] bool commit_is_full() const noexcept;
    void drain_verdicts(std::uint32_t producer);
    void touch_producer(std::uint32_t producer);
    void close_record();
    void activate_new();
    void settle_batch(bool good);
    void write_rows();
    [[nodiscard]] std::optional<ticks> oldest_pending() const;
    void mark_changed();

    // engine_put.cpp
    void end_session(std::uint32_t producer);
    void forget_producer(std::uint32_t producer);
    [[nodiscard]] bool admit(std::uint32_t producer, const put_item& item, message* frame, bool was_parked);
    [[nodiscard]] put_refusal fault_of(const put_item& item) const;
    [[nodiscard]] bool fits(std::uint64_t weight) const noexcept;
    [[nodiscard]] bool make_room(std::uint64_t weight);
    bool drop_smallest();
    void append(special& what, std::span<const std::byte> head, std::span<const std::byte> body,
                message* frame, bool carry, bool plain);
    void park(std::uint32_t producer, std::span<const put_item> items);
    void take_parked(std::uint32_t& budget);
    void repeat(std::uint32_t producer, std::uint64_t first, std::uint64_t last);
    void decide(std::uint32_t producer, verdict what, put_refusal why, std::uint64_t commit,
                std::uint64_t seq);
    [[nodiscard]] id128 hash_of_id(const put_item& item) const;

    // engine_states.cpp: how messages change between states
    [[nodiscard]] std::uint32_t make_entry(spot at, std::uint8_t priority, ticks ready_at);
    void make_ready(std::uint32_t e);
    void leave_heaps(std::uint32_t e);
    void make_delayed(std::uint32_t e, ticks due);
    void come_back(std::uint32_t e);
    void join(std::uint32_t line, std::uint32_t e);
    void wait_behind(std::uint32_t line, waiter w);
    void stand_at(key_line& line, std::uint32_t at, const waiter& w);
    void leave_middle(std::uint32_t line, std::uint32_t at);
    void advance(std::uint32_t line);
    void leave_line(std::uint32_t e);
    void first_waiter_changed(std::uint32_t line);
    [[nodiscard]] place place_of(const waiter& w) const noexcept;
    waiter take_first_waiter(std::uint32_t line);
    void end_plain(spot at);
    void end_entry(std::uint32_t e);
    void end_waiter(const waiter& w);
    /// False while what expires could only be doomed: it would cost a letter each, and nothing is handed out.
    [[nodiscard]] bool may_expire() const noexcept {
        return doomed_.empty() || rules_.on_expiry == on_expiry::drop;
    }
    void expire(std::uint32_t e);
    void expire_plain(spot at, std::uint8_t priority, const id128& key = {});
    void touched(std::uint32_t e);

    // engine_consumers.cpp
    void lose(holder& h);
    void choose_active();

    // engine_outcomes.cpp
    template <class Apply>
    settle_result each_of(std::uint32_t holder, std::span<const number_range> ranges, bool is_ack,
                          Apply apply);
    [[nodiscard]] std::vector<std::uint64_t>& held_by(const holder& h);
    void take_from_holder(std::uint32_t e);
    void ack(std::uint32_t e);
    void release(std::uint32_t e);
    void retry(std::uint32_t e, std::optional<ticks> delay);
    void failed_attempt(std::uint32_t e, death why, std::optional<ticks> delay);
    void lost(std::uint32_t e, bool lease_end, bool remember);
    bool late_ack(const lost_delivery& what, std::uint64_t d);
    [[nodiscard]] ticks back_off(std::uint32_t attempts);

    // engine_timers.cpp
    void end_leases(std::uint32_t& budget);
    void end_sessions(std::uint32_t& budget);
    void come_due(std::uint32_t& budget);
    void run_expiry(std::uint32_t& budget);
    void forget_old(std::uint32_t& budget);
    static constexpr ticks suspect_patience = 1'000'000'000;  ///< D4

    // engine_hand_out.cpp
    void offer_suspects(std::uint32_t& budget);
    [[nodiscard]] holder* idle_for(const entry& suspect);
    void drain_one_for_suspects();
    void stop_draining();
    void give(holder& h, std::uint32_t e);
    void show(std::uint32_t e);
    void deliver(holder& h);
    /// One more than the highest priority of which anything is ready, suspects aside; 0 for none.
    [[nodiscard]] std::uint8_t best_priority() const noexcept {
        return static_cast<std::uint8_t>(std::bit_width(fresh_.mask() | returned_mask_));
    }
    [[nodiscard]] bool from_fresh(std::uint8_t priority) const;
    spot take_fresh(std::uint8_t priority);

    // engine_out.cpp: what consumers in this process hold (P5)
    void hold_back(holder& h);
    void begin_recording();
    void end_recording(bool good);
    void send_recorded();
    [[nodiscard]] bool wants_recording() const noexcept {
        return recorded_ < held_back_.size() || (dead_ && dead_->recorded_ < dead_->held_back_.size());
    }
    [[nodiscard]] std::vector<out_range> held_here() const;
    [[nodiscard]] std::vector<std::uint64_t> charge_lost(recovered_queue& from,
                                                         const std::vector<record*>& records);

    // engine_dead.cpp
    void die(std::uint32_t e, death why, std::string_view text, const id128& key = {});
    [[nodiscard]] letter letter_of(std::uint32_t e, death why, std::string_view text);
    void die_plain(spot at, std::uint8_t priority, death why, const id128& key);
    void bury(letter what, spot at);
    [[nodiscard]] bool room_for_letter(std::uint64_t weight);
    void move_doomed(std::uint32_t& budget);
    [[nodiscard]] bool matches(const letter& one, std::uint64_t seq, const letter_filter& which) const;

    [[nodiscard]] ticks lease_end(const entry& e) const noexcept {
        return e.when + rules_.lease.count() + stalled_;
    }

    queue_rules rules_;
    store& store_;
    sink* sink_;
    opening begin_;
    bool at_once_;          ///< Puts are taken before they are committed: durability interval and memory.
    bool is_dead_ = false;  ///< This is the queue of another one's dead letters (X2).

    std::uint32_t events_a_pass_ = 4096;
    ticks now_, qt_;
    ticks stalled_ = 0;  ///< How long the process stood still; leases and sessions are behind by it.
    bool first_pass_ = true;

    std::uint64_t next_seq_, last_d_ = 0, turn_ = 0, outcomes_ = 0;
    queue_counts counts_;
    std::uint64_t messages_ = 0, bytes_ = 0;  ///< As L2 counts them.
    std::uint64_t pending_ = 0, waiting_ = 0, in_flight_ = 0, settled_ = 0, ready_ = 0, delayed_ = 0;

    record_book records_;
    entries entries_;
    fresh_runs fresh_;
    std::array<indexed_heap<place, heap_slots>, priorities> returned_;
    unsigned returned_mask_ = 0;  ///< One bit for each priority that has any.
    indexed_heap<suspect_key, heap_slots> suspects_;
    indexed_heap<place, suspect_slots> suspects_by_place_;  ///< The same, for drop_oldest.
    indexed_heap<due_key, heap_slots> due_;
    indexed_heap<due_key, heap_slots> deferred_;  ///< Due, but a put that comes before is pending (K4).
    indexed_heap<due_key, expiry_slots> expiry_;
    key_lines lines_;
    std::uint64_t heads_ = 0,
                  ready_heads_ = 0;  ///< First ones of their key, and those of them that are ready.
    indexed_heap<place, line_slots> by_first_waiter_;  ///< Kept when a ttl or drop_oldest needs it.
    bool keep_line_heap_;
    delivery_table flying_d_;
    lease_list leases_;
    holders holders_;
    std::vector<std::uint64_t> listed_;  ///< See `held_by`.
    std::uint32_t listed_of_ = none;
    std::uint64_t listed_at_ = 0;

    producers producers_;
    id_window ids_;
    custody_marks marks_;
    parked_puts parked_;

    // Commits: what is gathered for the next one, and the one under way.
    commit_batch gathered_, flying_;
    std::vector<std::uint32_t> gathered_producers_, flying_producers_;
    std::uint64_t gathered_acks_ = 0, flying_acks_ = 0;
    std::uint64_t gathered_bytes_ = 0;
    std::size_t activated_parts_ = 0, activated_specials_ = 0;
    std::uint64_t commits_ = 0;  ///< Started so far; the next has this number plus 1.
    bool committing_ = false;
    ticks changed_at_ = 0, committed_at_ = 0;
    bool store_good_ = true;  ///< Not after a commit that failed, until one is good.

    // P5: deliveries that are sent once a commit has recorded them. The first of them are recorded, and the
    // first of them are in the commit under way.
    std::vector<std::uint64_t> held_back_;
    std::size_t recorded_ = 0, recording_ = 0, recorded_sum_ = 0;
    ticks record_until_ = 0;
    bool record_first_ = false;                            ///< The opening before this one was not closed.
    bool record_again_ = false, recording_again_ = false;  ///< A suspect has ended; its end is not on disk.
    std::uint64_t flying_outcomes_ = 0;
    std::uint64_t floor_ = 0, flying_floor_ = 0;

    std::unique_ptr<engine> dead_;
    std::map<std::uint64_t, letter> letters_;  ///< In the queue of dead letters: by seq.
    std::deque<doomed_message> doomed_;

    // K7, and suspects (D4).
    holder* active_ = nullptr;  ///< K7
    holder* drained_ = nullptr;
    std::uint32_t sole_held_ = 0;
    ticks suspects_since_ = 0;

    bool takes_paused_ = false, puts_paused_ = false, draining_ = false;
    std::mt19937_64 random_;
    std::vector<delivery_view> batch_;
    std::uint64_t batch_bytes_ = 0;
    spot last_given_ = {};
};

}  // namespace leat::detail::queueing
