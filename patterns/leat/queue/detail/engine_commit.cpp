// Commits: what a put waits for (rows 5 and 6), and what outcomes are written with (P2, P8).

#include <leat/queue/detail/engine.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace leat::detail::queueing {
namespace {

constexpr std::uint64_t most_commit_bytes = 8 << 20;
constexpr std::size_t most_commit_changes = 64 << 10;

/// What a failed commit leaves for the next one comes before what has gathered since.
template <class Row>
void put_before(std::vector<Row>& failed, std::vector<Row>& gathered) {
    failed.insert(failed.end(), std::make_move_iterator(gathered.begin()),
                  std::make_move_iterator(gathered.end()));
    gathered.swap(failed);
    failed.clear();
}

}  // namespace

void engine::mark_changed() {
    if (!std::exchange(gathered_.changed, true)) changed_at_ = qt_;
}

void engine::close_record() {
    if (const auto emptied = records_.close_open(); emptied != 0) gathered_.emptied.push_back(emptied);
}

void engine::touch_producer(std::uint32_t i) {
    mark_changed();
    if (!std::exchange(producers_[i].touched, true)) gathered_producers_.push_back(i);
}

/// What was put in this pass is taken, or goes into a commit.
void engine::finish_puts() {
    if (at_once_) {
        activate_new();
    }
    if (!committing_ && commit_is_due()) start_commit();
}

bool engine::has_uncommitted() const noexcept {
    return gathered_.changed || !gathered_.parts.empty() || (dead_ && dead_->has_uncommitted());
}

bool engine::commit_is_due() const {
    if (wants_recording() && store_good_) return true;
    if (!has_uncommitted() && !wants_rewriting() && !wants_recording()) return false;
    const bool dead_changed = dead_ && dead_->has_uncommitted();
    if (store_.immediate() || commit_is_full() || (!at_once_ && !gathered_.parts.empty())) return true;
    const auto since = has_uncommitted() ? std::min(gathered_.changed ? changed_at_ : qt_,
                                                    dead_changed ? dead_->changed_at_ : qt_)
                                         : committed_at_;
    const auto wait = rules_.durability == durability::interval ? rules_.interval : rules_.outcome_delay;
    return since + wait.count() <= qt_;
}

/// P4: some records are sparse, and there is nothing else to commit them with.
bool engine::wants_rewriting() const noexcept {
    return store_good_ && (records_.has_sparse() || (dead_ && dead_->records_.has_sparse()));
}

/// P2
bool engine::commit_is_full() const noexcept {
    const auto full = [](const engine& e) {
        const auto& b = e.gathered_;
        return e.gathered_bytes_ >= most_commit_bytes || b.parts.size() + b.specials.size() + b.gone.size() +
                                                                 b.touched.size() + b.letters.size() +
                                                                 b.doomed.size() + b.ids.size() >=
                                                             most_commit_changes;
    };
    return full(*this) || (dead_ && full(*dead_));
}

void engine::start_commit(bool rewrite) {
    committing_ = true;
    committed_at_ = qt_;
    ++commits_;
    std::array<const commit_batch*, 2> batches{};
    std::size_t n = 0;
    for (auto* each : {this, dead_.get()}) {
        if (each == nullptr) continue;
        // A store that writes gets each record once; one in memory lets it grow.
        if (!store_.immediate()) each->close_record();
        if (rewrite && store_good_) each->records_.take_sparse(each->gathered_.rewritten);
        each->write_rows();
        each->marks_.begin_commit(each->gathered_.marks, !store_.immediate());
        each->flying_floor_ = each->records_.lowest(each->next_seq_);
        each->begin_recording();
        std::swap(each->gathered_, each->flying_);
        std::swap(each->gathered_producers_, each->flying_producers_);
        each->gathered_bytes_ = 0;
        each->flying_outcomes_ = each->outcomes_;
        each->flying_acks_ = std::exchange(each->gathered_acks_, 0);
        each->activated_parts_ = each->activated_specials_ = 0;
        batches[n++] = &each->flying_;
    }
    store_.commit({batches.data(), n});
    if (store_.immediate()) {
        if (const auto result = store_.poll()) finish_commit(*result);
    }
}

