// Producers, admission and limits (sections 7 and 9).

#include <leat/queue/detail/engine.hpp>

#include <leat/queue/detail/sip_hash.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace leat::detail::queueing {
namespace {

constexpr std::uint64_t highest_floor = std::uint64_t{1} << 62;
constexpr std::size_t worth_sharing = 8192;               // bytes; less is copied
constexpr ticks longest_ttl = 3'000'000'000'000'000'000;  // 95 years, so that sums do not overflow

std::uint64_t weight_of(const put_item& item) {
    return item.head.size() + item.body.size() + 64;
}

}  // namespace

producer_welcome engine::hello_producer(const id128& id, std::uint64_t floor) {
    producer_welcome welcome;
    floor = std::clamp<std::uint64_t>(floor, 1, highest_floor);
    auto i = producers_.find(id);
    if (i != none && producers_[i].connected) end_session(i);
    if (producers_.connected() >= rules_.sessions) return welcome;
    welcome.known = i != none;
    if (i == none) {
        i = producers_.add(id);
        producers_[i].received = floor - 1;
        if (floor > 1) ++counts_.possible_duplicates;
    }
    auto& p = producers_[i];
    producers_.connect(i);
    p.in_order = p.refused_before = false;
    if (floor > p.received + 1) {
        welcome.rolled_back = true;
        ++counts_.rolled_back;
        p.received = floor - 1;
    }
    p.raise_floor(floor);
    welcome.producer = i;
    welcome.decided = p.decided();
    welcome.refused = p.refused;
    return welcome;
}

void engine::set_in_order(std::uint32_t i, bool on) {
    auto& p = producers_[i];
    p.in_order = on;
    p.refused_before = false;
    // What was refused and could not be told yet still stands in the way.
    for (std::uint32_t k = 0; k < p.open.size(); ++k) {
        const auto& one = p.open[k];
        if (one.what == verdict::refused && kind_of(one.why) != refusal_kind::final) p.refused_before = on;
    }
}

void engine::end_session(std::uint32_t i) {
    auto& p = producers_[i];
    if (std::exchange(p.parked, 0) > 0) parked_.forget(i);
    producers_.disconnect(i, qt_);
}

void engine::forget_producer(std::uint32_t i) {
    gathered_.producers.push_back({.id = producers_[i].id, .forgotten = true});
    mark_changed();
    producers_.forget(i);
}

void engine::producer_gone(std::uint32_t i) {
    end_session(i);
    if (producers_.idle().size() <= rules_.producer_rows) return;
    const auto oldest = producers_.idle().front();
    if (!producers_[oldest].open.empty()) return;  // `forget_old` comes to it
    forget_producer(oldest);
    ++counts_.evicted_producers;
}

void engine::producer_bye(std::uint32_t i) {
    end_session(i);
    if (producers_[i].open.empty()) forget_producer(i);
}

put_status engine::put(std::uint32_t i, std::uint64_t first, std::uint64_t floor,
                       std::span<const put_item> items, message* frame) {
    auto& p = producers_[i];
    const auto taken = p.received + p.parked;
    if (first == 0 || first > taken + 1 || floor > taken + 1) return put_status::out_of_sequence;
    p.raise_floor(floor);
    if (p.refused.size() >= producer::most_refused) return put_status::too_many_refused;
    if (first <= taken && !items.empty()) {
        const auto again = std::min<std::uint64_t>(items.size(), taken + 1 - first);
        repeat(i, first, first + again - 1);
        items = items.subspan(again);
    }
    if (frame != nullptr) {
        std::size_t bytes = 0;
        for (const auto& item : items) bytes += item.body.size();
        if (bytes < worth_sharing) frame = nullptr;
    }
    std::size_t n = 0;
    while (n < items.size() && p.parked == 0 && admit(i, items[n], frame, false)) ++n;
    if (n < items.size()) park(i, items.subspan(n));
    drain_verdicts(i);
    if (commit_is_full()) finish_puts();
    return put_status::taken;
}

/// Puts that came before: what has its verdict gets it once more, the rest is answered when it is decided
/// (U2).
void engine::repeat(std::uint32_t i, std::uint64_t first, std::uint64_t last) {
    auto& p = producers_[i];
    counts_.repeated += last - first + 1;
    first = std::max(first, p.floor);
    last = std::min(last, p.decided());
    for (auto r = p.refused.begin(); first <= last; ++r) {
        while (r != p.refused.end() && r->last < first) ++r;
        const auto refused_from = r == p.refused.end() ? last + 1 : std::max(r->first, first);
        if (first < refused_from) {
            sink_->decided(
                {i, first, std::min(last, refused_from - 1), verdict::duplicate, put_refusal::none, 0});
        }
        if (refused_from > last) return;
        const auto to = std::min(last, r->last);
        sink_->decided({i, refused_from, to, verdict::refused, r->why, 0});
        first = to + 1;
    }
}

