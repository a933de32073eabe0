// What consumers say of deliveries, and what becomes of the messages (rows 10 to 16).

#include <leat/queue/detail/engine.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace leat::detail::queueing {
namespace {

constexpr ticks release_pause = 100'000'000;  // row 12

constexpr std::uint64_t short_range = 64;  // is looked up number by number

}  // namespace

/// The numbers of what it holds, ascending, and of some that have ended. Made anew only when something was
/// delivered since, so that many wide ranges in a row cost no more than what they name.
std::vector<std::uint64_t>& engine::held_by(const holder& h) {
    if (listed_of_ != h.handle || listed_at_ != last_d_) {
        listed_.clear();
        for (auto e = h.all.front(); e != none; e = entries_[e].held_next) listed_.push_back(entries_[e].d);
        listed_of_ = h.handle;
        listed_at_ = last_d_;
    }
    return listed_;
}

/// Calls `apply(entry)` for each delivery in `ranges` that the holder has. Those that it has lost are settled
/// as late acks or counted as stale, and so are numbers of it that name nothing.
template <class Apply>
settle_result engine::each_of(std::uint32_t handle, std::span<const number_range> ranges, bool is_ack,
                              Apply apply) {
    settle_result result;
    result.number = ++outcomes_;
    mark_changed();
    auto* h = holders_.find(handle);
    for (const auto& r : ranges) {
        if (r.first == 0 || r.first > r.last) continue;
        const auto before = result.applied + result.stale;
        const auto last = std::min(r.last, last_d_);
        if (h != nullptr && r.first <= last) {
            if (last - r.first < short_range) {
                for (auto d = r.first; d <= last; ++d) {
                    const auto e = flying_d_.find(d);
                    if (e == none || entries_[e].holder != h->handle) continue;
                    apply(e);
                    ++result.applied;
                }
            } else {
                auto& held = held_by(*h);
                const auto begin = std::lower_bound(held.begin(), held.end(), r.first);
                const auto end = std::upper_bound(begin, held.end(), last);
                for (const auto d : std::span{begin, end}) {
                    const auto e = flying_d_.find(d);  // none when it has ended since the list was made
                    if (e == none || entries_[e].holder != h->handle) continue;
                    apply(e);
                    ++result.applied;
                }
                held.erase(begin, end);
            }
            if (!h->lost.empty()) {
                for (auto l = h->lost.lower_bound(r.first); l != h->lost.end() && l->first <= last;) {
                    const bool good = is_ack && late_ack(l->second, l->first);
                    ++(good ? result.applied : result.stale);
                    if (l->second.lease_end) --h->barring;
                    l = h->lost.erase(l);
                }
            }
        }
        if (result.applied + result.stale == before) {
            result.stale += r.first <= last ? last - r.first + 1 : 1;
        }
    }
    counts_.stale += result.stale;
    if (h != nullptr) {
        if (drained_ == h && !h->could_take()) stop_draining();
        holders_.update(*h);
    }
    choose_active();
    return result;
}

settle_result engine::settle(std::uint32_t handle, outcome what, std::span<const number_range> ranges,
                             std::optional<ticks> delay, std::string_view text) {
    switch (what) {
        case outcome::ack:
            return each_of(handle, ranges, true, [&](std::uint32_t e) {
                take_from_holder(e);
                ack(e);
            });
        case outcome::release:
            return each_of(handle, ranges, false, [&](std::uint32_t e) {
                take_from_holder(e);
                release(e);
            });
        case outcome::retry:
            return each_of(handle, ranges, false, [&](std::uint32_t e) {
                take_from_holder(e);
                retry(e, delay);
            });
        case outcome::reject:
            break;
    }
    return each_of(handle, ranges, false, [&](std::uint32_t e) {
        take_from_holder(e);
        if (is_dead_) {  // X2: a letter stays
            retry(e, delay);
            return;
        }
        auto& one = entries_[e];
        ++one.attempts;
        one.releases = 0;
        ++counts_.rejected;
        die(e, death::rejected, text);
    });
}

settle_result engine::give_up(std::uint32_t handle, std::span<const number_range> ranges) {
    return each_of(handle, ranges, false, [&](std::uint32_t e) {
        take_from_holder(e);
        lost(e, false, false);
    });
}