/// What is said here is as it will be once the commit is good: its acks count, its puts are confirmed, and
/// refusals that wait for them are told (U1).
void engine::write_rows() {
    gathered_.counts = counts_;
    gathered_.counts.acked += gathered_acks_;
    for (const auto i : gathered_producers_) {
        auto& p = producers_[i];
        if (!std::exchange(p.touched, false)) continue;  // forgotten meanwhile
        if (store_.immediate()) continue;
        producer_row row{p.id, p.received, p.refused, p.contact, false};
        for (std::uint32_t k = 0; k < p.open.size(); ++k) {
            const auto& one = p.open[k];
            const auto n = one.last - one.first + 1;
            if (one.what == verdict::stored) gathered_.counts.confirmed += n;
            if (one.what != verdict::refused) continue;
            gathered_.counts.refused[static_cast<std::size_t>(one.why)] += n;
            add_refused(row.refused, one.first, one.last, one.why);
        }
        gathered_.producers.push_back(std::move(row));
    }
    gathered_.qt = qt_;
    gathered_.next_seq = next_seq_;
    gathered_.takes_paused = takes_paused_;
    gathered_.puts_paused = puts_paused_;
}

bool engine::finish(ticks now) {
    begin_pass(now);
    while (committing_ || has_uncommitted()) {
        if (!committing_) start_commit(false);
        if (!committing_) continue;
        store_.wait();
        const auto good = store_.poll().value_or(false);
        finish_commit(good);
        if (!good) return false;
    }
    return true;
}

void engine::finish_commit(bool good) {
    committing_ = false;
    store_good_ = good;
    if (dead_) dead_->settle_batch(good);
    settle_batch(good);
    for (const auto i : flying_producers_) {
        auto& p = producers_[i];
        for (std::uint32_t k = 0; k < p.open.size(); ++k) {
            auto& one = p.open[k];
            if (one.commit == 0 || one.commit > commits_) continue;
            one.commit = 0;
            if (!good) {
                one.what = verdict::refused;
                one.why = put_refusal::store_failed;
                if (p.in_order) p.refused_before = true;
                touch_producer(i);
            }
        }
        drain_verdicts(i);
    }
    flying_producers_.clear();
    if (!good) return;
    sink_->committed(flying_outcomes_);
    // Those of the dead letters have numbers of their own, for who hears of them apart.
    if (dead_ && dead_->sink_ != sink_) dead_->sink_->committed(dead_->flying_outcomes_);
}

/// What the commit under way means for this queue's messages.
void engine::settle_batch(bool good) {
    auto& batch = flying_;
    for (const auto& id : batch.ids) {
        if (!at_once_) ids_.resolve(id, good, batch.qt);  // as it is stored
    }
    counts_.evicted_ids = ids_.evicted();
    marks_.end_commit(good);
    end_recording(good);
    if (good) {
        floor_ = flying_floor_;
        settled_ -= flying_acks_;
        counts_.acked += flying_acks_;
        records_.rewritten(batch.rewritten);
        if (!at_once_) activate(batch, 0, 0);
        for (const auto& part : batch.parts) {
            if (--part.rec->commits > 0 || records_.drop_if_empty(part.rec)) continue;
            if (!store_.immediate()) records_.stored(part.rec);
        }
    } else {
        gathered_acks_ += flying_acks_;
        std::vector<stored_part> kept;
        for (const auto& part : batch.parts) {
            if (part.carry) {
                kept.push_back(part);
                continue;
            }
            for (auto k = part.begin; k < part.end; ++k) {
                --messages_;
                bytes_ -= part.rec->weight(k);
                records_.end({part.rec, k});
            }
            pending_ -= part.end - part.begin;
            counts_.failed += part.end - part.begin;
            if (--part.rec->commits == 0) records_.drop_if_empty(part.rec);
        }
        batch.parts = std::move(kept);
        std::erase_if(batch.specials, [](const special& one) { return !one.carry; });
        if (at_once_) {  // what came since is activated already, or will be by its position
            activated_parts_ += batch.parts.size();
            activated_specials_ += batch.specials.size();
        }
        put_before(batch.parts, gathered_.parts);
        put_before(batch.specials, gathered_.specials);
        put_before(batch.producers, gathered_.producers);
        std::erase_if(batch.marks, [](const mark_row& one) { return !one.forgotten; });
        put_before(batch.marks, gathered_.marks);
        put_before(batch.gone, gathered_.gone);
        put_before(batch.emptied, gathered_.emptied);
        put_before(batch.touched, gathered_.touched);
        put_before(batch.letters, gathered_.letters);
        put_before(batch.doomed, gathered_.doomed);
        if (at_once_) put_before(batch.ids, gathered_.ids);
        if (batch.changed) mark_changed();
    }
    batch.clear();
    flying_acks_ = 0;
}

