// What a store has found becomes a queue again (row 23, I15).

#include <leat/queue/detail/engine.hpp>

#include <algorithm>
#include <utility>

namespace leat::detail::queueing {
namespace {

/// Finds messages by seq among records in ascending order.
spot spot_of(const std::vector<record*>& records, std::uint64_t seq) {
    const auto after = std::upper_bound(records.begin(), records.end(), seq,
                                        [](std::uint64_t at, const record* r) { return at < r->seq(0); });
    if (after == records.begin()) return {};
    auto* rec = *std::prev(after);
    const auto i = seq - rec->seq(0);
    if (i >= rec->count()) return {};
    const spot at{rec, static_cast<std::uint32_t>(i)};
    return rec->tag_of(at.i) == tag_gone ? spot{} : at;
}

std::uint64_t seq_of(const special& one) {
    return one.at.rec->seq(one.at.i);
}

}  // namespace

void engine::recover(recovered_queue&& queue, recovered_queue&& dead) {
    if (dead_) dead_->recover(std::move(dead));
    recover(std::move(queue));
}

void engine::recover(recovered_queue&& from) {
    counts_ = from.counts;
    next_seq_ = from.next_seq;
    takes_paused_ = from.takes_paused;
    puts_paused_ = from.puts_paused;
    for (auto& row : from.letters) letters_.emplace_hint(letters_.end(), row.seq, std::move(row.what));
    recover_messages(from);
    // None of them was gone for longer than since the last commit.
    for (auto& row : from.producers) {
        auto& p = producers_[producers_.add(row.id)];
        p.received = row.last;
        p.refused = std::move(row.refused);
        p.contact = from.qt;
    }
    for (auto& row : from.marks) marks_.adopt(std::move(row), from.qt);
    for (const auto& row : from.ids) {
        if (row.at + rules_.dedup_window.count() <= qt_) continue;
        for (const auto& id : row.ids) ids_.add(id, row.at);
    }
    ids_.set_evicted(from.counts.evicted_ids);
}

void engine::recover_messages(recovered_queue& from) {
    records_.begin_after(from.last_record);
    gathered_.emptied = std::move(from.emptied);
    std::vector<record*> records;
    for (auto& one : from.records) {
        auto* rec = records_.adopt(std::move(one));
        if (!rec->cold()) records_.stored(rec);
        records.push_back(rec);
        for (std::uint32_t i = 0; i < rec->count(); ++i) {
            if (rec->tag_of(i) == tag_gone) continue;
            ++messages_;
            bytes_ += rec->weight(i);
        }
    }
    // What has been touched comes first: it was the first of its key (K2), and is so again.
    std::vector<std::uint64_t> done;
    const auto special_of = [&](std::uint64_t seq) -> std::optional<special> {
        const auto at = spot_of(records, seq);
        if (at.rec == nullptr) return {};
        done.push_back(seq);
        if (const auto priority = at.rec->tag_of(at.i); priority < priorities) {
            at.rec->set_tag(at.i, tag_special);
            return special{.at = at, .priority = priority};
        }
        const auto found = std::lower_bound(from.specials.begin(), from.specials.end(), seq,
                                            [](const special& one, auto n) { return seq_of(one) < n; });
        const bool known = found != from.specials.end() && seq_of(*found) == seq;
        return known ? *found : special{.at = at};
    };
    for (auto& row : from.doomed) {
        if (const auto one = special_of(row.seq)) recover_doomed(*one, std::move(row.what));
    }
    std::sort(done.begin(), done.end());
    const auto doomed = done.size();
    const auto lost = charge_lost(from, records);
    std::vector<std::uint32_t> worn_out;
    for (const auto& row : from.touched) {
        const auto until = done.begin() + static_cast<std::ptrdiff_t>(doomed);
        if (std::binary_search(done.begin(), until, row.seq)) continue;
        const auto one = special_of(row.seq);
        if (!one) continue;
        const auto e = recover_touched(*one, row);
        if (!std::binary_search(lost.begin(), lost.end(), row.seq)) continue;
        touched(e);
        if (row.attempts >= rules_.max_attempts) worn_out.push_back(e);
    }
    std::sort(done.begin(), done.end());
    for (auto* rec : records) fresh_.add(rec, 0, rec->count());
    for (auto& one : from.specials) {
        if (!std::binary_search(done.begin(), done.end(), seq_of(one))) activate(one);
    }
    for (const auto e : worn_out) die(e, death::lost, {});
}

std::uint32_t engine::recover_touched(const special& one, const touched_row& row) {
    const auto e = make_special_entry(one, std::max(one.at.rec->admitted_at(one.at.i), one.due));
    auto& made = entries_[e];
    made.attempts = row.attempts;
    made.suspect = row.suspect;
    const auto line = one.key == id128{} ? none : lines_.of(one.key);
    if (row.due > qt_ && (line == none || lines_[line].head == none)) {
        made.line = line;
        if (line != none) {  // a back-off holds the key (K3)
            lines_[line].head = e;
            ++heads_;
        }
        make_delayed(e, row.due);
    } else if (line != none) {
        join(line, e);
    } else {
        make_ready(e);
    }
    return e;
}

void engine::recover_doomed(const special& one, letter&& what) {
    const auto e = make_special_entry(one, std::max(one.at.rec->admitted_at(one.at.i), one.due));
    if (!rules_.dead_letters) {
        ++counts_.discarded;
        end_entry(e);
        return;
    }
    entries_[e].is = state::doomed;
    doomed_.push_back({e, std::move(what)});
}

std::uint64_t engine::salt_of(std::uint64_t seq) const {
    const auto& all = begin_.earlier;
    if (seq >= begin_.next_seq || all.empty()) return begin_.salt;
    const auto after = std::upper_bound(all.begin(), all.end(), seq,
                                        [](std::uint64_t at, const auto& one) { return at < one.first; });
    return after == all.begin() ? all.front().second : std::prev(after)->second;
}

}  // namespace leat::detail::queueing
