// Hand-out (row 9; O1, D1 to D4, L7).

#include <leat/queue/detail/engine.hpp>

#include <algorithm>
#include <utility>

namespace leat::detail::queueing {
namespace {

constexpr std::size_t batch_messages = 64;
constexpr std::uint64_t batch_bytes = 64 << 10;

}  // namespace

bool engine::from_fresh(std::uint8_t priority) const {
    if (fresh_.size(priority) == 0) return false;
    return returned_[priority].empty() || fresh_.front_place(priority) < returned_[priority].top().key;
}

/// From here on its record does not know its priority. A store that has yet to write the record is told.
spot engine::take_fresh(std::uint8_t priority) {
    const auto at = fresh_.pop(priority);
    if (!at_once_ || at.rec->commits == 0 || store_.immediate()) return at;
    const auto& parts = gathered_.parts;
    const special known{.at = at, .carry = true, .priority = priority};
    if (parts.empty() || at.rec->number() < parts.front().rec->number()) {
        flying_.specials.push_back(known);  // should that commit fail
    } else {
        auto& specials = gathered_.specials;
        specials.insert(specials.begin() + static_cast<std::ptrdiff_t>(activated_specials_++), known);
    }
    return at;
}

bool engine::hand_out() {
    if (!is_dead_) finish_puts();
    send_recorded();
    if (takes_paused_ || draining_ || !doomed_.empty()) return true;
    auto budget = events_a_pass_;
    offer_suspects(budget);
    bool readable = true;
    while (readable && budget > 0 && in_flight_ < rules_.max_in_flight && doomed_.empty()) {
        auto* h = holders_.next();
        if (h == nullptr) return true;
        batch_.clear();
        batch_bytes_ = 0;
        while (budget > 0 && batch_.size() < batch_messages && h->has_credit() &&
               in_flight_ < rules_.max_in_flight) {
            const auto best = best_priority();
            if (best == 0) break;
            const auto p = static_cast<std::uint8_t>(best - 1);
            const bool fresh = from_fresh(p);
            const auto at = fresh ? fresh_.front(p) : entries_[returned_[p].top().item].at();
            if (!batch_.empty() && batch_bytes_ + at.rec->weight(at.i) - 64 > batch_bytes) break;
            const auto ready_at = fresh ? at.rec->admitted_at(at.i) : 0;
            const auto e = fresh ? none : returned_[p].top().item;
            const bool expired =
                fresh ? rules_.ttl && ready_at + rules_.ttl->count() <= qt_ : entries_[e].expiry <= qt_;
            readable = expired || warm(*at.rec);
            if (!readable) break;
            // An end may rewrite a record, to which the views of the batch point.
            if (expired && !batch_.empty()) break;
            --budget;
            if (fresh) static_cast<void>(take_fresh(p));
            if (expired) {
                fresh ? expire_plain(at, p) : expire(e);
                if (!doomed_.empty()) break;
                continue;
            }
            if (fresh) {
                give(*h, make_entry(at, p, ready_at));
                continue;
            }
            if (entries_[e].lost && entries_[e].holder == h->handle) {  // D2
                if (auto* other = holders_.second(); other != nullptr) {
                    if (!batch_.empty()) break;
                    h = other;
                }
            }
            give(*h, e);
        }
        if (batch_.empty()) {
            if (readable && best_priority() > 0) continue;  // those before had expired
            return true;
        }
        deliver(*h);
    }
    const bool nothing = best_priority() == 0 && suspects_.empty();
    return budget > 0 || nothing || !readable || in_flight_ >= rules_.max_in_flight || !doomed_.empty() ||
           holders_.next() == nullptr;
}

void engine::give(holder& h, std::uint32_t e) {
    leave_heaps(e);
    auto& one = entries_[e];
    one.is = state::in_flight;
    one.d = ++last_d_;
    one.when = qt_ - stalled_;
    one.holder = h.handle;
    one.lost = one.held_back = false;
    if (one.delivered_at == 0) one.delivered_at = qt_;
    one.sole = h.held == 0;
    if (h.held == 1) entries_[h.all.front()].sole = false;
    ++h.held;
    h.held_bytes += one.weight();
    ++h.given_messages;
    h.given_bytes += one.weight() - 64;
    h.all.push_back(entries_, e);
    leases_.push_back(entries_, e);
    flying_d_.insert(one.d, e);
    ++in_flight_;
    ++counts_.deliveries;
    if (one.deliveries > 0) ++counts_.redelivered;
    show(e);
    if (one.deliveries < 0xFFFF) ++one.deliveries;
}

/// Adds its view to the batch.
void engine::show(std::uint32_t e) {
    const auto& one = entries_[e];
    const auto* before = batch_.empty() ? nullptr : &batch_.back();
    const bool follows = before != nullptr && last_given_.rec == one.rec && last_given_.i + 1 == one.i;
    const auto* after = follows ? before->body.data() + before->body.size() : nullptr;
    auto& view = batch_.emplace_back();
    view.d = one.d;
    view.seq = one.seq();
    view.head = one.rec->head(one.i);
    view.body = follows ? std::span{after, one.rec->body_size(one.i)} : one.rec->body(one.i);
    view.block = &one.rec->block();
    view.attempts = one.attempts;
    view.deliveries = one.deliveries;
    view.priority = one.priority;
    view.ttl_left = one.own_ttl ? std::max<ticks>(one.expiry - qt_, 1) : 0;
    last_given_ = one.at();
    batch_bytes_ += view.head.size() + view.body.size();
}

void engine::deliver(holder& h) {
    h.turn = ++turn_;
    holders_.update(h);
    if (h.here && (record_first_ || record_again_ || recording_again_ || h.sole || h.held_back)) {
        hold_back(h);
    } else {
        sink_->deliver(h.handle, batch_);
    }
    batch_.clear();
}

/// D4: suspects go first, each to a consumer that holds nothing and gets nothing else.
void engine::offer_suspects(std::uint32_t& budget) {
    while (!suspects_.empty() && budget > 0 && in_flight_ < rules_.max_in_flight && doomed_.empty()) {
        --budget;
        const auto e = suspects_.top().item;
        if (entries_[e].expiry <= qt_) {
            expire(e);
            continue;
        }
        if (!warm(*entries_[e].rec)) return;
        auto* h = idle_for(entries_[e]);
        if (h == nullptr) {
            drain_one_for_suspects();
            return;
        }
        if (drained_ == h) stop_draining();
        h->sole = true;
        ++sole_held_;
        batch_.clear();
        batch_bytes_ = 0;
        give(*h, e);
        suspects_since_ = qt_;
        deliver(*h);
    }
    if (suspects_.empty() && drained_ != nullptr) stop_draining();
}

void engine::stop_draining() {
    auto& h = *std::exchange(drained_, nullptr);
    h.drained = false;
    holders_.update(h);
}

holder* engine::idle_for(const entry& suspect) {
    holder* best = nullptr;
    holder* loser = nullptr;
    bool others = false;
    for (const auto i : holders_.live()) {
        auto& h = holders_[i];
        if (!h.could_take()) continue;
        const bool idle = h.held == 0 && !h.sole;
        if (suspect.lost && suspect.holder == h.handle) {
            if (idle) loser = &h;
            continue;
        }
        others = true;
        if (idle && (best == nullptr || h.turn < best->turn)) best = &h;
    }
    return best != nullptr || others ? best : loser;  // D2
}

/// When suspects have waited a second and nobody is idle, one consumer gets nothing until it is: the one that
/// holds least, and none while a suspect is being handled, so that the others keep their speed.
void engine::drain_one_for_suspects() {
    if (drained_ != nullptr || sole_held_ > 0 || suspects_since_ + suspect_patience > qt_) return;
    const auto& first = entries_[suspects_.top().item];
    holder* least = nullptr;
    bool least_lost_it = false;
    for (const auto i : holders_.live()) {
        auto& h = holders_[i];
        if (!h.could_take()) continue;
        const bool lost_it = first.lost && first.holder == h.handle;
        const bool better = least == nullptr || (least_lost_it && !lost_it) ||
                            (least_lost_it == lost_it && h.held_bytes < least->held_bytes);
        if (!better) continue;
        least = &h;
        least_lost_it = lost_it;
    }
    if (least == nullptr) return;
    least->drained = true;
    drained_ = least;
    holders_.update(*least);
}

}  // namespace leat::detail::queueing