void engine::activate_new() {
    activate(gathered_, activated_parts_, activated_specials_);
    activated_parts_ = gathered_.parts.size();
    activated_specials_ = gathered_.specials.size();
    if (!gathered_.parts.empty()) mark_changed();
}

/// Row 5: delayed, ready or waiting.
void engine::activate(commit_batch& batch, std::size_t parts, std::size_t specials) {
    for (; parts < batch.parts.size(); ++parts) {
        const auto& part = batch.parts[parts];
        pending_ -= part.end - part.begin;
        fresh_.add(part.rec, part.begin, part.end);
    }
    for (; specials < batch.specials.size(); ++specials) activate(batch.specials[specials]);
}

void engine::activate(special& one) {
    const auto admitted = one.at.rec->admitted_at(one.at.i);
    const auto ready_at = std::max(admitted, one.due);
    const bool keyed = one.key != id128{};
    const auto line = keyed ? lines_.of(one.key) : none;
    const bool own = ready_at != admitted || one.ttl != 0 || one.redrives != 0 || is_dead_;
    if (keyed && !own && lines_[line].head != none) {
        wait_behind(line, {one.at.rec, static_cast<std::uint16_t>(one.at.i), one.priority, none});
        return;
    }
    const auto e = make_special_entry(one, ready_at);
    auto& made = entries_[e];
    // One whose commit took longer than its delay may have to wait for puts that were admitted before it was
    // due.
    if (ready_at > qt_ || (keyed && ready_at > admitted)) {
        made.first_delay = true;
        made.line = line;
        if (keyed) ++lines_[line].delayed;
        make_delayed(e, ready_at);
    } else if (keyed) {
        join(line, e);
    } else {
        make_ready(e);
    }
}

std::uint32_t engine::make_special_entry(const special& one, ticks ready_at) {
    const auto e = make_entry(one.at, one.priority, ready_at);
    auto& made = entries_[e];
    made.redrives = one.redrives;
    if (one.ttl != 0) {
        made.own_ttl = true;
        made.expiry = std::min(made.expiry, ready_at + one.ttl);
    }
    if (is_dead_) {
        const auto found = letters_.find(made.seq());
        if (found != letters_.end()) found->second.entry = e;
    }
    return e;
}

/// Verdicts leave in the order of the puts (I13).
void engine::drain_verdicts(std::uint32_t i) {
    auto& p = producers_[i];
    while (!p.open.empty() && p.open.front().commit == 0) {
        const auto one = p.open.front();
        p.open.pop_front();
        const auto n = one.last - one.first + 1;
        if (one.what == verdict::stored) counts_.confirmed += n;
        if (one.what == verdict::refused) {
            counts_.refused[static_cast<std::size_t>(one.why)] += n;
            add_refused(p.refused, one.first, one.last, one.why);
        }
        sink_->decided({i, one.first, one.last, one.what, one.why, one.seq});
    }
}

/// When the oldest put whose commit has not returned was admitted.
std::optional<ticks> engine::oldest_pending() const {
    if (at_once_) return {};
    for (const auto* batch : {committing_ ? &flying_ : &gathered_, &gathered_}) {
        if (!batch->parts.empty()) return batch->parts.front().rec->admitted_at(batch->parts.front().begin);
    }
    return {};
}

}  // namespace leat::detail::queueing
