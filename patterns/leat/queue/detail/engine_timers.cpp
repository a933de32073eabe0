// A pass, and what time brings: leases, sessions, due, expiry (section 3, last paragraph; section 6).

#include <leat/queue/detail/engine.hpp>

#include <algorithm>

namespace leat::detail::queueing {
namespace {

constexpr ticks stall = 1'000'000'000;  // a longer gap between passes was not the peers' fault
constexpr ticks watch_for_stalls =
    stall / 2;  // so passes come at least that often while anyone could be lost

}  // namespace

void engine::begin_pass(ticks now) {
    now = std::max(now, now_);
    if (!first_pass_ && now - now_ > stall) stalled_ += now - now_;
    first_pass_ = false;
    now_ = now;
    qt_ = begin_.qt + (now - begin_.now);
    if (dead_) dead_->begin_pass(now);
    records_.trim();
    if (is_dead_ || !committing_) return;
    if (const auto result = store_.poll()) finish_commit(*result);
}

bool engine::run_timers() {
    auto budget = events_a_pass_;
    end_leases(budget);
    end_sessions(budget);
    come_due(budget);
    const bool in_time = !dead_ || dead_->run_timers();
    move_doomed(budget);
    run_expiry(budget);
    forget_old(budget);
    take_parked(budget);
    return budget > 0 && in_time;
}

void engine::end_leases(std::uint32_t& budget) {
    for (; budget > 0 && !leases_.empty(); --budget) {
        const auto e = leases_.front();
        if (lease_end(entries_[e]) > qt_) return;
        auto& h = *holders_.find(entries_[e].holder);
        sink_->delivery_lost(h.handle, entries_[e].d);
        take_from_holder(e);
        lost(e, true, true);
        if (drained_ == &h) stop_draining();
        holders_.update(h);
        if (rules_.exclusive && h.live && active_ == &h) {  // K7: barred is as good as lost
            const auto handle = h.handle;
            lose(h);
            sink_->consumer_lost(handle);
        }
    }
}

void engine::end_sessions(std::uint32_t& budget) {
    while (budget > 0 && !holders_.live().empty()) {
        auto& h = holders_[holders_.live().front()];
        if (h.heard + rules_.session_timeout.count() + stalled_ > qt_) return;
        budget -= std::min(budget, 1 + h.held);
        const auto handle = h.handle;
        lose(h);
        sink_->consumer_lost(handle);
    }
}

/// Row 7. A keyed message joins its line after all puts that were admitted before it was due (K4), so it
/// waits for those whose commit is under way.
void engine::come_due(std::uint32_t& budget) {
    const auto pending = oldest_pending();
    const auto arrive = [&](std::uint32_t e) {
        auto& one = entries_[e];
        --delayed_;
        one.is = state::free;
        if (!one.first_delay) {
            come_back(e);
            return;
        }
        one.first_delay = false;
        const auto line = one.line;
        one.line = none;
        if (line != none) --lines_[line].delayed;
        if (line != none) {
            join(line, e);
        } else {
            make_ready(e);
        }
    };
    const auto must_wait = [&](std::uint32_t e) {
        const auto& one = entries_[e];
        return one.first_delay && one.line != none && pending && *pending <= one.ready_at;
    };
    for (; budget > 0 && !deferred_.empty() && !must_wait(deferred_.top().item); --budget) {
        const auto e = deferred_.top().item;
        deferred_.pop();
        arrive(e);
    }
    for (; budget > 0 && !due_.empty() && due_.top().key.at <= qt_; --budget) {
        const auto e = due_.top().item;
        due_.pop();
        if (must_wait(e)) {
            deferred_.push({entries_[e].when, entries_[e].seq()}, e);
        } else {
            arrive(e);
        }
    }
}

/// Row 17, T7.
void engine::run_expiry(std::uint32_t& budget) {
    const auto more = [&] { return budget > 0 && may_expire(); };
    for (; more() && !expiry_.empty() && expiry_.top().key.at <= qt_; --budget) expire(expiry_.top().item);
    if (!rules_.ttl) return;
    const auto ttl = rules_.ttl->count();
    for (std::uint8_t p = 0; p < priorities; ++p) {
        for (; more() && fresh_.size(p) > 0 && fresh_.front_place(p).ready_at + ttl <= qt_; --budget) {
            expire_plain(take_fresh(p), p);
        }
    }
    for (; more() && !by_first_waiter_.empty() && by_first_waiter_.top().key.ready_at + ttl <= qt_;
         --budget) {
        // It has no entry: one that has expires through `expiry_`, and not later.
        const auto line = by_first_waiter_.top().item;
        const auto w = take_first_waiter(line);
        --waiting_;
        expire_plain({w.rec, w.i}, w.priority, lines_[line].key);
        lines_.drop_if_idle(line);
    }
}

void engine::forget_old(std::uint32_t& budget) {
    for (; budget > 0 && !holders_.lost().empty(); --budget) {
        auto& h = holders_[holders_.lost().front()];
        if (h.forget_at + stalled_ > qt_) break;
        holders_.forget(h);
    }
    ids_.expire(qt_, budget);
    if (marks_.sources() > 0) marks_.expire(qt_, gathered_.marks);
    for (; budget > 0 && !producers_.idle().empty(); --budget) {
        const auto i = producers_.idle().front();
        const bool too_many = producers_.idle().size() > rules_.producer_rows;
        const bool old = producers_[i].contact + rules_.producer_expiry.count() <= qt_;
        if (!(too_many || old) || !producers_[i].open.empty()) break;
        forget_producer(i);
        if (!old) ++counts_.evicted_producers;
    }
}

ticks engine::next_deadline() const {
    auto at = never;
    const auto by = [&](ticks one) { at = std::min(at, one); };
    if (!leases_.empty()) by(lease_end(entries_[leases_.front()]));
    if (!holders_.live().empty()) {
        by(holders_[holders_.live().front()].heard + rules_.session_timeout.count() + stalled_);
        by(qt_ + watch_for_stalls);
    }
    if (!due_.empty()) by(due_.top().key.at);
    if (!expiry_.empty() && may_expire()) by(expiry_.top().key.at);
    if (rules_.ttl && may_expire()) {
        for (std::uint8_t p = 0; p < priorities; ++p) {
            if (fresh_.size(p) > 0) by(fresh_.front_place(p).ready_at + rules_.ttl->count());
        }
        if (!by_first_waiter_.empty()) by(by_first_waiter_.top().key.ready_at + rules_.ttl->count());
    }
    // Once it has passed, only what a consumer does can change anything.
    if (!suspects_.empty() && suspects_since_ + suspect_patience > qt_)
        by(suspects_since_ + suspect_patience);
    if (!committing_ && !is_dead_) {
        const auto wait =
            (rules_.durability == durability::interval ? rules_.interval : rules_.outcome_delay).count();
        if (gathered_.changed) by(changed_at_ + wait);
        if (dead_ && dead_->gathered_.changed) by(dead_->changed_at_ + wait);
        if (wants_recording()) by(store_good_ ? qt_ : committed_at_ + wait);
        if (!has_uncommitted() && wants_rewriting()) by(committed_at_ + wait);
    }
    at = at == never ? never : begin_.now + (at - begin_.qt);
    return dead_ ? std::min(at, dead_->next_deadline()) : at;
}

}  // namespace leat::detail::queueing