void engine::decide(std::uint32_t i, verdict what, put_refusal why, std::uint64_t commit, std::uint64_t seq) {
    auto& p = producers_[i];
    p.add(what, why, commit, seq);
    if (what == verdict::refused && p.in_order && kind_of(why) != refusal_kind::final)
        p.refused_before = true;
    touch_producer(i);
}

id128 engine::hash_of_id(const put_item& item) const {
    if (item.redrives == 0) return sip_hash(begin_.hash_key, item.id);
    // X6: another id for each redrive; a zero byte keeps it apart from ids that end in digits.
    return sip_hash(begin_.hash_key, std::string{item.id} + '\0' + std::to_string(item.redrives));
}

put_refusal engine::fault_of(const put_item& item) const {
    if (item.fault != put_refusal::none) return item.fault;
    if (item.head.size() + item.body.size() > rules_.max_message || weight_of(item) > *rules_.max_bytes) {
        return put_refusal::too_large;
    }
    auto delay = item.delay.value_or(0);
    if (item.at) delay = std::max<ticks>(*item.at, qt_) - qt_;
    const bool good = item.key.size() <= rules_.max_key && item.id.size() <= rules_.max_id &&
                      item.priority < priorities && delay >= 0 && delay <= rules_.max_delay.count() &&
                      !(item.at && item.delay);
    if (!good) return put_refusal::bad_message;
    return item.ttl && *item.ttl <= 0 ? put_refusal::expired : put_refusal::none;
}

bool engine::fits(std::uint64_t weight) const noexcept {
    return messages_ < rules_.max_messages && bytes_ <= *rules_.max_bytes &&
           weight <= *rules_.max_bytes - bytes_;
}

id128 engine::stage_id(std::string_view name) const {
    return sip_hash(begin_.hash_key, name);
}

/// L1, from the custody mark on. False when it has to wait for room (row 2).
bool engine::admit(std::uint32_t i, const put_item& item, message* frame, bool was_parked) {
    auto mark = custody_marks::found::unknown;
    if (item.mark != nullptr) {
        mark = marks_.look(*item.mark, qt_);
        const bool flies = mark == custody_marks::found::flying;
        if (flies || mark == custody_marks::found::stored || mark == custody_marks::found::gathered) {
            ++counts_.same_mark;
            if (flies) flying_producers_.push_back(i);
            const auto waits_for = mark == custody_marks::found::stored ? 0 : flies ? commits_ : commits_ + 1;
            decide(i, verdict::duplicate, put_refusal::none, waits_for, 0);
            return true;
        }
    }
    id128 id;
    const bool with_id = !item.id.empty() && item.id.size() <= rules_.max_id && rules_.dedup_ids > 0;
    if (with_id) {
        id = hash_of_id(item);
        const auto waits_for = ids_.pending(id);
        if (waits_for != 0 || ids_.stored(id, qt_)) {
            ++counts_.same_id;
            if (waits_for == commits_ && waits_for != 0 && committing_) flying_producers_.push_back(i);
            decide(i, verdict::duplicate, put_refusal::none, waits_for, 0);
            return true;
        }
    }
    auto why = fault_of(item);
    if (why == put_refusal::none) {
        if (draining_)
            why = put_refusal::draining;
        else if (puts_paused_)
            why = put_refusal::paused;
        else if (!store_.accepts_puts())
            why = put_refusal::store_failed;
        else if (producers_[i].refused_before)
            why = put_refusal::after_refusal;
        else if (mark == custody_marks::found::full)
            why = put_refusal::marks_full;
    }
    const auto weight = weight_of(item);
    if (why == put_refusal::none && rules_.overflow == queue_overflow::block) {
        if ((!was_parked && !parked_.empty()) || !fits(weight)) return false;
    } else if (why == put_refusal::none && !fits(weight)) {
        if (rules_.overflow == queue_overflow::reject || !make_room(weight)) why = put_refusal::full;
    }
    if (why != put_refusal::none) {
        decide(i, verdict::refused, why, 0, 0);
        return true;
    }

    special what;
    what.priority = item.priority;
    const bool plain = item.key.empty() && !item.at && !item.delay && !item.ttl && item.redrives == 0;
    if (!plain) {
        if (!item.key.empty()) what.key = sip_hash(begin_.hash_key, item.key);
        if (item.at && *item.at > qt_) what.due = *item.at;
        if (item.delay && *item.delay > 0) what.due = qt_ + *item.delay;
        if (item.ttl) what.ttl = std::min(*item.ttl, longest_ttl);
        what.redrives = item.redrives;
    }
    decide(i, verdict::stored, put_refusal::none, at_once_ ? 0 : commits_ + 1, next_seq_);
    append(what, item.head, item.body, frame, false, plain);
    if (item.mark != nullptr) marks_.add(*item.mark, qt_, at_once_);
    if (with_id) {
        gathered_.ids.push_back(id);
        if (at_once_) {
            ids_.add(id, qt_);
            counts_.evicted_ids = ids_.evicted();
        } else {
            ids_.add_pending(id, commits_ + 1);
        }
    }
    return true;
}

