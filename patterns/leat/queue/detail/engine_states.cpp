// How messages change between the states of section 2.

#include <leat/queue/detail/engine.hpp>

#include <algorithm>
#include <utility>

namespace leat::detail::queueing {

std::uint32_t engine::make_entry(spot at, std::uint8_t priority, ticks ready_at) {
    const auto e = entries_.take();
    auto& one = entries_[e] = entry{};
    one.rec = at.rec;
    one.i = at.i;
    one.priority = priority;
    one.ready_at = ready_at;
    if (rules_.ttl) one.expiry = ready_at + rules_.ttl->count();
    return e;
}

void engine::make_ready(std::uint32_t e) {
    auto& one = entries_[e];
    one.is = state::ready;
    ++ready_;
    if (one.line != none) ++ready_heads_;  // of its key only the first is ready (K2)
    if (one.suspect) {
        if (suspects_.empty()) suspects_since_ = qt_;
        suspects_.push({static_cast<std::uint8_t>(priorities - 1 - one.priority), one.where()}, e);
        suspects_by_place_.push(one.where(), e);
    } else {
        returned_[one.priority].push(one.where(), e);
        returned_mask_ |= 1U << one.priority;
    }
    if (one.expiry != never && one.expiry_at == none) expiry_.push({one.expiry, one.seq()}, e);
}

void engine::make_delayed(std::uint32_t e, ticks due) {
    auto& one = entries_[e];
    one.is = state::delayed;
    one.when = due;
    ++delayed_;
    due_.push({due, one.seq()}, e);
    if (!one.first_delay && one.expiry != never && one.expiry_at == none)
        expiry_.push({one.expiry, one.seq()}, e);
}

/// Out of whatever state it is in, but for its line and what its holder knows.
void engine::leave_heaps(std::uint32_t e) {
    auto& one = entries_[e];
    switch (one.is) {
        case state::ready:
            --ready_;
            if (one.line != none) --ready_heads_;
            if (one.suspect) {
                suspects_.erase(e);
                suspects_by_place_.erase(e);
            } else {
                returned_[one.priority].erase(e);
                if (returned_[one.priority].empty()) returned_mask_ &= ~(1U << one.priority);
            }
            break;
        case state::delayed:
            --delayed_;
            (deferred_.has(e) ? deferred_ : due_).erase(e);
            break;
        case state::waiting:
            --waiting_;
            break;
        case state::free:
        case state::in_flight:
        case state::doomed:
            break;
    }
    if (one.expiry_at != none) expiry_.erase(e);
    one.is = state::free;
}

/// To its place after a delivery or a back-off (O2), unless its ttl has passed meanwhile (row 17).
void engine::come_back(std::uint32_t e) {
    if (entries_[e].expiry <= qt_ && may_expire()) {
        expire(e);
    } else {
        make_ready(e);
    }
}

place engine::place_of(const waiter& w) const noexcept {
    return w.entry != none ? entries_[w.entry].where() : w.rec->place_of(w.i);
}

/// A message with an entry joins the line of its key (K2, K4).
void engine::join(std::uint32_t line, std::uint32_t e) {
    auto& to = lines_[line];
    auto& one = entries_[e];
    one.line = line;
    if (to.head == none) {
        to.head = e;
        ++heads_;
        make_ready(e);
        return;
    }
    auto& head = entries_[to.head];
    if (head.is == state::ready && one.where() < head.where()) {
        // It comes before one that nobody has taken yet.
        const auto displaced = to.head;
        leave_heaps(displaced);
        to.head = e;
        make_ready(e);
        e = displaced;
    }
    auto& behind = entries_[e];
    behind.is = state::waiting;
    if (behind.expiry != never) expiry_.push({behind.expiry, behind.seq()}, e);
    wait_behind(line, {behind.rec, static_cast<std::uint16_t>(behind.i), behind.priority, e});
}

void engine::stand_at(key_line& line, std::uint32_t at, const waiter& w) {
    line.waiting[at] = w;
    if (w.entry != none) entries_[w.entry].heap_at = line.popped + at;
}

void engine::wait_behind(std::uint32_t line, waiter w) {
    auto& to = lines_[line];
    const auto where = place_of(w);
    auto at = to.waiting.size();
    while (at > 0 && (to.waiting[at - 1].rec == nullptr || where < place_of(to.waiting[at - 1]))) --at;
    // Those behind it move up, as far as the next hole.
    const auto size = to.waiting.size();
    for (auto i = at; w.rec != nullptr && i < size; ++i) {
        const auto next = to.waiting[i];
        stand_at(to, i, w);
        w = next;
    }
    if (w.rec != nullptr) {
        to.waiting.push_back(w);
        stand_at(to, size, w);
    }
    ++to.live;
    ++waiting_;
    if (at == 0) first_waiter_changed(line);
}

/// One that is neither head nor delayed leaves its line.
void engine::leave_middle(std::uint32_t line, std::uint32_t at) {
    auto& of = lines_[line];
    of.waiting[at] = {};
    --of.live;
    while (!of.waiting.empty() && of.waiting.back().rec == nullptr) of.waiting.pop_back();
    if (at == 0) first_waiter_changed(line);
    const auto size = of.waiting.size();
    if (size <= 2 * of.live + 16) return;
    std::uint32_t to = 0;
    for (std::uint32_t i = 0; i < size; ++i) {
        if (of.waiting[i].rec != nullptr) stand_at(of, to++, of.waiting[i]);
    }
    while (of.waiting.size() > to) of.waiting.pop_back();
}

/// Keeps the heap of lines, of which the first waiters are the next to expire and the oldest to drop.
void engine::first_waiter_changed(std::uint32_t line) {
    auto& of = lines_[line];
    while (!of.waiting.empty() && of.waiting.front().rec == nullptr) {
        of.waiting.pop_front();
        ++of.popped;
    }
    if (!keep_line_heap_) return;
    if (of.waiting.empty()) {
        if (of.heap_at != none) by_first_waiter_.erase(line);
    } else if (of.heap_at != none) {
        by_first_waiter_.change(place_of(of.waiting.front()), line);
    } else {
        by_first_waiter_.push(place_of(of.waiting.front()), line);
    }
}

waiter engine::take_first_waiter(std::uint32_t line) {
    auto& of = lines_[line];
    const auto w = of.waiting.front();
    if (w.entry != none) entries_[w.entry].heap_at = none;
    of.waiting.pop_front();
    ++of.popped;
    --of.live;
    first_waiter_changed(line);
    return w;
}

/// The key is free: the next of its line is ready (row 8, K5). One that has expired is so too, until
/// `run_expiry` or a hand-out comes to it: a whole line may expire at once, and each is an event of a pass.
void engine::advance(std::uint32_t line) {
    auto& of = lines_[line];
    if (of.head == none && of.live > 0) {
        const auto w = take_first_waiter(line);
        auto e = w.entry;
        if (e == none) {
            --waiting_;
            e = make_entry({w.rec, w.i}, w.priority, w.rec->admitted_at(w.i));
            entries_[e].line = line;
        } else {
            leave_heaps(e);
        }
        of.head = e;
        ++heads_;
        make_ready(e);
    }
    lines_.drop_if_idle(line);
}

void engine::leave_line(std::uint32_t e) {
    const auto line = std::exchange(entries_[e].line, none);
    if (line == none) return;
    auto& of = lines_[line];
    if (of.head == e) {
        of.head = none;
        --heads_;
        advance(line);
    } else if (entries_[e].first_delay) {
        --of.delayed;
        lines_.drop_if_idle(line);
    } else {
        leave_middle(line, std::exchange(entries_[e].heap_at, none) - of.popped);
        lines_.drop_if_idle(line);
    }
}

void engine::end_plain(spot at) {
    --messages_;
    bytes_ -= at.rec->weight(at.i);
    auto& gone = gathered_.gone;
    const auto number = at.rec->number();
    if (!gone.empty() && gone.back().record == number && gone.back().last + 1 == at.i) {
        gone.back().last = at.i;
    } else {
        gone.push_back({number, at.i, at.i, at.rec->seq(at.i)});
    }
    mark_changed();
    if (const auto emptied = records_.end(at); emptied != 0) gathered_.emptied.push_back(emptied);
}

/// The end of a message that has left its holder: out of all indexes, and out of its record.
void engine::end_entry(std::uint32_t e) {
    leave_heaps(e);
    const auto at = entries_[e].at();
    if (is_dead_) letters_.erase(entries_[e].seq());
    entries_[e].is = state::free;
    leave_line(e);
    entries_[e].d = 0;
    entries_[e].rec = nullptr;
    entries_.give_back(e);
    end_plain(at);
}

/// The end of one that has been taken out of its line.
void engine::end_waiter(const waiter& w) {
    if (w.entry != none) {
        entries_[w.entry].line = none;
        end_entry(w.entry);
    } else {
        --waiting_;
        end_plain({w.rec, w.i});
    }
}

void engine::expire(std::uint32_t e) {
    if (rules_.on_expiry == on_expiry::dead_letter) {
        die(e, death::expired, {});
        return;
    }
    ++counts_.expired;
    end_entry(e);
}

void engine::expire_plain(spot at, std::uint8_t priority, const id128& key) {
    if (rules_.on_expiry == on_expiry::dead_letter) {
        die_plain(at, priority, death::expired, key);
        return;
    }
    ++counts_.expired;
    end_plain(at);
}

void engine::touched(std::uint32_t e) {
    const auto& one = entries_[e];
    gathered_.touched.push_back(
        {one.seq(), one.attempts, one.suspect, one.is == state::delayed ? one.when : 0});
    mark_changed();
}

queue_depth engine::depth() const noexcept {
    return {.pending = pending_,
            .delayed = delayed_,
            .ready = ready_ + fresh_.size(),
            .waiting = waiting_,
            .in_flight = in_flight_,
            .settled = settled_,
            .doomed = doomed_.size(),
            .bytes = bytes_,
            .parked = parked_.size()};
}

}  // namespace leat::detail::queueing