/// The end of a delivery, whatever becomes of the message.
void engine::take_from_holder(std::uint32_t e) {
    auto& one = entries_[e];
    auto& h = *holders_.find(one.holder);
    leases_.erase(entries_, e);
    h.all.erase(entries_, e);
    flying_d_.erase(one.d);
    --h.held;
    h.held_bytes -= one.weight();
    if (h.sole && h.held == 0) {
        h.sole = false;
        --sole_held_;
        record_again_ = record_again_ || h.here;
    }
    --in_flight_;
    one.is = state::free;
}

void engine::ack(std::uint32_t e) {
    ++settled_;
    ++gathered_acks_;
    end_entry(e);
}

void engine::release(std::uint32_t e) {
    auto& one = entries_[e];
    ++counts_.released;
    one.lost = false;
    if (one.releases < 2) ++one.releases;
    if (one.expiry <= qt_ || one.releases < 2) {
        come_back(e);
    } else {
        make_delayed(e, qt_ + release_pause);
    }
}

void engine::retry(std::uint32_t e, std::optional<ticks> delay) {
    auto& one = entries_[e];
    ++counts_.retried;
    one.suspect = false;
    one.releases = 0;
    one.lost = false;
    if (delay) {
        *delay = std::clamp<ticks>(*delay, 0, rules_.max_delay.count());
        if (one.line != none) *delay = std::min<ticks>(*delay, rules_.retry.cap.count());  // K3
    }
    failed_attempt(e, death::attempts, delay);
}

void engine::failed_attempt(std::uint32_t e, death why, std::optional<ticks> delay) {
    auto& one = entries_[e];
    if (one.attempts < 0xFFFF) ++one.attempts;
    if (rules_.max_attempts != unlimited_attempts && one.attempts >= rules_.max_attempts) {
        die(e, why, {});
        return;
    }
    if (one.expiry <= qt_) {
        expire(e);
        return;
    }
    make_delayed(e, qt_ + (delay ? *delay : back_off(one.attempts)));
    touched(e);
}

/// T8
ticks engine::back_off(std::uint32_t attempts) {
    const auto& rule = rules_.retry;
    if (rule.first.count() == 0) return 0;  // else 0 times infinity, in the end
    const auto cap = static_cast<double>(rule.cap.count());
    const auto plain = static_cast<double>(rule.first.count()) * std::pow(rule.factor, attempts - 1);
    const auto jitter = std::uniform_real_distribution<double>{-rule.jitter, rule.jitter}(random_);
    return static_cast<ticks>(std::min(cap, plain) * (1 + jitter));
}

/// Rows 15 and 16. What is remembered of it allows a late ack (row 11) and, after a lease end, bars its
/// holder (D3).
void engine::lost(std::uint32_t e, bool lease_end, bool remember) {
    auto& one = entries_[e];
    // Nobody has seen it, or nobody but who looks at no message (C1).
    if (one.held_back || holders_.find(one.holder)->pure) return release(e);
    ++counts_.lost;
    if (one.losses < 0xFFFF) ++one.losses;
    one.lost = true;
    one.releases = 0;
    if (remember) {
        auto& h = *holders_.find(one.holder);
        h.lost[one.d] = {e, lease_end};
        if (lease_end) ++h.barring;
    }
    if (one.sole) {
        ++counts_.lost_sole;
        failed_attempt(e, death::lost, {});
        return;
    }
    one.suspect = true;
    come_back(e);
    if (one.is == state::ready) touched(e);
}

/// Row 11: counts if nobody has had the message since, and nothing of its key comes before it.
bool engine::late_ack(const lost_delivery& what, std::uint64_t d) {
    auto& one = entries_[what.entry];
    if (one.d != d || !one.lost || (one.is != state::ready && one.is != state::delayed)) return false;
    // What is back and not first of its line can only be the rest of a run (K6, later).
    if (one.line != none && lines_[one.line].head != what.entry) return false;
    ++counts_.late_acks;
    leave_heaps(what.entry);
    one.is = state::free;
    ack(what.entry);
    return true;
}

}  // namespace leat::detail::queueing
