// Consumers: how they come, resume, stay and go (row 22, W6, K7).

#include <leat/queue/detail/engine.hpp>

#include <algorithm>
#include <iterator>
#include <vector>

namespace leat::detail::queueing {
namespace {

/// In order, without overlaps, without what is empty.
std::vector<number_range> tidy(std::span<const number_range> ranges) {
    std::vector<number_range> all;
    for (const auto& r : ranges) {
        if (r.first > 0 && r.first <= r.last) all.push_back(r);
    }
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::size_t n = 0;
    for (const auto& r : all) {
        if (n > 0 && r.first <= all[n - 1].last) {
            all[n - 1].last = std::max(all[n - 1].last, r.last);
        } else {
            all[n++] = r;
        }
    }
    all.resize(n);
    return all;
}

bool among(const std::vector<number_range>& tidied, std::uint64_t d) {
    const auto after = std::upper_bound(tidied.begin(), tidied.end(), d,
                                        [](std::uint64_t n, const number_range& r) { return n < r.first; });
    return after != tidied.begin() && d <= std::prev(after)->last;
}

/// What is in the ranges but not among `kept`, which is ascending.
std::vector<number_range> without(const std::vector<number_range>& tidied,
                                  const std::vector<std::uint64_t>& kept) {
    std::vector<number_range> rest;
    auto next = kept.begin();
    for (const auto& r : tidied) {
        auto from = r.first;
        for (; next != kept.end() && *next <= r.last; ++next) {
            if (from < *next) rest.push_back({from, *next - 1});
            from = *next + 1;
        }
        if (from <= r.last) rest.push_back({from, r.last});
    }
    return rest;
}

}  // namespace

std::uint32_t engine::find(const id128& consumer) {
    const auto* h = holders_.find(consumer);
    return h == nullptr ? none : h->handle;
}

hello_result engine::hello(const id128& consumer, std::span<const number_range> keeps, bool here, bool pure) {
    hello_result result;
    const auto named = tidy(keeps);
    std::vector<std::uint64_t> kept;
    auto* h = holders_.find(consumer);
    if ((h == nullptr || !h->live) && holders_.live().size() >= rules_.sessions) return result;
    if (h == nullptr) {
        h = &holders_.add(consumer, qt_ - stalled_);
        h->standby = rules_.exclusive;
    } else {
        if (!h->live) {
            holders_.revive(*h, qt_ - stalled_);
            h->standby = rules_.exclusive;
        }
        // W6: what it does not name never arrived.
        for (auto e = h->all.front(); e != none;) {
            const auto next = entries_[e].held_next;
            if (among(named, entries_[e].d)) {
                kept.push_back(entries_[e].d);
            } else {
                take_from_holder(e);
                release(e);
            }
            e = next;
        }
        // D3: it is not barred any more. Row 11 holds for what nobody has had since.
        for (auto l = h->lost.begin(); l != h->lost.end();) {
            const auto& one = entries_[l->second.entry];
            l->second.lease_end = false;
            l = one.d == l->first && one.lost ? std::next(l) : h->lost.erase(l);
        }
        h->barring = 0;
        h->granted_messages = h->granted_bytes = h->given_messages = h->given_bytes = 0;
        if (drained_ == h) stop_draining();
        holders_.hear(*h, qt_ - stalled_);
    }
    h->here = here && !pure && !store_.immediate();
    h->pure = pure;
    h->held_back = h->recording = false;
    result.gone = without(named, kept);
    holders_.update(*h);
    choose_active();
    result.holder = h->handle;
    result.standby = h->standby;
    return result;
}

void engine::grant(std::uint32_t handle, std::uint64_t messages, std::uint64_t bytes) {
    auto* h = holders_.find(handle);
    if (h == nullptr || !h->live) return;
    h->granted_messages = std::max(h->granted_messages, messages);
    h->granted_bytes = std::max(h->granted_bytes, bytes);
    holders_.update(*h);
}

void engine::heard(std::uint32_t handle) {
    auto* h = holders_.find(handle);
    if (h != nullptr && h->live) holders_.hear(*h, qt_ - stalled_);
}

void engine::extend(std::uint32_t handle, std::span<const number_range> except) {
    auto* h = holders_.find(handle);
    if (h == nullptr || !h->live) return;
    const auto left_out = tidy(except);
    for (auto e = h->all.front(); e != none; e = entries_[e].held_next) {
        if (among(left_out, entries_[e].d)) continue;
        leases_.erase(entries_, e);
        entries_[e].when = qt_ - stalled_;
        leases_.push_back(entries_, e);
    }
}

void engine::bye(std::uint32_t handle) {
    auto* h = holders_.find(handle);
    if (h == nullptr) return;
    for (auto e = h->all.front(); e != none;) {
        const auto next = entries_[e].held_next;
        take_from_holder(e);
        release(e);
        e = next;
    }
    if (drained_ == h) stop_draining();
    if (active_ == h) active_ = nullptr;
    holders_.forget(*h);
    choose_active();
}

void engine::lose(std::uint32_t handle) {
    if (auto* h = holders_.find(handle); h != nullptr && h->live) lose(*h);
}

/// Its session has ended without a word: all it holds is lost, and its state stays one more lease (W6), if
/// there is anything of which a late ack may come. As many as may live are kept so.
void engine::lose(holder& h) {
    if (drained_ == &h) stop_draining();
    if (active_ == &h) active_ = nullptr;
    holders_.lose(h, qt_ - stalled_ + rules_.lease.count());
    for (auto e = h.all.front(); e != none;) {
        const auto next = entries_[e].held_next;
        take_from_holder(e);
        lost(e, false, true);
        e = next;
    }
    if (h.lost.empty()) {
        holders_.forget(h);
    } else if (holders_.lost().size() > rules_.sessions) {
        holders_.forget(holders_[holders_.lost().front()]);
    }
    choose_active();
}

/// K7: the first by HELLO that is not barred is active, once all that another one held has come back.
void engine::choose_active() {
    if (!rules_.exclusive || active_ != nullptr) return;
    holder* first = nullptr;
    for (const auto i : holders_.live()) {
        auto& h = holders_[i];
        if (first == nullptr || h.order < first->order) first = &h;
    }
    if (first == nullptr || in_flight_ > 0) return;
    active_ = first;
    first->standby = false;
    holders_.update(*first);
    sink_->consumer_active(first->handle);
}

}  // namespace leat::detail::queueing
