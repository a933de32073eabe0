// Dead letters (section 8).

#include <leat/queue/detail/engine.hpp>

#include <leat/queue/detail/sip_hash.hpp>

#include <algorithm>
#include <utility>

namespace leat::detail::queueing {

letter engine::letter_of(std::uint32_t e, death why, std::string_view text) {
    const auto& one = entries_[e];
    letter made;
    made.origin = {begin_.queue, salt_of(one.seq()), one.seq()};
    made.why = why;
    made.text = text.substr(0, longest_text);
    made.attempts = one.attempts;
    made.losses = one.losses;
    made.deliveries = one.deliveries;
    made.redrives = one.redrives;
    made.put_at = one.rec->admitted_at(one.i);
    made.delivered_at = one.delivered_at;
    made.died_at = qt_;
    if (one.deliveries > 0) {
        if (const auto* h = holders_.find(one.holder); h != nullptr) made.last_holder = h->consumer;
    }
    if (one.line != none) made.key = lines_[one.line].key;
    if (one.own_ttl) made.ttl = one.expiry - one.ready_at;
    made.priority = one.priority;
    return made;
}

/// Rows 13, 14, 16, 17 and 20. The message has left its holder.
void engine::die(std::uint32_t e, death why, std::string_view text, const id128& key) {
    if (!rules_.dead_letters) {
        ++counts_.discarded;
        end_entry(e);
        return;
    }
    auto made = letter_of(e, why, text);
    if (key != id128{}) made.key = key;
    const auto at = entries_[e].at();
    if (doomed_.empty() && room_for_letter(at.rec->weight(at.i)) && warm(*at.rec)) {
        bury(std::move(made), at);
        end_entry(e);
        return;
    }
    leave_heaps(e);
    entries_[e].is = state::doomed;
    leave_line(e);
    gathered_.doomed.push_back({entries_[e].seq(), made});
    mark_changed();
    doomed_.push_back({e, std::move(made)});
}

void engine::die_plain(spot at, std::uint8_t priority, death why, const id128& key) {
    const auto e = make_entry(at, priority, at.rec->admitted_at(at.i));
    die(e, why, {}, key);
}

bool engine::room_for_letter(std::uint64_t weight) {
    if (dead_->fits(weight)) return true;
    // A letter that is larger than all the room there may be takes it alone.
    if (dead_->messages_ == 0) return true;
    return rules_.dead_full == dead_full::drop_oldest && (dead_->make_room(weight) || dead_->messages_ == 0);
}

/// X1: the letter and the end of the message are in one commit.
void engine::bury(letter what, spot at) {
    ++counts_.dead[static_cast<std::size_t>(what.why)];
    auto& to = *dead_;
    special one{.key = what.key, .priority = what.priority};
    const auto seq = to.next_seq_;
    to.gathered_.letters.push_back({seq, what});
    to.letters_.emplace(seq, std::move(what));
    to.append(one, at.rec->head(at.i), at.rec->body(at.i), nullptr, true, false);
    if (at_once_) to.activate_new();
    to.mark_changed();
    mark_changed();
}

void engine::move_doomed(std::uint32_t& budget) {
    for (; budget > 0 && !doomed_.empty(); --budget) {
        auto& first = doomed_.front();
        const auto at = entries_[first.entry].at();
        if (!room_for_letter(at.rec->weight(at.i)) || !warm(*at.rec)) return;
        const auto e = first.entry;
        bury(std::move(first.what), at);
        doomed_.pop_front();
        end_entry(e);
    }
}

bool engine::matches(const letter& one, std::uint64_t seq, const letter_filter& which) const {
    if (which.why && *which.why != one.why) return false;
    if (which.key && sip_hash(begin_.hash_key, *which.key) != one.key) return false;
    if (which.older_than && one.died_at > *which.older_than) return false;
    return which.seqs.empty() || std::binary_search(which.seqs.begin(), which.seqs.end(), seq);
}

void engine::letters(const letter_filter& which, std::uint64_t most,
                     const std::function<void(const letter_view&)>& visit) {
    if (!dead_) return;
    for (auto i = dead_->letters_.upper_bound(which.after); i != dead_->letters_.end() && most > 0; ++i) {
        const auto& [seq, one] = *i;
        if (one.entry == none || !matches(one, seq, which)) continue;
        --most;
        const auto at = dead_->entries_[one.entry].at();
        if (!dead_->warm(*at.rec)) continue;
        visit({seq, &one, at.rec->head(at.i), at.rec->body(at.i)});
    }
}

/// X5: to the tail of the queue, in order of place, as new messages; what is held stays.
redrive_result engine::redrive(const letter_filter& which, std::uint64_t most) {
    redrive_result result;
    if (!dead_) return result;
    bool open = !draining_ && !puts_paused_ && store_.accepts_puts();
    auto& from = *dead_;
    for (auto i = from.letters_.upper_bound(which.after); i != from.letters_.end();) {
        const auto seq = i->first;
        const auto& one = i->second;
        ++i;  // what follows may erase it
        if (!matches(one, seq, which)) continue;
        const auto e = one.entry;
        const auto at = e == none ? spot{} : from.entries_[e].at();
        if (e == none || from.entries_[e].is == state::in_flight || !open || result.moved == most) {
            ++result.left;
            continue;
        }
        if (!fits(at.rec->weight(at.i)) || !from.warm(*at.rec)) {
            open = false;
            ++result.left;
            continue;
        }
        special again{.key = one.key, .ttl = one.ttl, .priority = one.priority};
        again.redrives = static_cast<std::uint16_t>(std::min(one.redrives + 1, 0xFFFF));
        append(again, at.rec->head(at.i), at.rec->body(at.i), nullptr, true, false);
        ++from.counts_.redriven;
        from.end_entry(e);
        ++result.moved;
    }
    if (at_once_) activate_new();
    mark_changed();
    return result;
}

}  // namespace leat::detail::queueing