void engine::append(special& what, std::span<const std::byte> head, std::span<const std::byte> body,
                    message* frame, bool carry, bool plain) {
    carry = carry || at_once_;
    auto& parts = gathered_.parts;
    if (!parts.empty() && parts.back().carry != carry) close_record();
    what.at = records_.add(next_seq_++, qt_, body, head, plain ? what.priority : tag_special, frame);
    if (const auto emptied = records_.take_closed_empty(); emptied != 0) gathered_.emptied.push_back(emptied);
    what.carry = carry;
    if (parts.size() > activated_parts_ && parts.back().rec == what.at.rec && parts.back().end == what.at.i) {
        ++parts.back().end;
    } else {
        parts.push_back({what.at.rec, what.at.i, what.at.i + 1, carry});
        ++what.at.rec->commits;
    }
    if (!plain) gathered_.specials.push_back(what);
    ++messages_;
    bytes_ += what.at.rec->weight(what.at.i);
    gathered_bytes_ += what.at.rec->weight(what.at.i);
    ++pending_;
    ++counts_.admitted;
}

/// L3: makes room by dropping the smallest places among what is ready or waits. What has been taken in this
/// pass comes after all that.
bool engine::make_room(std::uint64_t weight) {
    while (!fits(weight)) {
        if (drop_smallest()) continue;
        if (!at_once_ || gathered_.parts.size() == activated_parts_) return false;
        activate_new();
    }
    return true;
}

bool engine::drop_smallest() {
    constexpr place last{never, ~std::uint64_t{0}};
    auto smallest = last;
    enum { nowhere, fresh, indexed, line } where = nowhere;
    std::uint32_t which = none;
    const auto look = [&](const place& at, auto found, std::uint32_t item) {
        if (!(at < smallest)) return;
        smallest = at;
        where = found;
        which = item;
    };
    for (std::uint8_t p = 0; p < priorities; ++p) {
        if (fresh_.size(p) > 0) look(fresh_.front_place(p), fresh, p);
        if (!returned_[p].empty()) look(returned_[p].top().key, indexed, returned_[p].top().item);
    }
    if (!suspects_by_place_.empty())
        look(suspects_by_place_.top().key, indexed, suspects_by_place_.top().item);
    if (!by_first_waiter_.empty()) look(by_first_waiter_.top().key, line, by_first_waiter_.top().item);
    switch (where) {
        case nowhere:
            return false;
        case fresh:
            end_plain(fresh_.pop(static_cast<std::uint8_t>(which)));
            break;
        case indexed:
            end_entry(which);
            break;
        case line: {
            const auto w = take_first_waiter(which);
            end_waiter(w);
            lines_.drop_if_idle(which);
            break;
        }
    }
    ++(is_dead_ ? counts_.dead_dropped : counts_.overflow);
    return true;
}

void engine::park(std::uint32_t i, std::span<const put_item> items) {
    for (auto item : items) {
        item.fault = fault_of(item);
        // While it waits here its own time runs (T3).
        if (item.fault == put_refusal::none) {
            if (item.ttl) item.ttl = qt_ + std::min(*item.ttl, longest_ttl);
            if (item.delay) item.at = qt_ + *item.delay;
            item.delay.reset();
        }
        parked_.add(i, item);
    }
    parked_.close();
    const bool first = producers_[i].parked == 0;
    producers_[i].parked += items.size();
    if (first) sink_->producer_parked(i, true);
}

/// Row 3: first come first served; small ones do not pass a big one.
void engine::take_parked(std::uint32_t& budget) {
    for (; budget > 0 && !parked_.empty() && takes_puts(); --budget) {
        auto item = parked_.front();
        if (item.ttl) *item.ttl -= qt_;
        const auto i = parked_.front_producer();
        if (!admit(i, item, nullptr, true)) return;
        parked_.pop();
        if (--producers_[i].parked == 0) sink_->producer_parked(i, false);
        drain_verdicts(i);
        if (commit_is_full()) finish_puts();
    }
}

}  // namespace leat::detail::queueing
